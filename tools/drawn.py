"""Drawn students and rooms, so that demonstrations and screenshots need nobody's picture.

Everything is computed from the numbers below: no photograph, font or model is involved.
Pictures are uint8 (480, 640, 3), BGR.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 480

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]
Colour = tuple[float, float, float]

_LIGHT = np.array([-0.35, -0.45, 0.82], np.float32)
# Height in pixels and colour of each book on the shelf.
_BOOKS: tuple[tuple[int, Colour], ...] = (
    (56, (70, 70, 150)),
    (64, (120, 90, 60)),
    (48, (60, 120, 130)),
    (60, (90, 130, 80)),
    (52, (60, 60, 60)),
    (66, (150, 110, 90)),
    (58, (80, 100, 170)),
)
_SOFTEN_PX = 1.1
_GRAIN = 2.5


@dataclass(frozen=True, slots=True)
class Look:
    """What one drawn person looks like; colours are BGR, 0 to 255."""

    skin: Colour = (128, 166, 218)
    hair: Colour = (34, 42, 56)
    eyes: Colour = (52, 84, 110)
    shirt: Colour = (128, 88, 58)


LOOKS = (
    Look(),
    Look(skin=(72, 104, 156), hair=(18, 20, 26), eyes=(28, 44, 66), shirt=(74, 120, 84)),
    Look(skin=(146, 184, 234), hair=(70, 120, 168), eyes=(140, 120, 70), shirt=(92, 70, 140)),
    Look(skin=(52, 78, 122), hair=(14, 14, 18), eyes=(22, 34, 50), shirt=(60, 140, 190)),
)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a person is and looks.

    `x` and `y` are the middle of the face in pixels, `size` half its height in pixels. `look_x`
    and `look_y` move the irises, -1 (image-left, up) to 1. `is_blinking` closes the eyes.
    """

    x: float = 320.0
    y: float = 215.0
    size: float = 105.0
    look_x: float = 0.0
    look_y: float = 0.0
    is_blinking: bool = False


def draw_room(light: float = 1.0) -> Picture:
    """An empty study: wall, window, shelf with books, the back of a chair."""
    return _finish(_room(), light)


def _room() -> NDArray[np.float32]:
    canvas = np.empty((HEIGHT, WIDTH, 3), np.float32)
    rows = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None]
    columns = np.linspace(0, 1, WIDTH, dtype=np.float32)[None, :]
    glow = 1.06 - 0.22 * rows - 0.12 * np.abs(columns - 0.2)
    canvas[:] = glow[..., None] * np.array([196, 204, 208], np.float32)
    _box(canvas, (40, 50, 190, 210), (150, 160, 168))
    _box(canvas, (50, 60, 112, 200), (232, 214, 186))
    _box(canvas, (118, 60, 180, 200), (236, 220, 194))
    _box(canvas, (452, 150, 620, 158), (70, 96, 128))
    for number, (height, colour) in enumerate(_BOOKS):
        left = 462 + number * 21
        _box(canvas, (left, 150 - height, left + 17, 150), colour)
    _box(canvas, (232, 330, 408, 480), (84, 74, 66))
    _box(canvas, (244, 344, 396, 480), (104, 92, 82))
    return canvas


def draw_students(people: Sequence[tuple[Pose, Look]], light: float = 1.0) -> Picture:
    """The room with people in it, the last one in front. Without grain: `Camera` adds it."""
    canvas = _room()
    for pose, look in people:
        _draw_person(canvas, pose, look)
    return _finish(canvas, light)


