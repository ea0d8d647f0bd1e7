/** Rules and consent: what is recorded, for how long, who sees it. */
import { h } from "../../lib/dom.js";
import { t } from "../../lib/language.js";
import { showConsent } from "../consent.js";
import { actions, button, problem } from "./parts.js";

export class RulesStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.title = t("Rules, and what is recorded");
    const consent = /** @type {import("../consent.js").Consent} */ (flow.who?.consent);
    flow.capture.consent = consent.version;
    const recorded = h("div", { class: "recorded card" });
    showConsent(recorded, consent);
    const refusal = h("div", {});
    this.element = h(
      "div",
      { class: "checkin__body" },
      h(
        "ul",
        { class: "rules" },
        ...[
          t("Sit alone in a quiet, well lit room. Nobody may come in."),
          t("Put phones, watches, headphones and books away, unless your exam allows them."),
          t("Stay in front of the camera and on this page until you hand in."),
          t("Trouble with your line or your machine never counts against you."),
        ].map((rule) => h("li", {}, rule)),
      ),
      h("h2", {}, t("What is recorded, and why")),
      recorded,
      h(
        "p",
        { class: "small soft" },
        `${t("Legal basis:")} ${consent.legal_basis}. ${t("Text")} `,
        h("bdi", {}, consent.version),
      ),
      refusal,
      actions(
        button(t("I agree"), () => flow.next(), { isPrimary: true }),
        button(t("I do not agree"), () =>
          refusal.replaceChildren(
            problem(
              t("Then this exam cannot be taken here."),
              t("Nothing of you was recorded. Talk to your school about another way to take it."),
            ),
          ),
        ),
      ),
    );
  }
}
