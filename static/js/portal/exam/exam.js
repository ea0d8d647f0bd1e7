/**
 * The exam itself: questions one or all at a time, the time that is left, what is saved, and the
 * hand-in. Capturing goes on in its worker: nothing here waits for it.
 */
import { h, icon, setText } from "../../lib/dom.js";
import { getJson, Refusal, sendAs } from "../../lib/http.js";
import { clock, dayAndTime, number, t } from "../../lib/language.js";
import { Answers, isAnswered } from "./answers.js";
import { drawBlocks } from "./blocks.js";
import { ExternalExam } from "./external.js";
import { QuestionView } from "./question.js";
import { Timer } from "./timer.js";

const TICK_MS = 250;
/** The time is read out at these moments, and not in between. */
const SAID_S = [600, 300, 60];

export class ExamView {
  /**
   * @param {HTMLElement} root
   * @param {{token: () => string, sessionId: () => string, capture: import("../../capture/capture.js").Capture,
   *   titled: (title: string) => void, fills: (isFull: boolean) => void}} around
   */
  constructor(root, around) {
    this.root = root;
    this.around = around;
    this.timer = new Timer();
    /** @type {any} */
    this.exam = null;
    /** @type {Answers | null} */
    this.answers = null;
    /** @type {QuestionView[]} */
    this.questions = [];
    this.at = 0;
    this.saidS = Infinity;
    /** @type {ExternalExam | null} */
    this.external = null;
    this.isHandedIn = false;
    setInterval(() => this.tick(), TICK_MS);
    window.addEventListener("pagehide", () => this.answers?.keep());
    window.addEventListener("online", () => this.answers?.flush());
  }

  /** Asks what there is to do now, and shows it. Harmless when repeated. */
  async open() {
    let exam;
    try {
      exam = await getJson("/api/my/exam", { token: this.around.token() });
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return;
      setTimeout(() => this.open(), 3000);
      return;
    }
    this.timer.learn(exam);
    if (exam.state === this.exam?.state && exam.state !== "none") return;
    this.exam = exam;
    this.root.hidden = exam.state === "none";
    if (exam.state === "none") return;
    this.around.titled(exam.title || t("Your exam"));
    this.around.fills(exam.state === "open" && exam.full_screen);
    if (exam.state === "open") this.show();
    else this.showWaiting();
  }

  /**
   * The clock has changed.
   * @param {{state: string, ends_ms: number | null, is_stopped: boolean, left_ms: number | null}} change
   */
  hear(change) {
    this.timer.learn(change);
    this.saidS = Infinity;
    if (change.state !== this.exam?.state) this.open();
    this.tick();
  }

  showWaiting() {
    const { state, opens_ms, handed_in_ms, intro } = this.exam;
    const text =
      state === "over"
        ? handed_in_ms
          ? t("Your work is handed in.")
          : t("The time of this exam is over.")
        : opens_ms
          ? t("The exam opens on {when}. This page shows it by itself.", { when: dayAndTime(opens_ms) })
          : t("The exam has not been opened yet. This page shows it by itself.");
    this.external?.close();
    this.root.replaceChildren(
      h("div", { class: "notice" }, icon("clock"), h("div", {}, text)),
      ...drawBlocks(intro ?? []),
    );
    if (state === "waiting") setTimeout(() => this.open(), 5000);
  }

