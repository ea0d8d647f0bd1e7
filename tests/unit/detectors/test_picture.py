"""A picture that is decoded no further than it is asked for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.picture import Picture, UndecodableError
from tools.evaluation.media import encode


def jpeg() -> bytes:
    """Red on the left and blue on the right, 640x480."""
    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[:, :320, 0], rgb[:, 320:, 2] = 200, 200
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1])


def test_half_a_picture_has_the_same_colours_and_the_size_of_the_whole() -> None:
    picture = Picture(jpeg())
    half = picture.half
    assert half.shape == (240, 320, 3)
    assert picture.size == (640, 480)
    assert half[120, 40, 0] > 150 > half[120, 40, 2]
    assert half[120, 280, 2] > 150 > half[120, 280, 0]


def test_what_is_decoded_in_full_is_not_decoded_again() -> None:
    picture = Picture(jpeg())
    assert picture.full is picture.half
    assert picture.full.shape == (480, 640, 3)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8 no picture", b"\x00" * 100])
def test_what_is_no_picture_says_so_at_both_sizes(data: bytes) -> None:
    with pytest.raises(UndecodableError):
        _ = Picture(data).half
    with pytest.raises(UndecodableError):
        _ = Picture(data).size


@pytest.mark.parametrize(("quality", "least", "most"), [(20, 130, 160), (50, 50, 65), (80, 15, 30)])
def test_a_picture_says_how_coarsely_it_was_compressed(
    quality: int, least: float, most: float
) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    assert least < Picture(encode(rgb, quality)).coarseness < most


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xdb", b"\xff\xd8\xff\xdb\x00\x00\xff\xdb\x00\x43\x00\x01"],
)
def test_what_has_no_table_is_not_coarse(data: bytes) -> None:
    assert Picture(data).coarseness == 0.0
