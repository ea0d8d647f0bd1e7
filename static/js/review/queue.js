/** What is looked at in which order. Pure. */

/**
 * @typedef {{clip_id: string, episode: number, status: string, score: number, rules: string[],
 *   flagged_at: string, decision: string}} QueueFlag
 * @typedef {{outcome: string, by: string, at: string, reason: string, until_at: string | null}} Ruling
 * @typedef {{text: string, at: string, clip_id: string}} Words
 * @typedef {{state: string, waiting: number, flags: number, proposal: Ruling | null,
 *   outcome: Ruling | null, final: Ruling | null, explanations: Words[], appeals: Words[]}} Case
 * @typedef {{session_id: string, user_id: string, exam_id: string, state: string,
 *   started_at: string | null, ended_at: string | null, flagged_intervals: number, trust: number,
 *   coverage: Record<string, number>}} Session
 * @typedef {{session: Session, review: Case, flags: QueueFlag[]}} QueueSession
 * @typedef {{sessionId: string, episode: number}} Stop
 */

/** @type {Record<string, string>} */
const STATES = {
  nothing: "No flag",
  open: "Flags wait",
  ready: "Outcome due",
  proposed: "Second person needed",
  decided: "Outcome set",
  appealed: "Appeal waits",
  final: "Final",
};
/** @type {Record<string, string>} */
const OUTCOMES = { clear: "Clear", concern: "Concern", breach: "Breach" };
/** @type {Record<string, string>} */
const DECISIONS = {
  confirmed: "Confirmed",
  dismissed: "Dismissed",
  unclear: "Cannot tell",
  unreviewed: "Not decided",
};
const DONE = new Set(["decided", "final", "nothing"]);

/** @param {string} state */
export const stateLabel = (state) => STATES[state] ?? state;

/** @param {string} outcome */
export const outcomeLabel = (outcome) => OUTCOMES[outcome] ?? outcome;

/** @param {string} decision */
export const decisionLabel = (decision) => DECISIONS[decision] ?? decision;

/**
 * Whether somebody still has to do something about a session.
 * @param {QueueSession} each
 */
export const isToDo = (each) => !DONE.has(each.review.state);

/**
 * Appeals first, then waiting flags by their score, then outcomes that are due, then the rest.
 * @param {QueueSession[]} sessions
 * @param {boolean} all also those that are done
 */
export function inOrder(sessions, all) {
  const rank = (/** @type {QueueSession} */ each) =>
    ["appealed", "open", "proposed", "ready", "decided", "final", "nothing"].indexOf(each.review.state);
  const worst = (/** @type {QueueSession} */ each) => Math.max(0, ...each.flags.map((flag) => flag.score));
  return sessions
    .filter((each) => all || isToDo(each))
    .sort((a, b) => rank(a) - rank(b) || worst(b) - worst(a) || a.session.user_id.localeCompare(b.session.user_id));
}

/**
 * Every episode of the sessions, in order; a session without a flag is one stop (episode 0).
 * @param {QueueSession[]} sessions
 * @returns {Stop[]}
 */
export function stopsOf(sessions) {
  return sessions.flatMap((each) => {
    const sessionId = each.session.session_id;
    const episodes = [...new Set(each.flags.map((flag) => flag.episode))];
    return (episodes.length > 0 ? episodes : [0]).map((episode) => ({ sessionId, episode }));
  });
}

/**
 * The stop `by` places on, or null at the ends.
 * @param {Stop[]} stops
 * @param {Stop | null} from
 * @param {number} by
 */
export function neighbour(stops, from, by) {
  const at = stops.findIndex((each) => each.sessionId === from?.sessionId && each.episode === from?.episode);
  return at < 0 ? (stops[0] ?? null) : (stops[at + by] ?? null);
}

/**
 * Where to begin: the flag that the address names, else the first that nobody decided.
 * @param {QueueSession[]} sessions
 * @param {string} clipId
 * @param {string} sessionId
 * @returns {Stop | null}
 */
export function firstStop(sessions, clipId, sessionId) {
  for (const each of sessions) {
    const named = each.flags.find((flag) => flag.clip_id === clipId);
    if (named) return { sessionId: each.session.session_id, episode: named.episode };
  }
  const wanted = sessions.filter((each) => !sessionId || each.session.session_id === sessionId);
  for (const each of wanted) {
    const open = each.flags.find((flag) => flag.decision === "unreviewed");
    if (open) return { sessionId: each.session.session_id, episode: open.episode };
  }
  return stopsOf(wanted)[0] ?? stopsOf(sessions)[0] ?? null;
}

/**
 * The decision over an episode: the one of all its flags, "mixed", or "unreviewed".
 * @param {QueueFlag[]} flags
 */
export function decisionOf(flags) {
  const found = new Set(flags.map((flag) => flag.decision));
  if (found.has("unreviewed") || found.size === 0) return "unreviewed";
  return found.size === 1 ? [...found][0] : "mixed";
}
