/** Confirm rates as a plot and a table: by rule with points that would fit, by detector, by exam. */
import uPlot from "../../vendor/uPlot.esm.js";
import { h, role, setText } from "../lib/dom.js";
import { percent, points } from "../lib/format.js";
import { getJson } from "../lib/http.js";
import { detectorLabel, ruleLabel } from "../lib/words.js";

const HEIGHT_PX = 220;
const Z = 1.96;

/**
 * @typedef {{name: string, flags: number, decided: number, confirmed: number, rate: number | null,
 *   low: number, high: number, points: number | null, suggested: number | null, says: string}} Rate
 * @typedef {{exam_id: string, confirmed: number, dismissed: number, unclear: number}} ExamCount
 */

export class Rates {
  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.panel = panel;
    this.by = "rules";
    this.place = role(panel, "rates-plot");
    this.choice = /** @type {HTMLSelectElement} */ (role(panel, "rates-exam"));
    /** @type {{enough: number, rules: Rate[], detectors: Rate[], exams: ExamCount[]}} */
    this.rates = { enough: 0, rules: [], detectors: [], exams: [] };
    /** @type {uPlot | null} */
    this.plot = null;
    this.choice.addEventListener("change", () => this.load());
    for (const button of panel.querySelectorAll("[data-by]")) {
      button.addEventListener("click", () => {
        this.by = button.getAttribute("data-by") ?? "rules";
        this.show();
      });
    }
    new ResizeObserver(() => this.plot?.setSize({ width: this.place.clientWidth, height: HEIGHT_PX })).observe(
      this.place,
    );
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show());
  }

  /** @param {string[]} examIds */
  async begin(examIds) {
    this.choice.append(...examIds.map((id) => h("option", { value: id }, id)));
    this.panel.hidden = false;
    await this.load();
  }

  async load() {
    const id = this.choice.value;
    this.rates = await getJson(id ? `/api/exam/${encodeURIComponent(id)}/review/rates` : "/api/review/rates");
    this.show();
  }

  /** @returns {Rate[]} */
  get rows() {
    if (this.by === "exams") return this.rates.exams.map(ofExam);
    return this.by === "rules" ? this.rates.rules : this.rates.detectors;
  }

  /** @param {string} name */
  label(name) {
    return this.by === "rules" ? ruleLabel(name) : this.by === "detectors" ? detectorLabel(name) : name;
  }

  show() {
    for (const button of this.panel.querySelectorAll("[data-by]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-by") === this.by));
    }
    const { rows } = this;
    const decided = this.rates.exams.reduce((sum, each) => sum + each.confirmed + each.dismissed, 0);
    role(this.panel, "rates-empty").hidden = decided > 0;
    role(this.panel, "rates-body").hidden = decided === 0;
    if (decided === 0) return;
    this.showTable(rows);
    this.showPlot(rows);
    setText(
      role(this.panel, "rates-note"),
      this.by === "exams"
        ? "Flags of which nobody could tell do not count."
        : `A flag counts for each of its ${this.by} by its share of the points. Points are suggested from ${this.rates.enough} decided flags on, when the difference is more than chance.`,
    );
  }

  /** @param {Rate[]} rows */
  showTable(rows) {
    const isRule = this.by === "rules";
    const heads = [{ rules: "Rule", detectors: "Detector", exams: "Exam" }[this.by] ?? "", "Flags", "Confirmed"];
    if (isRule) heads.push("Points", "Would fit");
    if (this.by !== "exams") heads.push("What can be told");
    const body = rows.map((row) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, this.label(row.name)),
        h("td", { class: "number" }, row.flags),
        h("td", { class: "number" }, row.rate === null ? "–" : percent(row.rate)),
        ...(isRule
          ? [
              h("td", { class: "number" }, row.points === null ? "–" : points(row.points)),
              h("td", { class: "number" }, row.suggested === null ? "–" : h("strong", {}, points(row.suggested))),
            ]
          : []),
        ...(this.by === "exams" ? [] : [h("td", {}, row.says)]),
      ),
    );
    role(this.panel, "rates-table").replaceChildren(
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...body),
    );
  }

  /** @param {Rate[]} rows */
  showPlot(rows) {
    this.plot?.destroy();
    this.plot = null;
    if (rows.length === 0 || this.place.clientWidth === 0) return;
    const style = getComputedStyle(this.place);
    const token = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const numbers = rows.map((_, index) => index);
    const axis = { stroke: token("--ink-soft"), grid: { show: false }, ticks: { show: false } };
    const confirmed = this.rates.exams.reduce((sum, each) => sum + each.confirmed, 0);
    const decided = this.rates.exams.reduce((sum, each) => sum + each.confirmed + each.dismissed, 0);
    const marks = {
      line: token("--line-strong"),
      dot: token("--accent"),
      overall: decided > 0 ? confirmed / decided : 0,
    };
    this.plot = new uPlot(
      {
        width: this.place.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false, range: () => [-0.5, rows.length - 0.5] }, y: { range: () => [0, 1] } },
        axes: [
          {
            ...axis,
            splits: () => numbers,
            values: (self, ticks) => ticks.map((tick) => fit(this.label(rows[tick]?.name ?? ""), self.width / rows.length)),
          },
          {
            ...axis,
            size: 52,
            splits: () => [0, 0.25, 0.5, 0.75, 1],
            values: (_, ticks) => ticks.map((tick) => percent(tick)),
            grid: { stroke: token("--line"), width: 1 },
          },
        ],
        series: [{}, { label: "Confirmed", stroke: "transparent", points: { show: false } }],
        hooks: { draw: [(self) => drawMarks(self, rows, marks)] },
      },
      [numbers, rows.map((row) => row.rate ?? 0)],
      this.place,
    );
    const said = rows.map((row) => `${this.label(row.name)} ${row.rate === null ? "unknown" : percent(row.rate)}`);
    this.place.setAttribute("aria-label", `Share of flags that were confirmed: ${said.join(", ")}.`);
  }
}

