"""Sound goes to those who listen, once, and to nobody else."""

from __future__ import annotations

from array import array

import pytest

from app.evidence.ring import EvidenceRing
from app.monitoring.listeners import SILENCE_DB, Listeners, level_db
from detectors.messages import Sound

pytestmark = pytest.mark.room


def pcm(value: int, samples: int = 16_000) -> bytes:
    return array("h", [value, -value] * (samples // 2)).tobytes()


def test_each_sound_goes_once_to_each_who_listens() -> None:
    ring = EvidenceRing(60, 10_000_000)
    listeners = Listeners()
    ring.add_sound(Sound(0.0, pcm(1)))
    listeners.listen("a", "s1", 0.5)
    assert listeners.due({"s1": ring}.get) == []
    ring.add_sound(Sound(1.0, pcm(2)))
    listeners.listen("b", "s1", 0.5)
    assert {sid for _, _, sid in listeners.due({"s1": ring}.get)} == {"a", "b"}
    assert listeners.due({"s1": ring}.get) == []
    listeners.leave("a", "s1")
    ring.add_sound(Sound(2.0, pcm(3)))
    ((event, payload, sid),) = listeners.due({"s1": ring}.get)
    assert (event, sid) == ("sound", "b")
    assert isinstance(payload, dict)
    assert payload["pcm"] == pcm(3)


def test_how_loud_it_is() -> None:
    assert level_db(b"") == SILENCE_DB
    assert level_db(pcm(0)) == SILENCE_DB
    assert level_db(pcm(32767)) == pytest.approx(0, abs=0.1)
    assert level_db(pcm(3277)) == pytest.approx(-20, abs=0.1)
