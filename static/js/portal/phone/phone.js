/** A phone as second camera: joined by a code, it sends about one picture a second of the room. */
import { explain } from "../../capture/media.js";
import { one, role, setText } from "../../lib/dom.js";
import { getJson, postJson, Refusal, sendPicture } from "../../lib/http.js";
import { t } from "../../lib/language.js";
import { Saying } from "../checkin/parts.js";
import { BoxedPicture, nameThings } from "../checkin/things.js";
import { codeOf, PhoneStills } from "./stills.js";

const KEPT_AS = "candor.phone";
const MOST_SIDE = 960;
const QUALITY = 0.72;
const LOST_MS = 2000;

const root = one(document, ".phone");
const saying = new Saying();
const pointed = new BoxedPicture(t("What was pointed out"));
const video = document.createElement("video");
const found = role(root, "found");
const form = /** @type {HTMLFormElement} */ (role(root, "form"));
const input = /** @type {HTMLInputElement} */ (one(form, "#code"));
const stills = new PhoneStills();
const canvas = document.createElement("canvas");

let code = codeOf(location.hash);
let token = sessionStorage.getItem(KEPT_AS) ?? "";
let everyMs = 1000;
let isOver = false;
/** @type {MediaStream | null} */
let stream = null;
/** @type {WakeLockSentinel | null} */
let wakeLock = null;

/** @param {string} name */
function showView(name) {
  for (const view of root.querySelectorAll("[data-view]")) {
    /** @type {HTMLElement} */ (view).hidden = view.getAttribute("data-view") !== name;
  }
  one(root, `[data-view="${name}"] h1`).focus();
}

/** @param {string} message */
function showProblem(message) {
  setText(one(form, "#code-error"), message);
}

/**
 * @param {string} title
 * @param {string} text
 * @param {{icon?: string, mayJoin?: boolean}} [options]
 */
function close(title, text, { icon = "check-circle", mayJoin = false } = {}) {
  isOver = true;
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  wakeLock?.release().catch(() => {});
  sessionStorage.removeItem(KEPT_AS);
  setText(role(root, "closing-title"), title);
  setText(role(root, "closing-text"), text);
  root.querySelector('[data-role="closing-icon"]')?.setAttribute("href", `#icon-${icon}`);
  one(root, '[data-action="again"]').hidden = !mayJoin;
  showView("closing");
}

/** @param {unknown} error */
function letGo(error) {
  const why = error instanceof Refusal ? error.code : "";
  if (why === "phone_replaced") {
    close(t("Another phone has taken over"), t("This phone sends nothing any more. You can close this page."), { icon: "replace" });
  } else if (why === "phone_over") {
    close(t("The scan is done"), t("Nothing is sent any more. Close this page and put the phone away, out of reach."));
  } else {
    close(t("This phone is not joined any more"), t("Show a new code on the computer to join it again."), { icon: "info", mayJoin: true });
  }
}

async function openCamera() {
  // Of several cameras the one on the back, which is pointed at the room.
  const video = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 960 } };
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

async function join() {
  showProblem("");
  const typed = code || input.value.trim();
  if (!token && !typed) return showProblem(t("Type the code that the computer shows."));
  if (!navigator.mediaDevices?.getUserMedia) {
    return showProblem(t("This page gets no camera here. Open it with https:// and a current browser."));
  }
  try {
    // The camera first: a code is spent once, and a refusal should not cost it.
    stream ??= await openCamera();
  } catch (error) {
    const known = explain("camera", error);
    return showProblem(`${t(known.title)} ${t(known.remedy)}`);
  }
  try {
    if (!token) {
      token = (await postJson("/portal/phone", { code: typed })).token;
      sessionStorage.setItem(KEPT_AS, token);
    }
  } catch (error) {
    code = "";
    role(form, "code-field").hidden = false;
    return showProblem(error instanceof Error ? t(error.message) : "");
  }
  begin();
}

function begin() {
  isOver = false;
  video.muted = true;
  video.autoplay = true;
  video.playsInline = true;
  video.setAttribute("aria-label", t("Your camera picture"));
  video.srcObject = stream;
  video.play().catch(() => {});
  role(root, "picture").replaceChildren(video);
  role(root, "saying").replaceChildren(saying.element);
  role(root, "pointed").replaceChildren(pointed.element);
  saying.say(t("Your picture is sent to your exam."), "good");
  showView("live");
  keepAwake();
  send();
}

/** One picture after the other, each when the one before was taken in. */
async function send() {
  while (!isOver) {
    const began = performance.now();
    const jpeg = await still();
    if (isOver) return;
    if (jpeg) {
      try {
        const shown = await sendPicture("POST", "/api/phone/still", jpeg, token);
        stills.add(shown.still, jpeg);
        everyMs = shown.every_ms;
        saying.say(t("Your picture is sent to your exam."), "good");
        point(shown);
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) return letGo(error);
        saying.say(error instanceof Error ? t(error.message) : "");
        await new Promise((resolve) => setTimeout(resolve, LOST_MS));
      }
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(100, everyMs - (performance.now() - began))));
  }
}

/** @param {{judged: number, boxes: import("../checkin/things.js").Box[]}} shown */
function point({ judged, boxes }) {
  nameThings(found, boxes.map(({ label }) => label));
  const jpeg = boxes.length ? stills.take(judged) : null;
  if (!jpeg) return;
  role(root, "pointed").hidden = false;
  pointed.show(jpeg, boxes);
}

/** @returns {Promise<Blob | null>} */
function still() {
  const { videoWidth, videoHeight } = video;
  if (!videoWidth || document.visibilityState === "hidden") return Promise.resolve(null);
  const scale = Math.min(1, MOST_SIDE / Math.max(videoWidth, videoHeight));
  canvas.width = Math.round(videoWidth * scale);
  canvas.height = Math.round(videoHeight * scale);
  canvas.getContext("2d", { alpha: false })?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}

async function keepAwake() {
  try {
    wakeLock = await navigator.wakeLock.request("screen");
  } catch {
    wakeLock = null;
  }
}

/** A page that was reloaded goes on, while its scan does. */
async function comeBack() {
  try {
    await getJson("/api/phone", { token });
    role(form, "code-field").hidden = true;
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 401) return;
    token = "";
    sessionStorage.removeItem(KEPT_AS);
  }
}

async function arrive() {
  if (code) {
    // A new code is another scan; the address bar does not keep it.
    history.replaceState(null, "", location.pathname + location.search);
    token = "";
    sessionStorage.removeItem(KEPT_AS);
    role(form, "code-field").hidden = true;
  } else if (token) {
    await comeBack();
  }
  showView("join");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
one(root, '[data-action="again"]').addEventListener("click", () => {
  token = code = "";
  input.value = "";
  role(form, "code-field").hidden = false;
  found.replaceChildren();
  role(root, "pointed").hidden = true;
  showView("join");
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && stream && wakeLock?.released) keepAwake();
});
window.addEventListener("hashchange", () => codeOf(location.hash) && location.reload());

arrive();
