"""The timeline as CSV that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from app.reports.report import SessionReport
from app.reports.words import number_words

_TIMELINE = (
    "time_24h",
    "unix_time",
    "event",
    "risk_delta",
    "risk_total",
    "phone_detected",
    "looking_away",
    "face_count",
    "snapshot_url",
)
# What people made of it stands last: of the flag that holds the moment, and of the session.
_REVIEW = ("flag_review", "session_outcome")
COLUMNS = (*_TIMELINE, *_REVIEW)
EXAM_COLUMNS = (*_TIMELINE, "user_id", "session_id", *_REVIEW)
# What makes a spreadsheet take a cell for a formula.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """The cell with a quote before it if a spreadsheet could run it."""
    return f"'{cell}" if cell.startswith(DANGEROUS) else cell


def session_csv(report: SessionReport, urls: Mapping[str, str], zone: tzinfo) -> str:
    """The timeline of a session; `urls` are the snapshots by violation."""
    return _text(COLUMNS, _rows(report, urls, zone))


def exam_csv(
    reports: Iterable[tuple[SessionReport, Mapping[str, str]]], zone: tzinfo
) -> Iterable[str]:
    """The timelines of an exam's sessions, one session at a time, with whose they are."""
    yield _text(EXAM_COLUMNS, [])
    for report, urls in reports:
        who = [report.session.user_id, report.session.session_id]
        at = len(_TIMELINE)
        rows = ([*row[:at], *who, *row[at:]] for row in _rows(report, urls, zone))
        yield _text(None, rows)


def _rows(report: SessionReport, urls: Mapping[str, str], zone: tzinfo) -> Iterable[list[str]]:
    ruling = report.case.final or report.case.outcome
    outcome = ruling.outcome.value if ruling else ""
    for moment in report.moments:
        yield [
            moment.at.astimezone(zone).strftime("%H:%M:%S"),
            f"{moment.at.timestamp():.3f}",
            moment.event,
            number_words(moment.risk_delta),
            number_words(moment.risk_total),
            str(moment.phone_detected).lower(),
            str(moment.looking_away).lower(),
            "" if moment.face_count is None else str(moment.face_count),
            urls.get(moment.violation_id, ""),
            report.review_at(moment.at_s),
            outcome,
        ]


def _text(columns: Sequence[str] | None, rows: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    if columns:
        writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return file.getvalue()
