"""What goes into the audit of what comes in by REST and by socket.

Every change by staff or a key is an entry, and so is every look at pictures: of one that goes on
(the parts of a video, a wall of thumbnails) the first within its time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.access.doors import Caller
from app.audit.log import UNKNOWN, AuditLog
from app.audit.pseudonyms import STAFF, STUDENT
from app.clock import Clock
from app.ids import is_ours

if TYPE_CHECKING:
    from app.store import Repository

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Routes that show evidence, and after how long the same look counts again.
LOOKS = dict.fromkeys(
    ("video_file", "admin_session", "session_details", "media_part", "check_in_picture"), 60.0
)
# Their use cases write entries of their own; these also forget the student.
OWN_ENTRIES = frozenset({"sign_in", "erase_student", "export_student", "act", "act_on_exam"})
EVENTS = frozenset({"join_session", "listen", "decide_place", "resume"})
THUMBNAILS, THUMBNAILS_AGAIN_S = "want_thumbnails", 900.0
REMEMBERED = 10_000
LONGEST = 64


class AuditedDoors:
    """Writes entries for callers. Thread-safe."""

    def __init__(self, audit: AuditLog, repository: Repository, clock: Clock) -> None:
        self._audit = audit
        self._repository = repository
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def actor(self, caller: Caller) -> str:
        """Staff by a pseudonym, a key by its id."""
        if caller.kind == "staff":
            return self._audit.people.of(STAFF, caller.name)
        return f"key:{caller.name}"

    def request(
        self,
        method: str,
        name: str,
        caller: Caller | None,
        path: Mapping[str, str],
        body: object,
        answer: object,
    ) -> None:
        """A route has done its work; its answer is not sent yet. Raises Unavailable."""
        is_change = method not in SAFE_METHODS and name not in OWN_ENTRIES
        if caller is None or caller.kind in ("student", "phone"):
            return
        if not (is_change or name in LOOKS):
            return
        subject, detail = self._about(path, body, answer)
        about = " ".join(str(detail.get(key, "")) for key in ("clip", "session", "part", "picture"))
        if is_change or self._is_new(caller, name, about, LOOKS[name]):
            self._audit.write(self.actor(caller), name, subject, detail)

    def event(self, name: str, caller: Caller, payload: tuple[Any, ...]) -> None:
        """A socket event is about to be handled. Raises Unavailable."""
        given = payload[0] if payload and isinstance(payload[0], dict) else {}
        if caller.kind == "student":
            return
        if name in EVENTS:
            subject, detail = self._about({}, given, None)
            if "session" in detail:
                self._audit.write(self.actor(caller), name, subject, detail)
        elif name == THUMBNAILS and isinstance(given.get("session_ids"), list):
            for session_id in given["session_ids"][:LONGEST]:
                subject, detail = self._about({}, {"session_id": session_id}, None)
                is_shown = caller.may_see(str(detail.get("exam", "")))
                if (
                    "session" in detail
                    and is_shown
                    and self._is_new(caller, name, session_id, THUMBNAILS_AGAIN_S)
                ):
                    self._audit.write(self.actor(caller), name, subject, detail)

    def login(self, username: str, address: str, *, is_good: bool) -> None:
        """A login at the staff's door. A name that is nobody's is not kept."""
        known = self._repository.staff(username) if _is_name(username) else None
        actor = self._audit.people.of(STAFF, username) if known else UNKNOWN
        self._audit.write(
            actor, "login" if is_good else "login_refused", "", {"address": address[:LONGEST]}
        )

    def arrival(self, exam_id: str, student_id: str, address: str, *, is_good: bool) -> None:
        """Somebody told a roster's details at the portal.

        Wrong details cost the same work whoever is on the roster, so that time tells nothing.
        """
        people, detail = self._audit.people, {"exam": exam_id, "address": address[:LONGEST]}
        if is_good:
            student = people.of(STUDENT, student_id)
            self._audit.write(student, "roster_login", student, detail)
            return
        claimed = people.known(STUDENT, student_id) if _is_name(student_id) else None
        self._audit.write(UNKNOWN, "roster_login_refused", claimed or "", detail)

    def _about(
        self, path: Mapping[str, str], body: object, answer: object
    ) -> tuple[str, dict[str, object]]:
        """The person or thing it is about, and details without names."""
        detail: dict[str, object] = {}
        session_id = _first("session_id", path, body, answer)
        clip = self._clip(path)
        if clip is not None:
            detail["clip"] = clip.clip_id
            if "part" in path:
                detail["part"] = path["part"].partition("-")[0].partition(".")[0][:LONGEST]
            session_id = clip.session_id
        session = self._repository.session(session_id) if is_ours(session_id) else None
        for name in ("on", "approve", "decision", "outcome", "role", "action", "disabled"):
            value = body.get(name) if isinstance(body, dict) else getattr(body, name, None)
            if isinstance(value, (bool, str)):
                detail[name] = value if isinstance(value, bool) else value[:LONGEST]
        if session is not None:
            detail |= {"session": session.session_id, "exam": session.exam_id}
            if is_ours(path.get("picture_id")):
                detail["picture"] = path["picture_id"]
            return self._audit.people.of(STUDENT, session.user_id), detail
        exam_id = _first("exam_id", path, body, answer)
        if exam_id:
            detail["exam"] = exam_id
        student_id = _first("student_id", path) or _first("user_id", path)
        if student_id:
            return self._audit.people.known(STUDENT, student_id) or "", detail
        username = _first("username", path, body)
        if username and _is_name(username) and self._repository.staff(username):
            return self._audit.people.of(STAFF, username), detail
        key_id = _first("key_id", path)
        return (f"key:{key_id}" if key_id else f"exam:{exam_id}" if exam_id else ""), detail

    def _clip(self, path: Mapping[str, str]) -> Any:
        clip_id = path.get("video_id") or path.get("clip_id")
        if clip_id and is_ours(clip_id):
            return self._repository.clip(clip_id)
        return self._repository.clip_of_file(path["filepath"]) if "filepath" in path else None

    def _is_new(self, caller: Caller, name: str, about: str, again_s: float) -> bool:
        key, now_s = (f"{caller.kind}:{caller.name}:{caller.login_id}", name, about), 0.0
        now_s = self._clock.monotonic_s()
        with self._lock:
            before = self._seen.pop(key, None)
            is_new = before is None or now_s - before >= again_s
            self._seen[key] = now_s if before is None or is_new else before
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return is_new


def _first(name: str, *places: object) -> str:
    """The first text of that name in mappings or models."""
    for place in places:
        value = place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)
        if isinstance(value, str) and 0 < len(value) <= LONGEST:
            return value
    return ""


def _is_name(username: str) -> bool:
    return 0 < len(username) <= LONGEST and username.isprintable()
