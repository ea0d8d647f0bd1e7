/**
 * What waits to be sent and to be acknowledged. Memory stays bounded whatever the line does: at
 * most `WINDOW` batches are under way, and behind them the last ten seconds, in which pictures
 * thin out evenly before sound is lost. Events are never dropped until acknowledged.
 * Pure: no clock, no socket.
 */

/** Batches under way without an acknowledgement. */
export const WINDOW = 3;

/** The protocol's limits of one batch, with room to spare in the bytes. */
export const LIMITS = Object.freeze({
  frames: 30,
  screens: 3,
  sounds: 50,
  soundBytes: 10 * 32_000,
  events: 50,
  bodyBytes: 1_900_000,
  keepMs: 10_000,
});

/**
 * @typedef {{t: number, bytes: Uint8Array}} Part
 * @typedef {{id: string, kind: string, t: number}} ScreenEvent
 * @typedef {{visible: boolean, focused: boolean, fullscreen: boolean,
 *   camera: boolean, microphone: boolean, screen: boolean}} PageState
 * @typedef {{t: number, size: number}} PartHeader
 * @typedef {{seq: number, sent_ms: number, frames: PartHeader[], audio: PartHeader[],
 *   screen: PartHeader[], events: ScreenEvent[], state: PageState}} Header
 * @typedef {{header: Header, body: Uint8Array, cutMs: number}} Batch
 */

export class Outbox {
  constructor() {
    this.nextSeq = 0;
    /** @type {Part[]} */
    this.frames = [];
    /** @type {Part[]} */
    this.sounds = [];
    /** @type {Part[]} */
    this.screens = [];
    /** @type {Map<string, ScreenEvent>} */
    this.events = new Map();
    /** @type {Map<number, Batch>} */
    this.underway = new Map();
    this.dropped = { frames: 0, sounds: 0, screens: 0 };
  }

  /** @param {Part} frame */
  addFrame(frame) {
    this.frames.push(frame);
    this.forgetOlder(this.frames, frame.t, "frames");
    if (this.frames.length > LIMITS.frames) {
      const kept = everySecond(this.frames);
      this.dropped.frames += this.frames.length - kept.length;
      this.frames = kept;
    }
  }

  /** @param {Part} sound */
  addSound(sound) {
    this.sounds.push(sound);
    this.forgetOlder(this.sounds, sound.t, "sounds");
    let bytes = total(this.sounds);
    while (bytes > LIMITS.soundBytes) {
      bytes -= this.sounds[0].bytes.length;
      this.sounds.shift();
      this.dropped.sounds += 1;
    }
  }

  /** @param {Part} still */
  addScreen(still) {
    this.screens.push(still);
    if (this.screens.length > LIMITS.screens) {
      this.screens.shift();
      this.dropped.screens += 1;
    }
  }

  /** @param {ScreenEvent} event */
  addEvent(event) {
    this.events.set(event.id, event);
  }

  /**
   * The next batch, or null while the window is full.
   * @param {number} nowMs
   * @param {PageState} state
   * @param {ScreenEvent[]} [events] those that did not get through on their own
   * @returns {Batch | null}
   */
  cut(nowMs, state, events = []) {
    if (this.underway.size >= WINDOW) return null;
    const sounds = joined(this.sounds, LIMITS.sounds);
    let frames = this.frames;
    const screens = this.screens;
    while (total(frames) + total(sounds) + total(screens) > LIMITS.bodyBytes) {
      if (screens.length > 1) screens.shift();
      else if (frames.length > 1) {
        const kept = everySecond(frames);
        this.dropped.frames += frames.length - kept.length;
        frames = kept;
      } else break;
    }
    const parts = [...frames, ...sounds, ...screens];
    const batch = {
      header: {
        seq: this.nextSeq++,
        sent_ms: nowMs,
        frames: frames.map(toHeader),
        audio: sounds.map(toHeader),
        screen: screens.map(toHeader),
        events: events.slice(0, LIMITS.events),
        state,
      },
      body: concatenated(parts),
      cutMs: nowMs,
    };
    this.frames = [];
    this.sounds = [];
    this.screens = [];
    this.underway.set(batch.header.seq, batch);
    return batch;
  }

