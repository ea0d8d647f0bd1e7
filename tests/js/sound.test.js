import assert from "node:assert/strict";
import { test } from "node:test";
import { Flow } from "../../static/js/capture/flow.js";
import { Outbox } from "../../static/js/capture/outbox.js";
import { packetMs, SoundCoder } from "../../static/js/capture/sound.js";

const CHUNK_MS = 100;
const PACKET_MS = 20;
const DELAY_MS = 6.5;
/** One frame of 20 ms, wide band, one channel. */
const TOC = 9 << 3;

/** An encoder that gives a packet of 60 bytes for each 20 ms it has heard. */
class Encoders {
  constructor() {
    this.made = 0;
    this.fails = () => {};
    this.isStuck = false;
    this.isBroken = false;
  }

  make = (/** @type {(packet: Uint8Array) => void} */ onPacket, /** @type {() => void} */ onError) => {
    this.made += 1;
    this.fails = onError;
    let heldMs = -DELAY_MS;
    return {
      encode: (/** @type {Uint8Array} */ pcm) => {
        if (this.isBroken) throw new Error("InvalidStateError");
        if (this.isStuck) return;
        heldMs += pcm.length / 32;
        for (; heldMs >= PACKET_MS; heldMs -= PACKET_MS) onPacket(new Uint8Array(60).fill(TOC));
      },
      close: () => {},
    };
  };
}

function bench() {
  /** @type {import("../../static/js/capture/outbox.js").Part[]} */
  const parts = [];
  const encoders = new Encoders();
  const coder = new SoundCoder((part) => parts.push(part));
  coder.use(encoders.make);
  let t = 5_000;
  const hear = (chunks = 1) => {
    for (let i = 0; i < chunks; i++, t += CHUNK_MS) {
      coder.take({ t, bytes: new Uint8Array(CHUNK_MS * 32) });
    }
  };
  const skip = (/** @type {number} */ ms) => (t += ms);
  return { parts, encoders, coder, hear, skip, nowMs: () => t };
}

/** @param {import("../../static/js/capture/outbox.js").Part[]} parts */
function spans(parts) {
  return parts.map(({ t, ms, bytes }) => [t, t + (ms ?? bytes.length / 32)]);
}

/** @param {import("../../static/js/capture/outbox.js").Part[]} parts @param {number} untilMs */
function assertWhole(parts, untilMs) {
  let endMs = 5_000 - DELAY_MS;
  for (const [from, to] of spans(parts)) {
    assert.ok(Math.abs(from - endMs) < 0.1, `${from} follows ${endMs}`);
    endMs = to;
  }
  assert.ok(Math.abs(endMs - untilMs) < 0.1, `${endMs} of ${untilMs}`);
}

test("an Opus packet says how long it lasts", () => {
  const config = (/** @type {number} */ number, code = 0, /** @type {number[]} */ ...rest) =>
    Uint8Array.of((number << 3) | code, ...rest);
  assert.equal(packetMs(config(9)), 20);
  assert.equal(packetMs(config(3)), 60);
  assert.equal(packetMs(config(13)), 20);
  assert.equal(packetMs(config(16)), 2.5);
  assert.equal(packetMs(config(31, 1, 0, 0)), 40);
  assert.equal(packetMs(config(31, 3, 6)), 120);
});

test("everything heard comes out once, as Opus and at the end as PCM", () => {
  const { parts, coder, hear, nowMs } = bench();
  hear(20);
  coder.finish();
  assertWhole(parts, nowMs());
  assert.equal(parts.filter(({ ms }) => ms === undefined).length, 1);
  assert.deepEqual(parts.slice(6, 11).map(({ lead }) => lead?.length), [6, 7, 8, 8, 8]);
});

