/** One question: its words, its picture, its field, its flag, and whether it is saved. */
import { changeIcon, h, icon } from "../../lib/dom.js";
import { number, t, timeOfDay } from "../../lib/language.js";
import { drawBlocks, drawInline } from "./blocks.js";

/**
 * @typedef {{question_id: string, kind: "single" | "multiple" | "numeric" | "short" | "long",
 *   blocks: import("./blocks.js").Block[], points: number, penalty: number,
 *   options: {option_id: string, blocks: import("./blocks.js").Block[]}[],
 *   picture: {url: string, alt: string, width: number, height: number} | null}} Question
 */

/** @type {Record<string, string>} */
const HINTS = {
  single: t("Choose one answer."),
  multiple: t("Choose every answer that is right."),
  numeric: t("Type a number."),
  short: t("Type a word or a short sentence."),
  long: t("Write your answer."),
};

export class QuestionView {
  /**
   * @param {Question} question
   * @param {number} place counted from 1
   * @param {import("./answers.js").Answers} answers
   * @param {(url: string) => Promise<string>} fetchPicture
   */
  constructor(question, place, answers, fetchPicture) {
    this.question = question;
    this.answers = answers;
    this.id = question.question_id;
    const name = `q-${place}`;
    const heading = h("h3", { id: `${name}-title`, class: "question__title", tabindex: "-1" }, t("Question {number}", { number: number(place) }));
    this.state = h("span", { class: "question__saved small", role: "status" });
    this.flagButton = h(
      "button",
      { type: "button", class: "button button--small", "aria-pressed": "false", click: () => this.flag() },
      icon("flag"),
      t("For later"),
    );
    this.fields = this.buildFields(name);
    this.element = h(
      "section",
      { class: "question card", id: name, "aria-labelledby": `${name}-title`, "data-kind": question.kind },
      h("div", { class: "question__head" }, heading, h("span", { class: "small soft" }, this.worth()), this.flagButton),
      h("div", { class: "question__text", id: `${name}-text` }, ...drawBlocks(question.blocks)),
      this.buildPicture(fetchPicture),
      this.fields,
      this.state,
    );
    this.render();
  }

  worth() {
    const { points, penalty } = this.question;
    const worth = t("Points: {points}", { points: number(points) });
    const loss = t("wrong: −{penalty}", { penalty: number(penalty) });
    return penalty > 0 ? `${worth} · ${loss}` : worth;
  }

  /** @param {(url: string) => Promise<string>} fetchPicture */
  buildPicture(fetchPicture) {
    const picture = this.question.picture;
    if (!picture) return null;
    const image = /** @type {HTMLImageElement} */ (
      h("img", { alt: picture.alt, width: picture.width, height: picture.height, class: "question__picture" })
    );
    fetchPicture(picture.url).then(
      (url) => (image.src = url),
      () => (image.alt = `${picture.alt} (${t("This picture could not be loaded. Reload the page.")})`),
    );
    return image;
  }

  /** @param {string} name */
  buildFields(name) {
    const { kind, options } = this.question;
    const value = this.answers.get(this.id).value;
    const hint = h("span", { class: "small soft", id: `${name}-hint` }, HINTS[kind]);
    if (kind === "single" || kind === "multiple") {
      const chosen = new Set(Array.isArray(value) ? value : value ? [value] : []);
      const type = kind === "single" ? "radio" : "checkbox";
      return h(
        "fieldset",
        { class: "options", change: () => this.choose() },
        h("legend", {}, hint),
        ...options.map(({ option_id, blocks }) =>
          h(
            "label",
            { class: "option" },
            h("input", { type, name, value: option_id, checked: chosen.has(option_id), "aria-describedby": `${name}-text` }),
            h("span", { dir: "auto" }, ...drawInline(blocks)),
          ),
        ),
        kind === "single"
          ? h("button", { type: "button", class: "button button--small option__none", click: () => this.clear() }, t("No answer"))
          : null,
      );
    }
    const text = typeof value === "string" ? value : "";
    const attributes = {
      class: "input",
      id: `${name}-field`,
      "aria-labelledby": `${name}-title ${name}-text`,
      "aria-describedby": `${name}-hint`,
      autocomplete: "off",
      spellcheck: "false",
      dir: "auto",
      maxlength: kind === "numeric" ? 64 : kind === "short" ? 500 : 20000,
    };
    const field = /** @type {HTMLInputElement | HTMLTextAreaElement} */ (
      kind === "long"
        ? h("textarea", { ...attributes, class: "input input--long", rows: 8 })
        : h("input", { ...attributes, type: "text", inputmode: kind === "numeric" ? "decimal" : "text" })
    );
    field.value = text;
    field.addEventListener("input", () => this.answers.set(this.id, field.value === "" ? null : field.value));
    return h("div", { class: "field" }, hint, field);
  }

  choose() {
    const chosen = [...this.fields.querySelectorAll("input:checked")].map(
      (input) => /** @type {HTMLInputElement} */ (input).value,
    );
    if (this.question.kind === "single") this.answers.set(this.id, chosen[0] ?? null);
    else this.answers.set(this.id, chosen.length > 0 ? chosen : null);
  }

  clear() {
    for (const input of this.fields.querySelectorAll("input")) input.checked = false;
    this.answers.set(this.id, null);
  }

  flag() {
    this.answers.flag(this.id, !this.answers.get(this.id).isFlagged);
  }

  render() {
    const { state, savedMs, isFlagged, message } = this.answers.get(this.id);
    this.flagButton.setAttribute("aria-pressed", String(isFlagged));
    const svg = this.flagButton.querySelector("svg");
    if (svg) changeIcon(svg, isFlagged ? "check" : "flag");
    this.state.dataset.state = state;
    const words = {
      saved: savedMs ? t("Saved at {time}", { time: timeOfDay(savedMs) }) : "",
      waiting: t("Being saved…"),
      late: t("This came after the time: it is kept as late and does not count."),
      refused: t(message),
    };
    if (this.state.textContent !== words[state]) this.state.textContent = words[state];
  }
}
