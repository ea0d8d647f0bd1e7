"""The chain of manifests of each session, and the seal at its end.

Belongs to the recorder's thread. What is stored of a chain is read when its session is first
met; a link counts once its files are written.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from app.clock import Clock
from app.errors import CandorError
from app.evidence.contents import seal_id, session_content
from app.evidence.manifest import Signed, Signer
from app.evidence.media import Media
from app.records import ClipStatus, ManifestRecord
from app.store import Repository

log = logging.getLogger(__name__)

UNSETTLED = frozenset({ClipStatus.WAITING, ClipStatus.WRITING})


@dataclass(frozen=True, slots=True)
class End:
    """Where a chain goes on: the number of the next manifest and the hash of the last."""

    number: int = 0
    previous: str = ""


class Chains:
    """Numbers and chains the manifests of every session, and seals a session at its end."""

    def __init__(self, repository: Repository, media: Media, signer: Signer, clock: Clock) -> None:
        self._repository = repository
        self._media = media
        self._clock = clock
        self._ends: dict[str, End] = {}
        self.signer = signer

    def end(self, session_id: str) -> End:
        """Raises Unavailable when the store does not answer."""
        if session_id not in self._ends:
            stored = self._repository.manifests(session_id)
            end = End(stored[-1].number + 1, stored[-1].sha256) if stored else End()
            self._ends[session_id] = end
        return self._ends[session_id]

    def linked(self, manifest: Signed) -> ManifestRecord:
        """The chain now ends with this manifest; the record to store."""
        content = manifest.content
        session_id, number = content["session_id"], content["number"]
        self._ends[session_id] = End(number + 1, manifest.sha256)
        return ManifestRecord(
            content["manifest_id"], session_id, number, manifest.sha256, manifest.body
        )

    def seal(self, session_id: str) -> bool:
        """Seal a session that ended; False when it must be tried again later.

        Raises Unavailable when the store does not answer and OSError when the storage does not.
        """
        repository = self._repository
        session = repository.session(session_id)
        if session is None or session.is_active or session.seal:
            return True
        clips = repository.clips(session_id)
        if any(clip.status in UNSETTLED for clip in clips):
            return False
        stored = repository.manifests(session_id)
        record = next((each for each in stored if each.manifest_id == seal_id(session_id)), None)
        if record is None:
            content = session_content(
                session,
                repository.violations(session_id),
                repository.intervals(session_id),
                repository.trace(session_id),
                clips,
                [each.sha256 for each in stored],
                self._clock.now(),
            )
            record = self.linked(self.signer.sign(content))
        if len(stored) > 0:
            self._media.storage.write(seal_name(session.user_id, session_id), record.body.encode())
        repository.save_manifest(record)
        repository.update_session(session_id, seal=record.sha256)
        self._ends.pop(session_id, None)
        log.info("Session sealed", extra={"session_id": session_id, "manifests": record.number})
        return True

    def try_to_seal(self, session_id: str) -> bool:
        """Like `seal`, but trouble with the store or the storage means: later."""
        try:
            return self.seal(session_id)
        except (CandorError, OSError):
            log.warning("A session could not be sealed yet", extra={"session_id": session_id})
            return False


def seal_name(user_id: str, session_id: str) -> str:
    """The file that holds a session's seal, beside its clips."""
    return f"{user_id}/session_{session_id}.json"
