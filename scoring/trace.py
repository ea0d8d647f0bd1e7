"""Stores the records of a stretch of a session in few bytes, run by run.

A block of records becomes columns per detector: looks and spans as runs, instants as differences
(shared by detectors that looked at the same frames), confidences only where they can matter,
measures column by column; then JSON, deflated. Decoding gives back the very same records, so a
replay of a trace is the live session bit for bit. `Block` keeps the columns as they are, so that
a replay can skip whole runs without making a record of each observation.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import Any

from scoring.model import Detector, EventKind
from scoring.stream import (
    DETECTOR_INDEX,
    DETECTORS,
    BreakMark,
    Happening,
    Look,
    Record,
    Sighting,
    key_of,
    look_of,
)

VERSION = 1

# A block longer than this is refused: no honest writer makes one.
_MOST_BYTES = 64_000_000


class TraceError(ValueError):
    """Bytes that are not a trace block of this version."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive observations of one look and span: [first, last] of a column."""

    look: Look
    span_ms: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Column:
    """All observations of one detector in a block, in time order."""

    detector: int
    times: Sequence[int]
    steps: Sequence[int]
    runs: Sequence[Run]
    percents: Sequence[int]
    measures: Sequence[tuple[tuple[str, int], ...]] = ()

    def sightings(self) -> Iterator[Sighting]:
        """The observations one by one."""
        for run in self.runs:
            for number in range(run.first, run.last + 1):
                yield self.sighting(run, number)

    def sighting(self, run: Run, number: int) -> Sighting:
        """One observation of a run."""
        measures = self.measures[number] if self.measures else ()
        return Sighting(self.times[number], run.look, self.percents[number], run.span_ms, measures)


@dataclass(frozen=True, slots=True)
class Block:
    """A decoded stretch of a session."""

    columns: tuple[Column, ...] = ()
    events: tuple[Happening, ...] = ()
    breaks: tuple[BreakMark, ...] = ()

    def records(self) -> list[Record]:
        """All records in time order."""
        records: list[Record] = [*self.events, *self.breaks]
        for column in self.columns:
            records += column.sightings()
        return sorted(records, key=key_of)


def encode(records: Iterable[Record]) -> bytes:
    """Pack records of distinct keys, in any order."""
    ordered = sorted(records, key=key_of)
    by_detector: dict[int, list[Sighting]] = {}
    data: dict[str, Any] = {"v": VERSION}
    for record in ordered:
        if isinstance(record, Sighting):
            by_detector.setdefault(record.look.detector, []).append(record)
        elif isinstance(record, Happening):
            data.setdefault("events", []).append([record.at_ms, record.kind.value, record.event_id])
        else:
            data.setdefault("breaks", []).append([record.at_ms, int(record.begins)])
    clocks: list[list[int]] = []
    columns = []
    for detector, sightings in sorted(by_detector.items()):
        times = [each.at_ms for each in sightings]
        steps = [times[0], *(after - before for before, after in pairwise(times))]
        if steps not in clocks:
            clocks.append(steps)
        columns.append({"clock": clocks.index(steps), **_column(detector, sightings)})
    if columns:
        data |= {"clocks": clocks, "columns": columns}
    return zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 6)


def _column(detector: int, sightings: list[Sighting]) -> dict[str, Any]:
    looks: list[Look] = []
    runs: list[list[int]] = []
    percents: list[int] = []
    for (look, span_ms), group in groupby(sightings, key=lambda each: (each.look, each.span_ms)):
        members = list(group)
        if look not in looks:
            looks.append(look)
        runs.append([looks.index(look), len(members), *([span_ms] if span_ms else [])])
        if not look.is_neutral:
            percents += [each.percent for each in members]
    column: dict[str, Any] = {
        "detector": DETECTORS[detector].value,
        "looks": [[list(x.labels), int(x.is_judgeable), x.reason, x.head] for x in looks],
        "runs": runs,
    }
    if percents:
        column["percents"] = percents
    if any(each.measures for each in sightings):
        column["measures"] = [
            [len(members), list(names), *([m[n][1] for m in members] for n in range(len(names)))]
            for names, members in _measured(sightings)
        ]
    return column


def _measured(
    sightings: list[Sighting],
) -> Iterator[tuple[tuple[str, ...], list[tuple[tuple[str, int], ...]]]]:
    for names, group in groupby(
        (each.measures for each in sightings), key=lambda each: tuple(name for name, _ in each)
    ):
        yield names, list(group)


def decode(data: bytes, with_measures: bool = True) -> Block:
    """Unpack a block; `with_measures` False leaves them out, which no rule misses.

    Raises TraceError for anything `encode` did not make.
    """
    try:
        return _block(json.loads(_inflate(data)), with_measures)
    except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
        raise TraceError(f"This is not a stored trace block: {error}.") from error


def happenings(data: bytes) -> tuple[Happening, ...]:
    """The screen events of a block, whose observations stay packed. Raises TraceError."""
    try:
        found = json.loads(_inflate(data))
        return tuple(Happening(at, EventKind(kind), i) for at, kind, i in found.get("events", ()))
    except (ValueError, AttributeError, TypeError, zlib.error) as error:
        raise TraceError(f"This is not a stored trace block: {error}.") from error


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    text = inflater.decompress(data, _MOST_BYTES)
    if not inflater.eof:
        raise TraceError("it is cut short or too long")
    return text


def _block(data: dict[str, Any], with_measures: bool) -> Block:
    if data["v"] != VERSION:
        raise TraceError(f"its version is {data['v']}, not {VERSION}")
    clocks = [(steps, list(accumulate(steps))) for steps in data.get("clocks", ())]
    return Block(
        columns=tuple(_read(each, clocks, with_measures) for each in data.get("columns", ())),
        events=tuple(Happening(at, EventKind(kind), i) for at, kind, i in data.get("events", ())),
        breaks=tuple(BreakMark(at, bool(begins)) for at, begins in data.get("breaks", ())),
    )


def _read(
    data: dict[str, Any], clocks: list[tuple[list[int], list[int]]], with_measures: bool
) -> Column:
    detector = DETECTOR_INDEX[Detector(data["detector"])]
    looks = [
        look_of(detector, tuple(labels), bool(is_judgeable), reason, head)
        for labels, is_judgeable, reason, head in data["looks"]
    ]
    stored = data.get("percents", ())
    percents: list[int] = []
    runs = []
    first = used = 0
    for look_number, count, *span in data["runs"]:
        look = looks[look_number]
        runs.append(Run(look, span[0] if span else 0, first, first + count - 1))
        first += count
        if look.is_neutral:
            percents += [100] * count
        else:
            percents += stored[used : used + count]
            used += count
    steps, times = clocks[data["clock"]]
    if not len(times) == first == len(percents):
        raise TraceError("its columns differ in length")
    measures: list[tuple[tuple[str, int], ...]] = []
    if with_measures:
        for count, names, *columns in data.get("measures", ()):
            rows = zip(*columns, strict=True) if columns else [()] * count
            measures += [tuple(zip(names, row, strict=True)) for row in rows]
    return Column(detector, times, steps, runs, percents, measures)
