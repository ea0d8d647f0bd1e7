/** The proctor's desk on one session: orders, the conversation with receipts, who waits, and who
 * else is here. */
import { h, icon, one, role, setText } from "../lib/dom.js";
import { timeOfDay } from "../lib/format.js";
import { getJson, postJson } from "../lib/http.js";
import { ActDialog } from "./act.js";
import { actionLabel, receiptOf } from "./orders.js";
import { Shortcuts } from "./shortcuts.js";
import { toast } from "./toasts.js";

/** @typedef {import("./orders.js").Action} Action */
/** @typedef {{request_id: string, reason: string, state: string, asked_at: string}} Place */

export class SessionDesk {
  /**
   * @param {HTMLElement} root
   * @param {string} sessionId
   * @param {() => import("socket.io-client").Socket} socket
   */
  constructor(root, sessionId, socket) {
    this.root = root;
    this.sessionId = sessionId;
    this.socket = socket;
    this.name = root.dataset.userId ?? "";
    this.me = root.dataset.staff ?? "";
    this.mayAct = root.dataset.mayAct === "true";
    this.path = `/api/session/${encodeURIComponent(sessionId)}`;
    this.dialog = new ActDialog(socket, (words) => toast(words));
    this.list = role(root, "talk");
    /** @type {Map<string, Action>} */
    this.actions = new Map();
    /** @type {Map<string, {element: HTMLElement, key: string}>} */
    this.lines = new Map();
    /** @type {Place[]} */
    this.places = [];
    /** @type {string[]} */
    this.pauses = [];
    this.wasChecking = false;
    this.state = "";
    for (const button of root.querySelectorAll("[data-order]")) {
      button.addEventListener("click", () => this.open(/** @type {HTMLElement} */ (button).dataset.order ?? ""));
    }
    const form = /** @type {HTMLFormElement} */ (role(root, "talk-form"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.say();
    });
    document.addEventListener("visibilitychange", () => this.read());
    new Shortcuts(this.shortcuts());
  }

  /** @returns {import("./shortcuts.js").Shortcut[]} */
  shortcuts() {
    const order = (/** @type {string} */ kind) => () => this.open(kind);
    return [
      { keys: ["w"], says: "Warn", run: order("warning") },
      { keys: ["m"], says: "Write a message", run: order("message") },
      { keys: ["p"], says: "Pause, or resume", run: () => this.open(this.pauses.includes("proctor") ? "resume" : "pause") },
      { keys: ["t"], says: "Give extra time", run: order("extra_time") },
      { keys: ["b"], says: "Grant or end a break", run: () => this.open(this.pauses.includes("break") ? "break_over" : "break_granted") },
      { keys: ["s"], says: "Ask for a room scan", run: order("scan") },
      { keys: ["c"], says: "Call a colleague", run: order("call") },
      { keys: ["n"], says: "Keep a note", run: order("note") },
      { keys: ["e"], says: "End the session", run: order("end") },
      { keys: ["l"], says: "Listen, or stop", run: () => one(this.root, '[data-action="listen"]').click() },
      { keys: ["u"], says: "Back to the wall", run: () => one(this.root, ".back").click() },
      { keys: ["?"], says: "This help", run: () => {} },
    ];
  }

  /** @param {string} kind */
  open(kind) {
    if (!this.mayAct) return;
    if (this.state === "ended" && kind !== "note" && kind !== "call") return;
    this.dialog.open(kind, [{ id: this.sessionId, name: this.name }]);
  }

  async load() {
    try {
      const { actions } = await getJson(`${this.path}/actions`);
      for (const action of actions) this.actions.set(action.action_id, action);
      this.places = (await getJson(`${this.path}/places`)).waiting;
    } catch {
      // The banner of the line says what is wrong; the next connection loads again.
    }
    this.render();
  }

  /** @param {any} event session_event of kind action or place */
  hear(event) {
    if (event.kind === "action") {
      this.actions.set(event.action_id, event);
      if (event.action === "call" && !event.seen_at && event.actor !== this.me) {
        toast(`${event.actor} calls: ${event.reason}`, { sign: "people", isCall: true });
      }
    } else {
      this.places = this.places.filter((place) => place.request_id !== event.request_id);
      if (event.state === "waiting") this.places.push(event);
    }
    this.render();
  }

  /** @param {string[]} people who looks at this session */
  showPeople(people) {
    const others = people.filter((name) => name !== this.me);
    const place = role(this.root, "people");
    place.hidden = others.length === 0;
    setText(role(place, "people-names"), `Also here: ${others.join(", ")}`);
  }

  /** @param {string} word */
  showState(word) {
    this.state = word;
    const orders = role(this.root, "orders");
    orders.hidden = word === "ended" || !this.mayAct;
    orders.dataset.state = word;
    one(this.root, '[data-action="listen"]').hidden = word !== "running";
    role(this.root, "talk-form").hidden = word !== "running" || !this.mayAct;
  }

