/**
 * Check-in, one step at a time: which steps there are, which one is shown, and what the server
 * says about it. A step is built when it is entered; its heading takes the focus.
 */
import { h, icon, setText } from "../../lib/dom.js";
import { getJson, sendAs } from "../../lib/http.js";
import { number, t } from "../../lib/language.js";
import { AdmissionStep } from "./admission.js";
import { DocumentStep } from "./document.js";
import { FaceStep } from "./face.js";
import { GazeStep } from "./gaze.js";
import { RoomStep } from "./room.js";
import { RulesStep } from "./rules.js";
import { SystemStep } from "./system.js";
import { VoiceStep } from "./voice.js";

/**
 * @typedef {{stage: string, steps: {step: string, state: string}[], step: string, share: number,
 *   is_done: boolean, guidance: {word: string, text: string} | null, seen: string[],
 *   trouble: string, reason: string, phone: import("./phone-scan.js").Phone | null}} Standing
 * @typedef {{user_id: string, exam_id: string, is_running: boolean, captures: string[],
 *   check_in: string, check_in_stage: string, check_in_steps: string[],
 *   consent: import("../consent.js").Consent}} Who
 * @typedef {{title: string, element: HTMLElement, enter?: () => void, leave?: () => void,
 *   hear?: (standing: Standing) => void}} Step
 */

/** @type {Record<string, {label: string, build: (flow: CheckInFlow) => Step}>} */
const STEPS = {
  rules: { label: t("Rules"), build: (flow) => new RulesStep(flow) },
  system: { label: t("System check"), build: (flow) => new SystemStep(flow) },
  face: { label: t("Face"), build: (flow) => new FaceStep(flow) },
  gaze: { label: t("Eyes"), build: (flow) => new GazeStep(flow) },
  voice: { label: t("Voice"), build: (flow) => new VoiceStep(flow) },
  document: { label: t("Document"), build: (flow) => new DocumentStep(flow) },
  room: { label: t("Room"), build: (flow) => new RoomStep(flow) },
  admission: { label: t("Admission"), build: (flow) => new AdmissionStep(flow) },
};

export class CheckInFlow {
  /**
   * @param {HTMLElement} root
   * @param {import("../../capture/capture.js").Capture} capture
   * @param {{join: () => Promise<void>, token: () => string, onAdmitted: () => void}} around
   */
  constructor(root, capture, around) {
    this.root = root;
    this.capture = capture;
    this.around = around;
    /** @type {Who | null} */
    this.who = null;
    /** @type {Standing | null} */
    this.standing = null;
    /** @type {string[]} */
    this.names = [];
    this.name = "";
    /** @type {Step | null} */
    this.step = null;
    this.isOpen = false;
    this.list = h("ol", { class: "steps", "aria-label": t("Check-in") });
    this.counter = h("p", { class: "steps__count small soft" });
    this.place = h("div", { class: "checkin__step" });
    root.replaceChildren(h("div", { class: "checkin__head" }, this.list, this.counter), this.place);
  }

  /**
   * Begins, or goes on after a reload: the devices are asked for again in any case.
   * @param {Who} who
   */
  open(who) {
    this.who = who;
    this.isOpen = true;
    const known = who.check_in_steps.filter((name) => name in STEPS);
    const before = who.is_running ? ["system"] : ["rules", "system"];
    this.names = [...before, ...known, "admission"];
    this.show(this.names[0]);
  }

  close() {
    this.step?.leave?.();
    this.step = null;
    this.isOpen = false;
  }

  get uses() {
    return new Set(this.who?.captures ?? []);
  }

  /** @param {string} name */
  show(name) {
    this.step?.leave?.();
    this.name = name;
    this.step = STEPS[name].build(this);
    const heading = h("h1", { tabindex: "-1" }, this.step.title);
    this.place.replaceChildren(heading, this.step.element);
    this.renderSteps();
    this.step.enter?.();
    heading.focus();
  }

  renderSteps() {
    const at = this.names.indexOf(this.name);
    const items = [t("Sign in"), ...this.names.map((name) => STEPS[name].label)];
    this.list.replaceChildren(
      ...items.map((label, index) => {
        const isDone = index <= at;
        return h(
          "li",
          {
            class: "steps__item",
            "data-state": isDone ? "done" : index === at + 1 ? "now" : "open",
            "aria-current": index === at + 1 ? "step" : null,
          },
          h("span", { class: "steps__dot", "aria-hidden": "true" }, isDone ? icon("check") : number(index + 1)),
          h("span", { class: "steps__label" }, label),
          isDone ? h("span", { class: "visually-hidden" }, ` (${t("done")})`) : null,
        );
      }),
    );
    const values = { at: number(at + 2), all: number(items.length), name: items[at + 1] };
    setText(this.counter, t("Step {at} of {all}: {name}", values));
  }

  /** The step after this one. */
  next() {
    const at = this.names.indexOf(this.name);
    this.show(this.names[at + 1]);
  }

  /** After the devices are there: the session begins, and the server names its steps. */
  async begin() {
    await this.around.join();
    this.learn(await getJson("/api/my/check-in", { token: this.around.token() }));
    if (!this.isOpen) return;
    const known = this.standing?.steps.filter(({ step }) => step in STEPS) ?? [];
    const before = this.names.includes("rules") ? ["rules", "system"] : ["system"];
    this.names = [...before, ...known.map(({ step }) => step), "admission"];
    const isDecided = this.standing?.stage === "waiting" || this.standing?.stage === "refused";
    const open = known.find(({ state }) => state === "open");
    this.show(isDecided || !open ? "admission" : open.step);
  }

  /**
   * @param {string} action
   * @param {object} [more]
   */
  async act(action, more = {}) {
    const path = "/api/my/check-in";
    this.learn(await sendAs("POST", path, { action, ...more }, this.around.token()));
  }

  /** @param {Standing} standing */
  learn(standing) {
    this.standing = standing;
    if (!this.isOpen) return;
    if (standing.stage === "admitted") {
      this.around.onAdmitted();
      return;
    }
    if ((standing.stage === "refused" || standing.stage === "waiting") && this.name !== "admission" && this.name !== "system") {
      this.show("admission");
    }
    this.step?.hear?.(standing);
  }
}
