/**
 * The words of the student's pages in the language of the page, and numbers and instants as that
 * language writes them. The English sentences are the keys; what has no translation stays English.
 */

/** @type {Record<string, string>} */
let words = {};

const page = typeof document === "undefined" ? null : document.documentElement;

/** The page's language, as in its `lang`. */
export const language = page?.lang || "en";

if (page && language !== "en") {
  words = await fetch(`/portal/words/${language}`).then(
    (answer) => (answer.ok ? answer.json() : {}),
    () => ({}),
  );
}

/**
 * A sentence in the page's language.
 * @param {string} [sentence] in English
 * @param {Record<string, string | number>} [values] for the `{names}` in it
 * @returns {string}
 */
export function t(sentence = "", values = {}) {
  const said = words[sentence] || sentence;
  return said.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Arabic digits and separators, a comma where a language has one. */
const locale = language === "ar" ? "ar-EG" : language;

/**
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export function number(value, options = { maximumFractionDigits: 2 }) {
  return new Intl.NumberFormat(locale, options).format(value);
}

/** @param {number} share 0..1 */
export const percent = (share) => number(share, { style: "percent" });

/**
 * @param {number} value
 * @param {"second" | "minute" | "hour" | "day"} unit
 */
export const amount = (value, unit) => number(value, { style: "unit", unit, unitDisplay: "long" });

/**
 * An instant with its day.
 * @param {number | string} at Unix ms or ISO 8601
 */
export const dayAndTime = (at) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

/** @param {number | string} at Unix ms or ISO 8601 */
export const timeOfDay = (at) =>
  new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(new Date(at));

/**
 * A running time: 0:07, 12:30, 1:02:03 in the digits of the language.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => number(n, { minimumIntegerDigits: 2 });
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const plain = (/** @type {number} */ n) => number(n, { useGrouping: false });
  return hours > 0
    ? `${plain(hours)}:${two(minutes)}:${two(whole % 60)}`
    : `${plain(minutes)}:${two(whole % 60)}`;
}
