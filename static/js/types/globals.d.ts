/** What the DOM library of TypeScript does not know yet, as far as the pages use it. */

declare class CaptureController extends EventTarget {
  setFocusBehavior(behavior: "focus-captured-surface" | "no-focus-change"): void;
}

interface DisplayMediaStreamOptions {
  controller?: CaptureController;
  monitorTypeSurfaces?: "include" | "exclude";
  surfaceSwitching?: "include" | "exclude";
  selfBrowserSurface?: "include" | "exclude";
}

/** The global scope of an AudioWorklet, whose own type package clashes with the DOM's. */
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(
  name: string,
  processor: new (options?: AudioWorkletNodeOptions) => AudioWorkletProcessor,
): void;
