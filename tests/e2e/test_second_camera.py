"""A student shows a document, and the room with a phone: two browsers, detectors that follow a
script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from tests.e2e.people import Proctor, browser, watch
from tests.e2e.test_pages import faults
from tests.media import PROJECT_ROOT
from tests.scripted_media import scripted_jpeg
from tests.waiting import wait_until
from tools.fuzz import ScriptedServer
from tools.serving import Server

pytestmark = pytest.mark.journey
LONG_MS = 60_000
PHONE = scripted_jpeg({"objects": {"labels": "phone", "confidence": 0.9}}, (480, 640))


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with ScriptedServer(tmp_path_factory.mktemp("hall"), {"PROCTOR_WORKERS": "1"}) as running:
        running.wait_for_detectors()
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with browser(playwright) as opened:
        yield opened


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click(timeout=LONG_MS)


def at(page: Page, heading: str) -> None:
    page.get_by_role("heading", name=heading, exact=True).wait_for(timeout=LONG_MS)


def ask_for_phone(page: Page, again: bool = False) -> str:
    """The link that the QR code says."""
    with page.expect_response("**/api/my/check-in/phone") as asked:
        if again:
            press(page, "Show a new code")
        else:
            page.get_by_role("radio", name="A phone", exact=True).check()
    return str(asked.value.json()["link"])


def join(chromium: Browser, link: str) -> Page:
    """A phone in somebody's hand opens the link and lends its camera."""
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(link)
    at(page, "Show the room with this phone")
    press(page, "Use this phone's camera")
    return page


def scripted(route: Route) -> None:
    """The detectors of this server read their verdict in the picture."""
    route.continue_(post_data=PHONE)


def test_a_document_and_a_room_shown_with_two_phones(chromium: Browser, hall: Server) -> None:
    axe = (PROJECT_ROOT / "static" / "vendor" / "axe.min.js").read_text(encoding="utf-8")
    plan = {
        "check_in": "proctor",
        "check_in_steps": ["document", "room"],
        "keeps_room_pictures": True,
    }
    hall.put("/api/exam/logic", {"policy": "standard", "plan": plan})
    found: dict[str, list[str]] = {}
    ada = chromium.new_context(viewport={"width": 1100, "height": 800}).new_page()
    problems = watch(ada)
    ada.goto(hall.url)
    ada.get_by_label("User ID").fill("ada")
    ada.get_by_label("Exam ID").fill("logic")
    press(ada, "Start Exam Session")
    at(ada, "Rules, and what is recorded")
    press(ada, "I agree")
    press(ada, "Start the check")
    onward = ada.get_by_role("button", name="Continue", exact=True)
    expect(onward).to_be_enabled(timeout=LONG_MS)
    onward.click()

    at(ada, "Show your identity document")
    expect(ada.get_by_text("One picture is kept")).to_be_visible(timeout=LONG_MS)
    found["consent"] = faults(ada, axe)
    press(ada, "I agree")
    video = ada.locator(".preview--frame video")
    expect(video).to_be_visible(timeout=LONG_MS)
    wait_until(lambda: video.evaluate("video => video.videoWidth") > 0, "the camera plays")
    found["document"] = faults(ada, axe)
    press(ada, "Take the picture")
    expect(ada.get_by_text("Nothing was sent yet.")).to_be_visible(timeout=LONG_MS)
    press(ada, "Take it again")
    wait_until(lambda: video.evaluate("video => video.videoWidth") > 0, "the camera plays")
    press(ada, "Take the picture")
    press(ada, "Keep this picture")

    at(ada, "Show your desk and the room")
    first = join(chromium, ask_for_phone(ada))
    at(first, "Show your desk and the room")
    expect(ada.get_by_text("The phone's picture is here.")).to_be_visible(timeout=LONG_MS)
    found["phone"] = faults(first, axe)
    link = ask_for_phone(ada, again=True)
    found["code"] = faults(ada, axe)
    second = join(chromium, link)
    at(first, "Another phone has taken over")
    expect(ada.locator(".joining__replaced")).to_be_visible(timeout=LONG_MS)
    second.route("**/api/phone/still", scripted)
    for page in (ada, second):
        expect(page.locator(".found li[data-thing=phone]")).to_be_visible(timeout=LONG_MS)
    expect(ada.locator(".boxed__box")).to_have_text("Phone", timeout=LONG_MS)
    expect(second.locator(".boxed__box")).to_have_text("Phone", timeout=LONG_MS)
    found["room"] = faults(ada, axe)
    ada.get_by_label("I agree that pictures of this scan are kept").check()
    press(ada, "Done, the desk is clear")
    at(second, "The scan is done")
    found["phone's end"] = faults(second, axe)
    press(ada, "Ask to be let in")

    pia = Proctor(chromium.new_context(), hall)
    pia.sign_in()
    pia.page.goto(f"{hall.url}/admin/session/{session_of(hall, 'ada')}")
    panel = pia.page.locator(".check-in")
    expect(panel.get_by_text("Waits for admission")).to_be_visible(timeout=LONG_MS)
    expect(panel.get_by_text("Pointed out in the room: phone.")).to_be_visible()
    document = panel.locator("[data-kind=document] img")
    wait_until(
        lambda: document.evaluate("image => image.naturalWidth") > 500, "the document is seen"
    )
    expect(panel.locator("[data-kind=room]").first).to_be_visible()
    found["proctor"] = faults(pia.page, axe)
    assert {name: what for name, what in found.items() if what} == {}
    # A picture of the phone that was let go may be gone before it is asked for.
    assert [each for each in problems if "404" not in each] == []
    assert kept(hall.data_dir) >= {"document", "room"}


def session_of(hall: Server, user_id: str) -> str:
    sessions = hall.get("/api/sessions/active")["sessions"]
    return str(next(each["session_id"] for each in sessions if each["user_id"] == user_id))


def kept(folder: Path) -> set[str]:
    """The kinds of the pictures in the student's folder."""
    names = [path.name for path in (folder / "flagged_videos" / "ada").iterdir()]
    return {re.sub(r"checkin_s_\w{32}_(\w+)_p_.*", r"\1", name) for name in names}
