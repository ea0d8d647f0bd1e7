import assert from "node:assert/strict";
import { test } from "node:test";
import { Backlog, thin } from "../../static/js/capture/backlog.js";
import { Flow } from "../../static/js/capture/flow.js";
import { Spool } from "../../static/js/capture/spool.js";
import { STATE } from "./page-state.js";

/**
 * A second's batch: five pictures of 40 kB and a second of sound.
 * @param {number} seq
 * @param {{frames?: number, size?: number, sound?: number}} [shape]
 */
function second(seq, { frames = 5, size = 40_000, sound = 32_000 } = {}) {
  const t = 1000 * seq;
  const header = {
    seq,
    sent_ms: t + 1000,
    frames: Array.from({ length: frames }, (_, index) => ({ t: t + 200 * index, size })),
    audio: sound ? [{ t, size: sound }] : [],
    screen: [],
    events: [{ id: `e${seq}`, kind: "copy", t }],
    state: STATE,
    absences: [],
  };
  const body = new Uint8Array(frames * size + sound);
  for (let index = 0; index < frames; index++) body.fill(index + 1, index * size, (index + 1) * size);
  body.fill(99, frames * size);
  return { header, body, cutMs: t + 1000 };
}

/** @param {Backlog} backlog @param {number} count @param {number} [bytes] */
function fill(backlog, count, bytes = 100) {
  for (let seq = 0; seq < count; seq++) {
    backlog.add({ seq, fromMs: 1000 * seq, toMs: 1000 * seq + 1000, bytes, isAcked: false });
  }
}

test("only what is acknowledged and settled is erased", () => {
  const backlog = new Backlog();
  fill(backlog, 4);
  backlog.acknowledge(0);
  backlog.acknowledge(2);
  assert.deepEqual(backlog.settle(2), [0]);
  backlog.acknowledge(1);
  assert.deepEqual(backlog.settle(3), [1, 2]);
  assert.deepEqual([...backlog.entries.keys()], [3]);
  assert.equal(backlog.bytes, 100);
});

test("a server that forgot needs everything that is not settled, oldest first", () => {
  const backlog = new Backlog();
  fill(backlog, 3);
  for (const seq of [0, 1, 2]) backlog.acknowledge(seq);
  assert.equal(backlog.next(), null);
  backlog.restart();
  assert.equal(backlog.next()?.seq, 0);
  backlog.underway.add(0);
  assert.equal(backlog.next()?.seq, 1);
  backlog.postpone(0);
  assert.equal(backlog.next()?.seq, 0);
});

test("what is missing begins with the oldest batch that is not acknowledged", () => {
  const backlog = new Backlog();
  fill(backlog, 3);
  backlog.acknowledge(0);
  assert.equal(backlog.oldestMs(2, 9000), 1000);
  assert.equal(backlog.oldestMs(1, 9000), 2000);
  backlog.acknowledge(2);
  assert.equal(backlog.oldestMs(1, 9000), 9000);
});

test("without room pictures go first, of what is old and nobody needs to see", () => {
  const backlog = new Backlog({ ms: 3_600_000, bytes: 9_000 });
  fill(backlog, 100);
  backlog.suspect(5_000);
  const { gone, thinner } = backlog.excess(100_000);
  assert.equal(gone.length, 0);
  assert.ok(thinner.length >= 19 && thinner.length <= 21, `${thinner.length}`);
  assert.ok(thinner.every(({ thinned, isSuspicious }) => thinned === 1 && !isSuspicious));
  assert.ok(thinner[0].seq > 15);
});

test("sound of suspicious seconds is never given up", () => {
  const backlog = new Backlog({ ms: 3_600_000, bytes: 10 });
  fill(backlog, 60);
  backlog.suspect(5_000);
  for (let round = 0; round < 9; round++) backlog.excess(60_000);
  for (const { isSuspicious, thinned } of backlog.entries.values()) {
    assert.equal(thinned, isSuspicious ? 3 : 4);
  }
});

test("what is older than half an hour is given up", () => {
  const backlog = new Backlog({ ms: 10_000, bytes: 1e9 });
  fill(backlog, 30);
  const { gone } = backlog.excess(30_000);
  assert.deepEqual(gone.map(({ seq }) => seq).slice(-1), [18]);
});

test("a thinned batch keeps its events, its newest picture and the order of its body", () => {
  const whole = second(7);
  const half = thin(whole, 1);
  assert.deepEqual(half.header.frames.map(({ t }) => t), [7000, 7400, 7800]);
  assert.equal(half.body.length, 3 * 40_000 + 32_000);
  assert.deepEqual([half.body[0], half.body[40_000], half.body[80_000], half.body[120_000]], [1, 3, 5, 99]);
  assert.equal(thin(whole, 2).header.frames.length, 1);
  assert.equal(thin(whole, 3).body.length, 32_000);
  const least = thin(whole, 4);
  assert.equal(least.body.length, 0);
  assert.deepEqual(least.header.events, whole.header.events);
});

/** A line that carries so many bytes a second, each way so late. @param {number} rate @param {number} delayMs */
function live(rate, delayMs) {
  const flow = new Flow();
  flow.timed(2 * delayMs);
  /** @type {string[]} */
  const rungs = [];
  let longest = 0;
  let busyMs = 0;
  /** @type {{key: string, atMs: number}[]} */
  let answers = [];
  for (let seq = 0; seq < 60; seq++) {
    const nowMs = 1000 * (seq + 1);
    for (const { key, atMs } of answers) if (atMs <= nowMs) flow.answered(key, atMs);
    answers = answers.filter(({ atMs }) => atMs > nowMs);
    const { rung, batch } = flow.live(second(seq), nowMs);
    const bytes = rung === "small" || rung === "rare" ? Math.min(8_500, batch.body.length) : batch.body.length;
    rungs.push(rung);
    flow.sent(`${seq}`, bytes, nowMs);
    busyMs = Math.max(busyMs, nowMs) + (bytes / rate) * 1000;
    longest = Math.max(longest, busyMs - nowMs);
    answers.push({ key: `${seq}`, atMs: busyMs + 2 * delayMs });
  }
  return { rungs, longest };
}

