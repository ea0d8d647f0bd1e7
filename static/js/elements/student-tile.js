/** `<student-tile>`: one running session on the wall. Its parts keep their place and size. */
import { changeIcon, h, icon, s, setText } from "../lib/dom.js";
import { ago, overallCoverage, percent, points } from "../lib/format.js";
import { facesLabel, gapLabel, gazeWords, lineWords, ruleLabel } from "../lib/words.js";
import { sparkline } from "../admin/order.js";
import { ScoreRing } from "./score-ring.js";

const LOW_COVERAGE = 0.8;

/** @type {Record<string, {words: string, icon: string}>} */
const ASKS = {
  chat: { words: "Wrote to you", icon: "message" },
  break: { words: "Asks for a break", icon: "clock" },
  place: { words: "Another device", icon: "replace" },
  admission: { words: "Waits for admission", icon: "user" },
};

/** @type {Record<string, string>} */
const PAUSES = {
  proctor: "Paused",
  break: "On a break",
  warning_limit: "Paused at the limit",
  check_in: "Checking in",
};

export class StudentTile extends HTMLElement {
  /** @type {import("../admin/order.js").Row | null} */
  row = null;
  pictureUrl = "";
  marksKey = "";

  connectedCallback() {
    if (this.link) return;
    this.link = h("a", { class: "tile__link" });
    this.exam = h("span", { class: "tile__exam" });
    this.faces = h("span", { class: "seen" }, icon("face"), spoken("Faces: "), h("span"));
    this.gaze = h("span", { class: "seen" }, icon("eye"), spoken("Gaze: "), h("span"));
    this.line = h("span", { class: "seen" }, icon("line"), h("span"));
    this.cover = h("span", { class: "seen" });
    this.last = h("span", { class: "tile__last soft" });
    this.total = h("span", { class: "soft number" });
    this.ring = new ScoreRing();
    this.box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", class: "tile__box" }));
    this.marks = h("div", { class: "tile__marks" });
    this.risk = h("span", { class: "tile__risk number", title: "Risk" });
    this.spark = s("polyline", { class: "spark__line", points: "" });
    const spark = s("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" });
    spark.append(this.spark);
    this.thumb = h("span", { class: "tile__thumb" }, icon("camera"));
    this.image = /** @type {HTMLImageElement} */ (h("img", { alt: "", hidden: true }));
    this.thumb.append(this.image);
    this.append(
      this.box,
      h(
        "div",
        { class: "tile__body" },
        this.thumb,
        h("div", { class: "tile__who" }, this.link, this.exam),
        h("div", { class: "tile__seen" }, this.faces, this.gaze),
        this.ring,
        h("div", { class: "tile__trend" }, this.marks, spark, this.risk),
        h("div", { class: "tile__foot" }, this.last, this.cover, this.line, this.total),
      ),
    );
    if (this.row) this.render();
  }

  disconnectedCallback() {
    // Moving a tile disconnects it for an instant; a tile that is gone frees its picture.
    queueMicrotask(() => {
      if (!this.isConnected) URL.revokeObjectURL(this.pictureUrl);
    });
  }

  /**
   * @param {import("../admin/order.js").Row} row
   * @param {number} threshold
   * @param {number} nowMs
   * @param {number[]} [trend] the risk, one every 10 s
   */
  show(row, threshold, nowMs, trend = []) {
    this.trend = trend;
    this.row = row;
    this.threshold = threshold;
    this.nowMs = nowMs;
    this.render();
  }

  render() {
    const { row } = this;
    if (!row || !this.link || !this.ring) return;
    this.link.setAttribute("href", `/admin/session/${encodeURIComponent(row.session_id)}`);
    setText(this.link, row.user_id);
    setText(/** @type {Element} */ (this.exam), row.group ? `${row.exam_id}, ${row.group}` : row.exam_id);
    const facesTone = row.faces === null ? "unknown" : row.faces === 1 ? "" : "conduct";
    this.mark(this.faces, row.faces === null || row.faces < 2 ? "face" : "people", facesTone, facesLabel(row.faces));
    const gaze = gazeWords(row.gaze);
    const gazeTone = { focused: "", distracted: "conduct" }[row.gaze] ?? "unknown";
    this.mark(this.gaze, gaze.icon, gazeTone, gaze.label);
    const line = lineWords(row.line);
    const gap = gapLabel(row.gap);
    const lineTone = row.line === "good" && !gap ? "unknown" : "technical";
    this.mark(this.line, line.icon, lineTone, gap || `Line ${line.label.toLowerCase()}`);
    this.renderCoverage(row);
    this.renderLast(row);
    this.renderMarks(row);
    setText(/** @type {Element} */ (this.risk), `Risk ${Math.round(row.risk)}`);
    const drawn = sparkline(this.trend ?? []);
    if (this.spark?.getAttribute("points") !== drawn) this.spark?.setAttribute("points", drawn);
    this.box?.setAttribute("aria-label", `Select ${row.user_id}`);
    const flags = row.flagged_intervals > 0 ? `, ${row.flagged_intervals} flagged` : "";
    setText(/** @type {Element} */ (this.total), `Total ${points(row.total_score)}${flags}`);
    this.ring.show({ score: row.interval_score, threshold: this.threshold ?? 10 });
    this.ring.setAttribute("title", "Score of this interval");
    this.link.setAttribute("title", `${row.user_id}, ${row.exam_id}`);
  }

  /** What the student waits for, why nothing is scored, what fails, and who looks.
   * @param {import("../admin/order.js").Row} row */
  renderMarks(row) {
    const marks = [
      ...row.asks.map((ask) => ({ tone: "ask", sign: ASKS[ask]?.icon ?? "info", words: ASKS[ask]?.words ?? ask })),
      ...row.pauses.map((cause) => ({ tone: "pause", sign: "pause", words: PAUSES[cause] ?? "Paused" })),
      ...(row.faults.length ? [{ tone: "technical", sign: "wrench", words: `Fails: ${row.faults.join(", ")}` }] : []),
      ...row.watched_by.map((name) => ({ tone: "", sign: "eye", words: name })),
    ];
    const key = JSON.stringify(marks);
    if (key === this.marksKey) return;
    this.marksKey = key;
    this.marks?.setAttribute("title", marks.map(({ words }) => words).join(", "));
    this.marks?.replaceChildren(
      ...marks.map(({ tone, sign, words }) => h("span", { class: "mark-tag", "data-tone": tone }, icon(sign), words)),
    );
  }

  /** @param {import("../admin/order.js").Row} row */
  renderCoverage(row) {
    const share = overallCoverage(row.coverage);
    const cover = /** @type {HTMLElement} */ (this.cover);
    setText(cover, share === null ? "" : `Observed ${percent(share)}`);
    cover.dataset.tone = share !== null && share < LOW_COVERAGE ? "technical" : "unknown";
  }

  /** @param {import("../admin/order.js").Row} row */
  renderLast(row) {
    const last = row.last_violation;
    const text = last
      ? `${ruleLabel(last.rule)}, ${ago(last.at, this.nowMs ?? Date.now())}`
      : "Nothing noticed";
    setText(/** @type {Element} */ (this.last), text);
  }

  /**
   * @param {HTMLElement | undefined} element
   * @param {string} sign
   * @param {string} tone
   * @param {string} words
   */
  mark(element, sign, tone, words) {
    if (!element) return;
    element.dataset.tone = tone;
    changeIcon(/** @type {SVGElement} */ (element.firstElementChild), sign);
    setText(/** @type {Element} */ (element.lastElementChild), words);
  }

  /** @param {ArrayBuffer | Uint8Array} jpeg */
  showPicture(jpeg) {
    if (!this.image) return;
    const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (jpeg)], { type: "image/jpeg" }));
    URL.revokeObjectURL(this.pictureUrl);
    this.pictureUrl = url;
    this.image.src = url;
    this.image.hidden = false;
  }
}

/** @param {string} words for those who hear the page; the sign stands for them */
function spoken(words) {
  return h("span", { class: "visually-hidden" }, words);
}

customElements.define("student-tile", StudentTile);
