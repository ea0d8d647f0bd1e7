"""Every page in a real browser: accessible, narrow or wide, and plain about what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize

from app.settings import PROJECT_ROOT
from tests.e2e.people import SOON_MS, Proctor, Student, browser
from tools.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = PROJECT_ROOT / "static" / "vendor" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW: ViewportSize = {"width": 360, "height": 740}
WIDE: ViewportSize = {"width": 1280, "height": 800}
STAFF_PAGES = ("/admin", "/admin/clips", "/admin/machine", "/api/docs", "/admin/nowhere")


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci && npm run vendor")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with browser(playwright) as opened:
        yield opened


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context(viewport=WIDE)
    yield opened
    opened.close()


def faults(page: Page, axe: str, only: Sequence[str] = STANDARDS) -> list[str]:
    """What axe-core finds by these standards or rules, and whether the page is wider than its
    window."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found = page.evaluate(
        "only => axe.run(document, {runOnly: only})"
        ".then(({violations}) => violations.map(one =>"
        " `${one.id}: ${one.nodes.map(node => node.target).join(' ')}`))",
        list(only),
    )
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*found, *([f"{overflow} px too wide"] if overflow > 0 else [])]


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(WIDE, "light", id="wide-light"),
        pytest.param(NARROW, "dark", id="narrow-dark"),
        # Colours hang on the scheme and layout on the size, so these two find what those find.
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.long),
        pytest.param(NARROW, "light", id="narrow-light", marks=pytest.mark.long),
    ],
)
def test_no_page_of_a_student_or_proctor_has_an_accessibility_fault(
    chromium: Browser,
    server: Server,
    axe: str,
    scheme: Literal["light", "dark"],
    size: ViewportSize,
) -> None:
    context = chromium.new_context(viewport=size, color_scheme=scheme)
    found: dict[str, list[str]] = {}
    student = Student(context, server)
    student.page.goto(server.url)
    student.page.get_by_role("button", name="Start Exam Session").wait_for()
    found["portal"] = faults(student.page, axe)
    session_id = student.start(f"student-{scheme}-{size['width']}", "pages")
    found["running"] = faults(student.page, axe)
    proctor = Proctor(context, server)
    proctor.page.goto(server.url + "/login")
    found["login"] = faults(proctor.page, axe)
    proctor.sign_in()
    for path in (*STAFF_PAGES, f"/admin/session/{session_id}"):
        proctor.page.goto(server.url + path)
        proctor.page.locator("h1").first.wait_for()
        found[path] = faults(proctor.page, axe)
    student.end()
    found["ended"] = faults(student.page, axe)
    context.close()
    assert {name: what for name, what in found.items() if what} == {}


def test_a_reload_goes_on_with_the_running_session(context: BrowserContext, server: Server) -> None:
    student = Student(context, server)
    session_id = student.start("reloading", "pages")

    def frames_taken_in() -> int:
        # A counter appears with the first thing it counts.
        return int(server.get("/api/machine")["counters"].get("ingest_frames", 0))

    before = frames_taken_in()
    student.page.reload()
    student.page.get_by_role("heading", name="Your exam session is running").wait_for()

    def is_on_camera() -> bool:
        return frames_taken_in() > before + 10

    deadline = 50
    while not is_on_camera() and deadline:
        student.page.wait_for_timeout(200)
        deadline -= 1
    assert deadline, "no pictures came after the reload"
    active = server.get("/api/sessions/active")["sessions"]
    assert [item["session_id"] for item in active if item["user_id"] == "reloading"] == [session_id]
    student.page.get_by_text("Your screen is no longer shared.").wait_for()
    student.page.get_by_role("button", name="Share the screen again").click()
    student.page.get_by_text("Your screen is no longer shared.").wait_for(state="detached")
    student.end()


def test_a_second_window_takes_over_and_the_first_can_take_back(
    context: BrowserContext, chromium: Browser, server: Server
) -> None:
    student = Student(context, server)
    student.start("twice", "pages")
    held = student.page.evaluate("sessionStorage.getItem('candor.session')")
    elsewhere = chromium.new_context()
    second = elsewhere.new_page()
    second.goto(server.url + "/login")
    second.evaluate("held => sessionStorage.setItem('candor.session', held)", held)
    second.goto(server.url)
    second.get_by_role("heading", name="Your exam session is running").wait_for(timeout=SOON_MS)
    student.page.get_by_role("button", name="Continue here instead").click(timeout=SOON_MS)
    student.page.get_by_role("heading", name="Your exam session is running").wait_for()
    second.get_by_text("continues in another window").wait_for(timeout=SOON_MS)
    elsewhere.close()
    student.end()


REFUSALS = {
    "NotAllowedError": "The camera is blocked.",
    "NotFoundError": "No camera was found.",
    "NotReadableError": "The camera does not start.",
}


@pytest.mark.parametrize("error", REFUSALS)
def test_a_camera_that_cannot_be_had_is_said_with_its_remedy(
    context: BrowserContext, server: Server, axe: str, error: str
) -> None:
    page = context.new_page()
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia ="
        f" () => Promise.reject(new DOMException('', '{error}'))"
    )
    page.goto(server.url)
    page.get_by_label("User ID").fill("unlucky")
    page.get_by_label("Exam ID").fill("pages")
    page.get_by_role("button", name="Start Exam Session").click()
    page.get_by_text(REFUSALS[error]).wait_for()
    assert page.get_by_role("button", name="Try again").is_visible()
    assert faults(page, axe) == []
    active = server.get("/api/sessions/active")["sessions"]
    assert "unlucky" not in {item["user_id"] for item in active}


def test_an_id_that_does_not_fit_is_said_beside_its_field(
    context: BrowserContext, server: Server
) -> None:
    page = context.new_page()
    page.goto(server.url)
    page.get_by_label("User ID").fill("../etc")
    page.get_by_role("button", name="Start Exam Session").click()
    assert "starts with a letter" in page.locator("#user-id-error").inner_text()
    assert page.locator("#exam-id-error").inner_text() == "Type your Exam ID."
    assert page.evaluate("document.activeElement.id") == "user-id"


def test_a_link_that_is_no_longer_good_leads_back_to_where_it_came_from(
    context: BrowserContext, server: Server
) -> None:
    page = context.new_page()
    page.goto(server.url + "/#token=stale")
    page.get_by_role("heading", name="This link is no longer good").wait_for()
    assert "token" not in page.url


def test_an_exam_without_the_screen_never_asks_for_it(
    playwright: Playwright, tmp_path: Path
) -> None:
    with (
        Server(tmp_path, {"PROCTOR_CAPTURE_SCREEN": "false"}) as server,
        browser(playwright) as opened,
    ):
        context = opened.new_context()
        context.add_init_script(
            "window.asked = 0; navigator.mediaDevices.getDisplayMedia ="
            " () => { window.asked += 1; return new Promise(() => {}); }"
        )
        student = Student(context, server)
        student.start("unshared", "pages")
        assert student.page.evaluate("window.asked") == 0
        assert student.page.get_by_text("Screen").count() == 0
        student.end()
