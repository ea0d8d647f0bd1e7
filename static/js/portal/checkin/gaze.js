/** Five points to look at, so that looking at the own screen is never taken for looking away. */
import { h } from "../../lib/dom.js";
import { number, t } from "../../lib/language.js";
import { actions, button, Saying, setReady } from "./parts.js";

const POINTS = [
  [0.5, 0.5],
  [0.08, 0.1],
  [0.92, 0.1],
  [0.08, 0.9],
  [0.92, 0.9],
];
const POINT_MS = 2000;
/** The middle is what everything else is measured from. */
const MIDDLE_MS = 3000;

export class GazeStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.flow = flow;
    this.title = t("Look at five points");
    this.saying = new Saying();
    this.isRunning = false;
    this.isOver = false;
    this.begin = button(t("Show the points"), () => this.run(), { isPrimary: true });
    this.onward = button(t("Continue"), () => flow.next(), { isPrimary: true });
    this.onward.hidden = true;
    this.skip = button(t("Leave this step out"), () => this.leaveOut());
    this.dot = h("span", { class: "points__dot" });
    this.counter = h("p", { class: "points__words", role: "status" });
    this.points = h("div", { class: "points", hidden: true }, this.dot, this.counter);
    this.element = h(
      "div",
      { class: "checkin__body" },
      h("p", {}, t("A dot appears in the middle and in the four corners of this window, two or three seconds in each place. Look at it, with your head as you hold it while you work.")),
      h("p", { class: "soft" }, t("If you cannot see the points, leave this step out. Your proctor sees that you did; it counts nothing.")),
      this.saying.element,
      actions(this.begin, this.onward, this.skip),
      this.points,
    );
  }

  enter() {
    this.saying.say(t("It takes eleven seconds."), "wait");
    this.flow.act("begin", { step: "gaze" }).catch((error) => this.saying.say(t(error.message)));
  }

  leave() {
    this.isOver = true;
    this.points.hidden = true;
  }

  async run() {
    if (this.isRunning) return;
    this.isRunning = true;
    setReady(this.begin, false);
    try {
      await this.flow.act("begin", { step: "gaze" });
      this.points.hidden = false;
      for (const [index, [x, y]] of POINTS.entries()) {
        this.dot.style.left = `${x * 100}%`;
        this.dot.style.top = `${y * 100}%`;
        const values = { at: number(index + 1), all: number(POINTS.length) };
        this.counter.textContent = t("Look at the dot: {at} of {all}", values);
        await this.flow.act("look", { x, y });
        await new Promise((resolve) => setTimeout(resolve, index === 0 ? MIDDLE_MS : POINT_MS));
        if (this.isOver) return;
      }
      await this.flow.act("looked");
      this.saying.say(t("One moment…"), "wait");
    } catch (error) {
      this.saying.say(error instanceof Error ? t(error.message) : "");
    } finally {
      this.points.hidden = true;
      this.isRunning = false;
      setReady(this.begin, true);
    }
  }

  async leaveOut() {
    await this.flow.act("skip", { step: "gaze" });
    this.flow.next();
  }

  /** @param {import("./flow.js").Standing} standing */
  hear(standing) {
    if (standing.step !== "gaze") return;
    if (standing.is_done) {
      this.saying.say(t("Done. Your eyes can be followed."), "good");
      this.begin.hidden = this.skip.hidden = true;
      const hadFocus = document.activeElement === this.begin || document.activeElement === document.body;
      this.onward.hidden = false;
      if (hadFocus) this.onward.focus();
    } else if (standing.trouble === "eyes") {
      this.saying.say(t("Your eyes could not be followed. Sit closer, switch on a light, take off mirroring glasses if you can, and try again. Or leave this step out."));
    }
  }
}
