"""Replays a finished session from what was observed, and compares it with the stored ledger."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from app.ledgers import first_difference, ledger_sha256, replayed
from tools.stored import opened, session_of, told


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the replay equals the stored ledger, 1 when not, 2 when it cannot be replayed."""
    parser = argparse.ArgumentParser(prog="./run.sh replay", description=__doc__)
    parser.add_argument("session", metavar="SESSION", help="the session's id")
    given = parser.parse_args(arguments)
    return told(lambda: _replay(given.session))


def _replay(session_id: str) -> int:
    with opened() as (_, repository):
        session = session_of(repository, session_id)
        ledger = replayed(repository, session)
        difference = first_difference(repository, session, ledger)
        blocks = repository.trace(session_id)
    stored_bytes = sum(len(block.data) for block in blocks)
    print(
        f"{session.session_id}: {session.scored_s or 0:.3f} s, {len(ledger.intervals)} intervals,"
        f" {len(ledger.violations)} violations, {ledger.scores.flagged_intervals} flagged;"
        f" trace of {stored_bytes} bytes in {len(blocks)} blocks"
    )
    if difference is not None:
        print(f"DIFFERENT. First difference: {difference}")
        return 1
    print(f"EQUAL: the replay is the stored ledger, sha256 {ledger_sha256(ledger)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
