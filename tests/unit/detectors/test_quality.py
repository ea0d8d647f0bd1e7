"""Whether a picture in which nobody was found can be believed."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from detectors.arrays import Pixels
from detectors.base import Costs, View
from detectors.face import FaceStream
from detectors.picture import Picture
from detectors.quality import measure, noise, unfit_reason
from scoring.model import Observation
from tools.evaluation.media import encode


def _room(seed: int = 1) -> Pixels:
    """Shelves and a carpet with fine texture, a plain wall, a window that is not too bright."""
    rng = np.random.default_rng(seed)
    room = np.full((480, 640, 3), 150, np.uint8)
    room[320:] = rng.integers(60, 140, (160, 640, 1), np.uint8)
    for left in range(40, 240, 30):
        cv2.rectangle(room, (left, 60), (left + 20, 220), (60, 90, 40 + left // 2), -1)
    cv2.rectangle(room, (420, 40), (600, 240), (190, 185, 180), -1)
    return np.asarray(room, np.uint8)


def _noisy(sigma: float) -> Callable[[Pixels], Pixels]:
    def alter(rgb: Pixels) -> Pixels:
        grain = np.random.default_rng(0).normal(0, sigma, rgb.shape)
        return np.asarray(np.clip(rgb + grain, 0, 255), np.uint8)

    return alter


def _canvas(rgb: Pixels) -> Pixels:
    """The same noise, but most of the picture is a black border that shows none of it."""
    noisy = _noisy(20)(rgb)
    noisy[:, :200] = noisy[:, 440:] = 0
    return noisy


def _blurred(rgb: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 5), np.uint8)


def _dark(rgb: Pixels) -> Pixels:
    return np.asarray(rgb // 8, np.uint8)


@pytest.mark.parametrize(
    ("alter", "quality", "reason"),
    [
        (lambda rgb: rgb, 80, ""),
        (_noisy(4), 80, ""),
        (_noisy(20), 80, "noisy"),
        (_canvas, 80, "noisy"),
        (_blurred, 80, "blurred"),
        (_dark, 80, "dark"),
        (lambda rgb: rgb, 20, "compressed"),
    ],
)
def test_a_picture_that_hides_people_has_its_reason(
    alter: Callable[[Pixels], Pixels], quality: int, reason: str
) -> None:
    sent = Picture(encode(alter(_room()), quality))
    assert unfit_reason(sent.full, measure(sent.full), sent.coarseness) == reason


def test_fine_texture_is_not_noise() -> None:
    carpet = np.random.default_rng(2).integers(40, 220, (240, 320), np.uint8)
    carpet[: 240 // 3] = 150
    assert noise(carpet) < 1


def _looked(stream: FaceStream, person: float | None, facelike: float = 0.0) -> Observation:
    picture = Picture(encode(_room(), 20))
    view = View(0.0, picture, Costs(), quality=measure(picture.full))
    view.faces, view.person_score, view.facelike = 0, person, facelike
    view.persons = None if person is None else int(person > 0.5)
    return stream.look(view)[0]


def test_a_coarse_picture_of_a_room_without_a_trace_of_a_person_is_empty() -> None:
    assert _looked(FaceStream(), 0.0).labels == ("none",)


@pytest.mark.parametrize(("person", "facelike"), [(0.1, 0.0), (0.0, 0.4), (None, 0.0)])
def test_a_coarse_picture_with_a_trace_of_a_person_is_not_judged(
    person: float | None, facelike: float
) -> None:
    said = _looked(FaceStream(), person, facelike)
    assert (said.judgeable, said.reason) == (False, "compressed")


def test_what_the_last_look_for_persons_said_holds_until_the_next() -> None:
    stream = FaceStream()
    assert _looked(stream, 0.0).labels == ("none",)
    assert _looked(stream, None).labels == ("none",)
    assert not _looked(stream, 0.1).judgeable
    assert not _looked(stream, None).judgeable
