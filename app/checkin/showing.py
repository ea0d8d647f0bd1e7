"""What a student shows at check-in: a document, and the room by a phone as second camera.

What is kept of it, if anything, needs the student's consent to the very words that were shown; a
practice exam keeps nothing.
"""

from __future__ import annotations

from typing import Any, Protocol

from app.checkin.checkins import CheckIns
from app.checkin.consent import find_picture_consent, picture_consent
from app.checkin.pictures import ShownPictures, Taken
from app.checkin.records import DOCUMENT, ROOM, CheckInPlan
from app.checkin.second_camera import SecondCameras
from app.clock import Clock
from app.errors import Conflict, NotAllowed
from app.intake.jpeg import SCREEN_MAX_BYTES, inspect_jpeg
from app.privacy.consent_text import ConsentText
from app.records import SessionRecord


class Rules(Protocol):
    """What an exam says."""

    def plan_of(self, exam_id: str) -> CheckInPlan: ...

    def days_of(self, exam_id: str) -> int: ...


class Showing:
    """Takes in what students show. Thread-safe."""

    def __init__(
        self,
        clock: Clock,
        rules: Rules,
        checkins: CheckIns,
        pictures: ShownPictures,
        cameras: SecondCameras,
    ) -> None:
        self._clock = clock
        self._rules = rules
        self._checkins = checkins
        self.pictures = pictures
        self.cameras = cameras

    def consent(self, session: SessionRecord, kind: str, language: str) -> tuple[bool, ConsentText]:
        """Whether something of this step is kept, and the words to agree to."""
        keeps = self._keeps(session, kind)
        days = self._rules.days_of(session.exam_id) if keeps or kind == DOCUMENT else 0
        return keeps, picture_consent(kind, days, language)

    # The document

    def take_document(self, session_id: str, jpeg: bytes, consent: str) -> dict[str, Any]:
        """Keep the picture of a document, in place of an earlier one; the step is done.

        Raises InvalidInput or TooLarge for what is not a picture as it is taken, NotAllowed
        without consent, Conflict when check-in is over.
        """
        session = self._checkins.checking(session_id, DOCUMENT)
        info = inspect_jpeg(jpeg, SCREEN_MAX_BYTES)
        agreed = self._agreed(session, DOCUMENT, consent)
        if agreed is None:
            raise NotAllowed(
                "What is kept of this step has to be agreed to first. Reload the page and go on."
            )
        if self._keeps(session, DOCUMENT):
            taken = Taken(jpeg, self._clock.now(), info.width, info.height)
            self.pictures.replace(session, DOCUMENT, (taken,), agreed)
        return self._checkins.document_shown(session)

    def leave_document_out(self, session_id: str) -> dict[str, Any]:
        """The student shows no document after all; one that was kept is deleted."""
        shown = self._checkins.settle(session_id, DOCUMENT, is_skipped=True)
        self.pictures.withdraw(session_id, DOCUMENT)
        return shown

    # The room

    def offer_phone(self, session_id: str) -> str:
        """A code that joins one phone to this student's room scan. Raises Conflict."""
        session = self._checkins.checking(session_id, ROOM)
        if not self._checkins.is_at(session_id, ROOM):
            raise Conflict("A phone is joined while the room is shown. Begin that step first.")
        return self.cameras.offer(session_id, keeps=self._keeps(session, ROOM))

    def without_phone(self, session_id: str) -> dict[str, Any]:
        """The room is shown with the computer's camera after all: the phone is let go."""
        self._checkins.checking(session_id, ROOM)
        self.cameras.over(session_id)
        return self._checkins.begin(session_id, ROOM)

    def finish_room(self, session_id: str, consent: str = "") -> dict[str, Any]:
        """The room was shown; pictures of a phone's scan are kept if that was agreed to.

        Raises Conflict when check-in is over, NotAllowed when other words were agreed to.
        """
        session = self._checkins.checking(session_id, ROOM)
        if session.check_in_done.get(ROOM) == "done" and not self.cameras.is_joined(session_id):
            return self._checkins.shown(session_id)
        stills = self.cameras.may_be_kept(session_id) if self._keeps(session, ROOM) else ()
        if consent and stills:
            agreed = self._agreed(session, ROOM, consent)
            if agreed is None:
                raise NotAllowed("What is kept of this scan has changed. Reload the page.")
            taken = [Taken(s.jpeg, s.taken_at, s.width, s.height, s.things) for s in stills]
            self.pictures.replace(session, ROOM, taken, agreed)
        else:
            self.pictures.withdraw(session_id, ROOM)
        shown = self._checkins.settle(session_id, ROOM)
        self.cameras.over(session_id)
        return shown

    def _keeps(self, session: SessionRecord, kind: str) -> bool:
        plan = self._rules.plan_of(session.exam_id)
        return not plan.is_practice and (kind == DOCUMENT or plan.keeps_room)

    def _agreed(self, session: SessionRecord, kind: str, version: str) -> ConsentText | None:
        return find_picture_consent(version, kind, self._rules.days_of(session.exam_id))
