"""Rosters: who may sit an exam, brought in as CSV and asked at the portal.

A refusal at the portal is the same whichever detail is wrong, so that nobody can find out who
is on a roster.
"""

from __future__ import annotations

import csv
import hmac
import io
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date

from app.access.people_records import RosterRow
from app.access.throttle import Throttle
from app.clock import Clock
from app.errors import CandorError, InvalidInput, NotAllowed, NotFound
from app.ids import check_chosen_id
from app.store.people import People

COLUMNS = ("student_id", "name", "date_of_birth", "course")
OPTIONAL = ("email",)
MOST_ROWS = 5_000
LONGEST_TEXT = 120
LARGEST_CSV_BYTES = 900_000
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


class IdentityNeeded(CandorError):
    """The exam has a roster: the portal has to ask for more."""

    code = "identity_needed"
    status = 403


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one line of a CSV; the header is line 1."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Import:
    """What an import found: nothing is stored while there are errors."""

    rows: tuple[RosterRow, ...]
    errors: tuple[RowError, ...]
    added: int = 0
    changed: int = 0
    removed: int = 0
    is_stored: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """What a student typed."""

    student_id: str
    name: str
    date_of_birth: str
    course: str


class Rosters:
    """The rosters of all exams. Thread-safe."""

    def __init__(self, people: People, clock: Clock) -> None:
        self._people = people
        self._clock = clock
        self._by_student = Throttle(clock, free_failures=5)
        self._by_address = Throttle(clock, free_failures=50)

    def rows(self, exam_id: str) -> tuple[RosterRow, ...]:
        return self._people.roster(exam_id)

    def has_roster(self, exam_id: str) -> bool:
        return self._people.has_roster(exam_id)

    def has_any(self) -> bool:
        return self._people.has_any_roster()

    def bring_in(self, exam_id: str, text: str, *, dry_run: bool) -> Import:
        """Replace an exam's roster by a CSV, unless a row is wrong or `dry_run`.

        Revoked rows that the CSV still holds stay revoked. Raises InvalidInput for an exam id
        or a CSV that cannot be read at all.
        """
        exam_id = check_chosen_id(exam_id, "The exam id")
        rows, errors = read_csv(exam_id, text)
        known = {row.student_id: row for row in self._people.roster(exam_id)}
        wanted = {row.student_id: _kept(row, known.get(row.student_id)) for row in rows}
        gone = known.keys() - wanted.keys()
        changed = [row for row in wanted.values() if known.get(row.student_id) != row]
        added = sum(row.student_id not in known for row in changed)
        is_stored = not errors and not dry_run
        if is_stored:
            now = self._clock.now()
            self._people.save_rows(replace(row, listed_at=now) for row in wanted.values())
            self._people.delete_rows(exam_id, gone)
        return Import(
            tuple(wanted.values()),
            tuple(errors),
            added=added,
            changed=len(changed) - added,
            removed=len(gone),
            is_stored=is_stored,
        )

    def revoke(self, exam_id: str, student_id: str, *, is_revoked: bool) -> RosterRow:
        """Take a student off, or back in. Raises NotFound."""
        row = self._people.roster_row(exam_id, student_id)
        if row is None:
            raise NotFound("This student is not on the roster.")
        changed = replace(row, is_revoked=is_revoked)
        self._people.save_rows([changed])
        return changed

    def check(self, exam_id: str, given: Identity, address: str) -> RosterRow:
        """The row of a student who told all details right.

        Raises NotAllowed (the same for every wrong detail), TooMany after repeated failures.
        """
        student = f"{exam_id}\n{given.student_id[:64]}"
        pair = f"{address}\n{student}"
        self._by_student.check(pair)
        self._by_address.check(address)
        row = self._people.roster_row(exam_id, given.student_id)
        told = (given.name, given.date_of_birth, given.course)
        kept = (row.name, row.date_of_birth.isoformat(), row.course) if row else ("", "", "")
        is_right = hmac.compare_digest(_folded(told), _folded(kept))
        if row is None or not is_right:
            self._by_student.fail(pair)
            self._by_address.fail(address)
            raise NotAllowed(
                "These details do not match the list of this exam. Check student id, date of"
                " birth, course and name, or ask your school."
            )
        self._by_student.succeed(pair)
        if row.is_revoked:
            raise NotAllowed("Your place in this exam was withdrawn. Ask your school.")
        return row


def read_csv(exam_id: str, text: str) -> tuple[list[RosterRow], list[RowError]]:
    """Rows and what is wrong, line by line. Raises InvalidInput when it is no such CSV."""
    if len(text.encode("utf-8", "replace")) > LARGEST_CSV_BYTES:
        raise InvalidInput("This CSV is larger than 900 kB.")
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: dict[str, RosterRow] = {}
    errors: list[RowError] = []
    try:
        header = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise InvalidInput(
                f"The first line must name the columns {', '.join(COLUMNS)} (and email);"
                f" missing: {', '.join(missing)}."
            )
        reader.fieldnames = header
        for cells in reader:
            if len(rows) + len(errors) >= MOST_ROWS:
                errors.append(RowError(reader.line_num, f"More than {MOST_ROWS} rows."))
                break
            try:
                row = _row(exam_id, cells)
                if row.student_id in rows:
                    raise InvalidInput(f"{row.student_id} is there twice.")
                rows[row.student_id] = row
            except InvalidInput as error:
                errors.append(RowError(reader.line_num, error.message))
    except csv.Error as error:
        errors.append(RowError(reader.line_num, f"This is not a line of CSV ({error})."))
    if not rows and not errors:
        raise InvalidInput("There is no row below the first line.")
    return list(rows.values()), errors


def _row(exam_id: str, cells: dict[str, str | None]) -> RosterRow:
    if None in cells:
        raise InvalidInput("This line has more cells than the first line.")
    email = (cells.get("email") or "").strip()
    if email and not _EMAIL.fullmatch(email):
        raise InvalidInput("email is not an address.")
    return RosterRow(
        exam_id,
        check_chosen_id(cells.get("student_id"), "student_id"),
        _text(cells.get("name"), "name"),
        _date(cells.get("date_of_birth")),
        _text(cells.get("course"), "course"),
        email,
    )


def _text(value: str | None, what: str) -> str:
    text = " ".join((value or "").split())
    if not text:
        raise InvalidInput(f"{what} is missing.")
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise InvalidInput(f"{what} has at most {LONGEST_TEXT} printable characters.")
    return text


def _date(value: str | None) -> date:
    text = (value or "").strip()
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise ValueError
        born = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("date_of_birth must be written as 2004-02-29.") from None
    if born.year < 1900:
        raise InvalidInput("date_of_birth lies before 1900.")
    return born


def _folded(parts: tuple[str, ...]) -> bytes:
    """Case, spaces and the way accents are typed make no difference."""
    lines = [" ".join(unicodedata.normalize("NFKC", part).casefold().split()) for part in parts]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _kept(row: RosterRow, known: RosterRow | None) -> RosterRow:
    """The row with what the stored one says beside the CSV."""
    if known is None:
        return row
    return replace(row, is_revoked=known.is_revoked, listed_at=known.listed_at)
