"""What was sent of each running session, and events on their way. Belongs to the live rooms."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from app.monitoring.views import SessionView, point_of

# A score that rises does not wait for its turn. Students send each second, and what is new follows
# their rhythm: whoever waits for a verdict a moment longer does not miss it by a moment.
RISE_S = 0.2
VERDICT_S = 0.8
WITHOUT_S = 1.25
# Six hours of a plot.
TREND_S = 10.0
TREND = 2160


@dataclass(slots=True)
class Shown:
    """What was sent of one session, and when it may be sent again."""

    view: SessionView
    sent_s: float = float("-inf")
    updated: SessionView | None = None
    frame_at_s: float | None = None
    status_due_s: float = 0.0
    status: dict[str, Any] = field(default_factory=dict)
    row: dict[str, Any] = field(default_factory=dict)
    trend: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=TREND))
    group: str = ""
    trend_due_s: float = 0.0

    def take(self, view: SessionView) -> None:
        """The newest view."""
        self.view = view
        if view.at_s >= self.trend_due_s:
            self.trend_due_s = view.at_s + TREND_S
            self.trend.append(point_of(view))

    def is_update_due(self, now_s: float) -> bool:
        """Whether those who look at the session are to be sent what is newest."""
        if self.has_risen:
            return now_s >= self.sent_s + RISE_S
        return now_s >= self.sent_s + (VERDICT_S if self._has_verdict else WITHOUT_S)

    @property
    def _has_verdict(self) -> bool:
        """Whether a picture was judged that is newer than the one they were sent."""
        overlay = self.view.overlay
        if overlay is None or self.updated is None:
            return False
        return self.updated.overlay is None or overlay.at_s > self.updated.overlay.at_s

    @property
    def has_risen(self) -> bool:
        """Whether the score is higher than what those who look at the session were sent."""
        return self.updated is not None and _height(self.view) > _height(self.updated)

    @property
    def row_has_risen(self) -> bool:
        """Whether the score is higher than what the wall was sent."""
        scores = self.view.scores
        sent = (self.row.get("total_score", 0.0), self.row.get("flagged_intervals", 0))
        return (scores.total_score, scores.flagged_intervals) > sent


@dataclass(frozen=True, slots=True)
class Told:
    """An event on its way to a room and to the walls that show its exam."""

    session_id: str
    exam_id: str
    room: str
    event: dict[str, Any]


def _height(view: SessionView) -> tuple[float, int]:
    return view.scores.total_score, view.scores.flagged_intervals
