/** The student portal: leads from the door to the running session and out of it. */
import { Capture } from "../capture/capture.js";
import { findBrowserProblem } from "../capture/media.js";
import { one, role, setText } from "../lib/dom.js";
import { getJson, postJson, Refusal } from "../lib/http.js";
import { language, t } from "../lib/language.js";
import { CheckInFlow } from "./checkin/flow.js";
import { ClosingView } from "./closing.js";
import { showConsent } from "./consent.js";
import { ExamView } from "./exam/exam.js";
import { Keeper, tokenOf } from "./identity.js";
import { ResultView } from "./result/result.js";
import { RunningView } from "./running.js";
import { SetupView } from "./setup.js";
import { causeWords } from "./words.js";

const START_PATIENCE_MS = 20_000;

const root = one(document, ".portal");
const usesScreen = root.dataset.captureScreen === "true";
const keeper = new Keeper(sessionStorage, localStorage);
const capture = new Capture(root.dataset.consent);
const setup = new SetupView(view("setup"), capture, start, takesOver);
const running = new RunningView(view("running"), capture, usesScreen);
const checkIn = new CheckInFlow(view("checkin"), capture, {
  join: () => join(keeper.read()?.token ?? ""),
  token: () => keeper.read()?.token ?? "",
  onAdmitted: () => admit(),
});
const exam = new ExamView(role(root, "exam"), {
  token: () => keeper.read()?.token ?? "",
  sessionId: () => keeper.read()?.sessionId ?? "",
  capture,
  titled: (title) => running.showExam(title),
  fills: (isFull) => running.fullScreen.want(isFull),
});
const result = new ResultView(view("result"));
const endDialog = /** @type {HTMLDialogElement} */ (role(document, "end-dialog"));
const closing = new ClosingView(view("closing"));

/** @type {{resolve: () => void, reject: (reason: Error) => void} | null} */
let starting = null;
/** What the server said when it took the session up. @type {any} */
let lastStart = null;
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
  role(root, "language").hidden = name === "running";
  if (name !== "setup" && name !== "checkin") one(view(name), "h1").focus();
}

/**
 * @param {string} title
 * @param {string} text
 * @param {Parameters<ClosingView["show"]>[2]} [options]
 */
function showClosing(title, text, options) {
  closing.show(title, text, options);
  endDialog.close();
  showView("closing");
}

/** Exams that ask for check-in lead through it before any device is asked for. */
async function takesOver() {
  if (setup.hasToken) return false;
  const { examId } = setup.identity;
  const exam = await getJson(`/portal/exam/${encodeURIComponent(examId)}`);
  if (exam.has_roster && setup.askForDetails()) return true;
  if (exam.check_in === "off") return false;
  openCheckIn(await signIn(known()));
  return true;
}

/** @param {import("./checkin/flow.js").Who} who */
function openCheckIn(who) {
  showView("checkin");
  checkIn.open(who);
}

function admit() {
  checkIn.close();
  showView("running");
  running.start(lastStart);
  exam.open();
}

async function start() {
  const held = known();
  const isKnown = setup.hasToken && held;
  const token = isKnown ? held.token : await createSession(held);
  await join(token);
}

/** @param {import("./identity.js").Held | null} held */
async function createSession(held) {
  const answer = await signIn(held);
  if (learnConsent(answer.consent)) {
    setup.showIdentity({ userId: answer.user_id, examId: answer.exam_id });
    throw new Error(
      t("What is recorded in this exam is not what this page said. Read it again, then start."),
    );
  }
  return answer.token;
}

/** @param {import("./identity.js").Held | null} held */
async function signIn(held) {
  const { userId, examId } = setup.identity;
  const isSame = held?.userId === userId && held?.examId === examId;
  const answer = await postJson("/portal/session", {
    user_id: userId,
    exam_id: examId,
    ...setup.details,
    ...(held && isSame ? { token: held.token } : {}),
  });
  keeper.keep({ token: answer.token, userId, examId, hasStarted: false, sessionId: answer.session_id });
  return answer;
}

