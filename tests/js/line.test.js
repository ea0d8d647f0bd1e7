import assert from "node:assert/strict";
import { test } from "node:test";
import { Line, sessionOf } from "../../static/js/capture/line.js";
import { STATE } from "./page-state.js";

const START_ACK = {
  ok: true,
  session_id: "s",
  user_id: "anna",
  exam_id: "exam",
  token: "stream-token",
  server_ms: 1,
  started_ms: 0,
  next_seq: 0,
  run: "run-1",
  capture: { video_fps: 5, width: 640, height: 480, jpeg_quality: 0.8, screen: false, batch_ms: 1000 },
};

/** A socket that remembers what was sent and answers only when told to. */
class FakeSocket {
  connected = true;
  /** @type {Map<string, (value: any) => void>} */
  handlers = new Map();
  /** @type {{event: string, values: any[], answer: (ack: any) => void}[]} */
  sent = [];
  connects = 0;

  /** @param {string} event @param {(value: any) => void} handler */
  on(event, handler) {
    this.handlers.set(event, handler);
  }

  /** @param {string} event @param {any} [value] */
  hear(event, value) {
    this.handlers.get(event)?.(value);
  }

  /** @param {string} event @param {...any} values the last one answers */
  emit(event, ...values) {
    const answer = values.pop();
    this.sent.push({ event, values, answer });
  }

  timeout() {
    return {
      emitWithAck: (/** @type {string} */ event, /** @type {any} */ payload) =>
        new Promise((answer) => this.sent.push({ event, values: [payload], answer })),
    };
  }

  disconnect() {
    this.connected = false;
  }

  connect() {
    this.connects += 1;
  }

  /** @param {string} event */
  all(event) {
    return this.sent.filter((message) => message.event === event);
  }
}

const settle = () => new Promise((done) => setImmediate(done));

async function started(ack = {}) {
  const socket = new FakeSocket();
  const clock = { ms: 1000 };
  /** @type {any[]} */
  const news = [];
  const line = new Line({
    connect: () => socket,
    tell: (item) => news.push(item),
    nowMs: () => clock.ms,
  });
  await line.open("join-token");
  socket.hear("connect");
  socket.all("start")[0].answer({ ...START_ACK, ...ack });
  await settle();
  return { socket, clock, news, line };
}

test("a line starts the session and takes the token that replaces the join token", async () => {
  const { news, line } = await started();
  assert.equal(news[0].type, "started");
  assert.equal(line.token, "stream-token");
});

test("a batch is sent once a second", async () => {
  const { socket, clock, line } = await started();
  for (; clock.ms < 6000; clock.ms += 100) {
    line.tick(STATE);
    await settle();
    for (const batch of socket.all("batch")) batch.answer({ ok: true });
  }
  assert.equal(socket.all("batch").length, 5);
  assert.deepEqual(
    socket.all("batch").map(({ values }) => values[0].seq),
    [0, 1, 2, 3, 4],
  );
});

test("an event is sent at once, and again to a server that forgot, until it is settled", async () => {
  const { socket, line } = await started();
  line.addEvent({ id: "e1", kind: "paste", t: 1 });
  assert.equal(socket.all("screen_event").length, 1);
  socket.all("screen_event")[0].answer({ ok: true, id: "e1" });
  socket.hear("disconnect", "transport close");
  socket.hear("connect");
  socket.all("start")[1].answer({ ...START_ACK, run: "run-2" });
  await settle();
  assert.equal(socket.all("screen_event").length, 2);
  socket.all("screen_event")[1].answer({ ok: true, id: "e1" });
  line.tick(STATE);
  await settle();
  socket.all("batch")[0].answer({ ok: true, seq: 0, settled_seq: 0, settled_ms: 2 });
  assert.equal(line.outbox.events.size, 0);
});