  show() {
    const exam = this.exam;
    this.timeLeft = h("span", { class: "exam__time number", role: "timer" });
    this.timeSaid = h("span", { class: "visually-hidden", role: "status" });
    this.saved = h("span", { class: "exam__saved small", role: "status" });
    this.dialog = this.buildDialog();
    const handIn = h("button", { type: "button", class: "button button--primary", click: () => this.ask() }, t("Hand in"));
    const bar = h("div", { class: "exam__bar" }, this.timeLeft, this.saved, handIn, this.timeSaid);
    if (exam.external) {
      this.external = new ExternalExam(exam.external, this.around.capture);
      this.root.replaceChildren(bar, this.external.element, this.dialog);
      return;
    }
    this.answers = new Answers({
      put: (id, body) => sendAs("PUT", `/api/my/answers/${id}`, body, this.around.token()),
      storage: localStorage,
      key: `candor.answers.${this.around.sessionId()}`,
      nowMs: () => performance.now(),
      later: (run, ms) => setTimeout(run, ms),
      changed: (id) => this.render(id),
    });
    this.answers.load(exam.answers, exam.place);
    const fetchPicture = (/** @type {string} */ url) => this.fetchPicture(url);
    let count = 0;
    const sections = exam.sections.map((/** @type {any} */ section) => {
      const views = section.questions.map((/** @type {any} */ question) => {
        const view = new QuestionView(question, ++count, /** @type {Answers} */ (this.answers), fetchPicture);
        this.questions.push(view);
        return view.element;
      });
      return h(
        "section",
        { class: "exam__section" },
        section.title ? h("h2", {}, section.title) : null,
        ...drawBlocks(section.intro ?? []),
        ...views,
      );
    });
    this.index = h("ol", { class: "exam__index" }, ...this.questions.map((view, place) => this.buildLink(view, place)));
    this.back = h("button", { type: "button", class: "button", click: () => this.go(this.at - 1) }, t("Back"));
    this.forth = h("button", { type: "button", class: "button", click: () => this.go(this.at + 1) }, t("Next"));
    const pager = exam.paging === "one" ? h("div", { class: "exam__pager" }, this.back, this.forth) : null;
    this.root.replaceChildren(
      bar,
      ...drawBlocks(exam.intro ?? []),
      h("nav", { "aria-label": t("Questions") }, this.index),
      ...sections,
      pager ?? "",
      this.dialog,
    );
    const place = this.questions.findIndex(({ id }) => id === exam.place);
    this.at = Math.max(0, place);
    if (exam.paging === "one") this.go(this.at, { takesFocus: place > 0 });
    else if (place > 0) this.questions[place].element.querySelector("h3")?.focus();
    this.render("");
    this.tick();
  }

  /**
   * @param {QuestionView} view
   * @param {number} place
   */
  buildLink(view, place) {
    const link = h(
      "button",
      { type: "button", class: "exam__link", click: () => this.go(place, { takesFocus: true }) },
      h("span", { "aria-hidden": "true" }, number(place + 1)),
      h("span", { class: "visually-hidden", "data-role": "words" }),
    );
    return h("li", { "data-id": view.id }, link);
  }

  /**
   * @param {number} at
   * @param {{takesFocus?: boolean}} [options]
   */
  go(at, { takesFocus = true } = {}) {
    if (at < 0 || at >= this.questions.length) return;
    this.at = at;
    const isOne = this.exam.paging === "one";
    for (const [place, view] of this.questions.entries()) {
      view.element.hidden = isOne && place !== at;
    }
    for (const section of this.root.querySelectorAll(".exam__section")) {
      const isEmpty = [...section.querySelectorAll(".question")].every((each) => /** @type {HTMLElement} */ (each).hidden);
      /** @type {HTMLElement} */ (section).hidden = isEmpty;
    }
    if (this.answers) this.answers.place = this.questions[at].id;
    this.back?.setAttribute("aria-disabled", String(at === 0));
    this.forth?.setAttribute("aria-disabled", String(at === this.questions.length - 1));
    this.renderIndex();
    if (takesFocus) {
      this.questions[at].element.querySelector("h3")?.focus();
      this.questions[at].element.scrollIntoView({ block: isOne ? "nearest" : "start" });
    }
  }

  /** @param {string} id */
  render(id) {
    this.questions.find((view) => view.id === id)?.render();
    this.renderIndex();
    if (!this.saved) return;
    const waiting = this.answers?.waiting ?? 0;
    this.saved.dataset.state = waiting > 0 ? "waiting" : "saved";
    setText(this.saved, waiting > 0 ? t("Being saved…") : t("Everything is saved"));
  }

