/** The timeline beside a clip: its violations, the flagged interval, the flag, the playhead. */
import { h, s } from "../lib/dom.js";
import { duration } from "../lib/format.js";
import { ruleLabel } from "../lib/words.js";

const LANE_PX = 22;
const AXIS_PX = 20;
const LABELS_PX = 108;
const NARROW_PX = 92;

/**
 * @typedef {{violation_id: string, rule: string, start_s: number, end_s: number | null,
 *   points: number, sentence: string, confidence: number}} Reason
 * @typedef {{from_s: number, to_s: number, trigger_s: number, start_s: number, end_s: number,
 *   reasons: Reason[]}} Stretch
 */

export class ClipTrack {
  /** @param {(atS: number) => void} jump gets seconds of the clip */
  constructor(jump) {
    this.jump = jump;
    /** @type {Stretch | null} */
    this.stretch = null;
    this.picture = h("div", { class: "track__picture" });
    this.element = h("div", { class: "track" }, this.picture);
    new ResizeObserver(() => this.draw()).observe(this.element);
    this.picture.addEventListener("click", (event) => this.click(event));
  }

  /** @param {Stretch} stretch */
  show(stretch) {
    this.stretch = stretch;
    this.draw();
  }

  /** @param {HTMLVideoElement | null} video */
  follow(video) {
    video?.addEventListener("timeupdate", () => this.move(video.currentTime));
    video?.addEventListener("seeked", () => this.move(video.currentTime));
  }

  /** @param {number} atS of the session */
  x(atS) {
    const { from_s, to_s } = /** @type {Stretch} */ (this.stretch);
    return this.left + ((atS - from_s) / Math.max(1, to_s - from_s)) * this.inner;
  }

  draw() {
    const { stretch } = this;
    const width = this.element.clientWidth;
    if (!stretch || width < 60) return;
    this.left = width < 420 ? NARROW_PX : LABELS_PX;
    this.inner = width - this.left - 6;
    const rules = [...new Set(stretch.reasons.map((reason) => reason.rule))];
    const height = Math.max(1, rules.length) * LANE_PX + AXIS_PX + 6;
    const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
    const clamp = (/** @type {number} */ atS) => Math.min(Math.max(atS, stretch.from_s), stretch.to_s);
    const [start, end] = [this.x(clamp(stretch.start_s)), this.x(clamp(stretch.end_s))];
    svg.append(
      s("rect", { class: "track__interval", x: start, y: 0, width: end - start, height: height - AXIS_PX }),
    );
    rules.forEach((rule, lane) => {
      const middle = 4 + lane * LANE_PX + LANE_PX / 2;
      svg.append(
        words(this.left - 8, middle + 4, ruleLabel(rule), "end"),
        s("line", { class: "tl-grid", x1: this.left, x2: this.left + this.inner, y1: middle, y2: middle }),
      );
      for (const reason of stretch.reasons.filter((each) => each.rule === rule)) {
        const left = this.x(clamp(reason.start_s));
        const right = this.x(clamp(reason.end_s ?? stretch.to_s));
        svg.append(
          s("rect", {
            class: "tl-episode",
            x: left,
            y: middle - 5,
            width: Math.max(4, right - left),
            height: 10,
            rx: 2,
          }),
        );
      }
    });
    const axis = height - 4;
    svg.append(words(this.left, axis, duration(stretch.from_s), "start"));
    svg.append(words(this.left + this.inner, axis, duration(stretch.to_s), "end"));
    const trigger = this.x(clamp(stretch.trigger_s));
    svg.append(
      s("line", { class: "track__flag", x1: trigger, x2: trigger, y1: 0, y2: height - AXIS_PX }),
      words(Math.min(Math.max(trigger, this.left + 46), this.left + this.inner - 46), axis, "flag", "middle"),
    );
    this.head = s("line", { class: "track__head", x1: 0, x2: 0, y1: 0, y2: height - AXIS_PX });
    svg.append(this.head);
    this.picture.replaceChildren(svg);
    this.move(this.atS ?? 0);
  }

  /** @param {number} atS of the clip */
  move(atS) {
    this.atS = atS;
    if (!this.head || !this.stretch) return;
    const x = String(this.x(this.stretch.from_s + atS));
    this.head.setAttribute("x1", x);
    this.head.setAttribute("x2", x);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const { stretch } = this;
    if (!stretch || !this.inner) return;
    const at = event.clientX - this.picture.getBoundingClientRect().left - (this.left ?? 0);
    const share = Math.min(1, Math.max(0, at / this.inner));
    this.jump(share * (stretch.to_s - stretch.from_s));
  }

  left = LABELS_PX;
  inner = 0;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {string} anchor
 */
function words(x, y, text, anchor) {
  const element = s("text", { class: "tl-text", x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
}
