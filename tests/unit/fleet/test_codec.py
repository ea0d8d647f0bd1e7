"""What machines say to each other comes out as it went in, or not at all."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from datetime import datetime, timezone

import pytest

from app.fleet.codec import Unreadable, decode, encode
from app.pool.far import Card, Lost, Todo
from detectors.messages import AnalysisRequest, AnalysisResult, CloseSession, DetectorStatus
from tests.unit.pool.test_messages import MESSAGES


@dataclass(frozen=True)
class Letter:
    at: datetime
    words: dict[str, tuple[int, ...]]
    until_s: float = math.inf


@pytest.mark.parametrize(
    "message",
    [
        *MESSAGES,
        Todo("link", MESSAGES[2]),
        Todo("link", closed=CloseSession("s1")),
        Lost(3, True),
        Card("w", "host", 1, (DetectorStatus("face", True, "model"),)),
        Letter(datetime(2026, 1, 2, tzinfo=timezone.utc), {"a": (1, 2)}),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_comes_out_as_it_went_in(message: object) -> None:
    found = decode(encode(message), type(message))
    assert found == message
    assert type(found) is type(message)


def test_only_the_kinds_that_are_expected_come_out() -> None:
    with pytest.raises(Unreadable):
        decode(encode(Lost(3, True)), AnalysisResult)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00\x00\x05",
        b"\xff" * 40,
        pickle.dumps(Lost(3, True)),
        encode(MESSAGES[2])[:-1],
        encode(MESSAGES[2]).replace(b'"s1"', b"null"),
        encode(MESSAGES[2]).replace(b"[0,4]", b"[-4,4]"),
        b"\x00\x00\x00\x0b" + b'["Lost",[]]',
        b"\x00\x00\x01\x00" + b"[" * 200_000,
    ],
)
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data, AnalysisRequest, Lost)
