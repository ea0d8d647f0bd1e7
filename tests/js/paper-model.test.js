import assert from "node:assert/strict";
import { test } from "node:test";
import { changeKind, copyOf, moveQuestion, newQuestion, newSection, numberOf, problemOf, problemsOf, removeQuestion, removeSection, toSend } from "../../static/js/editor/paper-model.js";

function paper() {
  const first = { ...newSection(), questions: ["a", "b"].map((text) => ({ ...newQuestion("long"), text })) };
  const second = { ...newSection(), questions: [{ ...newQuestion("long"), text: "c" }] };
  return { version: 1, sections: [first, second] };
}

const texts = (/** @type {any} */ given) => given.sections.map((/** @type {any} */ section) => section.questions.map((/** @type {any} */ each) => each.text).join("")).join("|");

test("a question moves within its section and over its ends", () => {
  const given = paper();
  assert.deepEqual(moveQuestion(given, 0, 0, 1), { section: 0, at: 1 });
  assert.equal(texts(given), "ba|c");
  assert.deepEqual(moveQuestion(given, 0, 1, 1), { section: 1, at: 0 });
  assert.equal(texts(given), "b|ac");
  assert.deepEqual(moveQuestion(given, 1, 0, -1), { section: 0, at: 1 });
  assert.equal(texts(given), "ba|c");
  assert.equal(moveQuestion(given, 0, 0, -1), null);
  assert.equal(moveQuestion(given, 1, 0, 1), null);
});

test("what was deleted can be put back where it was", () => {
  const given = paper();
  const back = removeQuestion(given, 0, 0);
  assert.equal(texts(given), "b|c");
  back();
  assert.equal(texts(given), "ab|c");
  const section = removeSection(given, 0);
  assert.equal(texts(given), "c");
  section();
  assert.equal(texts(given), "ab|c");
});

test("a question says what it lacks", () => {
  const question = newQuestion("single");
  assert.match(problemOf(question), /Write the question/);
  question.text = "?";
  assert.match(problemOf(question), /empty/);
  question.options.forEach((option, at) => (option.text = String(at)));
  assert.equal(problemOf(question), "");
  question.options[1].is_right = true;
  assert.match(problemOf(question), /exactly one/);
  changeKind(question, "multiple");
  assert.equal(problemOf(question), "");
  changeKind(question, "numeric");
  assert.match(problemOf(question), /right number/);
  question.number = "3,14";
  assert.equal(problemOf(question), "");
  question.points = "many";
  assert.match(problemOf(question), /Points/);
  assert.equal(problemsOf({ version: 0, sections: [{ ...newSection(), questions: [question] }] }), 1);
});

test("one right option stays when several become one", () => {
  const question = newQuestion("multiple");
  question.options[1].is_right = true;
  changeKind(question, "single");
  assert.deepEqual(question.options.map((option) => option.is_right), [true, false]);
});

test("a copy counts as new", () => {
  const question = newQuestion("single");
  question.question_id = "q_1";
  question.options[0].option_id = "o_1";
  const copy = copyOf(question);
  assert.equal(copy.question_id + copy.options[0].option_id, "");
  copy.options[0].text = "changed";
  assert.equal(question.options[0].text, "");
});

test("numbers are sent as numbers, and only what the kind needs", () => {
  assert.equal(numberOf(" 2,5 "), 2.5);
  assert.equal(numberOf("x"), null);
  assert.equal(numberOf(""), null);
  const question = { ...newQuestion("short"), text: "?", points: "2", accepted: [" a ", "", "b"], number: "5" };
  const sent = toSend({ version: 3, sections: [{ ...newSection(), questions: [question] }] });
  const first = sent.sections[0].questions[0];
  assert.equal(sent.version, 3);
  assert.deepEqual([first.points, first.number, first.accepted], [2, null, ["a", "b"]]);
});
