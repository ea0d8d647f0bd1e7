/**
 * `<look-ring>`: frames of a clip around the screen, by the direction the student looked in, so
 * that similar looks are seen at once. The frames are taken from the clip by the browser.
 */
import { h, icon } from "../lib/dom.js";
import { duration, span } from "../lib/format.js";
import { AROUND, sectorsOf } from "./looks.js";

const FRAME = { width: 128, height: 96 };
const MOST_FRAMES = 12;
const SEEK_MS = 3000;

/** @type {Record<string, string>} */
const NAMES = {
  "up-left": "Up left",
  up: "Up",
  "up-right": "Up right",
  left: "Left",
  center: "At the screen",
  right: "Right",
  "down-left": "Down left",
  down: "Down",
  "down-right": "Down right",
};

/**
 * @typedef {import("./looks.js").Look} Look
 * @typedef {import("./looks.js").Sector} Sector
 */

export class LookRing extends HTMLElement {
  /** Counts what was shown, so that frames that come late for an older clip are dropped. */
  round = 0;
  fromS = 0;
  /** @type {(atS: number) => void} */
  jump = () => {};

  /**
   * @param {{looks: Look[], url: string, fromS: number, jump: (atS: number) => void}} given seconds
   *   of the session; `jump` gets seconds of the clip
   */
  show({ looks, url, fromS, jump }) {
    this.round += 1;
    this.fromS = fromS;
    this.jump = jump;
    this.video?.removeAttribute("src");
    const sectors = sectorsOf(looks);
    if (sectors.length === 0) {
      this.replaceChildren(h("p", { class: "soft small" }, "The gaze was not judged in this clip."));
      return;
    }
    this.strip = h("div", { class: "ring__strip" });
    const cells = AROUND.map((direction) => {
      const sector = sectors.find((each) => each.direction === direction);
      return sector ? this.buildCell(sector) : h("span", { class: "ring__none", "aria-hidden": "true" });
    });
    this.replaceChildren(
      h("div", { class: "ring", role: "group", "aria-label": "Directions" }, ...cells),
      this.strip,
    );
    const away = sectors.filter((each) => each.direction !== "center");
    const first = away.sort((a, b) => b.seconds - a.seconds)[0] ?? sectors[0];
    this.open(first);
    if (url) this.takeFrames(url);
  }

  /** @param {Sector} sector */
  buildCell(sector) {
    const count = sector.glances.length;
    return h(
      "button",
      {
        type: "button",
        class: "ring__cell",
        "data-direction": sector.direction,
        "aria-pressed": "false",
        click: () => this.open(sector),
      },
      this.buildFrame(longest(sector)),
      h("span", { class: "ring__name" }, NAMES[sector.direction]),
      h("span", { class: "ring__count" }, `${count}×, ${span(sector.seconds)}`),
    );
  }

  /** @param {number} atS */
  buildFrame(atS) {
    return h("canvas", { ...FRAME, class: "ring__frame", "data-at": atS - this.fromS, "aria-hidden": "true" });
  }

  /** @param {Sector} sector */
  open(sector) {
    for (const cell of this.querySelectorAll(".ring__cell")) {
      const isOpen = cell.getAttribute("data-direction") === sector.direction;
      cell.setAttribute("aria-pressed", String(isOpen));
    }
    const shown = [...sector.glances].sort((a, b) => lasts(b) - lasts(a)).slice(0, MOST_FRAMES);
    shown.sort((a, b) => a.fromS - b.fromS);
    const rest = sector.glances.length - shown.length;
    this.strip?.replaceChildren(
      h(
        "p",
        { class: "small" },
        h("strong", {}, NAMES[sector.direction]),
        `: ${sector.glances.length === 1 ? "one look" : `${sector.glances.length} looks`}, ${span(sector.seconds)} in all`,
      ),
      h(
        "ul",
        { class: "ring__glances" },
        ...shown.map((glance) =>
          h(
            "li",
            {},
            h(
              "button",
              {
                type: "button",
                class: "ring__glance",
                click: () => this.jump(Math.max(0, glance.fromS - this.fromS)),
              },
              this.buildFrame(glance.bestS),
              h("span", {}, icon("play"), duration(glance.fromS), ` · ${span(lasts(glance))}`),
            ),
          ),
        ),
      ),
      rest > 0 ? h("p", { class: "soft small" }, `and ${rest} shorter ones`) : "",
    );
    if (this.video?.src) this.fill(this.round);
  }

  /** @param {string} url */
  takeFrames(url) {
    const round = this.round;
    const video = /** @type {HTMLVideoElement} */ (h("video", { muted: true, preload: "auto", playsinline: true }));
    this.video = video;
    video.muted = true;
    video.src = url;
    video.addEventListener("loadeddata", () => this.fill(round), { once: true });
  }

  /**
   * Draws the frames that are still empty, one after the other.
   * @param {number} round
   */
  async fill(round) {
    if (this.isFilling) return;
    this.isFilling = true;
    try {
      for (;;) {
        const { video } = this;
        const canvas = /** @type {HTMLCanvasElement | null} */ (this.querySelector("canvas:not([data-drawn])"));
        if (!video || !canvas || round !== this.round || video.readyState < 2) return;
        canvas.dataset.drawn = "";
        const atS = Math.min(Math.max(0, Number(canvas.dataset.at)), Math.max(0, video.duration - 0.05));
        if (!(await seek(video, atS)) || round !== this.round) continue;
        const scale = Math.max(FRAME.width / video.videoWidth, FRAME.height / video.videoHeight);
        const [width, height] = [video.videoWidth * scale, video.videoHeight * scale];
        canvas
          .getContext("2d")
          ?.drawImage(video, (FRAME.width - width) / 2, (FRAME.height - height) / 2, width, height);
      }
    } finally {
      this.isFilling = false;
      if (round !== this.round && this.video?.readyState) this.fill(this.round);
    }
  }
}

/**
 * Whether the video shows that moment now.
 * @param {HTMLVideoElement} video
 * @param {number} atS
 * @returns {Promise<boolean>}
 */
function seek(video, atS) {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), SEEK_MS);
    video.addEventListener(
      "seeked",
      () => {
        clearTimeout(late);
        resolve(true);
      },
      { once: true },
    );
    video.currentTime = atS;
  });
}

/** @param {import("./looks.js").Glance} glance */
const lasts = (glance) => glance.toS - glance.fromS;

/** @param {Sector} sector */
const longest = (sector) => [...sector.glances].sort((a, b) => lasts(b) - lasts(a))[0].bestS;

customElements.define("look-ring", LookRing);
