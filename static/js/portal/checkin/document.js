/** A picture of the identity document: agreed to, taken inside a frame, looked at, kept. */
import { h } from "../../lib/dom.js";
import { sendPicture } from "../../lib/http.js";
import { t } from "../../lib/language.js";
import { consentWords, readConsent } from "./consented.js";
import { frameOf } from "./framing.js";
import { actions, button, Saying, setReady } from "./parts.js";

const MOST_WIDTH = 1600;
/** The server takes 800 kB. */
const MOST_BYTES = 780_000;
const QUALITIES = [0.88, 0.75, 0.55];

export class DocumentStep {
  /** @param {import("./flow.js").CheckInFlow} flow */
  constructor(flow) {
    this.flow = flow;
    this.title = t("Show your identity document");
    this.saying = new Saying();
    this.place = h("div", { class: "checkin__body" });
    this.element = h("div", { class: "checkin__body" }, this.place);
    /** @type {import("./consented.js").PictureConsent | null} */
    this.consent = null;
    /** @type {MediaStream | null} of its own, sharper than what is streamed */
    this.stream = null;
    /** @type {Blob | null} */
    this.picture = null;
    this.address = "";
    this.isOver = false;
    this.video = /** @type {HTMLVideoElement} */ (
      h("video", { muted: true, autoplay: true, playsinline: true, "aria-label": t("Your camera picture") })
    );
    this.video.muted = true;
  }

  async enter() {
    this.flow.act("begin", { step: "document" }).catch((error) => this.saying.say(t(error.message)));
    this.place.replaceChildren(h("p", { class: "soft" }, t("One moment…")), this.saying.element);
    try {
      this.consent = await readConsent("document", this.flow.around.token());
    } catch (error) {
      this.saying.say(error instanceof Error ? t(error.message) : "");
      this.place.append(actions(button(t("Try again"), () => this.enter(), { isPrimary: true })));
      return;
    }
    if (!this.isOver) this.ask();
  }

  leave() {
    this.isOver = true;
    this.release();
    if (this.address) URL.revokeObjectURL(this.address);
  }

  release() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /** What is kept, and whether the student agrees. */
  ask() {
    const consent = /** @type {import("./consented.js").PictureConsent} */ (this.consent);
    this.place.replaceChildren(
      h("p", {}, t("Have your identity card, passport or student card at hand. You hold it to the camera and see the picture before it is sent.")),
      h("div", { class: "card consented" }, ...consentWords(consent)),
      this.saying.element,
      actions(button(t("I agree"), () => this.aim(), { isPrimary: true }), this.skip()),
    );
    this.saying.say(t("You may leave this step out. Your proctor sees that you did, and may ask you for it."), "wait");
  }

  skip() {
    return button(t("Leave this step out"), () => this.leaveOut());
  }

  /** The live picture with the frame to hold the document into. */
  async aim() {
    const take = button(t("Take the picture"), () => this.take(), { isPrimary: true });
    this.place.replaceChildren(
      h(
        "div",
        { class: "checkin__body checkin__body--picture" },
        h("div", { class: "preview preview--frame" }, this.video, h("div", { class: "preview__frame", "aria-hidden": "true" })),
        h(
          "div",
          { class: "checkin__side" },
          h("p", {}, t("Hold it flat inside the frame, close enough that every word can be read. Turn it a little when a light is mirrored in it.")),
          this.saying.element,
          actions(take, this.skip()),
        ),
      ),
    );
    this.saying.say(t("Only what is in the frame is taken."), "wait");
    take.focus();
    const stream = this.stream ?? (await this.open());
    if (this.isOver) return this.release();
    if (!stream) {
      setReady(take, false);
      this.saying.say(t("The camera gives no picture. Go back to the system check by reloading this page."));
      return;
    }
    this.video.srcObject = stream;
    this.video.play().catch(() => {});
  }

  /** The same camera, as sharp as it can; else the stream that is there. */
  async open() {
    const streamed = this.flow.capture.streams.camera;
    const deviceId = streamed?.getVideoTracks()[0]?.getSettings().deviceId;
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        video: {
          ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
          width: { ideal: MOST_WIDTH },
          height: { ideal: (MOST_WIDTH * 3) / 4 },
        },
      });
      return this.stream;
    } catch {
      return streamed;
    }
  }

  async take() {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) {
      this.saying.say(t("The camera gives no picture yet. Wait a moment and try again."));
      return;
    }
    const cut = frameOf(videoWidth, videoHeight);
    const scale = Math.min(1, MOST_WIDTH / cut.width);
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(cut.width * scale);
    canvas.height = Math.round(cut.height * scale);
    canvas.getContext("2d", { alpha: false })?.drawImage(
      this.video, cut.x, cut.y, cut.width, cut.height, 0, 0, canvas.width, canvas.height,
    );
    for (const quality of QUALITIES) {
      this.picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
      if (this.picture && this.picture.size <= MOST_BYTES) break;
    }
    if (this.picture && !this.isOver) this.look(this.picture);
  }

  /**
   * The picture as it would be kept.
   * @param {Blob} picture
   */
  look(picture) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(picture);
    const isKept = this.consent?.is_kept ?? true;
    this.keep = button(isKept ? t("Keep this picture") : t("Use this picture"), () => this.send(picture), { isPrimary: true });
    this.place.replaceChildren(
      h(
        "div",
        { class: "checkin__body checkin__body--picture" },
        h("img", { class: "taken", src: this.address, alt: t("The picture of your document that you took") }),
        h(
          "div",
          { class: "checkin__side" },
          h("p", {}, t("Can every word be read, and is your photograph well seen?")),
          this.saying.element,
          actions(this.keep, button(t("Take it again"), () => this.aim()), this.skip()),
        ),
      ),
    );
    this.saying.say(t("Nothing was sent yet."), "wait");
    this.keep.focus();
  }

  /** @param {Blob} picture */
  async send(picture) {
    if (!this.keep) return;
    setReady(this.keep, false);
    this.saying.say(t("One moment…"), "wait");
    const version = encodeURIComponent(this.consent?.version ?? "");
    try {
      const path = `/api/my/check-in/document?consent=${version}`;
      this.flow.learn(await sendPicture("PUT", path, picture, this.flow.around.token()));
      this.flow.next();
    } catch (error) {
      this.saying.say(error instanceof Error ? t(error.message) : "");
      setReady(this.keep, true);
    }
  }

  async leaveOut() {
    try {
      await this.flow.act("skip", { step: "document" });
      this.flow.next();
    } catch (error) {
      this.saying.say(error instanceof Error ? t(error.message) : "");
    }
  }
}

