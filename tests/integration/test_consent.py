"""Consent before the first frame, and devices an exam does not use, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.privacy.consent_text import consent_text
from scoring.policy import policy_to_dict, standard_policy
from tests.live_server import LiveServer, live_server
from tests.scripted_media import scripted_jpeg, scripted_pcm


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("server")) as running:
        yield running


COLLECTED = ("camera", "microphone", "screen", "page events")


def test_a_browser_starts_only_with_consent_to_the_text_of_now(server: LiveServer) -> None:
    session = server.new_session("cora", "consent")
    student = server.student(session)
    text = consent_text(COLLECTED, server.services.settings.retention_days, "ar")
    other = consent_text(COLLECTED, server.services.settings.retention_days + 1)
    for consent in ({}, {"consent": ""}, {"consent": "0-old"}, {"consent": other.version}):
        answer = student.ask("start", {"client": "browser", **consent})
        assert answer["error"]["code"] == "not_allowed"
    assert not server.services.sessions.get(session.session_id).is_running
    assert student.ask("start", {"client": "browser", "consent": text.version})["ok"]
    receipt = server.services.privacy.consents.receipt(session.session_id)
    assert receipt is not None
    assert (receipt.version, receipt.text) == (text.version, text.plain)
    assert receipt.given_by == "student"
    assert receipt.collected == COLLECTED
    assert receipt.legal_basis == server.services.settings.legal_basis
    student.close()


def test_an_agent_leaves_a_receipt_that_says_so(server: LiveServer) -> None:
    session = server.new_session("dora", "consent")
    student = server.student(session)
    assert student.start()["ok"]
    receipt = server.services.privacy.consents.receipt(session.session_id)
    assert receipt is not None
    assert (receipt.given_by, receipt.version) == ("agent", "none stated")
    student.close()


def test_a_policy_without_camera_and_sound_takes_neither(server: LiveServer) -> None:
    policy = policy_to_dict(standard_policy())
    policy["detectors_off"] = [
        "face",
        "gaze",
        "identity",
        "objects",
        "camera",
        "speech",
        "voice",
    ]
    server.services.exams.put("blind", policy, {}, None)
    session = server.new_session("edda", "blind")
    student = server.student(session)
    answer = student.start()
    assert (answer["capture"]["camera"], answer["capture"]["audio"]) == (False, False)
    student.send((scripted_jpeg({"face": "none"}),), (scripted_pcm({"speech": "speech"}),))
    ring = server.services.ingest.ring(session.session_id)
    assert ring is not None
    kept = ring.cut(0, 1e9)
    assert (kept.frames, kept.sounds) == ((), ())
    student.close()