for (const how of ["reports an error", "throws", "falls silent"]) {
  test(`an encoder that ${how} costs no sample, and another is tried`, () => {
    const { parts, encoders, coder, hear, nowMs } = bench();
    hear(10);
    if (how === "reports an error") encoders.fails();
    if (how === "throws") encoders.isBroken = true;
    if (how === "falls silent") encoders.isStuck = true;
    hear(how === "falls silent" ? 31 : 1);
    encoders.isBroken = encoders.isStuck = false;
    hear(10);
    coder.finish();
    assert.equal(encoders.made, 2);
    assert.equal(coder.failures, 1);
    const coded = parts.filter(({ ms }) => ms !== undefined);
    assert.ok(coded.length > 80);
    const [second] = coded.filter(({ t }) => t > 5_990);
    assert.deepEqual(second.lead, []);
    // The next encoder begins with its delay, before what it was given.
    let endMs = 5_000 - DELAY_MS;
    for (const [from, to] of spans(parts)) {
      assert.ok(from <= endMs + 0.1 && from >= endMs - DELAY_MS - 0.1);
      endMs = Math.max(endMs, to);
    }
    assert.ok(Math.abs(endMs - nowMs()) < 0.1);
  });
}

test("an encoder that always fails leaves PCM", () => {
  const { parts, encoders, hear, nowMs } = bench();
  encoders.isBroken = true;
  hear(20);
  assert.equal(encoders.made, 3);
  assert.ok(parts.every(({ ms }) => ms === undefined));
  assert.equal(parts.at(-1)?.t, nowMs() - CHUNK_MS);
  assert.equal(parts.length, 20);
});

test("sound after a pause is another run, with times of its own", () => {
  const { parts, coder, hear, skip, nowMs } = bench();
  hear(5);
  skip(2_000);
  hear(5);
  coder.finish();
  const first = parts.filter(({ t }) => t < 5_500);
  assertWhole(first, 5_500);
  assert.equal(parts[first.length].t, 7_500 - DELAY_MS);
  assert.deepEqual(parts[first.length].lead, []);
  assert.equal(spans(parts).at(-1)?.[1], nowMs());
});

/** A batch of five pictures of 20 kB and what was heard of a second. */
function second() {
  const { parts, hear } = bench();
  hear(10);
  const outbox = new Outbox();
  for (let i = 0; i < 5; i++) outbox.addFrame({ t: 5_000 + 200 * i, bytes: new Uint8Array(20_000) });
  for (const part of parts) outbox.addSound(part);
  return outbox.cut(6_000, /** @type {any} */ ({}));
}

test("a second of sound is one part behind its lead", () => {
  const { parts, hear } = bench();
  const outbox = new Outbox();
  hear(10);
  for (const part of parts.splice(0)) outbox.addSound(part);
  const { header: first } = outbox.cut(0, /** @type {any} */ ({}));
  hear(10);
  for (const part of parts.splice(0)) outbox.addSound(part);
  const { header, body } = outbox.cut(0, /** @type {any} */ ({}));
  assert.deepEqual(first.audio, [{ t: 4_993.5, size: 49 * 62, codec: "opus", lead: 0 }]);
  assert.equal(header.audio.length, 1);
  const [{ t, size, lead }] = header.audio;
  assert.equal(t, 4_993.5 + 49 * PACKET_MS);
  assert.equal(lead, 8);
  assert.equal(size, (50 + 8) * 62);
  assert.equal(body.length, size);
});

test("on a thin line coded sound goes along where it fits", () => {
  const rungAt = (/** @type {number} */ rate) => {
    const flow = new Flow();
    flow.rate = rate;
    flow.smallMs = 0;
    const { rung, batch } = flow.live(second(), 1_000);
    const sizes = [...batch.header.frames, ...batch.header.audio].reduce((sum, { size }) => sum + size, 0);
    assert.equal(batch.body.length, sizes);
    return [rung, batch.header.frames.length, batch.header.audio.length];
  };
  assert.deepEqual(rungAt(300_000), ["full", 5, 1]);
  assert.deepEqual(rungAt(40_000), ["one", 1, 1]);
  assert.deepEqual(rungAt(20_000), ["small", 1, 1]);
  assert.deepEqual(rungAt(11_000), ["small", 1, 0]);
  assert.deepEqual(rungAt(8_000), ["events", 0, 1]);
  assert.deepEqual(rungAt(2_000), ["events", 0, 0]);
});
