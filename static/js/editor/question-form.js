/** One question of the editor: its head line with the buttons, and its form. */

import { h } from "../lib/dom.js";
import { KINDS, MOST_OPTIONS, changeKind, newOption, problemOf } from "./paper-model.js";

/** @typedef {import("./paper-model.js").Question} Question */
/** @typedef {import("./paper-model.js").Kind} Kind */

/**
 * @typedef {object} Place What a card may ask of the editor around it.
 * @property {string} exam
 * @property {string} name "Question 3"
 * @property {boolean} isOpen
 * @property {() => void} onChange something was typed
 * @property {() => void} onRedraw the form must be drawn again
 * @property {(isOpen: boolean) => void} onToggle
 * @property {(step: -1 | 1) => void} onMove
 * @property {() => void} onCopy
 * @property {() => void} onRemove
 * @property {(file: File) => Promise<string>} onPicture brings a picture in; its id
 */

let counter = 0;

/**
 * @param {Question} question
 * @param {Place} place
 */
export function questionCard(question, place) {
  counter += 1;
  const id = `q${counter}`;
  const body = h("div", { class: "q__body", id: `${id}-body`, hidden: !place.isOpen });
  const summary = h("span", { class: "q__text" });
  const mark = h("span", { class: "tag q__mark" });
  const refresh = () => {
    summary.textContent = question.text.split("\n")[0].slice(0, 140) || "New question";
    const problem = problemOf(question);
    mark.textContent = problem ? "Not complete" : `${question.points} p`;
    mark.className = problem ? "tag tag--technical q__mark" : "tag q__mark number";
    error.textContent = problem;
  };
  const error = h("p", { class: "field__error q__error", role: "status" });
  const changed = () => {
    refresh();
    place.onChange();
  };
  const toggle = h(
    "button",
    {
      class: "q__toggle",
      type: "button",
      "aria-expanded": String(place.isOpen),
      "aria-controls": `${id}-body`,
      click: () => {
        const isOpen = body.hidden;
        body.hidden = !isOpen;
        toggle.setAttribute("aria-expanded", String(isOpen));
        place.onToggle(isOpen);
      },
    },
    h("span", { class: "q__name" }, place.name),
    summary,
  );
  const act = (/** @type {string} */ label, /** @type {string} */ sign, /** @type {() => void} */ click, /** @type {string} */ name) =>
    h("button", { class: "button button--small q__act", type: "button", "data-act": name, "aria-label": `${label} ${place.name.toLowerCase()}`, title: label, click }, sign);
  const card = h(
    "li",
    { class: "q card" },
    h(
      "div",
      { class: "q__head" },
      toggle,
      mark,
      h(
        "div",
        { class: "q__acts" },
        act("Move up", "↑", () => place.onMove(-1), "up"),
        act("Move down", "↓", () => place.onMove(1), "down"),
        act("Copy", "Copy", place.onCopy, "copy"),
        act("Delete", "Delete", place.onRemove, "delete"),
      ),
    ),
    body,
  );
  body.append(...form(question, place, id, changed), error);
  refresh();
  return card;
}

/**
 * @param {Question} question
 * @param {Place} place
 * @param {string} id
 * @param {() => void} changed
 */
function form(question, place, id, changed) {
  const kind = h(
    "select",
    {
      class: "select",
      id: `${id}-kind`,
      change: () => {
        changeKind(question, /** @type {Kind} */ (/** @type {HTMLSelectElement} */ (kind).value));
        changed();
        place.onRedraw();
      },
    },
    ...Object.entries(KINDS).map(([value, label]) => h("option", { value, selected: value === question.kind }, label)),
  );
  const parts = [
    field(`${id}-text`, "Question", area(question, "text", `${id}-text`, 4, changed), "**strong**, `code`, $formula$; ``` for a block of code, - for a list."),
    h(
      "div",
      { class: "form__row" },
      field(`${id}-kind`, "Kind", kind),
      field(`${id}-points`, "Points", line(question, "points", `${id}-points`, changed, "decimal")),
      field(`${id}-penalty`, "A wrong answer takes off", line(question, "penalty", `${id}-penalty`, changed, "decimal")),
    ),
  ];
  if (question.kind === "single" || question.kind === "multiple") parts.push(optionsPart(question, place, id, changed));
  if (question.kind === "numeric") {
    parts.push(
      h(
        "div",
        { class: "form__row" },
        field(`${id}-number`, "Right number", line(question, "number", `${id}-number`, changed, "decimal")),
        field(`${id}-tolerance`, "Tolerance, either way", line(question, "tolerance", `${id}-tolerance`, changed, "decimal")),
      ),
    );
  }
  if (question.kind === "short") parts.push(...shortPart(question, id, changed));
  if (question.kind === "short" || question.kind === "long") {
    parts.push(field(`${id}-guide`, "For those who mark", area(question, "guide", `${id}-guide`, 2, changed), "Students never see this."));
  }
  parts.push(picturePart(question, place, id, changed));
  return parts;
}

/**
 * @param {Question} question
 * @param {Place} place
 * @param {string} id
 * @param {() => void} changed
 */
