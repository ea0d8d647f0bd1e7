/** The view before the start: who the student is, what is allowed, and what is in the way. */
import { MediaProblem } from "../capture/media.js";
import { h, one, role, setText } from "../lib/dom.js";
import { Refusal } from "../lib/http.js";
import { t } from "../lib/language.js";
import { idProblem } from "./identity.js";

/** @typedef {import("../capture/media.js").Device} Device */

const DETAILS = [
  { name: "name", label: t("Your name"), type: "text" },
  { name: "date_of_birth", label: t("Date of birth"), type: "date" },
  { name: "course", label: t("Course"), type: "text" },
];

/** @type {Record<Device, string>} */
const IS_ON = { camera: t("On"), microphone: t("On"), screen: t("Shared") };

export class SetupView {
  /**
   * @param {HTMLElement} root
   * @param {import("../capture/capture.js").Capture} capture
   * @param {() => Promise<void>} onStart
   * @param {() => Promise<boolean>} takesOver whether the exam has a way in of its own
   */
  constructor(root, capture, onStart, takesOver) {
    this.takesOver = takesOver;
    this.root = root;
    this.capture = capture;
    this.onStart = onStart;
    this.form = /** @type {HTMLFormElement} */ (one(root, "form"));
    this.button = one(root, '[type="submit"]');
    this.isBusy = false;
    /** The device the browser asks for at this moment. @type {Device | null} */
    this.asking = null;
    this.hasToken = false;
    this.form.addEventListener("submit", (event) => this.submit(event));
    for (const row of this.rows()) {
      one(row, '[data-action="allow"]').addEventListener("click", () => this.allow(deviceOf(row)));
    }
    for (const input of this.form.querySelectorAll("input")) {
      input.addEventListener("input", () => this.setFieldError(input, ""));
    }
    capture.addEventListener("devices", () => this.renderDevices());
  }

  /** @returns {HTMLElement[]} */
  rows() {
    return [...this.root.querySelectorAll(".device")].map((row) => /** @type {HTMLElement} */ (row));
  }

  /**
   * Shows names that came with a token instead of asking for them.
   * @param {{userId: string, examId: string}} who
   */
  showIdentity({ userId, examId }) {
    this.hasToken = true;
    role(this.root, "fields").hidden = true;
    role(this.root, "who").hidden = false;
    setText(role(this.root, "who-user"), userId);
    setText(role(this.root, "who-exam"), examId);
  }

  askForIdentity() {
    this.hasToken = false;
    role(this.root, "fields").hidden = false;
    role(this.root, "who").hidden = true;
  }

