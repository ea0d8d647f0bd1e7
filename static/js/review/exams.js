/** Which exams wait for a reviewer, and how often flags are confirmed. */
import { h, icon, role } from "../lib/dom.js";
import { dayAndTime } from "../lib/format.js";
import { getJson } from "../lib/http.js";
import { sayOffline } from "../lib/live.js";
import { Rates } from "./rates.js";

/**
 * @typedef {{exam_id: string, flags: number, waiting: number, sessions: number, due: number,
 *   appeals: number, newest_at: string | null}} Exam
 */

async function load() {
  /** @type {Exam[]} */
  let exams = [];
  try {
    exams = (await getJson("/api/review/exams")).exams;
  } catch (problem) {
    sayOffline(problem instanceof Error ? problem.message : "The exams could not be loaded.");
    return;
  } finally {
    role(document, "loading").hidden = true;
  }
  role(document, "empty").hidden = exams.length > 0;
  role(document, "exams").replaceChildren(...exams.map(build));
  if (exams.length > 0) await new Rates(role(document, "rates")).begin(exams.map((exam) => exam.exam_id));
}

/** @param {Exam} exam */
function build(exam) {
  const counts = [
    [exam.appeals, "appeal", "appeals", "tag--conduct"],
    [exam.waiting, "flag waits", "flags wait", "tag--conduct"],
    [exam.due, "outcome due", "outcomes due", ""],
  ];
  const tags = counts
    .filter(([count]) => Number(count) > 0)
    .map(([count, single, many, tone]) => h("span", { class: `tag ${tone}` }, `${count} ${count === 1 ? single : many}`));
  return h(
    "li",
    {},
    h(
      "a",
      { class: "rv-exam", href: `/admin/review/${encodeURIComponent(exam.exam_id)}` },
      h("span", { class: "rv-exam__name" }, exam.exam_id),
      h(
        "span",
        { class: "soft small number" },
        `${exam.flags} flags in ${exam.sessions} ${exam.sessions === 1 ? "session" : "sessions"}`,
        exam.newest_at ? `, newest ${dayAndTime(exam.newest_at)}` : "",
      ),
      h("span", { class: "rv-exam__tags" }, ...(tags.length > 0 ? tags : [h("span", { class: "tag tag--good" }, icon("check"), "Nothing waits")])),
    ),
  );
}

load();
