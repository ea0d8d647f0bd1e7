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

/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Keeps */

/**
 * Keeps a session's token: for this tab, so that a reload goes on, and once it runs for this
 * browser, so that the student comes back after a crash. Both are gone with the session.
 */
export class Keeper {
  /**
   * @param {Keeps} tab
   * @param {Keeps} browser
   */
  constructor(tab, browser) {
    this.tab = tab;
    this.browser = browser;
  }

  /** What this tab holds. */
  read() {
    return heldIn(this.tab);
  }

  /** What another tab of this browser held, which may be gone. */
  remembered() {
    return heldIn(this.browser);
  }

  /** @param {Held} held */
  keep(held) {
    const text = JSON.stringify(held);
    this.tab.setItem(STORAGE_KEY, text);
    try {
      if (held.hasStarted) this.browser.setItem(STORAGE_KEY, text);
    } catch {
      // A full storage costs the way back after a crash, not the exam.
    }
  }

  /** Another session begins in this tab. */
  leave() {
    this.tab.removeItem(STORAGE_KEY);
  }

  /** The session is over, or no longer open to this browser. */
  forget() {
    const held = this.read();
    const kept = this.remembered();
    this.leave();
    if (!held || !kept || held.sessionId === kept.sessionId) this.browser.removeItem(STORAGE_KEY);
  }
}

/**
 * @param {Keeps} storage
 * @returns {Held | null}
 */
function heldIn(storage) {
  try {
    const held = JSON.parse(storage.getItem(STORAGE_KEY) ?? "null");
    return held && typeof held.token === "string" && held.token ? held : null;
  } catch {
    return null;
  }
}
