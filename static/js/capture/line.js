/**
 * The capture worker's line to the server: connects, starts the session, sends a batch a second and
 * each screen event at once, and keeps both in the spool until they are settled. What the line
 * could not carry follows beside what is live, as fast as that allows. Owns the outbox.
 * Neither reads a clock nor opens a socket of its own: both are handed in.
 */
import { Flow } from "./flow.js";
import { Outbox, lineState, spanOf } from "./outbox.js";
import { Spool } from "./spool.js";

const PROBE_MS = 2_000;
/** A probe unanswered for this long means the connection is dead although nobody said so. */
const STALLED_MS = 9_000;
/** A timer that comes this much late means that the page or the machine stood still. */
const ASLEEP_MS = 4_000;
const EVENT_PATIENCE_MS = 1_500;
const POSTPONED_MS = 1_000;
/** An event that was not answered by now is sent once more. */
const REPEAT_MS = 10_000;
/** At the end, what was not sent yet is waited for at most this long. */
const LAST_WAIT_MS = 45_000;
/** Nobody waits longer than this for a disk that does not erase. */
const ERASED_MS = 3_000;
const ACK_TIMEOUT_MS = 10_000;
const REOPEN_MS = 1_500;

/** Refusals that trying again does not heal. */
const FINAL_CODES = new Set(["not_authenticated", "not_allowed", "not_found", "conflict"]);

/** What the server says to the page and the line has no part in. */
const PASSED_ON = /** @type {const} */ (["check_in", "exam_changed", "message", "break", "talk", "pace"]);

/** Refusals of an event that another try heals. */
const PASSING_CODES = new Set(["too_many", "unavailable", "error", "conflict"]);

/**
 * @typedef {{ok: boolean, error?: {code: string, message: string}, [key: string]: any}} Ack
 * @typedef {{video_fps: number, width: number, height: number, jpeg_quality: number,
 *   screen: boolean, camera: boolean, audio: boolean, screen_interval_s: number, screen_width: number, batch_ms: number}} Capture
 * @typedef {{type: "started", token: string, userId: string, examId: string, startedMs: number,
 *     serverMs: number, capture: Capture}
 *   | {type: "refused", code: string, message: string}
 *   | {type: "waiting", message: string}
 *   | {type: "status", status: Record<string, any>}
 *   | {type: "line", line: "good" | "slow" | "down"}
 *   | {type: "check_in" | "exam_changed" | "message" | "break" | "talk" | "pace", payload: any}
 *   | {type: "said", id: number, ack: Ack}
 *   | {type: "ended", cause: string}
 *   | {type: "end-failed"}} News
 */

export class Line {
  /**
   * @param {object} parts
   * @param {(auth: (give: (auth: object) => void) => void, key: string) => any} parts.connect
   *   makes the socket; the key is the same for all connections of a session
   * @param {(news: News) => void} parts.tell
   * @param {() => number} parts.nowMs Unix ms that never goes backwards
   * @param {Promise<Spool>} [parts.spool]
   * @param {(jpeg: Uint8Array) => Promise<Uint8Array | null>} [parts.shrink] makes a picture small
   */
  constructor({ connect, tell, nowMs, spool, shrink }) {
    this.connect = connect;
    this.tell = tell;
    this.nowMs = nowMs;
    this.shrink = shrink ?? (async () => null);
    this.opening = spool ?? Promise.resolve(Spool.inMemory());
    this.spool = Spool.inMemory();
    this.outbox = new Outbox();
    this.flow = new Flow();
    this.token = "";
    this.consent = "";
    this.isStarted = false;
    this.isOver = false;
    this.isEnding = false;
    this.hasStartedOnce = false;
    this.line = "";
    this.nextBatchMs = 0;
    this.nextProbeMs = 0;
    this.backlogMs = 0;
    this.isReading = false;
    this.tickMs = 0;
    this.endMs = 0;
    this.askedEnd = false;
    this.reopenMs = Infinity;
    this.batchMs = 1000;
    /** @type {{server_ms: number, t: number} | undefined} */
    this.heard = undefined;
    /** When each unanswered probe was sent. @type {number[]} */
    this.probes = [];
    /** @type {any} */
    this.socket = null;
  }

