/** One session: live picture, scores, what was noticed, its timeline and its flagged clips. */
import { LiveFrame } from "../elements/live-frame.js";
import { ScoreRing } from "../elements/score-ring.js";
import { SessionTimeline } from "../elements/session-timeline.js";
import { h, one, role, setText } from "../lib/dom.js";
import { duration, percent, points } from "../lib/format.js";
import { getJson } from "../lib/http.js";
import { openLive, readScale, sayOffline, showLoad } from "../lib/live.js";
import {
  causeLabel,
  detectorLabel,
  directionLabel,
  facesLabel,
  gapLabel,
  gazeWords,
  lineWords,
} from "../lib/words.js";
import { ClipItem } from "./clip-item.js";
import { CheckInPanel } from "./check-in-panel.js";
import { SessionDesk } from "./desk.js";
import { Hearing } from "./hearing.js";
import { ViolationLog } from "./log.js";
import { SessionPlot } from "./plot.js";
import { ScreenEventLog } from "./screen-events.js";
import { SessionState } from "./session-state.js";

const RELOAD_AFTER_MS = 1200;
const LOW_COVERAGE = 0.8;

const root = one(document, ".session");
const sessionId = root.dataset.sessionId ?? "";
const frame = /** @type {LiveFrame} */ (one(root, "live-frame"));
const ring = /** @type {ScoreRing} */ (one(root, "score-ring"));
const timeline = /** @type {SessionTimeline} */ (one(root, "session-timeline"));
const state = new SessionState();
const log = new ViolationLog(root);
const desk = new SessionDesk(root, sessionId, () => socket);
const hearing = new Hearing(root, (on) => socket.emit("listen", { session_id: sessionId, on }, () => {}));
const checkIn = new CheckInPanel(role(root, "check-in"), sessionId);
const plot = new SessionPlot(role(root, "plot-panel"));
const screenEvents = new ScreenEventLog(root, sessionId);
/** @type {Map<string, ClipItem>} */
const clipItems = new Map();

let scale = { flagThreshold: 10, intervalS: 30 };
let startedMs = 0;
let endedMs = 0;
let nowS = 0;
let intervalIndex = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let reloadTimer;

async function load() {
  clearTimeout(reloadTimer);
  reloadTimer = undefined;
  try {
    show(await getJson(`/api/session/${encodeURIComponent(sessionId)}/details`));
  } catch (problem) {
    sayOffline(problem instanceof Error ? problem.message : "The session could not be loaded.");
  }
}

function reloadSoon() {
  reloadTimer ??= setTimeout(load, RELOAD_AFTER_MS);
}

/** @param {any} details */
function show(details) {
  const { session } = details;
  const { flag_threshold, interval_s } = session.policy ?? {};
  if (flag_threshold) scale = { flagThreshold: flag_threshold, intervalS: interval_s };
  startedMs = session.started_at ? Date.parse(session.started_at) : 0;
  endedMs = session.ended_at ? Date.parse(session.ended_at) : 0;
  state.load(details);
  showState(session.state, session.end_cause);
  showNumbers(session);
  showCoverage(details.coverage);
  showGaps(details.gaps ?? []);
  showClips(details.clips);
  screenEvents.watch(session.state === "running");
  if (session.state !== "running") {
    const lastS = endedMs && startedMs ? (endedMs - startedMs) / 1000 : 0;
    nowS = Math.max(nowS, lastS);
    showAtRest(session);
    if (session.state === "ended") showWholeRisk();
  }
  showHistory();
}

/** The risk of a session that is over, from its report. */
async function showWholeRisk() {
  try {
    const { risk_history: risk } = await getJson(`/api/session/${encodeURIComponent(sessionId)}/report.json`);
    plot.mark(state.newestViolations());
    plot.seed(risk.map((/** @type {any} */ each) => [each.at_s, each.risk_total, null]));
  } catch {
    // The page says the rest without it.
  }
}

