/** The state of the machine: which detectors work, what was counted. Asked for every five seconds. */
import { h, role, setText } from "../lib/dom.js";
import { duration, megabytes, percent } from "../lib/format.js";
import { getJson } from "../lib/http.js";
import { sayOffline, showLoad } from "../lib/live.js";
import { detectorLabel } from "../lib/words.js";

const EVERY_MS = 5000;

/** @typedef {{detector: string, is_on: boolean, model: string, remedy: string}} DetectorStatus */

/** @param {DetectorStatus} status */
function buildDetector({ detector, is_on, model, remedy }) {
  return h(
    "li",
    { class: "detector" },
    h("strong", {}, detectorLabel(detector)),
    h("span", { class: `tag ${is_on ? "tag--good" : "tag--technical"}` }, is_on ? "On" : "Off"),
    h("span", { class: "detector__model soft" }, model ? h("code", {}, model) : "–"),
    remedy ? h("p", { class: "detector__remedy" }, remedy) : null,
  );
}

/** @param {[string, number]} counter */
function buildCounter([name, value]) {
  const words = name.replaceAll("_", " ").replaceAll(".", ": ").replace(/ s$/, ", seconds");
  const label = words.charAt(0).toUpperCase() + words.slice(1);
  return h("div", {}, h("dt", {}, label), h("dd", {}, value.toLocaleString()));
}

/** @param {any} machine @returns {[string, string, string][]} name, words and tone */
function placeOf({ disk, counters, threads, versions }) {
  const free = disk.free_bytes / disk.size_bytes;
  const { workers = 0, workers_ready: ready = 0 } = counters;
  return [
    ["Workers ready", `${ready} of ${workers}`, ready < workers ? "technical" : ""],
    ["Disk free", `${megabytes(disk.free_bytes)} (${percent(free)})`, free < 0.1 ? "technical" : ""],
    ["Threads", String(threads), ""],
    ...Object.entries(versions).map(([name, version]) => /** @type {[string, string, string]} */ ([name, String(version), ""])),
  ];
}

/** @param {[string, string, string]} entry */
function buildWord([name, words, tone]) {
  return h("div", {}, h("dt", {}, name.charAt(0).toUpperCase() + name.slice(1)), h("dd", { "data-tone": tone || null }, words));
}

/** @param {HTMLElement} place @param {HTMLElement[]} items */
function fill(place, items) {
  const isSame =
    place.children.length === items.length &&
    items.every((item, index) => item.isEqualNode(place.children[index]));
  if (!isSame) place.replaceChildren(...items);
}

/** @param {any} load @returns {[string, string, string][]} name, words and tone */
function figuresOf(load) {
  const cost = (/** @type {number | null} */ ms) => (ms === null ? "–" : `${ms.toFixed(1)} ms`);
  return [
    ["Connected now", String(load.students), ""],
    ["Judged of each", `${load.analysis_fps} pictures a second`, load.is_reduced ? "technical" : ""],
    ["Workers busy", percent(load.worker_busy), ""],
    ["Web process busy", `${percent(load.web_busy)} of a core`, ""],
    ["In line for a worker", `${load.wait_s.toFixed(2)} s`, ""],
    ["Workers, per student and second", cost(load.worker_ms_per_student_s), ""],
    ["Web process, per student and second", cost(load.web_ms_per_student_s), ""],
  ];
}

/** @param {any} machine */
function render(machine) {
  setText(role(document, "load-says"), machine.load.says);
  showLoad({ is_reduced: machine.load.is_reduced, says: machine.load.left_out });
  fill(role(document, "load"), figuresOf(machine.load).map(buildWord));
  setText(role(document, "uptime"), duration(machine.uptime_s));
  setText(role(document, "active"), machine.sessions.active);
  setText(role(document, "running"), machine.sessions.running);
  const store = role(document, "store");
  setText(store, machine.store.ok ? machine.store.engine : `${machine.store.engine}: does not answer`);
  store.dataset.tone = machine.store.ok ? "" : "technical";
  fill(role(document, "place"), placeOf(machine).map(buildWord));
  const counters = /** @type {[string, number][]} */ (Object.entries(machine.counters)).sort();
  fill(role(document, "detectors"), machine.detectors.map(buildDetector));
  fill(role(document, "counters"), counters.map(buildCounter));
  role(document, "counters-empty").hidden = counters.length > 0;
  role(document, "offline").hidden = true;
}

async function refresh() {
  try {
    render(await getJson("/api/machine"));
  } catch (problem) {
    sayOffline(problem instanceof Error ? problem.message : "The server does not answer.");
  }
}

refresh();
setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
