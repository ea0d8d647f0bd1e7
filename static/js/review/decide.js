/** Confirm, dismiss, cannot tell: what is seen, why, and for which flags it holds. */
import { h, setText } from "../lib/dom.js";

/** @type {Record<string, {label: string, key: string, reasons: string[]}>} */
const CHOICES = {
  confirmed: {
    label: "Confirm",
    key: "c",
    reasons: ["As described", "A device is used", "Somebody helps", "Notes are read", "Speaks with somebody"],
  },
  dismissed: {
    label: "Dismiss",
    key: "d",
    reasons: [
      "Harmless: thinking or reading",
      "Somebody passes by",
      "The detector is wrong",
      "Poor light or picture",
      "Was allowed",
    ],
  },
  unclear: {
    label: "Cannot tell",
    key: "t",
    reasons: ["Too dark or blurred", "Out of the picture", "Too short", "The clip could not be made", "Ask the student"],
  },
};

export class DecideForm {
  /**
   * @param {HTMLElement} place
   * @param {(decision: string, reason: string) => Promise<void>} save
   */
  constructor(place, save) {
    this.save = save;
    this.decision = "";
    this.buttons = Object.entries(CHOICES).map(([decision, { label, key }]) =>
      h(
        "button",
        {
          type: "button",
          class: "button rv-decide__choice",
          "data-decision": decision,
          "aria-pressed": "false",
          "aria-keyshortcuts": key,
          click: () => this.choose(decision),
        },
        label,
        h("kbd", {}, key.toUpperCase()),
      ),
    );
    this.chips = h("div", { class: "rv-chips", role: "group", "aria-label": "Reasons" });
    this.reason = /** @type {HTMLInputElement} */ (
      h("input", { class: "input input--small", id: "rv-reason", maxlength: 1000, autocomplete: "off" })
    );
    this.problem = h("p", { class: "field__error", role: "alert" });
    this.submit = h("button", { type: "submit", class: "button button--primary" }, "Save and go on");
    this.more = h(
      "form",
      {
        class: "rv-decide__more",
        hidden: true,
        submit: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.send();
        },
      },
      this.chips,
      h("div", { class: "field" }, h("label", { for: "rv-reason" }, "Why?"), this.reason),
      this.problem,
      this.submit,
    );
    this.back = h(
      "button",
      { type: "button", class: "button button--small", hidden: true, click: () => this.undo() },
      "Take this decision back",
    );
    this.locked = h("p", { class: "soft small", hidden: true });
    place.replaceChildren(h("div", { class: "rv-decide__choices" }, ...this.buttons), this.more, this.back, this.locked);
  }

  /**
   * @param {string} decided the decision that stands, or "unreviewed"
   * @param {string} why not, or "" when this person may decide
   */
  show(decided, why) {
    this.decision = "";
    this.more.hidden = true;
    this.reason.value = "";
    setText(this.problem, "");
    setText(this.locked, why);
    this.locked.hidden = why === "";
    this.back.hidden = why !== "" || decided === "unreviewed";
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.decision === decided));
      button.toggleAttribute("disabled", why !== "");
    }
  }

  /** @param {string} decision */
  choose(decision) {
    this.decision = decision;
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.decision === decision));
    }
    this.chips.replaceChildren(
      ...CHOICES[decision].reasons.map((text, index) =>
        h(
          "button",
          { type: "button", class: "rv-chip", click: () => this.take(text) },
          h("kbd", {}, index + 1),
          text,
        ),
      ),
    );
    this.reason.value = decision === "confirmed" ? CHOICES.confirmed.reasons[0] : "";
    this.more.hidden = false;
    setText(this.problem, "");
    (decision === "confirmed" ? this.submit : this.chips.querySelector("button"))?.focus();
  }

  /** @param {string} text */
  take(text) {
    this.reason.value = text;
    this.submit.focus();
  }

  async undo() {
    this.decision = "unreviewed";
    this.reason.value = "Taken back";
    await this.send();
  }

  async send() {
    const reason = this.reason.value.trim();
    if (!reason) {
      setText(this.problem, "Say why, in a few words, or choose a reason above.");
      this.reason.focus();
      return;
    }
    this.submit.setAttribute("aria-busy", "true");
    try {
      await this.save(this.decision, reason);
    } catch (problem) {
      setText(this.problem, problem instanceof Error ? problem.message : "That did not work. Try again.");
      this.more.hidden = false;
    } finally {
      this.submit.removeAttribute("aria-busy");
    }
  }

  /**
   * Whether a key was one of ours.
   * @param {string} key
   */
  press(key) {
    const chosen = Object.entries(CHOICES).find(([, choice]) => choice.key === key);
    if (chosen && !this.buttons[0].hasAttribute("disabled")) {
      this.choose(chosen[0]);
      return true;
    }
    const chip = /^[1-5]$/.test(key) && !this.more.hidden ? this.chips.children[Number(key) - 1] : null;
    if (chip instanceof HTMLElement) {
      chip.click();
      return true;
    }
    return false;
  }
}
