/**
 * Keys that work a page. They can be switched off, are listed in a dialog, and never act while
 * somebody types or a dialog is open.
 */
import { h, one, role } from "../lib/dom.js";

const STORED = "candor-shortcuts";

/** @typedef {{keys: string[], says: string, run: (event: KeyboardEvent) => void}} Shortcut */

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

export class Shortcuts {
  /** @param {Shortcut[]} shortcuts */
  constructor(shortcuts) {
    this.shortcuts = shortcuts;
    this.dialog = /** @type {HTMLDialogElement} */ (role(document, "keys-dialog"));
    this.toggle = /** @type {HTMLInputElement} */ (role(this.dialog, "keys-on"));
    this.toggle.checked = localStorage.getItem(STORED) !== "off";
    this.toggle.addEventListener("change", () =>
      localStorage.setItem(STORED, this.toggle.checked ? "on" : "off"),
    );
    this.list();
    one(this.dialog, '[data-action="keys-close"]').addEventListener("click", () => this.dialog.close());
    for (const button of document.querySelectorAll('[data-action="keys"]')) {
      button.addEventListener("click", () => this.dialog.showModal());
    }
    document.addEventListener("keydown", (event) => this.hear(event));
  }

  list() {
    role(this.dialog, "keys-list").replaceChildren(
      ...this.shortcuts.map(({ keys, says }) =>
        h("div", {}, h("dt", {}, ...keys.map((key) => h("kbd", {}, key))), h("dd", {}, says)),
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  hear(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") /** @type {HTMLElement} */ (event.target).blur();
      return;
    }
    if (event.key === "?") {
      event.preventDefault();
      this.dialog.showModal();
      return;
    }
    if (!this.toggle.checked) return;
    const found = this.shortcuts.find(({ keys }) => keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found.run(event);
  }
}
