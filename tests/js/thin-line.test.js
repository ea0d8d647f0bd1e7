import assert from "node:assert/strict";
import { test } from "node:test";
import { Exam } from "./exam-on-a-line.js";

/** What the line was and becomes: bytes a second up, then the delay. */
const FALLS = [
  { from: 2_000_000, to: 8_000, delayMs: 400 },
  { from: 200_000, to: 8_000, delayMs: 400 },
  { from: 60_000, to: 8_000, delayMs: 400 },
  { from: 30_000, to: 8_000, delayMs: 400 },
  { from: 2_000_000, to: 20_000, delayMs: 400 },
  { from: 2_000_000, to: 40_000, delayMs: 200 },
  { from: 2_000_000, to: 4_000, delayMs: 600 },
];

for (const { from, to, delayMs } of FALLS) {
  test(`events are through in 2 s once a line of ${from} B/s has become one of ${to} B/s`, async () => {
    const exam = new Exam();
    await exam.begin();
    exam.socket.bytesPerS = from;
    await exam.pass(20);
    exam.socket.bytesPerS = to;
    exam.socket.delayMs = delayMs;
    await exam.pass(120, 1_700);
    await exam.pass(5);
    const [first, later] = [exam.tookS.slice(0, 7), exam.tookS.slice(7)];
    // What was under way when the line fell goes through first, or is given up after 9 s.
    assert.ok(Math.max(...first) < 11, first.join(" "));
    assert.ok(Math.max(...later) <= 2, later.join(" "));

    exam.socket.bytesPerS = 2_000_000;
    exam.socket.delayMs = 20;
    await exam.pass(40);
    assert.equal(exam.line.spool.backlog.owed, 0);
  });
}

test("a line that falls to a tenth and mends at once is whole again within seconds", async () => {
  const exam = new Exam();
  await exam.begin();
  await exam.pass(20);
  exam.socket.bytesPerS = 20_000;
  await exam.pass(3);
  exam.socket.bytesPerS = 2_000_000;
  exam.socket.freeMs = 0;
  await exam.pass(10);
  assert.equal(exam.line.spool.backlog.owed, 0);
});

test("twelve hours with a cut in every ten minutes leave the browser's spool as small as one", async () => {
  const exam = new Exam({ pictureBytes: 40, tickMs: 200 });
  await exam.begin();
  /** @type {number[]} */
  const kept = [];
  for (let minutes = 0; minutes < 12 * 60; minutes += 10) {
    await exam.pass(540, 60_000);
    exam.socket.cut();
    await exam.pass(60);
    exam.socket.mend();
    kept.push(exam.kept);
  }
  await exam.pass(120);
  assert.ok(Math.max(...kept) <= kept[0] + 10, kept.join(" "));
  assert.ok(exam.kept < 60, `${exam.kept} kept`);
  assert.ok(exam.tookS.every(Number.isFinite));
});
