/** Who waits for an answer: admission, breaks, words, other devices. Above the wall, so that nobody
 * has to be found first. */
import { h, icon, role, setText } from "../lib/dom.js";

/** @type {Record<string, {words: string, icon: string, orders: string[]}>} */
const WISHES = {
  admission: { words: "waits for admission", icon: "user", orders: ["admit", "refuse"] },
  break: { words: "asks for a break", icon: "clock", orders: ["break_granted", "break_refused"] },
  place: { words: "wants to go on with another device", icon: "replace", orders: [] },
  chat: { words: "wrote to you", icon: "message", orders: ["message"] },
};

/** @type {Record<string, string>} */
const LABELS = { admit: "Admit", refuse: "Refuse", break_granted: "Grant", break_refused: "Refuse", message: "Answer" };

export class Waiting {
  /**
   * @param {HTMLElement} panel
   * @param {import("./act.js").ActDialog} dialog
   */
  constructor(panel, dialog) {
    this.panel = panel;
    this.dialog = dialog;
    this.list = role(panel, "waiting-list");
    this.key = "";
  }

  /** @param {import("./order.js").Row[]} rows */
  show(rows) {
    const wishes = rows.flatMap((row) => row.asks.map((ask) => ({ row, ask })));
    const key = wishes.map(({ row, ask }) => `${row.session_id} ${ask}`).sort().join("\n");
    if (key === this.key) return;
    this.key = key;
    this.panel.hidden = wishes.length === 0;
    setText(role(this.panel, "waiting-count"), wishes.length);
    this.list.replaceChildren(...wishes.map(({ row, ask }) => this.build(row, ask)));
  }

  /**
   * @param {import("./order.js").Row} row
   * @param {string} ask
   */
  build(row, ask) {
    const wish = WISHES[ask] ?? { words: ask, icon: "info", orders: [] };
    const target = { id: row.session_id, name: row.user_id };
    return h(
      "li",
      { class: "wish" },
      icon(wish.icon),
      h(
        "span",
        { class: "wish__words" },
        h("a", { href: `/admin/session/${encodeURIComponent(row.session_id)}` }, row.user_id),
        ` ${wish.words}`,
      ),
      ...wish.orders.map((kind, index) =>
        h(
          "button",
          {
            type: "button",
            class: index === 0 ? "button button--small button--primary" : "button button--small",
            "aria-label": `${LABELS[kind]} ${row.user_id}`,
            click: () => this.dialog.open(kind, [target]),
          },
          LABELS[kind],
        ),
      ),
    );
  }
}
