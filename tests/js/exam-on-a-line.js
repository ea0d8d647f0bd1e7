/** A student's line to a server that answers, with a clock and a thickness of its own. */
import { Line } from "../../static/js/capture/line.js";
import { STATE } from "./page-state.js";

const CAPTURE = { video_fps: 5, width: 640, height: 480, jpeg_quality: 0.8, screen: false, batch_ms: 1000 };
const PICTURE_BYTES = 20_000;
const SMALL_PICTURE_BYTES = 5_000;
const SOUND_BYTES = 3_200;
const MESSAGE_BYTES = 300;
const TICK_MS = 50;
/** So long after it came nothing of a batch is asked for again. */
const SETTLED_MS = 45_000;

const settle = () => new Promise((done) => setImmediate(done));

/** A socket behind a line that carries so many bytes a second, one after the other, so late. */
export class ThinSocket {
  connected = true;
  /** @type {Map<string, (value?: any) => void>} */
  handlers = new Map();
  /** @type {{event: string, values: any[], dueMs: number, done: (ack: any) => void}[]} */
  travelling = [];
  /** @type {Map<string, number>} when each event came through */
  arrivedMs = new Map();
  freeMs = 0;
  isCut = false;
  /** When each batch came that is not settled yet. @type {Map<number, number>} */
  unsettled = new Map();
  highest = -1;

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

  cut() {
    this.isCut = true;
    this.disconnect();
    this.handlers.get("disconnect")?.("transport close");
  }

  /** The library tries again by itself. */
  mend() {
    this.isCut = false;
    this.connect();
  }

  connect() {
    if (this.isCut) return;
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
      if (event === "start") {
        const next = this.highest + 1;
        done({ ok: true, session_id: "s", run: "r", next_seq: next, capture: CAPTURE });
      } else if (event === "batch") done(this.receipt(values[0].seq));
      else done({ ok: true });
    }
  }

  /** @param {number} seq */
  receipt(seq) {
    const nowMs = this.clock.ms;
    this.highest = Math.max(this.highest, seq);
    this.unsettled.set(seq, nowMs);
    for (const [each, cameMs] of this.unsettled) {
      if (nowMs - cameMs > SETTLED_MS) this.unsettled.delete(each);
    }
    const settledSeq = Math.min(this.highest + 1, ...this.unsettled.keys());
    return { ok: true, settled_seq: settledSeq, settled_ms: nowMs - SETTLED_MS };
  }
}

export class Exam {
  /** @param {{pictureBytes?: number, tickMs?: number}} [scale] */
  constructor({ pictureBytes = PICTURE_BYTES, tickMs = TICK_MS } = {}) {
    this.pictureBytes = pictureBytes;
    this.tickMs = tickMs;
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
    for (; this.clock.ms < endMs; this.clock.ms += this.tickMs) {
      const t = this.clock.ms;
      if (t % 200 === 0) this.line.outbox.addFrame({ t, bytes: new Uint8Array(this.pictureBytes) });
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

  /** How many batches and events the browser keeps. */
  get kept() {
    return /** @type {any} */ (this.line.spool.shelf).kept.size;
  }

  /** Seconds each event took to the server, in their order. */
  get tookS() {
    return [...this.happenedMs].map(
      ([id, ms]) => ((this.socket.arrivedMs.get(id) ?? Infinity) - ms) / 1000,
    );
  }
}
