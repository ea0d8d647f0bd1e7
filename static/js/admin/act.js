/** The dialog in which an order is written, and what became of it. */
import { h, one, role, setText } from "../lib/dom.js";
import { ORDERS, titleOf } from "./orders.js";

/**
 * @typedef {{id: string, name: string}} Target
 * @typedef {{kind: string, label: string, text: string}} Canned
 */

const PATIENCE_MS = 15_000;

export class ActDialog {
  /**
   * @param {() => import("socket.io-client").Socket} socket
   * @param {(words: string) => void} announce
   */
  constructor(socket, announce) {
    this.socket = socket;
    this.announce = announce;
    this.dialog = /** @type {HTMLDialogElement} */ (role(document, "act-dialog"));
    this.form = /** @type {HTMLFormElement} */ (one(this.dialog, "form"));
    this.text = /** @type {HTMLTextAreaElement} */ (role(this.dialog, "act-text"));
    this.reason = /** @type {HTMLTextAreaElement} */ (role(this.dialog, "act-reason"));
    this.minutes = /** @type {HTMLInputElement} */ (role(this.dialog, "act-minutes"));
    this.problem = role(this.dialog, "act-problem");
    this.submit = /** @type {HTMLButtonElement} */ (role(this.dialog, "act-send"));
    /** @type {Canned[]} */
    this.canned = JSON.parse(this.dialog.dataset.canned ?? "[]");
    this.kind = "message";
    /** @type {Target[]} */
    this.targets = [];
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    one(this.dialog, '[data-action="act-cancel"]').addEventListener("click", () => this.dialog.close());
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.send();
    });
  }

  /**
   * @param {string} kind
   * @param {Target[]} targets
   */
  open(kind, targets) {
    const order = ORDERS[kind];
    if (!order || targets.length === 0) return;
    if (order.isAtOnce) {
      this.order({ session_ids: targets.map(({ id }) => id), kind }).then((said) => said && this.announce(said));
      return;
    }
    this.kind = kind;
    this.targets = targets;
    setText(role(this.dialog, "act-title"), titleOf(kind, targets.map(({ name }) => name)));
    this.renderFields(order);
    this.renderCanned();
    setText(this.problem, "");
    this.dialog.showModal();
    const first = order.text ? this.text : order.minutes ? this.minutes : this.reason;
    first.focus();
  }

  /** @param {import("./orders.js").OrderKind} order */
  renderFields(order) {
    role(this.dialog, "act-text-field").hidden = !order.text;
    role(this.dialog, "act-minutes-field").hidden = !order.minutes;
    role(this.dialog, "act-reason-field").hidden = !order.reason;
    setText(role(this.dialog, "act-reason-label"), order.reason === "free" ? "Reason (if there is one)" : "Reason");
    setText(role(this.dialog, "act-reason-hint"), order.reasonHint ?? "");
    this.text.value = "";
    this.reason.value = "";
    this.minutes.value = this.kind === "extra_time" ? "10" : "";
    setText(this.submit, order.send);
    this.submit.className = order.isGrave ? "button button--conduct" : "button button--primary";
  }

  renderCanned() {
    const fitting = this.canned.filter(({ kind }) => kind === this.kind);
    const place = role(this.dialog, "act-canned");
    place.hidden = fitting.length === 0;
    place.replaceChildren(
      ...fitting.map(({ label, text }) =>
        h("button", { type: "button", class: "chip", click: () => this.take(text) }, label),
      ),
    );
    if (this.kind === "scan" && fitting[0]) this.text.value = fitting[0].text;
  }

  /** @param {string} text */
  take(text) {
    this.text.value = text;
    this.text.focus();
  }

  async send() {
    const minutes = Number.parseFloat(this.minutes.value);
    const order = {
      session_ids: this.targets.map(({ id }) => id),
      kind: this.kind,
      text: ORDERS[this.kind].text ? this.text.value : null,
      reason: ORDERS[this.kind].reason ? this.reason.value : null,
      minutes: ORDERS[this.kind].minutes && Number.isFinite(minutes) ? minutes : null,
    };
    this.submit.setAttribute("aria-busy", "true");
    const said = await this.order(order);
    this.submit.removeAttribute("aria-busy");
    if (said) setText(this.problem, said);
    else this.dialog.close();
  }

  /**
   * Sends an order at once.
   * @param {object} order as of `act` in the protocol
   * @returns {Promise<string>} what is wrong, or "" when it was done
   */
  async order(order) {
    let ack;
    try {
      ack = await this.socket().timeout(PATIENCE_MS).emitWithAck("act", order);
    } catch {
      return "The server does not answer. Check your line, then try again.";
    }
    if (!ack.ok) return ack.error.message;
    const missed = ack.refused.map((/** @type {any} */ each) => each.message);
    const done = `Sent to ${ack.actions.length === 1 ? "1 student" : `${ack.actions.length} students`}.`;
    if (missed.length > 0 && ack.actions.length === 0) return missed[0];
    this.announce(missed.length ? `${done} Not done for ${missed.length}: ${missed[0]}` : done);
    return "";
  }
}
