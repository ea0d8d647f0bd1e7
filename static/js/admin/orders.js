/** What a proctor can order, and the words for it. Pure. */

/**
 * @typedef {object} OrderKind
 * @property {string} label on a button
 * @property {string} title of the dialog; {who} is the student or a number of students
 * @property {string} send on the button that does it
 * @property {boolean} [text] whether there is a text for the student
 * @property {string} [textHint]
 * @property {boolean} [minutes]
 * @property {"needed" | "free"} [reason]
 * @property {string} [reasonHint]
 * @property {boolean} [isAtOnce] done with the click, without a question
 * @property {boolean} [isGrave] asks before something that cannot be undone
 * @property {string} icon
 */

/** @type {Record<string, OrderKind>} */
export const ORDERS = {
  warning: { label: "Warn", title: "Warn {who}", send: "Send warning", text: true, icon: "alert" },
  message: { label: "Message", title: "Write to {who}", send: "Send message", text: true, icon: "message" },
  scan: {
    label: "Room scan",
    title: "Ask {who} to show the room",
    send: "Ask for the scan",
    text: true,
    icon: "camera",
  },
  pause: {
    label: "Pause",
    title: "Pause {who}",
    send: "Pause",
    reason: "needed",
    reasonHint: "The student reads it. Nothing is scored and the exam's clock stands until you resume.",
    icon: "pause",
  },
  resume: {
    label: "Resume",
    title: "Resume {who}",
    send: "Resume",
    reason: "free",
    reasonHint: "For the record.",
    icon: "play",
  },
  extra_time: {
    label: "Extra time",
    title: "Give {who} more time",
    send: "Give time",
    minutes: true,
    reason: "needed",
    reasonHint: "The student reads it.",
    icon: "clock",
  },
  break_granted: {
    label: "Break",
    title: "Grant {who} a break",
    send: "Begin the break",
    minutes: true,
    reason: "free",
    reasonHint: "Needed where it is more than the exam grants. For the record; the student does not read it.",
    icon: "clock",
  },
  break_refused: {
    label: "Refuse break",
    title: "Refuse {who} the break",
    send: "Refuse",
    reason: "needed",
    reasonHint: "The student reads it.",
    icon: "stop",
  },
  break_over: {
    label: "End break",
    title: "End the break of {who}",
    send: "End the break",
    reason: "free",
    reasonHint: "For the record.",
    icon: "play",
  },
  admit: {
    label: "Admit",
    title: "Admit {who}",
    send: "Admit",
    isAtOnce: true,
    icon: "check-circle",
  },
  refuse: {
    label: "Refuse",
    title: "Refuse {who}",
    send: "Refuse",
    reason: "needed",
    reasonHint: "The student reads it.",
    isGrave: true,
    icon: "stop",
  },
  call: {
    label: "Call a colleague",
    title: "Call a colleague to {who}",
    send: "Call",
    reason: "needed",
    reasonHint: "Everybody who watches this exam is told. The student does not read it.",
    icon: "people",
  },
  note: {
    label: "Note",
    title: "Note about {who}",
    send: "Keep the note",
    reason: "needed",
    reasonHint: "For colleagues and the record. The student does not read it.",
    icon: "clipboard",
  },
  end: {
    label: "End session",
    title: "End the session of {who}",
    send: "End session",
    reason: "needed",
    reasonHint: "The student reads it. An ended session cannot be continued.",
    isGrave: true,
    icon: "stop",
  },
};

/** @type {Record<string, string>} */
const DONE = {
  message: "Message",
  warning: "Warning",
  scan: "Room scan asked for",
  pause: "Paused",
  resume: "Resumed",
  extra_time: "Extra time",
  break_asked: "Break asked for",
  break_granted: "Break granted",
  break_refused: "Break refused",
  break_over: "Break over",
  admit: "Admitted",
  refuse: "Refused",
  call: "Colleagues called",
  note: "Note",
  end: "Session ended",
  chat: "Student",
};

/** @param {string} kind */
export const actionLabel = (kind) => DONE[kind] ?? kind.replaceAll("_", " ");

/**
 * @param {string} kind
 * @param {string[]} names
 */
export function titleOf(kind, names) {
  const who = names.length === 1 ? names[0] : `${names.length} students`;
  return (ORDERS[kind]?.title ?? "{who}").replace("{who}", who);
}

/**
 * @typedef {{action_id: string, session_id: string, action: string, actor: string, actor_kind: string,
 *   at: string, text: string, reason: string, minutes: number | null, is_beyond: boolean,
 *   is_for_student: boolean, seen_at: string | null}} Action
 */

/**
 * How a receipt is said.
 * @param {Action} action
 * @param {(iso: string) => string} timeOf
 */
export function receiptOf(action, timeOf) {
  if (action.action === "chat") return action.seen_at ? "" : "New";
  if (!action.is_for_student) return "";
  if (!action.seen_at) return "Not shown yet";
  const seconds = (Date.parse(action.seen_at) - Date.parse(action.at)) / 1000;
  return seconds < 60 ? `Shown after ${seconds.toFixed(1)} s` : `Shown at ${timeOf(action.seen_at)}`;
}
