"""A session's report as a PDF that a teacher can hand over."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from reportlab.platypus import Image, KeepTogether, PageBreak, Spacer

from app.records import ClipRecord, ClipStatus
from app.reports import words
from app.reports.decisions import decisions
from app.reports.paper import (
    CONTENT_WIDTH,
    advice,
    built,
    cell,
    facts,
    heading,
    line,
    soft,
    table,
    title,
)
from app.reports.plot import risk_plot
from app.reports.report import SessionReport
from app.reports.words import duration_words, number_words, rule_words
from scoring.model import Point

# Beyond these the report names how many more there are; CSV and JSON hold all.
MOST_VIOLATIONS = 400
MOST_GAPS = 60
MOST_PICTURES = 60
# Intervals of which less than this share had a face that could be judged are shaded.
MOSTLY = 0.5
_PICTURE_WIDTH, _PICTURE_HEIGHT = 120.0, 90.0

# The picture of a name within the media, or None when there is none to read.
Picture = Callable[[str], bytes | None]


class Zoned:
    """Instants in the report's zone."""

    def __init__(self, zone: tzinfo, name: str) -> None:
        self.zone, self.name = zone, name

    def moment(self, at: datetime | None) -> str:
        return "-" if at is None else at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def time(self, at: datetime) -> str:
        return at.astimezone(self.zone).strftime("%H:%M:%S")


def session_pdf(report: SessionReport, times: Zoned, picture: Picture, made_at: datetime) -> bytes:
    """The report of one session."""
    session = report.session
    story: list[Any] = [
        title(f"Exam session of {session.user_id}"),
        soft(f"Exam {session.exam_id}. All times in {times.name}."),
        Spacer(0, 8),
        *_facts(report, times),
        heading("What a flag is"),
        advice(words.FLAG),
        heading("Risk over time"),
        risk_plot(
            report.risk_curve,
            report.length_s,
            [(r.interval.start_s, r.interval.end_s) for r in report.intervals if _is_flagged(r)],
            [(start_s, end_s) for start_s, end_s, _ in report.unobserved_spans(MOSTLY)],
            report.started_at,
            times.zone,
        ),
        *_coverage(report, times),
        *_flags(report, times),
        *decisions(report.case, times.moment),
        *_violations(report, times, picture),
        *_policy(report),
    ]
    about = f"{session.user_id}, {session.exam_id}, session {session.session_id}"
    return built(story, f"Exam session of {session.user_id}", about, times.moment(made_at))


def _is_flagged(record: Any) -> bool:
    return bool(record.interval.is_flagged)


def _facts(report: SessionReport, times: Zoned) -> list[Any]:
    session = report.session
    if session.ended_at is not None:
        cause = words.CAUSES.get(session.end_cause.value, "") if session.end_cause else ""
        ended = f"{times.moment(session.ended_at)} {cause}".rstrip()
    else:
        ended = "not ended; this report says how far it has come"
    rows = [
        ("Student", session.user_id),
        ("Exam", session.exam_id),
        ("Session", session.session_id),
        ("Began", times.moment(session.started_at)),
        ("Ended", ended),
        ("Scored for", duration_words(report.length_s)),
        ("Policy", report.policy.name),
        ("Points in all", number_words(session.total_score)),
        ("Flagged intervals", str(session.flagged_intervals)),
        ("Risk at the end", number_words(session.risk)),
        ("Focus and trust", f"{session.focus:g} and {session.trust:g} of 100"),
    ]
    if session.ledger_sha256:
        rows.append(("Ledger (SHA-256)", session.ledger_sha256))
    return [facts(rows)]


def _gaps(report: SessionReport, times: Zoned) -> list[Any]:
    """What never arrived, and the technical cause."""
    gaps = report.session.gaps
    if not gaps:
        return []
    rows: list[Sequence[Any]] = [("Nothing arrived from", "For", "Technical cause")]
    for gap in gaps[:MOST_GAPS]:
        at = times.time(report.instant(gap.from_s))
        lasted = duration_words(gap.to_s - gap.from_s)
        rows.append((at, lasted, words.GAPS.get(gap.cause.value, gap.cause.value)))
    return [Spacer(0, 6), table(rows, [160, 90, 240])]


def _coverage(report: SessionReport, times: Zoned) -> list[Any]:
    rows: list[Sequence[Any]] = [("Detector", "Observed", "Not observed")]
    for detector, unseen_s in report.unobserved_s().items():
        share = report.session.coverage.get(detector, 0.0)
        name = words.DETECTORS.get(detector, detector)
        rows.append((name, f"{share:.1%}", duration_words(unseen_s)))
    story: list[Any] = [
        heading("What was observed, and what was not"),
        line(
            "Time that was not observed scores nothing. It says nothing about the student,"
            " neither good nor bad. Breaks are no part of it."
        ),
        Spacer(0, 4),
        table(rows, [160, 90, 120]),
        *_gaps(report, times),
    ]
    off = sorted(str(detector) for detector in report.policy.detectors_off)
    if off:
        names = ", ".join(words.DETECTORS.get(each, each) for each in off)
        story.append(soft(f"Switched off by the policy: {names}."))
    spans = report.unobserved_spans()
    if spans:
        story += [Spacer(0, 4), line("Part of the time nothing could be said about a face:")]
    story += [
        line(
            f"{times.time(report.instant(start_s))} - {times.time(report.instant(end_s))}:"
            f" {share:.0%} of it was observed",
            bullet=True,
        )
        for start_s, end_s, share in spans[:40]
    ]
    if len(spans) > 40:
        story.append(soft(f"and {len(spans) - 40} more stretches, see the JSON report."))
    return story


