/** How far a student is at check-in, what was pointed out in the room, and the pictures that the
 * student agreed to show. */
import { h, icon, role, setText } from "../lib/dom.js";
import { timeOfDay } from "../lib/format.js";
import { getJson } from "../lib/http.js";

/**
 * @typedef {{picture_id: string, kind: string, taken_at: string, width: number, height: number,
 *   things: string[], url: string}} Picture
 * @typedef {{stage: string, steps: {step: string, state: string}[], seen: string[], by: string,
 *   reason: string, pictures: Picture[]}} CheckIn
 */

/** @type {Record<string, string>} */
const STAGES = { checking: "Checking in", waiting: "Waits for admission", admitted: "Admitted", refused: "Refused" };
/** @type {Record<string, string>} */
const STEPS = { face: "Face", gaze: "Eyes", voice: "Voice", document: "Document", room: "Room" };
/** @type {Record<string, string>} */
const STATES = { open: "still open", done: "done", skipped: "left out" };
/** @type {Record<string, string>} */
const SIGNS = { open: "clock", done: "check-circle", skipped: "info" };

export class CheckInPanel {
  /**
   * @param {HTMLElement} root
   * @param {string} sessionId
   */
  constructor(root, sessionId) {
    this.root = root;
    this.path = `/api/session/${encodeURIComponent(sessionId)}/check-in`;
    this.key = "";
  }

  async load() {
    try {
      this.show(await getJson(this.path));
    } catch {
      // The banner of the line says what is wrong; the next connection loads again.
    }
  }

  /** @param {CheckIn} checkIn */
  show({ stage, steps, seen, by, reason, pictures }) {
    this.root.hidden = !stage;
    const tag = role(this.root, "check-in-stage");
    setText(tag, [STAGES[stage] ?? stage, by ? `by ${by}` : ""].filter(Boolean).join(" "));
    tag.className = stage === "admitted" ? "tag tag--good" : "tag";
    tag.title = reason;
    role(this.root, "check-in-steps").replaceChildren(
      ...steps.map(({ step, state }) =>
        h(
          "li",
          { class: "check-in__step", "data-state": state },
          icon(SIGNS[state] ?? "clock"),
          h("span", {}, STEPS[step] ?? step),
          h("span", { class: "soft" }, STATES[state] ?? state),
        ),
      ),
    );
    const things = role(this.root, "check-in-seen");
    things.hidden = seen.length === 0;
    setText(things, `Pointed out in the room: ${seen.join(", ")}.`);
    this.showPictures(pictures);
  }

  /** @param {Picture[]} pictures each look at one is audited, so none is loaded twice */
  showPictures(pictures) {
    const key = pictures.map(({ picture_id }) => picture_id).join(" ");
    if (key === this.key) return;
    this.key = key;
    role(this.root, "check-in-kept").hidden = pictures.length === 0;
    const place = role(this.root, "check-in-pictures");
    place.hidden = pictures.length === 0;
    place.replaceChildren(...pictures.map((picture) => this.figure(picture)));
  }

  /** @param {Picture} picture */
  figure({ kind, taken_at: takenAt, width, height, things, url }) {
    const name = kind === "document" ? "Identity document" : "Room";
    const words = [name, timeOfDay(takenAt), ...things].join(", ");
    return h(
      "figure",
      { class: "check-in__picture", "data-kind": kind },
      h(
        "a",
        { href: url, target: "_blank", rel: "noopener", "aria-label": `${words}: open in full size` },
        h("img", { src: url, alt: "", width, height, loading: "lazy" }),
      ),
      h("figcaption", {}, h("strong", {}, name), " ", h("span", { class: "soft number" }, timeOfDay(takenAt)), things.length ? h("span", { class: "tag" }, things.join(", ")) : ""),
    );
  }
}
