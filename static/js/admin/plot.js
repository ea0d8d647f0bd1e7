/** Risk and focus over time with the violations marked, drawn by uPlot. */
import uPlot from "../../vendor/uPlot.esm.js";
import { role, setText } from "../lib/dom.js";
import { duration } from "../lib/format.js";

const HEIGHT_PX = 180;
/** An hour at one point a second. */
const MOST_POINTS = 3600;
/** Seconds between the lines of the time axis: what people count in. */
const STEPS_S = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

export class SessionPlot {
  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.panel = panel;
    this.place = role(panel, "plot");
    /** @type {[number[], number[], number[]]} */
    this.data = [[], [], []];
    /** @type {import("./session-state.js").Violation[]} */
    this.violations = [];
    /** @type {uPlot | null} */
    this.plot = null;
    this.markKey = "";
    new ResizeObserver(() =>
      this.plot?.setSize({ width: this.place.clientWidth, height: HEIGHT_PX }),
    ).observe(this.place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.build());
  }

  /**
   * What was before this page was opened.
   * @param {[number, number, number | null][]} points second, risk, focus
   */
  seed(points) {
    const [times, risks, focuses] = this.data;
    const known = points.filter(([atS]) => times.length === 0 || atS < times[0]);
    times.unshift(...known.map(([atS]) => atS));
    risks.unshift(...known.map(([, risk]) => risk));
    focuses.unshift(.../** @type {number[]} */ (known.map(([, , focus]) => focus)));
    if (known.length === 0) return;
    this.panel.hidden = false;
    if (this.plot) this.plot.setData(this.data);
    else this.build();
  }

  /** @param {import("./session-state.js").Violation[]} violations drawn as marks over the lines */
  mark(violations) {
    const key = violations.map(({ violation_id, end_s }) => `${violation_id}:${end_s}`).join();
    if (key === this.markKey) return;
    this.markKey = key;
    this.violations = violations;
    this.plot?.redraw();
  }

  /** @param {uPlot} plot */
  drawMarks(plot) {
    const { ctx, bbox } = plot;
    const style = getComputedStyle(this.place);
    ctx.save();
    ctx.fillStyle = style.getPropertyValue("--conduct").trim();
    for (const { start_s: startS, end_s: endS } of this.violations) {
      const left = plot.valToPos(startS, "x", true);
      const right = plot.valToPos(endS ?? startS, "x", true);
      if (right < bbox.left || left > bbox.left + bbox.width) continue;
      ctx.globalAlpha = 0.14;
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
      ctx.globalAlpha = 1;
      ctx.fillRect(left, bbox.top, Math.max(3, right - left), 4);
    }
    ctx.restore();
  }

  /**
   * @param {number} atS
   * @param {number} risk
   * @param {number} focus 0..100
   */
  add(atS, risk, focus) {
    const [times] = this.data;
    if (times.length > 0 && atS <= times[times.length - 1]) return;
    [atS, risk, focus].forEach((value, index) => {
      this.data[index].push(value);
      if (this.data[index].length > MOST_POINTS) this.data[index].shift();
    });
    setText(role(this.panel, "plot-risk"), Math.round(risk));
    setText(role(this.panel, "plot-focus"), Math.round(focus));
    this.panel.hidden = false;
    if (this.plot) this.plot.setData(this.data);
    else this.build();
  }

  /** @param {string} state of a session that is not running: a plot that never grows is noise */
  showRest(state) {
    this.panel.hidden = state !== "running" && this.data[0].length === 0;
  }

  build() {
    if (this.data[0].length === 0 || this.place.clientWidth === 0) return;
    this.plot?.destroy();
    const style = getComputedStyle(this.place);
    const token = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const axis = { stroke: token("--ink-soft"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false } };
    this.plot = new uPlot(
      {
        width: this.place.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        hooks: { draw: [(/** @type {uPlot} */ plot) => this.drawMarks(plot)] },
        scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(100, max)] } },
        axes: [{ ...axis, size: 32, incrs: STEPS_S, values: (_, ticks) => ticks.map(duration) }, { ...axis, size: 40 }],
        series: [
          {},
          { label: "Risk", stroke: token("--conduct"), width: 2, points: { show: false } },
          { label: "Focus", stroke: token("--accent"), width: 2, dash: [6, 4], points: { show: false } },
        ],
      },
      this.data,
      this.place,
    );
  }
}
