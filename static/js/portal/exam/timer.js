/**
 * What is left of the exam's time. The server says how much; from then on a clock counts that
 * nobody can set.
 */
export class Timer {
  /** @param {() => number} [tickMs] a clock that only runs forward */
  constructor(tickMs = () => performance.now()) {
    this.tickMs = tickMs;
    /** @type {number | null} */
    this.leftMs = null;
    this.atMs = 0;
    this.isStopped = false;
  }

  /** @param {{left_ms: number | null, is_stopped: boolean}} said */
  learn({ left_ms, is_stopped }) {
    this.leftMs = left_ms;
    this.isStopped = is_stopped;
    this.atMs = this.tickMs();
  }

  /** @returns {number | null} whole seconds, null without a limit */
  get leftS() {
    if (this.leftMs === null) return null;
    const passedMs = this.isStopped ? 0 : this.tickMs() - this.atMs;
    return Math.max(0, Math.ceil((this.leftMs - passedMs) / 1000));
  }
}
