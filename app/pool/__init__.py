"""Who analyses: workers that turn frames and sound into observations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from app.intake.mailbox import Mailbox
from detectors.messages import AnalysisResult, DetectorStatus


class InferencePool(Protocol):
    """Analyses what waits in the mailboxes of open sessions, each session in order.

    Every method may be called from any thread and returns without waiting for a worker,
    except `stop`.
    """

    def start(self, on_result: Callable[[AnalysisResult], None]) -> None:
        """Begin; `on_result` is called from the pool's own threads, in order per session."""
        ...

    def stop(self) -> None:
        """End all workers; what waits is not analysed any more."""
        ...

    def open(self, session_id: str, mailbox: Mailbox, detectors: frozenset[str]) -> None:
        """Serve this session from now on. Opening it again takes the new mailbox."""
        ...

    def close(self, session_id: str) -> None:
        """Forget the session; a result that is still on its way is dropped."""
        ...

    def notify(self, session_id: str) -> None:
        """There is work in the mailbox of this session."""
        ...

    def want_thumbnails(self, session_ids: frozenset[str]) -> None:
        """Make small pictures for these sessions, and for no others."""
        ...

    def want_sound(self, session_ids: frozenset[str]) -> None:
        """Bring coded sound of these sessions as PCM, and of no others."""
        ...

    def statuses(self) -> tuple[DetectorStatus, ...]:
        """Which detectors work on this machine, and the remedy where one does not."""
        ...

    def costs(self) -> dict[str, float]:
        """CPU milliseconds the workers have spent on each step since the start."""
        ...

    def counters(self) -> dict[str, int]:
        """What was done, dropped and restarted since the start."""
        ...