test("a good line carries everything within ten seconds", () => {
  const { rungs } = live(5_000_000, 20);
  assert.ok(rungs.slice(10).every((rung) => rung === "full"), rungs.join(" "));
});

test("a line of half the rate carries fewer pictures with the sound", () => {
  const { rungs } = live(130_000, 50);
  assert.ok(rungs.slice(20).every((rung) => ["half", "one", "small"].includes(rung)), rungs.join(" "));
  assert.ok(rungs.slice(20).some((rung) => rung !== "small"));
});

test("at 64 kbit a second an event never waits behind more than 1.3 seconds of pictures", () => {
  const { rungs, longest } = live(8_000, 400);
  assert.ok(rungs.slice(10).includes("rare") || rungs.slice(10).includes("small"), rungs.join(" "));
  assert.ok(longest <= 1_300, `${longest} ms`);
});

test("small batches on a thin line do not make it look wide", () => {
  const [rate, delayMs] = [8_000, 400];
  const flow = new Flow();
  flow.timed(2 * delayMs);
  /** @type {{key: string, atMs: number}[]} */
  let answers = [];
  let busyMs = 0;
  let longest = 0;
  const send = (/** @type {string} */ key, /** @type {number} */ bytes, /** @type {number} */ nowMs) => {
    flow.sent(key, bytes, nowMs);
    busyMs = Math.max(busyMs, nowMs) + ((bytes + 700) / rate) * 1000;
    if (nowMs > 15_000) longest = Math.max(longest, busyMs - nowMs);
    answers.push({ key, atMs: busyMs + 2 * delayMs });
  };
  for (let nowMs = 0; nowMs < 90_000; nowMs += 100) {
    for (const { key, atMs } of answers) if (atMs <= nowMs) flow.answered(key, atMs);
    answers = answers.filter(({ atMs }) => atMs > nowMs);
    if (nowMs % 1000 === 0) {
      const budget = Math.min(flow.room(nowMs), flow.rate * 0.8);
      send(`live ${nowMs}`, budget > 8_000 ? 8_000 : budget > 2_500 ? 2_500 : 0, nowMs);
    }
    if (flow.carries(6_000, nowMs)) send(`backlog ${nowMs}`, 6_000, nowMs);
  }
  assert.ok(flow.rate < 1.4 * rate, `${flow.rate} B/s`);
  assert.ok(longest < 1_400, `${longest} ms`);
});

test("answers that a busy server gives together are not taken for a wide line", () => {
  const flow = new Flow();
  flow.timed(100);
  flow.rate = 10_000;
  flow.sent("1", 5_000, 0);
  flow.sent("2", 5_000, 500);
  flow.answered("1", 1_200);
  flow.answered("2", 1_201);
  assert.ok(flow.rate < 14_000, `${flow.rate} B/s`);
});

test("the backlog goes only as fast as an event may wait", () => {
  const flow = new Flow();
  flow.rate = 8_000;
  assert.equal(flow.carries(200_000, 0), false);
  flow.rate = 400_000;
  assert.equal(flow.carries(200_000, 0), true);
  flow.sent("1", 200_000, 0);
  flow.sent("2", 200_000, 0);
  assert.equal(flow.carries(1, 0), false);
});

test("what is kept is sealed, and comes back as it was", async () => {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
  const spool = new Spool(Spool.inMemory().shelf, key, Spool.inMemory().about);
  const batch = second(3);
  const sealed = await spool.seal(batch);
  assert.equal(Buffer.from(/** @type {any} */ (sealed).sealed).includes("absences"), false);
  assert.deepEqual(await spool.unseal(sealed), batch);
  await assert.rejects(crypto.subtle.exportKey("raw", key));
});

test("a batch can be read again long after it was sent, and not after it was settled", async () => {
  const spool = Spool.inMemory();
  for (let seq = 0; seq < 20; seq++) spool.add(second(seq), { fromMs: 1000 * seq, toMs: 1000 * seq + 1000 });
  assert.deepEqual((await spool.read(2))?.header, second(2).header);
  spool.backlog.acknowledge(2);
  spool.settle(3);
  assert.equal((await spool.read(2)) ?? null, null);
});

test("a batch that is thinned in the spool is smaller when it is read", async () => {
  const spool = new Spool(Spool.inMemory().shelf, null, Spool.inMemory().about, { ms: 1e9, bytes: 400_000 });
  for (let seq = 0; seq < 3; seq++) spool.add(second(seq), { fromMs: 1000 * seq, toMs: 1000 * seq + 1000 });
  spool.tidy(3000);
  await spool.writing;
  assert.equal((await spool.read(0))?.header.frames.length, 3);
  assert.ok(spool.backlog.bytes < 600_000);
});

test("what another session left is erased", async () => {
  const spool = Spool.inMemory();
  assert.equal(spool.belongTo("one"), true);
  spool.add(second(0), { fromMs: 0, toMs: 1000 });
  assert.equal(spool.belongTo("two"), false);
  assert.equal(spool.backlog.entries.size, 0);
  await spool.writing;
  assert.equal(await spool.shelf.get("batches", 0), undefined);
});
