/** The view while the session runs: a self-view, a quiet state, and notices that can be acted on. */
import { MediaProblem } from "../capture/media.js";
import { one, role, setText, changeIcon } from "../lib/dom.js";
import { clock, number, t } from "../lib/language.js";
import { FullScreen } from "./fullscreen.js";
import { NoticeBoard } from "./notices.js";
import { Talk } from "./talk.js";
import { limitWords, lineWords, ruleWords } from "./words.js";
import { Warnings } from "./warnings.js";

/** @typedef {import("../capture/media.js").Device} Device */

/** @type {Record<string, {label: string, tone: string}>} */
const FACES = {
  well: { label: t("Well seen"), tone: "good" },
  unsure: { label: t("Not seen well"), tone: "advice" },
  none: { label: t("Not seen"), tone: "advice" },
  several: { label: t("Several people"), tone: "advice" },
};

/** @type {Record<Device, {lost: string, remedy: string, action: string, icon: string}>} */
const LOST = {
  camera: {
    lost: t("The camera stopped."),
    remedy: t("Check that it is plugged in and that no other program uses it."),
    action: t("Switch camera on"),
    icon: "camera",
  },
  microphone: {
    lost: t("The microphone stopped."),
    remedy: t("Check that it is plugged in and not muted."),
    action: t("Switch microphone on"),
    icon: "microphone",
  },
  screen: {
    lost: t("Your screen is no longer shared."),
    remedy: t("The exam asks for it. Share the entire screen again."),
    action: t("Share the screen again"),
    icon: "screen",
  },
};

/** Under this the focus score is worth a look at oneself, as the alerts have it. */
const LOW_FOCUS = 40;
/** Ten silent seconds: the level arrives ten times a second. */
const SILENT_LEVELS = 100;

export class RunningView {
  /**
   * @param {HTMLElement} root
   * @param {import("../capture/capture.js").Capture} capture
   * @param {boolean} usesScreen
   */
  constructor(root, capture, usesScreen) {
    this.root = root;
    this.capture = capture;
    this.devices = /** @type {Device[]} */ (
      usesScreen ? ["camera", "microphone", "screen"] : ["camera", "microphone"]
    );
    this.board = new NoticeBoard(role(root, "notices"));
    this.talk = new Talk(role(root, "talk"), (event, payload) => capture.say(event, payload));
    this.line = "good";
    this.isConnected = false;
    /** When the session began, on a clock that nobody can set. @type {number | null} */
    this.sinceMs = null;
    this.silentLevels = 0;
    /** @type {Record<string, any>} */
    this.status = {};
    this.endProblem = "";
    this.warnings = new Warnings(this.stateRow("warnings"), role(root, "noted"));
    this.fullScreen = new FullScreen();
    /** Why a device could not be had again. @type {Map<Device, {title: string, remedy: string}>} */
    this.problems = new Map();
    /** Where the student worked last. @type {HTMLElement | null} */
    this.worked = null;
    this.pageTitle = document.title;
    this.fullScreen.addEventListener("change", () => this.render());
    /** Whether the student was away and has not taken note of it. */
    this.wasAway = false;
    capture.addEventListener("away", () => {
      this.wasAway ||= !capture.isAway;
      this.render();
    });
    role(root, "exam").addEventListener("focusin", ({ target }) => {
      this.worked = /** @type {HTMLElement} */ (target);
    });
    capture.addEventListener("devices", () => this.render());
    capture.addEventListener("level", (event) => this.hear(/** @type {CustomEvent} */ (event).detail));
  }

  /** @param {{startedMs: number, serverMs: number, userId: string, examId: string}} news */
  start({ startedMs, serverMs, userId, examId }) {
    this.sinceMs = performance.now() - (serverMs - startedMs);
    this.isConnected = true;
    this.line = "good";
    setText(role(this.root, "identity"), t("You are {user}, exam {exam}.", { user: userId, exam: examId }));
    this.render();
  }

  /**
   * The exam is in this page: its title is the heading, and the status stands beside it.
   * @param {string} title
   */
  showExam(title) {
    this.root.classList.add("running--exam");
    setText(one(this.root, "h1"), title);
    one(this.root, ".running__end").hidden = true;
  }

  showElapsed() {
    if (this.sinceMs === null) return;
    setText(role(this.root, "elapsed"), clock((performance.now() - this.sinceMs) / 1000));
  }

