/** The warnings that count: how many of how many, which rule and when, and what the last one does. */
import { h, role, setText } from "../lib/dom.js";
import { number, t, timeOfDay } from "../lib/language.js";
import { limitRule, ruleWords } from "./words.js";

/**
 * @typedef {{count: number, limit: number, action: string,
 *   last: {rule: string, at: string}[]}} Warned
 */

export class Warnings {
  /**
   * @param {HTMLElement} row of the quiet status
   * @param {HTMLElement} noted a `details` that lists them
   */
  constructor(row, noted) {
    this.row = row;
    this.noted = noted;
    this.shown = "";
  }

  /** @param {Warned | undefined} warned */
  show(warned) {
    this.row.hidden = !warned;
    this.noted.hidden = !warned?.count;
    const words = JSON.stringify(warned);
    if (!warned || words === this.shown) return;
    this.shown = words;
    const { count, limit, last } = warned;
    const values = { count: number(count), limit: number(limit) };
    setText(role(this.row, "warnings"), limit ? t("{count} of {limit}", values) : values.count);
    this.row.dataset.tone = count > 0 ? "advice" : "good";
    role(this.noted, "noted-list").replaceChildren(
      ...[...last].reverse().map(({ rule, at }) =>
        h("li", {}, ruleWords(rule), " ", h("span", { class: "soft number" }, timeOfDay(at))),
      ),
    );
    setText(role(this.noted, "noted-rule"), limitRule(warned));
  }
}
