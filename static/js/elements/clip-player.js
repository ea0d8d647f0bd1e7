/** `<clip-player>`: one flagged clip, with what it covers and the moment that flagged it. */
import { h, icon } from "../lib/dom.js";
import { duration, megabytes, points, span, timeOfDay } from "../lib/format.js";
import { ruleLabel } from "../lib/words.js";

/**
 * @typedef {{clip_id: string, session_id: string, user_id: string, exam_id: string,
 *   interval_index: number, score: number, rules: string[],
 *   status: "waiting" | "writing" | "ready" | "failed", from_at: string, to_at: string,
 *   trigger_at: string, flagged_at: string, duration_s: number, size_bytes: number,
 *   has_sound: boolean, error: string, review: string, url: string, screens: string[]}} Clip
 */

const SPEEDS = [0.5, 1, 1.5, 2];
/** A person wants to see what led to it. */
const LEAD_S = 2;

export class ClipPlayer extends HTMLElement {
  shown = "";

  /** @param {Clip} clip */
  show(clip) {
    const key = `${clip.clip_id} ${clip.status}`;
    if (key === this.shown) return;
    this.shown = key;
    this.replaceChildren(
      ...(clip.status === "ready" ? this.buildPlayer(clip) : [buildWait(clip)]),
      ...(clip.status === "failed" ? [] : [buildMeta(clip)]),
      ...(clip.screens.length > 0 ? [buildStills(clip.screens)] : []),
    );
  }

  /** @param {Clip} clip */
  buildPlayer(clip) {
    const triggerS = Math.max(0, (Date.parse(clip.trigger_at) - Date.parse(clip.from_at)) / 1000);
    const video = /** @type {HTMLVideoElement} */ (
      h("video", {
        class: "clip__video",
        controls: true,
        playsinline: true,
        preload: "metadata",
        src: clip.url,
        "aria-label": `Clip of ${clip.user_id}, ${timeOfDay(clip.from_at)}`,
      })
    );
    const problem = h("p", { class: "field__error", role: "alert" });
    video.addEventListener("error", () => {
      problem.textContent = "The clip could not be loaded. Reload the page, or look at the server's log.";
    });
    const jump = h(
      "button",
      {
        type: "button",
        class: "button button--small",
        click: () => {
          video.currentTime = Math.max(0, triggerS - LEAD_S);
          video.play().catch(() => {});
        },
      },
      icon("flag"),
      `Play from the flag (${duration(triggerS)})`,
    );
    return [video, problem, h("div", { class: "clip__controls" }, jump, ...buildSpeeds(video))];
  }
}

/**
 * @param {HTMLVideoElement} video
 * @returns {HTMLElement[]}
 */
function buildSpeeds(video) {
  const buttons = SPEEDS.map((speed) =>
    h(
      "button",
      {
        type: "button",
        class: "button button--small",
        "aria-pressed": String(speed === 1),
        "aria-label": `Speed ${speed}`,
        click: () => {
          video.playbackRate = speed;
          buttons.forEach((button, index) =>
            button.setAttribute("aria-pressed", String(SPEEDS[index] === speed)),
          );
        },
      },
      `${speed}×`,
    ),
  );
  return buttons;
}

/** @param {Clip} clip */
function buildWait(clip) {
  if (clip.status === "failed") {
    return h(
      "div",
      { class: "notice notice--technical" },
      icon("alert"),
      h("div", {}, h("strong", {}, "This clip could not be made."), clip.error),
    );
  }
  const words =
    clip.status === "writing"
      ? "The clip is being written."
      : "The clip is written when its last seconds have passed.";
  return h("div", { class: "notice" }, icon("clock"), h("p", {}, words));
}

/** @param {Clip} clip */
function buildMeta(clip) {
  const facts = [
    ["Score", points(clip.score)],
    ["Reason", clip.rules.map(ruleLabel).join(", ") || "–"],
    ["Day", new Date(clip.from_at).toLocaleDateString(undefined, { dateStyle: "medium" })],
    ["From", timeOfDay(clip.from_at)],
    ["Flagged at", timeOfDay(clip.trigger_at)],
  ];
  if (clip.status === "ready") {
    facts.push(["Length", span(clip.duration_s)]);
    facts.push(["Sound", clip.has_sound ? "Yes" : "No"]);
    facts.push(["Size", megabytes(clip.size_bytes)]);
  }
  return h(
    "dl",
    { class: "clip__meta" },
    ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** @param {string[]} urls */
function buildStills(urls) {
  return h(
    "section",
    {},
    h("h3", { class: "panel__title" }, "The screen in this time"),
    h(
      "div",
      { class: "stills" },
      ...urls.map((url, index) =>
        h(
          "a",
          { href: url, target: "_blank", rel: "noopener" },
          h("img", { src: url, alt: `Screen, picture ${index + 1}`, loading: "lazy" }),
        ),
      ),
    ),
  );
}

customElements.define("clip-player", ClipPlayer);
