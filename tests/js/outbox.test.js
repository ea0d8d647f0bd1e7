import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, lineState, Outbox, spanOf } from "../../static/js/capture/outbox.js";
import { STATE } from "./page-state.js";

/** @param {number} t @param {number} size @param {number} [fill] */
const part = (t, size, fill = 0) => ({ t, bytes: new Uint8Array(size).fill(fill) });

/** @param {Outbox} outbox @param {number} nowMs */
function cut(outbox, nowMs) {
  const batch = outbox.cut(nowMs, STATE);
  assert.ok(batch);
  return batch;
}

test("a batch lists its parts in the order of its body", () => {
  const outbox = new Outbox();
  outbox.addScreen(part(12, 3, 3));
  outbox.addSound(part(11, 4, 2));
  outbox.addFrame(part(10, 2, 1));
  const { header, body } = cut(outbox, 20);
  assert.deepEqual(header.frames, [{ t: 10, size: 2 }]);
  assert.deepEqual(header.audio, [{ t: 11, size: 4 }]);
  assert.deepEqual(header.screen, [{ t: 12, size: 3 }]);
  assert.deepEqual([...body], [1, 1, 2, 2, 2, 2, 3, 3, 3]);
});

test("batches are numbered from zero", () => {
  const outbox = new Outbox();
  assert.equal(cut(outbox, 0).header.seq, 0);
  assert.equal(cut(outbox, 0).header.seq, 1);
});

test("sound without a gap becomes one part, a gap begins another", () => {
  const outbox = new Outbox();
  outbox.addSound(part(0, 3200));
  outbox.addSound(part(100, 3200));
  outbox.addSound(part(700, 3200));
  const { header } = cut(outbox, 800);
  assert.deepEqual(header.audio, [
    { t: 0, size: 6400 },
    { t: 700, size: 3200 },
  ]);
});

test("a batch says from when to when it was captured", () => {
  const outbox = new Outbox();
  outbox.addSound(part(150, 3200));
  outbox.addFrame(part(120, 10));
  assert.deepEqual(spanOf(cut(outbox, 1000)), { fromMs: 120, toMs: 1000 });
  assert.deepEqual(spanOf(cut(outbox, 2000)), { fromMs: 2000, toMs: 2000 });
});

test("a batch is cut whatever the line does, and memory holds only what came since", () => {
  const outbox = new Outbox();
  let most = 0;
  for (let t = 0; t < 600_000; t += 100) {
    if (t % 200 === 0) outbox.addFrame(part(t, 40_000));
    outbox.addSound(part(t, 3200));
    if (t % 5000 === 0) outbox.addScreen(part(t, 200_000));
    if (t % 1000 === 0) outbox.cut(t, STATE);
    most = Math.max(most, outbox.bytes);
  }
  assert.ok(most < 600_000, `held ${most} bytes`);
  assert.deepEqual(outbox.dropped, { frames: 0, sounds: 0, screens: 0 });
});

test("frames thin out evenly and reach over the time that is kept", () => {
  const outbox = new Outbox();
  for (let t = 0; t <= 9800; t += 200) outbox.addFrame(part(t, 10));
  const times = outbox.frames.map((frame) => frame.t);
  assert.ok(times.length <= LIMITS.frames);
  assert.equal(times.at(-1), 9800);
  assert.ok(times[0] <= 400);
});

test("a batch never exceeds the bytes of the protocol", () => {
  const outbox = new Outbox();
  for (let i = 0; i < 30; i++) outbox.addFrame(part(i * 200, 300_000));
  for (let i = 0; i < 3; i++) outbox.addScreen(part(i, 700_000));
  const { header, body } = cut(outbox, 7000);
  assert.ok(body.length <= LIMITS.bodyBytes);
  assert.ok(header.frames.length >= 1);
  assert.equal(header.screen.length, 1);
});

test("sound older than ten seconds is given up, events never are", () => {
  const outbox = new Outbox();
  outbox.addEvent({ id: "a", kind: "paste", t: 0 });
  for (let t = 0; t < 30_000; t += 100) outbox.addSound(part(t, 3200));
  assert.ok(outbox.sounds[0].t >= 19_000);
  assert.ok(outbox.events.has("a"));
});

test("an event is kept until it is acknowledged and settled", () => {
  const outbox = new Outbox();
  const event = { id: "a", kind: "copy", t: 1000 };
  outbox.addEvent({ ...event });
  const batch = outbox.cut(3000, STATE, outbox.overdueEvents(3000, 1500));
  assert.deepEqual(batch.header.events, [event]);
  assert.deepEqual(outbox.settleEvents(5000), []);
  outbox.acknowledgeEvent("a");
  assert.deepEqual(outbox.overdueEvents(9000, 1500), []);
  assert.deepEqual(outbox.settleEvents(900), []);
  assert.deepEqual(outbox.settleEvents(1001), ["a"]);
  assert.equal(outbox.events.size, 0);
});

test("another server is told every event that is not settled once more", () => {
  const outbox = new Outbox();
  outbox.addEvent({ id: "a", kind: "copy", t: 0 });
  outbox.acknowledgeEvent("a");
  outbox.restart();
  assert.equal(outbox.overdueEvents(2000, 1500).length, 1);
});

test("what the page could not capture is said once", () => {
  const outbox = new Outbox();
  const absence = { from_ms: 1, to_ms: 9, cause: "asleep" };
  outbox.addAbsence(absence);
  assert.deepEqual(cut(outbox, 10).header.absences, [absence]);
  assert.deepEqual(cut(outbox, 20).header.absences, []);
});

test("the line is slow when acknowledgements lag and down without a connection", () => {
  assert.equal(lineState(true, 0), "good");
  assert.equal(lineState(true, 3_000), "slow");
  assert.equal(lineState(true, 9_000), "down");
  assert.equal(lineState(false, 0), "down");
});
