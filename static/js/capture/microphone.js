/** Runs the microphone through the AudioWorklet: a level for the page, sound for the worker. */

const WORKLET_URL = new URL("./microphone-worklet.js", import.meta.url);

export class Microphone {
  /**
   * @param {MediaStream} stream
   * @param {(peak: number) => void} onLevel called ten times a second with 0..1
   */
  constructor(stream, onLevel) {
    this.stream = stream;
    this.onLevel = onLevel;
    this.context = new AudioContext({ latencyHint: "playback" });
    /** @type {AudioWorkletNode | null} */
    this.node = null;
  }

  /** @returns {Promise<void>} */
  async start() {
    await this.context.audioWorklet.addModule(WORKLET_URL);
    const node = new AudioWorkletNode(this.context, "microphone", { numberOfOutputs: 1 });
    node.port.onmessage = ({ data }) => data.type === "level" && this.onLevel(data.peak);
    this.context.createMediaStreamSource(this.stream).connect(node);
    // A node that leads nowhere may not be run; its output stays silent.
    node.connect(this.context.destination);
    this.node = node;
    this.wake();
  }

  /** Whether the browser lets sound run; it may want a click first. */
  get isRunning() {
    return this.context.state === "running";
  }

  wake() {
    if (this.context.state === "suspended") this.context.resume().catch(() => {});
  }

  /** @param {MessagePort} sink where the sound goes */
  sendTo(sink) {
    this.node?.port.postMessage({ type: "sink", port: sink }, [sink]);
  }

  stop() {
    this.node?.port.postMessage({ type: "stop" });
    this.context.close().catch(() => {});
  }
}
