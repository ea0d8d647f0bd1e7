"""What never arrived of one session, and why.

Belongs to the session's track, and with it to the monitor's thread. A gap that what comes late
fills is gone again.
"""

from __future__ import annotations

from collections import defaultdict

from app.clock import SessionTime
from app.intake.seen import Seen, Span
from app.intake.state import Line, StreamState
from app.monitoring.surroundings import Surroundings
from app.records import Gap, GapCause, SessionRecord

# The newest pictures are this much on their way; what is missing of them is no gap yet.
UNDERWAY_S = 4.0
# A gap that is open at this distance from now is the one that lasts.
OPEN_S = 8.0
STORED_S = 15.0
SOON_S = 5.0
_MOST_NOTES = 2_000
_MOST_GAPS = 500


class Gaps:
    """The gaps of one session, as far as they are known at the last `hear`."""

    def __init__(self, session: SessionRecord, time: SessionTime, around: Surroundings) -> None:
        self._session_id = session.session_id
        self._time = time
        self._around = around
        self._stored: tuple[Gap, ...] = session.gaps
        self._stored_s = time.now_s()
        self._lies = session.clock_lies
        opened_s = time.now_s()
        until_s = session.gaps_until_s
        self._seen = Seen(_between(session.gaps, until_s)) if until_s > 0 else Seen()
        self._notes: list[tuple[float, float, GapCause]] = [
            (gap.from_s, gap.to_s, gap.cause) for gap in session.gaps
        ]
        if until_s > 0:
            self._note(until_s, opened_s, GapCause.SERVER)
        self._heard_s = opened_s
        self._absences = 0
        self.found: tuple[Gap, ...] = session.gaps
        self.until_s = until_s

    @property
    def open(self) -> Gap | None:
        """The gap that lasts now."""
        last = self.found[-1] if self.found else None
        return last if last is not None and self.until_s - last.to_s < 0.001 else None

    def hear(self, stream: StreamState | None) -> None:
        """How the stream is now; what is news is stored soon."""
        now_s = self._time.now_s()
        self._note(self._heard_s, now_s, _cause_now(stream, now_s))
        self._heard_s = now_s
        if stream is not None:
            for span in stream.seen:
                self._seen.add(*span)
            for absence in stream.absences[self._absences :]:
                self._note(absence.from_s, absence.to_s, GapCause(absence.cause))
            self._absences = len(stream.absences)
            self._lies = max(self._lies, stream.clock_lies)
        self.until_s = max(0.0, now_s - UNDERWAY_S)
        holes = self._seen.holes(self.until_s)[-_MOST_GAPS:]
        self.found = tuple(
            Gap(round(from_s, 2), round(to_s, 2), self._cause(from_s, to_s))
            for from_s, to_s in holes
        )
        if self.found != self._stored or now_s >= self._stored_s + STORED_S:
            self.store(SOON_S)

    def store(self, within_s: float) -> None:
        """Store what never arrived, and up to when that is known."""
        self._stored, self._stored_s = self.found, self._time.now_s()
        fields = {"gaps": self.found, "gaps_until_s": self.until_s, "clock_lies": self._lies}
        self._around.outbox.put(
            (self._session_id, "gaps"),
            lambda: self._around.store.update_session(self._session_id, **fields),
            within_s=within_s,
        )

    def _note(self, from_s: float, to_s: float, cause: GapCause) -> None:
        """Remember what would explain a gap in this stretch."""
        if to_s <= from_s:
            return
        last = self._notes[-1] if self._notes else None
        if last is not None and last[2] is cause and abs(last[1] - from_s) < 0.001:
            self._notes[-1] = (last[0], to_s, cause)
        else:
            self._notes.append((from_s, to_s, cause))
        del self._notes[:-_MOST_NOTES]

    def _cause(self, from_s: float, to_s: float) -> GapCause:
        """What explains most of a hole; what the page itself says comes first."""
        shares = defaultdict[GapCause, float](float)
        for start_s, end_s, cause in self._notes:
            common_s = min(to_s, end_s) - max(from_s, start_s)
            if common_s > 0:
                weight = 2.0 if cause in _TOLD else 1.0
                shares[cause] += weight * common_s
        return max(shares, key=lambda cause: shares[cause], default=GapCause.LINE)


_TOLD = frozenset({GapCause.ASLEEP, GapCause.FROZEN, GapCause.THINNED})


def _cause_now(stream: StreamState | None, now_s: float) -> GapCause:
    """What would explain a gap at this moment."""
    if stream is None or stream.line is Line.DOWN:
        return GapCause.LINE
    if stream.browser.camera is False:
        return GapCause.CAMERA_OFF
    is_behind = now_s - stream.complete_s > OPEN_S
    return GapCause.LINE if is_behind or stream.line is Line.SLOW else GapCause.CAMERA_OFF


def _between(gaps: tuple[Gap, ...], until_s: float) -> list[Span]:
    """What was seen of [0, until_s] when these gaps are all that is missing."""
    spans, at_s = [], 0.0
    for gap in gaps:
        if gap.from_s > at_s:
            spans.append((at_s, gap.from_s))
        at_s = max(at_s, gap.to_s)
    if until_s > at_s:
        spans.append((at_s, until_s))
    return spans
