"""Records to what REST answers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.access.media_links import Links
from app.api.models import (
    AmendmentPart,
    ClipPart,
    GapPart,
    IntervalPart,
    PointPart,
    SessionDetails,
    SessionFull,
    SessionSummary,
    SnapshotPart,
    ViolationPart,
)
from app.records import (
    ClipRecord,
    ClipStatus,
    IntervalRecord,
    SessionRecord,
    Snapshot,
    ViolationRecord,
)
from app.sessions import Details

VIDEO, SCREEN, SNAPSHOT = "clip.mp4", "screen", "snapshot"
UNSIGNED = Links()
_PICTURE = re.compile(rf"({SCREEN}|{SNAPSHOT})-([1-9][0-9]{{0,3}})\.jpg", re.ASCII)


def summary_of(record: SessionRecord) -> SessionSummary:
    return SessionSummary(
        session_id=record.session_id,
        user_id=record.user_id,
        exam_id=record.exam_id,
        state=record.state.value,
        is_running=record.is_running,
        created_at=record.created_at,
        started_at=record.started_at,
        interval_score=record.interval_score,
        total_score=record.total_score,
        flagged_intervals=record.flagged_intervals,
        risk=record.risk,
        focus=record.focus,
        trust=record.trust,
    )


def full_of(record: SessionRecord) -> SessionFull:
    return SessionFull(
        **summary_of(record).model_dump(),
        is_paused=record.is_paused and record.is_running,
        ended_at=record.ended_at,
        end_cause=record.end_cause.value if record.end_cause else None,
        last_contact_at=record.last_contact_at,
        coverage=record.coverage,
        policy=record.policy,
    )


def violation_of(record: ViolationRecord, snapshot_url: str = "") -> ViolationPart:
    violation = record.violation
    return ViolationPart(
        violation_id=violation.violation_id,
        rule=str(violation.rule),
        start_s=violation.start_s,
        end_s=violation.end_s,
        started_at=record.started_at,
        ended_at=record.ended_at,
        confidence=violation.peak_confidence,
        observations=violation.observations,
        snapshot_url=snapshot_url,
    )


def interval_of(record: IntervalRecord) -> IntervalPart:
    interval = record.interval
    return IntervalPart(
        index=interval.index,
        start_s=interval.start_s,
        end_s=interval.end_s,
        started_at=record.started_at,
        score=interval.score,
        is_flagged=interval.is_flagged,
        flag_score=interval.flag_score,
        flagged_at_s=interval.flagged_at_s,
        trigger_at_s=interval.trigger_at_s,
        is_closed=interval.is_closed,
        coverage=dict(interval.coverage),
        points=[
            PointPart(
                rule=str(point.rule),
                points=point.points,
                check=point.check,
                at_s=point.at_s,
                start_s=point.start_s,
                end_s=point.end_s,
                confidence=point.confidence,
                violation_id=point.violation_id,
                observations=point.observations,
            )
            for point in interval.points
        ],
        amendments=[
            AmendmentPart(at=each.at, from_score=each.from_score, to_score=each.to_score)
            for each in record.amendments
        ],
    )


def clip_of(record: ClipRecord, links: Links = UNSIGNED) -> ClipPart:
    is_ready = record.status is ClipStatus.READY
    file_path = record.file_name if is_ready else ""
    return ClipPart(
        clip_id=record.clip_id,
        video_id=record.clip_id,
        session_id=record.session_id,
        user_id=record.user_id,
        exam_id=record.exam_id,
        interval_index=record.interval_index,
        score=record.score,
        rules=list(record.rules),
        status=record.status.value,
        from_at=record.from_at,
        to_at=record.to_at,
        trigger_at=record.trigger_at,
        flagged_at=record.flagged_at,
        duration_s=record.duration_s,
        size_bytes=record.size_bytes,
        frames=record.frames,
        has_sound=record.has_sound,
        error=record.error,
        review=record.review.value,
        file_path=file_path,
        url=links.to(record.clip_id, VIDEO) if file_path else "",
        screens=_numbered(record, SCREEN, len(record.screens), links) if is_ready else [],
        snapshots=_snapshots(record, links) if is_ready else [],
        amended_score=record.amended_score,
    )


def snapshot_urls(clips: Iterable[ClipRecord], links: Links = UNSIGNED) -> dict[str, str]:
    """The URL of the snapshot of each violation that has one, from clips newest first."""
    return {
        snapshot.violation_id: snapshot.url
        for clip in clips
        if clip.status is ClipStatus.READY
        for snapshot in _snapshots(clip, links)
    }


def file_of(record: ClipRecord, part: str) -> str | None:
    """The file of a part of a clip that is ready, within the clips folder; None for no part."""
    if record.status is not ClipStatus.READY:
        return None
    if part == VIDEO:
        return record.file_name or None
    pictures = {
        SCREEN: record.screens,
        SNAPSHOT: tuple(each.file_name for each in record.snapshots),
    }
    found = _PICTURE.fullmatch(part)
    if found is None:
        return None
    files, number = pictures[found[1]], int(found[2])
    return files[number - 1] if number <= len(files) else None


def _snapshots(record: ClipRecord, links: Links) -> list[SnapshotPart]:
    urls = _numbered(record, SNAPSHOT, len(record.snapshots), links)
    return [_snapshot(each, url) for each, url in zip(record.snapshots, urls, strict=True)]


def _snapshot(snapshot: Snapshot, url: str) -> SnapshotPart:
    return SnapshotPart(
        violation_id=snapshot.violation_id,
        rule=snapshot.rule,
        at=snapshot.at,
        risk_delta=snapshot.risk_delta,
        risk_total=snapshot.risk_total,
        url=url,
    )


def _numbered(record: ClipRecord, kind: str, count: int, links: Links) -> list[str]:
    return [links.to(record.clip_id, f"{kind}-{number}.jpg") for number in range(1, count + 1)]


def details_of(details: Details, links: Links = UNSIGNED) -> SessionDetails:
    urls = snapshot_urls(details.clips, links)
    return SessionDetails(
        session=full_of(details.session),
        violations=[
            violation_of(record, urls.get(record.violation.violation_id, ""))
            for record in details.violations
        ],
        intervals=[interval_of(record) for record in details.intervals],
        clips=[clip_of(record, links) for record in details.clips],
        coverage=details.session.coverage,
        gaps=[
            GapPart(from_s=gap.from_s, to_s=gap.to_s, cause=gap.cause.value)
            for gap in details.session.gaps
        ],
        clock_lies=details.session.clock_lies,
    )