  /** @param {string} line */
  showLine(line) {
    this.line = line;
    this.render();
  }

  /** @param {Record<string, any>} status */
  showStatus(status) {
    this.status = status;
    this.render();
  }

  /** @param {number} peak */
  hear(peak) {
    const wasSilent = this.silentLevels >= SILENT_LEVELS;
    this.silentLevels = peak < 0.0004 ? this.silentLevels + 1 : 0;
    if (wasSilent !== this.silentLevels >= SILENT_LEVELS) this.render();
  }

  render() {
    if (this.root.hidden) return;
    const video = /** @type {HTMLVideoElement} */ (role(this.root, "self-view"));
    if (video.srcObject !== this.capture.streams.camera) video.srcObject = this.capture.streams.camera;
    this.renderLine();
    this.renderFace();
    for (const device of this.devices) if (device !== "camera") this.renderDevice(device);
    this.setTone("recording", this.line === "down" ? "technical" : "good");
    this.renderFocus();
    this.warnings.show(this.status.warned);
    this.board.show(this.notices());
    document.title = this.capture.isAway ? t("Return to the exam") : this.pageTitle;
  }

  /** The session is over for this page. */
  end() {
    this.wasAway = false;
    this.fullScreen.leave();
    document.title = this.pageTitle;
  }

  renderFocus() {
    const { focus } = this.status;
    const row = this.stateRow("focus");
    row.hidden = typeof focus !== "number";
    if (row.hidden) return;
    setText(role(this.root, "focus"), t("{focus} of {most}", { focus: number(focus), most: number(100) }));
    this.setTone("focus", focus < LOW_FOCUS ? "advice" : "good");
  }

  renderLine() {
    const words = this.isConnected ? lineWords(this.line) : { label: t("Connecting…"), icon: "line-slow" };
    setText(role(this.root, "line"), words.label);
    const row = this.stateRow("line");
    const svg = row.querySelector("svg");
    if (svg) changeIcon(svg, words.icon);
    this.setTone("line", !this.isConnected ? "wait" : this.line === "good" ? "good" : "technical");
  }

  renderFace() {
    const isCameraOn = this.capture.has("camera");
    const known = this.faceWords();
    setText(role(this.root, "face"), isCameraOn ? known.label : t("Camera off"));
    this.setTone("face", isCameraOn ? known.tone : "technical");
  }

  /** Without a line, or without advice, "unsure" says nothing about the student. */
  faceWords() {
    const { face, advice } = this.status;
    const isUnknown = this.line === "down" || (face === "unsure" && !advice);
    return (isUnknown ? null : FACES[face]) ?? { label: t("Looking…"), tone: "wait" };
  }

  /** @param {Device} device */
  renderDevice(device) {
    const isOn = this.capture.has(device);
    setText(role(this.root, device), isOn ? (device === "screen" ? t("Shared") : t("On")) : t("Off"));
    this.setTone(device, isOn ? "good" : "technical");
  }

  /** @returns {import("./notices.js").Notice[]} */
  notices() {
    /** @type {import("./notices.js").Notice[]} */
    const notices = [];
    if (this.line === "down") {
      notices.push({
        key: "line",
        tone: "technical",
        icon: "line-down",
        title: t("Your line is down, keep working."),
        text: t("This page keeps trying. Time without a line never counts against you."),
      });
    }
    if (this.capture.isAway) notices.push(this.awayNotice());
    else if (this.wasAway) notices.push(this.backNotice());
    for (const device of this.devices) {
      if (!this.capture.has(device)) notices.push(this.lostNotice(device));
    }
    if (this.fullScreen.isMissing) notices.push(this.fullScreenNotice());
    if (this.status.pauses?.includes("warning_limit")) {
      notices.push({
        key: "paused",
        tone: "conduct",
        icon: "pause",
        title: t("The exam is paused: the limit of warnings is reached."),
        text: t("Your proctor has been told and decides how it goes on. Stay in front of the camera."),
      });
    }
    if (this.capture.has("microphone")) this.addSoundNotice(notices);
    if (this.status.advice && this.capture.has("camera")) {
      notices.push({ key: "advice", tone: "plain", icon: "info", title: t(this.status.advice) });
    }
    for (const warning of this.status.warnings ?? []) {
      if (this.isSaid(warning.rule)) continue;
      const title = ruleWords(warning.rule);
      const text = warning.counts ? limitWords(this.status.warned) : undefined;
      if (title) notices.push({ key: warning.rule, tone: "conduct", icon: "alert", title, text });
    }
    if (this.endProblem) {
      notices.push({ key: "end", tone: "technical", icon: "alert", title: this.endProblem });
    }
    return notices;
  }