  /**
   * @param {string} token
   * @param {string} [consent] the version of the text the student agreed to
   */
  async open(token, consent = "") {
    this.token = token;
    this.consent = consent;
    this.spool = await this.opening;
    this.outbox.nextSeq = this.spool.about.nextSeq;
    this.socket = this.connect((give) => give({ token: this.token }), sessionOf(token));
    this.socket.on("connect", () => this.start());
    this.socket.on("connect_error", (/** @type {any} */ error) => this.refuse(error?.data));
    this.socket.on("disconnect", (/** @type {string} */ reason) => this.lose(reason));
    this.socket.on("status", (/** @type {Record<string, any>} */ status) => {
      if (status.warnings?.length) this.spool.backlog.suspect(this.nowMs());
      this.tell({ type: "status", status });
    });
    for (const type of PASSED_ON) {
      this.socket.on(type, (/** @type {any} */ payload) => this.tell({ type, payload }));
    }
    this.socket.on("session_ended", (/** @type {{cause: string}} */ { cause }) => this.finish(cause));
  }

  start() {
    this.reopenMs = Infinity;
    const { count, offsetMs } = this.spool.about;
    /** @type {Record<string, any>} */
    const message = {
      client: "browser",
      consent: this.consent,
      count,
      sent_ms: this.nowMs(),
    };
    if (offsetMs !== null) message.offset_ms = offsetMs;
    this.request("start", message).then(
      (ack) => (ack.ok ? this.resume(ack) : this.refuse(ack.error)),
      () => this.reopen(),
    );
  }

  /** @param {Ack} ack */
  resume(ack) {
    this.token = ack.token || this.token;
    this.batchMs = ack.capture?.batch_ms || 1000;
    this.isStarted = true;
    this.hasStartedOnce = true;
    this.takeUp(ack);
    this.nextBatchMs = this.nowMs();
    this.nextProbeMs = this.nowMs();
    this.backlogMs = this.nowMs() + this.batchMs;
    for (const event of this.outbox.events.values()) if (!event.isAcked) this.sendEvent(event);
    this.tell({
      type: "started",
      token: this.token,
      userId: ack.user_id,
      examId: ack.exam_id,
      startedMs: ack.started_ms,
      serverMs: ack.server_ms,
      capture: ack.capture,
    });
    if (ack.pace) this.tell({ type: "pace", payload: ack.pace });
    this.sayLine();
  }

  /**
   * What is kept is brought in line with what this server knows.
   * @param {Ack} ack
   */
  takeUp(ack) {
    const { spool, outbox } = this;
    this.flow.cut();
    this.probes = [];
    spool.belongTo(ack.session_id ?? "");
    for (const event of spool.keptEvents.splice(0)) {
      if (!outbox.events.has(event.id)) outbox.addEvent(event);
    }
    if (spool.about.run !== ack.run) {
      spool.backlog.restart();
      outbox.restart();
    } else spool.backlog.cut();
    spool.about.run = ack.run ?? "";
    outbox.nextSeq = Math.max(outbox.nextSeq, spool.about.nextSeq, ack.next_seq ?? 0);
    spool.about.nextSeq = outbox.nextSeq;
    spool.note();
  }

  /** @param {{code?: string, message?: string} | undefined} error */
  refuse(error) {
    const code = error?.code ?? "";
    if (!FINAL_CODES.has(code)) {
      if (code === "waiting") this.tell({ type: "waiting", message: error?.message ?? "" });
      if (error && this.socket.connected) this.reopen();
      this.reopenMs = Math.min(this.reopenMs, this.nowMs() + REOPEN_MS);
      this.sayLine();
      return;
    }
    this.close();
    const erased = code === "not_allowed" ? Promise.resolve() : this.spool.close();
    soon(erased).then(() => this.tell({ type: "refused", code, message: error?.message ?? "" }));
  }

