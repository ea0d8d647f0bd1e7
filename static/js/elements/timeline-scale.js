/** Where things stand on a session's timeline. Pure. */

const STEPS_S = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/**
 * The distance between two time marks, so that they stand at least `minPx` apart.
 * @param {number} spanS
 * @param {number} widthPx
 * @param {number} minPx
 */
export function tickStep(spanS, widthPx, minPx) {
  return STEPS_S.find((step) => (step / spanS) * widthPx >= minPx) ?? STEPS_S[STEPS_S.length - 1];
}

/**
 * The time the axis covers: whole intervals, at least ten, growing in coarse steps so that the
 * picture does not shift every second.
 * @param {number} nowS
 * @param {number} intervalS
 */
export function axisSpan(nowS, intervalS) {
  const needed = Math.max(10, Math.ceil((nowS + 1) / intervalS));
  const step = needed <= 20 ? 10 : needed <= 60 ? 20 : 60;
  return Math.ceil(needed / step) * step * intervalS;
}

/**
 * The rules of the episodes, each once, in the order they first occurred: one lane each.
 * @param {{rule: string, start_s: number}[]} episodes
 * @returns {string[]}
 */
export function lanesOf(episodes) {
  const inTime = [...episodes].sort((a, b) => a.start_s - b.start_s);
  return [...new Set(inTime.map((episode) => episode.rule))];
}