test("an event while the line is down is kept and sent when it is back", async () => {
  const { socket, line } = await started();
  socket.hear("disconnect", "transport close");
  line.addEvent({ id: "e1", kind: "copy", t: 1 });
  assert.equal(socket.all("screen_event").length, 0);
  socket.hear("connect");
  socket.all("start")[1].answer(START_ACK);
  await settle();
  assert.equal(socket.all("screen_event")[0].values[0].id, "e1");
});

test("a lost line is told once and told again when it is back", async () => {
  const { socket, line, news } = await started();
  socket.hear("disconnect", "transport close");
  line.tick(STATE);
  line.tick(STATE);
  socket.hear("connect");
  socket.all("start")[1].answer(START_ACK);
  await settle();
  const lines = news.filter(({ type }) => type === "line").map((item) => item.line);
  assert.deepEqual(lines, ["good", "down", "good"]);
});

/** Reconnects to a server of this run. @param {FakeSocket} socket @param {string} run */
async function again(socket, run) {
  socket.hear("disconnect", "transport close");
  socket.hear("connect");
  socket.all("start").at(-1)?.answer({ ...START_ACK, run, next_seq: 2 });
  await settle();
}

/** @param {FakeSocket} socket */
const numbers = (socket) => socket.all("batch").map(({ values }) => values[0].seq);

/** @param {any} line @param {{ms: number}} clock @param {number} ms */
async function pass(line, clock, ms) {
  for (const end = clock.ms + ms; clock.ms < end; clock.ms += 100) {
    line.tick(STATE);
    await settle();
  }
}

test("after a cut what is live goes first and the backlog beside it, oldest first", async () => {
  const { socket, clock, line } = await started();
  await pass(line, clock, 1900);
  assert.deepEqual(numbers(socket), [0, 1]);
  socket.all("batch")[0].answer({ ok: true, seq: 0, settled_seq: 0 });
  socket.hear("disconnect", "transport close");
  await pass(line, clock, 2000);
  assert.equal(line.spool.backlog.owed, 3);
  await again(socket, "run-1");
  socket.sent.length = 0;
  await pass(line, clock, 600);
  assert.deepEqual(numbers(socket), [4]);
  for (let round = 0; round < 20; round++) {
    for (const batch of socket.all("batch")) batch.answer({ ok: true });
    await pass(line, clock, 100);
  }
  assert.equal(numbers(socket)[0], 4);
  assert.deepEqual(
    numbers(socket).filter((seq) => seq < 4),
    [1, 2, 3],
  );
  assert.equal(line.spool.backlog.owed, 0);
});

test("everything that is not settled is sent again to a server that forgot", async () => {
  const { socket, clock, line } = await started();
  await pass(line, clock, 2900);
  for (const batch of socket.all("batch")) batch.answer({ ok: true, settled_seq: 1 });
  assert.deepEqual([...line.spool.backlog.entries.keys()], [1, 2]);
  await again(socket, "run-2");
  assert.equal(line.spool.backlog.owed, 2);
});

test("a batch says from when on something is still missing", async () => {
  const { socket, clock, line } = await started();
  await pass(line, clock, 900);
  socket.hear("disconnect", "transport close");
  await pass(line, clock, 2000);
  await again(socket, "run-1");
  socket.sent.length = 0;
  await pass(line, clock, 1100);
  const [live] = socket.all("batch");
  assert.equal(live.values[0].oldest_ms, 1000);
});

test("a batch the server has no room for is sent again later", async () => {
  const { socket, clock, line } = await started();
  await pass(line, clock, 500);
  socket.all("batch")[0].answer({ ok: false, error: { code: "too_many", message: "" } });
  await pass(line, clock, 2500);
  assert.equal(numbers(socket).filter((seq) => seq === 0).length, 2);
});

