/**
 * AudioWorklet: turns the microphone into 16 kHz mono 16-bit chunks of 100 ms for the capture
 * worker, and tells the page the level ten times a second.
 */
import { Resampler, TARGET_RATE, toInt16 } from "./resample.js";

const CHUNK_SAMPLES = TARGET_RATE / 10;

class MicrophoneProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate);
    this.chunk = new Int16Array(CHUNK_SAMPLES);
    this.filled = 0;
    this.peak = 0;
    this.isOver = false;
    /** @type {MessagePort | null} */
    this.sink = null;
    this.port.onmessage = ({ data }) => {
      if (data.type === "sink") this.sink = data.port;
      if (data.type === "stop") this.isOver = true;
    };
  }

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean} whether the node stays alive
   */
  process(inputs) {
    const channels = inputs[0];
    if (channels.length > 0) this.take(toMono(channels));
    return !this.isOver;
  }

  /** @param {Float32Array} samples */
  take(samples) {
    for (const value of toInt16(this.resampler.push(samples))) {
      this.chunk[this.filled++] = value;
      this.peak = Math.max(this.peak, Math.abs(value));
      if (this.filled === CHUNK_SAMPLES) this.deliver();
    }
  }

  deliver() {
    this.port.postMessage({ type: "level", peak: this.peak / 32_767 });
    const pcm = this.chunk.buffer;
    this.sink?.postMessage({ type: "pcm", pcm }, [pcm]);
    this.chunk = new Int16Array(CHUNK_SAMPLES);
    this.filled = 0;
    this.peak = 0;
  }
}

/**
 * @param {Float32Array[]} channels
 * @returns {Float32Array}
 */
function toMono(channels) {
  if (channels.length === 1) return channels[0];
  const mono = new Float32Array(channels[0].length);
  for (const channel of channels) {
    for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / channels.length;
  }
  return mono;
}

registerProcessor("microphone", MicrophoneProcessor);
