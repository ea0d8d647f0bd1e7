/** One flagged clip of a session: a line that says what it is, and the player when it is opened. */
import { ClipPlayer } from "../elements/clip-player.js";
import { h, setText } from "../lib/dom.js";
import { points, span } from "../lib/format.js";
import { ruleLabel } from "../lib/words.js";

/** @type {Record<string, string>} */
const STATUS = { waiting: "Waiting", writing: "Writing", failed: "Failed" };

export class ClipItem {
  constructor() {
    this.score = h("span", { class: "row__score" });
    this.title = h("span", { class: "clip__title" });
    this.status = h("span", { class: "tag" });
    this.summary = h("summary", {}, this.score, this.title, this.status);
    this.element = /** @type {HTMLDetailsElement} */ (h("details", { class: "clip" }, this.summary));
    this.player = new ClipPlayer();
    /** @type {import("../elements/clip-player.js").Clip | null} */
    this.clip = null;
    this.element.addEventListener("toggle", () => this.render());
  }

  /** @param {import("../elements/clip-player.js").Clip} clip */
  show(clip) {
    this.clip = clip;
    this.render();
  }

  render() {
    const { clip } = this;
    if (!clip) return;
    setText(this.score, points(clip.score));
    setText(this.title, clip.rules.map(ruleLabel).join(", ") || "Flagged");
    setText(this.status, STATUS[clip.status] ?? span(clip.duration_s));
    this.status.className = clip.status === "failed" ? "tag tag--technical" : "tag";
    // A closed clip loads nothing.
    if (!this.element.open) return;
    if (!this.player.isConnected) this.element.append(this.player);
    this.player.show(clip);
  }
}
