/**
 * How much the line carries, and what of a second's capture is sent live on it. Pure.
 *
 * The ladder, from a good line down: everything; every second picture; one picture a second with
 * the sound; one small picture a second; one small picture in five seconds; events and the state
 * of the page only. The last three take the sound along where it is coded and fits. What is not
 * sent live stays in the spool and follows later.
 */
import { thin } from "./backlog.js";

/** Before anything is known, so that the first second does not fill a thin line. */
const FIRST_RATE = 30_000;
/** After a connection that was lost: what a line of 64 kbit/s can take without a long queue. */
const CAREFUL_RATE = 12_000;
const SLOWEST_RATE = 1_000;
const FASTEST_RATE = 50_000_000;
/** What is under way may take this long to arrive: an event sent now waits behind it. */
const AHEAD_S = 0.8;
/** With a batch of the backlog beside it, what is under way may take this long. */
const BACKLOG_S = 1.2;
const LIVE_SHARE = 0.8;
const MOST_UNDERWAY = 8;
const SMALL_EVERY_MS = 5_000;
/** What a second with a small picture takes, and what one of them now and then takes. */
const SMALL_BYTES = 8_000;
const RARE_BYTES = 4_000;
/** Where not even that fits, one is tried now and then: else nobody would notice a line that mended. */
const TRIAL_EVERY_MS = 10_000;
/** Who has waited this long for an answer takes the line for no better than that. */
const DOUBT_MS = 1_000;
/** Beside the bytes of its parts a batch has a header. */
const HEADER_BYTES = 700;
/** A line that carries more than was thought may carry a little more still, but not at once. */
const MORE = 1.25;
const MOST_GROWTH = 2;
/** A measurement of less is believed the more the longer it took, wholly from a second on. */
const LEAST_TRUST = 0.4;
const TRUSTED_MS = 1_000;
/** Answers without a pause between them are measured together, for so long. */
const BURST_MS = 4_000;
/** An answer that has not come by now was lost on the way. */
const UNANSWERED_MS = 20_000;

/** @typedef {"full" | "half" | "one" | "small" | "rare" | "events"} Rung */

export class Flow {
  constructor() {
    this.rate = FIRST_RATE;
    this.roundTripMs = Infinity;
    /** @type {Map<string, {bytes: number, sentMs: number}>} */
    this.underway = new Map();
    this.freeMs = 0;
    /** What the line carried since it was last idle. */
    this.burst = { bytes: 0, fromMs: 0 };
    this.smallMs = -Infinity;
    this.measuredMs = 0;
  }

  /** @param {number} ms a small message and its answer took this long */
  timed(ms) {
    this.roundTripMs = Math.min(this.roundTripMs, ms);
  }

  /**
   * @param {string} key
   * @param {number} bytes
   * @param {number} nowMs
   */
  sent(key, bytes, nowMs) {
    this.underway.set(key, { bytes: bytes + HEADER_BYTES, sentMs: nowMs });
  }

  /**
   * @param {string} key
   * @param {number} nowMs
   */
  answered(key, nowMs) {
    const sent = this.underway.get(key);
    if (!sent) return;
    this.underway.delete(key);
    const roundTripMs = Number.isFinite(this.roundTripMs) ? this.roundTripMs : 0;
    const setOutMs = sent.sentMs + roundTripMs;
    // Answers that come together, because the server was busy, say nothing one by one.
    const isBurst = setOutMs < this.freeMs && nowMs - this.burst.fromMs < BURST_MS;
    if (!isBurst) this.burst = { bytes: 0, fromMs: Math.max(setOutMs, this.freeMs) };
    this.burst.bytes += sent.bytes;
    this.freeMs = nowMs;
    if (sent.bytes < 2_000) return;
    this.measuredMs = nowMs;
    const tookMs = Math.max(nowMs - this.burst.fromMs, 2);
    const measured = (this.burst.bytes / tookMs) * 1000;
    const trust = Math.min(1, Math.max(LEAST_TRUST, tookMs / TRUSTED_MS));
    const next =
      measured > this.rate
        ? Math.min(MOST_GROWTH * this.rate, MORE * measured)
        : (1 - trust) * this.rate + trust * measured;
    this.rate = Math.min(FASTEST_RATE, Math.max(SLOWEST_RATE, next));
  }

  /**
   * What was sent and not answered for so long that the answer will not come.
   * @param {number} nowMs
   * @returns {number[]} the numbers of the batches
   */
  overdue(nowMs) {
    const late = [...this.underway].filter(([, { sentMs }]) => nowMs - sentMs > UNANSWERED_MS);
    for (const [key] of late) this.underway.delete(key);
    return late.map(([key]) => Number(key));
  }

