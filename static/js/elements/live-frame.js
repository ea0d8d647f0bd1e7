/** `<live-frame>`: the newest camera picture with what the detectors found drawn over it. */
import { h, icon, setText } from "../lib/dom.js";
import { timeOfDay } from "../lib/format.js";

/** @typedef {{x: number, y: number, width: number, height: number, label: string, confidence: number}} Box */

const CONDUCT_LABELS = new Set(["phone", "cell phone", "book", "laptop", "screen", "other"]);

const GAZES = new Set(["center", "left", "right", "up", "down"]);

export class LiveFrame extends HTMLElement {
  connectedCallback() {
    if (this.image) return;
    this.image = /** @type {HTMLImageElement} */ (h("img", { alt: "Live camera picture", hidden: true }));
    this.words = h("p", {}, "Waiting for the first picture…");
    this.empty = h("div", { class: "frame__empty" }, icon("camera"), this.words);
    this.stale = h("span", { class: "frame__stale", hidden: true });
    this.boxes = h("div", { "aria-hidden": "true" });
    this.gaze = h("div", { class: "gaze", "aria-hidden": "true", hidden: true });
    this.append(this.image, this.empty, this.boxes, this.gaze, this.stale);
    this.image.addEventListener("load", () => this.fit());
  }

  /**
   * @param {string | null} jpegBase64
   * @param {Box[]} boxes
   * @param {boolean} isLive
   * @param {string} at ISO instant of the update
   * @param {string} [direction] where the eyes go, as seen in the picture
   */
  show(jpegBase64, boxes, isLive, at, direction = "") {
    if (!this.image || !this.empty || !this.stale) return;
    if (jpegBase64) {
      this.image.src = `data:image/jpeg;base64,${jpegBase64}`;
      this.image.hidden = false;
      this.empty.hidden = true;
    }
    this.draw(boxes);
    this.drawGaze(boxes, direction);
    this.stale.hidden = isLive || this.image.hidden;
    if (!isLive) setText(this.stale, `Last picture, seen ${timeOfDay(at)}`);
  }

  /** @param {string} words shown instead of a picture */
  showEmpty(words) {
    if (!this.image || !this.empty || !this.words) return;
    this.image.hidden = true;
    this.boxes?.replaceChildren();
    this.empty.hidden = false;
    setText(this.words, words);
  }

  fit() {
    const { naturalWidth, naturalHeight } = /** @type {HTMLImageElement} */ (this.image);
    const ratio = `${naturalWidth} / ${naturalHeight}`;
    if (naturalWidth && this.style.aspectRatio !== ratio) this.style.aspectRatio = ratio;
  }

  /** @param {Box[]} boxes in shares of the picture */
  draw(boxes) {
    this.boxes?.replaceChildren(...boxes.map((box) => this.build(box)));
  }

  /**
   * An arrow from the eyes of the largest face; a dot when they are on the screen.
   * @param {Box[]} boxes
   * @param {string} direction
   */
  drawGaze(boxes, direction) {
    const faces = boxes.filter(({ label }) => label === "face");
    const face = faces.sort((a, b) => b.width - a.width)[0];
    const gaze = /** @type {HTMLElement} */ (this.gaze);
    gaze.hidden = !face || !GAZES.has(direction);
    if (!face) return;
    gaze.dataset.direction = direction;
    gaze.style.left = `${(face.x + face.width / 2) * 100}%`;
    gaze.style.top = `${(face.y + face.height * 0.42) * 100}%`;
    gaze.style.width = `${face.width * 70}%`;
  }

  /** @param {Box} box */
  build(box) {
    const label = h("span", { class: "box__label" }, `${box.label} ${Math.round(box.confidence * 100)}`);
    const element = h("div", { class: "box" }, label);
    const tone = CONDUCT_LABELS.has(box.label) ? "conduct" : box.label === "face" ? "good" : "neutral";
    element.dataset.tone = tone;
    if (box.y < 0.06) element.dataset.label = "inside";
    element.style.left = `${box.x * 100}%`;
    element.style.top = `${box.y * 100}%`;
    element.style.width = `${box.width * 100}%`;
    element.style.height = `${box.height * 100}%`;
    return element;
  }
}

customElements.define("live-frame", LiveFrame);
