"""Settles the clips that a process that died has left unfinished. Used once, at start."""

from __future__ import annotations

import logging
from dataclasses import replace

from app.evidence.clip_files import ClipFiles
from app.records import ClipRecord, ClipStatus
from app.store import Repository

log = logging.getLogger(__name__)

LOST = (
    "The server stopped before this clip was written; its pictures were kept in memory only "
    "and are gone."
)


def settle(repository: Repository, files: ClipFiles) -> None:
    """Remove unfinished files, and mark the clips that nobody writes any more.

    A clip whose file is whole is ready, the others have failed. Raises Unavailable when the
    store does not answer.
    """
    removed = files.sweep()
    if removed:
        log.warning("Unfinished clip files removed", extra={"count": removed})
    unsettled = (ClipStatus.WAITING, ClipStatus.WRITING)
    for record in repository.clips(statuses=unsettled, limit=100_000):
        settled = _settled(record, files)
        repository.save_clip(settled)
        facts = {"clip_id": record.clip_id, "status": settled.status.value}
        log.warning("Clip of an earlier run settled", extra=facts)


def _settled(record: ClipRecord, files: ClipFiles) -> ClipRecord:
    path = files.path(record.file_name) if record.file_name else None
    if path is None or not path.is_file():
        return replace(
            record, status=ClipStatus.FAILED, error=LOST, file_name="", screens=(), frames=0
        )
    return replace(
        record,
        status=ClipStatus.READY,
        size_bytes=path.stat().st_size,
        duration_s=(record.to_at - record.from_at).total_seconds(),
    )
