/**
 * A student's result as far as the exam releases it, what was flagged with the own evidence, and
 * the own words about it. What it means is decided by people.
 */
import { h, icon } from "../../lib/dom.js";
import { getJson, Refusal, sendAs } from "../../lib/http.js";
import { clock, dayAndTime, number, percent, t, timeOfDay } from "../../lib/language.js";
import { drawBlocks } from "../exam/blocks.js";
import { ruleWords } from "../words.js";

/** @type {Record<string, string>} */
const OUTCOMES = { passed: t("Passed"), failed: t("Not passed"), undecided: t("Not decided yet") };

/** @type {Record<string, string>} */
const REASONS = {
  points: t("It follows from your points."),
  conduct: t("A reviewer decided so after looking at what was flagged."),
  marking: t("Some answers are not marked yet."),
  review: t("What was flagged has not been looked at yet."),
};

/** @type {Record<string, string>} */
const REVIEWS = {
  unreviewed: t("Nobody has looked at this yet."),
  confirmed: t("A reviewer confirmed it."),
  dismissed: t("A reviewer dismissed it."),
  unclear: t("A reviewer could not tell."),
};

/** @type {Record<string, string>} */
const ANSWERS = {
  right: t("right"),
  partly: t("partly right"),
  wrong: t("wrong"),
  blank: t("no answer"),
  marked: t("marked"),
  waiting: t("not marked yet"),
};

