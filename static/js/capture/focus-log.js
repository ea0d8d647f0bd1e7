/**
 * Decides which screen events a page reports. A change of focus is reported by each sign of it
 * once (`tab_hidden`, `window_blur`), until the page is visible and focused again
 * (`focus_returned`). Pure: the page's signs are arguments.
 */
export class FocusLog {
  /** @param {(kind: string) => void} report */
  constructor(report) {
    this.report = report;
    /** @type {Set<string>} */
    this.reported = new Set();
    /** While the page's own share picker is open, losing the window's focus is expected. */
    this.isPicking = false;
    /** Whether the exam's own frame or window may have the focus. @type {() => boolean} */
    this.isAtWork = () => false;
    /** The page is being loaded again or closed, which hides it first. */
    this.isUnloading = false;
  }

  /** Whether the student has left and is not back yet. */
  get isAway() {
    return this.reported.size > 0;
  }

  hidden() {
    if (!this.isUnloading && !this.isAtWork()) this.once("tab_hidden");
  }

  blurred() {
    if (!this.isPicking && !this.isUnloading && !this.isAtWork()) this.once("window_blur");
  }

  /**
   * The browser may end full screen to show its share picker: that is not the student's doing.
   * @param {boolean} isFull
   */
  filled(isFull) {
    if (isFull || !this.isPicking) this.report(isFull ? "fullscreen_enter" : "fullscreen_exit");
  }

  /**
   * @param {boolean} isVisible
   * @param {boolean} isFocused
   */
  returned(isVisible, isFocused) {
    if (!isVisible || !isFocused || this.reported.size === 0) return;
    this.reported.clear();
    this.report("focus_returned");
  }

  /** @param {string} kind */
  once(kind) {
    if (this.reported.has(kind)) return;
    this.reported.add(kind);
    this.report(kind);
  }
}

const FRAME_LOOK_MS = 500;

/**
 * Reports what happens to this page until stopped.
 * @param {(kind: string) => void} report
 * @returns {{log: FocusLog, stop: () => void}}
 */
export function watchPage(report) {
  const log = new FocusLog(report);
  const stopper = new AbortController();
  const options = { signal: stopper.signal, capture: true };
  const checkReturn = () =>
    log.returned(document.visibilityState === "visible", document.hasFocus());
  document.addEventListener(
    "visibilitychange",
    () => (document.visibilityState === "hidden" ? log.hidden() : checkReturn()),
    options,
  );
  window.addEventListener("blur", (event) => event.target === window && log.blurred(), options);
  window.addEventListener("focus", checkReturn, options);
  for (const kind of ["copy", "cut", "paste"]) {
    document.addEventListener(kind, () => report(kind), options);
  }
  document.addEventListener(
    "fullscreenchange",
    () => log.filled(document.fullscreenElement !== null),
    options,
  );
  window.addEventListener("pagehide", () => (log.isUnloading = true), options);
  window.addEventListener("pageshow", () => (log.isUnloading = false), options);
  // A frame that has the focus keeps the page from hearing that the window lost it.
  const inFrame = setInterval(() => {
    if (!(document.activeElement instanceof HTMLIFrameElement)) return;
    if (document.hasFocus()) checkReturn();
    else log.blurred();
  }, FRAME_LOOK_MS);
  const stop = () => {
    clearInterval(inFrame);
    stopper.abort();
  };
  return { log, stop };
}
