"""The student's pages in the languages there are."""

from __future__ import annotations

from app.actions.desk import DEFAULT_TEXTS
from app.actions.orders import CANNED
from app.languages.catalogue import ENGLISH, LANGUAGES, say
from app.languages.choice import COOKIE
from app.privacy.consent_text import consent_text, find_text
from tests.unit.web.conftest import Web, json_of
from tools.catalogues import faults, messages


def test_every_sentence_is_translated_into_every_language() -> None:
    assert list(faults(messages())) == [], "run the program catalogues and translate what is new"


def test_the_portal_is_drawn_in_each_language(web: Web) -> None:
    for one in LANGUAGES:
        page = web.anyone.get("/", headers={"Accept-Language": f"{one.code}-XX,{one.code};q=0.9"})
        text = page.get_data(as_text=True)
        assert f'<html lang="{one.code}"' in text
        assert ('dir="rtl"' in text) == (one.direction == "rtl")
        assert say(one.code, "Start your exam session") in text


def test_a_students_choice_beats_what_the_browser_asks_for(web: Web) -> None:
    client = web.anyone
    client.set_cookie(COOKIE, "es")
    page = client.get("/", headers={"Accept-Language": "ar"}).get_data(as_text=True)
    assert '<html lang="es"' in page
    client.set_cookie(COOKIE, "no-such")
    assert '<html lang="ar"' in client.get("/", headers={"Accept-Language": "ar"}).get_data(
        as_text=True
    )


def test_the_staffs_pages_stay_english(web: Web) -> None:
    page = web.anyone.get("/login", headers={"Accept-Language": "ar"}).get_data(as_text=True)
    assert '<html lang="en"' in page


def test_scripts_get_the_same_words(web: Web) -> None:
    words = json_of(web.anyone.get("/portal/words/fr"))
    assert words["Continue"] == "Continuer"
    assert web.anyone.get("/portal/words/xx").status_code == 404


def test_consent_says_what_is_taken_and_for_how_long_in_the_language_it_is_read() -> None:
    everything = ("camera", "microphone", "screen", "page events")
    text = consent_text(everything, 30, "es")
    assert "30 días" in text.plain
    assert find_text(text.version, everything, 30) == text
    assert find_text(text.version, everything, 90) is None
    assert find_text(text.version, ("camera", "page events"), 30) is None


def test_an_exam_without_camera_and_sound_says_so() -> None:
    text = consent_text(("page events",), 30)
    assert [p.kind for p in text.paragraphs] == ["page events", "kept", "who"]
    assert "No picture and no sound of you is taken." in text.plain


def test_what_a_proctor_sends_ready_made_is_read_in_the_students_language() -> None:
    sent = {each.text for each in CANNED} | set(DEFAULT_TEXTS.values())
    for one in LANGUAGES:
        if one.code != ENGLISH:
            assert [text for text in sent if say(one.code, text) == text] == []