test("a machine that slept says so", async () => {
  const { socket, clock, line } = await started();
  await pass(line, clock, 500);
  clock.ms += 60_000;
  await pass(line, clock, 1500);
  const told = socket.all("batch").flatMap(({ values }) => values[0].absences);
  assert.equal(told.length, 1);
  assert.equal(told[0].cause, "asleep");
  assert.equal(told[0].to_ms - told[0].from_ms, 60_100);
});

test("at the end the session waits until everything is sent", async () => {
  const { socket, clock, line } = await started();
  await pass(line, clock, 500);
  socket.hear("disconnect", "transport close");
  await pass(line, clock, 3000);
  await again(socket, "run-1");
  line.end(STATE);
  assert.equal(socket.all("end_session").length, 0);
  for (let round = 0; round < 60; round++) {
    for (const batch of socket.all("batch")) batch.answer({ ok: true });
    await pass(line, clock, 100);
  }
  assert.equal(socket.all("end_session").length, 1);
});

test("a connection that no longer answers is opened anew", async () => {
  const { socket, clock, line } = await started();
  for (let i = 0; i < 200; i++) {
    clock.ms += 100;
    line.tick(STATE);
    await settle();
  }
  assert.equal(socket.connected, false);
  assert.ok(socket.connects >= 1);
});

test("a refusal that is final ends the line, a passing one does not", async () => {
  const { socket, news, line } = await started();
  socket.hear("connect_error", { data: undefined });
  assert.equal(line.isOver, false);
  socket.hear("connect_error", { data: { code: "not_authenticated", message: "No." } });
  assert.equal(line.isOver, true);
  await settle();
  assert.deepEqual(news.at(-1), { type: "refused", code: "not_authenticated", message: "No." });
});

test("the end of a session is told with its cause and closes the line", async () => {
  const { socket, news } = await started();
  socket.hear("session_ended", { session_id: "s", cause: "proctor" });
  await settle();
  assert.deepEqual(news.at(-1), { type: "ended", cause: "proctor" });
  assert.equal(socket.connected, false);
});

test("ending sends what is left first", async () => {
  const { socket, line, news } = await started();
  line.end(STATE);
  assert.deepEqual(
    socket.sent.slice(-2).map(({ event }) => event),
    ["batch", "end_session"],
  );
  socket.all("end_session")[0].answer({ ok: true });
  await settle();
  assert.deepEqual(news.at(-1), { type: "ended", cause: "student" });
});

test("an event the server had no room for is sent once more, a malformed one is not", async () => {
  const { socket, clock, line } = await started();
  line.addEvent({ id: "e1", kind: "copy", t: clock.ms });
  line.addEvent({ id: "e2", kind: "copy", t: clock.ms });
  clock.ms += 2000;
  line.tick(STATE);
  const refused = [
    { part: "events", index: 0, code: "too_many" },
    { part: "events", index: 1, code: "invalid_input" },
  ];
  socket.all("batch")[0].answer({ ok: true, refused });
  assert.deepEqual([...line.outbox.events.values()].map(({ isAcked }) => isAcked ?? false), [
    false,
    true,
  ]);
});

test("what the server asks of the pace is passed on, with the start and later", async () => {
  const slow = { video_fps: 3, width: 320, height: 240 };
  const { socket, news } = await started({ pace: slow });
  const whole = { video_fps: 5, width: 640, height: 480 };
  socket.hear("pace", whole);
  const told = news.filter(({ type }) => type === "pace").map(({ payload }) => payload);
  assert.deepEqual(told, [slow, whole]);
});

test("a token says which session it is for, and nothing else does", () => {
  const signed = (/** @type {unknown} */ said) =>
    `${Buffer.from(JSON.stringify(said)).toString("base64url")}.aXk.c2lnbmF0dXJl`;
  assert.equal(sessionOf(signed("s_12")), "s_12");
  assert.equal(sessionOf(signed(["s_12", "place?>"])), "s_12");
  for (const other of ["", "a.b.c", "stream-token", signed({}), signed([7])]) {
    assert.equal(sessionOf(other), "");
  }
});
