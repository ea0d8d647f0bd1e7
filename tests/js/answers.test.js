import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers, isAnswered, LONGEST_MS, PAUSE_MS } from "../../static/js/portal/exam/answers.js";
import { Timer } from "../../static/js/portal/exam/timer.js";

/** A page with a clock that is moved by hand, a storage, and a server that can be cut off. */
class Page {
  constructor(kept = new Map()) {
    this.kept = kept;
    this.nowMs = 0;
    /** @type {{atMs: number, run: () => void}[]} */
    this.timers = [];
    /** @type {{id: string, value: any, seq: number}[]} */
    this.got = [];
    /** @type {any} */
    this.refusal = null;
    this.answers = new Answers({
      put: async (id, body) => {
        if (this.refusal) throw this.refusal;
        this.got.push({ id, value: body.value, seq: body.seq });
        return { saved_ms: 5, seq: body.seq };
      },
      storage: {
        getItem: (key) => this.kept.get(key) ?? null,
        setItem: (key, text) => void this.kept.set(key, text),
        removeItem: (key) => void this.kept.delete(key),
      },
      key: "k",
      nowMs: () => this.nowMs,
      later: (run, ms) => this.timers.push({ atMs: this.nowMs + ms, run }),
      changed: () => {},
    });
  }

  /** @param {number} ms */
  async pass(ms) {
    const endMs = this.nowMs + ms;
    for (;;) {
      this.timers.sort((a, b) => a.atMs - b.atMs);
      const next = this.timers[0];
      if (!next || next.atMs > endMs) break;
      this.timers.shift();
      this.nowMs = next.atMs;
      next.run();
      await new Promise(setImmediate);
    }
    this.nowMs = endMs;
  }
}

test("an answer is sent after a pause in typing, and shown as saved only then", async () => {
  const page = new Page();
  page.answers.set("q1", "4");
  page.answers.set("q1", "42");
  assert.equal(page.answers.get("q1").state, "waiting");
  await page.pass(PAUSE_MS);
  assert.deepEqual(page.got, [{ id: "q1", value: "42", seq: 2 }]);
  assert.equal(page.answers.get("q1").state, "saved");
  assert.equal(page.kept.size, 0);
});

test("somebody who never stops typing is saved within two seconds of the first key", async () => {
  const page = new Page();
  for (let key = 0; key < 30; key += 1) {
    page.answers.set("q1", "x".repeat(key + 1));
    await page.pass(100);
  }
  assert.ok(LONGEST_MS < 2000);
  assert.ok(page.got.length >= 1);
  assert.ok((page.got[0].value?.length ?? 0) <= 20);
});

test("what was typed and not acknowledged is sent after a reload", async () => {
  const page = new Page();
  page.refusal = { code: "offline" };
  page.answers.set("q1", "kept");
  await page.pass(5000);
  assert.equal(page.got.length, 0);
  const after = new Page(page.kept);
  after.answers.load({ q1: { value: "old", seq: 0, saved_ms: 1, is_flagged: false } }, "q1");
  assert.equal(after.answers.get("q1").value, "kept");
  await after.pass(10);
  assert.deepEqual(after.got, [{ id: "q1", value: "kept", seq: 1 }]);
});

test("what the server has is newer than what an old window kept", () => {
  const page = new Page(new Map([["k", JSON.stringify({ q1: { value: "old", seq: 1, isFlagged: false } })]]));
  page.answers.load({ q1: { value: "new", seq: 3, saved_ms: 1, is_flagged: true } }, "q1");
  assert.equal(page.answers.get("q1").value, "new");
  assert.equal(page.answers.waiting, 0);
});

test("an answer after the time is said to be late and not sent again", async () => {
  const page = new Page();
  page.refusal = { code: "late", message: "" };
  page.answers.set("q1", "x");
  await page.pass(10_000);
  assert.equal(page.answers.get("q1").state, "late");
  page.refusal = null;
  await page.pass(10_000);
  assert.equal(page.got.length, 0);
});

test("a line that comes back takes everything that waited", async () => {
  const page = new Page();
  page.refusal = { code: "offline" };
  page.answers.set("q1", "a");
  page.answers.set("q2", "b");
  await page.pass(3000);
  page.refusal = null;
  assert.equal(await page.answers.flush(), true);
  assert.deepEqual(page.got.map(({ id }) => id).sort(), ["q1", "q2"]);
});

test("a question is answered by something, not by an empty field", () => {
  assert.ok(!isAnswered(null));
  assert.ok(!isAnswered(""));
  assert.ok(!isAnswered([]));
  assert.ok(isAnswered("0"));
});

test("the time left follows the server and a clock that nobody can set", () => {
  let tickMs = 1000;
  const timer = new Timer(() => tickMs);
  assert.equal(timer.leftS, null);
  timer.learn({ left_ms: 60_000, is_stopped: false });
  tickMs += 10_000;
  assert.equal(timer.leftS, 50);
  timer.learn({ left_ms: 50_000, is_stopped: true });
  tickMs += 10_000;
  assert.equal(timer.leftS, 50);
  timer.learn({ left_ms: 1000, is_stopped: false });
  tickMs += 5000;
  assert.equal(timer.leftS, 0);
});
