/** All flagged clips: a list, and the chosen one to play. The address keeps the choice. */
import { ClipPlayer } from "../elements/clip-player.js";
import { h, role, setText } from "../lib/dom.js";
import { dayAndTime, points, span } from "../lib/format.js";
import { getJson } from "../lib/http.js";
import { openLive, sayOffline } from "../lib/live.js";
import { ruleLabel } from "../lib/words.js";

/** @typedef {import("../elements/clip-player.js").Clip} Clip */

/** @type {Record<string, string>} */
const STATUS = { waiting: "Waiting", writing: "Writing", failed: "Failed" };

class ClipList {
  constructor() {
    this.list = role(document, "list");
    this.search = /** @type {HTMLInputElement} */ (role(document, "search"));
    this.player = new ClipPlayer();
    this.title = h("div", { class: "page__head" });
    role(document, "player").append(this.title, this.player);
    /** @type {Clip[]} */
    this.clips = [];
    this.chosenId = new URLSearchParams(location.search).get("clip") ?? "";
    this.search.addEventListener("input", () => this.render());
    this.list.addEventListener("keydown", (event) => this.move(event));
  }

  async load() {
    try {
      this.clips = (await getJson("/api/flagged/all")).flagged;
    } catch (problem) {
      sayOffline(problem instanceof Error ? problem.message : "The clips could not be loaded.");
      return;
    } finally {
      role(document, "loading").hidden = true;
    }
    this.render();
  }

  render() {
    const shown = this.clips.filter((clip) => this.isMatch(clip));
    const chosen =
      shown.find((clip) => clip.clip_id === this.chosenId) ??
      shown.find((clip) => clip.status === "ready") ??
      shown[0];
    role(document, "review").hidden = shown.length === 0;
    role(document, "empty").hidden = shown.length > 0;
    const isSearch = this.clips.length > 0;
    setText(role(document, "empty-title"), isSearch ? "No clip matches" : "No clip yet");
    role(document, "empty-text").hidden = isSearch;
    setText(role(document, "count"), shown.length === 1 ? "1 clip" : `${shown.length} clips`);
    const focusedId = /** @type {HTMLElement} */ (document.activeElement)?.dataset?.clip;
    this.list.replaceChildren(...shown.map((clip) => h("li", {}, this.buildRow(clip, clip === chosen))));
    if (focusedId) this.focus(focusedId);
    if (chosen) this.play(chosen);
  }

  /** @param {Clip} clip */
  isMatch(clip) {
    const text = [clip.user_id, clip.exam_id, ...clip.rules.map(ruleLabel)].join(" ").toLowerCase();
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return words.every((word) => text.includes(word));
  }

  /**
   * @param {Clip} clip
   * @param {boolean} isChosen
   */
  buildRow(clip, isChosen) {
    const isTechnical = clip.status === "failed";
    const state = STATUS[clip.status];
    return h(
      "button",
      {
        type: "button",
        class: "row",
        "data-clip": clip.clip_id,
        "aria-current": isChosen ? "true" : null,
        click: () => this.choose(clip.clip_id),
      },
      h("span", { class: "row__score" }, points(clip.score)),
      h("span", { class: "row__who" }, clip.user_id, h("span", { class: "row__exam" }, ` ${clip.exam_id}`)),
      h("span", { class: "row__when" }, dayAndTime(clip.flagged_at)),
      h("span", { class: "row__what" }, clip.rules.map(ruleLabel).join(", ") || "Flagged"),
      state
        ? h("span", { class: `row__state tag${isTechnical ? " tag--technical" : ""}` }, state)
        : h("span", { class: "row__state" }, span(clip.duration_s)),
    );
  }

  /** @param {string} id */
  choose(id) {
    this.chosenId = id;
    history.replaceState(null, "", `?clip=${encodeURIComponent(id)}`);
    this.render();
    if (matchMedia("(max-width: 799px)").matches) role(document, "player").scrollIntoView();
  }

  /** @param {string} id */
  focus(id) {
    /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-clip="${CSS.escape(id)}"]`))?.focus();
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const rows = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll(".row")]);
    const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = rows[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  /** @param {Clip} clip */
  play(clip) {
    this.title.replaceChildren(
      h("h2", {}, clip.user_id),
      h("span", { class: "soft" }, clip.exam_id),
      h("a", { href: `/admin/session/${encodeURIComponent(clip.session_id)}` }, "Open the session"),
    );
    this.player.show(clip);
  }
}

const list = new ClipList();
const socket = openLive(() => {
  socket.emit("join_wall", {}, () => {});
  list.load();
});
socket.on("session_event", (event) => event.kind === "clip" && list.load());
list.load();
