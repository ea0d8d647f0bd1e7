"""Whose voice is it? The student's, another one, or several.

Listens only to what the speech detector made sure of. 1.6 s of speech (pauses left out) become a
voice vector every 0.8 s; detectors/voices.py judges them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime

from detectors.arrays import Floats
from detectors.average_voice import without_average
from detectors.base import Costs, Hearing, Utterance, require_model
from detectors.entry import WorkerConfig
from detectors.mel import SAMPLE_RATE, at_level, mel_spectrogram, without_floor
from detectors.messages import Mark
from detectors.models import VOICE_ENCODER
from detectors.voices import VoiceBook
from scoring.model import Detector, Observation

WINDOW = 25_600
STEP = 12_800
ENROL_STEP = 6_400
# Speech on both sides of a longer silence is not put into one window.
PAUSE_S = 2.0
# More than this adds nothing to what is known of a voice.
ENROL_MOST_S = 20.0


class VoiceModel:
    """The voice encoder. `embed` is one call for any number of windows."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, windows: Iterable[Floats]) -> Floats:
        """Unit vectors float32 (n, 256) of windows float32 (25600,), less the average voice."""
        mels = np.stack([without_floor(mel_spectrogram(at_level(w))) for w in windows])
        return without_average(self.infer(mels))

    def infer(self, mels: Floats) -> Floats:
        """The network alone: unit vectors of spectrograms float32 (n, 160, 40)."""
        return np.asarray(self._session.run(None, {"mels": mels})[0], np.float32)


class VoiceDetector:
    """Holds the model; a stream per session holds what is known of its voices."""

    detector = Detector.VOICE
    model = VOICE_ENCODER.title

    def __init__(self, model: VoiceModel) -> None:
        self._model = model

    def open_stream(self) -> VoiceStream:
        return VoiceStream(self._model)


def load_voice(config: WorkerConfig) -> VoiceDetector:
    """Raises DetectorUnavailable when the voice encoder has not been made."""
    path = require_model(VOICE_ENCODER, config.models_dir)
    return VoiceDetector(VoiceModel(path, config.threads))


class VoiceStream:
    """One session's voices."""

    def __init__(self, model: VoiceModel) -> None:
        self._model = model
        self._book = VoiceBook()
        self._samples = np.zeros(0, np.float32)
        self._times_s: list[tuple[int, float]] = []
        self._reported_s = 0.0
        self._read: list[Utterance] | None = None

    def prompt(self, mark: Mark) -> None:
        """What is said between `read` and `read_end` becomes the student's own voice."""
        if mark.kind == "read":
            self._read = []
        elif mark.kind == "read_end" and self._read is not None:
            read, self._read = self._read, None
            self.enrol(read)
            self._samples, self._times_s = self._samples[:0], []

    def enrol(self, speech: Iterable[Utterance]) -> int:
        """Make this speech the student's voice; answers how many windows it gave (0: too short)."""
        samples = np.concatenate([np.zeros(0, np.float32), *(u.samples for u in speech)])
        starts = range(0, samples.size - WINDOW + 1, ENROL_STEP)
        if starts:
            self._book = VoiceBook(self._model.embed(samples[s : s + WINDOW] for s in starts))
        return len(starts)

    def hear(self, hearing: Hearing) -> tuple[Observation, ...]:
        """A verdict per 0.8 s of new speech; while the student reads aloud, how much was read."""
        if self._read is not None:
            return self._listen(hearing)
        observations: list[Observation] = []
        for utterance in hearing.speech or ():
            self._append(utterance)
            observations += self._judge(hearing.costs)
        return tuple(observations)

    def _listen(self, hearing: Hearing) -> tuple[Observation, ...]:
        read = self._read if self._read is not None else []
        if sum(u.samples.size for u in read) < ENROL_MOST_S * SAMPLE_RATE:
            read.extend(hearing.speech or ())
        read_s = sum(u.samples.size for u in read) / SAMPLE_RATE
        return (
            Observation(
                Detector.VOICE,
                hearing.sound.at_s,
                judgeable=False,
                reason="enrolling",
                span_s=hearing.sound.span_s,
                measures=(("read_s", round(read_s, 2)),),
            ),
        )

    def _append(self, utterance: Utterance) -> None:
        if self._times_s and utterance.at_s - self._time_of(self._samples.size) > PAUSE_S:
            self._samples = self._samples[:0]
            self._times_s = []
        if not self._times_s:
            self._reported_s = utterance.at_s
        self._times_s.append((self._samples.size, utterance.at_s))
        self._samples = np.concatenate([self._samples, utterance.samples])

    def _judge(self, costs: Costs) -> list[Observation]:
        observations = []
        while self._samples.size >= WINDOW:
            with costs.step("voice"):
                vector = self._model.embed([self._samples[:WINDOW]])[0]
                end_s = self._time_of(WINDOW)
                verdict = self._book.add(vector, end_s)
            observations.append(
                Observation(
                    Detector.VOICE,
                    self._reported_s,
                    (verdict.label,),
                    confidence=verdict.confidence,
                    span_s=max(0.0, end_s - self._reported_s),
                    measures=(
                        ("cosine", round(verdict.cosine, 3)),
                        ("apart", round(verdict.apart, 3)),
                    ),
                )
            )
            self._reported_s = end_s
            self._drop(STEP)
        return observations

    def _time_of(self, sample: int) -> float:
        """When the sample (the end of the one before it) was heard."""
        for first, at_s in reversed(self._times_s):
            if first < sample or first == 0:
                return at_s + (sample - first) / SAMPLE_RATE
        return 0.0

    def _drop(self, count: int) -> None:
        self._samples = self._samples[count:]
        moved = [(first - count, at_s) for first, at_s in self._times_s]
        while len(moved) > 1 and moved[1][0] <= 0:
            moved.pop(0)
        first, at_s = moved[0]
        self._times_s = [(0, at_s - first / SAMPLE_RATE), *moved[1:]]
