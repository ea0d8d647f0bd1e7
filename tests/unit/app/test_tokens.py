"""Tokens open one session, for as long as they should."""

from __future__ import annotations

import pytest

from app.access.tokens import Tokens
from app.errors import NotAuthenticated
from tests.fakes import FakeClock

SECRET = "0123456789abcdef0123456789abcdef"


def test_a_join_token_opens_its_session_until_it_expires() -> None:
    clock = FakeClock()
    tokens = Tokens(SECRET, clock, join_token_min=120)
    token = tokens.join("s_1")
    clock.advance(119 * 60)
    assert tokens.session_id(token) == "s_1"
    clock.advance(2 * 60)
    with pytest.raises(NotAuthenticated, match="expired"):
        tokens.session_id(token)


def test_a_stream_token_has_no_age() -> None:
    clock = FakeClock()
    tokens = Tokens(SECRET, clock, join_token_min=1)
    token = tokens.stream("s_1")
    clock.advance(48 * 3600)
    assert tokens.session_id(token) == "s_1"


def test_a_token_survives_a_restart_and_not_another_secret() -> None:
    clock = FakeClock()
    token = Tokens(SECRET, clock, 120).join("s_1")
    assert Tokens(SECRET, clock, 120).session_id(token) == "s_1"
    with pytest.raises(NotAuthenticated):
        Tokens(SECRET[::-1], clock, 120).session_id(token)


@pytest.mark.parametrize(
    "forged", ["", "x", "a.b.c", "\0", "\ud800", "é" * 40, "z" * 10_000, "InMxIg.aaaa.bbbb"]
)
def test_anything_else_is_refused(forged: str) -> None:
    with pytest.raises(NotAuthenticated):
        Tokens(SECRET, FakeClock(), 120).session_id(forged)


def test_one_changed_character_is_refused() -> None:
    tokens = Tokens(SECRET, FakeClock(), 120)
    token = tokens.join("s_1")
    for place in range(0, len(token), 7):
        forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(NotAuthenticated):
            tokens.session_id(forged)


def test_a_join_token_cannot_be_passed_off_as_a_stream_token() -> None:
    clock = FakeClock()
    tokens = Tokens(SECRET, clock, join_token_min=1)
    join = tokens.join("s_1")
    clock.advance(61)
    with pytest.raises(NotAuthenticated):
        tokens.session_id(join)
