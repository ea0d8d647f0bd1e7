"""Makes a data folder as the version of this checkout writes it, with invented people.

Run it in a checkout of the version to keep, with its packages:

    PYTHONPATH=. python tests/older/make.py FOLDER.tar.gz

The archive then goes into tests/older/, where a test brings it up to the present version.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from app.access.accounts import Accounts
from app.access.keys import Keys
from app.access.logins import Logins
from app.access.people_records import RosterRow
from app.access.staff_desk import StaffDesk
from app.audit.log import AuditLog
from app.audit.pseudonyms import STUDENT
from app.clock import SystemClock
from app.evidence.keys import load_master_key
from app.evidence.media import open_media
from app.privacy.parts import open_privacy
from app.privacy.records import HoldRecord, RetentionRecord
from app.records import (
    ClipRecord,
    ClipStatus,
    EndCause,
    ExamRecord,
    IntervalRecord,
    SessionRecord,
    SessionState,
    Snapshot,
    TraceRecord,
    ViolationRecord,
)
from app.settings import Settings
from app.store import open_repository
from scoring.model import IntervalScore, Point, Rule, Violation

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
SECRET = "the secret of a folder made for tests"
PASSWORD = "a-password-for-tests"
CLIP = "old-student/flagged_2026-03-02T12-00-00_score10"


def fill(folder: Path) -> None:
    """Everything the repository stores, one of each."""
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": folder, "PROCTOR_SECRET_KEY": SECRET})
    clock = SystemClock()
    master = load_master_key(settings)
    repository = open_repository(settings)
    accounts = Accounts(repository, clock)
    desk = StaffDesk(accounts, Logins(repository.people, clock), repository, settings)
    desk.add("old-admin", PASSWORD, "admin", [])
    desk.add("old-proctor", PASSWORD, "proctor", ["old-exam"])
    Keys(repository, clock).add("old key", ["sessions:read"], 30)
    policy: dict[str, Any] = {"name": "standard"}
    ended = SessionRecord(
        "s_old_ended",
        "old-student",
        "old-exam",
        SessionState.ENDED,
        NOON,
        started_at=NOON,
        ended_at=NOON + timedelta(minutes=5),
        end_cause=EndCause.STUDENT,
        total_score=10.0,
        flagged_intervals=1,
        policy=policy,
        seal="ab" * 32,
    )
    running = replace(
        ended,
        session_id="s_old_running",
        user_id="other-student",
        state=SessionState.RUNNING,
        ended_at=None,
        end_cause=None,
        seal="",
    )
    created = SessionRecord(
        "s_old_created", "third-student", "old-exam", SessionState.CREATED, NOON
    )
    for session in (ended, running, created):
        repository.add_session(session)
    violation = Violation("no_face-3250", Rule.NO_FACE, 3.25, 9.5, 0.9, 7)
    repository.save_violation(ViolationRecord("s_old_ended", violation, NOON, NOON))
    point = Point(Rule.NO_FACE, 9, 0, 5.5, 3.25, 9.5, 0.9, "no_face-3250", 7)
    interval = IntervalScore(0, 0.0, 30.0, 10.0, (point,), flag_score=10.0)
    repository.save_interval(IntervalRecord("s_old_ended", interval, NOON))
    repository.save_trace(TraceRecord("s_old_ended", 0, b"observed"))
    snapshot = Snapshot("no_face-3250", "no_face", NOON, 9.0, 9.0, f"{CLIP}_snapshots/a.jpg")
    repository.save_clip(
        ClipRecord(
            "s_old_ended-0",
            "s_old_ended",
            "old-student",
            "old-exam",
            0,
            10.0,
            ("no_face",),
            ClipStatus.READY,
            NOON,
            NOON + timedelta(seconds=40),
            NOON + timedelta(seconds=12),
            NOON + timedelta(seconds=12),
            f"{CLIP}.mp4",
            snapshots=(snapshot,),
        )
    )
    repository.save_exam(ExamRecord("old-exam", "standard", {"old-student": {}}, NOON))
    row = RosterRow("old-exam", "old-student", "Old Student", date(2001, 2, 3), "Logic")
    repository.people.save_rows([row])
    repository.trail.save_hold(HoldRecord("exam", "old-exam", "kept", NOON))
    repository.trail.save_retention(RetentionRecord("old-exam", 30))
    media = open_media(settings, repository, clock, master)
    media.storage.write(f"{CLIP}.mp4", b"not a film, but its bytes")
    media.storage.write(f"{CLIP}_snapshots/a.jpg", b"\xff\xd8 a picture \xff\xd9")
    media.keys.key_for_writing("s_old_ended")
    audit = AuditLog(repository.trail, master, clock)
    privacy = open_privacy(settings, repository, media, audit, clock)
    privacy.consents.give(ended, "none stated", "agent", ("camera",))
    audit.by_staff("old-admin", "login")
    audit.write("system", "video_file", audit.people.of(STUDENT, "old-student"), {"clip": "c"})
    repository.erasure.compact()
    repository.close()


def main(out: Path) -> None:
    """Write the archive."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        with tarfile.open(out, "w:gz") as archive:
            archive.add(folder, ".")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
