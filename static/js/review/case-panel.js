/** The session as a whole: its outcome, what the student says, the final word, the record. */
import { h, icon, setText } from "../lib/dom.js";
import { dayAndTime } from "../lib/format.js";
import { decisionLabel, outcomeLabel, stateLabel } from "./queue.js";

/**
 * @typedef {import("./queue.js").Case} Case
 * @typedef {import("./queue.js").Ruling} Ruling
 * @typedef {{number: number, kind: string, at: string, actor: string, role: string, clip_id: string,
 *   decision: string | null, outcome: string | null, text: string, until_at: string | null}} Step
 * @typedef {{decide: string, outcome: string, final: string, reopen: string}} May
 * @typedef {{people: number, appeal_days: number, release: string}} Terms
 * @typedef {{review: Case, may: May, terms: Terms, steps: Step[]}} Shown
 */

/** @type {Record<string, string>} */
const MEANS = {
  clear: "Nothing to hold against the student.",
  concern: "Something to talk about.",
  breach: "A rule was broken.",
};
/** @type {Record<string, string>} */
const NEXT = {
  nothing: "Nothing was flagged. An outcome is not needed.",
  open: "Decide about every flag first; then the session can get an outcome.",
  ready: "Every flag is decided. The session waits for its outcome.",
  proposed: "One person has proposed an outcome. It stands when a second person says the same.",
  decided: "The outcome stands, and the student can answer.",
  appealed: "The student has appealed. A person answers with the final word.",
  final: "The final word is said. Reopening leaves everything in the record.",
};

export class CasePanel {
  /**
   * @param {HTMLElement} place
   * @param {(what: "outcome" | "final" | "reopen", body: object) => Promise<void>} save
   */
  constructor(place, save) {
    this.place = place;
    this.save = save;
  }

  /** @param {Shown} shown */
  show({ review, may, terms, steps }) {
    const standing = review.final ?? review.outcome ?? review.proposal;
    this.place.replaceChildren(
      h(
        "div",
        { class: "case__state" },
        h("span", { class: `tag${toneOf(review)}` }, stateLabel(review.state)),
        h("p", {}, NEXT[review.state] ?? ""),
      ),
      ...(standing ? [buildRuling(review, standing)] : []),
      ...buildWords(review),
      ...this.buildForms(review, may, terms),
      buildRecord(steps),
    );
  }

  /**
   * @param {Case} review
   * @param {May} may
   * @param {Terms} terms
   */
  buildForms(review, may, terms) {
    const forms = [];
    const isRuled = review.outcome !== null || review.final !== null;
    if (!isRuled && review.state !== "open") {
      const two = terms.people > 1 ? " Two people are wanted: who confirmed a flag does not set it." : "";
      forms.push(this.buildForm("outcome", "Set the outcome", may.outcome, `Choose what the session comes to.${two}`));
    }
    if (review.outcome && !review.final) {
      const why = review.state === "appealed" ? "Answer the appeal." : "Close the case when the student can answer no more.";
      forms.push(this.buildForm("final", "Say the final word", may.final, why));
    }
    if (isRuled && !may.reopen) forms.push(this.buildReopen());
    return forms;
  }

  /**
   * @param {"outcome" | "final"} what
   * @param {string} title
   * @param {string} whyNot
   * @param {string} says
   */
  buildForm(what, title, whyNot, says) {
    if (whyNot) {
      return h("div", { class: "notice" }, icon("info"), h("div", {}, h("strong", {}, title), whyNot));
    }
    const radios = ["clear", "concern", "breach"].map((outcome) =>
      h(
        "label",
        { class: "rv-radio" },
        h("input", { type: "radio", name: `${what}-choice`, value: outcome, required: true }),
        h("span", {}, h("strong", {}, outcomeLabel(outcome)), ` ${MEANS[outcome]}`),
      ),
    );
    return this.buildSubmit(what, title, says, h("fieldset", {}, h("legend", { class: "visually-hidden" }, title), ...radios));
  }

  buildReopen() {
    const form = this.buildSubmit("reopen", "Reopen the review", "The outcome is taken back; it stays in the record.", "");
    return h("details", { class: "case__reopen" }, h("summary", {}, "Reopen…"), form);
  }

