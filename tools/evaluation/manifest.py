"""Reads `manifest.csv`: one labelled file per row, in a documented grammar.

A cell outside the grammar is reported and counts as not labelled; the rest of its row stands.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

HEADS = ("frontal", "image-left", "image-right", "up", "down")
GAZES = ("center", "image-left", "image-right", "up", "down")
HOLDS_SPEECH: dict[str, bool | None] = {
    "speech": True,
    "conversation": True,
    "overlap": True,
    "noise": False,
    "music": False,
    "keyboard": False,
    "silence": False,
    "other": None,
}
KINDS = ("image", "video", *HOLDS_SPEECH)

_T = TypeVar("_T")


class ManifestError(Exception):
    """There is no manifest that can be read; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a file and what it holds. Sound: seconds. Video: frames, both inclusive."""

    first: float
    last: float
    label: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The stretch of a sound file, in seconds, that holds the student's own voice."""

    file: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Item:
    """One file and its labels; None, "" or () where it is not labelled."""

    file: str
    kind: str = ""
    faces: int | None = None
    persons: int | None = None
    phones: int | None = None
    head: str = ""
    gaze: str = ""
    identity: str = ""
    group: str = ""
    speakers: int | None = None
    seconds: float | None = None
    segments: tuple[Segment, ...] = ()
    enrol: Enrolment | None = None
    note: str = ""

    @property
    def is_sound(self) -> bool:
        return self.kind in HOLDS_SPEECH

    @property
    def person(self) -> str:
        """The one person shown, "" when several are named or none is."""
        return "" if "+" in self.identity or " then " in self.identity else self.identity


@dataclass(frozen=True, slots=True)
class Manifest:
    """All items of a folder, and a sentence per cell or row that could not be used."""

    folder: Path
    items: tuple[Item, ...]
    problems: tuple[str, ...]


def load_manifest(folder: Path) -> Manifest:
    """Read `folder/manifest.csv`. Raises ManifestError."""
    path = folder / "manifest.csv"
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
            columns = reader.fieldnames or []
    except FileNotFoundError:
        raise ManifestError(f"{path} does not exist: name a folder that holds one.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from None
    if "file" not in columns:
        raise ManifestError(f"{path} has no column named file.")
    problems: list[str] = []
    items: dict[str, Item] = {}
    for number, row in enumerate(rows, start=2):
        item = _Row(folder, number, row, problems).item()
        if item is None:
            continue
        if item.file in items:
            problems.append(f"Row {number}: {item.file} is listed twice; the first row counts.")
            continue
        items[item.file] = item
    return Manifest(folder, tuple(items.values()), tuple(problems))


class _Row:
    def __init__(
        self, folder: Path, number: int, cells: Mapping[str, str], problems: list[str]
    ) -> None:
        self._folder = folder
        self._number = number
        self._cells = cells
        self._problems = problems

    def item(self) -> Item | None:
        file = self._cells.get("file", "")
        if not self._is_inside(file):
            self._problems.append(f"Row {self._number}: {file!r} is not a file of this folder.")
            return None
        kind = self._read("kind", _one_of(KINDS)) or _kind_of(file)
        return Item(
            file=file,
            kind=kind,
            faces=self._read("faces", _whole),
            persons=self._read("persons", _whole),
            phones=self._read("phones", _flag),
            head=self._read("head", _one_of(HEADS)) or "",
            gaze=self._read("gaze", _one_of(GAZES)) or "",
            identity=self._read("identity", _name) or "",
            group=self._read("group", _name) or "",
            speakers=self._read("speakers", _whole),
            seconds=self._read("seconds", _seconds),
            segments=self._read("truth_segments", _segments_of(kind)) or (),
            enrol=self._read("enrol", self._enrolment),
            note=self._cells.get("note", ""),
        )

    def _is_inside(self, file: str) -> bool:
        if not file or "\0" in file:
            return False
        path = (self._folder / file).resolve()
        return path.is_relative_to(self._folder.resolve()) and path.is_file()

    def _read(self, column: str, parse: Callable[[str], _T]) -> _T | None:
        cell = self._cells.get(column, "")
        if not cell:
            return None
        try:
            return parse(cell)
        except ValueError as error:
            self._problems.append(
                f"Row {self._number}, {column}: {cell!r} {error}; counted as not labelled."
            )
            return None

    def _enrolment(self, cell: str) -> Enrolment:
        match = re.fullmatch(r"(.+)#(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", cell)
        if not match or float(match[2]) >= float(match[3]):
            raise ValueError("is not file#start-end in seconds")
        if not self._is_inside(match[1]):
            raise ValueError("names a file that is not in this folder")
        return Enrolment(match[1], float(match[2]), float(match[3]))


def _kind_of(file: str) -> str:
    suffix = Path(file).suffix.lower()
    if suffix in {".jpg", ".jpeg", ".png", ".bmp", ".webp"}:
        return "image"
    return "video" if suffix in {".mp4", ".mkv", ".webm", ".avi", ".mov"} else ""


def _whole(cell: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", cell):
        raise ValueError("is not a whole number")
    return int(cell)


def _flag(cell: str) -> int:
    if cell not in ("0", "1"):
        raise ValueError("is neither 0 nor 1")
    return int(cell)


def _seconds(cell: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", cell):
        raise ValueError("is not a number of seconds")
    return float(cell)


def _name(cell: str) -> str:
    if len(cell) > 200 or not cell.isprintable():
        raise ValueError("is not a name")
    return cell


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def parse(cell: str) -> str:
        if cell not in words:
            raise ValueError(f"is none of {', '.join(words)}")
        return cell

    return parse


def _segments_of(kind: str) -> Callable[[str], tuple[Segment, ...]]:
    """`start-end:speaker` for sound, `first-last label` for video; `;` between segments."""
    if kind == "video":
        pattern = re.compile(r"(\d+)-(\d+) (\S.*)")
        form = "first-last label"
    else:
        pattern = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?):(\S.*)")
        form = "start-end:speaker"

    def parse(cell: str) -> tuple[Segment, ...]:
        segments = []
        for part in cell.split(";"):
            match = pattern.fullmatch(part.strip())
            if not match or float(match[1]) > float(match[2]):
                raise ValueError(f"has a segment that is not {form}: {part.strip()!r}")
            label = match[3].strip()
            if kind == "video" and not _is_video_label(label):
                raise ValueError(f"has an unknown label: {label!r}")
            segments.append(Segment(float(match[1]), float(match[2]), label))
        return tuple(segments)

    return parse


def _is_video_label(label: str) -> bool:
    head = label.removeprefix("head:")
    return (
        label in GAZES
        or label == "blink"
        or (label != head and head in HEADS)
        or (label.startswith("id:") and len(label) > 3)
    )
