/**
 * What was captured since the last batch, and the events that may still be asked for. A batch is
 * cut every second, whatever the line does; from then on the spool keeps it. Events are never
 * dropped until they are settled.
 * Pure: no clock, no socket.
 */

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
 * A part with `ms` is one packet of Opus behind its length; `lead` are the packets before it.
 * @typedef {{t: number, bytes: Uint8Array, ms?: number, lead?: Uint8Array[]}} Part
 * @typedef {{id: string, kind: string, t: number}} ScreenEvent
 * @typedef {{visible: boolean, focused: boolean, fullscreen: boolean,
 *   camera: boolean, microphone: boolean, screen: boolean}} PageState
 * @typedef {{t: number, size: number, codec?: "opus", lead?: number}} PartHeader
 * @typedef {{from_ms: number, to_ms: number, cause: string}} Absence
 * @typedef {{seq: number, sent_ms: number, frames: PartHeader[], audio: PartHeader[],
 *   screen: PartHeader[], events: ScreenEvent[], state: PageState, absences: Absence[],
 *   oldest_ms?: number, heard?: {server_ms: number, t: number}}} Header
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
    /** @type {Map<string, ScreenEvent & {isAcked?: boolean, sentMs?: number}>} */
    this.events = new Map();
    /** @type {Absence[]} */
    this.absences = [];
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

  /** @param {Absence} absence */
  addAbsence(absence) {
    this.absences = [...this.absences, absence].slice(-20);
  }

  /**
   * The next batch: everything since the last one.
   * @param {number} nowMs
   * @param {PageState} state
   * @param {ScreenEvent[]} [events] those that did not get through on their own
   * @returns {Batch}
   */
  cut(nowMs, state, events = []) {
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
        audio: sounds.map(({ header }) => header),
        screen: screens.map(toHeader),
        events: events.slice(0, LIMITS.events).map(({ id, kind, t }) => ({ id, kind, t })),
        state,
        absences: this.absences,
      },
      body: concatenated(parts),
      cutMs: nowMs,
    };
    this.frames = [];
    this.sounds = [];
    this.screens = [];
    this.absences = [];
    return batch;
  }

  /** @param {string} id the server has it, or will never take it */
  acknowledgeEvent(id, isTaken = true) {
    const event = this.events.get(id);
    if (!event) return;
    if (isTaken) event.isAcked = true;
    else this.events.delete(id);
  }

  /** Another server than before: it knows no event that it has not stored. */
  restart() {
    for (const event of this.events.values()) event.isAcked = false;
  }

  /**
   * Every acknowledged event before `settledMs` is stored.
   * @param {number} settledMs
   * @returns {string[]} the ids of those that may be erased
   */
  settleEvents(settledMs) {
    const gone = [];
    for (const event of this.events.values()) {
      if (event.isAcked && event.t < settledMs) gone.push(event.id);
    }
    for (const id of gone) this.events.delete(id);
    return gone;
  }

  /**
   * Events that have waited at least `ageMs` for an acknowledgement.
   * @param {number} nowMs
   * @param {number} ageMs
   * @returns {ScreenEvent[]}
   */
  overdueEvents(nowMs, ageMs) {
    return [...this.events.values()].filter((event) => !event.isAcked && nowMs - event.t >= ageMs);
  }

  /** Bytes held in memory. */
  get bytes() {
    return total(this.frames) + total(this.sounds) + total(this.screens);
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
 * From when to when a batch was captured.
 * @param {Batch} batch
 * @returns {{fromMs: number, toMs: number}}
 */
export function spanOf({ header, cutMs }) {
  const starts = [...header.frames, ...header.audio, ...header.screen].map(({ t }) => t);
  return { fromMs: Math.min(cutMs, ...starts), toMs: cutMs };
}

/**
 * What the student and the proctor are told about the line.
 * @param {boolean} isConnected
 * @param {number} lagMs how long the oldest unanswered probe has waited
 * @returns {"good" | "slow" | "down"}
 */
export function lineState(isConnected, lagMs) {
  if (!isConnected || lagMs > 6_000) return "down";
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
 * Neighbouring pieces of sound joined into one part, as long as nothing is missing between them
 * and they are coded alike.
 * @param {Part[]} sounds
 * @param {number} most
 * @returns {{bytes: Uint8Array, header: PartHeader}[]}
 */
function joined(sounds, most) {
  /** @type {Part[][]} */
  const runs = [];
  let endMs = NaN;
  let wasCoded = false;
  for (const sound of sounds) {
    const last = runs.at(-1);
    const isCoded = sound.ms !== undefined;
    if (last && isCoded === wasCoded && Math.abs(sound.t - endMs) < 20) last.push(sound);
    else runs.push([sound]);
    endMs = sound.t + (sound.ms ?? sound.bytes.length / 32);
    wasCoded = isCoded;
  }
  return runs.slice(-most).map((run) => {
    const [{ t, ms, lead = [] }] = run;
    const bytes = concatenated([...lead.map((packet) => ({ bytes: packet })), ...run]);
    if (ms === undefined) return { bytes, header: { t, size: bytes.length } };
    return { bytes, header: { t, size: bytes.length, codec: "opus", lead: lead.length } };
  });
}

/** @param {{bytes: Uint8Array}[]} parts */
function total(parts) {
  return parts.reduce((sum, part) => sum + part.bytes.length, 0);
}

/** @param {{bytes: Uint8Array}[]} parts */
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
