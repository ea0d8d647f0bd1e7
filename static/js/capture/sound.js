/**
 * Sound on its way to the outbox: as Opus where the browser can make it, as PCM where it cannot.
 * What was handed to the encoder is kept until it has come out of it, so that an encoder that
 * fails or falls silent costs nothing: the rest goes as PCM, from the very sample on.
 * Pure: the encoder is handed in.
 */

export const SAMPLE_RATE = 16_000;
const BYTES_PER_MS = 32;

/** Packets before a piece that bring its decoder into step: twice what RFC 7845, 4.6, asks for. */
const LEAD = 8;
/** What the encoder may keep to itself before it is taken for broken. */
const MOST_PENDING_MS = 3_000;
/** After so many failures there is PCM only. */
const MOST_FAILURES = 3;
/** Chunks that start further than this from the end of the one before are another run. */
const SAME_RUN_MS = 1;
/**
 * The delay of libopus. What the browser's header says of it is not used: Chromium writes it in
 * samples of 16 kHz where the standard wants 48 kHz.
 */
const DELAY_MS = 6.5;

/**
 * @typedef {import("./outbox.js").Part} Part
 * @typedef {{encode: (pcm: Uint8Array, t: number) => void, close: () => void}} Encoder
 * @typedef {(packet: Uint8Array) => void} OnPacket
 */

export class SoundCoder {
  /** @param {(part: Part) => void} deliver */
  constructor(deliver) {
    this.deliver = deliver;
    /** @type {((onPacket: OnPacket, onError: () => void) => Encoder) | null} */
    this.makeEncoder = null;
    /** @type {Encoder | null} */
    this.encoder = null;
    /** What came in and has not come out yet. @type {Part[]} */
    this.pending = [];
    /** Framed packets of this run, the newest last. @type {Uint8Array[]} */
    this.before = [];
    /** When the next chunk of this run starts. */
    this.nextMs = NaN;
    /** Up to when this run has been delivered. */
    this.doneMs = NaN;
    this.failures = 0;
  }

  /** @param {(onPacket: OnPacket, onError: () => void) => Encoder} makeEncoder */
  use(makeEncoder) {
    this.makeEncoder = makeEncoder;
  }

  /** @param {Part} part PCM */
  take(part) {
    if (this.encoder && Math.abs(part.t - this.nextMs) > SAME_RUN_MS) this.finish();
    if (!this.encoder) this.begin(part.t);
    if (!this.encoder) {
      this.deliver(part);
      return;
    }
    this.pending.push(part);
    this.nextMs = part.t + part.bytes.length / BYTES_PER_MS;
    try {
      this.encoder.encode(part.bytes, part.t);
    } catch {
      this.fail();
      return;
    }
    if (this.nextMs - Math.max(this.pending[0]?.t ?? this.nextMs, this.doneMs) > MOST_PENDING_MS) {
      this.fail();
    }
  }

  /** @param {number} t */
  begin(t) {
    if (!this.makeEncoder) return;
    this.pending = [];
    this.before = [];
    this.doneMs = t - DELAY_MS;
    /** @type {Encoder | null} */
    let own = null;
    try {
      own = this.makeEncoder(
        (packet) => this.encoder === own && this.emit(packet),
        () => this.encoder === own && this.fail(),
      );
    } catch {
      this.fail();
    }
    this.encoder = own;
  }

  /** @param {Uint8Array} packet */
  emit(packet) {
    const ms = packetMs(packet);
    const bytes = new Uint8Array(2 + packet.length);
    new DataView(bytes.buffer).setUint16(0, packet.length, true);
    bytes.set(packet, 2);
    const t = this.doneMs;
    this.doneMs += ms;
    this.deliver({ t, bytes, ms, lead: this.before });
    this.before = [...this.before, bytes].slice(-LEAD);
    const isOut = (/** @type {Part} */ { t: from, bytes: pcm }) =>
      from + pcm.length / BYTES_PER_MS <= this.doneMs;
    while (this.pending.length > 0 && isOut(this.pending[0])) this.pending.shift();
  }

  /** What is still in the encoder goes as PCM; the next sound begins anew. */
  finish() {
    const { encoder, pending, doneMs } = this;
    this.encoder = null;
    this.pending = [];
    try {
      encoder?.close();
    } catch {
      // It is closed already.
    }
    for (const part of pending) {
      const gone = Math.max(0, 2 * Math.round(((doneMs - part.t) * SAMPLE_RATE) / 1000));
      const bytes = part.bytes.subarray(gone);
      if (bytes.length > 0) this.deliver({ t: part.t + gone / BYTES_PER_MS, bytes });
    }
  }

  /** The encoder broke: its rest goes as PCM, and another is tried. */
  fail() {
    this.finish();
    this.failures += 1;
    if (this.failures >= MOST_FAILURES) this.makeEncoder = null;
  }
}

/**
 * How long an Opus packet lasts (RFC 6716, 3.1).
 * @param {Uint8Array} packet
 */
export function packetMs(packet) {
  const config = packet[0] >> 3;
  const code = packet[0] & 3;
  const frames = code === 0 ? 1 : code < 3 ? 2 : packet[1] & 0x3f;
  if (config < 12) return frames * [10, 20, 40, 60][config & 3];
  if (config < 16) return frames * [10, 20][config & 1];
  return frames * [2.5, 5, 10, 20][config & 3];
}

// The types of TypeScript lag behind the standard.
const CONFIG = /** @type {AudioEncoderConfig} */ (/** @type {unknown} */ ({
  codec: "opus",
  sampleRate: SAMPLE_RATE,
  numberOfChannels: 1,
  bitrate: 24_000,
  opus: { frameDuration: 20_000, application: "voip", signal: "voice", complexity: 5 },
}));

/**
 * The browser's own encoder, where it has one.
 * @returns {Promise<((onPacket: OnPacket, onError: () => void) => Encoder) | null>}
 */
export async function findEncoder() {
  if (typeof AudioEncoder === "undefined" || typeof AudioData === "undefined") return null;
  try {
    const { supported } = await AudioEncoder.isConfigSupported(CONFIG);
    return supported ? makeEncoder : null;
  } catch {
    return null;
  }
}

/**
 * @param {OnPacket} onPacket
 * @param {() => void} onError
 * @returns {Encoder}
 */
function makeEncoder(onPacket, onError) {
  const encoder = new AudioEncoder({
    output: (chunk) => {
      const packet = new Uint8Array(chunk.byteLength);
      chunk.copyTo(packet);
      onPacket(packet);
    },
    error: onError,
  });
  encoder.configure(CONFIG);
  return {
    encode(pcm, t) {
      const data = new AudioData({
        format: "s16",
        sampleRate: SAMPLE_RATE,
        numberOfChannels: 1,
        numberOfFrames: pcm.length / 2,
        timestamp: Math.round(t * 1000),
        data: pcm.slice(),
      });
      encoder.encode(data);
      data.close();
    },
    close: () => encoder.close(),
  };
}
