/**
 * The capture worker: camera pictures, sound and screen stills go from here to the server.
 * Timers of a worker keep their rate when the tab is hidden, those of the page do not.
 * The page says what happens to it and is told what the server says.
 */
import { io } from "../../vendor/socket.io.esm.min.js";
import { Line } from "./line.js";
import { Pacer, SoundClock } from "./pacing.js";
import { CameraPictures, ScreenPictures, shrink } from "./pictures.js";
import { findEncoder, SoundCoder } from "./sound.js";
import { Spool } from "./spool.js";

const TICK_MS = 100;
const SCREEN_PULL_MS = 500;
const MAX_FRAME_BYTES = 400_000;
const MAX_STILL_BYTES = 800_000;

/** @typedef {Pick<MessagePort, "postMessage" | "onmessage">} Scope */
const page = /** @type {Scope} */ (/** @type {unknown} */ (globalThis));

const nowMs = () => performance.timeOrigin + performance.now();

/** @type {import("./outbox.js").PageState} */
let state = {
  visible: true,
  focused: true,
  fullscreen: false,
  camera: false,
  microphone: false,
  screen: false,
};
/** @type {CameraPictures | null} */
let camera = null;
/** @type {ScreenPictures | null} */
let screen = null;
/** Streams that arrived before the server said how to capture. @type {Map<string, any>} */
const early = new Map();
const soundClock = new SoundClock();
const pageId = [...crypto.getRandomValues(new Uint8Array(6))]
  .map((byte) => byte.toString(16).padStart(2, "0"))
  .join("");
let eventCount = 0;
let stillPacer = new Pacer(1 / 5);
let pullPacer = new Pacer(5);
const screenPullPacer = new Pacer(1000 / SCREEN_PULL_MS);
/** Which sources the page has to fetch pictures for, because this browser cannot stream them. */
const pulled = new Set();

const line = new Line({
  nowMs,
  spool: Spool.open(),
  shrink,
  tell(news) {
    if (news.type === "started") prepare(news.capture);
    if (news.type === "pace") pace(news.payload);
    if (news.type === "ended" || news.type === "refused") stop();
    page.postMessage(news);
  },
  connect: (auth, key) =>
    io(location.origin, {
      auth,
      // A proxy before several servers sends one student's connections to one of them by this.
      query: key ? { k: key } : {},
      transports: ["websocket"],
      reconnectionDelay: 500,
      reconnectionDelayMax: 4000,
      timeout: 8000,
    }),
});

const coder = new SoundCoder((part) => line.outbox.addSound(part));
findEncoder().then((makeEncoder) => makeEncoder && coder.use(makeEncoder));

/** @param {import("./line.js").Capture} capture */
function prepare(capture) {
  if (camera) return;
  const quality = capture.jpeg_quality > 1 ? capture.jpeg_quality / 100 : capture.jpeg_quality;
  camera = new CameraPictures({
    perSecond: capture.video_fps,
    width: capture.width,
    height: capture.height,
    quality,
    maxBytes: MAX_FRAME_BYTES,
    nowMs,
    deliver: (t, bytes) => line.outbox.addFrame({ t, bytes }),
  });
  pullPacer = new Pacer(capture.video_fps);
  if (capture.screen) {
    screen = new ScreenPictures({
      width: capture.screen_width,
      height: capture.screen_width,
      quality,
      maxBytes: MAX_STILL_BYTES,
    });
    stillPacer = new Pacer(1 / capture.screen_interval_s);
  }
  for (const [source, stream] of early) attach(source, stream);
  early.clear();
}

/**
 * What the server asks for while it has more to do than it can, and when that is over.
 * @param {{video_fps: number, width: number, height: number}} wish
 */
function pace({ video_fps: perSecond, width, height }) {
  camera?.pace(perSecond, width, height);
  if (pullPacer.periodMs !== 1000 / perSecond) pullPacer = new Pacer(perSecond);
}

/**
 * @param {string} source
 * @param {ReadableStream<VideoFrame> | MediaStreamTrack | null} stream
 */
function attach(source, stream) {
  pulled.delete(source);
  const pictures = source === "camera" ? camera : screen;
  if (!pictures) early.set(source, stream);
  else if (stream === null) pulled.add(source);
  else pictures.read(toReadable(stream)).catch(() => {});
}

/** @param {ReadableStream<VideoFrame> | MediaStreamTrack} stream */
function toReadable(stream) {
  if (stream instanceof ReadableStream) return stream;
  const track = /** @type {MediaStreamVideoTrack} */ (stream);
  return new MediaStreamTrackProcessor({ track }).readable;
}

async function takeStill() {
  const t = nowMs();
  const bytes = await screen?.still();
  if (bytes) line.outbox.addScreen({ t, bytes });
}

function tick() {
  const t = nowMs();
  if (line.isStarted || line.hasStartedOnce) {
    if (pulled.has("camera") && pullPacer.isDue(t)) page.postMessage({ type: "pull", source: "camera" });
    if (pulled.has("screen") && screenPullPacer.isDue(t)) {
      page.postMessage({ type: "pull", source: "screen" });
    }
    if (screen?.hasPicture && state.screen && stillPacer.isDue(t)) takeStill();
  }
  line.tick(state);
}

function stop() {
  clearInterval(ticker);
  camera?.stop();
  screen?.stop();
}

/** @param {MessageEvent<{pcm: ArrayBuffer}>} message */
function takeSound({ data }) {
  const bytes = new Uint8Array(data.pcm);
  const t = soundClock.place(nowMs(), bytes.length / 32);
  if (line.hasStartedOnce && !line.isOver) coder.take({ t, bytes });
}

page.onmessage = (/** @type {MessageEvent<any>} */ { data }) => {
  switch (data.type) {
    case "open":
      line.open(data.token, data.consent);
      break;
    case "stream":
      attach(data.source, data.stream);
      break;
    case "picture":
      (data.source === "camera" ? camera : screen)?.take(data.bitmap);
      break;
    case "sound":
      data.port.onmessage = takeSound;
      break;
    case "state":
      state = data.state;
      if (screen && !state.screen) screen.hasPicture = false;
      break;
    case "event":
      line.addEvent({ id: `${pageId}-${++eventCount}`, kind: data.kind, t: nowMs() });
      if (screen && state.screen) takeStill();
      break;
    case "say":
      line.say(data.id, data.event, data.payload);
      break;
    case "end":
      coder.finish();
      line.end(state);
      break;
    case "close":
      line.close();
      stop();
      break;
  }
};

const ticker = setInterval(tick, TICK_MS);
page.postMessage({ type: "ready" });
