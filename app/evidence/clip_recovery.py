"""Settles the clips that a process that died has left unfinished. Used once, at start."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from app.evidence.clip_files import CLIP_SUFFIX, ClipFiles
from app.evidence.manifest import sha256_hex
from app.records import ClipRecord, ClipStatus, ManifestRecord, SessionState, Snapshot
from app.store import Repository

log = logging.getLogger(__name__)

LOST = (
    "The server stopped before this clip was written; its pictures were kept in memory only "
    "and are gone."
)

Found = Mapping[str, tuple[str, str]]


def settle(
    repository: Repository,
    files: ClipFiles,
    is_mine: Callable[[str], bool] | None = None,
) -> None:
    """Remove unfinished files, and mark the clips that nobody writes any more: all, or where
    several servers write to one storage those of sessions that are `is_mine`.

    A clip that is whole is ready. The others of a session that goes on wait again, because the
    browser sends again what they need; those of a session that ended have failed. Raises
    Unavailable when the store does not answer and OSError when the storage does not.
    """
    unsettled = (ClipStatus.WAITING, ClipStatus.WRITING)
    records = repository.clips(statuses=unsettled, limit=100_000)
    if is_mine is not None:
        records = tuple(record for record in records if is_mine(record.session_id))
    user_ids = {record.user_id for record in records}
    removed = files.sweep(user_ids, is_alone=is_mine is None)
    if removed:
        log.warning("Unfinished clip files removed", extra={"count": removed})
    found: dict[str, Found] = {}
    goes_on = {session.session_id for session in repository.sessions(SessionState.RUNNING)}
    for record in sorted(records, key=lambda record: record.flagged_at):
        if record.user_id not in found:
            found[record.user_id] = _by_clip(files.manifests(record.user_id))
        settled = _settled(repository, record, files, found[record.user_id])
        if settled.status is ClipStatus.FAILED and record.session_id in goes_on:
            settled = replace(settled, status=ClipStatus.WAITING, error="")
        repository.save_clip(settled)
        facts = {"clip_id": record.clip_id, "status": settled.status.value}
        log.warning("Clip of an earlier run settled", extra=facts)


def _by_clip(manifests: Mapping[str, str]) -> Found:
    """Stem and text of each manifest that can be read, by the clip it is of."""
    found = {}
    for stem, body in manifests.items():
        try:
            found[str(json.loads(body)["manifest"]["manifest_id"])] = (stem, body)
        except (ValueError, KeyError, TypeError):
            log.warning("A manifest cannot be read")
    return found


def _settled(
    repository: Repository, record: ClipRecord, files: ClipFiles, found: Found
) -> ClipRecord:
    stem, body = found.get(record.clip_id, (record.file_name.removesuffix(CLIP_SUFFIX), ""))
    if not stem or not files.has_clip(stem):
        return _failed(record)
    file_name = stem + CLIP_SUFFIX
    if body:
        content = json.loads(body)["manifest"]
        facts = content["clip"]
        repository.save_manifest(
            ManifestRecord(
                record.clip_id,
                record.session_id,
                content["number"],
                sha256_hex(body.encode()),
                body,
            )
        )
        return replace(
            record,
            status=ClipStatus.READY,
            file_name=file_name,
            rules=tuple(facts["rules"]),
            to_at=datetime.fromisoformat(facts["to_at"].replace("Z", "+00:00")),
            screens=tuple(facts["screens"]),
            snapshots=tuple(_snapshot(each) for each in facts["snapshots"]),
            duration_s=facts["duration_s"],
            size_bytes=facts["size_bytes"],
            frames=facts["frames"],
            has_sound=facts["has_sound"],
        )
    with files.media.open(file_name) as file:
        size_bytes = file.seek(0, 2)
    return replace(
        record,
        status=ClipStatus.READY,
        size_bytes=size_bytes,
        duration_s=(record.to_at - record.from_at).total_seconds(),
    )


def _failed(record: ClipRecord) -> ClipRecord:
    return replace(
        record,
        status=ClipStatus.FAILED,
        error=LOST,
        file_name="",
        screens=(),
        snapshots=(),
        frames=0,
    )


def _snapshot(facts: Mapping[str, object]) -> Snapshot:
    at = datetime.fromisoformat(str(facts["at"]).replace("Z", "+00:00"))
    return Snapshot(**{**facts, "at": at})  # type: ignore[arg-type]  # as written by ourselves
