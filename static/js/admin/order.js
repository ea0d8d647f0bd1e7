/**
 * The order of the wall. A score falls back to zero with each interval; a tile that reached
 * something stays in its place for a minute, so that the wall does not jump. Pure.
 */

export const HOLD_MS = 60_000;

/**
 * @typedef {{session_id: string, user_id: string, exam_id: string, state: string,
 *   is_running: boolean, started_at: string, faces: number | null, gaze: string,
 *   interval_score: number, total_score: number, flagged_intervals: number,
 *   last_violation: {rule: string, at: string} | null, line: string,
 *   coverage: Record<string, number>, advice: string}} Row
 * @typedef {"score" | "name" | "newest"} Sorting
 */

/** Remembers each session's highest interval score of the last minute. */
export class Peaks {
  constructor() {
    /** @type {Map<string, {score: number, atMs: number}>} */
    this.held = new Map();
  }

  /**
   * @param {string} sessionId
   * @param {number} score
   * @param {number} nowMs
   */
  note(sessionId, score, nowMs) {
    const held = this.held.get(sessionId);
    if (!held || score >= held.score || nowMs - held.atMs > HOLD_MS) {
      this.held.set(sessionId, { score, atMs: nowMs });
    }
  }

  /**
   * @param {string} sessionId
   * @param {number} nowMs
   */
  of(sessionId, nowMs) {
    const held = this.held.get(sessionId);
    return held && nowMs - held.atMs <= HOLD_MS ? held.score : 0;
  }

  /** @param {string} sessionId */
  forget(sessionId) {
    this.held.delete(sessionId);
  }
}

/**
 * @param {Row[]} rows
 * @param {Sorting} sorting
 * @param {(row: Row) => number} peakOf
 * @returns {Row[]} in the order to show them
 */
export function sorted(rows, sorting, peakOf) {
  const byName = (/** @type {Row} */ a, /** @type {Row} */ b) =>
    a.user_id.localeCompare(b.user_id) || a.session_id.localeCompare(b.session_id);
  if (sorting === "name") return [...rows].sort(byName);
  if (sorting === "newest") {
    return [...rows].sort((a, b) => b.started_at.localeCompare(a.started_at) || byName(a, b));
  }
  return [...rows].sort(
    (a, b) => peakOf(b) - peakOf(a) || b.total_score - a.total_score || byName(a, b),
  );
}

/**
 * @param {Row} row
 * @param {string} search
 */
export function matches(row, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${row.user_id} ${row.exam_id}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
