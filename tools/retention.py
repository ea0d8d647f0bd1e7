"""Deletes the sessions whose time is over; sets how long, and what a legal hold keeps."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from app.audit.log import COMMAND
from app.clock import SystemClock
from app.errors import CandorError
from app.ids import check_chosen_id
from app.privacy.records import HoldRecord, RetentionRecord
from app.privacy.removal import EXAM, SESSION
from app.settings import Settings, load_settings
from tools.privacy import Opened, opened

DONE, FAILED = 0, 1
MOST_DAYS = 36_500


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """0 when everything that is due is gone or held, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="./run.sh retention", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    parser.add_argument(
        "--days", nargs=2, metavar=("EXAM", "DAYS"), help="keep this exam's sessions so long"
    )
    parser.add_argument(
        "--hold", nargs=3, metavar=("KIND", "ID", "REASON"), help="KIND is session or exam"
    )
    parser.add_argument("--release", nargs=2, metavar=("KIND", "ID"), help="end a legal hold")
    parser.add_argument("--holds", action="store_true", help="list the legal holds")
    given = parser.parse_args(arguments)
    try:
        with opened(settings or load_settings()) as parts:
            return _run(given, parts)
    except (CandorError, OSError) as error:
        print(getattr(error, "message", str(error)), file=sys.stderr)
        return FAILED


def _run(given: argparse.Namespace, parts: Opened) -> int:
    trail, audit = parts.repository.trail, parts.audit
    if given.days:
        exam_id, days = check_chosen_id(given.days[0], "The exam id"), _days(given.days[1])
        trail.save_retention(RetentionRecord(exam_id, days))
        audit.write(COMMAND, "retention_set", f"exam:{exam_id}", {"days": days})
        print(f"Sessions of {exam_id} are kept for {days} days.")
    elif given.hold:
        kind, subject_id = _target(given.hold, parts)
        trail.save_hold(HoldRecord(kind, subject_id, given.hold[2], SystemClock().now()))
        audit.write(COMMAND, "hold_set", f"{kind}:{subject_id}")
        print(f"Nothing of {kind} {subject_id} is deleted until the hold is released.")
    elif given.release:
        kind, subject_id = _target(given.release, parts)
        if not trail.delete_hold(kind, subject_id):
            raise CandorError("There is no such hold.")
        audit.write(COMMAND, "hold_released", f"{kind}:{subject_id}")
        print(f"The hold on {kind} {subject_id} is released.")
    elif given.holds:
        for hold in trail.holds():
            print(f"{hold.kind} {hold.subject_id} since {hold.created_at:%Y-%m-%d}: {hold.reason}")
    else:
        return _sweep(parts, dry_run=given.dry_run)
    return DONE


def _sweep(parts: Opened, *, dry_run: bool) -> int:
    held = parts.privacy.remover.held()
    swept = parts.privacy.retention.sweep(dry_run=dry_run, actor=COMMAND)
    for session in swept.due:
        is_held = parts.privacy.remover.is_held(session, held)
        days = parts.privacy.retention.days_of(session.exam_id)
        note = "held" if is_held else f"older than {days} days"
        print(f"{session.session_id} of exam {session.exam_id}: {note}")
    if dry_run:
        print(
            f"{len(swept.due) - swept.held} would be deleted, {swept.held} are held; with"
            f" {swept.rows} rows of rosters."
        )
        return DONE
    removed = swept.removed
    print(
        f"{removed.sessions} sessions deleted ({removed.files} files, {removed.documents}"
        f" documents, {removed.keys} keys), {swept.rows} rows of rosters, {swept.held} held,"
        f" {swept.failed} put off."
    )
    return FAILED if swept.failed else DONE


def _target(given: Sequence[str], parts: Opened) -> tuple[str, str]:
    kind, subject_id = given[0], given[1]
    if kind not in (EXAM, SESSION):
        raise CandorError("A hold is on a session or on an exam.")
    if kind == SESSION and parts.repository.session(subject_id) is None:
        raise CandorError("There is no such session.")
    return kind, check_chosen_id(subject_id, "The id") if kind == EXAM else subject_id


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_DAYS:
        raise CandorError(f"The days are a number from 1 to {MOST_DAYS}.")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
