"""All sessions of an exam on a few pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reportlab.platypus import Spacer

from app.records import ClipRecord, ReviewState, SessionRecord
from app.reports import words
from app.reports.paper import advice, built, heading, line, soft, table, title
from app.reports.pdf import Zoned
from app.reports.words import duration_words, number_words, rule_words
from app.review.model import Case

SESSION_COLUMNS = (
    "Student",
    "Began",
    "Scored for",
    "Points",
    "Flags",
    "Risk",
    "Face seen",
    "Session",
)


@dataclass(frozen=True, slots=True)
class ExamRow:
    """One session of an exam, in short."""

    session: SessionRecord
    length_s: float
    clips: tuple[ClipRecord, ...]
    case: Case

    @property
    def outcome(self) -> str:
        """What people concluded, in a word."""
        ruling = self.case.final or self.case.outcome
        return "-" if ruling is None else ruling.outcome.value


def exam_pdf(
    exam_id: str, rows: Sequence[ExamRow], times: Zoned, made_at: datetime, policy: str
) -> bytes:
    """The report of an exam, its sessions in order of student and start."""
    flagged = sum(row.session.flagged_intervals for row in rows)
    clips = [clip for row in rows for clip in row.clips]
    open_ = sum(clip.review is ReviewState.UNREVIEWED for clip in clips)
    story: list[Any] = [
        title(f"Exam {exam_id}"),
        soft(f"All times in {times.name}. Policy: {policy}."),
        Spacer(0, 8),
        line(
            f"{len(rows)} sessions, {flagged} flagged intervals, {open_} of {len(clips)} flags"
            " with a clip not reviewed yet."
        ),
        heading("What a flag is"),
        advice(words.FLAG),
        heading("Sessions"),
        table(
            [
                (
                    "Student",
                    "Began",
                    "Scored for",
                    "Points",
                    "Flags",
                    "Risk",
                    "Face seen",
                    "Outcome",
                    "Session",
                ),
                *(_session_row(row, times) for row in rows),
            ],
            [82, 92, 66, 36, 30, 32, 48, 48, 66],
        ),
        heading("Flags and their review"),
        *_flags(clips, times),
    ]
    return built(story, f"Exam {exam_id}", f"Exam {exam_id}", times.moment(made_at))


def _session_row(row: ExamRow, times: Zoned) -> tuple[str, ...]:
    session = row.session
    face = session.coverage.get("face")
    return (
        _short(session.user_id, 16),
        times.moment(session.started_at),
        duration_words(row.length_s),
        number_words(session.total_score),
        str(session.flagged_intervals),
        number_words(session.risk),
        "-" if face is None else f"{face:.1%}",
        row.outcome,
        _short(session.session_id, 12),
    )


def _flags(clips: Sequence[ClipRecord], times: Zoned) -> list[Any]:
    if not clips:
        return [line("No interval was flagged. No picture or clip was stored.")]
    rows: list[Sequence[str]] = [("Student", "Flagged at", "Points", "Why", "Clip", "Review")]
    for clip in clips:
        why = ", ".join(rule_words(rule) for rule in clip.rules)
        rows.append(
            (
                _short(clip.user_id, 16),
                times.moment(clip.flagged_at),
                number_words(clip.score),
                _short(why, 36),
                clip.status.value,
                words.REVIEWS.get(clip.review.value, clip.review.value),
            )
        )
    return [table(rows, [78, 90, 36, 150, 40, 94])]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 2]}.."
