"""What a student should change so that the camera sees the face well. Pure.

Directions are the student's own: a face at image-left belongs to somebody who sits too far to
their right.
"""

from __future__ import annotations

from dataclasses import dataclass

from detectors.messages import Box, Overlay

NARROWEST, WIDEST = 0.15, 0.64
LEFTMOST, RIGHTMOST = 0.34, 0.66
HIGHEST, LOWEST = 0.24, 0.68
MOST_YAW_DEG, MOST_PITCH_UP_DEG, MOST_PITCH_DOWN_DEG = 16.0, 20.0, 16.0
# A picture darker than this on the whole costs the detectors certainty.
DIM = 55.0
STILL = 0.035

WORDS = {
    "none": "Sit in front of the camera, so that your face is in the oval.",
    "several": "Another person can be seen. You have to be alone; ask them to leave the room.",
    "dark": "It is too dark. Switch on a light in front of you.",
    "closer": "Come a little closer.",
    "farther": "Move back a little.",
    "left": "Move a little to your left.",
    "right": "Move a little to your right.",
    "up": "Sit a little higher, or tilt the camera down.",
    "down": "Sit a little lower, or tilt the camera up.",
    "straighten": "Turn your face straight to the camera.",
    "still": "Hold still for a moment.",
    "good": "Good. Stay like this.",
}


@dataclass(frozen=True, slots=True)
class Guidance:
    """`word` is one of WORDS, or `advice` for what the detectors say themselves."""

    word: str
    text: str

    @property
    def is_good(self) -> bool:
        return self.word == "good"


def guide(overlay: Overlay, before: Overlay | None = None) -> Guidance:
    """What to change first; `before` is the verdict before, to see whether the head moves."""
    faces = [box for box in overlay.boxes if box.label == "face"]
    if not overlay.faces or not faces:
        return Guidance("advice", overlay.advice) if overlay.advice else _say("none")
    if overlay.faces > 1:
        return _say("several")
    face = max(faces, key=lambda box: box.width)
    return _say(_place(face) or _light(overlay) or _turn(overlay) or _movement(face, before))


def _say(word: str) -> Guidance:
    return Guidance(word, WORDS[word])


def _place(face: Box) -> str:
    x, y = face.x + face.width / 2, face.y + face.height / 2
    if face.width < NARROWEST:
        return "closer"
    if face.width > WIDEST:
        return "farther"
    if x < LEFTMOST:
        return "left"
    if x > RIGHTMOST:
        return "right"
    if y < HIGHEST:
        return "down"
    return "up" if y > LOWEST else ""


def _light(overlay: Overlay) -> str:
    return "dark" if overlay.brightness is not None and overlay.brightness < DIM else ""


def _turn(overlay: Overlay) -> str:
    yaw, pitch = overlay.yaw_deg or 0.0, overlay.pitch_deg or 0.0
    is_straight = abs(yaw) <= MOST_YAW_DEG and -MOST_PITCH_DOWN_DEG <= pitch <= MOST_PITCH_UP_DEG
    return "" if is_straight else "straighten"


def _movement(face: Box, before: Overlay | None) -> str:
    faces = [box for box in before.boxes if box.label == "face"] if before else []
    if not faces:
        return "good"
    last = max(faces, key=lambda box: box.width)
    moved = max(abs(face.x - last.x), abs(face.y - last.y))
    return "still" if moved > STILL else "good"
