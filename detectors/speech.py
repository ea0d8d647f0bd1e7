"""Is somebody speaking? webrtcvad is the gate, Silero gives the verdict.

The gate is cheap and calls typing, music and noise speech too (facts: 6 of 21 right), so it only
decides whether Silero listens at all. All state is per session and in samples, so the verdict does
not depend on how the stream is cut into pieces.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import webrtcvad

from detectors.arrays import Floats
from detectors.base import Costs, DetectorUnavailable, Hearing, Utterance
from detectors.entry import WorkerConfig
from detectors.messages import Sound
from scoring.model import Detector, Observation

SAMPLE_RATE = 16_000
WINDOW = 512
CONTEXT = 64
WINDOW_S = WINDOW / SAMPLE_RATE

# Five Silero windows and eight gate frames: both fit a block exactly.
BLOCK = 5 * WINDOW
_GATE_FRAME = 320
_GATE_MODE = 2
_GATE_FRAMES_TO_OPEN = 2
_HOLD_BLOCKS = 6
_WARM_UP_BLOCKS = 2

ON = 0.5
OFF = 0.35
_SURE = 10.0
_DOUBT_WINDOWS = 5
_PAUSE_WINDOWS = 10

# A piece that starts further than this from where the last one ended begins anew.
_GAP_S = 0.25

Labelled = tuple[int, bool, float]


class SpeechModel:
    """Silero VAD's sequence model: one call for any number of windows."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def judge(self, windows: Floats, state: tuple[Floats, Floats]) -> tuple[Floats, Floats, Floats]:
        """Probability of speech per window, float32 (n,), and the next state (h, c).

        `windows` is float32 (n, 576): 64 samples of context and 512 new ones each.
        """
        probabilities, h, c = self._session.run(
            ["speech_probs", "hn", "cn"], {"input": windows, "h": state[0], "c": state[1]}
        )
        return np.asarray(probabilities, np.float32).reshape(-1), h, c


def _blank_state() -> tuple[Floats, Floats]:
    return np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)


class SpeechDetector:
    """Holds the model; a stream per session holds the state."""

    detector = Detector.SPEECH
    model = "Silero VAD behind webrtcvad"

    def __init__(self, model: SpeechModel) -> None:
        self._model = model

    def open_stream(self) -> SpeechStream:
        return SpeechStream(self._model)

    def speech_in(self, sounds: Iterable[Sound]) -> tuple[Utterance, ...]:
        """All speech of a recording that is complete: pieces in time order."""
        stream = self.open_stream()
        spoken: list[Utterance] = []
        end_s = 0.0
        for sound in sounds:
            hearing = Hearing(sound, Costs())
            stream.hear(hearing)
            spoken += hearing.speech or ()
            end_s = sound.at_s + sound.span_s
        silence = Hearing(Sound(end_s, bytes(2 * SAMPLE_RATE)), Costs())
        stream.hear(silence)
        return (*spoken, *(silence.speech or ()))


