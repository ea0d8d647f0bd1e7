/** Who the student is: what they typed, or the token they came with. Pure except for storage. */

import { t } from "../lib/language.js";

const ID_SHAPE = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;
const STORAGE_KEY = "candor.session";

/**
 * @param {string} value
 * @param {string} name what the field is called
 * @returns {string} what is wrong, or ""
 */
export function idProblem(value, name) {
  if (!value) return t("Type your {name}.", { name });
  if (!ID_SHAPE.test(value) || value.includes("..")) {
    return t("The {name} has letters, digits and . _ @ + - only, at most 64, and starts with a letter or digit.", { name });
  }
  return "";
}

/**
 * The token of a join link, which is kept out of requests by standing behind the #.
 * @param {string} hash
 * @returns {string} the token or ""
 */
export function tokenOf(hash) {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token") ?? "";
}

/**
 * @typedef {{token: string, userId: string, examId: string, hasStarted: boolean,
 *   sessionId?: string}} Held
 */

/** Keeps a session's token for this tab, so that a reload goes on. */
export class Keeper {
  /** @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} storage */
  constructor(storage) {
    this.storage = storage;
  }

  /** @returns {Held | null} */
  read() {
    try {
      const held = JSON.parse(this.storage.getItem(STORAGE_KEY) ?? "null");
      return held && typeof held.token === "string" && held.token ? held : null;
    } catch {
      return null;
    }
  }

  /** @param {Held} held */
  keep(held) {
    this.storage.setItem(STORAGE_KEY, JSON.stringify(held));
  }

  forget() {
    this.storage.removeItem(STORAGE_KEY);
  }
}
