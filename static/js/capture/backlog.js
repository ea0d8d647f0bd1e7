/**
 * What is known of each batch that may still be asked for: when it was captured, how large it is,
 * whether the server has it. Says which is sent next, which may be erased, and what must give way
 * when there is no more room. Pure: the batches themselves are elsewhere (see spool.js).
 */

/** Bounds of what a browser keeps: half an hour, and about that much at a camera's usual rate. */
export const BOUNDS = Object.freeze({ ms: 30 * 60_000, bytes: 240_000_000 });

/** Around a screen event or a warning nothing but pictures is ever thinned. */
const SUSPICION_MS = 15_000;

/**
 * How far a batch was thinned: everything, half the pictures, one picture, no picture, no sound.
 * @typedef {0 | 1 | 2 | 3 | 4} Thinned
 * @typedef {{seq: number, fromMs: number, toMs: number, bytes: number, isAcked: boolean,
 *   isSuspicious: boolean, thinned: Thinned}} Entry
 */

const MOST_THINNED = 4;

export class Backlog {
  /** @param {{ms: number, bytes: number}} [bounds] */
  constructor(bounds = BOUNDS) {
    this.bounds = bounds;
    /** @type {Map<number, Entry>} in order of their number */
    this.entries = new Map();
    /** Numbers that were sent and not answered yet. @type {Set<number>} */
    this.underway = new Set();
    /** @type {number[]} when something happened that a person may want to see */
    this.suspicions = [];
    this.bytes = 0;
  }

  /** @param {Omit<Entry, "isSuspicious" | "thinned"> & Partial<Entry>} entry */
  add(entry) {
    const isSuspicious =
      entry.isSuspicious ||
      this.suspicions.some(
        (t) => t > entry.fromMs - SUSPICION_MS && t < entry.toMs + SUSPICION_MS,
      );
    this.entries.set(entry.seq, { thinned: 0, ...entry, isSuspicious });
    this.bytes += entry.bytes;
  }

  /** @param {number} t when an event or a warning came */
  suspect(t) {
    this.suspicions.push(t);
    this.suspicions = this.suspicions.filter((each) => each > t - this.bounds.ms).slice(-500);
    for (const entry of this.entries.values()) {
      if (t > entry.fromMs - SUSPICION_MS && t < entry.toMs + SUSPICION_MS) entry.isSuspicious = true;
    }
  }

  /** @param {number} seq the server has it; it may still ask for it after a crash of its own */
  acknowledge(seq) {
    this.underway.delete(seq);
    const entry = this.entries.get(seq);
    if (entry) entry.isAcked = true;
  }

  /** @param {number} seq it was not taken: it waits again */
  postpone(seq) {
    this.underway.delete(seq);
  }

  /** Nothing that is under way will be answered any more. */
  cut() {
    this.underway.clear();
  }

  /** Another server than before, or one that forgot: everything has to be sent again. */
  restart() {
    this.cut();
    for (const entry of this.entries.values()) entry.isAcked = false;
  }

  /**
   * Everything below `settledSeq` that the server has need never be sent again.
   * @param {number} settledSeq
   * @returns {number[]} what may be erased
   */
  settle(settledSeq) {
    const gone = [];
    for (const entry of this.entries.values()) {
      if (entry.seq < settledSeq && entry.isAcked) gone.push(entry.seq);
    }
    for (const seq of gone) this.remove(seq);
    return gone;
  }

  /** @param {number} seq */
  remove(seq) {
    const entry = this.entries.get(seq);
    if (!entry) return;
    this.bytes -= entry.bytes;
    this.entries.delete(seq);
    this.underway.delete(seq);
  }

  /** The oldest batch that the server has not got and that is not on its way. */
  next() {
    let oldest = null;
    for (const entry of this.entries.values()) {
      if (entry.isAcked || this.underway.has(entry.seq)) continue;
      if (!oldest || entry.fromMs < oldest.fromMs) oldest = entry;
    }
    return oldest;
  }

  /** How many batches the server has not got. */
  get owed() {
    let count = 0;
    for (const entry of this.entries.values()) if (!entry.isAcked) count += 1;
    return count;
  }

  /**
   * When the oldest part was captured that the server would still miss if it got batch `seq`.
   * @param {number} seq
   * @param {number} nowMs
   */
  oldestMs(seq, nowMs) {
    let oldest = nowMs;
    for (const entry of this.entries.values()) {
      if (!entry.isAcked && entry.seq !== seq) oldest = Math.min(oldest, entry.fromMs);
    }
    return oldest;
  }

  /**
   * What has to give way now: batches that are too old, and batches to thin one step further.
   * Pictures go first (half, then all but one, then all), of what is old and not suspicious first;
   * sound goes only where nothing was suspicious; events never go.
   * @param {number} nowMs
   * @returns {{gone: Entry[], thinner: Entry[]}}
   */
  excess(nowMs) {
    const gone = [];
    for (const entry of this.entries.values()) {
      if (nowMs - entry.toMs > this.bounds.ms) gone.push(entry);
    }
    for (const entry of gone) this.remove(entry.seq);
    /** @type {Entry[]} */
    const thinner = [];
    let over = this.bytes - this.bounds.bytes;
    for (let step = 1; step <= MOST_THINNED && over > 0; step++) {
      for (const isSuspicious of [false, true]) {
        if (isSuspicious && step === MOST_THINNED) continue;
        for (const entry of this.entries.values()) {
          if (over <= 0) break;
          if (entry.isSuspicious !== isSuspicious || entry.thinned !== step - 1) continue;
          if (this.underway.has(entry.seq)) continue;
          entry.thinned = /** @type {Thinned} */ (step);
          thinner.push(entry);
          over -= entry.bytes / 2;
        }
      }
    }
    return { gone, thinner };
  }

  /**
   * A batch was thinned to this size.
   * @param {number} seq
   * @param {number} bytes
   */
  resize(seq, bytes) {
    const entry = this.entries.get(seq);
    if (!entry) return;
    this.bytes += bytes - entry.bytes;
    entry.bytes = bytes;
  }
}

/**
 * A batch with fewer pictures, or without its sound. Events and the page's state stay.
 * @param {import("./outbox.js").Batch} batch
 * @param {Thinned} thinned
 * @returns {import("./outbox.js").Batch}
 */
export function thin({ header, body, cutMs }, thinned) {
  const keepFrame = (/** @type {number} */ index, /** @type {number} */ count) => {
    const fromEnd = count - 1 - index;
    if (thinned >= 3) return false;
    return thinned === 2 ? fromEnd === 0 : thinned === 1 ? fromEnd % 2 === 0 : true;
  };
  /** @type {Uint8Array[]} */
  const kept = [];
  let at = 0;
  const sift = (
    /** @type {import("./outbox.js").PartHeader[]} */ parts,
    /** @type {(index: number, count: number) => boolean} */ isKept,
  ) =>
    parts.filter((part, index) => {
      const bytes = body.subarray(at, at + part.size);
      at += part.size;
      if (isKept(index, parts.length)) kept.push(bytes);
      return isKept(index, parts.length);
    });
  const frames = sift(header.frames, keepFrame);
  const audio = sift(header.audio, () => thinned < 4);
  const screen = sift(header.screen, () => thinned < 2);
  const size = kept.reduce((sum, bytes) => sum + bytes.length, 0);
  const rest = new Uint8Array(size);
  let to = 0;
  for (const bytes of kept) {
    rest.set(bytes, to);
    to += bytes.length;
  }
  return { header: { ...header, frames, audio, screen }, body: rest, cutMs };
}
