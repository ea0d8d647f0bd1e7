/** Short words at the edge of the page: what was sent, who calls. They go by themselves. */
import { h, icon, role } from "../lib/dom.js";

const STAYS_MS = 8_000;
const CALL_STAYS_MS = 60_000;
const MOST = 4;

/**
 * @param {string} words
 * @param {{href?: string, sign?: string, isCall?: boolean}} [more]
 */
export function toast(words, { href, sign = "check-circle", isCall = false } = {}) {
  const place = role(document, "toasts");
  const close = h("button", { type: "button", class: "toast__close", "aria-label": "Close" }, "×");
  const item = h(
    "div",
    { class: "toast", "data-call": String(isCall) },
    icon(sign),
    h("span", { class: "toast__words" }, words),
    href ? h("a", { href, class: "button button--small" }, "Open") : null,
    close,
  );
  close.addEventListener("click", () => item.remove());
  place.append(item);
  while (place.children.length > MOST) place.firstElementChild?.remove();
  setTimeout(() => item.remove(), isCall ? CALL_STAYS_MS : STAYS_MS);
}