class Camera:
    """What a camera makes of a drawing: grain that changes, and a hand's breadth of sway."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        shape = (HEIGHT * 2, WIDTH * 2, 1)
        self._grain = np.rint(self._random.normal(0, _GRAIN, shape)).astype(np.int16)

    def take(self, drawing: Picture, at_s: float) -> Picture:
        """The picture of second `at_s`."""
        shift_x = 2.5 * math.sin(at_s * 0.9) + 1.5 * math.sin(at_s * 2.3)
        shift_y = 1.5 * math.sin(at_s * 1.7)
        shift = np.array([[1, 0, shift_x], [0, 1, shift_y]], np.float32)
        moved = cv2.warpAffine(drawing, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        top, left = self._random.integers(0, (HEIGHT, WIDTH))
        grain = self._grain[top : top + HEIGHT, left : left + WIDTH]
        return np.asarray(np.clip(moved.astype(np.int16) + grain, 0, 255), np.uint8)


def _draw_person(canvas: NDArray[np.float32], pose: Pose, look: Look) -> None:
    across, down = _face_grid(pose)
    _draw_body(canvas, look, across, down)
    _blend(canvas, _ellipse(across, down, 0.0, -0.12, 0.86, 1.02), look.hair, across, down)
    for side in (-1.0, 1.0):
        _blend(canvas, _ellipse(across, down, side * 0.78, 0.02, 0.1, 0.2), look.skin, across, down)
    _draw_skull(canvas, look, across, down)
    for side in (-1.0, 1.0):
        _draw_eye(canvas, pose, look, across, down, side)
    _draw_nose(canvas, look, across, down)
    _draw_mouth(canvas, look, across, down)


def _face_grid(pose: Pose) -> tuple[Plane, Plane]:
    """Coordinates in half face heights: (0, 0) is the middle of the face, y grows downwards."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return (across - pose.x) / pose.size, (down - pose.y) / pose.size


def _draw_body(canvas: NDArray[np.float32], look: Look, across: Plane, down: Plane) -> None:
    shoulders = _ellipse(across, down, 0.0, 2.55, 1.95, 1.25)
    _blend(canvas, shoulders, look.shirt, across / 2, (down - 2.2) / 2)
    neck = _ellipse(across, down, 0.0, 1.05, 0.4, 0.6)
    _blend(canvas, neck, _scaled(look.skin, 0.72), across, down - 0.6)


def _draw_skull(canvas: NDArray[np.float32], look: Look, across: Plane, down: Plane) -> None:
    # Narrower towards the chin.
    width = 0.74 - 0.16 * np.clip(down, 0, 1) ** 1.5
    face = np.clip((1 - ((across / width) ** 2 + ((down - 0.04) / 0.97) ** 2)) * 14, 0, 1).astype(
        np.float32
    )
    hairline = np.clip((down + 0.62 - 0.12 * np.cos(across * 2.2)) * 10, 0, 1)
    _blend(canvas, (face * hairline).astype(np.float32), look.skin, across * 1.1, down * 0.8)
    _tint(canvas, _soft(across, down, 0.33, 0.28, 0.2), _scaled(look.skin, 1.06), 0.35)
    _tint(canvas, _soft(across, down, -0.33, 0.28, 0.2), _scaled(look.skin, 1.06), 0.35)
    _tint(canvas, _soft(across, down, 0.0, 0.78, 0.12), _scaled(look.skin, 1.08), 0.4)
    _tint(canvas, _soft(across, down, 0.0, 0.63, 0.08), _scaled(look.skin, 0.8), 0.4)


def _draw_eye(
    canvas: NDArray[np.float32], pose: Pose, look: Look, across: Plane, down: Plane, side: float
) -> None:
    x, y = side * 0.32, -0.1
    _tint(canvas, _soft(across, down, x, y, 0.19), _scaled(look.skin, 0.72), 0.55)
    lift = 0.03 * np.cos((across - x) * 9)
    brow = _ellipse(across, down + lift, x * 1.04, y - 0.2, 0.2, 0.035)
    _paint(canvas, brow, look.hair)
    _tint(canvas, _soft(across, down, x, y - 0.1, 0.07), _scaled(look.skin, 1.05), 0.5)
    if pose.is_blinking:
        _paint(canvas, _ellipse(across, down, x, y + 0.02, 0.15, 0.016), _scaled(look.skin, 0.4))
        return
    almond = _ellipse(across, down, x, y - 0.055, 0.175, 0.13) * _ellipse(
        across, down, x, y + 0.055, 0.175, 0.13
    )
    _paint(canvas, _ellipse(across, down, x, y - 0.008, 0.168, 0.092), _scaled(look.skin, 0.42))
    _paint(canvas, almond, (226, 228, 230))
    iris_x, iris_y = x + pose.look_x * 0.075, y + pose.look_y * 0.04
    iris = _ellipse(across, down, iris_x, iris_y, 0.074, 0.074)
    _paint(canvas, iris * almond, look.eyes)
    _paint(canvas, _ellipse(across, down, iris_x, iris_y, 0.034, 0.034) * almond, (14, 14, 16))
    _paint(
        canvas,
        _ellipse(across, down, iris_x - 0.024, iris_y - 0.026, 0.014, 0.014) * almond,
        (250, 250, 250),
    )