  /**
   * Whether a notice with a remedy says it already.
   * @param {string} rule
   */
  isSaid(rule) {
    return (
      (rule === "focus_change" && (this.capture.isAway || this.wasAway)) ||
      (rule === "fullscreen_exit" && this.fullScreen.isMissing && this.fullScreen.wasOn)
    );
  }

  /** @param {import("./notices.js").Notice[]} notices */
  addSoundNotice(notices) {
    if (!this.capture.microphone?.isRunning) {
      notices.push({
        key: "sound",
        tone: "technical",
        icon: "microphone",
        title: t("The browser waits for a click before it listens."),
        action: { label: t("Switch sound on"), run: () => this.wakeSound() },
      });
    } else if (this.silentLevels >= SILENT_LEVELS) {
      notices.push({
        key: "silent",
        tone: "technical",
        icon: "microphone",
        title: t("Nothing is heard from your microphone."),
        text: t("Check that it is not muted."),
      });
    }
  }

  async wakeSound() {
    await this.capture.microphone?.context.resume().catch(() => {});
    this.render();
  }

  /**
   * @param {Device} device
   * @returns {import("./notices.js").Notice}
   */
  lostNotice(device) {
    const { lost, remedy, action, icon } = LOST[device];
    const problem = this.problems.get(device);
    return {
      key: device,
      tone: "technical",
      icon,
      title: problem ? t(problem.title) : lost,
      text: problem ? t(problem.remedy) : remedy,
      action: { label: action, run: () => this.reopen(device) },
    };
  }

  /** @returns {import("./notices.js").Notice} */
  awayNotice() {
    return {
      key: "away",
      tone: "conduct",
      icon: "window",
      title: t("You are not in the exam."),
      text: t("Another window or tab is in front. That was noticed; come back and go on."),
      action: { label: t("Return to the exam"), run: () => window.focus() },
    };
  }

  /**
   * Who was in another tab has read nothing of it there.
   * @returns {import("./notices.js").Notice}
   */
  backNotice() {
    return {
      key: "back",
      tone: "conduct",
      icon: "window",
      title: ruleWords("focus_change"),
      text: t("That was noticed. Stay in this page until you have handed in."),
      action: { label: t("I understand"), run: () => this.takeNote() },
    };
  }

  takeNote() {
    this.wasAway = false;
    this.render();
    this.resume(true);
  }

  /** @returns {import("./notices.js").Notice} */
  fullScreenNotice() {
    const { wasOn } = this.fullScreen;
    return {
      key: "fullscreen",
      tone: wasOn ? "conduct" : "plain",
      icon: "screen",
      title: wasOn ? t("You left full screen.") : t("This exam is taken in full screen."),
      text: wasOn ? t("That was noticed. Return to it and go on.") : undefined,
      action: {
        label: wasOn ? t("Return to full screen") : t("Go to full screen"),
        run: () => this.fillScreen(),
      },
    };
  }

  async fillScreen() {
    await this.fullScreen.enter();
    this.render();
    this.resume(!this.fullScreen.isMissing);
  }

  /** @param {Device} device */
  async reopen(device) {
    this.problems.delete(device);
    try {
      await this.capture.open(device);
    } catch (problem) {
      if (problem instanceof MediaProblem) this.problems.set(device, problem);
    }
    this.render();
    this.resume(this.capture.has(device));
  }

  /**
   * A notice was put right and is gone: the focus goes back to where the student worked.
   * @param {boolean} isRight
   */
  resume(isRight) {
    if (!isRight || (document.activeElement && document.activeElement !== document.body)) return;
    const place = this.worked?.isConnected ? this.worked : one(this.root, "h1");
    place.focus({ preventScroll: true });
  }

  /** @param {string} name */
  stateRow(name) {
    return one(this.root, `[data-state="${name}"]`);
  }

  /**
   * @param {string} name
   * @param {string} tone
   */
  setTone(name, tone) {
    this.stateRow(name).dataset.tone = tone;
  }
}
