"""What one look at the machine found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """OK, LESS (it runs with less than it could), or PROBLEM (it does not run)."""

    OK = "ok"
    LESS = "--"
    PROBLEM = "!!"


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report; the remedy is a sentence where the state is not OK."""

    subject: str
    state: State
    detail: str
    remedy: str = ""

    def lines(self) -> Iterable[str]:
        yield f"  {self.state.value}  {self.subject}: {self.detail}"
        if self.remedy:
            yield f"      {self.remedy}"


Look = Callable[[], Iterable[Finding]]


def ok(subject: str, detail: str) -> Finding:
    return Finding(subject, State.OK, detail)


def less(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(subject, State.LESS, detail, remedy)


def problem(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(subject, State.PROBLEM, detail, remedy)