def load_speech(config: WorkerConfig) -> SpeechDetector:
    """Raises DetectorUnavailable when the package silero-vad is not installed."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise DetectorUnavailable("The package silero-vad is missing: run ./setup.sh.")
    path = Path(spec.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    if not path.is_file():
        raise DetectorUnavailable("The package silero-vad is damaged: run ./setup.sh.")
    return SpeechDetector(SpeechModel(path, config.threads))


class _Probabilities:
    """Samples of one unbroken stretch in, probability of speech per window out."""

    def __init__(self, model: SpeechModel) -> None:
        self._model = model
        self._gate = webrtcvad.Vad(_GATE_MODE)
        self._state = _blank_state()
        self._past = np.zeros((_WARM_UP_BLOCKS + 1) * BLOCK, np.int16)
        self._hold = 0
        self._unheard = 0

    def feed(self, blocks: np.ndarray[tuple[int, int], np.dtype[np.int16]], costs: Costs) -> Floats:
        """`blocks` is int16 (n, 2560); answers float32 (5 n,)."""
        found: list[Floats] = []
        run: list[int] = []
        line = np.concatenate([self._past, blocks.reshape(-1)])
        for i, block in enumerate(blocks):
            with costs.step("speech gate"):
                is_open = self._is_open(block)
            was_listening = self._hold > 0
            self._hold = _HOLD_BLOCKS if is_open else max(0, self._hold - 1)
            if not (is_open or was_listening):
                found += [*self._listen(line, run, costs), np.zeros(5, np.float32)]
                run = []
                self._unheard = min(self._unheard + 1, _WARM_UP_BLOCKS)
                continue
            if self._unheard:
                self._listen(line, list(range(i - self._unheard, i)), costs)
                self._unheard = 0
            run.append(i)
        found += self._listen(line, run, costs)
        self._past = line[-self._past.size :]
        return np.concatenate(found)

    def _is_open(self, block: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> bool:
        data = block.tobytes()
        opened = 0
        for start in range(0, BLOCK * 2, _GATE_FRAME * 2):
            opened += self._gate.is_speech(data[start : start + _GATE_FRAME * 2], SAMPLE_RATE)
        return opened >= _GATE_FRAMES_TO_OPEN

    def _listen(
        self,
        line: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
        run: list[int],
        costs: Costs,
    ) -> list[Floats]:
        """Silero over consecutive blocks; block 0 of the new ones follows `_past` in `line`."""
        if not run:
            return []
        with costs.step("speech"):
            first = (run[0] + _WARM_UP_BLOCKS + 1) * BLOCK
            stretch = line[first - CONTEXT : first + len(run) * BLOCK].astype(np.float32) / 32768
            windows = np.lib.stride_tricks.sliding_window_view(stretch, CONTEXT + WINDOW)[::WINDOW]
            probabilities, *state = self._model.judge(np.ascontiguousarray(windows), self._state)
            self._state = (state[0], state[1])
        return [probabilities]


class _Verdicts:
    """Turns probabilities into speech and quiet, with a threshold and a time on both edges.

    Speech begins when certainty has added up: 0.32 s of windows that are certain, twice that of
    windows half way from ON. So a key, a short cough and a chord are not speech. A pause shorter
    than 0.35 s does not end it.
    """

    def __init__(self) -> None:
        self._next = 0
        self._open: list[float] = []
        self._is_speech = False

    def add(self, probabilities: Floats) -> list[Labelled]:
        """(window number, is speech, probability) of every window that is certain now."""
        decided: list[Labelled] = []
        for probability in probabilities.tolist():
            self._open.append(probability)
            if self._is_speech:
                if probability >= OFF:
                    decided += self._decide(True)
                elif len(self._open) > _PAUSE_WINDOWS:
                    decided += self._decide(False)
                    self._is_speech = False
            elif sum(max(0.0, p - ON) for p in self._open) >= _SURE * (1 - ON):
                decided += self._decide(True)
                self._is_speech = True
            elif all(p < ON for p in self._open[-_DOUBT_WINDOWS:]) or self._open[0] < ON:
                decided += self._decide(False)
        return decided

    def finish(self) -> list[Labelled]:
        """Decides what is still open, at the end of an unbroken stretch."""
        return self._decide(False)

    def _decide(self, is_speech: bool) -> list[Labelled]:
        labelled = [(self._next + i, is_speech, p) for i, p in enumerate(self._open)]
        self._next += len(self._open)
        self._open = []
        return labelled


@dataclass(slots=True)
class _Stretch:
    """Sound without a gap. `samples` are those not yet decided, from window `first_window` on."""

    start_s: float
    probabilities: _Probabilities
    verdicts: _Verdicts
    samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]]
    first_window: int = 0
    received: int = 0
    judged: int = 0

    @property
    def end_s(self) -> float:
        return self.start_s + self.received / SAMPLE_RATE


class SpeechStream:
    """One session's ear. Says for every stretch of time whether it held speech."""

    def __init__(self, model: SpeechModel) -> None:
        self._model = model
        self._stretch: _Stretch | None = None

    def hear(self, hearing: Hearing) -> tuple[Observation, ...]:
        """Speech and quiet spans that are certain now; fills `hearing.speech`."""
        observations: list[Observation] = []
        utterances: list[Utterance] = []
        stretch = self._stretch
        if stretch is not None and abs(hearing.sound.at_s - stretch.end_s) > _GAP_S:
            self._report(stretch, stretch.verdicts.finish(), observations, utterances)
            stretch = None
        if stretch is None:
            stretch = self._begin(hearing.sound)
        self._stretch = stretch
        pcm = np.frombuffer(hearing.sound.pcm, "<i2")
        stretch.received += pcm.size
        stretch.samples = np.concatenate([stretch.samples, pcm])
        offset = (stretch.judged - stretch.first_window) * WINDOW
        count = (stretch.samples.size - offset) // BLOCK
        if count:
            blocks = stretch.samples[offset : offset + count * BLOCK].reshape(count, BLOCK)
            probabilities = stretch.probabilities.feed(blocks, hearing.costs)
            stretch.judged += probabilities.size
            decided = stretch.verdicts.add(probabilities)
            self._report(stretch, decided, observations, utterances)
        hearing.speech = tuple(utterances)
        return tuple(observations)

    def _begin(self, sound: Sound) -> _Stretch:
        return _Stretch(
            start_s=sound.at_s,
            probabilities=_Probabilities(self._model),
            verdicts=_Verdicts(),
            samples=np.zeros(0, np.int16),
        )

    def _report(
        self,
        stretch: _Stretch,
        decided: list[Labelled],
        observations: list[Observation],
        utterances: list[Utterance],
    ) -> None:
        start = 0
        for end in range(1, len(decided) + 1):
            if end < len(decided) and decided[end][1] == decided[start][1]:
                continue
            run = decided[start:end]
            start = end
            at_s = stretch.start_s + run[0][0] * WINDOW_S
            is_speech = run[0][1]
            mean = sum(p for _, _, p in run) / len(run)
            observations.append(
                Observation(
                    Detector.SPEECH,
                    at_s,
                    ("speech",) if is_speech else ("quiet",),
                    confidence=round(mean if is_speech else 1 - mean, 3),
                    span_s=len(run) * WINDOW_S,
                    measures=(("probability", round(mean, 3)),),
                )
            )
            if is_speech:
                first = (run[0][0] - stretch.first_window) * WINDOW
                samples = stretch.samples[first : first + len(run) * WINDOW]
                utterances.append(Utterance(at_s, samples.astype(np.float32) / 32768))
        if decided:
            used = decided[-1][0] + 1
            stretch.samples = stretch.samples[(used - stretch.first_window) * WINDOW :]
            stretch.first_window = used
