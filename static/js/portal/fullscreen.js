/** Keeps the exam's page in full screen where its plan asks for that, and says when it is not. */

export class FullScreen extends EventTarget {
  /** @param {Document} [page] */
  constructor(page = document) {
    super();
    this.page = page;
    this.isWanted = false;
    /** Whether the page has been in full screen since it was asked for. */
    this.wasOn = false;
    page.addEventListener("fullscreenchange", () => this.notice());
  }

  get isOn() {
    return this.page.fullscreenElement !== null;
  }

  /** Whether the student has something to put right; browsers that cannot do it are let be. */
  get isMissing() {
    return this.isWanted && this.page.fullscreenEnabled && !this.isOn;
  }

  /**
   * Asks for it from now on, at once if the student has just pressed something.
   * @param {boolean} isWanted
   */
  want(isWanted) {
    if (isWanted === this.isWanted) return;
    this.isWanted = isWanted;
    if (isWanted && navigator.userActivation?.isActive) this.enter();
    this.dispatchEvent(new Event("change"));
  }

  async enter() {
    await this.page.documentElement.requestFullscreen({ navigationUI: "hide" }).catch(() => {});
  }

  /** The exam is over: the screen is the student's own again. */
  leave() {
    this.isWanted = false;
    this.wasOn = false;
    if (this.isOn) this.page.exitFullscreen().catch(() => {});
  }

  notice() {
    if (this.isOn && this.isWanted) this.wasOn = true;
    this.dispatchEvent(new Event("change"));
  }
}
