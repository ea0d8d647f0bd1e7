import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { watchPage } from "../../static/js/capture/focus-log.js";
import { ExternalExam } from "../../static/js/portal/exam/external.js";

const TEN_MIN_MS = 600_000;

/** A page whose focus and visibility the test moves, with the events a browser would send. */
class Page {
  constructor() {
    this.window = new EventTarget();
    this.body = new EventTarget();
    this.hasIt = true;
    const page = this;
    this.document = Object.assign(new EventTarget(), {
      activeElement: /** @type {EventTarget} */ (this.body),
      visibilityState: "visible",
      fullscreenElement: null,
      hasFocus: () => page.hasIt,
    });
    Object.assign(globalThis, { window: this.window, document: this.document, HTMLIFrameElement: Frame });
  }

  /** @param {Frame} frame */
  enter(frame) {
    this.document.activeElement = frame;
    this.window.dispatchEvent(new Event("blur"));
  }

  /** @param {{isHidden?: boolean}} [how] */
  leave({ isHidden = false } = {}) {
    this.hasIt = false;
    this.window.dispatchEvent(new Event("blur"));
    if (isHidden) this.show("hidden");
  }

  comeBack() {
    this.hasIt = true;
    this.document.activeElement = this.body;
    if (this.document.visibilityState === "hidden") this.show("visible");
    this.window.dispatchEvent(new Event("focus"));
  }

  /** @param {string} state */
  show(state) {
    this.document.visibilityState = state;
    this.document.dispatchEvent(new Event("visibilitychange"));
  }
}

class Frame extends EventTarget {}

/**
 * Ten minutes, a move of the focus every five seconds.
 * @param {Page} page
 * @param {Partial<ExternalExam>} exam
 * @param {(count: number) => void} move
 */
function play(page, exam, move) {
  /** @type {string[]} */
  const kinds = [];
  mock.timers.enable({ apis: ["setInterval"] });
  const { log, stop } = watchPage((kind) => kinds.push(kind));
  const hasFocus = Object.getOwnPropertyDescriptor(ExternalExam.prototype, "hasFocus")?.get;
  log.isAtWork = () => hasFocus?.call(exam);
  for (let count = 0; count < TEN_MIN_MS / 5000; count += 1) {
    move(count);
    mock.timers.tick(5000);
  }
  page.comeBack();
  stop();
  mock.timers.reset();
  return kinds;
}

test("ten minutes of work in an exam's frame report nothing", () => {
  const page = new Page();
  const frame = new Frame();
  const exam = /** @type {any} */ ({ frame, window: null });
  const kinds = play(page, exam, (count) => (count % 2 === 0 ? page.enter(frame) : page.comeBack()));
  assert.deepEqual(kinds, []);
});

test("ten minutes of work in an exam's own window report nothing", () => {
  const page = new Page();
  const exam = /** @type {any} */ ({ window: { closed: false } });
  const kinds = play(page, exam, (count) =>
    count % 2 === 0 ? page.leave({ isHidden: count % 4 === 0 }) : page.comeBack(),
  );
  assert.deepEqual(kinds, []);
});

test("who leaves from within the frame, or after the window was closed, is seen to leave", () => {
  const page = new Page();
  const frame = new Frame();
  const inFrame = /** @type {any} */ ({ frame, window: null });
  const left = play(page, inFrame, (count) => {
    if (count === 0) page.enter(frame);
    if (count === 10) page.hasIt = false;
    if (count === 20) page.comeBack();
  });
  assert.deepEqual(left, ["window_blur", "focus_returned"]);
  const closed = new Page();
  const gone = /** @type {any} */ ({ window: { closed: true } });
  assert.deepEqual(play(closed, gone, (count) => count === 0 && closed.leave()), ["window_blur", "focus_returned"]);
});
