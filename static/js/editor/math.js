/** Draws the formulas of a page: every element with `data-tex` holds TeX. */

import katex from "../../vendor/katex/katex.mjs";

/**
 * A formula that cannot be drawn stays as it was typed.
 * @param {ParentNode} root
 */
export function drawMath(root) {
  for (const element of root.querySelectorAll("[data-tex]")) {
    if (!(element instanceof HTMLElement)) continue;
    const tex = element.textContent ?? "";
    const displayMode = element.dataset.tex === "block";
    try {
      katex.render(tex, element, { displayMode, throwOnError: true, trust: false, strict: "ignore", maxExpand: 200, maxSize: 20 });
    } catch {
      element.textContent = tex;
      element.classList.add("math--broken");
    }
  }
}

drawMath(document);
