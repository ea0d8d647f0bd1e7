"""Which ids people may choose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.ids import check_chosen_id, is_ours, new_session_id

HOSTILE = [
    "",
    " ",
    "a/b",
    "../etc",
    "a..b",
    ".hidden",
    "-rf",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\n",
    "😀",
    "é",
    "x" * 65,
    "x" * 10_240,
    "\u0661",
    "\ud800",
    "a b",
    "a:b",
    "a%2fb",
    "<b>",
    None,
    17,
    True,
    ["a"],
    {"$ne": 1},
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_id_is_refused_with_a_sentence(value: object) -> None:
    with pytest.raises(InvalidInput, match="The user id"):
        check_chosen_id(value, "The user id")


@pytest.mark.parametrize("value", ["a", "7", "student-17", "ann.b+c@d_e", "x" * 64, "A.b"])
def test_a_plain_id_is_taken_as_it_is(value: str) -> None:
    assert check_chosen_id(value, "The user id") == value


def test_blanks_around_a_typed_id_do_not_matter() -> None:
    assert check_chosen_id(" ann ", "The user id") == "ann"


@given(st.text())
def test_an_accepted_id_is_a_harmless_folder_name(value: str) -> None:
    try:
        chosen = check_chosen_id(value, "The user id")
    except InvalidInput:
        return
    assert chosen.isascii()
    assert 0 < len(chosen) <= 64
    assert not set(chosen) & set('/\\\0:*?"<>|%\n ')
    assert chosen[0] not in ".-"
    assert ".." not in chosen


def test_our_ids_are_told_from_hostile_ones() -> None:
    assert is_ours(new_session_id())
    assert not any(is_ours(value) for value in ("", "a/b", "a\0", "é", "x" * 65, None, {"$ne": 1}))
