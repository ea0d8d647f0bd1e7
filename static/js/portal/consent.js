/** Shows what an exam records, as the server words it: the receipt keeps the same sentences. */
import { h, icon } from "../lib/dom.js";

/**
 * @typedef {{version: string, legal_basis: string,
 *   paragraphs: {kind: string, title: string, text: string}[]}} Consent
 */

/** @type {Record<string, string>} */
const SIGNS = { camera: "camera", microphone: "microphone", screen: "screen" };

/**
 * @param {HTMLElement} place
 * @param {Consent} consent
 */
export function showConsent(place, { paragraphs }) {
  const taken = paragraphs.filter(({ title }) => title);
  const rest = paragraphs.filter(({ title }) => !title);
  place.replaceChildren(
    h(
      "ul",
      {},
      ...taken.map(({ kind, title, text }) =>
        h("li", {}, icon(SIGNS[kind] ?? "window"), h("span", {}, h("strong", {}, `${title}:`), ` ${text}`)),
      ),
    ),
    ...rest.map(({ text }) => h("p", {}, text)),
  );
}
