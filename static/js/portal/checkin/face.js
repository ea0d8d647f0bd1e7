/** Placing the face with live guidance; the server registers it from several good pictures. */
import { h } from "../../lib/dom.js";
import { t } from "../../lib/language.js";
import { actions, Bar, button, mirror, Saying, setReady } from "./parts.js";

export class FaceStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.flow = flow;
    this.title = t("Put your face into the oval");
    this.saying = new Saying();
    this.bar = new Bar(t("Your face is learnt"));
    this.button = button(t("Continue"), () => flow.next(), { isPrimary: true });
    setReady(this.button, false);
    this.preview = mirror(flow.capture.streams.camera, { hasOval: true });
    this.element = h(
      "div",
      { class: "checkin__body checkin__body--picture" },
      this.preview,
      h(
        "div",
        { class: "checkin__side" },
        h("p", { class: "soft" }, t("Several pictures of your face are compared, so that later on it is known that you are you. No picture is kept.")),
        this.saying.element,
        this.bar.element,
        actions(this.button),
      ),
    );
  }

  enter() {
    this.saying.say(t("Looking for your face…"), "wait");
    this.flow.act("begin", { step: "face" }).catch((error) => this.saying.say(t(error.message)));
  }

  /** @param {import("./flow.js").Standing} standing */
  hear(standing) {
    if (standing.step !== "face") return;
    this.bar.set(standing.share);
    if (standing.is_done) {
      this.saying.say(t("Done. Your face is known now."), "good");
      setReady(this.button, true);
    } else if (standing.guidance) {
      const isGood = standing.guidance.word === "good";
      this.saying.say(t(standing.guidance.text), isGood ? "good" : "todo");
    }
    this.preview.dataset.state = standing.is_done ? "done" : (standing.guidance?.word ?? "");
  }
}
