/** The list of what was noticed in one session: violations and flags, newest first. */
import { h, icon, role, setText } from "../lib/dom.js";
import { duration, points, span, timeOfDay } from "../lib/format.js";
import { ruleIcon, ruleLabel } from "../lib/words.js";

/**
 * @typedef {{key: string, atS: number, kind: "violation" | "flag", sign: string, title: string,
 *   when: string, cost: number | null}} Entry
 */

export class ViolationLog {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.list = role(root, "log");
    this.empty = role(root, "log-empty");
    this.announcer = role(root, "announcer");
    /** @type {Map<string, {element: HTMLElement, words: string}>} */
    this.shown = new Map();
    this.isFilled = false;
  }

  /**
   * @param {import("./session-state.js").Violation[]} violations
   * @param {import("./session-state.js").Interval[]} intervals
   */
  show(violations, intervals) {
    const flags = intervals.filter((interval) => interval.is_flagged);
    const entries = [...violations.map(ofViolation), ...flags.map(ofFlag)];
    entries.sort((a, b) => b.atS - a.atS || a.key.localeCompare(b.key));
    entries.forEach((entry, index) => this.place(entry, index));
    this.empty.hidden = entries.length > 0;
    this.list.hidden = entries.length === 0;
    this.isFilled = true;
  }

  /**
   * @param {Entry} entry
   * @param {number} index
   */
  place(entry, index) {
    const words = [entry.title, entry.when, entry.cost].join("|");
    const known = this.shown.get(entry.key);
    let element = known?.element;
    if (!known || known.words !== words) {
      const fresh = build(entry);
      element?.replaceWith(fresh);
      element = fresh;
      this.shown.set(entry.key, { element, words });
      if (!known && this.isFilled && entry.kind === "violation") this.announce(entry.title);
    }
    if (element && this.list.children[index] !== element) {
      this.list.insertBefore(element, this.list.children[index] ?? null);
    }
  }

  /** @param {string} words */
  announce(words) {
    setText(this.announcer, words);
  }
}

/**
 * @param {import("./session-state.js").Violation} violation
 * @returns {Entry}
 */
function ofViolation(violation) {
  const { violation_id, rule, start_s, end_s, started_at } = violation;
  const lasts = end_s === null ? "still going on" : end_s > start_s ? `for ${span(end_s - start_s)}` : "";
  return {
    key: violation_id,
    atS: start_s,
    kind: "violation",
    sign: ruleIcon(rule),
    title: ruleLabel(rule),
    when: [`${duration(start_s)} · ${timeOfDay(started_at)}`, lasts].filter(Boolean).join(" · "),
    cost: violation.points,
  };
}

/**
 * @param {import("./session-state.js").Interval} interval
 * @returns {Entry}
 */
function ofFlag({ index, start_s, end_s, score, flag_score }) {
  return {
    key: `flag-${index}`,
    atS: end_s - 0.001,
    kind: "flag",
    sign: "flag",
    title: "Interval flagged for review",
    when: `${duration(start_s)}–${duration(end_s)}`,
    cost: flag_score ?? score,
  };
}

/** @param {Entry} entry */
function build({ kind, sign, title, when, cost }) {
  const number = cost === null ? "" : kind === "flag" ? points(cost) : `+${points(cost)}`;
  return h(
    "li",
    { class: "entry", "data-kind": kind },
    icon(sign),
    h("div", {}, h("div", { class: "entry__title" }, title), h("div", { class: "entry__when" }, when)),
    h("span", { class: "entry__points", "data-zero": String(cost === 0) }, number),
  );
}
