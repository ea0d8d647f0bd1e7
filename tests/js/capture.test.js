import assert from "node:assert/strict";
import { test } from "node:test";
import { FocusLog } from "../../static/js/capture/focus-log.js";
import { explain, findBrowserProblem } from "../../static/js/capture/media.js";
import { fitWithin, Pacer, SoundClock } from "../../static/js/capture/pacing.js";
import { Resampler, toInt16 } from "../../static/js/capture/resample.js";

/** @param {number} rate @param {number} hertz @param {number} seconds */
function tone(rate, hertz, seconds) {
  return Float32Array.from({ length: rate * seconds }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate));
}

/** @param {Float32Array} samples */
function rms(samples) {
  return Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
}

/** @param {Float32Array} samples @param {number} rate resampled in blocks as a worklet gets them */
function resampled(samples, rate) {
  const resampler = new Resampler(rate);
  /** @type {number[]} */
  const output = [];
  for (let at = 0; at < samples.length; at += 128) {
    output.push(...resampler.push(samples.subarray(at, at + 128)));
  }
  return Float32Array.from(output);
}

for (const rate of [8_000, 16_000, 22_050, 44_100, 48_000, 96_000]) {
  test(`sound at ${rate} Hz keeps its length and loudness at 16 kHz`, () => {
    const output = resampled(tone(rate, 440, 1), rate);
    assert.ok(Math.abs(output.length - 16_000) < 60, `${output.length} samples`);
    assert.ok(Math.abs(rms(output.slice(500, -500)) - Math.SQRT1_2) < 0.01);
  });
}

test("what 16 kHz cannot carry is filtered out instead of folding back", () => {
  const output = resampled(tone(48_000, 11_000, 1), 48_000);
  assert.ok(rms(output.slice(500, -500)) < 0.01);
});

test("samples are clipped, not wrapped", () => {
  assert.deepEqual([...toInt16(Float32Array.of(0, 1, -1, 3, -3))], [0, 32767, -32767, 32767, -32767]);
});

test("a pacer makes five a second out of thirty, and keeps all of five with jitter", () => {
  const pacer = new Pacer(5);
  let count = 0;
  for (let i = 0; i < 300; i++) if (pacer.isDue(i * 33.33)) count += 1;
  assert.ok(Math.abs(count - 50) <= 1, `${count}`);
  const exact = new Pacer(5);
  const jitter = [0, 190, 405, 595, 803, 1000];
  assert.equal(jitter.filter((t) => exact.isDue(t)).length, jitter.length);
});

test("a pacer does not catch up after a pause", () => {
  const pacer = new Pacer(5);
  assert.equal(pacer.isDue(0), true);
  assert.equal(pacer.isDue(10_000), true);
  assert.equal(pacer.isDue(10_033), false);
});

test("sound is placed by counting, and anew after a gap", () => {
  const clock = new SoundClock();
  assert.equal(clock.place(1100, 100), 1000);
  assert.equal(clock.place(1230, 100), 1100);
  assert.equal(clock.place(5100, 100), 5000);
});

test("pictures are fitted without being cut or enlarged, with even sides", () => {
  assert.deepEqual(fitWithin(1920, 1080, 640, 480), { width: 640, height: 360 });
  assert.deepEqual(fitWithin(640, 480, 640, 480), { width: 640, height: 480 });
  assert.deepEqual(fitWithin(320, 240, 640, 480), { width: 320, height: 240 });
  assert.deepEqual(fitWithin(2560, 1441, 1280, 1280), { width: 1280, height: 720 });
});

/** @returns {{log: FocusLog, kinds: string[]}} */
function focusLog() {
  /** @type {string[]} */
  const kinds = [];
  return { log: new FocusLog((kind) => kinds.push(kind)), kinds };
}

test("switching tabs is reported by both signs once, and its return once", () => {
  const { log, kinds } = focusLog();
  log.hidden();
  log.blurred();
  log.blurred();
  log.returned(true, false);
  log.returned(true, true);
  log.returned(true, true);
  assert.deepEqual(kinds, ["tab_hidden", "window_blur", "focus_returned"]);
});

test("focus that never left is not reported as returned", () => {
  const { log, kinds } = focusLog();
  log.returned(true, true);
  assert.deepEqual(kinds, []);
});

test("the page's own share picker takes the focus without an event", () => {
  const { log, kinds } = focusLog();
  log.isPicking = true;
  log.blurred();
  log.filled(false);
  assert.deepEqual(kinds, []);
  log.hidden();
  assert.deepEqual(kinds, ["tab_hidden"]);
});

test("leaving full screen is reported, and so is returning to it", () => {
  const { log, kinds } = focusLog();
  log.filled(false);
  log.filled(true);
  assert.deepEqual(kinds, ["fullscreen_exit", "fullscreen_enter"]);
});

test("a student is away from the first sign of it until the page has the focus again", () => {
  const { log } = focusLog();
  log.blurred();
  assert.equal(log.isAway, true);
  log.returned(true, false);
  assert.equal(log.isAway, true);
  log.returned(true, true);
  assert.equal(log.isAway, false);
});

test("loading the page again is not leaving it", () => {
  const { log, kinds } = focusLog();
  log.isUnloading = true;
  log.hidden();
  log.blurred();
  assert.deepEqual(kinds, []);
});

test("an insecure page is told to use https", () => {
  const scope = { isSecureContext: false, navigator: {}, location: { host: "exam.test:5000" } };
  const problem = findBrowserProblem(scope);
  assert.match(problem?.remedy ?? "", /https:\/\/\{host\}/);
});

test("each refusal of a device has its own remedy", () => {
  const remedies = ["NotAllowedError", "NotFoundError", "NotReadableError", "TypeError"].map(
    (name) => explain("camera", new DOMException("", name)).remedy,
  );
  assert.equal(new Set(remedies).size, remedies.length);
  assert.match(explain("screen", new DOMException("", "NotAllowedError")).remedy, /entire screen/);
});
