/** The proctor's live connection: one socket per page, and the banner that says when it is gone. */
import { io } from "../../vendor/socket.io.esm.min.js";
import { role, setText } from "./dom.js";
import { timeOfDay } from "./format.js";

/**
 * @param {() => void} onReady called at each (new) connection: rooms must be joined again
 * @returns {import("socket.io-client").Socket}
 */
export function openLive(onReady) {
  const socket = io({ transports: ["websocket"], reconnectionDelay: 500, reconnectionDelayMax: 4000 });
  let isKnown = false;
  socket.on("connect", () => {
    isKnown = true;
    role(document, "offline").hidden = true;
    onReady();
  });
  socket.on("disconnect", () => {
    const since = timeOfDay(new Date().toISOString());
    sayOffline(`The line to the server is down since ${since}. What you see is from then. Trying again…`);
    if (!socket.active) setTimeout(() => socket.connect(), 2000);
  });
  socket.on("connect_error", (/** @type {any} */ error) => {
    if (error?.data?.code === "not_authenticated") {
      location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
      return;
    }
    if (!isKnown) sayOffline("The server does not answer. Trying again…");
    if (!socket.active) setTimeout(() => socket.connect(), 2000);
  });
  return socket;
}

/** @param {string} text */
export function sayOffline(text) {
  role(document, "offline").hidden = false;
  setText(role(document, "offline-text"), text);
}

/**
 * Says that fewer pictures of every student are judged, while that is so.
 * @param {{is_reduced: boolean, says: string} | undefined} load
 */
export function showLoad(load) {
  const banner = role(document, "load-reduced");
  setText(role(document, "load-left-out"), load?.is_reduced ? load.says : "");
  banner.hidden = !load?.is_reduced;
}

/**
 * What a scoring page has to know of the settings.
 * @returns {Promise<{flagThreshold: number, intervalS: number}>}
 */
export async function readScale() {
  try {
    const response = await fetch("/portal/config");
    const config = await response.json();
    return { flagThreshold: config.flag_threshold ?? 10, intervalS: config.interval_s ?? 30 };
  } catch {
    return { flagThreshold: 10, intervalS: 30 };
  }
}
