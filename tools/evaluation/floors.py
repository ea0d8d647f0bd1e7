"""Compares a report with the project's floors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

FLOORS_FILE = Path(__file__).with_name("floors.yaml")


class FloorsError(Exception):
    """The file of floors cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A bound on one figure of the report."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def wish(self) -> str:
        return f"at least {self.at_least:g}" if self.at_least is not None else self._most

    @property
    def _most(self) -> str:
        return f"at most {self.at_most:g}"

    def is_met(self, value: float) -> bool:
        if self.at_least is not None and value < self.at_least:
            return False
        return self.at_most is None or value <= self.at_most


@dataclass(frozen=True, slots=True)
class Check:
    """What a floor came to; `value` is None when the figure was not measured."""

    floor: Floor
    value: float | None

    @property
    def is_missed(self) -> bool:
        return self.value is not None and not self.floor.is_met(self.value)


def load_floors(path: Path = FLOORS_FILE) -> tuple[Floor, ...]:
    """Raises FloorsError with a sentence."""
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        floors = tuple(Floor(**row) for row in rows)
    except (OSError, yaml.YAMLError, TypeError) as error:
        raise FloorsError(f"{path} cannot be read: {error}") from error
    for floor in floors:
        bounds = (floor.at_least, floor.at_most)
        if bounds == (None, None) or not all(
            b is None or (isinstance(b, (int, float)) and not isinstance(b, bool)) for b in bounds
        ):
            raise FloorsError(f"{path}: {floor.figure} needs a number, at_least or at_most.")
    return floors


def check_floors(report: Mapping[str, object], floors: tuple[Floor, ...]) -> tuple[Check, ...]:
    """Every floor with the figure it is about."""
    return tuple(Check(floor, _figure(report, floor.figure)) for floor in floors)


def _figure(report: Mapping[str, object], path: str) -> float | None:
    found: object = report
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found or found.get("n") == 0:
            return None
        found = found[name]
    return float(found) if isinstance(found, (int, float)) else None
