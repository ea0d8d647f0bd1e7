/**
 * Brings sound from the microphone's rate to 16 kHz: a windowed-sinc low-pass evaluated at the
 * wanted instants, so that any input rate works and nothing above 8 kHz folds back.
 * Pure; runs in the AudioWorklet and in tests.
 */

export const TARGET_RATE = 16_000;

const ZERO_CROSSINGS = 16;
const PHASES = 256;

/** Streaming resampler of one channel. Input and output are floats in -1..1. */
export class Resampler {
  /**
   * @param {number} inputRate samples per second that come in
   * @param {number} [outputRate] samples per second that go out
   */
  constructor(inputRate, outputRate = TARGET_RATE) {
    if (!(inputRate > 0) || !(outputRate > 0)) throw new RangeError("Rates are positive.");
    this.step = inputRate / outputRate;
    const cutoff = Math.min(1, outputRate / inputRate) * 0.94;
    this.half = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.table = sincTable(cutoff, this.half);
    /** @type {Float32Array} */
    this.history = new Float32Array(2 * this.half);
    /** Position of the next output sample, in input samples from the start of `history`. */
    this.position = this.half;
  }

  /**
   * @param {Float32Array} input
   * @returns {Float32Array} the output samples that have become known
   */
  push(input) {
    const samples = new Float32Array(this.history.length + input.length);
    samples.set(this.history);
    samples.set(input, this.history.length);
    const last = samples.length - this.half;
    const count = Math.max(0, Math.ceil((last - this.position) / this.step));
    const output = new Float32Array(count);
    const taps = 2 * this.half;
    for (let i = 0; i < count; i++) {
      const at = this.position + i * this.step;
      const base = Math.floor(at);
      const row = Math.min(PHASES - 1, Math.floor((at - base) * PHASES)) * taps;
      const first = base - this.half + 1;
      let sum = 0;
      for (let k = 0; k < taps; k++) sum += samples[first + k] * this.table[row + k];
      output[i] = sum;
    }
    this.position += count * this.step;
    const keepFrom = Math.max(0, Math.floor(this.position) - this.half + 1);
    this.history = samples.slice(keepFrom);
    this.position -= keepFrom;
    return output;
  }
}

/**
 * @param {number} cutoff share of the input's Nyquist frequency that passes
 * @param {number} half taps on each side
 * @returns {Float32Array} PHASES rows of 2*half taps, each row summing to 1
 */
function sincTable(cutoff, half) {
  const taps = 2 * half;
  const table = new Float32Array(PHASES * taps);
  for (let phase = 0; phase < PHASES; phase++) {
    const fraction = (phase + 0.5) / PHASES;
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      const distance = k - half + 1 - fraction;
      const x = Math.PI * cutoff * distance;
      const sinc = Math.abs(x) < 1e-9 ? 1 : Math.sin(x) / x;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / (half + 1));
      const tap = cutoff * sinc * window;
      table[phase * taps + k] = tap;
      sum += tap;
    }
    for (let k = 0; k < taps; k++) table[phase * taps + k] /= sum;
  }
  return table;
}

/**
 * @param {Float32Array} samples floats, clipped to -1..1
 * @returns {Int16Array} 16-bit samples
 */
export function toInt16(samples) {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const value = Math.max(-1, Math.min(1, samples[i]));
    pcm[i] = Math.round(value * 32_767);
  }
  return pcm;
}
