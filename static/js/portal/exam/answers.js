/**
 * A student's answers: kept in this browser at once, sent soon after, and shown as saved only when
 * the server said so. What was typed and not acknowledged survives a reload. Pure but for what is
 * handed in: storage, sending and timers.
 */

/** A pause in typing sends; so does this long without one. */
export const PAUSE_MS = 700;
export const LONGEST_MS = 1800;
const AGAIN_MS = 2000;

/** Refusals that trying again does not heal. */
const FINAL = new Set(["late", "invalid_input", "not_found", "not_allowed", "not_open"]);

/**
 * @typedef {string | string[] | null} Value
 * @typedef {"saved" | "waiting" | "late" | "refused"} State
 * @typedef {{value: Value, seq: number, isFlagged: boolean, savedMs: number, state: State,
 *   sinceMs: number, message: string}} Answer
 * @typedef {{getItem: (key: string) => string | null, setItem: (key: string, text: string) => void,
 *   removeItem: (key: string) => void}} Keeps
 * @typedef {(questionId: string, body: {value: Value, seq: number, is_flagged: boolean,
 *   place: string}) => Promise<{saved_ms: number, seq: number}>} Put
 */

export class Answers {
  /**
   * @param {object} parts
   * @param {Put} parts.put
   * @param {Keeps} parts.storage
   * @param {string} parts.key under which this session's unsent answers are kept
   * @param {() => number} parts.nowMs
   * @param {(run: () => void, ms: number) => unknown} parts.later
   * @param {(questionId: string) => void} parts.changed
   */
  constructor({ put, storage, key, nowMs, later, changed }) {
    this.put = put;
    this.storage = storage;
    this.key = key;
    this.nowMs = nowMs;
    this.later = later;
    this.changed = changed;
    this.place = "";
    /** @type {Map<string, Answer>} */
    this.answers = new Map();
    /** @type {Set<string>} */
    this.sending = new Set();
    /** Only the newest plan to send an answer is carried out. @type {Map<string, number>} */
    this.turns = new Map();
  }

  /**
   * Takes what the server has, and what this browser still holds beyond it.
   * @param {Record<string, {value: Value, seq: number, saved_ms: number, is_flagged: boolean}>} known
   * @param {string} place
   */
  load(known, place) {
    this.place = place;
    for (const [id, { value, seq, saved_ms, is_flagged }] of Object.entries(known)) {
      const mine = this.answers.get(id);
      if (mine && mine.seq >= seq) continue;
      this.answers.set(id, made(value, seq, is_flagged, "saved", saved_ms));
    }
    for (const [id, { value, seq, isFlagged }] of Object.entries(this.readKept())) {
      if ((this.answers.get(id)?.seq ?? 0) >= seq) continue;
      this.answers.set(id, made(value, seq, isFlagged, "waiting", 0));
      this.schedule(id, 0);
    }
  }

  /** @param {string} id */
  get(id) {
    return this.answers.get(id) ?? made(null, 0, false, "saved", 0);
  }

  /**
   * @param {string} id
   * @param {Value} value
   */
  set(id, value) {
    this.change(id, { value });
  }

  /**
   * @param {string} id
   * @param {boolean} isFlagged
   */
  flag(id, isFlagged) {
    this.change(id, { isFlagged });
  }

  /**
   * @param {string} id
   * @param {Partial<Answer>} what
   */
  change(id, what) {
    const before = this.get(id);
    const sinceMs = before.state === "waiting" ? before.sinceMs : this.nowMs();
    this.answers.set(id, { ...before, ...what, seq: before.seq + 1, state: "waiting", sinceMs, message: "" });
    this.place = id;
    this.keep();
    const leftMs = sinceMs + LONGEST_MS - this.nowMs();
    this.schedule(id, Math.max(0, Math.min(PAUSE_MS, leftMs)));
    this.changed(id);
  }

  /**
   * @param {string} id
   * @param {number} ms
   */
  schedule(id, ms) {
    const turn = (this.turns.get(id) ?? 0) + 1;
    this.turns.set(id, turn);
    this.later(() => {
      if (this.turns.get(id) === turn) this.send(id);
    }, ms);
  }

  /** Sends everything that waits, now; settled when the server has answered once to each. */
  async flush() {
    await Promise.all([...this.answers].filter(([, { state }]) => state === "waiting").map(([id]) => this.send(id)));
    return this.waiting === 0;
  }

  get waiting() {
    return [...this.answers.values()].filter(({ state }) => state === "waiting").length;
  }

  /** @param {string} id */
  async send(id) {
    if (this.sending.has(id)) return this.schedule(id, PAUSE_MS);
    const { value, seq, isFlagged } = this.get(id);
    this.sending.add(id);
    try {
      const { saved_ms } = await this.put(id, { value, seq, is_flagged: isFlagged, place: this.place });
      this.settle(id, seq, { state: "saved", savedMs: saved_ms });
    } catch (error) {
      const { code = "", message = "" } = /** @type {any} */ (error);
      if (FINAL.has(code)) this.settle(id, seq, { state: code === "late" ? "late" : "refused", message });
      else this.schedule(id, AGAIN_MS);
    } finally {
      this.sending.delete(id);
    }
  }

  /**
   * @param {string} id
   * @param {number} seq
   * @param {Partial<Answer>} what
   */
  settle(id, seq, what) {
    const now = this.get(id);
    if (now.seq !== seq) return;
    this.answers.set(id, { ...now, ...what });
    this.keep();
    this.changed(id);
  }

  keep() {
    const unsent = [...this.answers].filter(([, { state }]) => state === "waiting");
    if (unsent.length === 0) return this.storage.removeItem(this.key);
    const kept = unsent.map(([id, { value, seq, isFlagged }]) => [id, { value, seq, isFlagged }]);
    try {
      this.storage.setItem(this.key, JSON.stringify(Object.fromEntries(kept)));
    } catch {
      // A full storage costs the safety net, not the answer: it is on its way to the server.
    }
  }

  /** @returns {Record<string, {value: Value, seq: number, isFlagged: boolean}>} */
  readKept() {
    try {
      return JSON.parse(this.storage.getItem(this.key) ?? "{}") ?? {};
    } catch {
      return {};
    }
  }
}

/**
 * @param {Value} value
 * @param {number} seq
 * @param {boolean} isFlagged
 * @param {State} state
 * @param {number} savedMs
 * @returns {Answer}
 */
function made(value, seq, isFlagged, state, savedMs) {
  return { value, seq, isFlagged, savedMs, state, sinceMs: 0, message: "" };
}

/**
 * Whether something was answered.
 * @param {Value} value
 */
export const isAnswered = (value) => value !== null && value.length > 0;
