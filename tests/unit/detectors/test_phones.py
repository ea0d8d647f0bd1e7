"""How several views of one picture are weighed, with a model that answers as told."""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import Any, cast

import numpy as np
import pytest

from detectors.arrays import Pixels
from detectors.base import Costs, View
from detectors.objects import CALM_S, REPEAT_S, ObjectsStream
from detectors.phones import PhoneFinder
from detectors.picture import Picture
from detectors.quality import measure
from detectors.yolo import PHONE, Found, ObjectFinder

PICTURE = np.full((480, 640, 3), 90, np.uint8)


def calm(at_s: float, rgb: Pixels = PICTURE) -> View:
    """The picture with its measures, as the analyzer hands it on."""
    return View(at_s, Picture.of(rgb), Costs(), quality=measure(rgb))


class ToldFinder:
    """Finds a phone with the given score in each pass; counts the passes."""

    is_yolox = False

    def __init__(self, *scores: float) -> None:
        self.scores = scores
        self.passes = 0

    def find(self, rgb: Pixels, kinds: tuple[int, ...], lowest: float = 0.03) -> Any:
        score = self.scores[self.passes % len(self.scores)]
        self.passes += 1
        return (Found(PHONE, score, 10, 10, 60, 110),) if score >= lowest else ()


def phones(finder: ToldFinder) -> PhoneFinder:
    return PhoneFinder(cast(ObjectFinder, finder))


def test_views_that_agree_outweigh_one_that_is_sure() -> None:
    agreed = phones(ToldFinder(0.15)).look(PICTURE, (), Costs(), is_thorough=True)
    alone = phones(ToldFinder(0.9, 0, 0, 0, 0, 0)).look(PICTURE, (), Costs(), is_thorough=True)
    assert agreed.score > alone.score


def test_a_calm_picture_costs_one_pass() -> None:
    finder = ToldFinder(0.0)
    look = phones(finder).look(PICTURE, (), Costs(), is_thorough=False)
    assert finder.passes == 1
    assert look.score == 0.0
    assert look.box is None


@pytest.mark.parametrize("fps", [1, 2, 5, 15])
def test_a_calm_room_is_looked_at_seldom_at_every_frame_rate(fps: int) -> None:
    finder = ToldFinder(0.0)
    stream = ObjectsStream(phones(finder))
    said = [stream.look(View(step / fps, Picture.of(PICTURE), Costs())) for step in range(30 * fps)]
    assert finder.passes == ceil(30 / CALM_S)
    assert {o.labels for found in said for o in found} == {("clear",)}


@pytest.mark.parametrize("fps", [1, 2, 5, 15])
def test_an_unchanged_room_stays_observed_between_two_looks(fps: int) -> None:
    stream = ObjectsStream(phones(ToldFinder(0.0)))
    said = [o for step in range(30 * fps) for o in stream.look(calm(step / fps))]
    assert max(b.at_s - a.at_s for a, b in pairwise(said)) <= REPEAT_S + 0.01
    assert {o.labels for o in said} == {("clear",)}


def test_a_change_beside_the_head_ends_what_was_known_and_is_looked_at() -> None:
    finder = ToldFinder(0.0)
    stream = ObjectsStream(phones(finder))
    stream.look(calm(0.0))
    stream.look(calm(3.0))
    assert finder.passes == 1
    changed = PICTURE.copy()
    changed[300:, 400:] = 200
    stream.look(calm(4.0, changed))
    assert finder.passes == 2


def test_the_first_look_waits_where_many_come_at_once() -> None:
    finder = ToldFinder(0.0)
    alone, crowded = (ObjectsStream(phones(finder)) for _ in range(2))
    assert alone.look(calm(0.0))
    looked_s = []
    for step in range(20):
        view = calm(step / 2)
        view.patience = 2.5
        if crowded.look(view):
            looked_s.append(view.at_s)
    assert 2 <= looked_s[0] <= 4


def test_a_picture_that_keeps_moving_and_shows_nothing_is_looked_at_half_as_often() -> None:
    finder = ToldFinder(0.0)
    stream = ObjectsStream(phones(finder))
    passes = []
    for step in range(120):
        moved = PICTURE.copy()
        moved[300:, 8 * (step % 40) :][:, :200] = 200
        stream.look(calm(step / 2, moved))
        passes.append(finder.passes)
    assert passes[6] == 3
    assert passes[119] - passes[59] == 10


def test_a_phone_that_is_seen_is_looked_at_every_second() -> None:
    stream = ObjectsStream(phones(ToldFinder(0.4)))
    said = [stream.look(View(step / 2, Picture.of(PICTURE), Costs())) for step in range(20)]
    at = [o.at_s for found in said for o in found if "phone" in o.labels]
    assert at[0] == 0.5
    assert max(b - a for a, b in pairwise(at)) <= 1.0


@pytest.mark.parametrize("fps", [1, 2, 5, 15])
def test_a_phone_is_one_when_the_next_look_sees_it_again(fps: int) -> None:
    stream = ObjectsStream(phones(ToldFinder(0.4)))
    said = [stream.look(View(step / fps, Picture.of(PICTURE), Costs())) for step in range(3 * fps)]
    at = [(o.at_s, "phone" in o.labels) for found in said for o in found]
    assert at[0] == (0.0, False)
    assert all(is_phone for _, is_phone in at[1:])
    assert 0.4 <= at[1][0] <= 1.0


def test_what_a_single_look_takes_for_a_phone_is_none() -> None:
    """Six passes of the first look see one, and nothing after them does."""
    stream = ObjectsStream(phones(ToldFinder(*[0.4] * 7, *[0.0] * 100)))
    said = [stream.look(View(step / 2, Picture.of(PICTURE), Costs())) for step in range(20)]
    assert {o.labels for found in said for o in found} == {("clear",)}


def test_a_frame_that_shows_nothing_is_not_looked_at() -> None:
    stream = ObjectsStream(phones(ToldFinder(0.9)))
    assert stream.look(View(0.0, Picture.of(PICTURE), Costs(), unfit="covered")) == ()


@pytest.mark.parametrize(("wanted", "passes"), [("face", 1), ("objects", 6)])
def test_a_single_picture_gets_all_views_only_when_objects_are_asked_for(
    wanted: str, passes: int
) -> None:
    finder = ToldFinder(0.0)
    view = View(0.0, Picture.of(PICTURE), Costs(), wanted=frozenset({wanted}), is_still=True)
    ObjectsStream(phones(finder)).look(view)
    assert finder.passes == passes
