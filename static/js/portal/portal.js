/** The student portal: leads from the door to the running session and out of it. */
import { Capture } from "../capture/capture.js";
import { findBrowserProblem } from "../capture/media.js";
import { one, role, setText } from "../lib/dom.js";
import { getJson, postJson, Refusal } from "../lib/http.js";
import { causeForStudent } from "../lib/words.js";
import { Keeper, tokenOf } from "./identity.js";
import { RunningView } from "./running.js";
import { SetupView } from "./setup.js";

const START_PATIENCE_MS = 20_000;

const root = one(document, ".portal");
const usesScreen = root.dataset.captureScreen === "true";
const keeper = new Keeper(sessionStorage);
const capture = new Capture(root.dataset.consent);
const setup = new SetupView(view("setup"), capture, start);
const running = new RunningView(view("running"), capture, usesScreen);
const endDialog = /** @type {HTMLDialogElement} */ (role(document, "end-dialog"));
const againButton = one(root, '[data-action="again"]');

/** @type {(() => void) | null} */
let onAgain = null;
/** @type {{resolve: () => void, reject: (reason: Error) => void} | null} */
let starting = null;
/** @type {WakeLockSentinel | null} */
let wakeLock = null;

/** @param {string} name */
function view(name) {
  return one(root, `[data-view="${name}"]`);
}

/** @param {string} name */
function showView(name) {
  for (const section of root.querySelectorAll("[data-view]")) {
    /** @type {HTMLElement} */ (section).hidden = section.getAttribute("data-view") !== name;
  }
  if (name !== "setup") one(view(name), "h1").focus();
}

/**
 * @param {string} title
 * @param {string} text
 * @param {{icon?: string, tone?: string, again?: {label: string, run: () => void}}} [options]
 */
function showClosing(title, text, { icon = "check-circle", tone = "good", again } = {}) {
  setText(role(root, "closing-title"), title);
  setText(role(root, "closing-text"), text);
  const use = root.querySelector('[data-role="closing-icon"]');
  use?.setAttribute("href", `#icon-${icon}`);
  view("closing").dataset.tone = tone;
  againButton.hidden = !again;
  setText(againButton, again?.label ?? "");
  onAgain = again?.run ?? null;
  endDialog.close();
  showView("closing");
}

async function start() {
  const held = keeper.read();
  const token = setup.hasToken && held ? held.token : await createSession(held);
  await join(token);
}

/** @param {import("./identity.js").Held | null} held */
async function createSession(held) {
  const { userId, examId } = setup.identity;
  const isSame = held?.userId === userId && held?.examId === examId;
  const answer = await postJson("/portal/session", {
    user_id: userId,
    exam_id: examId,
    ...setup.details,
    ...(held && isSame ? { token: held.token } : {}),
  });
  keeper.keep({ token: answer.token, userId, examId, hasStarted: false });
  return answer.token;
}

/**
 * @param {string} token
 * @returns {Promise<void>} settled when the server has taken the session up or refused it
 */
function join(token) {
  return new Promise((resolve, reject) => {
    starting = { resolve, reject };
    const giveUp = () => reject(new Error("The server does not answer yet. This page keeps trying."));
    setTimeout(giveUp, START_PATIENCE_MS);
    capture.join(token);
  });
}

/** @param {any} news */
function hear(news) {
  switch (news.type) {
    case "started":
      keeper.keep({
        token: news.token,
        userId: news.userId,
        examId: news.examId,
        hasStarted: true,
      });
      setup.setBusy(false);
      if (view("running").hidden) showView("running");
      running.start(news);
      keepAwake();
      starting?.resolve();
      break;
    case "refused":
      refuse(news);
      break;
    case "waiting":
      setup.showStartProblem("Your proctor has been asked.", news.message);
      starting?.reject(new Error(news.message));
      break;
    case "line":
      running.showLine(news.line);
      break;
    case "status":
      running.showStatus(news.status);
      break;
    case "ended":
      finish(news.cause);
      break;
    case "end-failed":
      running.endProblem = "The session could not be ended yet. Try again when the line is back.";
      running.render();
      break;
  }
}

/** @param {{code: string, message: string}} news */
function refuse({ message }) {
  keeper.forget();
  if (!view("setup").hidden) {
    setup.askForIdentity();
    starting?.reject(new Error(message));
    return;
  }
  showClosing("This session cannot go on", message || "The server does not know this session any more.", {
    icon: "alert",
    tone: "technical",
    again: { label: "Back to the start", run: () => location.reload() },
  });
}

