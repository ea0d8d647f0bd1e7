"""A reviewer's desk in a real browser: two people, keys, axe, and a page for every size."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from app.settings import PROJECT_ROOT
from tests.browser import ALWAYS, chromium_path
from tests.live_server import LiveServer, live_server
from tests.reviewed_exam import Sat, sit_exam
from tests.waiting import wait_until

pytestmark = [pytest.mark.room, pytest.mark.browser, pytest.mark.slow]

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
SOON_MS = 30_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("review")) as running:
        for name in ("rita", "rolf"):
            running.services.desk.add(name, "a-password", "reviewer", [])
        yield running


@pytest.fixture(scope="module")
def sat(server: LiveServer) -> list[Sat]:
    return sit_exam(server.services, "algebra", "ben", "cara")


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ALWAYS))
    yield browser
    browser.close()


def signed_in(chromium: Browser, server: LiveServer, name: str, width: int = 1360) -> Page:
    page = chromium.new_context(viewport={"width": width, "height": 900}).new_page()
    page.set_default_timeout(SOON_MS)
    page.goto(f"{server.url}/login")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill("a-password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def complaints(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(
        "async () => (await axe.run()).violations.map(v => `${v.id}: ${v.nodes[0].html}`)"
    )
    return found


def video_is_loaded(page: Page) -> bool:
    loaded: bool = page.evaluate("(document.querySelector('video')?.readyState ?? 0) > 0")
    return loaded


def drawn(page: Page) -> int:
    """How many frames of the ring show something else than their background."""
    count: int = page.evaluate(
        """() => [...document.querySelectorAll("look-ring canvas")].filter((canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.some((value, index) => index % 4 === 0 && value > 0);
        }).length"""
    )
    return count


def test_two_reviewers_take_flags_by_key_to_an_outcome(
    chromium: Browser, server: LiveServer, sat: list[Sat]
) -> None:
    ben, cara = sat
    rita = signed_in(chromium, server, "rita")
    rita.goto(f"{server.url}/admin/review")
    expect(rita.get_by_text("4 flags wait")).to_be_visible()
    assert complaints(rita) == []
    rita.get_by_role("link", name="algebra").click()
    expect(rita.get_by_role("heading", name="cara")).to_be_visible()
    # Cara's absence over two intervals is one episode of two flags, decided together.
    expect(rita.get_by_text("One episode over 2 flags")).to_be_visible()
    expect(rita.get_by_text("Nobody in the picture from 0:08 to 0:45")).to_be_visible()
    expect(rita.locator("look-ring canvas")).not_to_have_count(0)
    wait_until(lambda: video_is_loaded(rita), "the clip is in the page")
    rita.keyboard.press(">")
    assert rita.evaluate("document.querySelector('video').playbackRate") == 1.5
    rita.keyboard.press("c")
    assert complaints(rita) == []
    rita.keyboard.press("Enter")
    expect(rita.get_by_role("heading", name="ben")).to_be_visible()
    rita.keyboard.press("d")
    rita.keyboard.press("2")
    rita.keyboard.press("Enter")
    expect(rita.get_by_text("A phone in the picture from 1:10")).to_be_visible()
    wait_until(lambda: drawn(rita) > 0, "the ring shows frames")
    reviews = server.services.reviews
    confirmed = reviews.case(cara.session.session_id).flags
    assert {each.decision.value for each in confirmed.values()} == {"confirmed"}
    assert len(confirmed) == len(cara.clips) == 2
    first = reviews.case(ben.session.session_id).flags[ben.clips[0].clip_id]
    assert (first.decision.value, first.by, first.reason) == (
        "dismissed",
        "rita",
        "Somebody passes by",
    )
    # Who confirmed does not set the outcome; another person does.
    rita.goto(f"{server.url}/admin/review/algebra?session={cara.session.session_id}")
    expect(rita.get_by_text("Another person sets the outcome")).to_be_visible()
    rolf = signed_in(chromium, server, "rolf")
    rolf.goto(f"{server.url}/admin/review/algebra?session={cara.session.session_id}")
    rolf.get_by_label("Concern").check()
    rolf.get_by_label("Reason", exact=True).fill("Away from the desk for 20 seconds.")
    rolf.get_by_role("button", name="Set the outcome").click()
    expect(rolf.get_by_text("The student may appeal until")).to_be_visible()
    rolf.get_by_text("Record (3)").click()
    assert complaints(rolf) == []
    outcome = reviews.case(cara.session.session_id).outcome
    assert outcome is not None
    assert (outcome.outcome.value, outcome.by) == ("concern", "rolf")


def test_an_exam_without_flags_says_so_and_a_narrow_page_does_not_scroll_sideways(
    chromium: Browser, server: LiveServer, sat: list[Sat]
) -> None:
    page = signed_in(chromium, server, "rolf", width=360)
    page.goto(f"{server.url}/admin/review/nothing-here")
    expect(page.get_by_text("Nothing was flagged in this exam")).to_be_visible()
    assert complaints(page) == []
    page.goto(f"{server.url}/admin/review/algebra?session={sat[0].session.session_id}")
    expect(page.get_by_role("heading", name="ben")).to_be_visible()
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