/**
 * Shows what this very exam records.
 * @param {import("./consent.js").Consent} consent
 * @returns {boolean} whether that is news
 */
function learnConsent(consent) {
  const isNews = consent.version !== capture.consent;
  capture.consent = consent.version;
  if (isNews) showConsent(role(view("setup"), "consent"), consent);
  setText(role(root, "consent-version"), consent.version);
  return isNews;
}

/**
 * @param {string} token
 * @returns {Promise<void>} settled when the server has taken the session up or refused it
 */
function join(token) {
  return new Promise((resolve, reject) => {
    starting = { resolve, reject };
    const giveUp = () => reject(new Error(t("The server does not answer yet. This page keeps trying.")));
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
        sessionId: keeper.read()?.sessionId,
      });
      setup.setBusy(false);
      lastStart = news;
      if (!checkIn.isOpen) {
        if (view("running").hidden) showView("running");
        running.start(news);
        exam.open();
      }
      keepAwake();
      starting?.resolve();
      break;
    case "refused":
      refuse(news);
      break;
    case "waiting":
      setup.showStartProblem(t("Your proctor has been asked."), news.message);
      starting?.reject(new Error(t(news.message)));
      break;
    case "line":
      running.showLine(news.line);
      break;
    case "check_in":
      if (checkIn.isOpen) checkIn.learn(news.payload);
      break;
    case "exam_changed":
      exam.hear(news.payload);
      break;
    case "status":
      running.showStatus(news.status);
      break;
    case "ended":
      finish(news.cause);
      break;
    case "end-failed":
      running.endProblem = t("The session could not be ended yet. Try again when the line is back.");
      running.render();
      break;
  }
}

/** @param {{code: string, message: string}} news */
function refuse({ message }) {
  keeper.forget();
  checkIn.close();
  if (!view("setup").hidden) {
    setup.askForIdentity();
    starting?.reject(new Error(t(message)));
    return;
  }
  showClosing(t("This session cannot go on"), t(message) || t("The server does not know this session any more."), {
    icon: "alert",
    tone: "technical",
    again: { label: t("Back to the start"), run: () => location.reload() },
  });
}

/** @param {string} cause */
function finish(cause) {
  wakeLock?.release().catch(() => {});
  checkIn.close();
  running.end();
  if (cause === "replaced") {
    showClosing(
      t("This session continues in another window"),
      t("Only one window can be watched at a time. You can close this one."),
      { icon: "replace", tone: "technical", again: { label: t("Continue here instead"), run: takeBack } },
    );
    return;
  }
  const token = keeper.read()?.token ?? "";
  const hasExam = Boolean(exam.exam) && exam.exam.state !== "none";
  exam.close();
  keeper.forget();
  const devices = usesScreen
    ? t("Camera, microphone and screen are switched off.")
    : t("Camera and microphone are switched off.");
  const why = exam.isHandedIn ? "handed_in" : cause;
  const words = `${causeWords(why)} ${devices} ${t("You can close this page.")}`;
  showClosing(t("Your exam session has ended"), words.trim());
  if (hasExam && token) offerResult(token);
}

