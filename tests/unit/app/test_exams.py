"""What an exam is set up with, and what a session is frozen with when it starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import InvalidInput, NotFound
from app.exams.terms import Exams
from app.settings import Settings
from app.store import Repository, open_repository
from scoring.model import Detector, Rule
from scoring.policy import policy_from_dict
from tests.fakes import FakeClock


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    opened = open_repository(Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path}))
    yield opened
    opened.close()


@pytest.fixture
def exams(repository: Repository) -> Exams:
    settings = Settings.model_validate({"INTERVAL_DURATION": 20, "CHECK_INTERVAL": 5})
    return Exams(settings, FakeClock(), repository)


def test_an_exam_that_is_not_set_up_has_the_standard_policy_of_the_settings(exams: Exams) -> None:
    terms = exams.terms("math", "ann")
    assert policy_from_dict(terms.policy).interval_s == 20
    assert terms.capture_screen is None
    with pytest.raises(NotFound):
        exams.get("math")


def test_a_student_has_the_exams_policy_with_the_own_grants(exams: Exams) -> None:
    grants = {"ann": {"gaze_off": True, "extra_time_min": 15}}
    exams.put("math", "strict", grants, capture_screen=False)
    ann = policy_from_dict(exams.terms("math", "ann").policy)
    bob = policy_from_dict(exams.terms("math", "bob").policy)
    assert (ann.name, bob.name) == ("strict", "strict")
    assert Detector.GAZE not in ann.detectors
    assert Detector.GAZE in bob.detectors
    assert not ann.rule(Rule.LOOKING_AWAY).is_on
    assert exams.terms("math", "bob").capture_screen is False
    assert exams.get("math").overlays == {"ann": {"gaze_off": True, "extra_time_min": 15.0}}


def test_a_document_is_the_standard_policy_with_what_it_says(exams: Exams) -> None:
    document = {"flag_threshold": 7, "detectors_off": ["speech"], "rules": {"phone": {"points": 3}}}
    exams.put("math", document, {}, None)
    policy = policy_from_dict(exams.terms("math", "ann").policy)
    assert policy.flag_threshold == 7
    assert policy.rule(Rule.PHONE).points == 3
    assert Detector.SPEECH not in policy.detectors


@pytest.mark.parametrize(
    ("policy", "overlays", "problem"),
    [
        ({"flag_treshold": 7}, {}, "flag_treshold"),
        ({"check_s": 7}, {}, "check_s"),
        ("standard", {"ann": {"gaze": True}}, "overlays.ann.gaze"),
        ("standard", {"../ann": {}}, "user id in overlays"),
    ],
)
def test_a_wrong_exam_is_refused_with_a_sentence_and_not_stored(
    exams: Exams, policy: str, overlays: dict[str, dict[str, object]], problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        exams.put("math", policy, overlays, None)
    with pytest.raises(NotFound, match="not set up"):
        exams.get("math")
    with pytest.raises(NotFound):
        exams.put("math", "no-such-preset", {}, None)
