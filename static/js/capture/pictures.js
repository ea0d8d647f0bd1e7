/**
 * Turns a stream of pictures into JPEGs inside the capture worker. `CameraPictures` encodes a few
 * a second; `ScreenPictures` keeps the newest picture and encodes it when asked.
 */
import { Pacer, fitWithin } from "./pacing.js";

const SMALLER_QUALITY = 0.4;

/** @typedef {VideoFrame | ImageBitmap} Picture */

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
    this.context = this.canvas.getContext("2d", { alpha: false, desynchronized: true });
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
  draw(picture) {
    try {
      const [width, height] =
        "displayWidth" in picture
          ? [picture.displayWidth, picture.displayHeight]
          : [picture.width, picture.height];
      const size = fitWithin(width, height, this.maxWidth, this.maxHeight);
      if (this.canvas.width !== size.width) this.canvas.width = size.width;
      if (this.canvas.height !== size.height) this.canvas.height = size.height;
      this.context?.drawImage(picture, 0, 0, size.width, size.height);
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
    this.draw(picture);
    const bytes = await this.encode();
    if (bytes) this.deliver(t, bytes);
  }
}

export class ScreenPictures extends Pictures {
  hasPicture = false;

  /** @param {Picture} picture */
  async take(picture) {
    this.draw(picture);
    this.hasPicture = true;
  }

  /** @returns {Promise<Uint8Array | null>} the newest picture of the screen */
  async still() {
    return this.hasPicture ? this.encode() : null;
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
