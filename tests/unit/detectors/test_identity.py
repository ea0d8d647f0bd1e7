"""When a face is compared, with an encoder that answers as told."""

from __future__ import annotations

import itertools
from typing import cast

import numpy as np
import pytest

from detectors.arrays import Pixels
from detectors.base import Costs, Mesh, View
from detectors.identity import CHECK_EVERY_S, Checked, IdentityDetector, IdentityStream
from detectors.picture import Picture
from detectors.quality import measure
from scoring.model import Observation

FPS = 2


class ToldDetector:
    """Takes every face for the person told; counts the comparisons."""

    def __init__(self) -> None:
        self.person = 0
        self.looks = 0
        self.reason = ""

    def embed(self, rgb: Pixels, mesh: Mesh, is_quick: bool = False, share: float = 1.0) -> Checked:
        self.looks += 1
        vector = np.zeros(128, np.float32)
        vector[self.person] = 1.0
        return Checked(vector, self.reason)


def mesh() -> Mesh:
    """Landmarks with eyes and mouth where a face in the middle of the picture has them."""
    points = np.tile(np.array([320, 240, 0], np.float32), (478, 1))
    for index, (x, y) in {33: (270, 200), 133: (300, 200), 362: (340, 200), 263: (370, 200),
                          61: (300, 290), 291: (340, 290), 234: (250, 240), 454: (390, 240),
                          10: (320, 140), 152: (320, 340)}.items():  # fmt: skip
        points[index, :2] = x, y
    return Mesh(points)


def face(seed: int) -> Pixels:
    """A pattern that stands for somebody's face."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 210, (30, 40, 3)).astype(np.uint8)
    return np.asarray(np.kron(small, np.ones((16, 16, 1), np.uint8)), np.uint8)


class Seat:
    """One session, seen at FPS."""

    def __init__(self) -> None:
        self.detector = ToldDetector()
        self.stream = IdentityStream(cast(IdentityDetector, self.detector))
        self.at_s = 0.0
        self.said: list[Observation] = []

    def sit(
        self, seconds: float, person: int, has_face: bool = True, patience: float = 1.0
    ) -> None:
        self.detector.person = person
        rgb = face(person)
        for _ in range(round(seconds * FPS)):
            view = View(self.at_s, Picture.of(rgb), Costs(), quality=measure(rgb))
            view.patience = patience
            if has_face:
                view.faces, view.mesh = 1, mesh()
            else:
                view.faces = 0
            self.said += self.stream.look(view)
            self.at_s += 1 / FPS

    def first(self, label: str, after_s: float = 0.0) -> float | None:
        return next((o.at_s for o in self.said if label in o.labels and o.at_s >= after_s), None)


@pytest.fixture
def seat() -> Seat:
    made = Seat()
    made.sit(5, person=1)
    return made


@pytest.mark.parametrize(("patience", "least_s", "most_s"), [(1.0, 2, 4), (3.0, 8, 20)])
def test_where_many_register_at_once_each_takes_more_time(
    patience: float, least_s: float, most_s: float
) -> None:
    seat = Seat()
    seat.sit(60, person=1, patience=patience)
    same_s = seat.first("same")
    assert same_s is not None
    assert least_s <= same_s <= most_s


def test_a_face_that_is_followed_is_seldom_compared_and_stays_the_same(seat: Seat) -> None:
    before = seat.detector.looks
    seat.sit(60, person=1)
    assert seat.detector.looks - before == 60 / CHECK_EVERY_S
    same = [o.at_s for o in seat.said if "same" in o.labels]
    assert max(b - a for a, b in itertools.pairwise(same)) <= 5.5


def test_under_strain_a_face_is_compared_half_as_often(seat: Seat) -> None:
    before = seat.detector.looks
    seat.sit(60, person=1, patience=2.0)
    assert seat.detector.looks - before == 60 / CHECK_EVERY_S / 2
    seat.sit(60, person=2, patience=2.0)
    assert seat.first("other", 65.0) is not None


def test_an_exchanged_face_is_noticed_at_once_without_a_break_in_the_track(seat: Seat) -> None:
    seat.sit(20.5, person=1)
    at_s = seat.at_s
    seat.sit(5, person=2)
    noticed = seat.first("other", at_s)
    assert noticed is not None
    assert noticed - at_s <= 2.0


def test_a_face_that_was_lost_is_compared_at_once(seat: Seat) -> None:
    seat.sit(20.5, person=1)
    seat.sit(2, person=1, has_face=False)
    before, at_s = seat.detector.looks, seat.at_s
    seat.sit(0.5, person=1)
    assert seat.detector.looks == before + 1
    assert seat.first("same", at_s) == at_s


def test_a_turned_head_can_be_found_the_same_and_never_another(seat: Seat) -> None:
    seat.detector.reason = "turned"
    at_s = seat.at_s
    seat.sit(20, person=1)
    assert seat.first("same", at_s) is not None
    at_s = seat.at_s
    seat.sit(20, person=2)
    said = [o for o in seat.said if o.at_s >= at_s]
    assert {label for o in said for label in o.labels} <= {"same"}
    assert [o.reason for o in said if not o.judgeable][-1] == "turned"
