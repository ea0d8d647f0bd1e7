/** A look round the room and over the desk, with this camera or with a phone; what the model knows
 * is pointed out at once. */
import { h } from "../../lib/dom.js";
import { t } from "../../lib/language.js";
import { actions, button, mirror, Saying, setReady } from "./parts.js";
import { PhoneScan } from "./phone-scan.js";
import { nameThings } from "./things.js";

export class RoomStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.flow = flow;
    this.title = t("Show your desk and the room");
    this.saying = new Saying();
    this.found = h("ul", { class: "found", "aria-live": "polite" });
    this.done = button(t("Done, the desk is clear"), () => this.finish(), { isPrimary: true });
    this.again = button(t("Show it again"), () => this.enter());
    this.phone = new PhoneScan(flow, this.saying, () => this.found.replaceChildren());
    this.isByPhone = flow.standing?.step === "room" && Boolean(flow.standing.phone);
    this.picture = h("div", {});
    this.side = h("div", { class: "checkin__side" });
    this.choice = h(
      "fieldset",
      { class: "choice" },
      h("legend", {}, t("Show it with")),
      this.option("computer", t("This camera")),
      this.option("phone", t("A phone")),
    );
    this.element = h(
      "div",
      { class: "checkin__body" },
      this.choice,
      h("div", { class: "checkin__body checkin__body--picture" }, this.picture, this.side),
    );
  }

  /**
   * @param {"computer" | "phone"} name
   * @param {string} label
   */
  option(name, label) {
    const input = /** @type {HTMLInputElement} */ (
      h("input", { type: "radio", name: "room-camera", value: name, checked: (name === "phone") === this.isByPhone })
    );
    input.addEventListener("change", () => this.choose(name === "phone"));
    return h("label", { class: "choice__option" }, input, h("span", {}, label));
  }

  enter() {
    this.found.replaceChildren();
    this.render();
    this.flow.act("begin", { step: "room" }).catch((error) => this.say(error));
    if (this.isByPhone) this.phone.enter();
    else this.saying.say(t("What is seen is named here."), "wait");
  }

  leave() {
    this.phone.leave();
  }

  render() {
    if (this.isByPhone) {
      this.picture.replaceChildren(this.phone.picture);
      this.side.replaceChildren(
        this.phone.words, this.saying.element, this.found, this.phone.consented,
        actions(this.done, this.phone.again),
      );
      return;
    }
    this.picture.replaceChildren(mirror(this.flow.capture.streams.camera));
    this.side.replaceChildren(
      h("p", {}, t("Turn the camera, or the laptop, slowly: over your desk, under it, and once round the room. Then turn it back.")),
      this.saying.element, this.found, actions(this.done, this.again),
    );
  }

  /** @param {boolean} isByPhone */
  async choose(isByPhone) {
    if (this.isByPhone === isByPhone) return;
    this.isByPhone = isByPhone;
    this.found.replaceChildren();
    this.phone.leave();
    setReady(this.done, true);
    this.render();
    try {
      if (isByPhone) {
        await this.flow.act("begin", { step: "room" });
        await this.phone.enter();
      } else {
        this.saying.say(t("What is seen is named here."), "wait");
        await this.flow.act("no_phone", { step: "room" });
      }
    } catch (error) {
      this.say(error);
    }
  }

  async finish() {
    setReady(this.done, false);
    try {
      await this.flow.act("done", { step: "room", consent: this.isByPhone ? this.phone.agreed : "" });
      this.flow.next();
    } catch (error) {
      this.say(error);
      setReady(this.done, true);
    }
  }

  /** @param {unknown} error */
  say(error) {
    this.saying.say(error instanceof Error ? t(error.message) : "");
  }

  /** @param {import("./flow.js").Standing} standing */
  hear(standing) {
    if (standing.step !== "room") return;
    if (this.isByPhone) {
      this.phone.hear(standing.phone);
      setReady(this.done, this.phone.isLive);
    }
    nameThings(this.found, standing.seen);
  }
}