def _flags(report: SessionReport, times: Zoned) -> list[Any]:
    flagged = [record.interval for record in report.intervals if record.interval.is_flagged]
    story: list[Any] = [heading("Flags and their review")]
    if not flagged:
        return [*story, line("No interval was flagged. No picture or clip was stored.")]
    clips = {clip.interval_index: clip for clip in report.clips}
    rows: list[Sequence[Any]] = [("Interval", "Flagged at", "Points", "Clip", "Review")]
    for interval in flagged:
        clip = clips.get(interval.index)
        at_s = interval.start_s if interval.flagged_at_s is None else interval.flagged_at_s
        rows.append(
            (
                f"{times.time(report.instant(interval.start_s))} -"
                f" {times.time(report.instant(interval.end_s))}",
                times.time(report.instant(at_s)),
                number_words(interval.flag_score or 0.0),
                cell(_clip_words(clip)),
                words.REVIEWS.get(clip.review.value, clip.review.value) if clip else "-",
            )
        )
    return [*story, table(rows, [110, 60, 42, 165, 106])]


def _clip_words(clip: ClipRecord | None) -> str:
    if clip is None:
        return "none stored"
    if clip.status is ClipStatus.READY:
        return f"{clip.file_name}, {duration_words(clip.duration_s)}"
    if clip.status is ClipStatus.FAILED:
        return f"could not be written: {clip.error}"
    return "not written yet"


def _violations(report: SessionReport, times: Zoned, picture: Picture) -> list[Any]:
    story: list[Any] = [heading("What was noticed")]
    if not report.violations:
        return [*story, line("Nothing was noticed.")]
    points = report.points()
    pictures = _pictures(report, picture)
    for number, record in enumerate(report.violations[:MOST_VIOLATIONS], 1):
        violation = record.violation
        scored = points.get(violation.violation_id, [])
        total = number_words(sum(point.points for point in scored))
        lasted = (
            "still lasted when this was written"
            if record.ended_at is None
            else f"{times.time(record.started_at)} - {times.time(record.ended_at)}"
            f" ({duration_words((violation.end_s or 0.0) - violation.start_s)})"
        )
        if violation.event_id:
            lasted = times.time(record.started_at)
        text = [
            line(f"<b>{number}. {rule_words(violation.rule.value)}</b>, {total} points"),
            line(
                f"{lasted}, confidence {violation.peak_confidence:.0%},"
                f" {violation.observations} observations"
            ),
            *[soft(_explanation(report, times, point)) for point in scored[:12]],
        ]
        if len(scored) > 12:
            text.append(soft(f"and {len(scored) - 12} more checks, see the JSON report."))
        if not scored:
            text.append(soft("Scored nothing under this policy."))
        story.append(_with_picture(text, pictures.get(violation.violation_id)))
    if len(report.violations) > MOST_VIOLATIONS:
        more = len(report.violations) - MOST_VIOLATIONS
        story.append(line(f"and {more} more, see the CSV or JSON report."))
    return story


def _explanation(report: SessionReport, times: Zoned, point: Point) -> str:
    check_s = report.policy.check_s
    start = times.time(report.instant(point.check * check_s))
    end = times.time(report.instant((point.check + 1) * check_s))
    return (
        f"{number_words(point.points)} points at {times.time(report.instant(point.at_s))} in check"
        f" {point.check} ({start} - {end}): rule {point.rule.value}, seen from"
        f" {times.time(report.instant(point.start_s))} to"
        f" {times.time(report.instant(point.end_s))}, confidence {point.confidence:.0%},"
        f" {point.observations} observations"
    )


def _pictures(report: SessionReport, picture: Picture) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for clip in report.clips:
        if clip.status is not ClipStatus.READY:
            continue
        for snapshot in clip.snapshots:
            if len(found) >= MOST_PICTURES:
                return found
            data = picture(snapshot.file_name)
            if data is not None:
                found[snapshot.violation_id] = data
    return found


def _with_picture(text: list[Any], jpeg: bytes | None) -> Any:
    if jpeg is None:
        return KeepTogether([*text, Spacer(0, 6)])
    image = Image(io.BytesIO(jpeg), _PICTURE_WIDTH, _PICTURE_HEIGHT, kind="proportional")
    rows = table(
        [(text, image)], [CONTENT_WIDTH - _PICTURE_WIDTH - 6, _PICTURE_WIDTH + 6], is_plain=True
    )
    return KeepTogether([rows, Spacer(0, 6)])


def _policy(report: SessionReport) -> list[Any]:
    policy = report.policy
    rows: list[Sequence[Any]] = [("Rule", "Points", "After", "Critical")]
    for rule, each in policy.rules.items():
        if each.is_on:
            after = "at once" if each.events else f"{each.min_duration_s:g} s"
            rows.append(
                (
                    rule_words(rule.value),
                    number_words(each.points),
                    after,
                    "yes" if each.is_critical else "",
                )
            )
    return [
        PageBreak(),
        heading(f"The policy in force: {policy.name}"),
        line(
            f"Intervals of {policy.interval_s:g} s with checks of {policy.check_s:g} s; an interval"
            f" is flagged at {policy.flag_threshold:g} points. A rule scores in each check in"
            " which it has by then lasted long enough, or once per event."
        ),
        Spacer(0, 4),
        table(rows, [220, 60, 70, 60]),
    ]
