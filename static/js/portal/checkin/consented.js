/** The words a student agrees to before a picture of check-in is kept, as the server has them. */
import { h } from "../../lib/dom.js";
import { getJson } from "../../lib/http.js";

/** @typedef {{version: string, is_kept: boolean, paragraphs: string[]}} PictureConsent */

/**
 * @param {"document" | "room"} kind
 * @param {string} token
 * @returns {Promise<PictureConsent>}
 */
export const readConsent = (kind, token) => getJson(`/api/my/check-in/consent/${kind}`, { token });

/** @param {PictureConsent} consent */
export const consentWords = (consent) => consent.paragraphs.map((words) => h("p", {}, words));
