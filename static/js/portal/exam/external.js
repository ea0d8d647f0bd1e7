/**
 * An exam that another page holds: in a frame of this page, or in a window beside it. Working in
 * it is no change of focus.
 */
import { h, icon } from "../../lib/dom.js";
import { t } from "../../lib/language.js";

export class ExternalExam {
  /**
   * @param {{url: string, mode: "frame" | "window"}} external
   * @param {import("../../capture/capture.js").Capture} capture
   */
  constructor({ url, mode }, capture) {
    this.url = url;
    /** @type {Window | null} */
    this.window = null;
    this.element = mode === "frame" ? this.buildFrame() : this.buildWindow();
    capture.allowFocus(() => this.hasFocus);
  }

  buildFrame() {
    this.frame = h("iframe", {
      class: "exam__frame",
      src: this.url,
      title: t("Your exam"),
      allow: "clipboard-write",
      referrerpolicy: "origin",
    });
    return h("div", { class: "exam__external" }, this.frame);
  }

  buildWindow() {
    return h(
      "div",
      { class: "exam__external card" },
      h("p", {}, t("This exam opens in a window of its own. Keep this page open beside it; working there is not counted as leaving.")),
      h("button", { type: "button", class: "button button--primary", click: () => this.open() }, icon("window"), t("Open the exam")),
    );
  }

  open() {
    if (this.window && !this.window.closed) this.window.focus();
    else this.window = window.open(this.url, "candor-exam", "popup,width=1100,height=800");
  }

  /** Whether the exam's own frame or window may have the focus that this page has not. */
  get hasFocus() {
    if (this.frame) return document.activeElement === this.frame && document.hasFocus();
    return this.window !== null && !this.window.closed;
  }

  close() {
    this.frame?.remove();
    if (this.window && !this.window.closed) this.window.close();
  }
}
