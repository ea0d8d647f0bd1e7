/** The dialog that says, and for managers sets, how an exam is reviewed. */
import { one, role, setText } from "../lib/dom.js";
import { getJson, putJson } from "../lib/http.js";

/**
 * @param {string} examId
 * @param {() => void} whenSaved
 */
export async function openTerms(examId, whenSaved) {
  const dialog = /** @type {HTMLDialogElement} */ (role(document, "terms-dialog"));
  const form = /** @type {HTMLFormElement} */ (role(document, "terms-form"));
  const path = `/api/exam/${encodeURIComponent(examId)}`;
  const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  setText(role(document, "terms-problem"), "");
  const [{ terms }, { may_change: mayChange }] = await Promise.all([
    getJson(`${path}/review-terms`),
    getJson(`${path}/review`),
  ]);
  field("people").value = String(terms.people);
  field("appeal_days").value = String(terms.appeal_days);
  field("release").value = terms.release;
  for (const element of form.querySelectorAll("input, select")) element.toggleAttribute("disabled", !mayChange);
  role(document, "terms-save").hidden = !mayChange;
  setText(
    role(document, "terms-note"),
    mayChange ? "An outcome that is set already keeps its own terms." : "An exam manager changes this.",
  );
  one(document, '[data-action="terms-close"]').onclick = () => dialog.close();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const body = {
      people: Number(field("people").value),
      appeal_days: Number(field("appeal_days").value),
      release: field("release").value,
    };
    try {
      await putJson(`${path}/review-terms`, body);
      dialog.close();
      whenSaved();
    } catch (problem) {
      setText(role(document, "terms-problem"), problem instanceof Error ? problem.message : "That did not work.");
    }
  };
  dialog.showModal();
}
