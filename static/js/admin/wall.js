/** The wall of running sessions. Rows come from the server's wall room; pictures only for tiles
 * that are in view. */
import { StudentTile } from "../elements/student-tile.js";
import { h, role, setText } from "../lib/dom.js";
import { openLive, readScale } from "../lib/live.js";
import { matches, Peaks, sorted } from "./order.js";

const RENDER_MS = 1000;
const REORDER_MS = 4000;
const ENDED_STAYS_MS = 15_000;
const MOST_THUMBNAILS = 60;

/** @typedef {import("./order.js").Row} Row */

class Wall {
  constructor() {
    this.list = role(document, "wall");
    this.search = /** @type {HTMLInputElement} */ (role(document, "search"));
    this.sorting = /** @type {HTMLSelectElement} */ (role(document, "sort"));
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    /** @type {Map<string, {item: HTMLElement, tile: StudentTile}>} */
    this.tiles = new Map();
    /** @type {Map<string, number>} */
    this.endedMs = new Map();
    this.peaks = new Peaks();
    this.threshold = 10;
    this.reorderMs = 0;
    /** @type {Set<string>} */
    this.inView = new Set();
    this.watcher = new IntersectionObserver((entries) => this.look(entries), { rootMargin: "120px" });
    this.search.addEventListener("input", () => this.arrange());
    this.sorting.addEventListener("change", () => this.arrange());
  }

  /** @param {Row[]} rows all sessions there are */
  replace(rows) {
    const known = new Set(rows.map((row) => row.session_id));
    for (const id of this.rows.keys()) if (!known.has(id)) this.remove(id);
    this.list.setAttribute("aria-busy", "false");
    for (const skeleton of this.list.querySelectorAll(".tile--skeleton")) skeleton.remove();
    this.take(rows);
    this.arrange();
  }

  /** @param {Row[]} rows those that changed */
  take(rows) {
    const nowMs = Date.now();
    for (const row of rows) {
      const isNew = !this.rows.has(row.session_id);
      if (isNew && row.state === "ended") continue;
      this.rows.set(row.session_id, row);
      this.peaks.note(row.session_id, row.interval_score, nowMs);
      if (row.state === "ended" && !this.endedMs.has(row.session_id)) {
        this.endedMs.set(row.session_id, nowMs);
      }
      if (isNew) this.add(row.session_id);
    }
    this.render();
  }

  /** @param {string} id */
  add(id) {
    const tile = new StudentTile();
    const item = h("li", { class: "tile", "data-id": id }, tile);
    this.tiles.set(id, { item, tile });
    this.list.append(item);
    this.watcher.observe(item);
    this.reorderMs = 0;
  }

  /** @param {string} id */
  remove(id) {
    const item = this.tiles.get(id)?.item;
    if (item) this.watcher.unobserve(item);
    item?.remove();
    this.tiles.delete(id);
    this.rows.delete(id);
    this.endedMs.delete(id);
    this.peaks.forget(id);
    this.inView.delete(id);
  }

  /** Called every second. */
  tick() {
    const nowMs = Date.now();
    for (const [id, endedMs] of this.endedMs) if (nowMs - endedMs > ENDED_STAYS_MS) this.remove(id);
    this.render();
    if (nowMs >= this.reorderMs && !this.isInUse()) {
      this.reorderMs = nowMs + REORDER_MS;
      this.arrange();
    }
  }

  /** A tile must not slip away from under the pointer or the focus. */
  isInUse() {
    return this.list.matches(":hover, :focus-within");
  }

  render() {
    const nowMs = Date.now();
    for (const [id, { item, tile }] of this.tiles) {
      const row = /** @type {Row} */ (this.rows.get(id));
      tile.show(row, this.threshold, nowMs);
      item.dataset.alert = String(row.interval_score >= this.threshold);
      item.dataset.ended = String(row.state === "ended");
    }
    this.renderCounts();
  }

  renderCounts() {
    const rows = [...this.rows.values()].filter((row) => row.state !== "ended");
    const flagged = rows.filter((row) => row.interval_score >= this.threshold).length;
    const trouble = rows.filter((row) => row.line !== "good").length;
    setText(role(document, "running"), rows.length);
    setText(role(document, "flagged-now"), flagged);
    setText(role(document, "trouble"), trouble);
    role(document, "flagged-now").dataset.tone = flagged > 0 ? "conduct" : "";
    role(document, "trouble").dataset.tone = trouble > 0 ? "technical" : "";
  }

  /** Puts the tiles in order and shows those that are searched for. */
  arrange() {
    const nowMs = Date.now();
    const sorting = /** @type {import("./order.js").Sorting} */ (this.sorting.value);
    const order = sorted([...this.rows.values()], sorting, (row) => this.peaks.of(row.session_id, nowMs));
    let shown = 0;
    /** @type {Element | null} */
    let before = this.list.firstElementChild;
    for (const row of order) {
      const item = this.tiles.get(row.session_id)?.item;
      if (!item) continue;
      if (item === before) before = before.nextElementSibling;
      else this.list.insertBefore(item, before);
      item.hidden = !matches(row, this.search.value);
      if (!item.hidden) shown += 1;
    }
    this.renderEmpty(shown);
  }

  /** @param {number} shown */
  renderEmpty(shown) {
    const isBusy = this.list.getAttribute("aria-busy") === "true";
    role(document, "empty").hidden = shown > 0 || isBusy;
    const isSearch = this.rows.size > 0;
    setText(role(document, "empty-title"), isSearch ? "Nobody matches" : "No session is running");
    role(document, "empty-text").hidden = isSearch;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  look(entries) {
    for (const { target, isIntersecting } of entries) {
      const id = /** @type {HTMLElement} */ (target).dataset.id ?? "";
      if (isIntersecting) this.inView.add(id);
      else this.inView.delete(id);
    }
    this.askForPictures();
  }

  askForPictures() {
    if (!socket.connected) return;
    const isVisible = document.visibilityState === "visible";
    const wanted = isVisible ? [...this.inView].slice(0, MOST_THUMBNAILS) : [];
    socket.emit("want_thumbnails", { session_ids: wanted }, () => {});
  }
}

export const wall = new Wall();
const socket = openLive(() => {
  socket.emit("join_wall", {}, (/** @type {any} */ ack) => {
    if (!ack.ok) return;
    wall.replace(ack.sessions);
    wall.askForPictures();
  });
});
socket.on("wall_update", ({ sessions }) => wall.take(sessions));
socket.on("thumbnail", ({ session_id, jpeg }) => wall.tiles.get(session_id)?.tile.showPicture(jpeg));
document.addEventListener("visibilitychange", () => wall.askForPictures());
readScale().then(({ flagThreshold }) => {
  wall.threshold = flagThreshold;
  wall.render();
});
setInterval(() => wall.tick(), RENDER_MS);
