/** A board of short notices: each has a key, and nothing is announced twice. */
import { h, icon } from "../lib/dom.js";

/**
 * @typedef {{key: string, tone: "technical" | "conduct" | "good" | "plain", icon: string,
 *   title: string, text?: string, action?: {label: string, run: () => void}}} Notice
 */

export class NoticeBoard {
  /** @param {HTMLElement} element a live region */
  constructor(element) {
    this.element = element;
    /** @type {Map<string, {element: HTMLElement, words: string}>} */
    this.shown = new Map();
  }

  /**
   * Shows exactly these, in this order of arrival.
   * @param {Notice[]} notices
   */
  show(notices) {
    const wanted = new Map(notices.map((notice) => [notice.key, notice]));
    let focused = "";
    for (const [key, { element, words }] of this.shown) {
      const notice = wanted.get(key);
      if (notice && wordsOf(notice) === words) continue;
      if (notice && element.contains(document.activeElement)) focused = key;
      element.remove();
      this.shown.delete(key);
    }
    for (const [key, notice] of wanted) {
      if (this.shown.has(key)) continue;
      const element = build(notice);
      this.shown.set(key, { element, words: wordsOf(notice) });
      this.element.append(element);
    }
    this.shown.get(focused)?.element.querySelector("button")?.focus();
  }
}

/** @param {Notice} notice */
function wordsOf({ title, text, action }) {
  return [title, text, action?.label].join("|");
}

/** @param {Notice} notice */
function build({ tone, icon: sign, title, text, action }) {
  const button = action
    ? h("button", { type: "button", class: "button button--small notice__action", click: action.run }, action.label)
    : null;
  return h(
    "div",
    { class: `notice notice--${tone}` },
    icon(sign),
    h("div", {}, h("strong", {}, title), text ?? null),
    button,
  );
}
