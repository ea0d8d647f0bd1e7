"""What happens in front of a camera in one compressed session, second by second, and the pictures
and sound that say it to scripted detectors.
"""

from __future__ import annotations

import json
import random
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from detectors.scripted import PICTURE_PREFIX

LENGTH_S = 100
INTERVAL_S = 30
FPS = 4
HONEST: dict[str, Any] = {"face": "one", "gaze": "center", "objects": "clear", "camera": "ok"}

# What one episode says instead, and which event comes with it.
EPISODES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"objects": "phone"}, ""),
    ({"face": "several"}, ""),
    ({"face": "none"}, "paste"),
    ({"gaze": "left"}, "copy"),
)
# Episodes keep this far from the ends of a check, so that a second more or less changes nothing.
MARGIN_S = 2.0
EPISODE_S = 5.0


@dataclass(frozen=True, slots=True)
class Happening:
    """A screen event at a second of the session."""

    event_id: str
    kind: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Episode:
    """What is seen from one second to another."""

    from_s: float
    to_s: float
    script: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """All of one session. The same number tells the same story."""

    number: int
    episodes: tuple[Episode, ...]
    events: tuple[Happening, ...]
    length_s: int = LENGTH_S

    def picture(self, at_s: float) -> bytes:
        """The JPEG of the camera at a second of the session."""
        script = dict(HONEST)
        for episode in self.episodes:
            if episode.from_s <= at_s < episode.to_s:
                script |= episode.script
        return _jpeg(json.dumps(script), round(at_s * FPS))


def tell(number: int, length_s: int = LENGTH_S) -> Story:
    """The story of that number: in each interval an episode, and now and then an event."""
    chance = random.Random(number)  # noqa: S311 - the same number must tell the same story
    episodes, events = [], []
    for interval in range(length_s // INTERVAL_S):
        script, kind = chance.choice(EPISODES)
        check_s = interval * INTERVAL_S + 10 * chance.randrange(3)
        from_s = check_s + MARGIN_S + chance.random()
        episodes.append(Episode(from_s, from_s + EPISODE_S, script))
        if kind:
            events.append(Happening(f"{number}-{interval}", kind, check_s + 5.0))
        else:
            away_s = interval * INTERVAL_S + 24.0
            events.append(Happening(f"{number}-{interval}-a", "tab_hidden", away_s))
            events.append(Happening(f"{number}-{interval}-b", "focus_returned", away_s + 2))
    return Story(number, tuple(episodes), tuple(events), length_s)


@lru_cache(maxsize=4_000)
def _jpeg(script: str, number: int) -> bytes:
    picture = np.full((48, 64, 3), (150, 140, 120), np.uint8)
    cv2.putText(picture, str(number), (2, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
    done, coded = cv2.imencode(".jpg", picture)
    if not done:
        raise ValueError("The picture could not be encoded.")
    jpeg = coded.tobytes()
    comment = PICTURE_PREFIX + script.encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]
