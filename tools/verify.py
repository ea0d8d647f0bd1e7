"""Checks that a session's clips, pictures and ledger are what was recorded: SESSION or --all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from app.audit.log import AuditLog
from app.clock import SystemClock
from app.errors import CandorError
from app.evidence.keys import MasterKey, load_master_key
from app.evidence.manifest import Signer
from app.evidence.media import open_media
from app.evidence.verify import Verdict, Verifier
from app.records import SessionState
from app.settings import Settings, load_settings
from app.store import Repository, open_repository

SOUND, ALTERED, UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """0: nothing was altered; 1: something was, and a sentence says what; 2: it cannot be told."""
    parser = argparse.ArgumentParser(prog="./run.sh verify", description=__doc__)
    parser.add_argument("session", nargs="?", help="the session_id")
    parser.add_argument("--all", action="store_true", help="every session that has ended")
    parser.add_argument("--audit", action="store_true", help="the audit's whole chain")
    parser.add_argument("--every", action="store_true", help="say everything that is wrong")
    parser.add_argument("--public-key", metavar="HEX", help="check against this key")
    parser.add_argument("--show-key", action="store_true", help="print this server's public key")
    given = parser.parse_args(arguments)
    if not (given.session or given.all or given.show_key or given.audit):
        parser.error("name a session, or say --all or --audit")
    try:
        return _run(given, settings or load_settings())
    except CandorError as error:
        print(error.message, file=sys.stderr)
        return UNUSABLE


def _run(given: argparse.Namespace, settings: Settings) -> int:
    master = load_master_key(settings)
    public_key = given.public_key or Signer(master).public_key
    if given.show_key:
        print(public_key)
        if not (given.session or given.all or given.audit):
            return SOUND
    repository = open_repository(settings)
    try:
        media = open_media(settings, repository, SystemClock(), master)
        verifier = Verifier(repository, media, public_key)
        is_audit_whole = not given.audit or _tell_audit(repository, master)
        ids = [given.session] if given.session else []
        if given.all:
            ids = [s.session_id for s in reversed(repository.sessions(SessionState.ENDED))]
        verdicts = [_tell(verifier.verify(session_id), given.every) for session_id in ids]
    finally:
        repository.close()
    altered = sum(not verdict.is_sound for verdict in verdicts)
    if given.all:
        print(f"{len(verdicts)} sessions verified, {altered} altered.")
    return SOUND if is_audit_whole and not altered else ALTERED


def _tell_audit(repository: Repository, master: MasterKey) -> bool:
    verdict = AuditLog(repository.trail, master, SystemClock()).verify()
    for problem in verdict.problems:
        print(f"Audit: {problem}")
    if verdict.is_whole:
        head = repository.trail.head()
        print(f"The audit is whole: {verdict.entries} entries, last {head.hash if head else '-'}.")
    return verdict.is_whole


def _tell(verdict: Verdict, tells_every: bool) -> Verdict:
    shown = verdict.problems if tells_every else verdict.problems[:1]
    clips = f"{verdict.clips} clip" + ("" if verdict.clips == 1 else "s")
    if verdict.is_sound:
        sealed = "sealed" if verdict.is_sealed else "not sealed yet"
        print(f"{verdict.session_id}: unaltered ({clips}, {sealed}).")
    for problem in shown:
        print(f"{verdict.session_id}: {problem}")
    for note in verdict.notes:
        print(f"{verdict.session_id}: {note}")
    return verdict


if __name__ == "__main__":
    raise SystemExit(main())
