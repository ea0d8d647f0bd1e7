/** What is known of one session: its history from REST, kept up by live updates. Pure. */

/**
 * @typedef {import("../elements/session-timeline.js").Interval & {flag_score?: number | null,
 *   points?: {violation_id: string, points: number}[]}} Interval
 * @typedef {{violation_id: string, rule: string, start_s: number, end_s: number | null,
 *   started_at: string, confidence: number, points: number}} Violation
 */

export class SessionState {
  constructor() {
    /** @type {Map<string, Violation>} */
    this.violations = new Map();
    /** @type {Map<number, Interval>} */
    this.intervals = new Map();
    /** Points per violation and interval: an episode can cost in several intervals. */
    /** @type {Map<string, Map<number, number>>} */
    this.costs = new Map();
  }

  /** @param {any} details the answer of /api/session/<id>/details */
  load(details) {
    for (const interval of details.intervals) {
      this.intervals.set(interval.index, interval);
      this.setCosts(interval.index, interval.points ?? []);
    }
    for (const violation of details.violations) this.note(violation);
  }

  /**
   * @param {number} index
   * @param {{violation_id: string, points: number}[]} costs
   */
  setCosts(index, costs) {
    for (const perInterval of this.costs.values()) perInterval.delete(index);
    for (const { violation_id, points } of costs) {
      const perInterval = this.costs.get(violation_id) ?? new Map();
      perInterval.set(index, (perInterval.get(index) ?? 0) + points);
      this.costs.set(violation_id, perInterval);
    }
  }

  /** @param {any} update monitoring_update */
  update(update) {
    const { interval, violations, interval_score } = update;
    const known = this.intervals.get(interval.index);
    this.intervals.set(interval.index, {
      coverage: {},
      ...known,
      ...interval,
      score: interval_score,
      is_flagged: known?.is_flagged ?? false,
      is_closed: false,
    });
    this.setCosts(interval.index, violations);
    for (const violation of violations) this.note(violation);
  }

  /** @param {any} event session_event of kind flag */
  flag({ interval, score }) {
    const known = this.intervals.get(interval.index);
    this.intervals.set(interval.index, {
      score,
      coverage: {},
      is_closed: false,
      ...known,
      ...interval,
      is_flagged: true,
      flag_score: score,
    });
  }

  /** @param {any} violation */
  note(violation) {
    const known = this.violations.get(violation.violation_id);
    this.violations.set(violation.violation_id, { ...known, ...violation, points: 0 });
  }

  /** @param {string} id */
  pointsOf(id) {
    let sum = 0;
    for (const points of this.costs.get(id)?.values() ?? []) sum += points;
    return sum;
  }

  /** @returns {Violation[]} newest first, with the points each has cost */
  newestViolations() {
    return [...this.violations.values()]
      .map((violation) => ({ ...violation, points: this.pointsOf(violation.violation_id) }))
      .sort((a, b) => b.start_s - a.start_s);
  }

  /** @returns {Interval[]} in order */
  orderedIntervals() {
    return [...this.intervals.values()].sort((a, b) => a.index - b.index);
  }
}
