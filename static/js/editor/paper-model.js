/** A paper while it is edited: plain data, no page. */

/**
 * @typedef {{option_id: string, text: string, is_right: boolean}} Option
 * @typedef {"single" | "multiple" | "numeric" | "short" | "long"} Kind
 * @typedef {{question_id: string, kind: Kind, text: string, format: string, points: number | string,
 *   penalty: number | string, options: Option[], partly: boolean, number: number | string | null,
 *   tolerance: number | string, accepted: string[], is_case_kept: boolean, by_hand: boolean,
 *   picture_id: string, picture_alt: string, guide: string}} Question
 * @typedef {{section_id: string, title: string, intro: string, questions: Question[]}} Section
 * @typedef {{version: number, sections: Section[]}} Paper
 */

export const MOST_OPTIONS = 30;

/** @type {Record<Kind, string>} */
export const KINDS = {
  single: "One right option",
  multiple: "Several right options",
  numeric: "Number",
  short: "Short text",
  long: "Long text",
};

/**
 * @param {Kind} kind
 * @returns {Question}
 */
export function newQuestion(kind) {
  const options = kind === "single" || kind === "multiple" ? [newOption(true), newOption(false)] : [];
  return {
    question_id: "",
    kind,
    text: "",
    format: "marked",
    points: 1,
    penalty: 0,
    options,
    partly: false,
    number: null,
    tolerance: 0,
    accepted: [],
    is_case_kept: false,
    by_hand: false,
    picture_id: "",
    picture_alt: "",
    guide: "",
  };
}

/**
 * @param {boolean} isRight
 * @returns {Option}
 */
export function newOption(isRight) {
  return { option_id: "", text: "", is_right: isRight };
}

/** @returns {Section} */
export function newSection() {
  return { section_id: "", title: "", intro: "", questions: [] };
}

/**
 * Moves a question by one place, into the neighbouring section at the ends. Returns where it is
 * now, or null when it cannot move.
 * @param {Paper} paper
 * @param {number} section
 * @param {number} at
 * @param {-1 | 1} step
 * @returns {{section: number, at: number} | null}
 */
export function moveQuestion(paper, section, at, step) {
  const here = paper.sections[section].questions;
  const to = at + step;
  if (to >= 0 && to < here.length) {
    [here[at], here[to]] = [here[to], here[at]];
    return { section, at: to };
  }
  const neighbour = paper.sections[section + step];
  if (!neighbour) return null;
  const [moved] = here.splice(at, 1);
  if (step < 0) {
    neighbour.questions.push(moved);
    return { section: section - 1, at: neighbour.questions.length - 1 };
  }
  neighbour.questions.unshift(moved);
  return { section: section + 1, at: 0 };
}

/**
 * Takes a question out; the function that comes back puts it where it was.
 * @param {Paper} paper
 * @param {number} section
 * @param {number} at
 * @returns {() => void}
 */
export function removeQuestion(paper, section, at) {
  const list = paper.sections[section].questions;
  const [gone] = list.splice(at, 1);
  return () => {
    list.splice(Math.min(at, list.length), 0, gone);
  };
}

/**
 * Takes a section out with its questions; the function that comes back puts it where it was.
 * @param {Paper} paper
 * @param {number} at
 * @returns {() => void}
 */
export function removeSection(paper, at) {
  const [gone] = paper.sections.splice(at, 1);
  return () => {
    paper.sections.splice(Math.min(at, paper.sections.length), 0, gone);
  };
}

/**
 * A copy that counts as new.
 * @param {Question} question
 * @returns {Question}
 */
export function copyOf(question) {
  return {
    ...question,
    question_id: "",
    accepted: [...question.accepted],
    options: question.options.map((option) => ({ ...option, option_id: "" })),
  };
}

/**
 * Another kind of the same question: what both have is kept.
 * @param {Question} question
 * @param {Kind} kind
 */
export function changeKind(question, kind) {
  question.kind = kind;
  const hasOptions = kind === "single" || kind === "multiple";
  if (hasOptions && question.options.length === 0) question.options = newQuestion(kind).options;
  if (!hasOptions) question.options = [];
  if (kind === "single") {
    const first = Math.max(0, question.options.findIndex((option) => option.is_right));
    question.options.forEach((option, at) => {
      option.is_right = at === first;
    });
  }
}

/**
 * The number a person typed, or null.
 * @param {number | string | null} typed
 */
export function numberOf(typed) {
  if (typed === null || String(typed).trim() === "") return null;
  const number = Number(String(typed).trim().replace(",", "."));
  return Number.isFinite(number) ? number : null;
}

/**
 * What keeps a question from being asked, in a sentence; empty when nothing does.
 * @param {Question} question
 */
export function problemOf(question) {
  if (!question.text.trim()) return "Write the question.";
  const points = numberOf(question.points);
  if (points === null || points < 0 || points > 1000) return "Points are a number from 0 to 1000.";
  const penalty = numberOf(question.penalty);
  if (penalty === null || penalty < 0 || penalty > 1000) return "What a wrong answer takes off is a number from 0 to 1000.";
  if (question.picture_id && !question.picture_alt.trim()) return "Say in words what the picture shows.";
  if (question.kind === "numeric") {
    if (numberOf(question.number) === null) return "Write the right number.";
    const tolerance = numberOf(question.tolerance);
    if (tolerance === null || tolerance < 0) return "The tolerance is a number from 0 on.";
  }
  if (question.kind === "single" || question.kind === "multiple") return problemOfOptions(question);
  return "";
}

/** @param {Question} question */
function problemOfOptions(question) {
  const texts = question.options.map((option) => option.text.trim());
  const right = question.options.filter((option) => option.is_right).length;
  if (texts.length < 2) return "Add at least two options.";
  if (texts.some((text) => !text)) return "An option is empty.";
  if (new Set(texts).size < texts.length) return "Two options are the same.";
  if (question.kind === "single" && right !== 1) return "Mark exactly one option as right.";
  return right === 0 ? "Mark at least one option as right." : "";
}

/**
 * How many questions have a problem.
 * @param {Paper} paper
 */
export function problemsOf(paper) {
  return paper.sections.flatMap((section) => section.questions).filter((each) => problemOf(each)).length;
}

/**
 * What is sent: numbers as numbers, nothing that the kind has no use for.
 * @param {Paper} paper
 */
export function toSend(paper) {
  return {
    version: paper.version,
    sections: paper.sections.map((section) => ({
      ...section,
      questions: section.questions.map((question) => ({
        ...question,
        points: numberOf(question.points) ?? 0,
        penalty: numberOf(question.penalty) ?? 0,
        number: question.kind === "numeric" ? numberOf(question.number) : null,
        tolerance: question.kind === "numeric" ? (numberOf(question.tolerance) ?? 0) : 0,
        accepted: question.kind === "short" ? question.accepted.map((each) => each.trim()).filter(Boolean) : [],
        options: question.options,
      })),
    })),
  };
}
