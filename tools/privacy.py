"""Exports or erases everything that is stored about one student."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.audit.log import COMMAND, AuditLog
from app.audit.pseudonyms import STUDENT
from app.clock import SystemClock
from app.errors import CandorError
from app.evidence.keys import load_master_key
from app.evidence.media import open_media
from app.privacy.parts import Privacy, open_privacy
from app.settings import Settings, load_settings
from app.store import Repository, open_repository

DONE, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with."""

    repository: Repository
    audit: AuditLog
    privacy: Privacy


@contextmanager
def opened(settings: Settings) -> Iterator[Opened]:
    """The store and the parts of privacy over it; a server may run beside it."""
    clock = SystemClock()
    master = load_master_key(settings)
    repository = open_repository(settings)
    try:
        media = open_media(settings, repository, clock, master)
        audit = AuditLog(repository.trail, master, clock)
        yield Opened(repository, audit, open_privacy(settings, repository, media, audit, clock))
    finally:
        repository.close()


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """0 when it is done, 1 with a sentence when not."""
    parser = argparse.ArgumentParser(prog="./run.sh privacy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write a ZIP file")
    export.add_argument("user", help="the student's id")
    export.add_argument("--out", required=True, type=Path, metavar="FILE")
    erase = commands.add_parser("erase", help="delete for good")
    erase.add_argument("user", help="the student's id")
    given = parser.parse_args(arguments)
    try:
        with opened(settings or load_settings()) as parts:
            if given.command == "export":
                _export(parts, given.user, given.out)
            else:
                _erase(parts, given.user)
    except (CandorError, OSError) as error:
        print(getattr(error, "message", str(error)), file=sys.stderr)
        return FAILED
    return DONE


def _export(parts: Opened, user: str, out: Path) -> None:
    # Readable by its owner only, and never over something that is there.
    handle = os.open(out, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w+b") as file:
            count = parts.privacy.exporter.write(user, file)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    parts.audit.write(COMMAND, "student_exported", parts.audit.people.of(STUDENT, user))
    print(f"{out}: {count} documents and files.")


def _erase(parts: Opened, user: str) -> None:
    removed = parts.privacy.remover.erase(user, COMMAND)
    print(
        f"Erased: {removed.sessions} sessions, {removed.files} files, {removed.documents}"
        f" documents, {removed.keys} keys. The certificate is in the audit."
    )


if __name__ == "__main__":
    raise SystemExit(main())