  /** @param {string} reason */
  lose(reason) {
    this.isStarted = false;
    this.flow.cut();
    this.spool.backlog.cut();
    this.probes = [];
    if (this.isOver) return;
    if (reason === "io server disconnect") this.reopenMs = this.nowMs() + REOPEN_MS;
    this.sayLine();
  }

  reopen() {
    this.isStarted = false;
    this.flow.cut();
    this.spool.backlog.cut();
    this.probes = [];
    this.socket.disconnect();
    this.reopenMs = this.nowMs() + REOPEN_MS;
  }

  /** @param {string} cause */
  finish(cause) {
    this.close();
    const erased = cause === "replaced" ? Promise.resolve() : this.spool.close();
    // The page ends this worker when it is told.
    soon(erased).then(() => this.tell({ type: "ended", cause }));
  }

  close() {
    this.isOver = true;
    this.isStarted = false;
    this.socket?.disconnect();
  }

  /** @param {import("./outbox.js").ScreenEvent} event */
  addEvent(event) {
    this.outbox.addEvent(event);
    this.spool.addEvent(event);
    if (this.isStarted) this.sendEvent(event);
  }

  /**
   * Called several times a second by the worker's timer.
   * @param {import("./outbox.js").PageState} state
   */
  tick(state) {
    if (this.isOver || !this.socket) return;
    const nowMs = this.nowMs();
    this.noteSleep(nowMs);
    if (nowMs >= this.reopenMs && !this.socket.connected) {
      this.reopenMs = nowMs + 4 * REOPEN_MS;
      this.socket.connect();
    }
    if (this.hasStartedOnce && nowMs >= this.nextBatchMs) {
      this.nextBatchMs = Math.max(this.nextBatchMs + this.batchMs, nowMs + this.batchMs / 2);
      this.cutBatch(state);
    }
    if (this.isStarted) {
      this.probe(nowMs);
      this.repeat(nowMs);
      this.sendBacklog(nowMs);
      if (this.isStarted && this.silentMs(nowMs) > STALLED_MS) this.reopen();
    }
    if (this.isEnding) this.tryToEnd(nowMs);
    this.sayLine();
  }

  /** @param {number} nowMs */
  noteSleep(nowMs) {
    const before = this.tickMs;
    this.tickMs = nowMs;
    if (before === 0 || nowMs - before < ASLEEP_MS) return;
    this.outbox.addAbsence({ from_ms: before, to_ms: nowMs, cause: "asleep" });
    this.probes = [];
  }

  /** @param {import("./outbox.js").PageState} state */
  cutBatch(state) {
    const nowMs = this.nowMs();
    const overdue = this.isStarted ? this.outbox.overdueEvents(nowMs, EVENT_PATIENCE_MS) : [];
    const batch = this.outbox.cut(nowMs, state, overdue);
    this.spool.add(batch, spanOf(batch));
    for (const { fromMs, toMs } of this.spool.tidy(nowMs)) {
      this.outbox.addAbsence({ from_ms: fromMs, to_ms: toMs, cause: "thinned" });
    }
    if (this.isStarted) this.sendLive(batch);
  }

  /** @param {import("./outbox.js").Batch} whole */
  async sendLive(whole) {
    const { rung, batch } = this.flow.live(whole, this.nowMs());
    if (rung === "full") {
      this.send(batch);
      return;
    }
    // The whole batch follows later, under its own number.
    const header = { ...batch.header, seq: this.outbox.nextSeq++, absences: [] };
    this.spool.about.nextSeq = this.outbox.nextSeq;
    const lean = { ...batch, header };
    if (rung === "small" || rung === "rare") {
      const [frame] = header.frames;
      const size = frame?.size ?? 0;
      const sound = batch.body.subarray(size);
      const small = frame ? await this.shrink(batch.body.slice(0, size)).catch(() => null) : null;
      header.frames = small ? [{ t: frame.t, size: small.length }] : [];
      lean.body = new Uint8Array((small?.length ?? 0) + sound.length);
      lean.body.set(small ?? [], 0);
      lean.body.set(sound, small?.length ?? 0);
    }
    if (this.isStarted) this.send(lean);
  }

