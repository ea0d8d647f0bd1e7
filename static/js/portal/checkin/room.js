/** A look round the room and over the desk; what the model knows is pointed out at once. */
import { h, icon } from "../../lib/dom.js";
import { t } from "../../lib/language.js";
import { actions, button, mirror, Saying } from "./parts.js";

/** @type {Record<string, string>} */
const THINGS = {
  phone: t("A phone is in the picture. Put it away, out of reach."),
  book: t("A book is in the picture. Put it away, unless your exam allows it."),
  laptop: t("Another laptop is in the picture. Close it and put it away."),
  screen: t("Another screen is in the picture. Switch it off."),
  headphones: t("Headphones are in the picture. Take them off and put them away."),
  watch: t("A watch is in the picture. Take it off and put it away."),
};

export class RoomStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.flow = flow;
    this.title = t("Show your desk and the room");
    this.saying = new Saying();
    this.found = h("ul", { class: "found", "aria-live": "polite" });
    this.element = h(
      "div",
      { class: "checkin__body checkin__body--picture" },
      mirror(flow.capture.streams.camera),
      h(
        "div",
        { class: "checkin__side" },
        h("p", {}, t("Turn the camera, or the laptop, slowly: over your desk, under it, and once round the room. Then turn it back.")),
        this.saying.element,
        this.found,
        actions(
          button(t("Done, the desk is clear"), () => this.finish(), { isPrimary: true }),
          button(t("Show it again"), () => this.enter()),
        ),
      ),
    );
  }

  enter() {
    this.found.replaceChildren();
    this.saying.say(t("What is seen is named here."), "wait");
    this.flow.act("begin", { step: "room" }).catch((error) => this.saying.say(t(error.message)));
  }

  async finish() {
    await this.flow.act("done", { step: "room" });
    this.flow.next();
  }

  /** @param {import("./flow.js").Standing} standing */
  hear(standing) {
    if (standing.step !== "room") return;
    const shown = new Set([...this.found.children].map((item) => item.getAttribute("data-thing")));
    for (const thing of standing.seen) {
      if (shown.has(thing) || !THINGS[thing]) continue;
      this.found.append(h("li", { "data-thing": thing }, icon("alert"), h("span", {}, THINGS[thing])));
    }
  }
}
