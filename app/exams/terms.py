"""What an exam is scored by: its policy, and what single students are granted over it.

An exam nobody has set up is scored by the standard policy of the settings.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.clock import Clock
from app.errors import CandorError, InvalidInput, NotFound, SettingsError
from app.exams.records import ExamPlan
from app.ids import check_chosen_id
from app.policies import Overlay, policy_named, policy_of, with_overlay
from app.records import ExamRecord
from app.settings import Settings
from app.store import Repository
from scoring.policy import Policy, PolicyError, policy_to_dict

log = logging.getLogger(__name__)

STANDARD = "standard"
MOST_OVERLAYS = 5_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session is frozen with when it starts. `capture_screen` None is as the settings
    say."""

    policy: dict[str, object]
    capture_screen: bool | None = None
    shows_focus: bool = False


class Exams:
    """The exams that are set up. Thread-safe."""

    def __init__(self, settings: Settings, clock: Clock, repository: Repository) -> None:
        """Raises SettingsError when the standard policy of the settings is impossible."""
        self._settings = settings
        self._clock = clock
        self._repository = repository
        try:
            self._standard = policy_named(STANDARD, settings)
        except PolicyError as error:
            raise SettingsError(f"The policy in .env does not work: {error}") from None

    def get(self, exam_id: str) -> ExamRecord:
        """Raises NotFound for an exam that nobody has set up."""
        record = self._repository.exam(check_chosen_id(exam_id, "The exam id"))
        if record is None:
            raise NotFound("This exam is not set up: it is scored by the standard policy.")
        return record

    def put(
        self,
        exam_id: str,
        policy: str | dict[str, Any],
        overlays: Mapping[str, dict[str, Any]],
        capture_screen: bool | None,
        plan: ExamPlan | None = None,
    ) -> ExamRecord:
        """Set an exam up, replacing what it was. Sessions that have started keep what they have;
        without a `plan` the exam keeps the one it has.

        Raises InvalidInput with a sentence per wrong name or value, NotFound for a preset that
        does not exist.
        """
        exam = check_chosen_id(exam_id, "The exam id")
        self.policy(policy)
        if len(overlays) > MOST_OVERLAYS:
            raise InvalidInput(f"An exam has grants for at most {MOST_OVERLAYS} students.")
        granted: dict[str, dict[str, object]] = {}
        for user_id, grants in overlays.items():
            user = check_chosen_id(user_id, "A user id in overlays")
            granted[user] = overlay_of(grants, f"overlays.{user}").model_dump(exclude_unset=True)
        if plan is None:
            known = self._repository.exam(exam)
            plan = known.plan if known else ExamPlan()
        record = ExamRecord(exam, policy, granted, self._clock.now(), capture_screen, plan)
        self._repository.save_exam(record)
        log.info("Exam set up")
        return record

    def lets_walk_in(self, exam_id: str) -> bool:
        """Whether typing an id opens this exam, where no roster asks for more."""
        record = self._repository.exam(exam_id)
        allowed = record.plan.walk_in if record else None
        return self._settings.walk_in if allowed is None else allowed

    def has_walk_in(self) -> bool:
        """Whether typing an id opens any exam."""
        return self._settings.walk_in or any(
            record.plan.walk_in for record in self._repository.exams()
        )

    def policy(self, given: str | dict[str, Any]) -> Policy:
        """The policy of a preset's name or a document. Raises NotFound or InvalidInput."""
        if isinstance(given, str):
            return policy_named(given, self._settings)
        return policy_of(given)

    def terms(self, exam_id: str, user_id: str) -> Terms:
        """What this student's session of this exam is frozen with."""
        record = self._repository.exam(exam_id)
        if record is None:
            return Terms(policy_to_dict(self._standard))
        try:
            policy = self.policy(record.policy)
        except CandorError:
            # Nobody is kept from an exam because a preset's file was broken after it was named.
            log.exception("The policy of an exam cannot be read; the standard one stands in")
            policy = self._standard
        grants = record.overlays.get(user_id)
        if grants:
            policy = with_overlay(policy, overlay_of(grants, "overlays"))
        return Terms(policy_to_dict(policy), record.capture_screen, record.plan.shows_focus)

    def grants(self, exam_id: str, user_id: str) -> Overlay:
        """What this student is granted over the exam's rules; nothing where nothing was said."""
        record = self._repository.exam(exam_id)
        granted = record.overlays.get(user_id) if record is not None else None
        return overlay_of(granted or {}, "overlays")


def overlay_of(given: Mapping[str, object], where: str) -> Overlay:
    """What one student is granted. Raises InvalidInput, one sentence per wrong name or value."""
    try:
        return Overlay.model_validate(given)
    except ValidationError as error:
        lines = [f"{where}.{_path(each['loc'])}: {each['msg']}." for each in error.errors()]
        raise InvalidInput("\n".join(lines)) from None


def _path(parts: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in parts)
