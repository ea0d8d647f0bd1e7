"""Speech is told from everything else, however the stream is cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from detectors.base import DetectorUnavailable
from detectors.entry import WorkerConfig
from detectors.messages import Sound
from detectors.speech import WINDOW_S, SpeechDetector, load_speech
from scoring.model import LABELS, Detector, Observation
from tests.media import load_manifest, media_dir, requires_media
from tests.unit.detectors_audio.sounds import (
    RATE,
    Samples,
    clip,
    hear,
    noise,
    pieces,
    seconds,
    silence,
    tones,
    typing,
)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> SpeechDetector:
    try:
        return load_speech(WorkerConfig(models_dir=tmp_path_factory.mktemp("models")))
    except DetectorUnavailable as error:
        pytest.skip(error.remedy)


def _heard(detector: SpeechDetector, sounds: list[Sound]) -> list[Observation]:
    (observations,) = hear([detector.open_stream()], sounds)
    return observations


def _voice() -> Samples:
    folder = media_dir()
    assert folder is not None
    return clip(folder / "audio/libri_1688.wav")[: 8 * RATE]


@pytest.mark.parametrize(
    "sound",
    [
        silence(6),
        noise(6, 0.003),
        noise(6, 0.1),
        tones(6, 220, 277, 330),
        tones(6, 50),
        typing(6),
        np.full(6 * RATE, 32767, "<i2"),
    ],
    ids=["silence", "hiss", "loud noise", "a chord", "hum", "typing", "a stuck input"],
)
def test_what_nobody_says_is_not_speech(detector: SpeechDetector, sound: Samples) -> None:
    observations = _heard(detector, pieces(sound))
    assert seconds(observations, "speech") == 0
    assert seconds(observations, "quiet") > 5


def test_silence_never_reaches_the_network(detector: SpeechDetector) -> None:
    class Unwanted:
        def judge(self, *_: object) -> None:
            raise AssertionError("the gate should have stayed shut")

    stream = SpeechDetector(Unwanted()).open_stream()  # type: ignore[arg-type]
    assert hear([stream], pieces(silence(5)))[0]


@requires_media
@pytest.mark.media
@pytest.mark.parametrize("piece_s", [0.05, 0.1, 0.33, 2.0, 8.0])
def test_the_verdict_does_not_depend_on_how_the_stream_is_cut(
    detector: SpeechDetector, piece_s: float
) -> None:
    def marks(piece: float) -> list[str]:
        line = [""] * round(8 / WINDOW_S)
        for o in _heard(detector, [*pieces(_voice(), piece), *pieces(silence(1), 1, 8)]):
            first = round(o.at_s / WINDOW_S)
            for i in range(first, min(len(line), first + round(o.span_s / WINDOW_S))):
                line[i] = o.labels[0]
        return line

    assert marks(piece_s) == marks(1.0)


@requires_media
@pytest.mark.media
def test_spans_follow_each_other_without_gap_or_overlap(detector: SpeechDetector) -> None:
    observations = _heard(detector, pieces(_voice(), start_s=100.0))
    assert observations[0].at_s == 100.0
    for before, after in pairwise(observations):
        assert after.at_s == pytest.approx(before.at_s + before.span_s, abs=1e-6)
    assert all(set(o.labels) <= LABELS[Detector.SPEECH] for o in observations)
    assert all(0 <= o.confidence <= 1 for o in observations)


@requires_media
@pytest.mark.media
def test_a_gap_in_the_stream_is_not_judged_and_time_stays_right(detector: SpeechDetector) -> None:
    voice = _voice()
    sounds = [*pieces(voice[: 3 * RATE]), *pieces(voice[3 * RATE : 6 * RATE], start_s=20.0)]
    observations = _heard(detector, sounds)
    assert not [o for o in observations if o.at_s + o.span_s > 3.01 and o.at_s < 20.0]
    assert seconds([o for o in observations if o.at_s >= 20], "speech") > 1


@requires_media
@pytest.mark.media
def test_small_jitter_of_the_times_is_no_gap(detector: SpeechDetector) -> None:
    shaken = [
        Sound(sound.at_s + (0.04 if i % 2 else -0.04), sound.pcm)
        for i, sound in enumerate(pieces(_voice()))
    ]
    steady = _heard(detector, pieces(_voice()))
    assert seconds(_heard(detector, shaken), "speech") == pytest.approx(seconds(steady, "speech"))


@requires_media
@pytest.mark.media
@pytest.mark.parametrize("name", ["clean", "20 dB softer", "noise at 10 dB", "noise at 5 dB"])
def test_speech_is_heard_when_it_is_faint_or_noisy(detector: SpeechDetector, name: str) -> None:
    folder = media_dir()
    assert folder is not None
    spoken = [r["file"] for r in load_manifest() if r["kind"] == "speech"]
    missed = []
    for i, file in enumerate(spoken):
        samples = clip(folder / file)[: 10 * RATE].astype(np.float64)
        if name.startswith("20"):
            samples *= 0.1
        elif name.startswith("noise"):
            db = float(name.split()[2])
            level = np.sqrt(np.mean(samples**2)) * 10 ** (-db / 20)
            samples += np.random.default_rng(i).normal(0, level, samples.size)
        sound = [*pieces(samples.clip(-32768, 32767).astype("<i2")), *pieces(silence(1.5), 1.5, 10)]
        if seconds(_heard(detector, sound), "speech") < 0.3:
            missed.append(file)
    assert len(missed) <= 1, missed


@requires_media
@pytest.mark.media
def test_no_labelled_clip_without_speech_is_called_speech(detector: SpeechDetector) -> None:
    folder = media_dir()
    assert folder is not None
    wrong = []
    for row in load_manifest():
        if row["kind"] in {"noise", "music", "keyboard", "silence"}:
            for gain in (1.0, 0.2):
                samples = (clip(folder / row["file"]) * gain).astype("<i2")
                if seconds(_heard(detector, pieces(samples)), "speech") >= 0.3:
                    wrong.append((row["file"], gain))
    assert wrong == []


def test_a_missing_package_is_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    with pytest.raises(DetectorUnavailable, match=r"setup\.sh"):
        load_speech(WorkerConfig(models_dir=tmp_path))
