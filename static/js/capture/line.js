/**
 * The capture worker's line to the server: connects, starts the session, sends a batch a second and
 * each screen event at once, and sends again what was not acknowledged. Owns the outbox.
 * Neither reads a clock nor opens a socket of its own: both are handed in.
 */
import { Outbox, lineState } from "./outbox.js";

/** An unanswered batch this old means the connection is dead although nobody said so. */
const STALLED_MS = 15_000;
const EVENT_PATIENCE_MS = 1_500;
const ACK_TIMEOUT_MS = 10_000;
const REOPEN_MS = 1_500;

/** Refusals that trying again does not heal. */
const FINAL_CODES = new Set(["not_authenticated", "not_allowed", "not_found", "conflict"]);

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
 *   | {type: "ended", cause: string}
 *   | {type: "end-failed"}} News
 */

export class Line {
  /**
   * @param {object} parts
   * @param {(auth: (give: (auth: object) => void) => void) => any} parts.connect makes the socket
   * @param {(news: News) => void} parts.tell
   * @param {() => number} parts.nowMs Unix ms that never goes backwards
   */
  constructor({ connect, tell, nowMs }) {
    this.connect = connect;
    this.tell = tell;
    this.nowMs = nowMs;
    this.outbox = new Outbox();
    this.token = "";
    this.consent = "";
    this.isStarted = false;
    this.isOver = false;
    this.hasStartedOnce = false;
    this.line = "";
    this.nextBatchMs = 0;
    this.reopenMs = Infinity;
    this.batchMs = 1000;
    /** @type {any} */
    this.socket = null;
  }

  /**
   * @param {string} token
   * @param {string} [consent] the version of the text the student agreed to
   */
  open(token, consent = "") {
    this.token = token;
    this.consent = consent;
    this.socket = this.connect((give) => give({ token: this.token }));
    this.socket.on("connect", () => this.start());
    this.socket.on("connect_error", (/** @type {any} */ error) => this.refuse(error?.data));
    this.socket.on("disconnect", (/** @type {string} */ reason) => this.lose(reason));
    this.socket.on("status", (/** @type {Record<string, any>} */ status) =>
      this.tell({ type: "status", status }),
    );
    this.socket.on("session_ended", (/** @type {{cause: string}} */ { cause }) => this.finish(cause));
  }

  start() {
    this.reopenMs = Infinity;
    this.request("start", { client: "browser", consent: this.consent }).then(
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
    const waiting = this.outbox.resume(ack.next_seq ?? 0);
    for (const batch of waiting) this.send(batch);
    for (const event of this.outbox.events.values()) this.sendEvent(event);
    this.nextBatchMs = this.nowMs();
    this.tell({
      type: "started",
      token: this.token,
      userId: ack.user_id,
      examId: ack.exam_id,
      startedMs: ack.started_ms,
      serverMs: ack.server_ms,
      capture: ack.capture,
    });
    this.sayLine();
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
    this.tell({ type: "refused", code, message: error?.message ?? "" });
  }

  /** @param {string} reason */
  lose(reason) {
    this.isStarted = false;
    if (this.isOver) return;
    if (reason === "io server disconnect") this.reopenMs = this.nowMs() + REOPEN_MS;
    this.sayLine();
  }

  reopen() {
    this.isStarted = false;
    this.socket.disconnect();
    this.reopenMs = this.nowMs() + REOPEN_MS;
  }

  /** @param {string} cause */
  finish(cause) {
    this.close();
    this.tell({ type: "ended", cause });
  }

  close() {
    this.isOver = true;
    this.isStarted = false;
    this.socket.disconnect();
  }

  /** @param {import("./outbox.js").ScreenEvent} event */
  addEvent(event) {
    this.outbox.addEvent(event);
    if (this.isStarted) this.sendEvent(event);
  }

  /**
   * Called several times a second by the worker's timer.
   * @param {import("./outbox.js").PageState} state
   */
  tick(state) {
    if (this.isOver || !this.socket) return;
    const nowMs = this.nowMs();
    if (nowMs >= this.reopenMs && !this.socket.connected) {
      this.reopenMs = nowMs + 4 * REOPEN_MS;
      this.socket.connect();
    }
    if (this.isStarted && nowMs >= this.nextBatchMs) {
      this.nextBatchMs = Math.max(this.nextBatchMs + this.batchMs, nowMs + this.batchMs / 2);
      this.sendNext(state);
    }
    if (this.isStarted && this.outbox.lagMs(nowMs) > STALLED_MS) this.reopen();
    this.sayLine();
  }

  /** @param {import("./outbox.js").PageState} state */
  sendNext(state) {
    const nowMs = this.nowMs();
    const overdue = this.outbox.overdueEvents(nowMs, EVENT_PATIENCE_MS);
    const batch = this.outbox.cut(nowMs, state, overdue);
    if (batch) this.send(batch);
  }

  /** @param {import("./outbox.js").Batch} batch */
  send(batch) {
    batch.header.sent_ms = this.nowMs();
    this.socket.emit("batch", batch.header, batch.body, (/** @type {Ack} */ ack) => {
      this.outbox.settle(batch.header.seq, ack.ok, postponedEvents(ack));
      this.sayLine();
    });
  }

  /** @param {import("./outbox.js").ScreenEvent} event */
  sendEvent(event) {
    this.socket.emit("screen_event", event, (/** @type {Ack} */ ack) => {
      if (ack.ok || !PASSING_CODES.has(ack.error?.code ?? "")) this.outbox.settleEvent(event.id);
    });
  }

  /** @param {import("./outbox.js").PageState} state */
  end(state) {
    if (!this.isStarted) {
      this.tell({ type: "end-failed" });
      return;
    }
    this.sendNext(state);
    this.request("end_session", {}).then(
      (ack) => (ack.ok ? this.finish("student") : this.tell({ type: "end-failed" })),
      () => this.isOver || this.tell({ type: "end-failed" }),
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
    const line = lineState(this.isStarted, this.outbox.lagMs(this.nowMs()));
    if (line === this.line) return;
    this.line = line;
    this.tell({ type: "line", line });
  }
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
