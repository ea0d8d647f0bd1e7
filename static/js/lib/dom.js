/** Small tools for building and finding elements. Text is always set as text, never as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * The element that must be there.
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function one(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/**
 * The element with this `data-role`, which must be there.
 * @param {ParentNode} root
 * @param {string} role
 */
export function role(root, role) {
  return one(root, `[data-role="${role}"]`);
}

/**
 * Builds an element. Attributes that are null or false are left out, `true` sets them empty,
 * functions become listeners.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | number | null)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null) element.append(child instanceof Node ? child : String(child));
  return element;
}

/**
 * A sign of the sprite in the page. It is decoration: the words stand beside it.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * @param {SVGElement} svg made by `icon`
 * @param {string} name
 */
export function changeIcon(svg, name) {
  const use = svg.querySelector("use");
  if (use?.getAttribute("href") !== `#icon-${name}`) use?.setAttribute("href", `#icon-${name}`);
}

/**
 * An element of SVG.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
export function s(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * Sets text only when it changed, so that nothing is announced or laid out for nothing.
 * @param {Element} element
 * @param {string | number} text
 */
export function setText(element, text) {
  const value = String(text);
  if (element.textContent !== value) element.textContent = value;
}
