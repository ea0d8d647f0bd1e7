/** What the student's browser reported: changes of focus, clipboard, full screen, sharing. */
import { h, icon, role } from "../lib/dom.js";
import { duration, timeOfDay } from "../lib/format.js";
import { getJson } from "../lib/http.js";
import { screenEvent } from "../lib/words.js";

const EVERY_MS = 10_000;

/** @typedef {{event_id: string, kind: string, at_s: number, at: string}} ScreenEvent */

export class ScreenEventLog {
  /**
   * @param {HTMLElement} root
   * @param {string} sessionId
   */
  constructor(root, sessionId) {
    this.path = `/api/session/${encodeURIComponent(sessionId)}/screen-events`;
    this.list = role(root, "events");
    this.empty = role(root, "events-empty");
    /** @type {Set<string>} */
    this.shown = new Set();
    this.isLive = false;
    setInterval(() => this.isLive && document.visibilityState === "visible" && this.load(), EVERY_MS);
  }

  /** @param {boolean} isLive whether more can come */
  watch(isLive) {
    this.isLive = isLive;
    this.load();
  }

  async load() {
    try {
      this.show((await getJson(this.path)).events);
    } catch {
      // The banner of the line says what is wrong; it is asked for again.
    }
  }

  /** @param {ScreenEvent[]} events oldest first; late ones may belong between known ones */
  show(events) {
    this.empty.hidden = events.length > 0;
    this.list.hidden = events.length === 0;
    if (events.every(({ event_id }) => this.shown.has(event_id))) return;
    this.shown = new Set(events.map(({ event_id }) => event_id));
    this.list.replaceChildren(...events.map(build).reverse());
  }
}

/** @param {ScreenEvent} event */
function build({ kind, at_s, at }) {
  const { label, icon: sign } = screenEvent(kind);
  return h(
    "li",
    { class: "event" },
    icon(sign),
    h("span", {}, label),
    h("span", { class: "soft number" }, `${duration(at_s)} · ${timeOfDay(at)}`),
  );
}
