/** What several steps of check-in look like: a mirror, a bar, a row of buttons, a live sentence. */
import { h, icon } from "../../lib/dom.js";
import { percent, t } from "../../lib/language.js";

/**
 * The student's own picture, mirrored, with an oval to put the face into.
 * @param {MediaStream | null} stream
 * @param {{hasOval?: boolean}} [options]
 */
export function mirror(stream, { hasOval = false } = {}) {
  const video = /** @type {HTMLVideoElement} */ (
    h("video", { muted: true, autoplay: true, playsinline: true, "aria-label": t("Your camera picture") })
  );
  video.muted = true;
  video.srcObject = stream;
  video.play().catch(() => {});
  const oval = hasOval ? h("div", { class: "preview__oval", "aria-hidden": "true" }) : null;
  return h("div", { class: "preview" }, video, oval);
}

/** A bar whose share is told in words too. */
export class Bar {
  /** @param {string} label */
  constructor(label) {
    this.bar = /** @type {HTMLProgressElement} */ (
      h("progress", { class: "bar", max: "1", value: "0", "aria-label": label })
    );
    this.words = h("span", { class: "number small soft", "aria-hidden": "true" }, percent(0));
    this.element = h("div", { class: "bar__row" }, this.bar, this.words);
  }

  /** @param {number} share 0..1 */
  set(share) {
    this.bar.value = share;
    this.words.textContent = percent(share);
  }
}

/** A sentence that is read out when it changes. */
export class Saying {
  constructor() {
    this.sign = h("span", { class: "saying__sign" });
    this.words = h("span", {});
    this.element = h("div", { class: "saying", role: "status" }, this.sign, this.words);
    this.tone = "";
  }

  /**
   * @param {string} text
   * @param {"good" | "todo" | "wait"} [tone]
   */
  say(text, tone = "todo") {
    if (this.words.textContent !== text) this.words.textContent = text;
    if (this.tone === tone) return;
    this.tone = tone;
    this.element.dataset.tone = tone;
    this.sign.replaceChildren(icon(tone === "good" ? "check-circle" : tone === "wait" ? "clock" : "info"));
  }
}

/**
 * @param {string} label
 * @param {() => unknown} run
 * @param {{isPrimary?: boolean}} [options]
 */
export function button(label, run, { isPrimary = false } = {}) {
  const kind = isPrimary ? "button button--primary button--large" : "button";
  const element = h("button", { type: "button", class: kind }, label);
  element.addEventListener("click", () => {
    if (element.getAttribute("aria-disabled") !== "true") run();
  });
  return element;
}

/**
 * A button that is not ready stays reachable, so that nobody loses the focus.
 * @param {HTMLElement} element
 * @param {boolean} isReady
 */
export function setReady(element, isReady) {
  element.setAttribute("aria-disabled", String(!isReady));
}

/** @param {...(HTMLElement | null)} buttons */
export const actions = (...buttons) => h("div", { class: "checkin__actions" }, ...buttons);

/**
 * @param {string} title
 * @param {string} [remedy]
 */
export function problem(title, remedy = "") {
  return h(
    "div",
    { class: "notice notice--technical", role: "alert" },
    icon("alert"),
    h("div", {}, h("strong", {}, title), remedy),
  );
}
