"""Voices are told apart: by vectors alone, and on labelled clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectors.arrays import Floats
from detectors.base import Costs, DetectorUnavailable, Hearing
from detectors.entry import WorkerConfig
from detectors.mel import at_level, mel_spectrogram, without_floor
from detectors.messages import Sound
from detectors.speech import load_speech
from detectors.voice import VoiceStream, load_voice
from detectors.voices import VoiceBook, mean_voice, split_in_two
from scoring.model import LABELS, Detector
from tests.media import load_manifest, media_dir, models_dir, requires_media, requires_models
from tests.unit.detectors_audio.sounds import RATE, Samples, clip, hear, pieces, seconds, silence

WINDOW_S = 0.8


def _voices(people: str, scatter: float = 0.04, seed: int = 0) -> list[Floats]:
    """A unit vector per letter: one person's are near each other, two people's are not."""
    rng = np.random.default_rng(seed)
    basis = {person: rng.normal(0, 1, 256) for person in sorted(set(people))}
    made = []
    for person in people:
        vector = basis[person] / np.linalg.norm(basis[person])
        vector = vector + rng.normal(0, scatter, 256)
        made.append((vector / np.linalg.norm(vector)).astype(np.float32))
    return made


def _labels(book: VoiceBook, vectors: list[Floats]) -> list[str]:
    return [book.add(v, WINDOW_S * (i + 2)).label for i, v in enumerate(vectors)]


def test_two_groups_are_found_and_one_is_left_whole() -> None:
    side, apart = split_in_two(np.stack(_voices("aaaabbb")))
    assert {tuple(side[:4]), tuple(side[4:])} in (
        {(True,) * 4, (False,) * 3},
        {(False,) * 4, (True,) * 3},
    )
    assert apart < 0.7
    same = np.stack([_voices("a")[0]] * 5)
    assert split_in_two(same)[1] == 1.0


def test_one_person_is_never_several() -> None:
    for seed in range(20):
        labels = _labels(VoiceBook(), _voices("a" * 60, seed=seed))
        assert set(labels) == {"one"}


def test_without_enrolment_nobody_is_own_and_a_second_person_is_several() -> None:
    labels = _labels(VoiceBook(), _voices("aaaaaabbbbaaaa"))
    assert set(labels[:6]) == {"one"}
    assert labels[7:10] == ["several"] * 3
    assert "own" not in labels
    assert "foreign" not in labels


def test_what_the_student_says_in_a_conversation_is_part_of_it() -> None:
    labels = _labels(VoiceBook(), _voices("aaaaaabbbbaa"))
    assert labels[-2:] == ["several"] * 2


def test_a_conversation_is_over_after_a_while() -> None:
    labels = _labels(VoiceBook(), _voices("aaaaaabbbb" + "a" * 40))
    assert labels[-1] == "one"


def test_with_enrolment_the_student_is_own_and_another_foreign() -> None:
    vectors = _voices("a" * 14 + "bbbb")
    book = VoiceBook(np.stack(vectors[:6]))
    assert book.is_enrolled
    labels = _labels(book, vectors[6:])
    assert set(labels[:8]) == {"own"}
    assert labels[-3:] == ["foreign"] * 3


def test_somebody_else_from_the_start_is_foreign() -> None:
    vectors = _voices("aaaaaabbbbb")
    labels = _labels(VoiceBook(np.stack(vectors[:6])), vectors[6:])
    assert labels[1:] == ["foreign"] * 4


def test_one_odd_vector_is_not_another_person() -> None:
    vectors = _voices("a" * 8 + "b" + "a" * 8)
    assert "several" not in _labels(VoiceBook(), vectors)


def test_the_mean_of_voices_has_unit_length() -> None:
    assert np.linalg.norm(mean_voice(np.stack(_voices("ab")))) == pytest.approx(1, abs=1e-5)


def test_a_tone_stands_in_the_band_of_its_frequency() -> None:
    t = np.arange(RATE, dtype=np.float32) / RATE
    mel = mel_spectrogram(np.sin(2 * np.pi * 1000 * t).astype(np.float32))
    assert mel.shape == (100, 40)
    # Slaney's scale: 40 bands to 8 kHz have their centres 1.1 mel apart, 1 kHz is mel 15.
    assert abs(int(mel.mean(axis=0).argmax()) - 13) <= 1


def test_level_and_steady_noise_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.02, 25_600).astype(np.float32)
    np.testing.assert_allclose(at_level(sound * 0.1), at_level(sound), rtol=1e-3, atol=1e-6)
    assert without_floor(np.ones((160, 40), np.float32)).sum() == 0
    assert not at_level(np.zeros(100, np.float32)).any()


@pytest.fixture(scope="module")
def config() -> WorkerConfig:
    folder = models_dir()
    return WorkerConfig(models_dir=folder if folder is not None else Path("nowhere"))


def _stream(config: WorkerConfig) -> VoiceStream:
    try:
        return load_voice(config).open_stream()
    except DetectorUnavailable as error:
        pytest.skip(error.remedy)


def _spoken(config: WorkerConfig, stream: VoiceStream, samples: Samples) -> float:
    sounds = [*pieces(samples), *pieces(silence(2), start_s=samples.size / RATE)]
    _, observations = hear([load_speech(config).open_stream(), stream], sounds)
    assert all(set(o.labels) <= LABELS[Detector.VOICE] for o in observations)
    assert all(0 <= o.confidence <= 1 and o.span_s > 0 for o in observations)
    return seconds(observations, "several", "foreign")


@requires_models
def test_without_speech_nothing_is_said_and_the_model_is_not_asked(config: WorkerConfig) -> None:
    stream = _stream(config)
    costs = Costs()
    assert stream.hear(Hearing(Sound(0, bytes(32_000)), costs, speech=())) == ()
    assert stream.hear(Hearing(Sound(1, bytes(32_000)), costs, speech=None)) == ()
    assert costs.as_tuple() == ()


@requires_media
@requires_models
@pytest.mark.media
@pytest.mark.slow
@pytest.mark.parametrize("is_enrolled", [True, False], ids=["enrolled", "not enrolled"])
@pytest.mark.parametrize(
    "gain",
    [
        # The floors of `./run.sh evaluate` hold for the clips as they are.
        pytest.param(1.0, id="as recorded", marks=pytest.mark.long),
        pytest.param(0.1, id="20 dB softer"),
    ],
)
def test_built_dialogs_and_overlaps_are_found_and_no_single_speaker(
    config: WorkerConfig, is_enrolled: bool, gain: float
) -> None:
    folder = media_dir()
    assert folder is not None
    missed, mistaken = [], []
    for row in load_manifest():
        if not row["enrol"]:
            continue
        stream = _stream(config)
        if is_enrolled:
            file, _, span = row["enrol"].partition("#")
            first, last = (round(float(t) * RATE) for t in span.split("-"))
            stream.enrol(load_speech(config).speech_in(pieces(clip(folder / file)[first:last])))
        samples = (clip(folder / row["file"]) * gain).astype("<i2")
        heard_s = _spoken(config, stream, samples)
        if heard_s >= 3 and row["kind"] == "speech":
            mistaken.append((row["file"], heard_s))
        if heard_s < 3 and row["kind"] != "speech":
            missed.append((row["file"], heard_s))
    assert mistaken == []
    assert missed == []


@requires_media
@requires_models
@pytest.mark.media
@pytest.mark.slow
@pytest.mark.parametrize(
    "shift_s",
    [
        pytest.param(0.13, marks=pytest.mark.long),
        0.29,
        pytest.param(0.51, marks=pytest.mark.long),
        0.67,
    ],
)
def test_two_voices_are_told_wherever_the_windows_begin(
    config: WorkerConfig, shift_s: float
) -> None:
    folder = media_dir()
    assert folder is not None
    missed = []
    for row in load_manifest():
        if row["enrol"] and row["kind"] != "speech":
            shifted = clip(folder / row["file"])[round(shift_s * RATE) :]
            if _spoken(config, _stream(config), shifted) < 3:
                missed.append(row["file"])
    assert missed == []


def test_without_its_model_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DetectorUnavailable, match=r"setup\.sh"):
        load_voice(WorkerConfig(models_dir=tmp_path))
