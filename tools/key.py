"""Makes, lists and closes API keys."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from app.access.keys import Keys
from app.access.roles import EVERY_SCOPE, SCOPES
from app.audit.log import COMMAND, AuditLog
from app.clock import SystemClock
from app.errors import CandorError
from app.evidence.keys import load_master_key
from app.settings import Settings, load_settings
from app.store import open_repository


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Run one command; returns the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        settings = settings or load_settings()
        repository, clock = open_repository(settings), SystemClock()
        try:
            audit = AuditLog(repository.trail, load_master_key(settings), clock)
            _do(asked, Keys(repository, clock), audit)
        finally:
            repository.close()
    except CandorError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def _do(asked: argparse.Namespace, keys: Keys, audit: AuditLog) -> None:
    if asked.command == "add":
        record, secret = keys.add(asked.label, asked.scope or [EVERY_SCOPE], asked.days)
        audit.write(COMMAND, "add_key", f"key:{record.key_id}")
        print(f"{record.key_id}: this key is shown only now.", file=sys.stderr)
        print(secret)
    elif asked.command == "revoke":
        record = keys.close(asked.key_id)
        audit.write(COMMAND, "close_key", f"key:{record.key_id}")
        print(f"{record.key_id} is closed.")
    else:
        for record in keys.all():
            ends = record.expires_at.date().isoformat() if record.expires_at else "never"
            scopes = ",".join(record.scopes)
            print("\t".join((record.key_id, keys.state_of(record), ends, scopes, record.label)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run.sh key", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    add = commands.add_parser("add", help="Make a key and show it once.")
    add.add_argument("label", help="what it is for")
    add.add_argument("--scope", action="append", choices=list(SCOPES), help="default: all")
    add.add_argument("--days", type=int, help="how long it is good; default: for ever")
    revoke = commands.add_parser("revoke", help="Close a key; its open connections end.")
    revoke.add_argument("key_id")
    commands.add_parser("list", help="List all keys.")
    return parser


if __name__ == "__main__":
    sys.exit(main())
