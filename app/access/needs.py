"""What each route and each socket event needs: who may ask, with which scope, of which exam.

Every door declares one `Need`; nothing is open that does not say so. `docs/permissions.md` is
drawn from these declarations.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.access.doors import Caller, CallerKind
from app.access.roles import ADMIN, EXAM_MANAGER, PROCTOR, REVIEWER, ROLES
from app.errors import NotAllowed

EVERY_ROLE = frozenset(ROLES)
MANAGERS = frozenset({ADMIN, EXAM_MANAGER})
WATCHERS = frozenset({ADMIN, EXAM_MANAGER, PROCTOR})
READERS = frozenset({ADMIN, EXAM_MANAGER, PROCTOR, REVIEWER})


@dataclass(frozen=True, slots=True)
class Need:
    """Who may pass. Everything empty means: everybody.

    `roles` are the staff's roles, `scope` is what an API key must hold, `student` lets a
    student ask for the own session; `is_before_place` also while the session runs on another
    device, `is_after_end` also after its end. `is_signed` also lets in who brings an address that
    was signed for such a caller. What is asked for must lie in an exam the caller may see. `phone`
    lets in a phone that a student joined as second camera, and nobody else.
    """

    name: str
    says: str
    roles: frozenset[str] = frozenset()
    scope: str = ""
    student: bool = False
    is_before_place: bool = False
    is_signed: bool = False
    is_after_end: bool = False
    phone: bool = False

    @property
    def is_open(self) -> bool:
        return not (self.roles or self.scope or self.student or self.phone)

    @property
    def callers(self) -> tuple[CallerKind, ...]:
        """The kinds of callers that can pass at all."""
        kinds: list[CallerKind] = []
        if self.scope:
            kinds.append("integrator")
        if self.roles:
            kinds.append("staff")
        if self.student:
            kinds.append("student")
        if self.phone:
            kinds.append("phone")
        return tuple(kinds)

    def check(self, caller: Caller) -> None:
        """Raise NotAllowed unless the caller may ask this of some exam."""
        if caller.kind == "staff":
            if caller.role not in self.roles:
                raise NotAllowed("Your role does not allow this.")
        elif caller.kind == "integrator":
            if not self.scope:
                raise NotAllowed("An API key does not open this.")
            if not caller.holds(self.scope):
                raise NotAllowed(f"This API key lacks the scope {self.scope}.")
        elif not (self.phone if caller.kind == "phone" else self.student):
            raise NotAllowed("This token does not open this.")
        elif caller.is_elsewhere and not self.is_before_place:
            raise NotAllowed("This session is running on another device or network.")


OPEN = Need("open", "Everybody, without signing in.")
OWN_ACCOUNT = Need("account", "The own account.", EVERY_ROLE)
SIGNED_IN = Need("signed in", "Every member of staff.", EVERY_ROLE)
PEOPLE_MANAGE = Need("people:manage", "Staff accounts.", frozenset({ADMIN}))
KEYS_MANAGE = Need("keys:manage", "API keys.", frozenset({ADMIN}))
AUDIT_READ = Need("audit:read", "The audit.", frozenset({ADMIN}))
STUDENT_DATA = Need("student:data", "Export and erase one student.", frozenset({ADMIN}))
MACHINE_READ = Need("machine:read", "The state of the server.", MANAGERS, "machine:read")

EXAMS_READ = Need("exams:read", "Exams.", READERS, "exams:read")
EXAMS_WRITE = Need("exams:write", "Exams, their rules and their rosters.", MANAGERS, "exams:write")
SESSIONS_WRITE = Need("sessions:write", "Create and end.", WATCHERS, "sessions:write")
SESSIONS_DECIDE = Need(
    "sessions:decide", "Steer a running session, let devices in.", WATCHERS, "sessions:write"
)
SESSIONS_READ = Need("sessions:read", "Sessions and their scores.", READERS, "sessions:read")
SESSION_DETAILS = Need(
    "session:details", "One session; a student the own one.", READERS, "sessions:read", True
)
WATCH = Need("watch", "Live, all sessions.", WATCHERS)
WATCH_SESSION = Need(
    "watch:session",
    "Live, one session; a student the own one.",
    WATCHERS,
    "sessions:read",
    True,
)
EVIDENCE_READ = Need("evidence:read", "Clips, pictures, manifests.", READERS, "evidence:read")
EVIDENCE_SHOWN = Need(
    "evidence:shown",
    "Clips and pictures, also by a signed address.",
    READERS,
    "evidence:read",
    is_signed=True,
)
EVIDENCE_WRITE = Need("evidence:write", "Decide on flags and holds.", READERS, "evidence:write")
FLAGS_DECIDE = Need("flags:decide", "Decide on flags, in person.", READERS)
OUTCOME_SET = Need(
    "outcome:set",
    "Set a session's outcome and say the final word, in person.",
    frozenset({ADMIN, EXAM_MANAGER, REVIEWER}),
)
REVIEW_REOPEN = Need("review:reopen", "Take a session's outcome back, in person.", MANAGERS)
OWN_EVIDENCE = Need(
    "own:evidence",
    "The clips of the student's own session, by a signed address, once they are released.",
    student=True,
    is_before_place=True,
    is_after_end=True,
    is_signed=True,
)
REPORTS_READ = Need("reports:read", "Reports and exports.", READERS, "reports:read")
CHECK_IN_READ = Need("checkin:read", "What students showed at check-in.", READERS, "evidence:read")
PHONE = Need("phone", "The room scan that the phone was joined for.", phone=True)
STREAM = Need("stream", "The student's own session.", student=True)
ARRIVE = Need("arrive", "The student's own session.", student=True, is_before_place=True)
TAKE_EXAM = Need(
    "take:exam", "The student's own exam, also after its end.", student=True, is_after_end=True
)
SEE_RESULT = Need(
    "see:result",
    "The student's own result, after the session too.",
    student=True,
    is_before_place=True,
    is_after_end=True,
)