export class ResultView {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.token = "";
  }

  /** @param {string} token */
  async open(token) {
    this.token = token;
    this.root.replaceChildren(
      h("h1", { tabindex: "-1" }, t("Your result")),
      h("p", { class: "soft", role: "status" }, t("One moment…")),
    );
    this.root.querySelector("h1")?.focus();
    await this.refresh();
  }

  async refresh() {
    try {
      const [result, flags] = await Promise.all([
        getJson("/api/my/result", { token: this.token }),
        getJson("/api/my/flags", { token: this.token }).catch(() => null),
      ]);
      this.draw(result, flags);
    } catch (error) {
      const text = error instanceof Refusal ? t(error.message) : "";
      this.root.replaceChildren(
        h("h1", { tabindex: "-1" }, t("Your result")),
        h("div", { class: "notice notice--technical", role: "alert" }, icon("alert"), h("div", {}, text)),
        h("button", { type: "button", class: "button", click: () => this.refresh() }, t("Try again")),
      );
    }
  }

  /**
   * @param {any} result
   * @param {any} flags
   */
  draw(result, flags) {
    const parts = [
      h("h1", { tabindex: "-1" }, t("Your result")),
      h("p", { class: "soft" }, [result.title, result.ended_ms ? dayAndTime(result.ended_ms) : ""].filter(Boolean).join(" · ")),
    ];
    if (result.state !== "released") {
      const words =
        result.state === "gone"
          ? t("The time in which this result could be seen is over. Ask your school.")
          : result.state === "running"
            ? t("Your exam is still running.")
            : t("Your result is not released yet. Look again later with the same details.");
      parts.push(h("div", { class: "notice" }, icon("clock"), h("div", {}, words)));
      parts.push(h("button", { type: "button", class: "button", click: () => this.refresh() }, t("Look again")));
    } else {
      parts.push(this.outcome(result));
      if (result.questions) parts.push(this.questions(result.questions));
      if (result.violations) parts.push(this.log(result.violations));
    }
    if (flags && flags.state !== "none") parts.push(this.flags(flags));
    const hadFocus = this.root.contains(document.activeElement);
    this.root.replaceChildren(...parts);
    if (hadFocus) this.root.querySelector("h1")?.focus();
  }

  /** @param {any} result */
  outcome(result) {
    /** @type {[string, string][]} */
    const facts = [];
    if (result.points !== null && result.most_points !== null) {
      facts.push([t("Points"), t("{points} of {most}", { points: number(result.points), most: number(result.most_points) })]);
    }
    if (result.percent !== null) facts.push([t("Reached"), percent(result.percent / 100)]);
    if (result.pass_percent !== null) facts.push([t("Needed to pass"), percent(result.pass_percent / 100)]);
    if (result.trust !== null) facts.push([t("Trust score"), number(result.trust, { maximumFractionDigits: 0 })]);
    const title = result.outcome ? OUTCOMES[result.outcome] : t("Your exam is over");
    return h(
      "div",
      { class: "outcome card", "data-outcome": result.outcome ?? "none" },
      h("h2", {}, icon(result.outcome === "passed" ? "check-circle" : "info"), title),
      result.reason ? h("p", {}, REASONS[result.reason] ?? "") : null,
      result.reason_text && (!result.reason || result.reason === "conduct")
        ? h("p", { dir: "auto" }, result.reason_text)
        : null,
      h("dl", { class: "facts" }, ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "number" }, value)))),
    );
  }

  /** @param {any[]} questions */
  questions(questions) {
    return h(
      "section",
      { class: "result__part" },
      h("h2", {}, t("Question by question")),
      ...questions.map((each) =>
        h(
          "details",
          { class: "answer card" },
          h(
            "summary",
            {},
            h("strong", {}, t("Question {number}", { number: number(each.number) })),
            h("span", { class: "tag" }, ANSWERS[each.state] ?? ""),
            each.points === null
              ? null
              : h("span", { class: "number" }, t("{points} of {most}", { points: number(each.points), most: number(each.most_points) })),
          ),
          ...drawBlocks(each.blocks ?? []),
          h("p", {}, h("strong", {}, t("Your answer:")), " ", h("bdi", {}, each.answer || t("no answer"))),
          each.comment ? h("p", { dir: "auto" }, each.comment) : null,
        ),
      ),
    );
  }

  /** @param {any[]} violations */
  log(violations) {
    const rows = violations.map((each) =>
      h(
        "li",
        { class: "log__item" },
        h("span", { class: "number" }, timeOfDay(each.started_ms)),
        h("span", {}, ruleWords(each.rule)),
        h("span", { class: "number soft" }, each.duration_s === null ? "" : clock(each.duration_s)),
        each.snapshot_url
          ? h("a", { href: each.snapshot_url, target: "_blank", rel: "noopener" }, t("Picture"))
          : null,
      ),
    );
    return h(
      "section",
      { class: "result__part" },
      h("h2", {}, t("What was noticed")),
      rows.length > 0 ? h("ol", { class: "log" }, ...rows) : h("p", { class: "soft" }, t("Nothing was noticed.")),
    );
  }

  /** @param {any} flags */
  flags(flags) {
    const appeal = flags.may_appeal
      ? this.form(t("Appeal against the decision"), t("Send the appeal"), (text) =>
          sendAs("POST", "/api/my/appeals", { text }, this.token),
        )
      : null;
    const explainUntil =
      flags.explain_until_ms && flags.may_explain
        ? h("p", { class: "small soft" }, t("You can explain this until {when}.", { when: dayAndTime(flags.explain_until_ms) }))
        : null;
    const until = flags.appeal_until_ms
      ? h("p", { class: "small soft" }, t("You can appeal until {when}.", { when: dayAndTime(flags.appeal_until_ms) }))
      : null;
    return h(
      "section",
      { class: "result__part" },
      h("h2", {}, t("What people look at")),
      h("p", { class: "soft" }, t("A flag is a request for a person to look. It is never a verdict.")),
      flags.reason_text ? h("p", { dir: "auto" }, flags.reason_text) : null,
      ...flags.flags.map((/** @type {any} */ flag) => this.flag(flag, flags)),
      flags.flags.length === 0 && flags.may_explain ? this.explain(null, flags) : null,
      explainUntil,
      until,
      appeal,
    );
  }

  /**
   * @param {any} flag
   * @param {any} flags
   */
  flag(flag, flags) {
    const video = flag.video_url
      ? h("video", { controls: true, preload: "metadata", src: flag.video_url, class: "flag__video", "aria-label": t("The recorded piece") })
      : null;
    const mine = flags.explanations.filter((/** @type {any} */ each) => each.flag_id === flag.flag_id);
    return h(
      "article",
      { class: "flag card" },
      h("h3", {}, `${timeOfDay(flag.started_ms)} – ${timeOfDay(flag.ended_ms)}`),
      h("ul", { class: "bullets" }, ...flag.rules.map((/** @type {string} */ rule) => h("li", {}, ruleWords(rule)))),
      h("p", {}, REVIEWS[flag.review] ?? ""),
      video,
      ...flag.snapshots.map((/** @type {any} */ each) => h("img", { src: each.url, alt: ruleWords(each.rule), class: "flag__picture" })),
      ...mine.map((/** @type {any} */ each) => h("blockquote", { class: "said", dir: "auto" }, each.text)),
      flags.may_explain ? this.explain(flag.flag_id, flags) : null,
    );
  }

  /**
   * @param {string | null} flagId
   * @param {any} _flags
   */
  explain(flagId, _flags) {
    return this.form(t("Explain it in your own words"), t("Send"), (text) =>
      sendAs("POST", "/api/my/explanations", flagId ? { text, flag_id: flagId } : { text }, this.token),
    );
  }

  /**
   * @param {string} label
   * @param {string} action
   * @param {(text: string) => Promise<any>} send
   */
  form(label, action, send) {
    const field = /** @type {HTMLTextAreaElement} */ (
      h("textarea", { class: "input", rows: 3, maxlength: 4000, dir: "auto", "aria-label": label })
    );
    const problem = h("p", { class: "field__error", role: "alert" });
    const form = h(
      "details",
      { class: "words" },
      h("summary", {}, label),
      field,
      problem,
      h("button", { type: "button", class: "button button--small", click: () => submit() }, action),
    );
    const submit = async () => {
      const text = field.value.trim();
      if (!text) return field.focus();
      try {
        await send(text);
        await this.refresh();
      } catch (error) {
        problem.textContent = error instanceof Error ? t(error.message) : "";
      }
    };
    return form;
  }
}