  /**
   * @param {"outcome" | "final" | "reopen"} what
   * @param {string} title
   * @param {string} says
   * @param {Node | string} fields
   */
  buildSubmit(what, title, says, fields) {
    const id = `case-${what}`;
    const problem = h("p", { class: "field__error", role: "alert" });
    const reason = /** @type {HTMLTextAreaElement} */ (
      h("textarea", { class: "input", id, rows: 2, maxlength: 1000, required: true })
    );
    const button = h("button", { type: "submit", class: "button" }, title);
    const form = /** @type {HTMLFormElement} */ (
      h(
        "form",
        { class: "rv-form" },
        h("h4", { class: "panel__title" }, title),
        h("p", { class: "soft small" }, says),
        fields,
        h("div", { class: "field" }, h("label", { for: id }, "Reason"), reason),
        h("p", { class: "field__hint" }, what === "reopen" ? "" : "The student reads it."),
        problem,
        button,
      )
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.setAttribute("aria-busy", "true");
      const outcome = new FormData(form).get(`${what}-choice`);
      try {
        await this.save(what, outcome ? { outcome, reason: reason.value } : { reason: reason.value });
      } catch (refused) {
        setText(problem, refused instanceof Error ? refused.message : "That did not work. Try again.");
      } finally {
        button.removeAttribute("aria-busy");
      }
    });
    return form;
  }
}

/** @param {Case} review */
function toneOf(review) {
  const outcome = (review.final ?? review.outcome)?.outcome;
  if (review.state === "appealed") return " tag--conduct";
  return outcome === "clear" ? " tag--good" : outcome === "breach" ? " tag--conduct" : "";
}

/**
 * @param {Case} review
 * @param {Ruling} ruling
 */
function buildRuling(review, ruling) {
  const what = review.final ? "Final" : review.outcome ? "Outcome" : "Proposed";
  const until =
    review.outcome && !review.final && ruling.outcome !== "clear" && ruling.until_at
      ? ` The student may appeal until ${dayAndTime(ruling.until_at)}.`
      : "";
  return h(
    "div",
    { class: "case__ruling" },
    h("p", {}, `${what}: `, h("strong", {}, outcomeLabel(ruling.outcome)), `, by ${ruling.by}, ${dayAndTime(ruling.at)}.${until}`),
    h("blockquote", {}, ruling.reason),
  );
}

/** @param {Case} review */
function buildWords(review) {
  const all = [
    ...review.explanations.map((words) => ({ ...words, kind: words.clip_id ? "about a flag" : "about the session" })),
    ...review.appeals.map((words) => ({ ...words, kind: "appeals" })),
  ].sort((a, b) => a.at.localeCompare(b.at));
  if (all.length === 0) return [];
  return [
    h("h4", { class: "panel__title" }, "What the student says"),
    h(
      "ul",
      { class: "case__words" },
      ...all.map((words) =>
        h("li", {}, h("p", { class: "soft small" }, `${words.kind}, ${dayAndTime(words.at)}`), h("blockquote", {}, words.text)),
      ),
    ),
  ];
}

/** @param {Step[]} steps */
function buildRecord(steps) {
  const rows = steps.map((step) =>
    h(
      "li",
      {},
      h("span", { class: "soft number" }, dayAndTime(step.at)),
      h("span", {}, h("strong", {}, step.actor), ` ${saysOf(step)}`),
      step.text && step.kind !== "explanation" && step.kind !== "appeal" ? h("span", { class: "soft" }, `“${step.text}”`) : null,
    ),
  );
  const list = rows.length > 0 ? h("ol", { class: "case__record" }, ...rows) : h("p", { class: "soft small" }, "Nobody has done anything yet.");
  return h("details", { class: "case__history" }, h("summary", {}, `Record (${steps.length})`), list);
}

/** @param {Step} step */
function saysOf(step) {
  if (step.kind === "flag") {
    return step.decision === "unreviewed" ? "took a decision back" : `decided “${decisionLabel(step.decision ?? "")}”`;
  }
  if (step.kind === "explanation") return "explained";
  if (step.kind === "appeal") return "appealed";
  if (step.kind === "reopened") return "reopened the review";
  const verb = { proposed: "proposed", outcome: "set the outcome", final: "said the final word" }[step.kind];
  return `${verb ?? step.kind}: ${outcomeLabel(step.outcome ?? "")}`;
}