  /** @param {import("./outbox.js").Batch} batch */
  send({ header, body }) {
    const nowMs = this.nowMs();
    const { backlog } = this.spool;
    const { seq } = header;
    header.sent_ms = nowMs;
    header.oldest_ms = backlog.oldestMs(seq, nowMs);
    header.heard = this.heard;
    if (backlog.entries.has(seq)) backlog.underway.add(seq);
    this.flow.sent(`${seq}`, body.length, nowMs);
    this.socket.emit("batch", header, body, (/** @type {Ack} */ ack) => this.answered(header, ack));
  }

  /**
   * @param {import("./outbox.js").Header} header
   * @param {Ack} ack
   */
  answered(header, ack) {
    const nowMs = this.nowMs();
    const { backlog } = this.spool;
    this.flow.answered(`${header.seq}`, nowMs);
    if (!ack.ok && PASSING_CODES.has(ack.error?.code ?? "")) {
      backlog.postpone(header.seq);
      this.backlogMs = nowMs + POSTPONED_MS;
      return;
    }
    backlog.acknowledge(header.seq);
    if (!ack.ok) return;
    const postponed = postponedEvents(ack);
    header.events.forEach(({ id }, index) => {
      if (!postponed.has(index)) this.outbox.acknowledgeEvent(id);
    });
    this.learn(ack, nowMs);
    this.sayLine();
  }

  /**
   * @param {Ack} ack
   * @param {number} nowMs
   */
  learn(ack, nowMs) {
    if (typeof ack.server_ms === "number") this.heard = { server_ms: ack.server_ms, t: nowMs };
    if (typeof ack.offset_ms === "number") this.spool.about.offsetMs = ack.offset_ms;
    if (typeof ack.settled_seq === "number") this.spool.settle(ack.settled_seq);
    if (typeof ack.settled_ms === "number") {
      this.spool.eraseEvents(this.outbox.settleEvents(ack.settled_ms));
    }
  }

  /**
   * The oldest batch that the server has not got, when the line has room for it.
   * @param {number} nowMs
   */
  async sendBacklog(nowMs) {
    if (this.isReading || nowMs < this.backlogMs) return;
    const entry = this.spool.backlog.next();
    if (!entry || !this.flow.carries(entry.bytes, nowMs)) return;
    this.isReading = true;
    const batch = await this.spool.read(entry.seq);
    this.isReading = false;
    if (!batch) this.spool.backlog.remove(entry.seq);
    else if (this.isStarted && !this.isOver) this.send(batch);
  }

  /** @param {number} nowMs */
  probe(nowMs) {
    if (nowMs < this.nextProbeMs) return;
    this.nextProbeMs = nowMs + PROBE_MS;
    this.probes.push(nowMs);
    this.socket.emit("probe", {}, () => {
      this.probes = this.probes.filter((sentMs) => sentMs > nowMs);
      this.flow.timed(this.nowMs() - nowMs);
      this.sayLine();
    });
  }

  /**
   * What was lost on the way although the connection stands is sent again.
   * @param {number} nowMs
   */
  repeat(nowMs) {
    for (const seq of this.flow.overdue(nowMs)) this.spool.backlog.postpone(seq);
    for (const event of this.outbox.events.values()) {
      const isLate = !event.isAcked && nowMs - (event.sentMs ?? nowMs) > REPEAT_MS;
      if (isLate) this.sendEvent(event);
    }
  }