  renderIndex() {
    for (const [place, item] of [...(this.index?.children ?? [])].entries()) {
      const { value, isFlagged } = /** @type {Answers} */ (this.answers).get(this.questions[place].id);
      const state = isAnswered(value) ? "answered" : "open";
      const element = /** @type {HTMLElement} */ (item);
      element.dataset.state = state;
      element.dataset.flagged = String(isFlagged);
      const link = /** @type {HTMLElement} */ (element.firstElementChild);
      if (place === this.at) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      const words = [
        t("Question {number}", { number: number(place + 1) }),
        state === "answered" ? t("answered") : t("not answered"),
        isFlagged ? t("flagged for later") : "",
      ];
      const place_ = element.querySelector('[data-role="words"]');
      if (place_) setText(place_, words.filter(Boolean).join(", "));
    }
  }

  tick() {
    if (!this.timeLeft || this.exam?.state !== "open") return;
    const leftS = this.timer.leftS;
    const words =
      leftS === null
        ? t("No time limit")
        : this.timer.isStopped
          ? t("Time stands still at {time}", { time: clock(leftS) })
          : t("{time} left", { time: clock(leftS) });
    setText(this.timeLeft, words);
    this.timeLeft.dataset.state = leftS !== null && leftS <= 60 ? "last" : "";
    const due = SAID_S.find((s) => leftS !== null && leftS <= s && s < this.saidS);
    if (due !== undefined && leftS !== null && this.timeSaid) {
      this.saidS = Math.min(...SAID_S.filter((s) => leftS <= s));
      setText(this.timeSaid, words);
    }
    if (leftS === 0 && !this.isFlushing) {
      this.isFlushing = true;
      this.answers?.flush();
    }
  }

  /** @param {string} url */
  async fetchPicture(url) {
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${this.around.token()}` } });
    if (!answer.ok) throw new Error(String(answer.status));
    return URL.createObjectURL(await answer.blob());
  }

  buildDialog() {
    this.dialogText = h("p", {});
    this.dialogProblem = h("p", { class: "field__error", role: "alert" });
    const dialog = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        { class: "dialog", "aria-labelledby": "hand-in-title" },
        h("h2", { id: "hand-in-title" }, t("Hand in your work?")),
        this.dialogText,
        this.dialogProblem,
        h(
          "div",
          { class: "dialog__actions" },
          h("button", { type: "button", class: "button", autofocus: true, click: () => dialog.close() }, t("Keep working")),
          h("button", { type: "button", class: "button button--primary", click: () => this.handIn() }, t("Hand in now")),
        ),
      )
    );
    return dialog;
  }

  ask() {
    const open = this.questions.filter(({ id }) => !isAnswered(this.answers?.get(id).value ?? null)).length;
    const flagged = this.questions.filter(({ id }) => this.answers?.get(id).isFlagged).length;
    const words = [
      open > 0 ? t("Without an answer: {count}.", { count: number(open) }) : t("Everything is answered."),
      flagged > 0 ? t("Flagged for later: {count}.", { count: number(flagged) }) : "",
      t("You cannot change anything afterwards."),
    ];
    if (this.exam.external) words.splice(0, 2);
    setText(/** @type {HTMLElement} */ (this.dialogText), words.filter(Boolean).join(" "));
    setText(/** @type {HTMLElement} */ (this.dialogProblem), "");
    /** @type {HTMLDialogElement} */ (this.dialog).showModal();
  }

  async handIn() {
    const problem = /** @type {HTMLElement} */ (this.dialogProblem);
    const isSaved = (await this.answers?.flush()) ?? true;
    if (!isSaved) {
      setText(problem, t("Not everything is saved yet. Wait a moment and hand in again."));
      return;
    }
    try {
      await sendAs("POST", "/api/my/hand-in", {}, this.around.token());
      this.isHandedIn = true;
    } catch (error) {
      setText(problem, error instanceof Error ? t(error.message) : "");
    }
  }

  close() {
    this.external?.close();
    if (this.dialog?.open) this.dialog.close();
  }
}
