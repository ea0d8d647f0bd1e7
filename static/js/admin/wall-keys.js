/** The keys of the wall: from tile to tile, choosing, and acting on what is chosen. */
import { role } from "../lib/dom.js";
import { toast } from "./toasts.js";

/** The part of the wall that keys work.
 * @typedef {{list: HTMLElement, selected: Set<string>, rows: Map<string, import("./order.js").Row>,
 *   select(id: string, isOn: boolean): void, selectShown(): void, clearSelection(): void,
 *   setView(view: string): void, askForPictures(): void, targets(id?: string): import("./act.js").Target[]}} Steered */

export class WallKeys {
  /**
   * @param {Steered} wall
   * @param {import("./act.js").ActDialog} dialog
   */
  constructor(wall, dialog) {
    this.wall = wall;
    this.dialog = dialog;
  }

  /** @returns {import("./shortcuts.js").Shortcut[]} */
  shortcuts() {
    const order = (/** @type {string} */ kind) => () => this.order(kind);
    return [
      { keys: ["j", "ArrowRight"], says: "Next student", run: () => this.move(1) },
      { keys: ["k", "ArrowLeft"], says: "Previous student", run: () => this.move(-1) },
      { keys: ["x"], says: "Select the student", run: () => this.toggle() },
      { keys: ["a"], says: "Select all that are shown", run: () => this.wall.selectShown() },
      { keys: ["Escape"], says: "Select nobody", run: () => this.wall.clearSelection() },
      { keys: ["w"], says: "Warn", run: order("warning") },
      { keys: ["m"], says: "Write a message", run: order("message") },
      { keys: ["p"], says: "Pause, or resume", run: () => this.pause() },
      { keys: ["t"], says: "Give extra time", run: order("extra_time") },
      { keys: ["c"], says: "Call a colleague", run: order("call") },
      { keys: ["n"], says: "Keep a note", run: order("note") },
      { keys: ["v"], says: "Tiles or list", run: () => this.changeView() },
      { keys: ["/"], says: "Search", run: () => role(document, "search").focus() },
      { keys: ["?"], says: "This help", run: () => {} },
    ];
  }

  /** @returns {HTMLElement | null} */
  focused() {
    return /** @type {HTMLElement | null} */ (document.activeElement?.closest("li.tile") ?? null);
  }

  /** @param {HTMLElement | null} item */
  link(item) {
    return /** @type {HTMLElement | null} */ (item?.querySelector(".tile__link") ?? null);
  }

  /** @param {number} step */
  move(step) {
    const items = /** @type {HTMLElement[]} */ ([...this.wall.list.querySelectorAll("li.tile:not([hidden])")]);
    const at = items.indexOf(/** @type {HTMLElement} */ (this.focused()));
    const next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step];
    this.link(next ?? null)?.focus();
  }

  toggle() {
    const id = this.focused()?.dataset.id;
    if (id) this.wall.select(id, !this.wall.selected.has(id));
  }

  /** @param {string} kind */
  order(kind) {
    const targets = this.wall.targets(this.focused()?.dataset.id);
    if (targets.length === 0) toast("Choose a student first: go to a tile with j and k, or select some.", { sign: "info" });
    else this.dialog.open(kind, targets);
  }

  pause() {
    const targets = this.wall.targets(this.focused()?.dataset.id);
    const isPaused = targets.every(({ id }) => this.wall.rows.get(id)?.pauses.includes("proctor"));
    this.order(targets.length > 0 && isPaused ? "resume" : "pause");
  }

  changeView() {
    this.wall.setView(this.wall.list.dataset.view === "list" ? "tiles" : "list");
    this.wall.askForPictures();
  }
}
