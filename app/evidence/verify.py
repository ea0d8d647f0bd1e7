"""Checks the evidence of a session against its signed manifests. Reads, and changes nothing.

The findings come in the order of the chain: first the manifests one by one with their files and
records, then the seal with the ledger. The first finding is the first thing that is wrong.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import CandorError, NotFound
from app.evidence.chain import seal_name
from app.evidence.clip_files import CLIP_SUFFIX, MANIFEST_SUFFIX
from app.evidence.contents import (
    clip_facts,
    digest,
    ledger_hashes,
    seal_id,
    session_facts,
)
from app.evidence.manifest import CLIP, ManifestError, Signed, read_manifest
from app.evidence.media import Media, sha256_of
from app.evidence.sealed import open_sealed
from app.records import ClipRecord, ClipStatus, ManifestRecord, SessionRecord
from app.store import Repository
from app.store.documents import plain

KINDS = {"clip": "clip", "screen": "still of the screen", "snapshot": "snapshot"}
LEDGER = {"violations": "violation", "intervals": "interval", "trace": "stretch of observations"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a session's evidence looks like. `problems` are sentences, the first thing first."""

    session_id: str
    clips: int
    problems: tuple[str, ...]
    is_sealed: bool
    notes: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not self.problems


class Verifier:
    """Verifies sessions of one store and one storage with one public key."""

    def __init__(self, repository: Repository, media: Media, public_key: str) -> None:
        self._repository = repository
        self._media = media
        self._public_key = public_key

    def verify(self, session_id: str) -> Verdict:
        """Raises NotFound, and Unavailable when the store does not answer."""
        session = self._repository.session(session_id)
        if session is None:
            raise NotFound(f"There is no session {session_id}.")
        manifests = self._repository.manifests(session_id)
        seal = next((m for m in manifests if m.manifest_id == seal_id(session_id)), None)
        chain = [manifest for manifest in manifests if manifest is not seal]
        problems = [*self._chain(session, chain), *self._seal(session, seal, chain)]
        notes = self._notes(session, chain)
        return Verdict(session_id, len(chain), tuple(problems), seal is not None, notes)

    def _notes(self, session: SessionRecord, chain: Sequence[ManifestRecord]) -> tuple[str, ...]:
        notes = []
        if session.is_active:
            notes.append("The session has not ended, so that nothing seals its end yet.")
        is_encrypted = any('"stored_name":"' in m.body and '.enc"' in m.body for m in chain)
        if is_encrypted and self._repository.media_key(session.session_id) is None:
            notes.append("The session's key was deleted: nobody can read its media any more.")
        return tuple(notes)

    # The chain

    def _chain(self, session: SessionRecord, chain: Sequence[ManifestRecord]) -> Iterator[str]:
        clips = {clip.clip_id: clip for clip in self._repository.clips(session.session_id)}
        previous = ""
        for number, stored in enumerate(chain):
            what = f"The manifest of clip {stored.manifest_id}"
            if stored.number > number:
                yield (
                    f"Manifest number {number} was removed: the next one that is stored has"
                    f" number {stored.number} (clip {stored.manifest_id})."
                )
                previous, number = "?", stored.number
            elif stored.number < number:
                yield f"{what} has a number that another one has: they were reordered."
            try:
                manifest = read_manifest(stored.body, self._public_key)
            except ManifestError as error:
                yield f"{what} {error}."
                previous = "?"
                continue
            yield from self._link(stored, manifest, previous, what)
            yield from self._manifest_file(manifest, what)
            yield from self._files(session, manifest)
            yield from _record(manifest, clips.pop(manifest.content["manifest_id"], None))
            previous = manifest.sha256
        for clip in sorted(clips.values(), key=lambda clip: clip.interval_index):
            if clip.status is ClipStatus.READY:
                yield f"Clip {clip.clip_id} has no manifest: it was removed, or the clip was added."

    def _link(
        self, stored: ManifestRecord, manifest: Signed, previous: str, what: str
    ) -> Iterator[str]:
        content = manifest.content
        own = (content["manifest_id"], content["session_id"], content["number"], manifest.sha256)
        told = (stored.manifest_id, stored.session_id, stored.number, stored.sha256)
        if own != told:
            yield (
                f"{what} is stored in the place of another: it says of itself that it is number"
                f" {content['number']}, of clip {content['manifest_id']}."
            )
        elif previous not in ("?", content["previous"]):
            yield f"{what} does not follow the one before it: one was replaced or reordered."

    def _manifest_file(self, manifest: Signed, what: str) -> Iterator[str]:
        stem = manifest.content["clip"]["file_name"].removesuffix(CLIP_SUFFIX)
        yield from self._same_file(stem + MANIFEST_SUFFIX, manifest.body, what)

    def _same_file(self, name: str, body: str, what: str) -> Iterator[str]:
        try:
            with self._media.storage.open(name) as file:
                is_same = file.read() == body.encode()
        except FileNotFoundError:
            yield f"{what} was removed from where the clips are: {name} is not there."
            return
        except OSError as error:
            yield f"{name} cannot be read: {error}."
            return
        if not is_same:
            yield f"{what} was altered where the clips are: {name} differs from the stored one."

    def _files(self, session: SessionRecord, manifest: Signed) -> Iterator[str]:
        camera = {each["sha256"] for each in manifest.content["camera"]}
        screen = {each["sha256"] for each in manifest.content["screen"]}
        originals = {"screen": screen, "snapshot": camera}
        for part in manifest.content["files"]:
            what = f"The {KINDS.get(part['kind'], part['kind'])} {part['stored_name']}"
            if part["plain_sha256"] not in originals.get(part["kind"], {part["plain_sha256"]}):
                yield f"{what} is none of the pictures that its manifest names."
            yield from self._file(session, part, what)

    def _file(self, session: SessionRecord, part: Mapping[str, Any], what: str) -> Iterator[str]:
        try:
            with self._media.storage.open(part["stored_name"]) as file:
                data = file.read()
        except FileNotFoundError:
            yield f"{what} was removed."
            return
        except OSError as error:
            yield f"{what} cannot be read: {error}."
            return
        if sha256_of(io.BytesIO(data)) != part["sha256"]:
            yield f"{what} was altered: its content is not the one that was stored."
        elif part["stored_name"] != part["name"]:
            yield from self._decrypted(session, part, data, what)

    def _decrypted(
        self, session: SessionRecord, part: Mapping[str, Any], data: bytes, what: str
    ) -> Iterator[str]:
        if self._repository.media_key(session.session_id) is None:
            return
        try:
            with open_sealed(io.BytesIO(data), self._media.keys.key) as file:
                is_same = sha256_of(file) == part["plain_sha256"]
        except CandorError as error:
            yield f"{what} cannot be decrypted. {error.message}"
            return
        except OSError:
            yield f"{what} cannot be decrypted: the key of its session was replaced."
            return
        if not is_same:
            yield f"{what} does not hold the picture or film that was encrypted."

    # The seal

    def _seal(
        self,
        session: SessionRecord,
        stored: ManifestRecord | None,
        chain: Sequence[ManifestRecord],
    ) -> Iterator[str]:
        what = "The seal of the session"
        if stored is None:
            if session.seal:
                yield f"{what} was removed."
            elif not session.is_active:
                yield f"{what} is missing: it was removed, or the server has not run since the end."
            return
        try:
            seal = read_manifest(stored.body, self._public_key)
        except ManifestError as error:
            yield f"{what} {error}."
            return
        content = seal.content
        if (content["manifest_id"], content["session_id"]) != (
            seal_id(session.session_id),
            session.session_id,
        ):
            yield f"{what} is that of another session."
            return
        if (content["number"], stored.number) != (len(chain), content["number"]):
            yield (
                f"A clip was removed or added: {content['number']} were sealed,"
                f" {len(chain)} are there."
            )
        elif chain and chain[-1].sha256 != content["previous"]:
            yield "The last manifest is not the one that was sealed."
        if chain:
            yield from self._same_file(
                seal_name(session.user_id, session.session_id), stored.body, what
            )
        yield from self._sealed_session(session, stored, content)
        yield from self._sealed_clips(session, content)
        yield from self._sealed_ledger(session, content)

    def _sealed_session(
        self, session: SessionRecord, stored: ManifestRecord, content: Mapping[str, Any]
    ) -> Iterator[str]:
        for name, sealed in content["session"].items():
            if session_facts(session).get(name) != sealed:
                yield f"The session's {name} was altered after it was sealed."
        if digest(plain(session.policy)) != content["policy_sha256"]:
            yield "The session's policy was altered after it was sealed."
        if session.seal != stored.sha256:
            yield "The session does not name its seal: its record was altered."

    def _sealed_clips(self, session: SessionRecord, content: Mapping[str, Any]) -> Iterator[str]:
        clips = {c.clip_id: c.status.value for c in self._repository.clips(session.session_id)}
        for clip_id, status in content["clips"].items():
            found = clips.pop(clip_id, None)
            if found is None:
                yield f"The record of clip {clip_id} was removed."
            elif found != status:
                yield f"The record of clip {clip_id} was altered: it was {status} and is {found}."
        for clip_id in clips:
            yield f"The record of clip {clip_id} was added after the session was sealed."

    def _sealed_ledger(self, session: SessionRecord, content: Mapping[str, Any]) -> Iterator[str]:
        found = ledger_hashes(
            self._repository.violations(session.session_id),
            self._repository.intervals(session.session_id),
            self._repository.trace(session.session_id),
        )
        for kind, word in LEDGER.items():
            sealed, there = content["ledger"][kind], found[kind]
            for name in [*sealed, *(each for each in there if each not in sealed)]:
                if name not in there:
                    yield f"The {word} {name} was removed from the ledger."
                elif name not in sealed:
                    yield f"The {word} {name} was added to the ledger after it was sealed."
                elif sealed[name] != there[name]:
                    yield f"The {word} {name} of the ledger was altered after it was sealed."


def _record(manifest: Signed, clip: ClipRecord | None) -> Iterator[str]:
    content = manifest.content
    if content["kind"] != CLIP:
        return
    if clip is None:
        yield f"The record of clip {content['manifest_id']} was removed."
    elif clip.status is not ClipStatus.READY:
        yield f"The record of clip {clip.clip_id} was altered: it is {clip.status.value}."
    else:
        facts = clip_facts(clip)
        for name, told in content["clip"].items():
            if facts.get(name) != told:
                yield f"The record of clip {clip.clip_id} was altered: its {name} is another."
                return
