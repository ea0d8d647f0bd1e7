"""Figures from verdicts: rates, intervals, groups, curves, floors and the reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.evaluation.floors import Check, Floor, FloorsError, check_floors, load_floors
from tools.evaluation.report import as_html, as_report, as_table, degraded_table, wrong_lines
from tools.evaluation.results import (
    Figures,
    Judged,
    OverTime,
    Section,
    curve,
    largest_gap,
    split,
    wilson,
)


def _judged(
    truth: bool, said: bool | None, file: str = "a.jpg", group: str = "", score: float = 0.0
) -> Judged:
    return Judged(
        file=file,
        truth="phone" if truth else "no phone",
        verdict="" if said is None else ("phone" if said else "no phone"),
        is_positive=truth,
        is_correct=said == truth,
        is_found=truth and said is True,
        is_alarm=not truth and said is True,
        group=group,
        score=score,
        ms=2.0,
    )


MIXED = [
    _judged(True, True, "a.jpg", "north", 0.9),
    _judged(True, False, "b.jpg", "north", 0.4),
    _judged(True, None, "c.jpg", "south", 0.1),
    _judged(False, False, "d.jpg", "south", 0.2),
    _judged(False, True, "e.jpg", "south", 0.8),
]


def test_an_abstention_counts_in_n_and_is_neither_right_nor_wrong() -> None:
    figures = Figures.of(MIXED)
    assert (figures.n, figures.correct, figures.abstained) == (5, 2, 1)
    assert figures.errors == ("b.jpg", "e.jpg")
    assert figures.recall == pytest.approx(1 / 3, abs=1e-4)
    assert figures.as_dict()["recall_judged"] == 0.5
    assert figures.as_dict()["false_rejects"] == 1
    assert figures.precision == 0.5
    assert (figures.n_negative, figures.false_alarms) == (2, 1)
    assert figures.ms_p50 == 2.0


def test_nothing_measured_gives_no_rates() -> None:
    figures = Figures.of([])
    assert (figures.accuracy, figures.recall, figures.precision, figures.ms_p50) == (None,) * 4


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (8, 10, 0.4902, 0.9433), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_wilsons(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=1e-4)


def test_the_largest_gap_names_both_groups_and_its_interval() -> None:
    gap = largest_gap(split(MIXED, lambda j: j.group))
    assert gap is not None
    assert (gap["best"], gap["worst"]) == ("north", "south")
    assert gap["gap"] == pytest.approx(0.5 - 1 / 3, abs=1e-4)
    interval = gap["interval"]
    assert isinstance(interval, list)
    assert interval[0] < 0 < interval[1]


def test_one_group_has_no_gap() -> None:
    assert largest_gap(split(MIXED[:2], lambda j: j.group)) is None


def test_a_curve_goes_from_everything_found_to_the_strictest() -> None:
    points = curve(MIXED)
    assert points[0].recall == points[0].false_alarm_rate == 1.0
    assert points[-1].threshold == 0.9
    assert points[-1].recall == pytest.approx(1 / 3)
    assert points[-1].false_alarm_rate == 0.0


def test_a_curve_needs_both_kinds() -> None:
    assert curve(MIXED[:3]) == ()


def test_false_alarms_over_time_are_per_hour() -> None:
    assert OverTime(1800, 2, ("a.wav",)).as_dict()["per_hour"] == 4.0
    assert OverTime(0, 0).as_dict()["per_hour"] is None


def _sections() -> dict[str, Section]:
    identity = Section("identity", "Pairs", list(MIXED[:2]))
    identity.extra["swaps"] = [{"file": "v.mp4", "at_s": 3.0, "noticed_after_s": None}]
    face = Section("face", "Faces", list(MIXED), over_time=OverTime(3600, 1, ()))
    return {"face": face, "identity": identity}


def test_the_report_is_json_with_the_asked_keys() -> None:
    report = json.loads(json.dumps(as_report(_sections())))
    face = report["face"]
    asked = (
        "n",
        "correct",
        "abstained",
        "recall",
        "n_negative",
        "false_alarms",
        "ms_p50",
        "errors",
    )
    assert set(asked) <= face.keys()
    assert face["groups"]["south"]["n"] == 3
    assert face["groups"]["south"]["correct"] == 1
    assert face["false_alarms_per_hour"] == 1.0
    assert face["worst_group_recall"] == 0.0
    assert report["identity"]["slowest_swap_s"] == 1e9


def test_a_missed_floor_is_told_from_one_that_was_not_measured() -> None:
    floors = (
        Floor("face.accuracy", at_least=0.9),
        Floor("face.false_alarms", at_most=1),
        Floor("voice.recall", at_least=1),
        Floor("face.errors", at_most=1),
    )
    checks = check_floors(as_report(_sections()), floors)
    assert [c.is_missed for c in checks] == [True, False, False, False]
    assert [c.value is None for c in checks] == [False, False, True, True]


def test_no_false_alarm_where_nothing_was_labelled_is_not_a_floor_that_is_met() -> None:
    floors = (Floor("voice.false_alarms", at_most=0), Floor("voice.parts.overlap.recall", 1))
    report = as_report({"voice": Section("voice", "Voices")})
    assert [c.value for c in check_floors(report, floors)] == [None, None]


def test_floors_under_a_degradation_are_checked_when_it_was_run() -> None:
    floors = (Floor("degraded.jpeg q20.face.abstention_rate", at_most=0.1),)
    degraded = {"jpeg q20": as_report(_sections())}
    assert [c.is_missed for c in check_floors({"degraded": degraded}, floors)] == [True]
    assert [c.value for c in check_floors({"degraded": {}}, floors)] == [None]


def test_the_projects_floors_can_be_read() -> None:
    floors = load_floors()
    assert {floor.figure.split(".")[0] for floor in floors} >= {
        "face", "gaze", "head", "identity", "objects", "speech", "voice",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "- {figure: a}",
        "- {figure: a, at_least: high}",
        "- {what: a}",
        "[",
        "- {figure: a, at_most: yes}",
    ],
)
def test_floors_that_cannot_be_used_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "floors.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FloorsError):
        load_floors(path)


def test_the_table_and_the_page_show_what_went_wrong(tmp_path: Path) -> None:
    sections = _sections()
    report = as_report(sections)
    assert "largest gap" in as_table(report)
    assert "b.jpg (phone, said no phone)" in wrong_lines(sections)
    page = as_html(
        "Detectors <here>",
        report,
        sections,
        [Check(Floor("face.accuracy", at_least=0.9), 0.4)],
        {"noise": report},
        tmp_path,
        lambda file: b"jpeg" if file == "b.jpg" else None,
        ["f.jpg cannot be <decoded>"],
    )
    assert "f.jpg cannot be &lt;decoded&gt;" in page
    assert "Detectors &lt;here&gt;" in page
    assert "missed" in page
    assert "data:image/jpeg;base64," in page
    assert "<polyline" in page
    assert "40.0% / 20.0%" in degraded_table(report, {"noise": report})
