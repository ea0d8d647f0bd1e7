/** How loud it is, and the sound itself for whoever asks to listen; each listening is audited. */
import { one, role, setText } from "../lib/dom.js";

const RATE = 16_000;
const QUIETEST_DB = -60;
/** What is heard lags this much, so that it does not stutter. */
const LAG_S = 0.3;

export class Hearing {
  /**
   * @param {HTMLElement} root
   * @param {(isOn: boolean) => void} ask
   */
  constructor(root, ask) {
    this.ask = ask;
    this.button = one(root, '[data-action="listen"]');
    this.bar = role(root, "sound-bar");
    this.words = role(root, "sound");
    this.isOn = false;
    this.untilS = 0;
    /** @type {AudioContext | null} */
    this.context = null;
    this.button.addEventListener("click", () => this.toggle());
  }

  toggle() {
    this.isOn = !this.isOn;
    this.button.setAttribute("aria-pressed", String(this.isOn));
    setText(this.button, this.isOn ? "Stop listening" : "Listen");
    if (this.isOn) this.context ??= new AudioContext({ sampleRate: RATE });
    else this.context?.close().then(() => (this.context = null));
    this.ask(this.isOn);
  }

  /** The line is new: ask again for what was asked for. */
  restart() {
    if (this.isOn) this.ask(true);
  }

  /** @param {number | null} db of full scale */
  showLevel(db) {
    const share = db === null ? 0 : Math.max(0, Math.min(1, (db - QUIETEST_DB) / -QUIETEST_DB));
    this.bar.style.transform = `scaleX(${share.toFixed(3)})`;
    setText(this.words, db === null ? "No sound" : `${Math.round(db)} dB`.replace("-", "−"));
  }

  /** @param {ArrayBuffer} pcm 16-bit mono at 16 kHz */
  play(pcm) {
    if (!this.context || !this.isOn) return;
    const samples = new Int16Array(pcm);
    if (samples.length === 0) return;
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    const channel = buffer.getChannelData(0);
    for (let index = 0; index < samples.length; index += 1) channel[index] = samples[index] / 32768;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    const nowS = this.context.currentTime;
    const atS = this.untilS > nowS ? this.untilS : nowS + LAG_S;
    source.start(atS);
    this.untilS = atS + buffer.duration;
  }
}
