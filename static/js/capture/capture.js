/**
 * The page's side of capturing: owns the streams and the worker, and passes on what the worker
 * and the browser say. Nothing here is timed by the page, which a hidden tab would slow down.
 */
import { watchPage } from "./focus-log.js";
import { openCamera, openMicrophone, openScreen, stopStream } from "./media.js";
import { Microphone } from "./microphone.js";

const WORKER_URL = new URL("./capture-worker.js", import.meta.url);

/** @typedef {import("./media.js").Device} Device */

/**
 * Events, each a CustomEvent: `news` (what the line says, see Line), `devices` (a device came or
 * went), `level` (loudness of the microphone 0..1), `away` (the student left this page or is back),
 * `broken` (the worker could not be loaded).
 */
export class Capture extends EventTarget {
  /** @param {string} [consent] the version of the text the student agrees to by starting */
  constructor(consent = "") {
    super();
    this.consent = consent;
    /** @type {Record<Device, MediaStream | null>} */
    this.streams = { camera: null, microphone: null, screen: null };
    /** @type {Microphone | null} */
    this.microphone = null;
    /** @type {Worker | null} */
    this.worker = null;
    /** @type {ReturnType<typeof watchPage> | null} */
    this.watch = null;
    /** @type {Record<string, HTMLVideoElement>} */
    this.videos = {};
    /** What was said and is not answered yet. @type {Map<number, (ack: any) => void>} */
    this.saying = new Map();
    this.saidCount = 0;
    this.mayLookElsewhere = () => false;
    /** Whether the student is in another tab or window, and that was reported. */
    this.isAway = false;
  }

  /** @param {Device} device */
  has(device) {
    return this.streams[device]?.getTracks().some((track) => track.readyState === "live") ?? false;
  }

  /**
   * Asks for a device unless it is there already.
   * @param {Device} device
   */
  async open(device) {
    if (this.has(device)) return;
    const openers = { camera: openCamera, microphone: openMicrophone, screen: openScreen };
    if (device === "screen" && this.watch) this.watch.log.isPicking = true;
    try {
      this.use(device, await openers[device]());
    } finally {
      this.endPicking();
    }
    if (device === "microphone") await this.listen();
  }

  endPicking() {
    if (!this.watch?.log.isPicking) return;
    this.watch.log.isPicking = false;
    if (!document.hasFocus()) this.watch.log.blurred();
  }

  /**
   * @param {Device} device
   * @param {MediaStream} stream
   */
  use(device, stream) {
    this.streams[device] = stream;
    for (const track of stream.getTracks()) {
      for (const name of ["ended", "mute", "unmute"]) {
        track.addEventListener(name, () => this.notice(device, name));
      }
    }
    if (this.worker) this.feed(device);
    this.tell("devices", device);
    this.sendState();
  }

  /**
   * @param {Device} device
   * @param {string} what
   */
  notice(device, what) {
    if (device === "screen" && what === "ended") this.report("share_stopped");
    this.tell("devices", device);
    this.sendState();
  }

  async listen() {
    const stream = this.streams.microphone;
    if (!stream) return;
    this.microphone?.stop();
    this.microphone = new Microphone(stream, (peak) => this.tell("level", peak));
    await this.microphone.start();
    if (this.worker) this.feed("microphone");
  }

  /** @param {string} token */
  join(token) {
    this.worker?.terminate();
    const worker = new Worker(WORKER_URL, { type: "module", name: "capture" });
    this.worker = worker;
    worker.onerror = () => this.tell("broken", null);
    worker.onmessage = ({ data }) => this.hear(data);
    worker.postMessage({ type: "open", token, consent: this.consent });
    for (const device of /** @type {Device[]} */ (["camera", "microphone", "screen"])) {
      if (this.has(device)) this.feed(device);
    }
    for (const name of ["visibilitychange", "fullscreenchange"]) {
      document.addEventListener(name, this.sendState);
    }
    for (const name of ["focus", "blur"]) window.addEventListener(name, this.sendState);
    for (const name of ["pointerdown", "keydown"]) window.addEventListener(name, this.wake);
    this.sendState();
  }

  /** @param {any} message */
  hear(message) {
    if (message.type === "pull") {
      this.fetchPicture(message.source);
      return;
    }
    if (message.type === "said") {
      this.saying.get(message.id)?.(message.ack);
      this.saying.delete(message.id);
      return;
    }
    if (message.type === "started") {
      this.watch ??= watchPage((kind) => this.report(kind));
      this.watch.log.isAtWork = () => this.mayLookElsewhere();
      if (message.capture?.camera === false) this.drop("camera");
      if (message.capture?.audio === false) this.drop("microphone");
    }
    if (message.type === "ended" || message.type === "refused") {
      this.stop();
      this.worker?.terminate();
      this.worker = null;
    }
    this.tell("news", message);
  }

