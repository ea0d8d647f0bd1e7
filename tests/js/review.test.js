import assert from "node:assert/strict";
import { test } from "node:test";
import { centerOf, directionOf, sectorsOf } from "../../static/js/review/looks.js";
import { decisionOf, firstStop, inOrder, neighbour, stopsOf } from "../../static/js/review/queue.js";

/**
 * @param {string} label
 * @param {number} at_s
 * @param {number | null} yaw_deg
 * @param {number | null} pitch_deg
 */
const look = (label, at_s, yaw_deg = 0, pitch_deg = 0) => ({ label, at_s, yaw_deg, pitch_deg });

/**
 * @param {string} user_id
 * @param {string} state
 * @param {...[string, number, number, string]} flags clip, episode, score, decision
 */
const session = (user_id, state, ...flags) =>
  /** @type {any} */ ({
    session: { session_id: `s-${user_id}`, user_id },
    review: { state },
    flags: flags.map(([clip_id, episode, score, decision]) => ({ clip_id, episode, score, decision })),
  });

test("a look has the direction the detector said, and a corner when both axes are off", () => {
  const center = { yaw: 2, pitch: -4 };
  assert.equal(directionOf(look("left", 0, -30, -5), center), "left");
  assert.equal(directionOf(look("left", 0, -30, -30), center), "down-left");
  assert.equal(directionOf(look("up", 0, 20, 20), center), "up-right");
  assert.equal(directionOf(look("down", 0, null, null), center), "down");
  assert.equal(directionOf(look("center", 0, 40, 0), center), "center");
  assert.equal(directionOf(look("closed", 0), center), "");
});

test("the center is where the student looks when looking at the screen", () => {
  const looks = [look("center", 0, 5, -8), look("center", 1, 5, -8), look("left", 2, -40, 0)];
  assert.deepEqual(centerOf(looks), { yaw: 5, pitch: -8 });
  assert.deepEqual(centerOf([]), { yaw: 0, pitch: 0 });
});

test("similar looks lie together, each glance by its clearest moment", () => {
  const looks = [
    look("center", 0),
    look("left", 1, -25),
    look("left", 1.5, -40),
    look("left", 2, -30),
    look("center", 2.5),
    look("left", 8, -26),
    look("down", 9, 0, -30),
  ];
  const sectors = sectorsOf(looks);
  assert.deepEqual(
    sectors.map((each) => each.direction),
    ["left", "center", "down"],
  );
  assert.equal(sectors[0].glances.length, 2);
  assert.equal(sectors[0].glances[0].bestS, 1.5);
  assert.equal(sectors[0].seconds, 2.5);
  assert.deepEqual(sectorsOf([]), []);
});

test("appeals come first, then waiting flags by score, and what is done only when asked for", () => {
  const sessions = [
    session("ann", "final", ["a", 1, 30, "confirmed"]),
    session("bob", "open", ["b", 1, 12, "unreviewed"]),
    session("cas", "open", ["c", 1, 40, "unreviewed"]),
    session("dan", "appealed", ["d", 1, 10, "confirmed"]),
    session("eve", "ready", ["e", 1, 10, "dismissed"]),
  ];
  const names = (/** @type {any[]} */ list) => list.map((each) => each.session.user_id);
  assert.deepEqual(names(inOrder(sessions, false)), ["dan", "cas", "bob", "eve"]);
  assert.deepEqual(names(inOrder(sessions, true)), ["dan", "cas", "bob", "eve", "ann"]);
});

test("next and previous go from episode to episode over all sessions and stop at the ends", () => {
  const sessions = [
    session("ann", "open", ["a1", 1, 10, "unreviewed"], ["a2", 1, 10, "unreviewed"], ["a3", 2, 10, "unreviewed"]),
    session("bob", "nothing"),
  ];
  const stops = stopsOf(sessions);
  assert.deepEqual(stops, [
    { sessionId: "s-ann", episode: 1 },
    { sessionId: "s-ann", episode: 2 },
    { sessionId: "s-bob", episode: 0 },
  ]);
  assert.deepEqual(neighbour(stops, stops[1], 1), stops[2]);
  assert.equal(neighbour(stops, stops[2], 1), null);
  assert.equal(neighbour(stops, stops[0], -1), null);
  assert.deepEqual(neighbour(stops, null, 1), stops[0]);
  assert.equal(neighbour([], null, 1), null);
});

test("a page opens where its address says, else at what nobody decided", () => {
  const sessions = [
    session("ann", "open", ["a1", 1, 10, "confirmed"], ["a2", 2, 10, "unreviewed"]),
    session("bob", "open", ["b1", 1, 10, "unreviewed"]),
  ];
  assert.deepEqual(firstStop(sessions, "b1", ""), { sessionId: "s-bob", episode: 1 });
  assert.deepEqual(firstStop(sessions, "", ""), { sessionId: "s-ann", episode: 2 });
  assert.deepEqual(firstStop(sessions, "gone", "s-bob"), { sessionId: "s-bob", episode: 1 });
  assert.equal(firstStop([], "", ""), null);
});

test("an episode is decided when all its flags are", () => {
  const [{ flags }] = [session("ann", "open", ["a", 1, 1, "confirmed"], ["b", 1, 1, "unreviewed"])];
  assert.equal(decisionOf(flags), "unreviewed");
  flags[1].decision = "confirmed";
  assert.equal(decisionOf(flags), "confirmed");
  flags[1].decision = "dismissed";
  assert.equal(decisionOf(flags), "mixed");
});
