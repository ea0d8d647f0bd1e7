/** The wall of running sessions. Rows come from the server's wall room; pictures only for tiles
 * that are in view. Only what changed is drawn, and only where it can be seen. */
import { StudentTile } from "../elements/student-tile.js";
import { h, one, role, setText } from "../lib/dom.js";
import { openLive, readScale, showLoad } from "../lib/live.js";
import { ActDialog } from "./act.js";
import { actionLabel } from "./orders.js";
import { hasTrouble, passes, Peaks, sorted, TREND, TREND_MS } from "./order.js";
import { Shortcuts } from "./shortcuts.js";
import { toast } from "./toasts.js";
import { Waiting } from "./waiting.js";
import { WallKeys } from "./wall-keys.js";

const RENDER_MS = 1000;
const REORDER_MS = 4000;
const ENDED_STAYS_MS = 15_000;
const MOST_THUMBNAILS = 60;
const VIEW_STORED = "candor-wall-view";

/** @typedef {import("./order.js").Row} Row */

class Wall {
  constructor() {
    this.list = role(document, "wall");
    this.search = /** @type {HTMLInputElement} */ (role(document, "search"));
    this.sorting = /** @type {HTMLSelectElement} */ (role(document, "sort"));
    this.exam = /** @type {HTMLSelectElement} */ (role(document, "exam"));
    this.group = /** @type {HTMLSelectElement} */ (role(document, "group"));
    this.state = /** @type {HTMLSelectElement} */ (role(document, "state"));
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    /** @type {Map<string, {item: HTMLElement, tile: StudentTile}>} */
    this.tiles = new Map();
    /** @type {Map<string, {points: number[], dueMs: number}>} */
    this.trends = new Map();
    /** @type {Map<string, number>} */
    this.endedMs = new Map();
    /** @type {Set<string>} */
    this.inView = new Set();
    /** @type {Set<string>} */
    this.changed = new Set();
    /** @type {Set<string>} */
    this.selected = new Set();
    this.peaks = new Peaks();
    this.threshold = 10;
    this.reorderMs = 0;
    this.updates = 0;
    this.isDrawing = false;
    this.wished = "-";
    this.watcher = new IntersectionObserver((entries) => this.look(entries), { rootMargin: "120px" });
    this.search.addEventListener("input", () => this.arrange());
    for (const select of [this.sorting, this.exam, this.group, this.state]) {
      select.addEventListener("change", () => this.arrange());
    }
    this.list.addEventListener("change", (event) => this.choose(event));
    this.setView(localStorage.getItem(VIEW_STORED) === "list" ? "list" : "tiles");
  }

  /** @param {Row[]} rows all sessions there are */
  replace(rows) {
    const known = new Set(rows.map((row) => row.session_id));
    for (const id of this.rows.keys()) if (!known.has(id)) this.remove(id);
    this.list.setAttribute("aria-busy", "false");
    for (const skeleton of this.list.querySelectorAll(".tile--skeleton")) skeleton.remove();
    for (const row of rows) this.trends.set(row.session_id, { points: [...(row.trend ?? [])], dueMs: Date.now() + TREND_MS });
    this.take(rows);
    this.arrange();
  }

  /** @param {Row[]} rows those that changed */
  take(rows) {
    const nowMs = Date.now();
    this.updates += 1;
    for (const row of rows) {
      const isNew = !this.rows.has(row.session_id);
      if (isNew && row.state === "ended") continue;
      this.rows.set(row.session_id, row);
      this.peaks.note(row.session_id, row.interval_score, nowMs);
      if (row.state === "ended" && !this.endedMs.has(row.session_id)) {
        this.endedMs.set(row.session_id, nowMs);
      }
      if (isNew) this.add(row.session_id);
      this.changed.add(row.session_id);
    }
    this.drawSoon();
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
    for (const known of [this.tiles, this.rows, this.endedMs, this.trends]) known.delete(id);
    for (const known of [this.inView, this.changed, this.selected]) known.delete(id);
    this.peaks.forget(id);
    this.renderSelection();
  }

  /** Called every second. */
  tick() {
    const nowMs = Date.now();
    for (const [id, endedMs] of this.endedMs) if (nowMs - endedMs > ENDED_STAYS_MS) this.remove(id);
    for (const [id, row] of this.rows) this.grow(id, row.risk, nowMs);
    for (const id of this.inView) this.changed.add(id);
    this.drawSoon();
    if (nowMs >= this.reorderMs && !this.isInUse()) {
      this.reorderMs = nowMs + REORDER_MS;
      this.arrange();
    }
  }

