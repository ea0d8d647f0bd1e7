/** The last word of a page: why it goes no further, and what can be done next. */
import { one, role, setText } from "../lib/dom.js";

/** @typedef {{label: string, run: () => void}} Way */

export class ClosingView {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.again = one(root, '[data-action="again"]');
    this.other = one(root, '[data-action="other"]');
    this.result = one(root, '[data-action="result"]');
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {{icon?: string, tone?: string, again?: Way, other?: Way}} [options]
   */
  show(title, text, { icon = "check-circle", tone = "good", again, other } = {}) {
    setText(role(this.root, "closing-title"), title);
    setText(role(this.root, "closing-text"), text);
    this.root.querySelector('[data-role="closing-icon"]')?.setAttribute("href", `#icon-${icon}`);
    this.root.dataset.tone = tone;
    this.result.hidden = true;
    offer(this.again, again);
    offer(this.other, other);
  }

  /** @param {() => void} run */
  offerResult(run) {
    this.result.hidden = false;
    this.result.onclick = run;
  }
}

/**
 * @param {HTMLElement} button
 * @param {Way} [way]
 */
function offer(button, way) {
  button.hidden = !way;
  setText(button, way?.label ?? "");
  button.onclick = way?.run ?? null;
}