/** @param {string} cause */
function finish(cause) {
  wakeLock?.release().catch(() => {});
  if (cause === "replaced") {
    showClosing(
      "This session continues in another window",
      "Only one window can be watched at a time. You can close this one.",
      { icon: "replace", tone: "technical", again: { label: "Continue here instead", run: takeBack } },
    );
    return;
  }
  keeper.forget();
  const devices = usesScreen ? "Camera, microphone and screen" : "Camera and microphone";
  const words = `${devices} are switched off. You can close this page.`;
  showClosing("Your exam session has ended", `${causeForStudent(cause)} ${words}`.trim());
}

/** Goes on with the session this tab holds: after a reload, or after another window had it. */
async function takeBack() {
  const held = keeper.read();
  if (!held) return location.reload();
  showView("running");
  running.render();
  join(held.token).catch(() => {});
  for (const device of /** @type {const} */ (["camera", "microphone"])) {
    await capture.open(device).catch(() => {});
  }
  running.render();
}

async function keepAwake() {
  try {
    wakeLock = await navigator.wakeLock.request("screen");
  } catch {
    wakeLock = null;
  }
}

/** @param {string} token from a join link */
async function arriveWith(token) {
  keeper.forget();
  try {
    const who = await getJson("/portal/session", { token });
    keeper.keep({ token, userId: who.user_id, examId: who.exam_id, hasStarted: false });
    setup.showIdentity({ userId: who.user_id, examId: who.exam_id });
    showView("setup");
  } catch (problem) {
    showLinkProblem(problem);
  }
}

/** @param {unknown} problem */
function showLinkProblem(problem) {
  const isOffline = problem instanceof Refusal && problem.status === 0;
  showClosing(
    isOffline ? "The server does not answer" : "This link is no longer good",
    isOffline
      ? "Check your line, then try again."
      : "Go back to the page that sent you here and open the exam again for a fresh link.",
    {
      icon: isOffline ? "line-down" : "alert",
      tone: "technical",
      again: isOffline ? { label: "Try again", run: () => location.reload() } : undefined,
    },
  );
}

/** @param {import("./identity.js").Held} held */
async function comeBack(held) {
  try {
    const who = await getJson("/portal/session", { token: held.token });
    if (held.hasStarted && who.is_running) return await takeBack();
    setup.showIdentity({ userId: who.user_id, examId: who.exam_id });
  } catch (problem) {
    if (held.hasStarted && problem instanceof Refusal && problem.status === 0) return await takeBack();
    keeper.forget();
  }
  openDoor();
}

function openDoor() {
  if (setup.hasToken || root.dataset.walkIn === "true") {
    showView("setup");
    return;
  }
  showClosing(
    "Open the exam from your own link",
    "This exam is entered through a link of its own, from the page or message that announced it.",
    { icon: "info", tone: "technical" },
  );
}

function fillWords() {
  getJson("/portal/config")
    .then((config) => {
      for (const place of root.querySelectorAll("[data-config]")) {
        const value = config[place.getAttribute("data-config") ?? ""];
        if (value !== undefined) setText(place, value);
      }
    })
    .catch(() => {});
}

function arrive() {
  const problem = findBrowserProblem(/** @type {any} */ (window));
  if (problem) {
    showClosing(problem.title, problem.remedy, { icon: "alert", tone: "technical" });
    return;
  }
  fillWords();
  const token = tokenOf(location.hash);
  if (token) {
    history.replaceState(null, "", location.pathname + location.search);
    arriveWith(token);
    return;
  }
  const held = keeper.read();
  if (held) comeBack(held);
  else openDoor();
}

capture.addEventListener("news", (event) => hear(/** @type {CustomEvent} */ (event).detail));
capture.addEventListener("level", (event) => {
  const scale = Math.min(1, Math.sqrt(/** @type {CustomEvent} */ (event).detail));
  for (const bar of root.querySelectorAll(".level__bar")) {
    /** @type {HTMLElement} */ (bar).style.transform = `scaleX(${scale.toFixed(2)})`;
  }
});
capture.addEventListener("broken", () => {
  starting?.reject(new Error("A part of this page could not be loaded. Reload it and try again."));
});
againButton.addEventListener("click", () => onAgain?.());
one(view("running"), '[data-action="end"]').addEventListener("click", () => {
  running.endProblem = "";
  endDialog.showModal();
});
one(endDialog, '[data-action="keep"]').addEventListener("click", () => endDialog.close());
one(endDialog, '[data-action="end-now"]').addEventListener("click", () => {
  endDialog.close();
  capture.end();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && wakeLock?.released) keepAwake();
});
window.addEventListener("hashchange", () => tokenOf(location.hash) && location.reload());
setInterval(() => running.showElapsed(), 500);

arrive();
