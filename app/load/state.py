"""How the machine stands, for pages, programs and students' browsers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.load.headroom import Headroom
from app.load.ladder import RUNGS, Rung

WIDTH, HEIGHT = 640, 480
_FEWEST_FPS = 1.0


@dataclass(frozen=True, slots=True)
class LoadState:
    """The rung that holds and the figures of the last second. `analysis_fps` and `video_fps` are
    those of the whole rung."""

    analysis_fps: float
    video_fps: float
    index: int = 0
    headroom: Headroom = field(default_factory=lambda: Headroom(0))
    worker_busy: float = 0.0
    web_busy: float = 0.0
    wait_s: float = 0.0

    @property
    def rung(self) -> Rung:
        return RUNGS[self.index]

    @property
    def judged_fps(self) -> float:
        """Pictures a second that the detectors look at now, of each student."""
        return self.analysis_fps * self.rung.rate

    def says(self) -> str:
        """What is left out now, or nothing."""
        if not self.index:
            return ""
        judged = self.judged_fps
        rate = f"{judged:.2g} pictures a second"
        if judged <= 1:
            rate = "one picture a second" if judged == 1 else f"one picture in {1 / judged:.2g} s"
        return (
            f"There are more students than this machine holds: of each, {rate} is judged instead of"
            f" {self.analysis_fps:.2g}. Objects and identity are looked for more seldom, too. Sound"
            " and screen events are judged whole; what is not looked at shows as not observed."
        )

    def payload(self) -> dict[str, Any]:
        """The `load` event for those who look."""
        return {
            "rung": self.rung.name,
            "is_reduced": self.index > 0,
            "analysis_fps": round(self.judged_fps, 3),
            "says": self.says(),
        }

    def pace(self) -> dict[str, Any]:
        """What a student's browser is asked to send."""
        scale = 2 if self.rung.is_small else 1
        return {
            "video_fps": max(min(_FEWEST_FPS, self.video_fps), self.video_fps * self.rung.pictures),
            "width": WIDTH // scale,
            "height": HEIGHT // scale,
        }
