/**
 * Asks for camera, microphone and screen, and says in plain words what is wrong and what to do.
 */

/** @typedef {"camera" | "microphone" | "screen"} Device */

/** What a person can act upon: which device, what happened, and the remedy as a sentence. */
export class MediaProblem extends Error {
  /**
   * @param {Device | "browser"} device
   * @param {string} title
   * @param {string} remedy
   */
  constructor(device, title, remedy) {
    super(`${title} ${remedy}`);
    this.device = device;
    this.title = title;
    this.remedy = remedy;
  }
}

const NAMES = { camera: "camera", microphone: "microphone", screen: "screen" };

/**
 * Why this page cannot capture at all, or null.
 * @param {{isSecureContext: boolean, navigator: {mediaDevices?: any}, Worker?: any,
 *   OffscreenCanvas?: any, AudioWorkletNode?: any, location: {host: string}}} scope
 * @returns {MediaProblem | null}
 */
export function findBrowserProblem(scope) {
  if (!scope.isSecureContext) {
    return new MediaProblem(
      "browser",
      "This page was opened over an unprotected connection.",
      "Browsers give no camera or microphone to such a page. Open the address with https:// in " +
        "front (https://{host}). If that does not answer, ask the person who " +
        "runs the exam for the https address.",
    );
  }
  if (!scope.navigator.mediaDevices?.getUserMedia || !scope.Worker || !scope.OffscreenCanvas ||
      !scope.AudioWorkletNode) {
    return new MediaProblem(
      "browser",
      "This browser is too old for the exam.",
      "Use a current Chrome, Edge, Firefox or Safari.",
    );
  }
  return null;
}

/**
 * @param {Device} device
 * @param {unknown} error what the browser threw
 * @returns {MediaProblem}
 */
export function explain(device, error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  const thing = NAMES[device];
  if (device === "screen" && ["NotAllowedError", "AbortError", "InvalidStateError"].includes(name)) {
    return new MediaProblem(
      device,
      "The screen is not shared.",
      "Choose “Share” again and pick the entire screen, then confirm. " +
        "On a Mac, allow this browser under System Settings → Privacy & Security → Screen Recording.",
    );
  }
  if (name === "NotAllowedError" || name === "SecurityError") {
    return new MediaProblem(
      device,
      `The ${thing} is blocked.`,
      `Click the lock or ${thing} sign beside the address, set ${thing} to “Allow”, then try ` +
        "again. If it is allowed there, allow it for the browser in the computer's privacy settings.",
    );
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") {
    return new MediaProblem(
      device,
      `No ${thing} was found.`,
      `Plug a ${thing} in, or switch it on, then try again.`,
    );
  }
  if (name === "NotReadableError" || name === "AbortError") {
    return new MediaProblem(
      device,
      `The ${thing} does not start.`,
      `Close other programs that use the ${thing}, such as a video call, then try again.`,
    );
  }
  return new MediaProblem(
    device,
    `The ${thing} could not be used.`,
    "Reload the page and try again. If that does not help, use another browser.",
  );
}

/** @returns {Promise<MediaStream>} */
export async function openCamera() {
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: {
        width: { ideal: 640 },
        height: { ideal: 480 },
        frameRate: { ideal: 15, max: 30 },
        facingMode: "user",
      },
    });
  } catch (error) {
    throw explain("camera", error);
  }
}

/** @returns {Promise<MediaStream>} */
export async function openMicrophone() {
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false },
    });
  } catch (error) {
    throw explain("microphone", error);
  }
}

/**
 * Camera and microphone in one question, as one prompt is less to understand than two.
 * @returns {Promise<{camera: MediaStream, microphone: MediaStream}>}
 */
export async function openCameraAndMicrophone() {
  const camera = await openCamera();
  try {
    return { camera, microphone: await openMicrophone() };
  } catch (problem) {
    stopStream(camera);
    throw problem;
  }
}

/** @returns {Promise<MediaStream>} */
export async function openScreen() {
  if (!navigator.mediaDevices.getDisplayMedia) {
    throw new MediaProblem(
      "screen",
      "This device cannot share its screen.",
      "Take this exam on a computer, with a current Chrome, Edge, Firefox or Safari.",
    );
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { max: 3 }, displaySurface: "monitor" },
      audio: false,
      monitorTypeSurfaces: "include",
      surfaceSwitching: "exclude",
      ...withoutFocusChange(),
    });
  } catch (error) {
    throw explain("screen", error);
  }
  const surface = stream.getVideoTracks()[0]?.getSettings().displaySurface;
  if (surface === undefined || surface === "monitor") return stream;
  stopStream(stream);
  throw new MediaProblem(
    "screen",
    "You shared a window or a tab.",
    "The exam needs the entire screen. Share again and choose “Entire screen” when the browser asks.",
  );
}

/** Sharing a window must not bring that window to the front: it would count as leaving. */
function withoutFocusChange() {
  if (typeof CaptureController === "undefined") return {};
  const controller = new CaptureController();
  try {
    controller.setFocusBehavior("no-focus-change");
  } catch {
    return {};
  }
  return { controller };
}

/** @param {MediaStream | null} stream */
export function stopStream(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
