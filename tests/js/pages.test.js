import assert from "node:assert/strict";
import { test } from "node:test";
import { matches, passes, Peaks, sorted, sparkline } from "../../static/js/admin/order.js";
import { receiptOf, titleOf } from "../../static/js/admin/orders.js";
import { SessionState } from "../../static/js/admin/session-state.js";
import { axisSpan, lanesOf, tickStep } from "../../static/js/elements/timeline-scale.js";
import { ago, duration, overallCoverage, points, span } from "../../static/js/lib/format.js";
import { ruleLabel, studentWarning } from "../../static/js/lib/words.js";
import { idProblem, Keeper, tokenOf } from "../../static/js/portal/identity.js";

/** @param {Partial<import("../../static/js/admin/order.js").Row>} row */
function row(row) {
  return {
    session_id: "s",
    user_id: "anna",
    exam_id: "math",
    state: "running",
    is_running: true,
    started_at: "2026-01-01T10:00:00Z",
    faces: 1,
    gaze: "focused",
    interval_score: 0,
    total_score: 0,
    flagged_intervals: 0,
    last_violation: null,
    line: "good",
    coverage: {},
    advice: "",
    is_paused: false,
    pauses: [],
    risk: 0,
    focus: 100,
    trust: 100,
    faults: [],
    asks: [],
    watched_by: [],
    group: "",
    ...row,
  };
}

test("the wall puts the highest score of the last minute first, then the total, then the name", () => {
  const peaks = new Peaks();
  peaks.note("b", 12, 0);
  peaks.note("b", 0, 30_000);
  const rows = [
    row({ session_id: "a", user_id: "a", total_score: 3 }),
    row({ session_id: "c", user_id: "c", total_score: 9 }),
    row({ session_id: "b", user_id: "b" }),
    row({ session_id: "d", user_id: "Ab", total_score: 3 }),
  ];
  const order = (/** @type {number} */ nowMs) =>
    sorted(rows, "score", (one) => peaks.of(one.session_id, nowMs)).map((one) => one.session_id);
  assert.deepEqual(order(30_000), ["b", "c", "a", "d"]);
  assert.deepEqual(order(120_000), ["c", "a", "d", "b"]);
});

test("attention goes to fresh conduct, to what cannot be judged, and to who waits for an answer", () => {
  const nowMs = Date.parse("2026-01-01T10:10:00Z");
  const rows = [
    row({ session_id: "calm" }),
    row({ session_id: "old", last_violation: { rule: "phone", at: "2026-01-01T10:00:00Z" } }),
    row({ session_id: "fresh", risk: 6, last_violation: { rule: "phone", at: "2026-01-01T10:09:50Z" } }),
    row({ session_id: "dark", coverage: { face: 0.2, gaze: 0 } }),
    row({ session_id: "asks", asks: ["break"] }),
  ];
  const order = sorted(rows, "attention", () => 0, nowMs).map((one) => one.session_id);
  assert.deepEqual(order, ["fresh", "asks", "dark", "old", "calm"]);
  assert.deepEqual(sorted(rows, "unseen", () => 0, nowMs)[0].session_id, "dark");
  assert.deepEqual(sorted(rows, "recent", () => 0, nowMs)[0].session_id, "fresh");
});

test("filters narrow the wall by exam, group and state", () => {
  const none = { search: "", exam: "", group: "", state: "" };
  assert.ok(passes(row({}), none));
  assert.ok(!passes(row({}), { ...none, exam: "art" }));
  assert.ok(passes(row({ group: "b" }), { ...none, group: "b" }));
  assert.ok(!passes(row({}), { ...none, state: "trouble" }));
  assert.ok(passes(row({ faults: ["gaze"] }), { ...none, state: "trouble" }));
  assert.ok(passes(row({ interval_score: 10 }), { ...none, state: "flagged" }));
  assert.ok(passes(row({ asks: ["chat"] }), { ...none, state: "asks" }));
});

test("a sparkline needs two points and stays in its box", () => {
  assert.equal(sparkline([3]), "");
  assert.equal(sparkline([0, 40]), "98.3,23.0 100.0,1.0");
});

test("a receipt says when the student saw it, or that nobody has yet", () => {
  const action = {
    action_id: "a", session_id: "s", action: "warning", actor: "carol", actor_kind: "staff",
    at: "2026-01-01T10:00:00.000Z", text: "x", reason: "", minutes: null, is_beyond: false,
    is_for_student: true, seen_at: /** @type {string | null} */ (null),
  };
  const timeOf = () => "10:05";
  assert.equal(receiptOf(action, timeOf), "Not shown yet");
  assert.equal(receiptOf({ ...action, seen_at: "2026-01-01T10:00:00.400Z" }, timeOf), "Shown after 0.4 s");
  assert.equal(receiptOf({ ...action, seen_at: "2026-01-01T10:05:00Z" }, timeOf), "Shown at 10:05");
  assert.equal(receiptOf({ ...action, action: "note", is_for_student: false }, timeOf), "");
  assert.equal(titleOf("pause", ["ann"]), "Pause ann");
  assert.equal(titleOf("pause", ["ann", "ben"]), "Pause 2 students");
});

test("search takes every word, in user or exam", () => {
  assert.ok(matches(row({}), "MATH ann"));
  assert.ok(!matches(row({}), "math bob"));
  assert.ok(matches(row({}), "  "));
});

