/** The last step: the exam lets in by itself, or a proctor does. */
import { h } from "../../lib/dom.js";
import { t } from "../../lib/language.js";
import { actions, button, Saying } from "./parts.js";

export class AdmissionStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.flow = flow;
    const isByProctor = flow.who?.check_in === "proctor";
    this.title = isByProctor ? t("Your proctor lets you in") : t("You are ready");
    this.saying = new Saying();
    this.button = button(isByProctor ? t("Ask to be let in") : t("Begin the exam"), () => this.finish(), {
      isPrimary: true,
    });
    this.element = h(
      "div",
      { class: "checkin__body" },
      h(
        "p",
        {},
        isByProctor
          ? t("Everything is set up. Your time begins when your proctor has let you in, not before.")
          : t("Everything is set up. Your time begins when you begin the exam, not before."),
      ),
      this.saying.element,
      actions(this.button),
    );
  }

  enter() {
    this.saying.say(t("Nothing counts yet."), "wait");
    if (this.flow.standing) this.hear(this.flow.standing);
  }

  async finish() {
    try {
      await this.flow.act("finish");
    } catch (error) {
      this.saying.say(error instanceof Error ? t(error.message) : "");
    }
  }

  /** @param {import("./flow.js").Standing} standing */
  hear(standing) {
    this.button.hidden = standing.stage !== "checking";
    if (standing.stage === "waiting") {
      this.saying.say(t("Your proctor has been asked. Stay in front of the camera and keep this page open."), "wait");
    } else if (standing.stage === "refused") {
      this.saying.say(`${t("Your proctor did not let you in.")} ${standing.reason}`.trim());
    }
  }
}