  /**
   * The server has dealt with a batch; with `isTaken` its events are settled too.
   * @param {number} seq
   * @param {boolean} [isTaken]
   * @param {Set<number>} [keptEvents] places of events that have to be sent once more
   */
  settle(seq, isTaken = true, keptEvents = new Set()) {
    const batch = this.underway.get(seq);
    this.underway.delete(seq);
    if (!isTaken) return;
    batch?.header.events.forEach((event, index) => {
      if (!keptEvents.has(index)) this.events.delete(event.id);
    });
  }

  /** @param {string} id */
  settleEvent(id) {
    this.events.delete(id);
  }

  /**
   * After a new connection: what the server has not seen, to be sent again in order.
   * @param {number} nextSeq the first batch the server has not seen
   * @returns {Batch[]}
   */
  resume(nextSeq) {
    for (const seq of [...this.underway.keys()]) if (seq < nextSeq) this.settle(seq);
    this.nextSeq = Math.max(this.nextSeq, nextSeq);
    return [...this.underway.values()].sort((a, b) => a.header.seq - b.header.seq);
  }

  /**
   * Events that have waited at least `ageMs` for an acknowledgement.
   * @param {number} nowMs
   * @param {number} ageMs
   * @returns {ScreenEvent[]}
   */
  overdueEvents(nowMs, ageMs) {
    return [...this.events.values()].filter((event) => nowMs - event.t >= ageMs);
  }

  /**
   * How long the oldest batch under way has waited.
   * @param {number} nowMs
   */
  lagMs(nowMs) {
    const cuts = [...this.underway.values()].map((batch) => batch.cutMs);
    return cuts.length > 0 ? Math.max(0, nowMs - Math.min(...cuts)) : 0;
  }

  /** Bytes held in memory. */
  get bytes() {
    let sum = total(this.frames) + total(this.sounds) + total(this.screens);
    for (const batch of this.underway.values()) sum += batch.body.length;
    return sum;
  }

  /**
   * @param {Part[]} parts
   * @param {number} nowMs
   * @param {"frames" | "sounds"} name
   */
  forgetOlder(parts, nowMs, name) {
    while (parts.length > 0 && nowMs - parts[0].t > LIMITS.keepMs) {
      parts.shift();
      this.dropped[name] += 1;
    }
  }
}

/**
 * What the student and the proctor are told about the line.
 * @param {boolean} isConnected
 * @param {number} lagMs
 * @returns {"good" | "slow" | "down"}
 */
export function lineState(isConnected, lagMs) {
  if (!isConnected || lagMs > 8_000) return "down";
  return lagMs > 2_500 ? "slow" : "good";
}

/**
 * Every second part, the newest among them.
 * @param {Part[]} parts
 */
function everySecond(parts) {
  return parts.filter((_, index) => (parts.length - 1 - index) % 2 === 0);
}

/**
 * Neighbouring chunks of sound joined into one part, as long as nothing is missing between them.
 * @param {Part[]} sounds
 * @param {number} most
 * @returns {Part[]}
 */
function joined(sounds, most) {
  /** @type {Part[][]} */
  const runs = [];
  let endMs = NaN;
  for (const sound of sounds) {
    const last = runs.at(-1);
    if (last && Math.abs(sound.t - endMs) < 20) last.push(sound);
    else runs.push([sound]);
    endMs = sound.t + sound.bytes.length / 32;
  }
  return runs.slice(-most).map((run) => ({ t: run[0].t, bytes: concatenated(run) }));
}

/** @param {Part[]} parts */
function total(parts) {
  return parts.reduce((sum, part) => sum + part.bytes.length, 0);
}

/** @param {Part[]} parts */
function concatenated(parts) {
  const body = new Uint8Array(total(parts));
  let at = 0;
  for (const part of parts) {
    body.set(part.bytes, at);
    at += part.bytes.length;
  }
  return body;
}

/** @param {Part} part */
function toHeader(part) {
  return { t: part.t, size: part.bytes.length };
}