  /**
   * @param {string} id
   * @param {number} risk
   * @param {number} nowMs
   */
  grow(id, risk, nowMs) {
    const trend = this.trends.get(id) ?? { points: [], dueMs: 0 };
    this.trends.set(id, trend);
    if (nowMs < trend.dueMs) return;
    trend.dueMs = nowMs + TREND_MS;
    trend.points.push(risk);
    if (trend.points.length > TREND) trend.points.shift();
  }

  /** A tile must not slip away from under the pointer or the focus. */
  isInUse() {
    return this.list.matches(":hover, :focus-within");
  }

  drawSoon() {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.draw();
    });
  }

  /** Draws what changed and is in view; the rest stays marked until it comes into view. */
  draw() {
    const nowMs = Date.now();
    for (const id of this.changed) {
      const shown = this.tiles.get(id);
      const row = this.rows.get(id);
      if (!shown || !row) continue;
      if (!this.inView.has(id) && shown.tile.row) continue;
      this.changed.delete(id);
      shown.tile.show(row, this.threshold, nowMs, this.trends.get(id)?.points);
      shown.item.dataset.alert = String(row.interval_score >= this.threshold);
      shown.item.dataset.ended = String(row.state === "ended");
      shown.item.dataset.trouble = String(hasTrouble(row));
    }
    this.renderCounts();
  }

  renderCounts() {
    const rows = [...this.rows.values()].filter((row) => row.state !== "ended");
    const flagged = rows.filter((row) => row.interval_score >= this.threshold).length;
    const trouble = rows.filter(hasTrouble).length;
    setText(role(document, "running"), rows.length);
    setText(role(document, "flagged-now"), flagged);
    setText(role(document, "trouble"), trouble);
    role(document, "flagged-now").dataset.tone = flagged > 0 ? "conduct" : "";
    role(document, "trouble").dataset.tone = trouble > 0 ? "technical" : "";
    waiting.show(rows);
    this.renderChoices(this.exam, "All exams", rows.map((row) => row.exam_id));
    this.renderChoices(this.group, "All groups", rows.map((row) => row.group));
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {string} all
   * @param {string[]} values
   */
  renderChoices(select, all, values) {
    const choices = [...new Set(values.filter(Boolean))].sort((a, b) => a.localeCompare(b));
    if (select.value && !choices.includes(select.value)) choices.unshift(select.value);
    const key = choices.join("\n");
    if (select.dataset.choices === key) return;
    select.dataset.choices = key;
    const { value } = select;
    select.replaceChildren(h("option", { value: "" }, all), ...choices.map((each) => h("option", { value: each }, each)));
    select.value = value;
    /** @type {HTMLElement} */ (select.parentElement).hidden = choices.length < 2 && !value;
  }

  /** @returns {import("./order.js").Filter} */
  filter() {
    return { search: this.search.value, exam: this.exam.value, group: this.group.value, state: this.state.value };
  }

  /** Puts the tiles in order and shows those that are searched for. */
  arrange() {
    const nowMs = Date.now();
    const filter = this.filter();
    const sorting = /** @type {import("./order.js").Sorting} */ (this.sorting.value);
    const order = sorted([...this.rows.values()], sorting, (row) => this.peaks.of(row.session_id, nowMs), nowMs);
    let shown = 0;
    /** @type {Element | null} */
    let before = this.list.firstElementChild;
    for (const row of order) {
      const item = this.tiles.get(row.session_id)?.item;
      if (!item) continue;
      if (item === before) before = before.nextElementSibling;
      else this.list.insertBefore(item, before);
      const isShown = passes(row, filter, this.threshold);
      if (item.hidden === isShown) item.hidden = !isShown;
      if (isShown) shown += 1;
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

  // Choosing

  /** @param {Event} event */
  choose({ target }) {
    if (!(target instanceof HTMLInputElement) || !target.matches(".tile__box")) return;
    const id = /** @type {HTMLElement} */ (target.closest("li")).dataset.id ?? "";
    this.select(id, target.checked);
  }

  /**
   * @param {string} id
   * @param {boolean} isOn
   */
  select(id, isOn) {
    const shown = this.tiles.get(id);
    if (!shown) return;
    if (isOn) this.selected.add(id);
    else this.selected.delete(id);
    if (shown.tile.box) shown.tile.box.checked = isOn;
    shown.item.dataset.selected = String(isOn);
    this.renderSelection();
  }

  selectShown() {
    for (const [id, { item }] of this.tiles) if (!item.hidden) this.select(id, true);
  }

  clearSelection() {
    for (const id of [...this.selected]) this.select(id, false);
  }

  renderSelection() {
    role(document, "bulk").hidden = this.selected.size === 0;
    setText(role(document, "bulk-count"), `${this.selected.size} selected`);
  }

  /**
   * @param {string} [focusedId]
   * @returns {import("./act.js").Target[]} those selected, or the one that has the focus
   */
  targets(focusedId) {
    const ids = this.selected.size > 0 ? [...this.selected] : focusedId ? [focusedId] : [];
    return ids.map((id) => ({ id, name: this.rows.get(id)?.user_id ?? id }));
  }

  // Views and pictures

  /** @param {string} view tiles or list */
  setView(view) {
    this.list.dataset.view = view;
    localStorage.setItem(VIEW_STORED, view);
    for (const button of document.querySelectorAll("[data-view-choice]")) {
      button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.viewChoice === view));
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  look(entries) {
    for (const { target, isIntersecting } of entries) {
      const id = /** @type {HTMLElement} */ (target).dataset.id ?? "";
      if (isIntersecting) this.inView.add(id);
      else this.inView.delete(id);
    }
    this.drawSoon();
    this.askForPictures();
  }

  askForPictures() {
    if (!socket.connected) return;
    const isVisible = document.visibilityState === "visible" && this.list.dataset.view === "tiles";
    const wanted = isVisible ? [...this.inView].slice(0, MOST_THUMBNAILS) : [];
    const key = wanted.join();
    if (key === this.wished) return;
    this.wished = key;
    socket.emit("want_thumbnails", { session_ids: wanted }, () => {});
  }

  // What is done

  /** @param {any} event */
  hear(event) {
    if (event.kind !== "action" || event.seen_at) return;
    const name = this.rows.get(event.session_id)?.user_id ?? "a student";
    const href = `/admin/session/${encodeURIComponent(event.session_id)}`;
    if (event.action === "call") {
      toast(`${event.actor} calls you to ${name}: ${event.reason}`, { href, sign: "people", isCall: true });
    } else if (event.action === "chat") {
      toast(`${name}: ${event.text}`, { href, sign: "message" });
    } else if (event.action === "break_asked") {
      toast(`${name}: ${actionLabel(event.action).toLowerCase()}`, { href, sign: "clock" });
    }
  }
}

const dialog = new ActDialog(
  () => socket,
  (words) => toast(words),
);
const waiting = new Waiting(role(document, "waiting"), dialog);
export const wall = new Wall();
const socket = openLive(() => {
  wall.wished = "-";
  socket.emit("join_wall", {}, (/** @type {any} */ ack) => {
    if (!ack.ok) return;
    wall.replace(ack.sessions);
    showLoad(ack.load);
    wall.askForPictures();
  });
});
socket.on("wall_update", ({ sessions }) => wall.take(sessions));
socket.on("session_event", (/** @type {any} */ event) => wall.hear(event));
socket.on("load", showLoad);
socket.on("thumbnail", ({ session_id, jpeg }) => wall.tiles.get(session_id)?.tile.showPicture(jpeg));
document.addEventListener("visibilitychange", () => wall.askForPictures());
const keys = new WallKeys(wall, dialog);
new Shortcuts(keys.shortcuts());
for (const button of document.querySelectorAll("[data-view-choice]")) {
  button.addEventListener("click", () => {
    wall.setView(/** @type {HTMLElement} */ (button).dataset.viewChoice ?? "tiles");
    wall.askForPictures();
  });
}
for (const button of document.querySelectorAll("[data-order]")) {
  button.addEventListener("click", () =>
    dialog.open(/** @type {HTMLElement} */ (button).dataset.order ?? "", wall.targets()),
  );
}
one(document, '[data-action="select-shown"]').addEventListener("click", () => wall.selectShown());
one(document, '[data-action="select-none"]').addEventListener("click", () => wall.clearSelection());
readScale().then(({ flagThreshold }) => {
  wall.threshold = flagThreshold;
  wall.drawSoon();
});
setInterval(() => wall.tick(), RENDER_MS);