/**
 * @param {uPlot} plot
 * @param {Rate[]} rows
 * @param {{line: string, dot: string, overall: number}} marks
 */
function drawMarks(plot, rows, marks) {
  const { ctx } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = marks.line;
  ctx.lineWidth = scale;
  ctx.setLineDash([5 * scale, 4 * scale]);
  const level = plot.valToPos(marks.overall, "y", true);
  ctx.beginPath();
  ctx.moveTo(plot.bbox.left, level);
  ctx.lineTo(plot.bbox.left + plot.bbox.width, level);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.lineWidth = 2 * scale;
  rows.forEach((row, index) => {
    if (row.rate === null) return;
    const x = plot.valToPos(index, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, plot.valToPos(row.low, "y", true));
    ctx.lineTo(x, plot.valToPos(row.high, "y", true));
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, plot.valToPos(row.rate, "y", true), 5 * scale, 0, 2 * Math.PI);
    ctx.fillStyle = marks.dot;
    ctx.fill();
  });
  ctx.restore();
}

/**
 * A label that fits under its mark.
 * @param {string} text
 * @param {number} widthPx
 */
function fit(text, widthPx) {
  const most = Math.max(4, Math.floor(widthPx / 7));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/**
 * The rate of an exam, with Wilson's interval as the server computes it for rules.
 * @param {ExamCount} exam
 * @returns {Rate}
 */
function ofExam({ exam_id, confirmed, dismissed, unclear }) {
  const decided = confirmed + dismissed;
  const rest = { name: exam_id, flags: decided + unclear, decided, confirmed, points: null, suggested: null, says: "" };
  if (decided === 0) return { ...rest, rate: null, low: 0, high: 1 };
  const rate = confirmed / decided;
  const spread = (Z * Z) / decided;
  const middle = (rate + spread / 2) / (1 + spread);
  const half = (Z / (1 + spread)) * Math.sqrt((rate * (1 - rate)) / decided + spread / (4 * decided));
  return { ...rest, rate, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}
