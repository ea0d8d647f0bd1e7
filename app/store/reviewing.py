"""The documents of reviews: what people did, step by step, and each exam's terms.

Part of the repository and reached through it, with its guarantees.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import TypeAdapter

from app.errors import Conflict
from app.review.model import ReviewTerms, Step, StepKind
from app.store.documents import plain
from app.store.engines import Engine

Call = Callable[[Callable[[], Any]], Any]

MOST = 100_000
_STEP = TypeAdapter(Step)
_TERMS = TypeAdapter(ReviewTerms)


class Reviewing:
    """Steps can be appended and read, nothing else. Thread-safe."""

    def __init__(self, engine: Engine, call: Call) -> None:
        """`call` makes one call to the database and turns its failures into ours."""
        self._call = call
        self._steps = engine.collection("review_steps")
        self._terms = engine.collection("review_terms")
        call(lambda: engine.index("review_steps", ("session_id", "exam_id", "kind")))

    def append(self, step: Step) -> bool:
        """Keep a step under its number; False when another has that number."""
        document = {"_id": f"step:{step.session_id}:{step.number}", **plain(step)}
        try:
            self._call(lambda: self._steps.insert_one(document))
        except Conflict:
            return False
        return True

    def steps(self, session_id: str) -> tuple[Step, ...]:
        """What was done about a session, in order."""
        return self._found({"session_id": session_id})

    def steps_of_exam(self, exam_id: str) -> dict[str, list[Step]]:
        """What was done about each session of an exam that anything was done about."""
        found: dict[str, list[Step]] = {}
        for step in self._found({"exam_id": exam_id}):
            found.setdefault(step.session_id, []).append(step)
        return found

    def steps_of_kind(self, kinds: Collection[StepKind]) -> tuple[Step, ...]:
        """All steps of some kinds, over every exam."""
        return self._found({"kind": {"$in": [kind.value for kind in kinds]}})

    def save_terms(self, terms: ReviewTerms) -> None:
        key = f"terms:{terms.exam_id}"
        document = {"_id": key, **plain(terms)}
        self._call(lambda: self._terms.replace_one({"_id": key}, document, upsert=True))

    def terms(self, exam_id: str) -> ReviewTerms | None:
        found = self._call(lambda: self._terms.find_one({"_id": f"terms:{exam_id}"}))
        return _TERMS.validate_python(_without_id(found)) if found else None

    def _found(self, where: dict[str, Any]) -> tuple[Step, ...]:
        found = self._call(lambda: list(self._steps.find(where).sort("number", 1).limit(MOST)))
        return tuple(_STEP.validate_python(_without_id(item)) for item in found)


def _without_id(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("_id", "schema")}
