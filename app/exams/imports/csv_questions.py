"""Questions as CSV: one line each.

Columns: `kind`, `text`, and as needed `points`, `penalty`, `option1` to `option12`, `right` (the
numbers of the right options, such as 2 or 1 3; the number of a numeric question; the accepted
answers of a short one, parted by |), `tolerance`, `partly`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Any

from app.errors import InvalidInput
from app.exams.imports.found import Draft, Problem
from app.exams.marking import number_of

NEEDED = ("kind", "text")
OPTIONS = tuple(f"option{number}" for number in range(1, 13))
KNOWN = (*NEEDED, "points", "penalty", "right", "tolerance", "partly", "guide", *OPTIONS)
MOST_ROWS = 1_000


def read_csv(text: str) -> tuple[list[Draft], list[Problem]]:
    """Raises InvalidInput when the header is missing."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    drafts: list[Draft] = []
    problems: list[Problem] = []
    try:
        header = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        if any(name not in header for name in NEEDED):
            raise InvalidInput(
                "The first line must name the columns kind and text, and as needed points,"
                " penalty, option1, option2, ..., right, tolerance."
            )
        unknown = [name for name in header if name and name not in KNOWN]
        if unknown:
            raise InvalidInput(f"Unknown columns: {', '.join(unknown)[:200]}.")
        reader.fieldnames = header
        for cells in reader:
            if len(drafts) + len(problems) >= MOST_ROWS:
                problems.append(Problem(reader.line_num, f"More than {MOST_ROWS} rows."))
                break
            try:
                drafts.append(Draft(reader.line_num, _fields(cells)))
            except InvalidInput as error:
                problems.append(Problem(reader.line_num, error.message))
    except csv.Error as error:
        problems.append(Problem(reader.line_num, f"This is not a line of CSV ({error})."))
    return drafts, problems


def _fields(cells: dict[str, str | None]) -> dict[str, Any]:
    if None in cells:
        raise InvalidInput("This line has more cells than the first line.")
    given = {name: (value or "").strip() for name, value in cells.items()}
    kind, right = given["kind"].lower(), given.get("right", "")
    fields: dict[str, Any] = {"kind": kind, "text": given["text"]}
    for name in ("points", "penalty", "tolerance"):
        if given.get(name):
            fields[name] = _number(given[name], name)
    if given.get("guide"):
        fields["guide"] = given["guide"]
    if given.get("partly"):
        fields["partly"] = given["partly"].lower() in ("1", "yes", "true", "x")
    options = [given[name] for name in OPTIONS if given.get(name)]
    if kind in ("single", "multiple"):
        chosen = _chosen(right, len(options))
        fields["options"] = [
            {"text": text, "is_right": number in chosen} for number, text in enumerate(options, 1)
        ]
    elif options:
        raise InvalidInput("Only single and multiple have options.")
    elif kind == "numeric":
        fields["number"] = _number(right, "right")
    elif kind == "short":
        fields["accepted"] = [each.strip() for each in right.split("|") if each.strip()]
    return fields


def _chosen(right: str, most: int) -> set[int]:
    numbers = re.findall(r"\d{1,3}", right, re.ASCII)
    chosen = {int(number) for number in numbers}
    if not chosen or not all(1 <= number <= most for number in chosen):
        raise InvalidInput("right must name the numbers of the right options, such as 2 or 1 3.")
    return chosen


def _number(text: str, what: str) -> float:
    number = number_of(text)
    if number is None or not math.isfinite(float(number)):
        raise InvalidInput(f"{what} is not a number.")
    return float(number)
