/**
 * The order of the wall. A score falls back to zero with each interval; a tile that reached
 * something stays in its place for a minute, so that the wall does not jump. Pure.
 */

import { overallCoverage } from "../lib/format.js";

export const HOLD_MS = 60_000;

/**
 * @typedef {{session_id: string, user_id: string, exam_id: string, state: string,
 *   is_running: boolean, is_paused: boolean, pauses: string[], started_at: string,
 *   faces: number | null, gaze: string,
 *   interval_score: number, total_score: number, flagged_intervals: number,
 *   last_violation: {rule: string, at: string} | null, line: string,
 *   gap?: {cause: string, from_s: number} | null,
 *   coverage: Record<string, number>, advice: string, risk: number, focus: number, trust: number,
 *   faults: string[], asks: string[], watched_by: string[], group: string, trend?: number[]}} Row
 * @typedef {"attention" | "score" | "risk" | "recent" | "unseen" | "name" | "newest"} Sorting
 * @typedef {{search: string, exam: string, group: string, state: string}} Filter
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

const RECENT_MS = 120_000;

/**
 * How much a session wants a look: what it scored within the last minute, its risk, how fresh its
 * last violation is, how little of it can be judged, and whether its student waits for an answer.
 * @param {Row} row
 * @param {number} peak
 * @param {number} nowMs
 */
export function attentionOf(row, peak, nowMs) {
  const sinceMs = row.last_violation ? Math.max(0, nowMs - Date.parse(row.last_violation.at)) : Infinity;
  const unseen = 1 - (overallCoverage(row.coverage) ?? 1);
  return 2 * peak + row.risk + 8 * Math.exp(-sinceMs / RECENT_MS) + 10 * unseen + (row.asks.length > 0 ? 12 : 0);
}

/** @type {Record<Sorting, (row: Row, peak: number, nowMs: number) => number | string>} */
const HEIGHTS = {
  attention: attentionOf,
  score: (_row, peak) => peak,
  risk: (row) => row.risk,
  recent: (row) => row.last_violation?.at ?? "",
  unseen: (row) => 1 - (overallCoverage(row.coverage) ?? 1),
  name: () => 0,
  newest: (row) => row.started_at,
};

/**
 * @param {Row[]} rows
 * @param {Sorting} sorting
 * @param {(row: Row) => number} peakOf
 * @param {number} [nowMs]
 * @returns {Row[]} in the order to show them
 */
export function sorted(rows, sorting, peakOf, nowMs = 0) {
  const height = HEIGHTS[sorting] ?? HEIGHTS.attention;
  const placed = rows.map((row) => ({ row, height: height(row, peakOf(row), nowMs) }));
  const byTotal = sorting === "name" || sorting === "newest" ? 0 : 1;
  placed.sort(
    (a, b) =>
      (a.height < b.height ? 1 : a.height > b.height ? -1 : 0) ||
      byTotal * (b.row.total_score - a.row.total_score) ||
      a.row.user_id.localeCompare(b.row.user_id) ||
      a.row.session_id.localeCompare(b.row.session_id),
  );
  return placed.map(({ row }) => row);
}

/** @type {Record<string, (row: Row, threshold: number) => boolean>} */
const STATES = {
  flagged: (row, threshold) => row.flagged_intervals > 0 || row.interval_score >= threshold,
  asks: (row) => row.asks.length > 0,
  paused: (row) => row.is_paused,
  trouble: (row) => hasTrouble(row),
};

/** @param {Row} row whether a machine or a line keeps this session from being judged */
export const hasTrouble = (row) => row.line !== "good" || row.faults.length > 0;

/**
 * @param {Row} row
 * @param {Filter} filter empty fields let everything pass
 * @param {number} [threshold]
 */
export function passes(row, { search, exam, group, state }, threshold = 10) {
  return (
    matches(row, search) &&
    (!exam || row.exam_id === exam) &&
    (!group || row.group === group) &&
    (!state || (STATES[state]?.(row, threshold) ?? true))
  );
}

/**
 * @param {Row} row
 * @param {string} search
 */
export function matches(row, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${row.user_id} ${row.exam_id} ${row.group}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

export const TREND = 60;
export const TREND_MS = 10_000;

/**
 * A sparkline's points: the risk of the last ten minutes, in a box of 100 by 24.
 * @param {number[]} trend oldest first, one every 10 s
 */
export function sparkline(trend) {
  const shown = trend.slice(-TREND);
  if (shown.length < 2) return "";
  const top = Math.max(20, ...shown);
  const step = 100 / (TREND - 1);
  const left = 100 - step * (shown.length - 1);
  return shown
    .map((risk, index) => `${(left + index * step).toFixed(1)},${(23 - (22 * risk) / top).toFixed(1)}`)
    .join(" ");
}
