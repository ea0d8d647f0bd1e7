/** The editor of a paper: sections and questions, saved as a whole with its version. */

import { h, role } from "../lib/dom.js";
import { postBytes, putJson } from "../lib/http.js";
import { KINDS, copyOf, moveQuestion, newQuestion, newSection, problemsOf, removeQuestion, removeSection, toSend } from "./paper-model.js";
import { area, questionCard, titleField } from "./question-form.js";

/** @typedef {import("./paper-model.js").Paper} Paper */
/** @typedef {import("./paper-model.js").Question} Question */
/** @typedef {import("./paper-model.js").Kind} Kind */

const UNDO_MS = 12_000;
const editor = role(document, "editor");
const state = role(document, "state");
const save = /** @type {HTMLButtonElement} */ (role(document, "save"));
const toast = role(document, "toast");
const exam = editor.dataset.exam ?? "";
/** @type {Paper} */
let paper = JSON.parse(editor.dataset.paper ?? "{}");
/** @type {WeakSet<Question>} */
const open = new WeakSet();
let isChanged = false;
/** @type {(() => void) | null} */
let putBack = null;
let toastTimer = 0;

if (paper.sections.length === 0) paper.sections.push(newSection());
draw();
tell();

save.addEventListener("click", () => void store());
role(document, "undo").addEventListener("click", () => {
  putBack?.();
  hideToast();
  changed();
  draw();
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    void store();
  }
});
window.addEventListener("beforeunload", (event) => {
  if (isChanged) event.preventDefault();
});

function draw() {
  let number = 0;
  const sections = paper.sections.map((section, at) => {
    const cards = section.questions.map((question, index) => {
      number += 1;
      return card(question, at, index, number);
    });
    return sectionPart(at, cards);
  });
  const add = h(
    "button",
    {
      class: "button",
      type: "button",
      click: () => {
        paper.sections.push(newSection());
        changed();
        draw();
        document.getElementById(`s${paper.sections.length - 1}-title`)?.focus();
      },
    },
    "Add a section",
  );
  editor.replaceChildren(...sections, add);
}

/**
 * @param {number} at
 * @param {HTMLElement[]} cards
 */
function sectionPart(at, cards) {
  const section = paper.sections[at];
  const kind = h("select", { class: "select", id: `s${at}-kind` }, ...Object.entries(KINDS).map(([value, label]) => h("option", { value }, label)));
  const add = h(
    "button",
    {
      class: "button button--primary",
      type: "button",
      click: () => {
        const question = newQuestion(/** @type {Kind} */ (/** @type {HTMLSelectElement} */ (kind).value));
        section.questions.push(question);
        open.add(question);
        changed();
        draw();
        focusQuestion(at, section.questions.length - 1, "textarea");
      },
    },
    "Add a question",
  );
  const remove = h(
    "button",
    {
      class: "button button--small",
      type: "button",
      disabled: paper.sections.length === 1,
      click: () => {
        offerUndo(removeSection(paper, at), section.questions.length ? `Section and its ${section.questions.length} questions deleted.` : "Section deleted.");
      },
    },
    "Delete section",
  );
  return h(
    "section",
    { class: "part", "aria-label": `Section ${at + 1}`, "data-section": at },
    h("div", { class: "part__head" }, h("h2", {}, `Section ${at + 1}`), remove),
    h("div", { class: "form__row" }, titleField(section, `s${at}-title`, changed)),
    h("div", { class: "field" }, h("label", { for: `s${at}-intro` }, "Before its first question (optional)"), area(section, "intro", `s${at}-intro`, 2, changed)),
    cards.length ? h("ol", { class: "questions" }, ...cards) : h("p", { class: "soft" }, "No question in this section yet."),
    h("div", { class: "part__add" }, h("div", { class: "field" }, h("label", { for: `s${at}-kind` }, "Kind of the next question"), kind), add),
  );
}

/**
 * @param {Question} question
 * @param {number} section
 * @param {number} at
 * @param {number} number
 * @returns {HTMLElement}
 */
