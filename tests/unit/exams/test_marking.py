"""What answers are worth."""

from __future__ import annotations

import pytest

from app.exams.marking import Sheet, mark_one, number_of
from app.exams.records import Option, Question, Value

OPTIONS = (Option("a", "A", True), Option("b", "B", True), Option("c", "C"), Option("d", "D"))


def question(kind: str, **more: object) -> Question:
    given = {"question_id": "q", "kind": kind, "text": "?", "points": 4.0, "penalty": 1.0}
    return Question(**{**given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "state", "points"),
    [("a", "right", 4), ("c", "wrong", -1), (None, "blank", 0), ("", "blank", 0)],
)
def test_a_wrong_choice_costs_the_penalty_and_a_blank_nothing(
    value: Value, state: str, points: float
) -> None:
    options = (Option("a", "A", True), Option("c", "C"))
    mark = mark_one(question("single", options=options), value)
    assert (mark.state, mark.points) == (state, points)


@pytest.mark.parametrize(
    ("value", "partly", "points"),
    [
        (["a", "b"], False, 4),
        (["b", "a"], True, 4),
        (["a"], False, -1),
        (["a"], True, 2),
        (["a", "c"], True, -1),
        (["a", "b", "c"], True, 2),
        (["c", "d"], True, -1),
        (["a", "b", "c", "d"], True, -1),
        ([], True, 0),
        (["gone"], True, -1),
    ],
)
def test_several_choices_are_right_together_or_in_parts(
    value: Value, partly: bool, points: float
) -> None:
    assert mark_one(question("multiple", options=OPTIONS, partly=partly), value).points == points


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("3.14", True),
        ("3,14", True),
        (" 3.140 ", True),
        ("314e-2", True),
        ("\uff13.14", True),
        ("3.15", True),
        ("3.1500001", False),
        ("3.13", True),
        ("-3.14", False),
        ("nan", False),
        ("inf", False),
        ("1e999", False),
        ("1e99999999", False),
        ("0x3", False),
        ("3.1.4", False),
        ("", None),
    ],
)
def test_a_number_is_right_within_its_tolerance_however_it_is_typed(
    text: str, is_right: bool | None
) -> None:
    mark = mark_one(question("numeric", number=3.14, tolerance=0.01), text)
    assert mark.state == {True: "right", False: "wrong", None: "blank"}[is_right]


def test_a_tenth_and_two_tenths_are_three_tenths() -> None:
    assert mark_one(question("numeric", number=0.3, tolerance=0), "0.3").state == "right"
    assert mark_one(question("numeric", number=0.1 + 0.2, tolerance=0.0), "0.3").state == "wrong"


@pytest.mark.parametrize(
    "text", ["9" * 5000, "1e" + "9" * 50, "\u0661\u0662", "1 000,5", "\u22125"]
)
def test_odd_numbers_are_read_or_refused_quickly(text: str) -> None:
    number = number_of(text)
    assert number is None or abs(number) < 10**6


@pytest.mark.parametrize(
    ("given", "kept", "is_right"),
    [
        ("Cafe\u0301", False, True),
        ("  caf\u00e9 ", False, True),
        ("CAF\u00c9", False, True),
        ("CAF\u00c9", True, False),
        ("cafe", False, False),
    ],
)
def test_short_answers_are_compared_without_spaces_accents_forms_and_case(
    given: str, kept: bool, is_right: bool
) -> None:
    asked = question("short", accepted=("tea", "caf\u00e9"), is_case_kept=kept)
    assert (mark_one(asked, given).state == "right") is is_right


def test_text_waits_for_a_person_where_the_key_does_not_decide() -> None:
    assert mark_one(question("long"), "because").state == "waiting"
    assert mark_one(question("short"), "because").state == "waiting"
    by_hand = question("short", accepted=("yes",), by_hand=True)
    assert mark_one(by_hand, "yes").state == "right"
    assert mark_one(by_hand, "perhaps").state == "waiting"


def test_penalties_never_take_the_sum_below_nothing() -> None:
    sheet = Sheet((mark_one(question("numeric", number=1.0), "2"),))
    assert (sheet.points, sheet.most_points, sheet.percent) == (0, 4, 0)
    assert Sheet(()).percent is None
