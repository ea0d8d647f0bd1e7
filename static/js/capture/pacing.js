/** When something is due. Pure: every instant is an argument. */

/** How much too early an item may come, in shares of the period: a camera's own rate jitters. */
const EARLY = 0.2;

/** Lets through `perSecond` items a second out of a faster stream, evenly. */
export class Pacer {
  /** @param {number} perSecond */
  constructor(perSecond) {
    this.periodMs = 1000 / perSecond;
    this.nextMs = -Infinity;
  }

  /**
   * @param {number} nowMs
   * @returns {boolean} whether this one is let through
   */
  isDue(nowMs) {
    if (nowMs < this.nextMs - EARLY * this.periodMs) return false;
    const isLate = nowMs - this.nextMs > this.periodMs;
    this.nextMs = (isLate ? nowMs : this.nextMs) + this.periodMs;
    return true;
  }
}

/** The share of a jump between counted samples and arrival that is taken for jitter. */
const TOLERANCE_MS = 250;

/**
 * Gives chunks of sound their time: by counting samples, which does not jitter, anchored anew when
 * the count and the clock have drifted apart (sleep, a lost microphone).
 */
export class SoundClock {
  constructor() {
    this.nextMs = -Infinity;
  }

  /**
   * @param {number} arrivedMs when the chunk's last sample was handed over
   * @param {number} lengthMs
   * @returns {number} when its first sample was heard
   */
  place(arrivedMs, lengthMs) {
    const heardMs = arrivedMs - lengthMs;
    if (Math.abs(heardMs - this.nextMs) > TOLERANCE_MS) this.nextMs = heardMs;
    const startMs = this.nextMs;
    this.nextMs += lengthMs;
    return startMs;
  }
}

/**
 * The largest even size within a box that keeps the picture's shape; never enlarges.
 * @param {number} width
 * @param {number} height
 * @param {number} maxWidth
 * @param {number} maxHeight
 * @returns {{width: number, height: number}}
 */
export function fitWithin(width, height, maxWidth, maxHeight) {
  const scale = Math.min(1, maxWidth / width, maxHeight / height);
  const even = (/** @type {number} */ side) => Math.max(2, 2 * Math.round((side * scale) / 2));
  return { width: even(width), height: even(height) };
}