def _draw_nose(canvas: NDArray[np.float32], look: Look, across: Plane, down: Plane) -> None:
    bridge = np.exp(-((across / 0.055) ** 2)) * np.clip((down + 0.12) * 8, 0, 1)
    bridge *= np.clip((0.32 - down) * 8, 0, 1)
    _tint(canvas, bridge.astype(np.float32), _scaled(look.skin, 1.16), 0.5)
    flank = np.exp(-(((across - 0.11) / 0.06) ** 2)) * np.clip((down + 0.1) * 5, 0, 1)
    flank *= np.clip((0.36 - down) * 8, 0, 1)
    _tint(canvas, flank.astype(np.float32), _scaled(look.skin, 0.72), 0.5)
    _tint(canvas, _soft(across, down, 0.0, 0.27, 0.085), _scaled(look.skin, 1.12), 0.6)
    _tint(canvas, _soft(across, down, 0.0, 0.38, 0.07), _scaled(look.skin, 0.68), 0.6)
    for side in (-1.0, 1.0):
        _tint(canvas, _soft(across, down, side * 0.13, 0.29, 0.045), _scaled(look.skin, 0.86), 0.7)
        _paint(
            canvas,
            _ellipse(across, down, side * 0.068, 0.345, 0.038, 0.02),
            _scaled(look.skin, 0.42),
        )


def _draw_mouth(canvas: NDArray[np.float32], look: Look, across: Plane, down: Plane) -> None:
    lips = (look.skin[0] * 0.72, look.skin[1] * 0.62, min(255.0, look.skin[2] * 0.92))
    bow = 0.012 * np.cos(across * 26) * np.exp(-((across / 0.09) ** 2))
    _paint(canvas, _ellipse(across, down + bow, 0.0, 0.515, 0.22, 0.05), _scaled(lips, 0.88))
    _paint(canvas, _ellipse(across, down, 0.0, 0.565, 0.18, 0.055), lips)
    _tint(canvas, _soft(across, down, 0.0, 0.575, 0.05), _scaled(lips, 1.2), 0.4)
    curve = 0.06 * across**2
    _paint(canvas, _ellipse(across, down + curve, 0.0, 0.54, 0.19, 0.012), _scaled(lips, 0.4))


def _ellipse(across: Plane, down: Plane, x: float, y: float, width: float, height: float) -> Plane:
    """1 inside, 0 outside, soft at the rim."""
    distance = np.sqrt(((across - x) / width) ** 2 + ((down - y) / height) ** 2)
    rim = 0.018 / min(width, height)
    return np.asarray(np.clip((1 - distance) / rim + 0.5, 0, 1), np.float32)


def _soft(across: Plane, down: Plane, x: float, y: float, radius: float) -> Plane:
    """A spot that fades out."""
    squared = (across - x) ** 2 + (down - y) ** 2
    return np.asarray(np.exp(-squared / (radius * radius)), np.float32)


def _blend(
    canvas: NDArray[np.float32], mask: Plane, colour: Colour, across: Plane, down: Plane
) -> None:
    """Paint a rounded, lit surface."""
    height = np.sqrt(np.clip(1 - across**2 - down**2, 0.02, 1))
    lit = across * _LIGHT[0] + down * _LIGHT[1] + height * _LIGHT[2]
    shade = (0.62 + 0.46 * np.clip(lit, -0.2, 1)).astype(np.float32)
    surface = shade[..., None] * np.array(colour, np.float32)
    canvas += mask[..., None] * (surface - canvas)


def _paint(canvas: NDArray[np.float32], mask: Plane, colour: Colour) -> None:
    canvas += mask[..., None] * (np.array(colour, np.float32) - canvas)


def _tint(canvas: NDArray[np.float32], mask: Plane, colour: Colour, strength: float) -> None:
    _paint(canvas, (mask * strength).astype(np.float32), colour)


def _scaled(colour: Colour, factor: float) -> Colour:
    return (
        min(255.0, colour[0] * factor),
        min(255.0, colour[1] * factor),
        min(255.0, colour[2] * factor),
    )


def _box(canvas: NDArray[np.float32], corners: tuple[int, int, int, int], colour: Colour) -> None:
    left, top, right, bottom = corners
    canvas[top:bottom, left:right] = colour


def _finish(canvas: NDArray[np.float32], light: float) -> Picture:
    softened = cv2.GaussianBlur(canvas, (0, 0), _SOFTEN_PX)
    return np.asarray(np.clip(softened * light, 0, 255), np.uint8)
