"""Coded sound: exact in time, whole however it is cut, and never silence when it cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectors.analyzer import Analyzer
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisRequest, Sound
from detectors.opus import UnreadableSoundError, loudness_db, to_pcm
from scoring.model import Detector
from tests.media import models_dir
from tools.evaluation.coded import DELAY, packets_of, sounds_of, through_opus

RATE = 16_000
HEARING = frozenset({str(Detector.SPEECH), str(Detector.VOICE)})
# A packet of two equal frames with an odd payload, one of no frames, and noise.
MALFORMED = (b"\x49" + bytes(3), b"\x4b\x00", b"\xff" * 40)


def sweep(seconds: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    at_s = np.arange(round(seconds * RATE)) / RATE
    phase = 300 * at_s + 1_200 / seconds * at_s**2
    return np.asarray(0.4 * np.sin(2 * np.pi * phase), np.float32)


def samples_of(sounds: list[Sound]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    pcm = b"".join(to_pcm(sound).pcm for sound in sounds)
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768


def test_decoded_sound_stands_where_it_was_heard() -> None:
    sound = sweep(3)
    heard = samples_of(sounds_of(packets_of(sound)))
    there = slice(RATE // 2, 2 * RATE)
    scores = [
        float(np.dot(heard[there.start + d : there.stop + d], sound[there])) for d in range(300)
    ]
    assert abs(int(np.argmax(scores)) - DELAY) <= 2
    again = through_opus(sound)
    assert again.size == sound.size
    assert np.corrcoef(again[there], sound[there])[0, 1] > 0.9


def test_pieces_together_are_as_the_whole_and_keep_their_length() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 20 * RATE)
    packets = packets_of(np.convolve(noise, np.hanning(9) / 4.5, "same").astype(np.float32))
    whole = samples_of(sounds_of(packets, per_piece=len(packets)))
    pieces = samples_of(sounds_of(packets))
    assert pieces.size == whole.size == len(packets) * 320
    assert float(np.sqrt(np.mean((pieces - whole) ** 2))) < 0.005


@pytest.mark.parametrize("packet", MALFORMED, ids=["odd", "empty", "noise"])
def test_packets_that_are_not_opus_are_not_silence(packet: bytes) -> None:
    with pytest.raises(UnreadableSoundError):
        to_pcm(Sound(0.0, b"", (packet,), 0, 0.04))


def test_sound_that_is_shorter_than_it_says_is_refused() -> None:
    with pytest.raises(UnreadableSoundError, match="shorter"):
        to_pcm(Sound(0.0, b"", tuple(packets_of(sweep(0.1))), 0, 2.0))


def test_how_loud_decoded_sound_is() -> None:
    assert loudness_db(b"") == -90
    assert loudness_db(bytes(320)) == -90
    tone = np.full(1600, 3277, "<i2") * np.tile([1, -1], 800)
    assert loudness_db(tone.astype("<i2").tobytes()) == pytest.approx(-20, abs=0.1)


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(WorkerConfig(models_dir=models_dir() or Path("nowhere")))


def test_coded_sound_is_judged_as_plain_sound_is(analyzer: Analyzer) -> None:
    sounds = tuple(sounds_of(packets_of(np.zeros(2 * RATE, np.float32))))
    request = AnalysisRequest(1, "coded", sounds=sounds, detectors=HEARING, wants_sound=True)
    result = analyzer.analyze(request)
    assert not result.faults
    assert {o.labels for o in result.observations if o.detector is Detector.SPEECH} == {("quiet",)}
    assert [heard.at_s for heard in result.heard] == [sound.at_s for sound in sounds]
    assert sum(len(heard.pcm) for heard in result.heard) == round(
        sum(sound.span_s for sound in sounds) * 32_000
    )


def test_sound_that_cannot_be_decoded_is_a_fault_and_stays_unobserved(analyzer: Analyzer) -> None:
    good = sounds_of(packets_of(np.zeros(RATE, np.float32)))[0]
    bad = Sound(1.0, b"", (MALFORMED[0],) * 50, 0, 1.0)
    request = AnalysisRequest(1, "broken", sounds=(good, bad), detectors=HEARING)
    result = analyzer.analyze(request)
    assert {fault.detector for fault in result.faults} == HEARING
    assert all(o.at_s + o.span_s <= 1.05 for o in result.observations)
    assert len(result.heard) == 1
    assert result.heard[0].pcm == b""
