/** `<session-timeline>`: each interval's score as a bar, and below it the violations as they lay. */
import { h, s } from "../lib/dom.js";
import { duration, points } from "../lib/format.js";
import { ruleLabel } from "../lib/words.js";
import { axisSpan, lanesOf, tickStep } from "./timeline-scale.js";

const BARS_PX = 72;
const TOP_PX = 18;
const LANE_PX = 18;
const LEAST_LANES = 3;
const LABELS_PX = 124;
const LABELS_NARROW_PX = 96;
const RIGHT_PX = 8;
const FLAG_PATH = "M0 0v-12h8l-2 3.500 2 3.500h-8";

/**
 * @typedef {{index: number, start_s: number, end_s: number, score: number, is_flagged: boolean,
 *   coverage: Record<string, number>, is_closed: boolean}} Interval
 * @typedef {{violation_id: string, rule: string, start_s: number, end_s: number | null,
 *   points?: number}} Episode
 */

export class SessionTimeline extends HTMLElement {
  /** @type {Interval[]} */
  intervals = [];
  /** @type {Episode[]} */
  episodes = [];
  nowS = 0;
  left = LABELS_PX;
  intervalS = 30;
  threshold = 10;

  connectedCallback() {
    if (this.picture) return;
    this.picture = h("div", { role: "img" });
    const key = (/** @type {string} */ tone, /** @type {string} */ words) =>
      h("li", {}, h("span", { class: "swatch", "data-tone": tone }), words);
    const legend = h(
      "ul",
      { class: "legend" },
      key("", "Score of an interval"),
      key("conduct", "Flagged, or a violation"),
      key("technical", "Not observed"),
    );
    this.append(this.picture, legend);
    new ResizeObserver(() => this.draw()).observe(this);
  }

  /**
   * @param {{intervals: Interval[], episodes: Episode[], nowS: number, intervalS: number,
   *   threshold: number}} state
   */
  show(state) {
    Object.assign(this, state);
    this.draw();
  }

  draw() {
    const width = this.clientWidth;
    if (!this.picture || width < 50) return;
    const spanS = axisSpan(this.nowS, this.intervalS);
    this.left = width < 600 ? LABELS_NARROW_PX : LABELS_PX;
    const inner = width - this.left - RIGHT_PX;
    const x = (/** @type {number} */ atS) => this.left + (atS / spanS) * inner;
    const lanes = lanesOf(this.episodes);
    const height = TOP_PX + BARS_PX + 16 + Math.max(LEAST_LANES, lanes.length) * LANE_PX + 20;
    const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
    this.drawAxis(svg, x, spanS, inner, height);
    this.drawIntervals(svg, x);
    this.drawEpisodes(svg, x, lanes, inner);
    this.picture.replaceChildren(svg);
    this.picture.setAttribute("aria-label", this.summary());
  }

  summary() {
    const flagged = this.intervals.filter((interval) => interval.is_flagged);
    const names = flagged.map(({ start_s, score }) => `${duration(start_s)} with ${points(score)} points`);
    return (
      `${this.intervals.length} intervals, ${flagged.length} flagged` +
      (names.length > 0 ? `: at ${names.join(", at ")}.` : ".") +
      ` ${this.episodes.length} violations.`
    );
  }

  get highest() {
    return Math.max(2 * this.threshold, ...this.intervals.map((interval) => interval.score));
  }

  /** @param {number} score */
  y(score) {
    return TOP_PX + BARS_PX * (1 - score / this.highest);
  }

  /**
   * @param {SVGElement} svg
   * @param {(atS: number) => number} x
   * @param {number} spanS
   * @param {number} inner
   * @param {number} height
   */
  drawAxis(svg, x, spanS, inner, height) {
    const base = TOP_PX + BARS_PX;
    const line = (/** @type {string} */ name, /** @type {number} */ y) =>
      s("line", { class: name, x1: this.left, x2: this.left + inner, y1: y, y2: y });
    svg.append(line("tl-grid", base), line("tl-threshold", this.y(this.threshold)));
    svg.append(text(this.left - 8, this.y(this.threshold) + 4, `Threshold ${points(this.threshold)}`, "end"));
    const step = tickStep(spanS, inner, 56);
    for (let atS = 0; atS <= spanS; atS += step) {
      const anchor = atS === 0 ? "start" : atS + step > spanS ? "end" : "middle";
      svg.append(text(x(atS), height - 4, duration(atS), anchor));
    }
  }

  /**
   * @param {SVGElement} svg
   * @param {(atS: number) => number} x
   */
  drawIntervals(svg, x) {
    const base = TOP_PX + BARS_PX;
    for (const interval of this.intervals) {
      const left = x(interval.start_s) + 1;
      const width = Math.max(1, x(interval.end_s) - left - 1);
      const unseen = interval.is_closed ? 1 - leastCoverage(interval.coverage) : 0;
      if (unseen > 0.05) {
        const height = Math.max(2, 8 * unseen);
        svg.append(s("rect", { class: "tl-unseen", x: left, y: base + 1, width, height }));
      }
      if (interval.score <= 0) continue;
      const top = this.y(interval.score);
      const bar = s("rect", { class: "tl-bar", x: left, y: top, width, height: base - top, rx: 1 });
      bar.setAttribute("data-flagged", String(interval.is_flagged));
      svg.append(bar);
      if (!interval.is_flagged) continue;
      const flag = s("path", { class: "tl-flag", d: FLAG_PATH });
      flag.setAttribute("transform", `translate(${left + width / 2 - 3} ${top - 3})`);
      svg.append(flag);
    }
  }

  /**
   * @param {SVGElement} svg
   * @param {(atS: number) => number} x
   * @param {string[]} lanes
   * @param {number} inner
   */
  drawEpisodes(svg, x, lanes, inner) {
    const top = TOP_PX + BARS_PX + 16;
    lanes.forEach((rule, lane) => {
      const middle = top + lane * LANE_PX + LANE_PX / 2;
      svg.append(text(this.left - 8, middle + 4, ruleLabel(rule), "end"));
      svg.append(
        s("line", { class: "tl-grid", x1: this.left, x2: this.left + inner, y1: middle, y2: middle }),
      );
    });
    for (const episode of this.episodes) {
      const left = x(episode.start_s);
      const mark = s("rect", {
        class: "tl-episode",
        x: left,
        y: top + lanes.indexOf(episode.rule) * LANE_PX + 4,
        width: Math.max(4, x(episode.end_s ?? this.nowS) - left),
        height: LANE_PX - 8,
        rx: 2,
      });
      mark.setAttribute("data-free", String(episode.points === 0));
      const title = s("title");
      title.textContent = `${ruleLabel(episode.rule)}, ${duration(episode.start_s)}`;
      mark.append(title);
      svg.append(mark);
    }
  }
}

/** @param {Record<string, number>} coverage */
function leastCoverage(coverage) {
  const face = coverage.face ?? coverage.camera;
  return face ?? 1;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {"start" | "middle" | "end"} anchor
 */
function text(x, y, words, anchor) {
  const element = s("text", { class: "tl-text", x, y, "text-anchor": anchor });
  element.textContent = words;
  return element;
}

customElements.define("session-timeline", SessionTimeline);
