"""`./run.sh rescore`: a finished session or exam under another policy, from what is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.records import SessionState
from app.settings import Settings
from app.store import Repository, open_repository
from scoring.policy import standard_policy
from tests.records import NOON, a_session
from tests.unit.reports.a_session import finished_session
from tools.rescore import main
from tools.rescoring_pool import FEW, rescored_in_processes

POLICY = "flag_threshold: 5\nname: five\nrules:\n  looking_away: {points: 6}\n"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PROCTOR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MONGO_URI", "")
    return Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})


@pytest.fixture
def repository(settings: Settings) -> Iterator[Repository]:
    opened = open_repository(settings)
    yield opened
    opened.close()


@pytest.fixture
def session(repository: Repository, settings: Settings) -> str:
    return finished_session(repository, settings, session_id="s1").session_id


def rescored_to(file: Path, what: str, policy: str) -> tuple[int, dict[str, Any]]:
    status = main([what, "--policy", policy, "--json", str(file)])
    return status, json.loads(file.read_text())


def flagged(comparison: dict[str, Any], when: str) -> list[list[float]]:
    spans: list[list[float]] = comparison[when]["flagged"]
    return spans


@pytest.mark.usefixtures("session")
def test_a_session_under_its_own_policy_does_not_change(tmp_path: Path) -> None:
    status, written = rescored_to(tmp_path / "out.json", "math", "standard")
    (comparison,) = written["sessions"]
    assert status == 0
    assert comparison["before"] == comparison["after"]
    assert (comparison["gained"], comparison["lost"]) == ([], [])


@pytest.mark.parametrize(
    ("policy", "spans"), [("practice", []), ("strict", [[0.0, 30.0], [30.0, 60.0]])]
)
def test_the_presets_score_a_finished_exam_otherwise(
    session: str, policy: str, spans: list[list[float]], tmp_path: Path
) -> None:
    status, written = rescored_to(tmp_path / "out.json", "math", policy)
    (comparison,) = written["sessions"]
    assert status == 0
    assert written["policy"]["name"] == policy
    assert comparison["session_id"] == session
    assert flagged(comparison, "after")[: len(spans)] == spans
    assert (flagged(comparison, "after") == []) == (policy == "practice")


def test_a_policy_of_a_file_gives_the_ledger_and_what_is_gained(
    session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "five.yaml"
    file.write_text(POLICY)
    status, written = rescored_to(tmp_path / "out.json", session, str(file))
    assert status == 0
    assert [60.0, 90.0] in written["comparison"]["gained"]
    assert any(each["flag_score"] == 6.0 for each in written["ledger"]["intervals"])
    assert "gained: " in capsys.readouterr().out


def test_a_session_that_has_not_ended_is_skipped_and_said_so(
    repository: Repository, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = replace(
        a_session("s2", "bob", state=SessionState.RUNNING), started_at=NOON, policy={}
    )
    repository.add_session(running)
    status, written = rescored_to(tmp_path / "out.json", "math", "strict")
    assert status == 1
    assert [each["session_id"] for each in written["sessions"]] == [session]
    assert written["skipped"] == [["s2", "Only a session that has ended can be scored again."]]
    assert "s2  skipped: Only a session that has ended" in capsys.readouterr().out


def test_a_session_that_never_started_scores_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    repository.add_session(a_session("s3", "cas", state=SessionState.ENDED))
    status, written = rescored_to(tmp_path / "out.json", "math", "strict")
    assert status == 0
    assert written["sessions"][0]["after"] == {"total_score": 0.0, "flagged": [], "violations": {}}


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    ("what", "policy", "says"),
    [
        ("math", "nobody-made-this.yaml", "nobody-made-this.yaml"),
        ("nothing", "strict", "There is no session and no session of an exam nothing."),
    ],
)
def test_what_does_not_exist_is_one_sentence_and_2(
    what: str, policy: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([what, "--policy", policy]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.usefixtures("session")
def test_a_large_exam_is_scored_in_processes_with_the_same_result_in_the_same_order(
    repository: Repository, settings: Settings
) -> None:
    (first,) = repository.sessions(exam_id="math")
    policy = standard_policy(flag_threshold=5)
    for number in range(FEW + 2):
        name = f"copy-{number}"
        repository.save_session(replace(first, session_id=name, user_id=name))
        for block in repository.trace("s1"):
            repository.save_trace(replace(block, session_id=name))
        if number % 2:
            repository.update_session(name, state=SessionState.RUNNING)
    sessions = repository.sessions(exam_id="math")
    alone = list(rescored_in_processes(settings, repository, sessions, policy, 1))
    assert list(rescored_in_processes(settings, repository, sessions, policy, 2)) == alone
    assert len(alone) == FEW + 3
