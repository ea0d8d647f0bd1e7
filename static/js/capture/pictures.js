/**
 * Turns a stream of pictures into JPEGs inside the capture worker. `CameraPictures` encodes a few
 * a second; `ScreenPictures` keeps the newest picture and encodes it when asked.
 */
import { Pacer, fitWithin } from "./pacing.js";

const SMALLER_QUALITY = 0.4;

/** @typedef {VideoFrame | ImageBitmap} Picture */

/**
 * Copies the pixels of pictures into one place. Chromium keeps each video picture that is drawn as
 * it is for later, up to half a gigabyte of them.
 */
class Pixels {
  canvas = new OffscreenCanvas(1, 1);
  context = this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  /** @type {ImageData | null} */
  image = null;

  /**
   * @param {VideoFrame} picture
   * @returns {Promise<OffscreenCanvas | null>} null where this browser cannot
   */
  async copy(picture) {
    const rect = picture.visibleRect;
    if (!this.context || !rect) return null;
    // A picture that is shown turned or stretched is left to the browser.
    if (rect.width !== picture.displayWidth || rect.height !== picture.displayHeight) return null;
    if (this.image?.width !== rect.width || this.image.height !== rect.height) {
      this.canvas.width = rect.width;
      this.canvas.height = rect.height;
      this.image = new ImageData(rect.width, rect.height);
    }
    try {
      const layout = await picture.copyTo(this.image.data, { rect, format: "RGBA" });
      if (layout.length !== 1 || layout[0].stride !== 4 * rect.width) return null;
    } catch {
      return null;
    }
    this.context.putImageData(this.image, 0, 0);
    return this.canvas;
  }
}

/** Reads one stream of pictures; each picture is closed as soon as it was drawn. */
class Pictures {
  /**
   * @param {object} wish
   * @param {number} wish.width
   * @param {number} wish.height
   * @param {number} wish.quality 0..1
   * @param {number} wish.maxBytes a larger picture is encoded again more coarsely, then left out
   */
  constructor({ width, height, quality, maxBytes }) {
    this.maxWidth = width;
    this.maxHeight = height;
    this.quality = quality;
    this.maxBytes = maxBytes;
    this.canvas = new OffscreenCanvas(width, height);
    this.context = this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.pixels = new Pixels();
    /** @type {ReadableStreamDefaultReader<VideoFrame> | null} */
    this.reader = null;
  }

  /** @param {ReadableStream<VideoFrame>} readable */
  async read(readable) {
    this.reader?.cancel().catch(() => {});
    const reader = readable.getReader();
    this.reader = reader;
    while (this.reader === reader) {
      const { done, value } = await reader.read();
      if (done) break;
      await this.take(value);
    }
  }

  stop() {
    this.reader?.cancel().catch(() => {});
    this.reader = null;
  }

  /** @param {Picture} picture */
  async draw(picture) {
    try {
      const [width, height] =
        "displayWidth" in picture
          ? [picture.displayWidth, picture.displayHeight]
          : [picture.width, picture.height];
      const size = fitWithin(width, height, this.maxWidth, this.maxHeight);
      const copied = "copyTo" in picture ? await this.pixels.copy(picture) : null;
      if (this.canvas.width !== size.width) this.canvas.width = size.width;
      if (this.canvas.height !== size.height) this.canvas.height = size.height;
      this.context?.drawImage(copied ?? picture, 0, 0, size.width, size.height);
    } finally {
      picture.close();
    }
  }

  /** @returns {Promise<Uint8Array | null>} the canvas as JPEG */
  async encode() {
    for (const quality of [this.quality, SMALLER_QUALITY]) {
      const blob = await this.canvas.convertToBlob({ type: "image/jpeg", quality });
      if (blob.size <= this.maxBytes) return new Uint8Array(await blob.arrayBuffer());
    }
    return null;
  }

  /** @param {Picture} picture */
  async take(picture) {
    picture.close();
  }
}

export class CameraPictures extends Pictures {
  /**
   * @param {object} wish
   * @param {number} wish.perSecond
   * @param {number} wish.width
   * @param {number} wish.height
   * @param {number} wish.quality
   * @param {number} wish.maxBytes
   * @param {() => number} wish.nowMs
   * @param {(t: number, bytes: Uint8Array) => void} wish.deliver
   */
  constructor(wish) {
    super(wish);
    this.pacer = new Pacer(wish.perSecond);
    this.nowMs = wish.nowMs;
    this.deliver = wish.deliver;
  }

  /**
   * How many pictures a second, and how large, from now on.
   * @param {number} perSecond
   * @param {number} width
   * @param {number} height
   */
  pace(perSecond, width, height) {
    this.maxWidth = width;
    this.maxHeight = height;
    if (this.pacer.periodMs !== 1000 / perSecond) this.pacer = new Pacer(perSecond);
  }

  /** @param {Picture} picture */
  async take(picture) {
    const t = this.nowMs();
    if (!this.pacer.isDue(t)) {
      picture.close();
      return;
    }
    await this.draw(picture);
    const bytes = await this.encode();
    if (bytes) this.deliver(t, bytes);
  }
}

export class ScreenPictures extends Pictures {
  hasPicture = false;
  /** The newest picture, drawn when somebody wants it. @type {Picture | null} */
  newest = null;
  /** One still after the other: they share the canvas. @type {Promise<Uint8Array | null>} */
  before = Promise.resolve(null);

  /** @param {Picture} picture */
  async take(picture) {
    this.newest?.close();
    this.newest = picture;
    this.hasPicture = true;
  }

  stop() {
    super.stop();
    this.newest?.close();
    this.newest = null;
  }

  /** @returns {Promise<Uint8Array | null>} the newest picture of the screen */
  still() {
    this.before = this.before.catch(() => null).then(() => this.taken());
    return this.before;
  }

  async taken() {
    if (!this.hasPicture) return null;
    const { newest } = this;
    this.newest = null;
    if (newest) await this.draw(newest);
    return this.encode();
  }
}

const SMALL_WIDTH = 320;
const SMALL_QUALITY = 0.5;
const SMALL_BYTES = 9_000;

/**
 * A small picture of a JPEG, for a line that carries no more.
 * @param {Uint8Array} jpeg
 * @returns {Promise<Uint8Array | null>} null when it cannot be made small enough
 */
export async function shrink(jpeg) {
  const source = new Blob([/** @type {any} */ (jpeg)], { type: "image/jpeg" });
  const bitmap = await createImageBitmap(source, { resizeWidth: SMALL_WIDTH });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d", { alpha: false })?.drawImage(bitmap, 0, 0);
  bitmap.close();
  for (const quality of [SMALL_QUALITY, SMALL_QUALITY / 2]) {
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
    if (blob.size <= SMALL_BYTES) return new Uint8Array(await blob.arrayBuffer());
  }
  return null;
}