function card(question, section, at, number) {
  const element = questionCard(question, {
    exam,
    name: `Question ${number}`,
    isOpen: open.has(question),
    onChange: changed,
    onRedraw: () => {
      const id = document.activeElement?.id;
      const again = card(question, section, at, number);
      current.replaceWith(again);
      current = again;
      (id && document.getElementById(id) ? document.getElementById(id) : again.querySelector("select"))?.focus();
    },
    onToggle: (isOpen) => {
      if (isOpen) open.add(question);
      else open.delete(question);
    },
    onMove: (step) => {
      const now = moveQuestion(paper, section, at, step);
      if (!now) {
        state.textContent = step < 0 ? "This is the first question." : "This is the last question.";
        return;
      }
      changed();
      draw();
      focusQuestion(now.section, now.at, `[data-act="${step < 0 ? "up" : "down"}"]`);
    },
    onCopy: () => {
      const copy = copyOf(question);
      paper.sections[section].questions.splice(at + 1, 0, copy);
      open.add(copy);
      changed();
      draw();
      focusQuestion(section, at + 1, "textarea");
    },
    onRemove: () => offerUndo(removeQuestion(paper, section, at), `Question ${number} deleted.`),
    onPicture: async (file) => (await postBytes(`/api/exam/${encodeURIComponent(exam)}/pictures`, file)).picture_id,
  });
  let current = element;
  return element;
}

/**
 * @param {number} section
 * @param {number} at
 * @param {string} what
 */
function focusQuestion(section, at, what) {
  const element = editor.querySelectorAll(`[data-section="${section}"] .q`)[at]?.querySelector(what);
  if (element instanceof HTMLElement) element.focus();
}

/**
 * @param {() => void} undo
 * @param {string} text
 */
function offerUndo(undo, text) {
  putBack = undo;
  changed();
  draw();
  role(document, "toast-text").textContent = text;
  toast.hidden = false;
  role(document, "undo").focus();
  clearTimeout(toastTimer);
  toastTimer = window.setTimeout(hideToast, UNDO_MS);
}

function hideToast() {
  toast.hidden = true;
  putBack = null;
}

function changed() {
  isChanged = true;
  tell();
}

/** @param {string} [said] */
function tell(said = "") {
  const count = paper.sections.reduce((sum, section) => sum + section.questions.length, 0);
  const problems = problemsOf(paper);
  const open = problems ? ` ${problems} not complete.` : "";
  state.textContent = said || `${count} ${count === 1 ? "question" : "questions"}.${open} ${isChanged ? "Not saved yet." : ""}`.trim();
  save.disabled = !isChanged;
}

async function store() {
  if (!isChanged || save.getAttribute("aria-busy") === "true") return;
  if (problemsOf(paper)) {
    showFirstProblem();
    return;
  }
  save.setAttribute("aria-busy", "true");
  try {
    const kept = await putJson(`/api/exam/${encodeURIComponent(exam)}/paper`, toSend(paper));
    takeIds(kept);
    isChanged = false;
    tell("Saved.");
  } catch (error) {
    state.textContent = error instanceof Error ? error.message : "It could not be saved. Try again.";
  } finally {
    save.removeAttribute("aria-busy");
  }
}

/**
 * What is new has an id now; what is typed stays as it is.
 * @param {Paper} kept
 */
function takeIds(kept) {
  paper.version = kept.version;
  kept.sections.forEach((section, at) => {
    paper.sections[at].section_id = section.section_id;
    section.questions.forEach((question, index) => {
      const mine = paper.sections[at].questions[index];
      mine.question_id = question.question_id;
      question.options.forEach((option, place) => {
        mine.options[place].option_id = option.option_id;
      });
    });
  });
}

function showFirstProblem() {
  const mark = editor.querySelector(".q__mark.tag--technical");
  const toggle = mark?.closest(".q")?.querySelector(".q__toggle");
  if (toggle instanceof HTMLElement) {
    if (toggle.getAttribute("aria-expanded") === "false") toggle.click();
    toggle.focus();
  }
  tell("A question is not complete: it says what is missing. Nothing was saved.");
}