  /** @param {number} nowMs how long nobody has answered */
  silentMs(nowMs) {
    return this.probes.length > 0 ? nowMs - this.probes[0] : 0;
  }

  /** @param {import("./outbox.js").ScreenEvent} event */
  sendEvent(event) {
    const { id, kind, t } = event;
    const kept = this.outbox.events.get(id);
    if (kept) kept.sentMs = this.nowMs();
    this.socket.emit("screen_event", { id, kind, t }, (/** @type {Ack} */ ack) => {
      const isPassing = !ack.ok && PASSING_CODES.has(ack.error?.code ?? "");
      if (!isPassing) this.outbox.acknowledgeEvent(id, ack.ok);
    });
  }

  /** @param {import("./outbox.js").PageState} state */
  end(state) {
    if (!this.isStarted) {
      this.tell({ type: "end-failed" });
      return;
    }
    this.cutBatch(state);
    this.isEnding = true;
    this.endMs = this.nowMs() + LAST_WAIT_MS;
    this.tryToEnd(this.nowMs());
  }

  /**
   * Ends the session once the server has everything, or the wait for that is over.
   * @param {number} nowMs
   */
  tryToEnd(nowMs) {
    if (this.askedEnd || !this.isStarted) return;
    const isAllSent = [...this.spool.backlog.entries.values()].every(
      ({ seq, isAcked }) => isAcked || this.spool.backlog.underway.has(seq),
    );
    if (!isAllSent && nowMs < this.endMs) return;
    this.askedEnd = true;
    this.request("end_session", {}).then(
      (ack) => (ack.ok ? this.finish("student") : this.failToEnd()),
      () => this.isOver || this.failToEnd(),
    );
  }

  failToEnd() {
    this.isEnding = this.askedEnd = false;
    this.tell({ type: "end-failed" });
  }

  /**
   * Says something for the page, which is told the acknowledgement under the same number.
   * @param {number} id
   * @param {string} event
   * @param {object} payload
   */
  say(id, event, payload) {
    const offline = { ok: false, error: { code: "offline", message: "" } };
    const answered = this.isStarted ? this.request(event, payload) : Promise.resolve(offline);
    answered.then(
      (ack) => this.tell({ type: "said", id, ack }),
      () => this.tell({ type: "said", id, ack: offline }),
    );
  }

  /**
   * @param {string} event
   * @param {object} payload
   * @returns {Promise<Ack>}
   */
  request(event, payload) {
    return this.socket.timeout(ACK_TIMEOUT_MS).emitWithAck(event, payload);
  }

  sayLine() {
    if (!this.hasStartedOnce || this.isOver) return;
    const line = lineState(this.isStarted, this.silentMs(this.nowMs()));
    if (line === this.line) return;
    this.line = line;
    this.tell({ type: "line", line });
  }
}

/**
 * When something is done, or has taken too long.
 * @param {Promise<unknown>} done
 */
function soon(done) {
  return Promise.race([done, new Promise((resolve) => setTimeout(resolve, ERASED_MS))]);
}

/**
 * The places of a batch's events that the server wants once more.
 * @param {Ack} ack
 * @returns {Set<number>}
 */
function postponedEvents(ack) {
  const refused = /** @type {{part: string, index: number, code: string}[]} */ (ack.refused ?? []);
  return new Set(
    refused
      .filter(({ part, code }) => part === "events" && PASSING_CODES.has(code))
      .map(({ index }) => index),
  );
}

/**
 * Which session a token is for, or nothing. It opens nothing: only the server can read the rest.
 * @param {string} token
 */
export function sessionOf(token) {
  try {
    const text = atob(token.split(".")[0].replaceAll("-", "+").replaceAll("_", "/"));
    const said = JSON.parse(text);
    const id = Array.isArray(said) ? said[0] : said;
    return typeof id === "string" ? id : "";
  } catch {
    return "";
  }
}