function optionsPart(question, place, id, changed) {
  const isOne = question.kind === "single";
  const rows = question.options.map((option, at) => {
    const pick = h("input", {
      type: isOne ? "radio" : "checkbox",
      name: `${id}-right`,
      id: `${id}-right-${at}`,
      checked: option.is_right,
      "aria-label": `Option ${at + 1} is right`,
      change: () => {
        if (isOne) for (const each of question.options) each.is_right = each === option;
        else option.is_right = /** @type {HTMLInputElement} */ (pick).checked;
        changed();
      },
    });
    const text = h("input", {
      class: "input",
      value: option.text,
      maxlength: 4000,
      autocomplete: "off",
      "aria-label": `Option ${at + 1}`,
      input: () => {
        option.text = /** @type {HTMLInputElement} */ (text).value;
        changed();
      },
    });
    const remove = h(
      "button",
      {
        class: "button button--small",
        type: "button",
        "aria-label": `Delete option ${at + 1}`,
        click: () => {
          question.options.splice(at, 1);
          changed();
          place.onRedraw();
        },
      },
      "Delete",
    );
    return h("li", { class: "option" }, pick, text, remove);
  });
  const add = h(
    "button",
    {
      class: "button button--small",
      type: "button",
      disabled: question.options.length >= MOST_OPTIONS,
      click: () => {
        question.options.push(newOption(false));
        changed();
        place.onRedraw();
      },
    },
    "Add an option",
  );
  const group = h(
    "fieldset",
    { class: "options" },
    h("legend", {}, isOne ? "Options: mark the right one" : "Options: mark every right one"),
    h("ol", { class: "options__list" }, ...rows),
    add,
  );
  if (!isOne) group.append(check(question, "partly", `${id}-partly`, "Some right options give a share of the points", changed));
  return group;
}

/**
 * @param {Question} question
 * @param {string} id
 * @param {() => void} changed
 */
function shortPart(question, id, changed) {
  const accepted = h("textarea", {
    class: "input",
    id: `${id}-accepted`,
    rows: 3,
    spellcheck: "false",
    input: () => {
      question.accepted = /** @type {HTMLTextAreaElement} */ (accepted).value.split("\n");
      changed();
    },
  });
  /** @type {HTMLTextAreaElement} */ (accepted).value = question.accepted.join("\n");
  return [
    field(`${id}-accepted`, "Right answers, one per line", accepted, "Spaces and the way accents are typed make no difference. Empty: a person marks every answer."),
    h(
      "div",
      { class: "checks" },
      check(question, "is_case_kept", `${id}-case`, "Capital letters matter", changed),
      check(question, "by_hand", `${id}-hand`, "A person looks at all other answers", changed),
    ),
  ];
}

/**
 * @param {Question} question
 * @param {Place} place
 * @param {string} id
 * @param {() => void} changed
 */
function picturePart(question, place, id, changed) {
  if (question.picture_id) {
    const src = `/api/exam/${encodeURIComponent(place.exam)}/pictures/${question.picture_id}`;
    const remove = () => {
      question.picture_id = "";
      question.picture_alt = "";
      changed();
      place.onRedraw();
    };
    return h(
      "div",
      { class: "picture" },
      h("img", { class: "picture__img", src, alt: question.picture_alt || "The picture of this question" }),
      field(`${id}-alt`, "What the picture shows, in words", line(question, "picture_alt", `${id}-alt`, changed)),
      h("button", { class: "button button--small", type: "button", click: remove }, "Take the picture away"),
    );
  }
  const said = h("p", { class: "field__error", role: "status" });
  const file = h("input", {
    id: `${id}-file`,
    type: "file",
    accept: "image/png,image/jpeg,image/gif,image/webp",
    change: async () => {
      const chosen = /** @type {HTMLInputElement} */ (file).files?.[0];
      if (!chosen) return;
      said.textContent = "Bringing the picture in …";
      try {
        question.picture_id = await place.onPicture(chosen);
        changed();
        place.onRedraw();
      } catch (error) {
        said.textContent = error instanceof Error ? error.message : "The picture could not be brought in.";
      }
    },
  });
  return h("div", { class: "field" }, h("label", { for: `${id}-file` }, "Picture (optional)"), file, said);
}

/**
 * @param {string} id
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
function field(id, label, control, hint = "") {
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, hint ? h("p", { class: "field__hint", id: `${id}-hint` }, hint) : null);
}

/**
 * @param {any} model
 * @param {string} name
 * @param {string} id
 * @param {() => void} changed
 * @param {string} [mode]
 */
function line(model, name, id, changed, mode = "text") {
  const input = h("input", {
    class: "input",
    id,
    value: model[name] ?? "",
    inputmode: mode,
    autocomplete: "off",
    input: () => {
      model[name] = /** @type {HTMLInputElement} */ (input).value;
      changed();
    },
  });
  return input;
}

/**
 * @param {any} model
 * @param {string} name
 * @param {string} id
 * @param {number} rows
 * @param {() => void} changed
 */
export function area(model, name, id, rows, changed) {
  const input = h("textarea", {
    class: "input",
    id,
    rows,
    maxlength: 20000,
    input: () => {
      model[name] = /** @type {HTMLTextAreaElement} */ (input).value;
      changed();
    },
  });
  /** @type {HTMLTextAreaElement} */ (input).value = model[name];
  return input;
}

/**
 * @param {any} model
 * @param {string} name
 * @param {string} id
 * @param {string} label
 * @param {() => void} changed
 */
function check(model, name, id, label, changed) {
  const input = h("input", {
    type: "checkbox",
    id,
    checked: model[name],
    change: () => {
      model[name] = /** @type {HTMLInputElement} */ (input).checked;
      changed();
    },
  });
  return h("div", { class: "check" }, input, h("label", { for: id }, label));
}

/** @param {any} model @param {string} id @param {() => void} changed */
export function titleField(model, id, changed) {
  return field(id, "Title of the section", line(model, "title", id, changed));
}