  /** @param {string[]} pauses */
  showPauses(pauses) {
    this.pauses = pauses ?? [];
    const has = (/** @type {string} */ cause) => this.pauses.includes(cause);
    const isHeld = has("proctor") || has("warning_limit");
    one(this.root, '[data-order="pause"]').hidden = isHeld;
    one(this.root, '[data-order="resume"]').hidden = !isHeld;
    one(this.root, '[data-order="break_granted"]').hidden = has("break");
    one(this.root, '[data-order="break_over"]').hidden = !has("break");
    /** @type {[string, string][]} */
    const words = [
      ["check_in", "Checking in"],
      ["break", "On a break"],
      ["proctor", "Paused"],
      ["warning_limit", "Paused at the warning limit"],
    ];
    const tag = role(this.root, "paused");
    tag.hidden = this.pauses.length === 0;
    setText(tag, words.filter(([cause]) => has(cause)).map(([, text]) => text).join(", "));
    if (this.wasChecking !== has("check_in")) {
      this.wasChecking = has("check_in");
      this.render();
    }
  }

  render() {
    const actions = [...this.actions.values()].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
    actions.forEach((action, index) => this.place(action, index));
    role(this.root, "talk-empty").hidden = actions.length > 0;
    this.list.hidden = actions.length === 0;
    this.renderWishes(actions);
    this.read();
  }

  /**
   * @param {Action} action
   * @param {number} index
   */
  place(action, index) {
    const key = `${action.seen_at}`;
    const known = this.lines.get(action.action_id);
    if (known?.key === key) return;
    const element = this.build(action);
    if (known) known.element.replaceWith(element);
    else {
      this.list.insertBefore(element, this.list.children[index] ?? null);
      this.list.scrollTop = this.list.scrollHeight;
    }
    this.lines.set(action.action_id, { element, key });
  }

  /** @param {Action} action */
  build(action) {
    const { action: kind, actor, actor_kind: actorKind, at, text, reason, minutes } = action;
    const who = actorKind === "student" ? this.name : actorKind === "server" ? "Candor" : actor;
    const label = kind === "chat" ? "" : actionLabel(kind) + (minutes ? `, ${minutes} min` : "");
    const receipt = receiptOf(action, timeOfDay);
    return h(
      "li",
      { class: "line", "data-from": actorKind === "student" ? "student" : "staff", "data-kind": kind },
      h("div", { class: "line__head" }, h("strong", {}, who), h("span", {}, label), h("span", { class: "soft number" }, timeOfDay(at))),
      text ? h("p", { class: "line__text" }, text) : null,
      reason && reason !== text ? h("p", { class: "line__text soft" }, reason) : null,
      receipt ? h("span", { class: "line__receipt", "data-seen": String(Boolean(action.seen_at)) }, receipt) : null,
    );
  }

  /** @param {Action[]} actions */
  renderWishes(actions) {
    const last = actions.filter(({ action }) => action.startsWith("break_")).at(-1);
    const wishes = [
      ...(this.wasChecking
        ? [this.wish("user", "The student is checking in.", [["Admit", "admit"], ["Refuse", "refuse"]])]
        : []),
      ...(last?.action === "break_asked"
        ? [this.wish("clock", "The student asks for a break.", [["Grant", "break_granted"], ["Refuse", "break_refused"]])]
        : []),
      ...this.places.map((place) => this.placeWish(place)),
    ];
    const panel = role(this.root, "wishes");
    panel.hidden = wishes.length === 0;
    panel.replaceChildren(...wishes);
  }

  /**
   * @param {string} sign
   * @param {string} words
   * @param {[string, string][]} orders label and kind
   */
  wish(sign, words, orders) {
    const buttons = orders.map(([label, kind], index) =>
      h("button", { type: "button", class: index ? "button button--small" : "button button--small button--primary", click: () => this.open(kind) }, label),
    );
    return h("li", { class: "wish" }, icon(sign), h("span", { class: "wish__words" }, words), ...buttons);
  }

  /** @param {Place} place */
  placeWish(place) {
    const words = `Another ${place.reason === "network" ? "network" : "device"} asks for this session, since ${timeOfDay(place.asked_at)}.`;
    const decide = async (/** @type {boolean} */ approve) => {
      try {
        await postJson(`${this.path}/place`, { request_id: place.request_id, approve });
        this.places = this.places.filter((each) => each !== place);
        this.render();
      } catch (problem) {
        toast(problem instanceof Error ? problem.message : "It could not be decided.", { sign: "alert" });
      }
    };
    return h(
      "li",
      { class: "wish" },
      icon("replace"),
      h("span", { class: "wish__words" }, words),
      h("button", { type: "button", class: "button button--small button--primary", click: () => decide(true) }, "Let in"),
      h("button", { type: "button", class: "button button--small", click: () => decide(false) }, "Refuse"),
    );
  }

  /** What the student wrote is in front of somebody. */
  read() {
    if (document.visibilityState !== "visible" || !this.mayAct) return;
    const isNew = [...this.actions.values()].some(({ action, seen_at }) => action === "chat" && !seen_at);
    if (isNew) this.socket().emit("chat_seen", { session_id: this.sessionId }, () => {});
  }

  async say() {
    const input = /** @type {HTMLInputElement} */ (role(this.root, "talk-text"));
    const text = input.value.trim();
    if (!text) return;
    const problem = await this.dialog.order({ session_id: this.sessionId, kind: "message", text });
    setText(role(this.root, "talk-problem"), problem);
    if (!problem) input.value = "";
  }
}