  get identity() {
    const value = (/** @type {string} */ name) =>
      /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name)).value.trim();
    return { userId: value("user_id"), examId: value("exam_id") };
  }

  /** What an exam with a roster asks besides; nothing until the server said so. */
  get details() {
    /** @type {Record<string, string>} */
    const details = {};
    for (const { name } of DETAILS) {
      const input = this.form.elements.namedItem(name);
      if (input instanceof HTMLInputElement) details[name] = input.value.trim();
    }
    return details;
  }

  /** @returns {boolean} whether that was news to the student */
  askForDetails() {
    if (Object.keys(this.details).length > 0) return false;
    role(this.root, "fields").append(...DETAILS.map((field) => this.buildField(field)));
    one(this.root, `#${DETAILS[0].name}`).focus();
    return true;
  }

  /** @param {{name: string, label: string, type: string}} field */
  buildField({ name, label, type }) {
    const input = /** @type {HTMLInputElement} */ (
      h("input", { class: "input", id: name, name, type, maxlength: "120", "aria-describedby": `${name}-error` })
    );
    input.addEventListener("input", () => this.setFieldError(input, ""));
    return h(
      "div",
      { class: "field" },
      h("label", { for: name }, label),
      input,
      h("span", { class: "field__error", id: `${name}-error` }),
    );
  }

  /** @param {Event} event */
  async submit(event) {
    event.preventDefault();
    if (this.isBusy || !this.isIdentityGood()) return;
    this.showStartProblem("", "");
    this.setBusy(true);
    try {
      if (await this.takesOver()) this.setBusy(false);
      else if (await this.allowAll()) await this.onStart();
      else this.setBusy(false);
    } catch (problem) {
      this.fail(problem);
    }
  }

  /** @param {unknown} problem */
  fail(problem) {
    this.setBusy(false);
    if (problem instanceof Refusal && problem.code === "identity_needed") this.askForDetails();
    const { title, remedy } =
      problem instanceof MediaProblem
        ? problem
        : { title: t("The session did not start."), remedy: problem instanceof Error ? problem.message : "" };
    this.showStartProblem(title, remedy);
  }

  isIdentityGood() {
    if (this.hasToken) return true;
    const { userId, examId } = this.identity;
    const problems = [idProblem(userId, t("User ID")), idProblem(examId, t("Exam ID"))];
    for (const value of Object.values(this.details)) problems.push(value ? "" : t("Fill this in."));
    const fields = role(this.root, "fields");
    const inputs = [...fields.querySelectorAll("input")];
    inputs.forEach((input, index) => this.setFieldError(input, problems[index]));
    inputs.find((_, index) => problems[index])?.focus();
    return problems.every((problem) => !problem);
  }

  /**
   * @param {HTMLInputElement} input
   * @param {string} problem
   */
  setFieldError(input, problem) {
    setText(one(this.root, `#${input.id}-error`), problem);
    if (problem) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }

  /** The screen first: only that picker insists on a click just made. */
  async allowAll() {
    const devices = this.rows().map(deviceOf);
    if (devices.includes("screen")) devices.unshift(/** @type {Device} */ (devices.pop()));
    for (const device of devices) if (!(await this.allow(device))) return false;
    return true;
  }

  /**
   * @param {Device} device
   * @returns {Promise<boolean>}
   */
  async allow(device) {
    if (!this.capture.has(device)) this.asking = device;
    this.showProblem(device, null);
    try {
      await this.capture.open(device);
      this.stopAsking();
      return true;
    } catch (problem) {
      this.stopAsking();
      const known =
        problem instanceof MediaProblem
          ? problem
          : new MediaProblem(device, `The ${device} could not be used.`, "Reload the page and try again.");
      this.showProblem(device, known);
      one(this.row(device), '[data-action="allow"]').focus();
      return false;
    }
  }

  stopAsking() {
    this.asking = null;
    this.renderDevices();
  }

  /** @param {Device} device */
  row(device) {
    return one(this.root, `.device[data-device="${device}"]`);
  }

  /**
   * @param {Device} device
   * @param {MediaProblem | null} problem
   */
  showProblem(device, problem) {
    const row = this.row(device);
    const box = role(row, "problem");
    box.hidden = problem === null;
    setText(role(row, "problem-title"), t(problem?.title));
    setText(role(row, "problem-remedy"), t(problem?.remedy));
    row.dataset.problem = problem ? "true" : "false";
    this.renderDevices();
  }

  renderDevices() {
    for (const row of this.rows()) {
      const device = deviceOf(row);
      const isOn = this.capture.has(device);
      const hasProblem = row.dataset.problem === "true" && !isOn;
      row.dataset.state = isOn ? "on" : hasProblem ? "problem" : "off";
      const isAsking = this.asking === device;
      const words = isAsking ? t("Your browser is asking…") : hasProblem ? t("Not available") : t("Not allowed yet");
      setText(role(row, "state"), isOn ? IS_ON[device] : words);
      const button = one(row, '[data-action="allow"]');
      button.hidden = isOn;
      if (hasProblem && device !== "screen") button.replaceChildren(t("Try again"), spoken(device));
      const level = row.querySelector('[data-role="level"]');
      if (level instanceof HTMLElement) level.hidden = !isOn;
    }
    const video = /** @type {HTMLVideoElement} */ (role(this.root, "preview"));
    const stream = this.capture.streams.camera;
    if (video.srcObject !== stream) video.srcObject = stream;
    video.hidden = !stream;
    role(this.root, "preview-empty").hidden = Boolean(stream);
  }

  /**
   * @param {string} title
   * @param {string} remedy
   */
  showStartProblem(title, remedy) {
    const box = role(this.root, "start-problem");
    setText(role(box, "problem-title"), t(title));
    setText(role(box, "problem-remedy"), t(remedy));
    box.hidden = !title;
  }

  /** @param {boolean} isBusy */
  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.button.setAttribute("aria-busy", String(isBusy));
    this.button.setAttribute("aria-disabled", String(isBusy));
    setText(this.button, isBusy ? t("Starting…") : t("Start Exam Session"));
  }
}

/**
 * Says which one a short button means to those who hear the page.
 * @param {Device} device
 */
function spoken(device) {
  return h("span", { class: "visually-hidden" }, ` ${t(device)}`);
}

/** @param {HTMLElement} row */
function deviceOf(row) {
  return /** @type {Device} */ (row.dataset.device);
}