/** @param {any} session that is not running */
function showAtRest(session) {
  const words =
    session.state === "ended"
      ? "The session has ended. Pictures are kept in flagged clips only."
      : "The student has not started yet.";
  frame.showEmpty(words);
  plot.showRest(session.state);
  setText(one(root, "#score-title"), session.state === "ended" ? "Score of the last interval" : "Score");
  ring.show({ score: session.state === "ended" ? session.interval_score : null, threshold: scale.flagThreshold });
}

/**
 * @param {string} word
 * @param {string | null} [cause]
 */
function showState(word, cause) {
  const tag = role(root, "state");
  const labels = { created: "Not started", running: "Running", ended: "Ended" };
  const label = labels[/** @type {keyof typeof labels} */ (word)] ?? word;
  setText(tag, cause ? causeLabel(cause) : label);
  tag.className = word === "running" ? "tag tag--good" : "tag";
  desk.showState(word);
}

/** @param {any} numbers scores, from either source */
function showNumbers(numbers) {
  setText(role(root, "total"), points(numbers.total_score));
  setText(role(root, "flagged"), numbers.flagged_intervals);
  setText(role(root, "risk"), points(numbers.risk));
  setText(role(root, "focus"), Math.round(numbers.focus));
  setText(role(root, "trust"), Math.round(numbers.trust));
}

function showHistory() {
  const violations = state.newestViolations();
  log.show(violations, state.orderedIntervals());
  timeline.show({
    intervals: state.orderedIntervals(),
    episodes: violations,
    nowS,
    intervalS: scale.intervalS,
    threshold: scale.flagThreshold,
  });
}

/** @param {any} update */
function take(update) {
  if (update.session_id !== sessionId) return;
  const { interval } = update;
  if (startedMs) nowS = Math.max(0, (Date.parse(update.timestamp) - startedMs) / 1000);
  if (!startedMs || interval.index !== intervalIndex) reloadSoon();
  intervalIndex = interval.index;
  state.update(update);
  frame.show(update.frame, update.boxes, update.line !== "down", update.timestamp, update.direction);
  hearing.showLevel(update.sound_db);
  desk.showPauses(update.pauses);
  const length = interval.end_s - interval.start_s;
  ring.show({
    score: update.interval_score,
    threshold: scale.flagThreshold,
    isFlagged: state.intervals.get(interval.index)?.is_flagged,
    elapsed: length > 0 ? (nowS - interval.start_s) / length : 0,
  });
  setText(role(root, "interval"), `${duration(interval.start_s)}–${duration(interval.end_s)}`);
  showNumbers(update);
  showFacts(update);
  showCoverage(update.coverage);
  showState(update.state);
  showHistory();
  plot.mark(state.newestViolations());
  plot.add(nowS, update.risk, update.focus);
}

/** @param {any} update */
function showFacts(update) {
  const { faces, gaze, direction, yaw_deg: yaw, pitch_deg: pitch, line } = update;
  showFact("faces", faces === null ? "Not judged" : facesLabel(faces), faces === null ? "unknown" : faces === 1 ? "" : "conduct");
  showFact("gaze", gaze === "unknown" ? "Not judged" : gazeWords(gaze).label, gaze === "distracted" ? "conduct" : gaze === "focused" ? "" : "unknown");
  showFact("direction", directionLabel(direction), direction ? "" : "unknown");
  const head = yaw === null || pitch === null ? "Not judged" : `${signed(yaw)}° / ${signed(pitch)}°`;
  showFact("head", head, yaw === null ? "unknown" : "");
  const known = update.calibration ?? null;
  showFact("calibration", known === null ? "Not judged" : known > 0 ? `${Math.round(known * 100)} %` : "Learning", known ? "" : "unknown");
  const gap = gapLabel(update.gap);
  showFact("line", gap || lineWords(line).label, line === "good" && !gap ? "" : "technical");
  setText(role(root, "advice"), update.advice ? `Told to the student: ${update.advice}` : "");
}

