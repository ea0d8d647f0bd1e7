/** Reading a sentence aloud, so that the own voice is never taken for another. */
import { h } from "../../lib/dom.js";
import { t } from "../../lib/language.js";
import { actions, Bar, button, Saying, setReady } from "./parts.js";

const SILENT_MS = 6000;
const HEARD = 0.02;

export class VoiceStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.flow = flow;
    this.title = t("Read this aloud");
    this.saying = new Saying();
    this.bar = new Bar(t("Your voice is learnt"));
    this.lastHeardMs = performance.now();
    this.isDone = false;
    this.button = button(t("Continue"), () => flow.next(), { isPrimary: true });
    setReady(this.button, false);
    this.skip = button(t("I cannot read aloud"), () => this.leaveOut());
    this.listen = (/** @type {Event} */ event) => this.level(/** @type {CustomEvent} */ (event).detail);
    this.element = h(
      "div",
      { class: "checkin__body" },
      h("p", { class: "soft" }, t("Speak as you usually do. A measure of your voice is held in memory until the end of the session; the sound is forgotten.")),
      h(
        "blockquote",
        { class: "reading" },
        t("I take this exam by myself. I sit alone in a quiet room, my desk is clear, and until I hand in my work I talk to nobody. If something goes wrong, I say so to my proctor."),
      ),
      this.saying.element,
      this.bar.element,
      actions(this.button, this.skip),
    );
  }

  enter() {
    this.saying.say(t("Begin to read."), "wait");
    this.flow.capture.addEventListener("level", this.listen);
    this.flow.act("begin", { step: "voice" }).catch((error) => this.saying.say(t(error.message)));
  }

  leave() {
    this.flow.capture.removeEventListener("level", this.listen);
  }

  /** @param {number} peak */
  level(peak) {
    if (this.isDone) return;
    if (peak > HEARD) {
      this.lastHeardMs = performance.now();
      this.saying.say(t("You are heard. Read on."), "good");
    } else if (performance.now() - this.lastHeardMs > SILENT_MS) {
      this.saying.say(t("Nothing is heard from your microphone. Check that it is not muted, and speak a little louder."));
    }
  }

  async leaveOut() {
    await this.flow.act("skip", { step: "voice" });
    this.flow.next();
  }

  /** @param {import("./flow.js").Standing} standing */
  hear(standing) {
    if (standing.step !== "voice") return;
    this.bar.set(standing.share);
    if (!standing.is_done) return;
    this.isDone = true;
    this.saying.say(t("Done. Your voice is known now."), "good");
    setReady(this.button, true);
    this.skip.hidden = true;
  }
}