/** @param {string} token of the session that has ended */
function offerResult(token) {
  closing.offerResult(() => {
    showView("result");
    result.open(token);
  });
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

/** What proves that a session runs in this browser. */
const known = () => keeper.read() ?? keeper.remembered();

/** @param {string} token from a join link */
async function arriveWith(token) {
  const before = known();
  try {
    const who = await getJson("/portal/session", { token });
    if (before?.hasStarted && before.sessionId === who.session_id) return await comeBack(before);
    keeper.leave();
    keeper.keep({ token, userId: who.user_id, examId: who.exam_id, hasStarted: false, sessionId: who.session_id });
    if (needsCheckIn(who)) return openCheckIn(who);
    learnConsent(who.consent);
    setup.showIdentity({ userId: who.user_id, examId: who.exam_id });
    showView("setup");
  } catch (problem) {
    showLinkProblem(problem);
  }
}

/** @param {import("./checkin/flow.js").Who} who */
function needsCheckIn(who) {
  return who.check_in !== "off" && who.check_in_stage !== "admitted";
}

/** @param {unknown} problem */
function showLinkProblem(problem) {
  const isOffline = problem instanceof Refusal && problem.status === 0;
  showClosing(
    isOffline ? t("The server does not answer") : t("This link is no longer good"),
    isOffline
      ? t("Check your line, then try again.")
      : t("Go back to the page that sent you here and open the exam again for a fresh link."),
    {
      icon: isOffline ? "line-down" : "alert",
      tone: "technical",
      again: isOffline ? { label: t("Try again"), run: () => location.reload() } : undefined,
    },
  );
}

/**
 * The browser was closed or crashed in the middle of an exam: the student goes on, or somebody
 * else begins.
 * @param {import("./identity.js").Held} held
 */
async function offerWayBack(held) {
  try {
    const who = await getJson("/portal/session", { token: held.token });
    if (!who.is_running) throw new Error("not running");
  } catch (problem) {
    if (!(problem instanceof Refusal && problem.status === 0)) keeper.forget();
    return openDoor();
  }
  showClosing(
    t("An exam is still running in this browser"),
    t("It is exam {exam} of {user}. Go on where you were; what you typed is kept.", { exam: held.examId, user: held.userId }),
    {
      icon: "clock",
      again: { label: t("Go on with the exam"), run: () => comeBack(held) },
      other: { label: t("Start another exam"), run: openDoor },
    },
  );
}

/** @param {import("./identity.js").Held} held */
async function comeBack(held) {
  keeper.keep(held);
  try {
    const who = await getJson("/portal/session", { token: held.token });
    if (needsCheckIn(who)) return openCheckIn(who);
    if (held.hasStarted && who.is_running) return await takeBack();
    learnConsent(who.consent);
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
    t("Open the exam from your own link"),
    t("This exam is entered through a link of its own, from the page or message that announced it."),
    { icon: "info", tone: "technical" },
  );
}

function arrive() {
  const problem = findBrowserProblem(/** @type {any} */ (window));
  if (problem) {
    showClosing(t(problem.title), t(problem.remedy, { host: location.host }), { icon: "alert", tone: "technical" });
    return;
  }
  const token = tokenOf(location.hash);
  if (token) {
    history.replaceState(null, "", location.pathname + location.search);
    arriveWith(token);
    return;
  }
  const held = keeper.read();
  const remembered = keeper.remembered();
  if (held) comeBack(held);
  else if (remembered) offerWayBack(remembered);
  else openDoor();
}

capture.addEventListener("news", (event) => hear(/** @type {CustomEvent} */ (event).detail));
capture.addEventListener("news", (event) => running.talk.hear(/** @type {CustomEvent} */ (event).detail));
capture.addEventListener("level", (event) => {
  const scale = Math.min(1, Math.sqrt(/** @type {CustomEvent} */ (event).detail));
  for (const bar of root.querySelectorAll(".level__bar")) {
    /** @type {HTMLElement} */ (bar).style.transform = `scaleX(${scale.toFixed(2)})`;
  }
});
capture.addEventListener("broken", () => {
  starting?.reject(new Error(t("A part of this page could not be loaded. Reload it and try again.")));
});
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
/** @type {HTMLSelectElement} */ (role(root, "language")).addEventListener("change", (event) => {
  const chosen = /** @type {HTMLSelectElement} */ (event.target).value;
  if (chosen === language) return;
  document.cookie = `candor_language=${chosen}; Path=/; Max-Age=31536000; SameSite=Lax`;
  location.reload();
});
window.addEventListener("hashchange", () => tokenOf(location.hash) && location.reload());
setInterval(() => running.showElapsed(), 500);

arrive();