/** @param {number} degrees */
function signed(degrees) {
  const whole = Math.round(degrees);
  return whole > 0 ? `+${whole}` : String(whole).replace("-", "−");
}

/**
 * @param {string} name
 * @param {string} words
 * @param {string} tone
 */
function showFact(name, words, tone) {
  setText(role(root, name), words);
  one(root, `[data-fact="${name}"]`).dataset.tone = tone;
}

/** @param {Record<string, number>} coverage */
function showCoverage(coverage) {
  const place = role(root, "coverage");
  for (const [detector, share] of Object.entries(coverage ?? {})) {
    let row = place.querySelector(`[data-detector="${CSS.escape(detector)}"]`);
    if (!row) {
      row = h(
        "div",
        { class: "cover", "data-detector": detector },
        h("span", {}, detectorLabel(detector)),
        h("div", { class: "cover__track" }, h("div", { class: "cover__bar" })),
        h("span", { class: "cover__share" }),
      );
      place.append(row);
    }
    one(row, ".cover__bar").style.transform = `scaleX(${share})`;
    setText(one(row, ".cover__share"), percent(share));
    /** @type {HTMLElement} */ (row).dataset.low = String(share < LOW_COVERAGE);
  }
}

/** @param {{from_s: number, to_s: number, cause: string}[]} gaps */
function showGaps(gaps) {
  const rows = gaps.map((gap) =>
    h(
      "li",
      { class: "gap" },
      h("span", {}, `${duration(gap.from_s)}–${duration(gap.to_s)}`),
      h("span", {}, gapLabel(gap)),
    ),
  );
  role(root, "gaps").replaceChildren(...rows);
  role(root, "gaps-none").hidden = gaps.length > 0;
}

/** @param {import("../elements/clip-player.js").Clip[]} clips */
function showClips(clips) {
  const place = role(root, "clips");
  role(root, "clips-empty").hidden = clips.length > 0;
  role(root, "clips-review").hidden = clips.length === 0;
  const newestFirst = [...clips].sort((a, b) => b.interval_index - a.interval_index);
  for (const clip of [...newestFirst].reverse()) {
    const known = clipItems.get(clip.clip_id) ?? new ClipItem();
    if (!clipItems.has(clip.clip_id)) {
      clipItems.set(clip.clip_id, known);
      known.element.open = clip === newestFirst[0] && clip.status === "ready";
      place.prepend(known.element);
    }
    known.show(clip);
  }
}

/** @param {any} event */
function hear(event) {
  if (event.session_id !== sessionId) return;
  if (event.kind === "action" || event.kind === "place") return desk.hear(event);
  if (event.kind === "check_in") return checkIn.load();
  if (event.kind === "violation") state.note(event);
  if (event.kind === "flag") {
    state.flag(event);
    log.announce(`Flagged with ${points(event.score)} points.`);
  }
  if (event.kind === "clip" && event.status === "ready") log.announce("A clip is ready to play.");
  if (event.kind === "ended") showState("ended", event.cause);
  showHistory();
  reloadSoon();
}

function showElapsed() {
  if (!startedMs) return;
  const untilMs = endedMs || Date.now();
  setText(role(root, "elapsed"), duration((untilMs - startedMs) / 1000));
}

const socket = openLive(() => {
  socket.emit("join_session", { session_id: sessionId }, (/** @type {any} */ ack) => {
    if (!ack.ok) return sayOffline(ack.error.message);
    plot.seed(ack.trend ?? []);
    showLoad(ack.load);
    desk.showPeople(ack.people ?? []);
  });
  hearing.restart();
  desk.load();
  checkIn.load();
  load();
});
socket.on("monitoring_update", take);
socket.on("session_event", hear);
socket.on("load", showLoad);
socket.on("presence", ({ people }) => desk.showPeople(people));
socket.on("sound", ({ session_id, pcm }) => session_id === sessionId && hearing.play(pcm));
readScale().then((read) => {
  scale = read;
  load();
});
setInterval(showElapsed, 1000);
