/** Frames by the direction the student looked in. Pure. */

/**
 * @typedef {{at_s: number, label: string, yaw_deg: number | null, pitch_deg: number | null}} Look
 * @typedef {{fromS: number, toS: number, bestS: number}} Glance
 * @typedef {{direction: string, seconds: number, glances: Glance[]}} Sector
 */

/** As they lie around the screen: left is the left of the picture. */
export const AROUND = [
  "up-left",
  "up",
  "up-right",
  "left",
  "center",
  "right",
  "down-left",
  "down",
  "down-right",
];
/** Two looks further apart than this are two glances. */
const APART_S = 1.6;
/** A look counts until the next one, at most so long. */
const HOLD_S = 1.2;
/** The other axis counts when it is at least this share of the main one. */
const DIAGONAL = 0.6;

/**
 * The direction of one look, given how the student looks at the screen; "" for closed eyes.
 * @param {Look} look
 * @param {{yaw: number, pitch: number}} center
 */
export function directionOf(look, center) {
  const main = look.label;
  if (main === "closed") return "";
  if (!["left", "right", "up", "down"].includes(main)) return "center";
  if (look.yaw_deg === null || look.pitch_deg === null) return main;
  const [across, up] = [look.yaw_deg - center.yaw, look.pitch_deg - center.pitch];
  if (main === "left" || main === "right") {
    if (Math.abs(up) < DIAGONAL * Math.abs(across) || across === 0) return main;
    return `${up > 0 ? "up" : "down"}-${main}`;
  }
  if (Math.abs(across) < DIAGONAL * Math.abs(up) || up === 0) return main;
  return `${main}-${across > 0 ? "right" : "left"}`;
}

/**
 * The middle of the looks at the screen, or of all.
 * @param {Look[]} looks
 */
export function centerOf(looks) {
  const judged = looks.filter((look) => look.yaw_deg !== null && look.pitch_deg !== null);
  const straight = judged.filter((look) => look.label === "center");
  const from = straight.length > 0 ? straight : judged;
  return {
    yaw: median(from.map((look) => look.yaw_deg ?? 0)),
    pitch: median(from.map((look) => look.pitch_deg ?? 0)),
  };
}

/**
 * The sectors that anybody looked in, as they lie around the screen, each with its glances: runs
 * of looks in that direction, and the moment in which each is clearest.
 * @param {Look[]} looks in order
 * @returns {Sector[]}
 */
export function sectorsOf(looks) {
  const center = centerOf(looks);
  /** @type {Map<string, Sector & {strengths: number[]}>} */
  const found = new Map();
  looks.forEach((look, index) => {
    const direction = directionOf(look, center);
    if (direction === "") return;
    const sector = found.get(direction) ?? { direction, seconds: 0, glances: [], strengths: [] };
    found.set(direction, sector);
    const next = looks[index + 1]?.at_s ?? look.at_s + 0.5;
    const lasts = Math.min(HOLD_S, next - look.at_s);
    sector.seconds += lasts;
    const strength = Math.hypot(
      (look.yaw_deg ?? center.yaw) - center.yaw,
      (look.pitch_deg ?? center.pitch) - center.pitch,
    );
    const last = sector.glances.at(-1);
    const at = sector.glances.length - 1;
    if (last && look.at_s - last.toS <= APART_S - HOLD_S) {
      last.toS = look.at_s + lasts;
      if (strength > sector.strengths[at]) {
        last.bestS = look.at_s;
        sector.strengths[at] = strength;
      }
    } else {
      sector.glances.push({ fromS: look.at_s, toS: look.at_s + lasts, bestS: look.at_s });
      sector.strengths.push(strength);
    }
  });
  return AROUND.filter((direction) => found.has(direction)).map((name) => {
    const { direction, seconds, glances } = /** @type {Sector} */ (found.get(name));
    return { direction, seconds: Math.round(seconds * 10) / 10, glances };
  });
}

/** @param {number[]} values */
function median(values) {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
