/** What the detectors can point out in a room, and how it is said and drawn over a picture. */
import { h, icon } from "../../lib/dom.js";
import { t } from "../../lib/language.js";

/**
 * In shares of the picture, from its left top.
 * @typedef {{x: number, y: number, width: number, height: number, label: string,
 *   confidence: number}} Box
 */

/** @type {Record<string, {name: string, says: string}>} */
const THINGS = {
  phone: { name: t("Phone"), says: t("A phone is in the picture. Put it away, out of reach.") },
  book: { name: t("Book"), says: t("A book is in the picture. Put it away, unless your exam allows it.") },
  laptop: { name: t("Laptop"), says: t("Another laptop is in the picture. Close it and put it away.") },
  screen: { name: t("Screen"), says: t("Another screen is in the picture. Switch it off.") },
};

/**
 * Adds a sentence for each thing that is not said yet.
 * @param {HTMLElement} list
 * @param {string[]} things
 */
export function nameThings(list, things) {
  const said = new Set([...list.children].map((item) => item.getAttribute("data-thing")));
  for (const thing of things) {
    if (said.has(thing) || !THINGS[thing]) continue;
    said.add(thing);
    list.append(h("li", { "data-thing": thing }, icon("alert"), h("span", {}, THINGS[thing].says)));
  }
}

/** A picture with what was pointed out in it; the words stand beside it for those who do not see. */
export class BoxedPicture {
  /** @param {string} says what the picture is */
  constructor(says) {
    this.image = /** @type {HTMLImageElement} */ (h("img", { alt: says, hidden: true }));
    this.layer = h("div", { class: "boxed__layer", "aria-hidden": "true" });
    this.element = h("div", { class: "boxed" }, this.image, this.layer);
    this.address = "";
  }

  /**
   * @param {Blob} jpeg
   * @param {Box[]} boxes
   */
  async show(jpeg, boxes) {
    const address = URL.createObjectURL(jpeg);
    const waiting = new Image();
    waiting.src = address;
    try {
      await waiting.decode();
    } catch {
      URL.revokeObjectURL(address);
      return;
    }
    // Picture and boxes change together, so that no box lies over another picture.
    this.image.src = address;
    this.image.hidden = false;
    this.layer.replaceChildren(...boxes.filter(({ label }) => THINGS[label]).map(drawn));
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = address;
  }

  clear() {
    this.image.hidden = true;
    this.layer.replaceChildren();
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = "";
  }
}

/** @param {Box} box */
function drawn(box) {
  const element = h("span", { class: "boxed__box" }, h("span", { class: "boxed__name" }, THINGS[box.label].name));
  element.style.left = `${box.x * 100}%`;
  element.style.top = `${box.y * 100}%`;
  element.style.width = `${box.width * 100}%`;
  element.style.height = `${box.height * 100}%`;
  return element;
}
