/** The overview of an exam: kept fresh, and the monitoring of each session started and stopped. */
import { role, setText } from "../lib/dom.js";
import { postJson } from "../lib/http.js";

const EVERY_MS = 10_000;

async function refresh() {
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [now, then] = [role(document, "overview"), fresh.querySelector('[data-role="overview"]')];
  if (!then || now.contains(document.activeElement) || then.innerHTML === now.innerHTML) return;
  now.replaceChildren(...then.childNodes);
}

document.addEventListener("click", async ({ target }) => {
  const button = target instanceof HTMLElement ? target.closest("[data-steer]") : null;
  if (!(button instanceof HTMLButtonElement)) return;
  const { steer, session = "" } = button.dataset;
  button.disabled = true;
  try {
    const reason = steer === "pause" ? "Monitoring was stopped by a proctor." : "";
    await postJson(`/api/session/${encodeURIComponent(session)}/actions`, { kind: steer, reason });
    button.blur();
    setTimeout(refresh, 600);
  } catch (problem) {
    setText(role(document, "overview-problem"), problem instanceof Error ? problem.message : "That did not work.");
    button.disabled = false;
  }
});
setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