  /**
   * Lets go of a device that this exam does not use.
   * @param {"camera" | "microphone"} device
   */
  drop(device) {
    if (device === "microphone") {
      this.microphone?.stop();
      this.microphone = null;
    }
    stopStream(this.streams[device]);
    this.streams[device] = null;
    this.tell("devices", device);
    this.sendState();
  }

  /**
   * Says when the exam itself, in a frame or a window of its own, may have the focus.
   * @param {() => boolean} isAtWork
   */
  allowFocus(isAtWork) {
    this.mayLookElsewhere = isAtWork;
  }

  /** @param {string} kind */
  report(kind) {
    if (!this.watch) return;
    this.worker?.postMessage({ type: "event", kind });
    if (this.watch.log.isAway !== this.isAway) {
      this.isAway = this.watch.log.isAway;
      this.tell("away", this.isAway);
    }
  }

  /** @param {Device} device */
  feed(device) {
    if (device === "microphone") {
      const channel = new MessageChannel();
      this.microphone?.sendTo(channel.port1);
      this.worker?.postMessage({ type: "sound", port: channel.port2 }, [channel.port2]);
      return;
    }
    const track = this.streams[device]?.getVideoTracks()[0];
    if (!track || !this.worker) return;
    const stream = toTransferable(track);
    const transfer = stream ? [/** @type {Transferable} */ (stream)] : [];
    try {
      this.worker.postMessage({ type: "stream", source: device, stream }, transfer);
    } catch {
      this.worker.postMessage({ type: "stream", source: device, stream: null });
    }
    if (!stream) this.openVideo(device);
    if (device === "screen") this.report("share_started");
  }

  /** @param {Device} device a device whose pictures this page has to fetch */
  openVideo(device) {
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = this.streams[device];
    video.play().catch(() => {});
    this.videos[device] = video;
  }

  /** @param {string} source */
  async fetchPicture(source) {
    const video = this.videos[source];
    if (!video || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const bitmap = await createImageBitmap(video);
    this.worker?.postMessage({ type: "picture", source, bitmap }, [bitmap]);
  }

  sendState = () => {
    const isLive = (/** @type {Device} */ device) =>
      this.has(device) && !this.streams[device]?.getTracks().some((track) => track.muted);
    this.worker?.postMessage({
      type: "state",
      state: {
        visible: document.visibilityState === "visible",
        focused: document.hasFocus(),
        fullscreen: document.fullscreenElement !== null,
        camera: isLive("camera"),
        microphone: isLive("microphone"),
        screen: this.has("screen"),
      },
    });
  };

  /**
   * Says one of the student's events; the acknowledgement is never a rejection.
   * @param {string} event
   * @param {object} payload
   * @returns {Promise<{ok: boolean, [key: string]: any}>}
   */
  say(event, payload) {
    const id = ++this.saidCount;
    const answered = new Promise((resolve) => this.saying.set(id, resolve));
    if (this.worker) this.worker.postMessage({ type: "say", id, event, payload });
    else this.hear({ type: "said", id, ack: { ok: false, error: { code: "offline", message: "" } } });
    return /** @type {Promise<any>} */ (answered);
  }

  wake = () => this.microphone?.wake();

  end() {
    this.worker?.postMessage({ type: "end" });
  }

  /** Lets go of every device and of the line. The session itself is not ended by this. */
  stop() {
    this.watch?.stop();
    this.watch = null;
    this.isAway = false;
    this.worker?.postMessage({ type: "close" });
    this.microphone?.stop();
    this.microphone = null;
    for (const device of /** @type {Device[]} */ (Object.keys(this.streams))) {
      stopStream(this.streams[device]);
      this.streams[device] = null;
    }
    for (const name of ["visibilitychange", "fullscreenchange"]) {
      document.removeEventListener(name, this.sendState);
    }
    for (const name of ["focus", "blur"]) window.removeEventListener(name, this.sendState);
    for (const name of ["pointerdown", "keydown"]) window.removeEventListener(name, this.wake);
  }

  /**
   * @param {string} name
   * @param {any} detail
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * What a worker can read pictures from, or null where the page has to fetch them. Chromium makes
 * the stream in the page, Safari only in a worker, from the track itself.
 * @param {MediaStreamTrack} track
 * @returns {ReadableStream<VideoFrame> | MediaStreamTrack | null}
 */
function toTransferable(track) {
  if (typeof MediaStreamTrackProcessor !== "undefined") {
    const video = /** @type {MediaStreamVideoTrack} */ (track);
    return new MediaStreamTrackProcessor({ track: video }).readable;
  }
  const isSafari = navigator.vendor.startsWith("Apple");
  return isSafari ? track.clone() : null;
}
