/** The words a student reads for the words the server sends, in the page's language. */
import { number, t } from "../lib/language.js";

/** @type {Record<string, string>} */
const RULES = {
  looking_away: t("You looked away for a while."),
  speech: t("Speech was heard."),
  no_face: t("You could not be seen for a while."),
  several_faces: t("More than one person was seen."),
  several_voices: t("Another voice was heard."),
  phone: t("A phone was seen."),
  other_person: t("Your face looks different from the start."),
  camera_blocked: t("The camera was covered."),
  camera_looped: t("The camera picture repeats itself."),
  focus_change: t("You left this page."),
  clipboard: t("Something was copied or pasted."),
  fullscreen_exit: t("You left full screen."),
};

/** @type {Record<string, string>} */
const CAUSES = {
  student: t("You ended it."),
  integrator: t("Your exam ended it."),
  proctor: t("A proctor ended it. If you do not know why, ask them."),
  exam_over: t("The time of the exam is over."),
  abandoned: t("There was no contact with this page for too long."),
  warning_limit: t("It was ended after too many warnings. If you do not know why, ask your school."),
  handed_in: t("You handed in your work."),
};

/** @type {Record<string, string>} */
const AT_LIMIT = {
  notify: t("At {limit}, your proctor is called."),
  pause: t("At {limit}, the exam is paused until your proctor lets it go on."),
  end: t("At {limit}, the exam ends."),
};

/** @type {Record<string, {label: string, icon: string}>} */
const LINES = {
  good: { label: t("Good"), icon: "line" },
  slow: { label: t("Slow"), icon: "line-slow" },
  down: { label: t("Down"), icon: "line-down" },
};

/**
 * What a student reads when something was noticed, or "" when it is nothing for them.
 * @param {string} rule
 */
export const ruleWords = (rule) => RULES[rule] ?? "";

/**
 * Which warning this is, and what happens at the last one.
 * @param {{count: number, limit: number, action: string} | undefined} warned
 */
export function limitWords(warned) {
  if (!warned?.limit) return undefined;
  const values = { count: number(warned.count), limit: number(warned.limit) };
  return `${t("This is warning {count} of {limit}.", values)} ${limitRule(warned)}`.trim();
}

/**
 * What happens at the last warning, or "".
 * @param {{limit: number, action: string}} warned
 */
export function limitRule({ limit, action }) {
  const rule = AT_LIMIT[action];
  return limit && rule ? t(rule, { limit: number(limit) }) : "";
}

/** @param {string} cause */
export const causeWords = (cause) => CAUSES[cause] ?? "";

/** @param {string} line */
export const lineWords = (line) => LINES[line] ?? { label: t("Unknown"), icon: "line-slow" };
