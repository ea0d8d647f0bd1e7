/**
 * What the proctor says and the student answers: messages with receipts, breaks, a conversation.
 * A receipt is sent when a message stands on a screen that is looked at, not when it arrives.
 */
import { h, icon, setText } from "../lib/dom.js";
import { clock, t, timeOfDay } from "../lib/language.js";

/**
 * @typedef {{message_id: string, kind: string, text: string, from: string, at: string,
 *   minutes: number | null}} Message
 * @typedef {{state: string, until_ms: number | null, left: number}} BreakState
 * @typedef {(event: string, payload: object) => Promise<any>} Say
 */

/** @type {Record<string, {title: string, tone: string, sign: string}>} */
const KINDS = {
  message: { title: t("Message from your proctor"), tone: "plain", sign: "info" },
  warning: { title: t("Warning from your proctor"), tone: "conduct", sign: "alert" },
  scan: { title: t("Please show your room"), tone: "conduct", sign: "camera" },
  pause: { title: t("Your proctor has paused the exam"), tone: "technical", sign: "clock" },
  resume: { title: t("The exam goes on"), tone: "good", sign: "check-circle" },
  extra_time: { title: t("You have more time"), tone: "good", sign: "clock" },
  break: { title: t("Your break"), tone: "plain", sign: "clock" },
  end: { title: t("Your proctor ends the session"), tone: "technical", sign: "alert" },
  admit: { title: t("You are admitted"), tone: "good", sign: "check-circle" },
  refuse: { title: t("You are not admitted"), tone: "technical", sign: "alert" },
};
const PATIENCE_MS = 12_000;

export class Talk {
  /**
   * @param {HTMLElement} root an empty section of the running view
   * @param {Say} say
   */
  constructor(root, say) {
    this.root = root;
    this.say = say;
    /** @type {Map<string, HTMLElement>} */
    this.cards = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.lines = new Map();
    /** @type {Set<string>} */
    this.unseen = new Set();
    /** @type {BreakState} */
    this.pause = { state: "none", until_ms: null, left: 0 };
    this.wordCount = 0;
    this.pageId = Math.random().toString(36).slice(2);
    this.build();
    document.addEventListener("visibilitychange", () => this.confirm());
    setInterval(() => this.renderBreak(), 500);
  }

