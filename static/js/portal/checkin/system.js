/** The system check: browser, camera, microphone, screen, second monitor, line; each with a remedy. */
import { explain, MediaProblem } from "../../capture/media.js";
import { h, icon, setText } from "../../lib/dom.js";
import { number, t } from "../../lib/language.js";
import { actions, button, setReady } from "./parts.js";

const HEARD = 0.01;
const SILENT_MS = 8000;
const UPLINK_BYTES = 200_000;
/** What pictures, sound and the screen take. */
const ENOUGH_KBIT_S = 1500;

/** @typedef {"wait" | "run" | "good" | "warn" | "bad"} State */

export class SystemStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.flow = flow;
    this.title = t("System check");
    this.isHeard = false;
    this.isBusy = false;
    /** @type {Map<string, {row: HTMLElement, state: State}>} */
    this.rows = new Map();
    const uses = flow.uses;
    /** @type {[string, string][]} */
    const checks = [["browser", t("Browser")]];
    if (uses.has("screen")) checks.push(["screen", t("Screen")]);
    if (uses.has("camera")) checks.push(["camera", t("Camera")]);
    if (uses.has("microphone")) checks.push(["microphone", t("Microphone")]);
    checks.push(["monitor", t("Second monitor")], ["line", t("Line")]);
    this.button = button(t("Start the check"), () => this.press(), { isPrimary: true });
    this.hint = h("p", { class: "small soft", role: "status" });
    this.listen = (/** @type {Event} */ event) => this.level(/** @type {CustomEvent} */ (event).detail);
    this.element = h(
      "div",
      { class: "checkin__body" },
      h("p", { class: "soft" }, t("Your browser asks for each device. Say yes, and say a few words so that the microphone can be heard.")),
      h("ul", { class: "checks" }, ...checks.map(([name, label]) => this.build(name, label))),
      this.hint,
      actions(this.button),
    );
  }

  /**
   * @param {string} name
   * @param {string} label
   */
  build(name, label) {
    const row = h(
      "li",
      { class: "check", "data-check": name, "data-state": "wait" },
      h("span", { class: "check__sign" }, icon("clock")),
      h("span", { class: "check__name" }, label),
      h("span", { class: "check__state", "data-role": "state" }, t("Not checked yet")),
      h("p", { class: "check__remedy", "data-role": "remedy", hidden: true }),
    );
    this.rows.set(name, { row, state: "wait" });
    return row;
  }

  /**
   * @param {string} name
   * @param {State} state
   * @param {string} words
   * @param {string} [remedy]
   */
  set(name, state, words, remedy = "") {
    const known = this.rows.get(name);
    if (!known) return;
    known.state = state;
    known.row.dataset.state = state;
    const signs = { wait: "clock", run: "clock", good: "check-circle", warn: "info", bad: "alert" };
    known.row.querySelector(".check__sign")?.replaceChildren(icon(signs[state]));
    const place = /** @type {HTMLElement} */ (known.row.querySelector('[data-role="state"]'));
    setText(place, words);
    const box = /** @type {HTMLElement} */ (known.row.querySelector('[data-role="remedy"]'));
    setText(box, remedy);
    box.hidden = !remedy;
    this.renderButton();
  }

  get isGood() {
    return [...this.rows.values()].every(({ state }) => state === "good" || state === "warn");
  }

  renderButton() {
    const isBad = [...this.rows.values()].some(({ state }) => state === "bad");
    const words = this.isGood ? t("Continue") : isBad ? t("Check again") : t("Start the check");
    setText(this.button, words);
    setReady(this.button, !this.isBusy || this.isGood);
  }

  enter() {
    this.set("browser", "good", t("Good"));
    this.checkMonitor();
    this.flow.capture.addEventListener("level", this.listen);
    this.flow.capture.addEventListener("devices", this.notice);
  }

  leave() {
    this.flow.capture.removeEventListener("level", this.listen);
    this.flow.capture.removeEventListener("devices", this.notice);
  }

  notice = () => {
    for (const device of /** @type {const} */ (["camera", "screen"])) {
      const known = this.rows.get(device);
      if (known?.state === "good" && !this.flow.capture.has(device)) {
        this.set(device, "bad", t("Off"), t("It was switched off. Check again."));
      }
    }
  };

  async press() {
    if (this.isGood) {
      setReady(this.button, false);
      setText(this.hint, t("Your session begins…"));
      try {
        await this.flow.begin();
      } catch (error) {
        setText(this.hint, error instanceof Error ? t(error.message) : "");
        this.renderButton();
      }
      return;
    }
    if (this.isBusy) return;
    this.isBusy = true;
    this.renderButton();
    setText(this.hint, "");
    // The screen first: only its question insists on a click just made.
    if (this.rows.has("screen")) await this.checkDevice("screen");
    if (this.rows.has("camera")) await this.checkDevice("camera");
    if (this.rows.has("microphone")) await this.checkMicrophone();
    this.checkMonitor();
    await this.checkLine();
    this.isBusy = false;
    this.renderButton();
  }

  /** @param {"camera" | "microphone" | "screen"} device */
  async checkDevice(device) {
    this.set(device, "run", t("Your browser is asking…"));
    try {
      await this.flow.capture.open(device);
    } catch (error) {
      const known = error instanceof MediaProblem ? error : explain(device, error);
      this.set(device, "bad", t(known.title), t(known.remedy));
      return false;
    }
    this.set(device, "good", device === "screen" ? t("Shared") : t("On"));
    return true;
  }

  async checkMicrophone() {
    if (!(await this.checkDevice("microphone"))) return;
    if (this.isHeard) return this.set("microphone", "good", t("You are heard"));
    this.set("microphone", "run", t("Say a few words…"));
    setTimeout(() => {
      if (this.isHeard) return;
      this.set(
        "microphone",
        "bad",
        t("Nothing is heard from your microphone."),
        t("It may be muted: look for a switch on it or on the keyboard, choose the right microphone in your computer's sound settings, and say a few words."),
      );
    }, SILENT_MS);
  }

  /** @param {number} peak */
  level(peak) {
    if (this.isHeard || peak < HEARD) return;
    this.isHeard = true;
    if (this.rows.has("microphone")) this.set("microphone", "good", t("You are heard"));
  }

  checkMonitor() {
    const isExtended = /** @type {any} */ (window.screen).isExtended === true;
    if (!isExtended) return this.set("monitor", "good", t("None"));
    this.set(
      "monitor",
      "warn",
      t("A second monitor is connected."),
      t("Unplug it or switch it off now. Your proctor sees that it was there."),
    );
  }

  async checkLine() {
    this.set("line", "run", t("Measuring…"));
    const body = new Uint8Array(UPLINK_BYTES);
    const from = performance.now();
    try {
      const answer = await fetch("/api/my/uplink", {
        method: "POST",
        body,
        headers: { Authorization: `Bearer ${this.flow.around.token()}`, "Content-Type": "application/octet-stream" },
        signal: AbortSignal.timeout(15_000),
      });
      if (!answer.ok) throw new Error(String(answer.status));
    } catch {
      this.set("line", "bad", t("The server does not answer"), t("Check your line, then try again."));
      return;
    }
    const kbits = (UPLINK_BYTES * 8) / Math.max(1, performance.now() - from);
    const speed = t("{speed} Mbit/s up", { speed: number(kbits / 1000, { maximumFractionDigits: 1 }) });
    if (kbits >= ENOUGH_KBIT_S) return this.set("line", "good", speed);
    this.set(
      "line",
      "warn",
      speed,
      t("This line is slow. Stop downloads and video calls, and sit close to your router or use a cable. You can go on; what your line cannot take in time is sent later."),
    );
  }
}
