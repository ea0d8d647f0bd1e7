"""Coded sound of a clip is decoded in a process of its own, whose end costs the sound at most."""

from __future__ import annotations

import io
import os
from multiprocessing.connection import Connection

import av
import numpy as np

from app.evidence.clip_writer import encode_clip
from app.evidence.decoding import decode_apart
from app.evidence.ring import Evidence, EvidenceRing
from detectors.messages import Frame, Sound
from tests.pictures import draw_jpeg
from tools.evaluation.coded import DELAY, packets_of, sounds_of

RATE = 16_000
# A packet of two equal frames whose bytes are odd in number.
MALFORMED = b"\x49" + bytes(3)


def die(_connection: Connection) -> None:
    os._exit(3)


def click(at_s: float, seconds: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Silence with a short loud burst."""
    sound = np.zeros(round(seconds * RATE), np.float32)
    burst = round(at_s * RATE)
    sound[burst : burst + 800] = 0.5 * np.sin(np.arange(800) / 4)
    return sound


def test_a_clip_of_coded_sound_is_heard_at_the_right_instant_whatever_else_came() -> None:
    ring = EvidenceRing(60, 10_000_000)
    for sound in sounds_of(packets_of(click(3.5, 6)), -DELAY / RATE):
        ring.add_sound(sound)
        ring.add_sound(sound)
    ring.add_sound(Sound(6.5, b"", (MALFORMED,) * 5, 0, 0.2))
    ring.add_sound(Sound(7.0, bytes(32_000)))
    kept = ring.cut(0, 10).sounds
    assert len(kept) == 6 + 1 + 2
    plain = decode_apart(kept)
    assert len(plain) == 6 + 1 + 1
    assert not any(sound.is_coded for sound in plain)
    evidence = Evidence((Frame(0.0, draw_jpeg(1, 64, 48)),), plain)
    data, facts = encode_clip(evidence, 0.0, 8.0)
    assert facts.has_sound
    with av.open(io.BytesIO(data)) as container:
        heard = np.concatenate(
            [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        )
    loud = np.flatnonzero(np.abs(heard) > 0.2)
    assert abs(loud[0] / RATE - 3.5) < 0.08
    assert loud[-1] / RATE < 3.7


def test_a_decoder_that_dies_costs_the_sound_and_nothing_else() -> None:
    plain = Sound(0.0, bytes(32_000))
    coded = Sound(1.0, b"", (MALFORMED,), 0, 0.04)
    assert decode_apart([plain, coded], target=die) == (plain,)
    assert decode_apart([plain]) == (plain,)
