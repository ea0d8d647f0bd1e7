"""The product's detectors, asked the way a worker asks them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detectors.analyzer import Analyzer
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisRequest, AnalysisResult, Frame, Sound
from scoring.model import Detector, Observation, Rule
from scoring.policy import standard_policy
from scoring.session import SessionScorer


@dataclass(frozen=True, slots=True)
class Answer:
    """What the product said of one request, and how long it took."""

    result: AnalysisResult
    ms: float

    def of(self, detector: Detector) -> Observation | None:
        """The last observation of a detector, if it said anything."""
        found = [o for o in self.result.observations if o.detector is detector]
        return found[-1] if found else None


class Product:
    """One analyzer for the whole run; sessions are opened and closed as needed."""

    def __init__(self, models_dir: Path, object_model: str = "auto") -> None:
        self.analyzer = Analyzer(WorkerConfig(models_dir=models_dir, object_model=object_model))
        self._ids = itertools.count()

    def remedy(self, detector: Detector) -> str:
        """Why a detector is off; "" when it works."""
        for status in self.analyzer.statuses():
            if status.detector == detector.value:
                return "" if status.is_on else status.remedy or "The detector is off."
        return "The detector is off."

    def model(self, detector: Detector) -> str:
        """What the detector runs on."""
        return next((s.model for s in self.analyzer.statuses() if s.detector == detector.value), "")

    def still(self, jpeg: bytes, detectors: Iterable[Detector]) -> Answer:
        """Judge one picture on its own."""
        return self._ask(
            "still", (Frame(0.0, jpeg),), (), frozenset(d.value for d in detectors), is_still=True
        )

    def open(self, detectors: Iterable[Detector]) -> Session:
        return Session(self, f"evaluation-{next(self._ids)}", frozenset(d.value for d in detectors))

    def _ask(
        self,
        session_id: str,
        frames: tuple[Frame, ...],
        sounds: tuple[Sound, ...],
        detectors: frozenset[str],
        is_still: bool = False,
    ) -> Answer:
        request = AnalysisRequest(
            next(self._ids), session_id, frames, sounds, detectors, is_still=is_still
        )
        start = time.perf_counter()
        result = self.analyzer.analyze(request)
        return Answer(result, (time.perf_counter() - start) * 1000)


class Session:
    """One session of the product under evaluation; use it in a `with` block."""

    def __init__(self, product: Product, session_id: str, detectors: frozenset[str]) -> None:
        self._product = product
        self._id = session_id
        self._detectors = detectors
        self.observations: list[Observation] = []
        self._end_s = 0.0

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._product.analyzer.close(self._id)

    def see(self, at_s: float, jpeg: bytes) -> Answer:
        """One camera frame."""
        self._end_s = max(self._end_s, at_s)
        return self._keep(self._ask((Frame(at_s, jpeg),), ()))

    def hear(self, at_s: float, pcm: bytes) -> Answer:
        """One piece of sound."""
        sound = Sound(at_s, pcm)
        self._end_s = max(self._end_s, at_s + sound.span_s)
        return self._keep(self._ask((), (sound,)))

    def enrol(self, sounds: Iterable[Sound]) -> int:
        """Make this the student's voice; answers how many windows of speech it gave."""
        return self._product.analyzer.enrol_voice(self._id, sounds)

    def violations(self) -> dict[Rule, list[float]]:
        """Start seconds of the episodes the standard policy makes of what was observed."""
        scorer = SessionScorer(standard_policy())
        scorer.update(self.observations, self._end_s)
        scorer.end(self._end_s)
        found: dict[Rule, list[float]] = {}
        for violation in scorer.ledger().violations:
            found.setdefault(violation.rule, []).append(violation.start_s)
        return found

    def _ask(self, frames: tuple[Frame, ...], sounds: tuple[Sound, ...]) -> Answer:
        return self._product._ask(self._id, frames, sounds, self._detectors)

    def _keep(self, answer: Answer) -> Answer:
        self.observations += answer.result.observations
        return answer