test("live updates and history of a session become one list", () => {
  const state = new SessionState();
  state.load({
    violations: [violation("v1", 5), violation("v2", 31)],
    intervals: [interval(0, [cost("v1", 9), cost("v1", 9)]), interval(1, [cost("v2", 3)])],
  });
  assert.deepEqual(
    state.newestViolations().map(({ violation_id, points }) => [violation_id, points]),
    [
      ["v2", 3],
      ["v1", 18],
    ],
  );
  state.update({
    interval: { index: 1, start_s: 30, end_s: 60 },
    interval_score: 12,
    violations: [{ ...violation("v2", 31), points: 12 }],
  });
  assert.equal(state.pointsOf("v2"), 12);
  state.flag({ interval: { index: 1, start_s: 30, end_s: 60 }, score: 12 });
  assert.deepEqual(
    state.orderedIntervals().map(({ score, is_flagged }) => [score, is_flagged]),
    [
      [18, false],
      [12, true],
    ],
  );
  state.update({ interval: { index: 1, start_s: 30, end_s: 60 }, interval_score: 12, violations: [] });
  assert.equal(state.intervals.get(1)?.is_flagged, true);
});

/** @param {string} id @param {number} start */
function violation(id, start) {
  return {
    violation_id: id,
    rule: "no_face",
    start_s: start,
    end_s: null,
    started_at: "2026-01-01T10:00:00Z",
    confidence: 1,
  };
}

/** @param {string} id @param {number} points */
const cost = (id, points) => ({ violation_id: id, points });

/** @param {number} index @param {{violation_id: string, points: number}[]} points */
function interval(index, points) {
  const score = points.reduce((sum, point) => sum + point.points, 0);
  return { index, start_s: index * 30, end_s: 30 + index * 30, score, is_flagged: false, points, coverage: {} };
}

test("the timeline's axis grows in steps, not every second", () => {
  assert.equal(axisSpan(0, 30), 300);
  assert.equal(axisSpan(290, 30), 300);
  assert.equal(axisSpan(305, 30), 600);
  assert.ok(tickStep(300, 1000, 56) * (1000 / 300) >= 56);
});

test("each rule has one lane, in order of its first violation", () => {
  const lanes = lanesOf([
    { rule: "speech", start_s: 9 },
    { rule: "phone", start_s: 1 },
    { rule: "speech", start_s: 2 },
  ]);
  assert.deepEqual(lanes, ["phone", "speech"]);
});

test("durations, spans and points read as people write them", () => {
  assert.equal(duration(7), "0:07");
  assert.equal(duration(3723), "1:02:03");
  assert.equal(span(4.24), "4.2 s");
  assert.equal(span(65), "1 min 05 s");
  assert.equal(points(9.04), "9");
  assert.equal(ago("2026-01-01T10:00:00Z", Date.parse("2026-01-01T10:05:00Z")), "5 min ago");
});

test("coverage is unknown before anything was observed", () => {
  assert.equal(overallCoverage({}), null);
  assert.equal(overallCoverage({ face: 1, gaze: 0.5 }), 0.75);
});

test("a rule without words of its own is still readable", () => {
  assert.equal(ruleLabel("no_face"), "No face");
  assert.equal(ruleLabel("brand_new_rule"), "Brand new rule");
  assert.equal(studentWarning("brand_new_rule"), "");
});

test("ids are checked as the server checks them", () => {
  for (const good of ["anna", "a.b@school+1", "7", "A_b-c"]) assert.equal(idProblem(good, "User ID"), "");
  for (const bad of ["", ".a", "a b", "a/b", "a..b", "ä", "a".repeat(65)]) {
    assert.notEqual(idProblem(bad, "User ID"), "", bad);
  }
});

test("the token of a join link is read from behind the #", () => {
  assert.equal(tokenOf("#token=abc.def-1"), "abc.def-1");
  assert.equal(tokenOf("#other=1"), "");
  assert.equal(tokenOf(""), "");
});

/** A storage as browsers have it. */
function storage() {
  /** @type {Map<string, string>} */
  const stored = new Map();
  return {
    getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void stored.set(key, value),
    removeItem: (/** @type {string} */ key) => void stored.delete(key),
  };
}

const HELD = { token: "t", userId: "anna", examId: "math", hasStarted: true, sessionId: "s1" };

test("a tab keeps its session over a reload and forgets it at the end", () => {
  const [tab, browser] = [storage(), storage()];
  new Keeper(tab, browser).keep(HELD);
  assert.deepEqual(new Keeper(tab, browser).read(), HELD);
  new Keeper(tab, browser).forget();
  assert.equal(new Keeper(tab, browser).read(), null);
  assert.equal(new Keeper(tab, browser).remembered(), null);
  tab.setItem("candor.session", "{broken");
  assert.equal(new Keeper(tab, browser).read(), null);
});

test("a browser that was killed knows the running session in its next tab", () => {
  const browser = storage();
  new Keeper(storage(), browser).keep(HELD);
  const next = new Keeper(storage(), browser);
  assert.equal(next.read(), null);
  assert.deepEqual(next.remembered(), HELD);
});

test("a session that has not begun is this tab's alone, and another one leaves the running one be", () => {
  const browser = storage();
  new Keeper(storage(), browser).keep(HELD);
  const other = new Keeper(storage(), browser);
  other.keep({ ...HELD, sessionId: "s2", hasStarted: false });
  other.forget();
  assert.deepEqual(other.remembered(), HELD);
});
