/** The words people read for the words the server sends. Pure. */

/** @type {Record<string, {label: string, icon: string, student: string}>} */
const RULES = {
  looking_away: { label: "Looking away", icon: "eye-away", student: "You looked away for a while." },
  speech: { label: "Speech", icon: "sound", student: "Speech was heard." },
  no_face: { label: "No face", icon: "face", student: "You could not be seen for a while." },
  several_faces: {
    label: "Several people",
    icon: "people",
    student: "More than one person was seen.",
  },
  several_voices: { label: "Other voices", icon: "sound", student: "Another voice was heard." },
  phone: { label: "Phone", icon: "phone", student: "A phone was seen." },
  other_person: {
    label: "Other person",
    icon: "user",
    student: "Your face looks different from the start.",
  },
  camera_blocked: { label: "Camera blocked", icon: "camera", student: "The camera was covered." },
  camera_looped: {
    label: "Repeating picture",
    icon: "camera",
    student: "The camera picture repeats itself.",
  },
  focus_change: { label: "Left the page", icon: "window", student: "You left this page." },
  clipboard: { label: "Copy or paste", icon: "clipboard", student: "Something was copied or pasted." },
  fullscreen_exit: { label: "Left full screen", icon: "screen", student: "You left full screen." },
};

/** @type {Record<string, {label: string, icon: string}>} */
const SCREEN_EVENTS = {
  tab_hidden: { label: "Changed to another tab", icon: "window" },
  window_blur: { label: "Changed to another window", icon: "window" },
  focus_returned: { label: "Came back to the page", icon: "check-circle" },
  copy: { label: "Copied", icon: "clipboard" },
  cut: { label: "Cut", icon: "clipboard" },
  paste: { label: "Pasted", icon: "clipboard" },
  fullscreen_exit: { label: "Left full screen", icon: "screen" },
  fullscreen_enter: { label: "Went to full screen", icon: "screen" },
  share_stopped: { label: "Stopped sharing the screen", icon: "screen" },
  share_started: { label: "Shares the screen", icon: "screen" },
};

/** @param {string} kind */
export const screenEvent = (kind) => SCREEN_EVENTS[kind] ?? { label: kind.replaceAll("_", " "), icon: "info" };

/** @type {Record<string, string>} */
const DETECTORS = {
  face: "Face",
  gaze: "Gaze",
  identity: "Identity",
  objects: "Objects",
  speech: "Speech",
  voice: "Voice",
  camera: "Camera",
};

/** @type {Record<string, string>} */
const CAUSES = {
  student: "Ended by the student",
  integrator: "Ended by the exam system",
  proctor: "Ended by a proctor",
  exam_over: "Ended with the exam",
  abandoned: "Ended after too long without contact",
};

/** @type {Record<string, string>} */
const CAUSES_FOR_STUDENT = {
  student: "You ended it.",
  integrator: "Your exam ended it.",
  proctor: "A proctor ended it. If you do not know why, ask them.",
  exam_over: "The time of the exam is over.",
  abandoned: "There was no contact with this page for too long.",
};

/** @type {Record<string, {label: string, icon: string}>} */
const LINES = {
  good: { label: "Good", icon: "line" },
  slow: { label: "Slow", icon: "line-slow" },
  down: { label: "Down", icon: "line-down" },
};

/** @type {Record<string, string>} */
const DIRECTIONS = {
  center: "At the screen",
  left: "Left",
  right: "Right",
  up: "Up",
  down: "Down",
  closed: "Eyes closed",
};

/** @param {string} word */
function plain(word) {
  const text = word.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {string} rule */
export const ruleLabel = (rule) => RULES[rule]?.label ?? plain(rule);

/** @param {string} rule */
export const ruleIcon = (rule) => RULES[rule]?.icon ?? "info";

/**
 * What a student reads when something was noticed, or "" when it is nothing for them.
 * @param {string} rule
 */
export const studentWarning = (rule) => RULES[rule]?.student ?? "";

/** @param {string} detector */
export const detectorLabel = (detector) => DETECTORS[detector] ?? plain(detector);

/** @param {string} cause */
export const causeLabel = (cause) => CAUSES[cause] ?? plain(cause);

/** @param {string} cause */
export const causeForStudent = (cause) => CAUSES_FOR_STUDENT[cause] ?? "";

/** @type {Record<string, string>} */
const GAPS = {
  line: "Student's line is down",
  server: "Our server was down",
  asleep: "Machine asleep",
  frozen: "Page at rest",
  camera_off: "No pictures from the camera",
  thinned: "Browser had no room",
};

/**
 * Why nothing arrives, or "" while something does.
 * @param {{cause: string} | null | undefined} gap
 */
export const gapLabel = (gap) => (gap ? (GAPS[gap.cause] ?? plain(gap.cause)) : "");

/** @param {string} line */
export const lineWords = (line) => LINES[line] ?? { label: "Unknown", icon: "line-slow" };

/** @param {string | null | undefined} direction */
export const directionLabel = (direction) => DIRECTIONS[direction ?? ""] ?? "Not judged";

/**
 * @param {string} gaze focused, distracted or unknown
 */
export function gazeWords(gaze) {
  if (gaze === "focused") return { label: "Focused", icon: "eye" };
  if (gaze === "distracted") return { label: "Away", icon: "eye-away" };
  return { label: "Unclear", icon: "eye" };
}

/** @param {number | null | undefined} faces */
export function facesLabel(faces) {
  if (faces === null || faces === undefined) return "Unclear";
  return faces === 1 ? "1 face" : `${faces} faces`;
}
