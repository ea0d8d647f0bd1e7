"""What a run of the fuzzer did and found. Thread-safe."""

from __future__ import annotations

import threading
from collections import Counter

MOST_FAULTS = 50


class Report:
    """Counts cases by their answer and keeps what went wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.answers: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.faults: list[str] = []

    @property
    def cases(self) -> int:
        return sum(self.answers.values())

    def case(self, what: str, answer: str) -> None:
        with self._lock:
            self.answers[answer] += 1
            self.kinds[what.partition(" ")[0]] += 1

    def fault(self, sentence: str) -> None:
        with self._lock:
            if len(self.faults) < MOST_FAULTS:
                self.faults.append(sentence)

    def lines(self) -> list[str]:
        """The figures, for people."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        answers = ", ".join(f"{count} x {name}" for name, count in sorted(self.answers.items()))
        return [f"{self.cases} cases ({kinds}).", f"Answers: {answers}."]
