import assert from "node:assert/strict";
import { test } from "node:test";
import { Line } from "../../static/js/capture/line.js";

const STATE = {
  visible: true,
  focused: true,
  fullscreen: false,
  camera: true,
  microphone: true,
  screen: false,
};
const CAPTURE = { video_fps: 5, width: 640, height: 480, jpeg_quality: 0.8, screen: false, batch_ms: 1000 };
const PICTURE_BYTES = 20_000;
const SMALL_PICTURE_BYTES = 5_000;
const SOUND_BYTES = 3_200;
const MESSAGE_BYTES = 300;
const TICK_MS = 50;

const settle = () => new Promise((done) => setImmediate(done));

/** A socket behind a line that carries so many bytes a second, one after the other, so late. */
class ThinSocket {
  connected = true;
  /** @type {Map<string, (value?: any) => void>} */
  handlers = new Map();
  /** @type {{event: string, values: any[], dueMs: number, done: (ack: any) => void}[]} */
  travelling = [];
  /** @type {Map<string, number>} when each event came through */
  arrivedMs = new Map();
  freeMs = 0;
  seen = 0;

  /** @param {{ms: number}} clock */
  constructor(clock) {
    this.clock = clock;
    this.bytesPerS = 2_000_000;
    this.delayMs = 20;
  }

  /** @param {string} event @param {(value: any) => void} handler */
  on(event, handler) {
    this.handlers.set(event, handler);
  }

  /** @param {string} event @param {...any} values */
  emit(event, ...values) {
    const done = values.pop();
    const bytes = MESSAGE_BYTES + (event === "batch" ? 400 + values[1].length : 0);
    this.freeMs = Math.max(this.freeMs, this.clock.ms) + (bytes / this.bytesPerS) * 1000;
    this.travelling.push({ event, values, dueMs: this.freeMs + this.delayMs, done });
  }

  timeout() {
    return {
      emitWithAck: (/** @type {string} */ event, /** @type {any} */ payload) =>
        new Promise((done) => this.emit(event, payload, done)),
    };
  }

  disconnect() {
    this.connected = false;
    this.travelling = [];
    this.freeMs = 0;
  }

  connect() {
    this.connected = true;
    this.handlers.get("connect")?.();
  }

  /** What has come all the way is answered. */
  pass() {
    const arrived = this.travelling.filter(({ dueMs }) => dueMs <= this.clock.ms);
    this.travelling = this.travelling.filter(({ dueMs }) => dueMs > this.clock.ms);
    for (const { event, values, done } of arrived) {
      const events = event === "screen_event" ? [values[0]] : (values[0].events ?? []);
      for (const { id } of events) {
        if (!this.arrivedMs.has(id)) this.arrivedMs.set(id, this.clock.ms);
      }
      if (event === "start") done({ ok: true, session_id: "s", run: "r", next_seq: 0, capture: CAPTURE });
      else done({ ok: true });
    }
  }
}

class Exam {
  constructor() {
    this.clock = { ms: 100_000 };
    this.socket = new ThinSocket(this.clock);
    this.line = new Line({
      connect: () => this.socket,
      tell: () => {},
      nowMs: () => this.clock.ms,
      shrink: async () => new Uint8Array(SMALL_PICTURE_BYTES),
    });
    this.events = 0;
    /** @type {Map<string, number>} */
    this.happenedMs = new Map();
  }

  async begin() {
    await this.line.open("token");
    this.socket.connect();
    await settle();
  }

  /** @param {number} seconds @param {number} [everyMs] how often something happens */
  async pass(seconds, everyMs = Infinity) {
    const endMs = this.clock.ms + seconds * 1000;
    let nextMs = this.clock.ms + everyMs;
    for (; this.clock.ms < endMs; this.clock.ms += TICK_MS) {
      const t = this.clock.ms;
      if (t % 200 === 0) this.line.outbox.addFrame({ t, bytes: new Uint8Array(PICTURE_BYTES) });
      if (t % 100 === 0) {
        this.line.outbox.addSound({ t, ms: 100, bytes: new Uint8Array(SOUND_BYTES / 10) });
      }
      if (t >= nextMs) {
        nextMs += everyMs;
        const id = `e${this.events++}`;
        this.happenedMs.set(id, t);
        this.line.addEvent({ id, kind: "paste", t });
      }
      this.socket.pass();
      await settle();
      this.line.tick(STATE);
      await settle();
    }
  }

  /** Seconds each event took to the server, in their order. */
  get tookS() {
    return [...this.happenedMs].map(
      ([id, ms]) => ((this.socket.arrivedMs.get(id) ?? Infinity) - ms) / 1000,
    );
  }
}

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
