/** `<score-ring>`: an interval's score against the threshold, and how far the interval is. */
import { h, icon, s, setText } from "../lib/dom.js";
import { points } from "../lib/format.js";

const RADIUS = 18;
const TIME_RADIUS = 21;
const SIZE = 44;

export class ScoreRing extends HTMLElement {
  connectedCallback() {
    if (this.value) return;
    const middle = SIZE / 2;
    const svg = s("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true" });
    const circle = (/** @type {string} */ name, /** @type {number} */ r) =>
      s("circle", { class: name, cx: middle, cy: middle, r, pathLength: 100 });
    this.value = circle("ring__value", RADIUS);
    this.time = circle("ring__time", TIME_RADIUS);
    for (const ring of [this.value, this.time]) ring.setAttribute("stroke-dasharray", "100 100");
    svg.append(circle("ring__track", RADIUS), this.value);
    if (this.hasAttribute("data-large")) svg.append(this.time);
    this.number = h("span", { class: "ring__number" }, "–");
    this.label = h("span", { class: "ring__label" });
    const sign = icon("flag");
    sign.setAttribute("class", "icon ring__sign");
    this.append(svg, h("span", { class: "ring__words" }, this.number, this.label, sign));
    this.show({ score: null, threshold: 10 });
  }

  /**
   * @param {object} state
   * @param {number | null} state.score
   * @param {number} state.threshold
   * @param {boolean} [state.isFlagged]
   * @param {number} [state.elapsed] share of the interval that has passed
   */
  show({ score, threshold, isFlagged = false, elapsed = 0 }) {
    if (!this.value || !this.number || !this.label || !this.time) return;
    const share = score === null ? 0 : Math.min(1, score / threshold);
    const flagged = isFlagged || share >= 1;
    setText(this.number, score === null ? "–" : points(score));
    setText(this.label, flagged ? "flagged" : `of ${points(threshold)}`);
    // A round cap would show as a dot at zero.
    /** @type {SVGElement} */ (this.value).style.visibility = share > 0 ? "visible" : "hidden";
    this.value.setAttribute("stroke-dashoffset", String(100 - 100 * share));
    /** @type {SVGElement} */ (this.time).style.visibility = elapsed > 0 ? "visible" : "hidden";
    this.time.setAttribute("stroke-dashoffset", String(100 - 100 * Math.min(1, elapsed)));
    this.dataset.flagged = String(flagged);
  }
}

customElements.define("score-ring", ScoreRing);