  /** The connection is gone, and with it what was under way; the next may carry less. */
  cut() {
    this.underway.clear();
    this.freeMs = 0;
    this.burst = { bytes: 0, fromMs: 0 };
    this.roundTripMs = Infinity;
    this.rate = Math.min(this.rate, CAREFUL_RATE);
  }

  /**
   * What the line carries: as measured, or less where an answer is long in coming.
   * @param {number} nowMs
   */
  rateAt(nowMs) {
    let oldestMs = nowMs;
    for (const { sentMs } of this.underway.values()) oldestMs = Math.min(oldestMs, sentMs);
    const roundTripMs = Number.isFinite(this.roundTripMs) ? this.roundTripMs : 0;
    const waitedMs = nowMs - oldestMs - roundTripMs;
    if (waitedMs < DOUBT_MS) return this.rate;
    return Math.min(this.rate, (this.waiting / waitedMs) * 1000);
  }

  /**
   * Bytes that may be sent now without making an event wait for long.
   * @param {number} nowMs
   */
  room(nowMs) {
    if (this.underway.size >= MOST_UNDERWAY) return 0;
    return Math.max(0, this.rateAt(nowMs) * AHEAD_S - this.waiting - HEADER_BYTES);
  }

  /** Bytes that are under way. */
  get waiting() {
    let waiting = 0;
    for (const { bytes } of this.underway.values()) waiting += bytes;
    return waiting;
  }

  /**
   * @param {number} bytes
   * @param {number} nowMs
   * @returns {boolean} whether a batch of the backlog may go now
   */
  carries(bytes, nowMs) {
    return this.underway.size < 2 && this.waiting + bytes <= this.rateAt(nowMs) * BACKLOG_S;
  }

  /**
   * What of a second is sent live.
   * @param {import("./outbox.js").Batch} batch
   * @param {number} nowMs
   * @returns {{rung: Rung, batch: import("./outbox.js").Batch}}
   */
  live(batch, nowMs) {
    const budget = Math.min(this.room(nowMs), this.rate * LIVE_SHARE);
    /** @type {[Rung, import("./backlog.js").Thinned][]} */
    const whole = [
      ["full", 0],
      ["half", 1],
      ["one", 2],
    ];
    for (const [rung, thinned] of whole) {
      const candidate = thin(batch, thinned);
      if (candidate.body.length <= budget) return { rung, batch: candidate };
    }
    const lean = withoutStills(thin(batch, 2));
    const fitted = (/** @type {number} */ room) =>
      isCoded(lean) && soundBytes(lean) <= room ? lean : withoutSound(lean);
    if (budget >= SMALL_BYTES) return { rung: "small", batch: fitted(budget - SMALL_BYTES) };
    const isTrial = this.underway.size === 0 && nowMs - this.measuredMs >= TRIAL_EVERY_MS;
    if (isTrial || (budget >= RARE_BYTES && nowMs - this.smallMs >= SMALL_EVERY_MS)) {
      this.smallMs = nowMs;
      return { rung: "rare", batch: withoutSound(lean) };
    }
    return { rung: "events", batch: withoutPictures(fitted(budget)) };
  }
}

/** @typedef {import("./outbox.js").Batch} Batch */

/** @param {import("./outbox.js").PartHeader[]} parts */
function sizeOf(parts) {
  return parts.reduce((sum, part) => sum + part.size, 0);
}

/** @param {Batch} batch */
function soundBytes({ header }) {
  return sizeOf(header.audio);
}

/** @param {Batch} batch */
function isCoded({ header }) {
  return header.audio.length > 0 && header.audio.every(({ codec }) => codec === "opus");
}

/** @param {Batch} batch @returns {Batch} */
function withoutStills({ header, body, cutMs }) {
  const size = sizeOf(header.frames) + sizeOf(header.audio);
  return { header: { ...header, screen: [] }, body: body.slice(0, size), cutMs };
}

/** @param {Batch} batch without stills @returns {Batch} */
function withoutSound({ header, body, cutMs }) {
  return { header: { ...header, audio: [] }, body: body.slice(0, sizeOf(header.frames)), cutMs };
}

/** @param {Batch} batch without stills @returns {Batch} */
function withoutPictures({ header, body, cutMs }) {
  return { header: { ...header, frames: [] }, body: body.slice(sizeOf(header.frames)), cutMs };
}
