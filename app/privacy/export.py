"""Everything that is stored about one student, as a ZIP file."""

from __future__ import annotations

import json
import zipfile
from typing import IO, Any

from app.audit.log import AuditLog, Search
from app.audit.pseudonyms import STUDENT
from app.errors import NotFound
from app.evidence.media import SEALED_SUFFIX, Media
from app.ids import check_chosen_id
from app.store import Repository
from app.store.documents import plain

NOT_DATA = frozenset({"media_keys"})
MOST_ENTRIES = 100_000
PART_BYTES = 1 << 20
READ_ME = """\
This file holds everything this installation of Candor stores about one student.

data.json   every document: sessions with their scores, violations, intervals, clips, consent
            receipts, roster entries, what was observed (traces, base64), and the entries of the
            audit that are about the student
media/      clips, pictures of the screen and of the camera, their signed manifests, and pictures
            kept at check-in

Other pictures and sound that never led to a flag were not stored. Measures of face and voice were
held in memory during the session only.
"""


class Exporter:
    """Reads; changes nothing."""

    def __init__(self, repository: Repository, media: Media, audit: AuditLog) -> None:
        self._repository = repository
        self._media = media
        self._audit = audit

    def write(self, user_id: object, file: IO[bytes]) -> int:
        """Write the ZIP into `file`; how many documents and media files it holds.

        Raises NotFound when nothing is known about the student.
        """
        user = check_chosen_id(user_id, "The student's id")
        documents = self._documents(user)
        names = self._media.storage.names(f"{user}/")
        if not documents and not names:
            raise NotFound("Nothing is known about such a student.")
        text = json.dumps(documents, indent=1, sort_keys=True, default=str, ensure_ascii=False)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            archive.writestr("README.txt", READ_ME)
            archive.writestr("data.json", text)
            for name in names:
                self._add(archive, name.removesuffix(SEALED_SUFFIX))
        return sum(len(each) for each in documents.values()) + len(names)

    def _documents(self, user_id: str) -> dict[str, list[Any]]:
        erasure = self._repository.erasure
        found: dict[str, dict[str, Any]] = {}
        parts = [erasure.of_student(user_id)]
        parts += [
            erasure.of_session(session.session_id)
            for session in self._repository.sessions(user_id=user_id)
        ]
        for part in parts:
            for name, documents in part.items():
                if name not in NOT_DATA:
                    found.setdefault(name, {}).update({str(d["_id"]): d for d in documents})
        told: dict[str, list[Any]] = {name: list(each.values()) for name, each in found.items()}
        if granted := erasure.exams_granting(user_id):
            told["granted"] = [{"exam": exam, "overlay": each} for exam, each in granted.items()]
        if reference := self._audit.people.known(STUDENT, user_id):
            about = (Search(subject=reference), Search(actor=reference))
            entries = [e for each in about for e in self._audit.search(each, MOST_ENTRIES)]
            if entries:
                told["audit"] = [plain(entry) for entry in entries]
        return told

    def _add(self, archive: zipfile.ZipFile, name: str) -> None:
        with self._media.open(name) as source, archive.open(f"media/{name}", "w") as target:
            while part := source.read(PART_BYTES):
                target.write(part)
