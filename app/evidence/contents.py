"""What stands in the manifests of clips and sessions. Pure: records in, plain data out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.clock import SessionTime
from app.evidence.manifest import CLIP, FORMAT, SESSION, canonical, sha256_hex
from app.evidence.ring import Evidence
from app.records import (
    ClipRecord,
    IntervalRecord,
    SessionRecord,
    TraceRecord,
    ViolationRecord,
)
from app.store.documents import iso, plain
from detectors.messages import Frame
from scoring.model import IntervalScore

# What must not change after a session has ended.
SEALED_FIELDS = (
    "user_id",
    "exam_id",
    "created_at",
    "started_at",
    "ended_at",
    "end_cause",
    "interval_score",
    "total_score",
    "risk",
    "focus",
    "trust",
    "flagged_intervals",
    "coverage",
    "scored_s",
    "ledger_sha256",
)
# What a clip's record must have in common with its manifest.
CLIP_FIELDS = (
    "session_id",
    "user_id",
    "exam_id",
    "interval_index",
    "score",
    "rules",
    "from_at",
    "to_at",
    "trigger_at",
    "flagged_at",
    "file_name",
    "screens",
    "snapshots",
    "duration_s",
    "size_bytes",
    "frames",
    "has_sound",
)


def digest(value: object) -> str:
    """The SHA-256 of plain data in its canonical text."""
    return sha256_hex(canonical(value))


def file_part(kind: str, name: str, stored_name: str, data: bytes, stored: bytes) -> dict[str, Any]:
    """One file: `sha256` of the bytes as stored, `plain_sha256` of those before encryption."""
    return {
        "kind": kind,
        "name": name,
        "stored_name": stored_name,
        "bytes": len(stored),
        "sha256": sha256_hex(stored),
        "plain_sha256": sha256_hex(data),
    }


def clip_content(
    record: ClipRecord,
    interval: IntervalScore,
    evidence: Evidence,
    time: SessionTime,
    policy: Mapping[str, object],
    files: Sequence[Mapping[str, Any]],
    number: int,
    previous: str,
) -> dict[str, Any]:
    """The manifest of one clip with its stills and snapshots."""
    frames, sounds = evidence.frames, evidence.sounds
    return {
        "format": FORMAT,
        "kind": CLIP,
        "manifest_id": record.clip_id,
        "session_id": record.session_id,
        "number": number,
        "previous": previous,
        "policy_sha256": digest(plain(policy)),
        "clip": clip_facts(record),
        "interval": plain(interval),
        "first_frame_at": iso(time.instant(frames[0].at_s)) if frames else None,
        "last_frame_at": iso(time.instant(frames[-1].at_s)) if frames else None,
        "camera": _pictures(frames, time),
        "screen": _pictures(evidence.screens, time),
        "sound": {
            "from_at": iso(time.instant(sounds[0].at_s)) if sounds else None,
            "bytes": sum(sound.size_bytes for sound in sounds),
            "sha256": sha256_hex(b"".join(sound.data for sound in sounds)),
        },
        "files": [dict(file) for file in files],
    }


def clip_facts(record: ClipRecord) -> dict[str, Any]:
    """What of a clip's record stands in its manifest: not its review, which people change."""
    return {name: plain(getattr(record, name)) for name in CLIP_FIELDS}


def session_content(
    session: SessionRecord,
    violations: Iterable[ViolationRecord],
    intervals: Iterable[IntervalRecord],
    trace: Iterable[TraceRecord],
    clips: Iterable[ClipRecord],
    manifests: Sequence[str],
    sealed_at: datetime,
) -> dict[str, Any]:
    """The manifest that seals a session; `manifests` are the hashes of the chain so far."""
    ledger = ledger_hashes(violations, intervals, trace)
    return {
        "format": FORMAT,
        "kind": SESSION,
        "manifest_id": seal_id(session.session_id),
        "session_id": session.session_id,
        "number": len(manifests),
        "previous": manifests[-1] if manifests else "",
        "sealed_at": iso(sealed_at),
        "policy_sha256": digest(plain(session.policy)),
        "session": session_facts(session),
        "clips": {
            clip.clip_id: clip.status.value
            for clip in sorted(clips, key=lambda clip: clip.interval_index)
        },
        "ledger": ledger,
        "ledger_sha256": digest(ledger),
    }


def session_facts(session: SessionRecord) -> dict[str, Any]:
    return {name: plain(getattr(session, name)) for name in SEALED_FIELDS}


def ledger_hashes(
    violations: Iterable[ViolationRecord],
    intervals: Iterable[IntervalRecord],
    trace: Iterable[TraceRecord],
) -> dict[str, dict[str, str]]:
    """The hash of each violation, interval and stretch of what was observed, so that a single
    one can be named."""
    return {
        "trace": {str(block.index): sha256_hex(block.data) for block in trace},
        "violations": {v.violation.violation_id: digest(plain(v)) for v in violations},
        "intervals": {str(i.interval.index): digest(plain(i)) for i in intervals},
    }


def seal_id(session_id: str) -> str:
    return f"{session_id}-seal"


def _pictures(frames: Sequence[Frame], time: SessionTime) -> list[dict[str, Any]]:
    return [
        {
            "at": iso(time.instant(frame.at_s)),
            "bytes": len(frame.jpeg),
            "sha256": sha256_hex(frame.jpeg),
        }
        for frame in frames
    ]
