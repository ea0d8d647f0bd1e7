/** Draws what a teacher wrote: paragraphs, lists, code and formulas, always as text. */
import { h } from "../../lib/dom.js";

/**
 * @typedef {{kind: "text" | "strong" | "code" | "math", text: string}} Part
 * @typedef {{kind: "paragraph", parts: Part[]} | {kind: "list", items: Part[][]}
 *   | {kind: "code", language: string, text: string} | {kind: "math", text: string}} Block
 */

/** @type {Promise<any> | null} */
let formulas = null;

/** The formula renderer and its letters are loaded with the first formula. */
function loadFormulas() {
  if (formulas) return formulas;
  const sheet = h("link", {
    rel: "stylesheet",
    href: new URL("../../../vendor/katex/katex.min.css", import.meta.url).pathname,
  });
  document.head.append(sheet);
  formulas = import("../../../vendor/katex/katex.mjs").then((module) => module.default);
  return formulas;
}

/**
 * @param {string} text TeX
 * @param {boolean} isOwnLine
 */
function formula(text, isOwnLine) {
  // TeX as it is written until it can be drawn, and where it cannot.
  const place = h("span", { class: isOwnLine ? "formula formula--line" : "formula", dir: "ltr" }, text);
  loadFormulas()
    .then((katex) => katex.render(text, place, { displayMode: isOwnLine, throwOnError: true, trust: false, strict: "ignore" }))
    .catch(() => {});
  return place;
}

/** @param {Part} part */
function draw({ kind, text }) {
  if (kind === "strong") return h("strong", {}, text);
  if (kind === "code") return h("code", { dir: "ltr" }, text);
  if (kind === "math") return formula(text, false);
  return document.createTextNode(text);
}

/**
 * @param {Block[]} blocks
 * @returns {HTMLElement[]}
 */
export function drawBlocks(blocks) {
  return blocks.map((block) => {
    if (block.kind === "list") {
      return h("ul", { class: "bullets" }, ...block.items.map((parts) => h("li", { dir: "auto" }, ...parts.map(draw))));
    }
    if (block.kind === "code") {
      return h("pre", { dir: "ltr", tabindex: "0" }, h("code", {}, block.text));
    }
    if (block.kind === "math") return h("p", {}, formula(block.text, true));
    return h("p", { dir: "auto" }, ...block.parts.map(draw));
  });
}

/**
 * The same within a label, where paragraphs may not stand.
 * @param {Block[]} blocks
 */
export function drawInline(blocks) {
  return blocks.flatMap((block) => {
    if (block.kind === "paragraph") return block.parts.map(draw);
    if (block.kind === "list") return block.items.flat().map(draw);
    return [block.kind === "code" ? h("code", { dir: "ltr" }, block.text) : formula(block.text, false)];
  });
}