  build() {
    this.alerts = h("div", { class: "talk__alerts", "aria-live": "assertive" });
    this.breakText = h("p", { class: "talk__break", "aria-live": "polite" });
    this.breakButton = h("button", { type: "button", class: "button button--small", click: () => this.changeBreak() });
    this.log = h("ol", { class: "talk__log", tabindex: "0", "aria-label": t("Conversation with your proctor") });
    this.input = /** @type {HTMLInputElement} */ (
      h("input", { class: "input", maxlength: "1000", autocomplete: "off", id: "talk-text" })
    );
    this.problem = h("p", { class: "field__error", role: "alert" });
    const form = h(
      "form",
      { class: "talk__form" },
      h("label", { for: "talk-text" }, t("Write to your proctor")),
      this.input,
      h("button", { class: "button", type: "submit" }, t("Send")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.root.append(
      this.alerts,
      h("div", { class: "talk__breaks" }, this.breakText, this.breakButton),
      h("details", { class: "talk__box" }, h("summary", {}, icon("info"), t("Conversation with your proctor")), this.log, form, this.problem),
    );
    this.box = /** @type {HTMLDetailsElement} */ (this.root.querySelector("details"));
    this.root.hidden = false;
    this.renderBreak();
  }

  /** @param {{type: string, payload: any}} news of the line */
  hear({ type, payload }) {
    if (type === "message") this.take(payload);
    if (type === "break") {
      this.pause = payload;
      this.renderBreak();
    }
    if (type === "started") this.catchUp();
  }

  /** Fills the conversation after the page was loaded again. */
  async catchUp() {
    const ack = await this.ask("talk", {});
    for (const line of ack?.messages ?? []) this.addLine(line, line.is_mine);
  }

  /** @param {Message} message */
  take(message) {
    const { message_id: id, kind } = message;
    this.addLine(message, false);
    if (!this.cards.has(id)) {
      if (kind === "resume") this.dismissKind("pause");
      if (kind === "break") this.dismissKind("break");
      const card = this.buildCard(message);
      this.cards.set(id, card);
      this.alerts?.append(card);
    }
    this.unseen.add(id);
    this.confirm();
  }

  /** @param {Message} message */
  buildCard({ message_id: id, kind, text }) {
    const { title, tone, sign } = KINDS[kind] ?? KINDS.message;
    const button = h(
      "button",
      { type: "button", class: "button button--small notice__action", click: () => this.dismiss(id) },
      kind === "warning" || kind === "scan" ? t("I understand") : t("Close"),
    );
    const card = h(
      "div",
      { class: `notice notice--${tone} talk__card`, "data-kind": kind, "data-message-id": id },
      icon(sign),
      // Ready texts are in the catalogue; what a proctor wrote stays as it was written.
      h("div", {}, h("strong", {}, title), h("span", { class: "talk__text" }, t(text))),
      button,
    );
    return card;
  }

  /** @param {string} id */
  dismiss(id) {
    this.cards.get(id)?.remove();
  }

  /** @param {string} kind */
  dismissKind(kind) {
    for (const card of this.cards.values()) if (card.dataset.kind === kind) card.remove();
  }

  /** Says of what now stands on the screen that it does. */
  async confirm() {
    if (document.visibilityState !== "visible") return;
    for (const id of [...this.unseen]) {
      const ack = await this.ask("message_seen", { message_id: id });
      if (ack?.ok || ack?.error?.code === "not_found") this.unseen.delete(id);
    }
  }

  /**
   * @param {{message_id: string, text: string, at: string}} line
   * @param {boolean} isMine
   */
  addLine({ message_id: id, text, at }, isMine) {
    if (this.lines.has(id) || !text) return;
    const who = isMine ? t("You") : t("Proctor");
    const line = h(
      "li",
      { class: "talk__line", "data-mine": String(isMine) },
      h("span", { class: "soft small" }, `${who}, ${timeOfDay(at)}`),
      h("span", { class: "talk__text" }, isMine ? text : t(text)),
    );
    this.lines.set(id, line);
    this.log?.append(line);
    if (this.log) this.log.scrollTop = this.log.scrollHeight;
    if (!isMine && this.box && !this.box.open) this.box.dataset.news = "true";
  }

  async send() {
    const input = /** @type {HTMLInputElement} */ (this.input);
    const problem = /** @type {HTMLElement} */ (this.problem);
    const text = input.value.trim();
    setText(problem, "");
    if (!text) return;
    const number = `${this.pageId}-${(this.wordCount += 1)}`;
    const ack = await this.ask("chat", { text, id: number });
    if (!ack?.ok) {
      setText(problem, t(ack?.error?.message ?? "It could not be sent. Try again in a moment."));
      return;
    }
    input.value = "";
    this.addLine({ message_id: ack.message_id, text, at: ack.at }, true);
  }

  async changeBreak() {
    const isWaiting = ["asked", "granted"].includes(this.pause.state);
    const ack = await this.ask(isWaiting ? "withdraw_break" : "ask_break", {});
    if (!ack?.ok) {
      setText(/** @type {HTMLElement} */ (this.problem), t(ack?.error?.message ?? "It could not be sent. Try again in a moment."));
      return;
    }
    this.pause = { state: ack.state, until_ms: ack.until_ms, left: ack.left };
    this.renderBreak();
  }

  renderBreak() {
    const { state, until_ms: untilMs } = this.pause;
    const leftS = untilMs === null ? 0 : Math.max(0, (untilMs - Date.now()) / 1000);
    /** @type {Record<string, [string, string]>} */
    const words = {
      asked: [t("You have asked for a break. Stay until your proctor answers."), t("I need no break")],
      granted: [t("Break: {left} left. Nothing is scored meanwhile.", { left: clock(leftS) }), t("I am back")],
    };
    const [text, label] = words[state] ?? ["", t("Ask for a break")];
    if (this.breakText) setText(this.breakText, text);
    if (this.breakButton) setText(this.breakButton, label);
    this.root.dataset.break = state;
  }

  /**
   * @param {string} event
   * @param {object} payload
   * @returns {Promise<any>} the acknowledgement, or null when none came
   */
  async ask(event, payload) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve(null), PATIENCE_MS);
    });
    const ack = await Promise.race([this.say(event, payload).catch(() => null), late]);
    clearTimeout(timer);
    return ack;
  }
}
