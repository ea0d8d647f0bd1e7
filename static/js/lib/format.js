/** Numbers and instants as people read them. Pure: the present is an argument. */

/**
 * @param {number} seconds
 * @returns {string} 0:07, 12:30, 1:02:03
 */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

/**
 * @param {number} seconds
 * @returns {string} "4 s", "1 min 05 s"
 */
export function span(seconds) {
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/**
 * @param {number} value
 * @returns {string} at most one decimal
 */
export function points(value) {
  return String(Math.round(value * 10) / 10);
}

/** @param {number} share 0..1 */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** @param {number} bytes */
export function megabytes(bytes) {
  if (bytes > 0 && bytes < 1e5) return `${Math.ceil(bytes / 1e3)} kB`;
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * @param {string | null | undefined} iso
 * @param {string} [locale]
 * @returns {string} time of day
 */
export function timeOfDay(iso, locale) {
  if (!iso) return "–";
  return new Date(iso).toLocaleTimeString(locale, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

/**
 * @param {string} iso
 * @param {string} [locale]
 * @returns {string} short: "Nov 21, 15:04"
 */
export function dayAndTime(iso, locale) {
  return new Date(iso).toLocaleString(locale, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/**
 * @param {string} iso
 * @param {number} nowMs
 * @returns {string} "now", "12 s ago", "5 min ago", "2 h ago"
 */
export function ago(iso, nowMs) {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(iso)) / 1000));
  if (seconds < 3) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

/**
 * The mean of a session's coverage over its detectors, or null when nothing is known yet.
 * @param {Record<string, number> | null | undefined} coverage
 */
export function overallCoverage(coverage) {
  const shares = Object.values(coverage ?? {});
  if (shares.length === 0) return null;
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
