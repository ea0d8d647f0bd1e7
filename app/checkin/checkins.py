"""Lets students in: step by step, until the exam or a proctor admits them.

Until then the session is paused for the cause `check_in`: everything is looked at, so that the
student can be guided, and nothing is scored. Any thread; `_lock` guards what is learnt.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.checkin.learning import Learning, Progress
from app.checkin.records import (
    DOCUMENT,
    FACE,
    GAZE,
    MAY_BE_LEFT_OUT,
    ROOM,
    VOICE,
    CheckInPlan,
    Standing,
)
from app.clock import Clock, SessionTime
from app.errors import Conflict, InvalidInput, NotFound
from app.privacy.consent import uses_camera
from app.records import CheckInStage, EndCause, PauseCause, SessionRecord
from detectors.messages import AnalysisResult, Mark
from scoring.policy import policy_from_dict

log = logging.getLogger(__name__)

# What a step needs a detector for: without it the exam does not ask for the step.
NEEDS = {FACE: "face", GAZE: "gaze", VOICE: "voice", ROOM: "objects"}
LONGEST_REASON = 500


class Stores(Protocol):
    """Where sessions are."""

    def session(self, session_id: str) -> SessionRecord | None: ...

    def update_session(self, session_id: str, **fields: object) -> object: ...


@dataclass(frozen=True, slots=True)
class Doors:
    """What check-in asks of the parts around it."""

    plan_of: Callable[[str], CheckInPlan]
    works: Callable[[], frozenset[str]]
    pause: Callable[[str, PauseCause], object]
    resume: Callable[[str, PauseCause], object]
    mark: Callable[[str, Mark], object]
    tell: Callable[[str, str, dict[str, Any]], object]
    asks: Callable[[str, bool], object]
    admitted: Callable[[str], object]
    # The staff who look at the session, and the phone as second camera of the room scan.
    news: Callable[[str, str], object] = lambda _session_id, _stage: None
    phone: Callable[[str], dict[str, Any] | None] = lambda _session_id: None
    is_by_phone: Callable[[str], bool] = lambda _session_id: False
    phone_over: Callable[[str], object] = lambda _session_id: None


@dataclass(slots=True)
class _Guided:
    learning: Learning
    time: SessionTime
    step: str = ""
    done: dict[str, str] = field(default_factory=dict)


class CheckIns:
    """Every student who is on the way in. Thread-safe."""

    def __init__(self, clock: Clock, store: Stores, doors: Doors) -> None:
        self._clock = clock
        self._store = store
        self._doors = doors
        self._lock = threading.Lock()
        self._guided: dict[str, _Guided] = {}

    def started(self, session_id: str) -> None:
        """A session has begun to run: where its exam asks for check-in, that comes first."""
        session = self._session(session_id)
        if not self._plan(session).is_asked or session.check_in is not CheckInStage.NONE:
            return
        self._doors.pause(session_id, PauseCause.CHECK_IN)
        self._store.update_session(session_id, check_in=CheckInStage.CHECKING)
        log.info("Check-in begins", extra={"session_id": session_id})

    def ended(self, session_id: str, _cause: EndCause) -> None:
        """The session is over."""
        with self._lock:
            self._guided.pop(session_id, None)
        self._doors.phone_over(session_id)

    def released(self, session_id: str) -> None:
        """Another server runs the session now."""
        with self._lock:
            self._guided.pop(session_id, None)

    def steps(self, session: SessionRecord) -> tuple[str, ...]:
        """What the student will be asked; before the start, as far as it is known."""
        plan = self._plan(session)
        if not plan.is_asked:
            return ()
        return self._steps(session) if session.policy else plan.steps

    def standing(self, session_id: str) -> Standing:
        """Where the student is. Raises NotFound."""
        session = self._session(session_id)
        steps = self._steps(session)
        done = session.check_in_done
        return Standing(
            session.check_in,
            tuple((step, done.get(step, "open")) for step in steps),
            session.check_in_reason,
        )

    def shown(self, session_id: str) -> dict[str, Any]:
        """What the student's page is shown (docs/protocol.md, `check_in`)."""
        with self._lock:
            guided = self._guided.get(session_id)
            step = guided.step if guided else ""
            progress = guided.learning.progress if guided else Progress()
        phone = self._doors.phone(session_id) if step == ROOM else None
        return _payload(self.standing(session_id), step, progress, phone)

    # The student

    def begin(self, session_id: str, step: str) -> dict[str, Any]:
        """The student is at this step now. Raises InvalidInput or Conflict."""
        session = self._checking(session_id)
        if step not in self._steps(session):
            raise InvalidInput("This exam does not ask for that step.")
        if step != ROOM:
            self._doors.phone_over(session_id)
        with self._lock:
            guided = self._guide(session)
            guided.step = step
            guided.learning.begin(step, guided.time.now_s())
        return self.shown(session_id)

    def look(self, session_id: str, x: float, y: float) -> dict[str, Any]:
        """The page shows a point at these shares of the screen."""
        session = self._checking(session_id)
        with self._lock:
            guided = self._guide(session)
            guided.learning.look(guided.time.now_s(), x, y)
        return self.shown(session_id)

    def looked(self, session_id: str) -> dict[str, Any]:
        """The last point is gone."""
        session = self._checking(session_id)
        with self._lock:
            guided = self._guide(session)
            guided.learning.looked(guided.time.now_s())
        return self.shown(session_id)

    def settle(self, session_id: str, step: str, *, is_skipped: bool = False) -> dict[str, Any]:
        """A step is done, or left out. Raises Conflict when it may not be."""
        session = self._checking(session_id)
        if step not in self._steps(session):
            raise InvalidInput("This exam does not ask for that step.")
        if is_skipped and step not in MAY_BE_LEFT_OUT:
            raise Conflict("This step cannot be left out. Ask your proctor for help.")
        if not is_skipped and step in (FACE, GAZE, VOICE):
            with self._lock:
                guided = self._guided.get(session_id)
                is_done = guided is not None and guided.learning.progress.is_done
                if guided is None or guided.step != step or not is_done:
                    raise Conflict("This step is not finished yet.")
        if not is_skipped and step == DOCUMENT:
            raise Conflict("Show your document first, or leave this step out.")
        self._keep(session, step, "skipped" if is_skipped else "done")
        return self.shown(session_id)

    def checking(self, session_id: str, step: str) -> SessionRecord:
        """The session of a student who may do this step now. Raises Conflict or InvalidInput."""
        session = self._checking(session_id)
        if step not in self._steps(session):
            raise InvalidInput("This exam does not ask for that step.")
        return session

    def is_at(self, session_id: str, step: str) -> bool:
        """Whether this is the step the student is at."""
        with self._lock:
            guided = self._guided.get(session_id)
            return guided is not None and guided.step == step

    def document_shown(self, session: SessionRecord) -> dict[str, Any]:
        """The document was taken in: that step is done."""
        self._keep(session, DOCUMENT, "done")
        return self.shown(session.session_id)

    def phone_saw(self, session_id: str, things: tuple[str, ...]) -> None:
        """The phone that shows the room has news; what was newly pointed out is named."""
        with self._lock:
            guided = self._guided.get(session_id)
            if guided is None or guided.step != ROOM:
                return
            guided.learning.point_out(things)
        self._tell(session_id)

    def finish(self, session_id: str) -> dict[str, Any]:
        """All steps are through: the exam admits, or a proctor is asked. Raises Conflict."""
        session = self._session(session_id)
        if session.check_in is not CheckInStage.CHECKING:
            return self.shown(session_id)
        if self.standing(session_id).left:
            raise Conflict("There are steps left before you can go in.")
        if self._plan(session).mode == "self":
            self._admit(session, "", "")
        else:
            self._store.update_session(session_id, check_in=CheckInStage.WAITING)
            self._doors.asks(session_id, True)
            self._doors.phone_over(session_id)
            self._doors.news(session_id, CheckInStage.WAITING.value)
            self._tell(session_id)
        return self.shown(session_id)

    # The proctor

    def waiting(self, sessions: tuple[SessionRecord, ...]) -> tuple[SessionRecord, ...]:
        """Those of these sessions that wait to be admitted."""
        return tuple(s for s in sessions if s.check_in is CheckInStage.WAITING)

    def admit(self, session_id: str, by: str, reason: str = "") -> object:
        """Let a student in, also one who has not finished. Raises NotFound or Conflict."""
        session = self._session(session_id)
        if session.check_in is CheckInStage.NONE or not session.is_running:
            raise Conflict("This student is not at check-in.")
        if session.check_in is not CheckInStage.ADMITTED:
            self._admit(session, by, reason)
        return self.standing(session_id)

    def refuse(self, session_id: str, by: str, reason: str) -> object:
        """Keep a student out; the reason is shown to them. Raises NotFound or Conflict."""
        session = self._session(session_id)
        if session.check_in not in (CheckInStage.CHECKING, CheckInStage.WAITING):
            raise Conflict("This student is not at check-in.")
        self._store.update_session(
            session_id,
            check_in=CheckInStage.REFUSED,
            check_in_by=by,
            check_in_reason=reason[:LONGEST_REASON],
        )
        self._doors.asks(session_id, False)
        self._doors.phone_over(session_id)
        self._doors.news(session_id, CheckInStage.REFUSED.value)
        self._tell(session_id)
        return self.standing(session_id)

    # The detectors

    def observe(self, result: AnalysisResult) -> None:
        """Learn from what was seen and heard of a student who is guided."""
        with self._lock:
            guided = self._guided.get(result.session_id)
            if guided is None or not guided.step:
                return
            if guided.step == ROOM and self._doors.is_by_phone(result.session_id):
                return  # The own camera would name the very phone that shows the room.
            was_done = guided.learning.progress.is_done
            is_news = guided.learning.observe(result, guided.time.now_s())
            step, progress = guided.step, guided.learning.progress
        if not is_news:
            return
        if progress.is_done and not was_done:
            session = self._store.session(result.session_id)
            if session is not None:
                self._keep(session, step, "done")
        self._tell(result.session_id)

    def _admit(self, session: SessionRecord, by: str, reason: str) -> None:
        session_id = session.session_id
        self._store.update_session(
            session_id,
            check_in=CheckInStage.ADMITTED,
            check_in_by=by,
            check_in_reason=reason[:LONGEST_REASON],
        )
        self._doors.resume(session_id, PauseCause.CHECK_IN)
        self._doors.admitted(session_id)
        self._doors.asks(session_id, False)
        with self._lock:
            self._guided.pop(session_id, None)
        self._doors.phone_over(session_id)
        self._doors.news(session_id, CheckInStage.ADMITTED.value)
        log.info("Student admitted", extra={"session_id": session_id})
        self._tell(session_id)

    def _keep(self, session: SessionRecord, step: str, state: str) -> None:
        done = {**session.check_in_done, step: state}
        changes: dict[str, object] = {"check_in_done": done}
        if step == ROOM:
            changes["check_in_seen"] = self._seen(session.session_id)
        self._store.update_session(session.session_id, **changes)
        self._doors.news(session.session_id, session.check_in.value)

    def _seen(self, session_id: str) -> tuple[str, ...]:
        with self._lock:
            guided = self._guided.get(session_id)
            return guided.learning.progress.seen if guided else ()

    def _tell(self, session_id: str) -> None:
        self._doors.tell(session_id, "check_in", self.shown(session_id))

    def _guide(self, session: SessionRecord) -> _Guided:
        guided = self._guided.get(session.session_id)
        if guided is None:
            session_id = session.session_id
            detectors = self._detectors(session)
            time = SessionTime(session.started_at or self._clock.now(), self._clock)
            learning = Learning(detectors, lambda mark: self._doors.mark(session_id, mark))
            guided = self._guided[session_id] = _Guided(learning, time)
        return guided

    def _detectors(self, session: SessionRecord) -> frozenset[str]:
        needed = frozenset(str(each) for each in policy_from_dict(session.policy).detectors)
        return needed & self._doors.works()

    def _steps(self, session: SessionRecord) -> tuple[str, ...]:
        on = self._detectors(session)
        steps = self._plan(session).steps
        is_seen = uses_camera(session.policy)
        return tuple(
            step
            for step in steps
            if (is_seen if step == DOCUMENT else step not in NEEDS or NEEDS[step] in on)
        )

    def _plan(self, session: SessionRecord) -> CheckInPlan:
        return self._doors.plan_of(session.exam_id)

    def _checking(self, session_id: str) -> SessionRecord:
        session = self._session(session_id)
        if session.check_in is not CheckInStage.CHECKING or not session.is_running:
            raise Conflict("Check-in is over.")
        return session

    def _session(self, session_id: str) -> SessionRecord:
        session = self._store.session(session_id)
        if session is None:
            raise NotFound("There is no such session.")
        return session


def _payload(
    standing: Standing, step: str, progress: Progress, phone: dict[str, Any] | None
) -> dict[str, Any]:
    guidance = progress.guidance
    return {
        "stage": standing.stage.value,
        "steps": [{"step": name, "state": state} for name, state in standing.steps],
        "step": step,
        "share": round(progress.share, 2),
        "is_done": progress.is_done,
        "guidance": {"word": guidance.word, "text": guidance.text} if guidance else None,
        "seen": list(progress.seen),
        "trouble": progress.trouble,
        "reason": standing.reason,
        "phone": phone,
    }
