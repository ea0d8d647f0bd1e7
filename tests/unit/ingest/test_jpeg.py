from __future__ import annotations

import struct

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import CandorError, InvalidInput, TooLarge
from app.intake import jpeg as jpeg_module
from app.intake.jpeg import JpegInfo, inspect_jpeg
from tests.scripted_media import scripted_jpeg


def encode(picture: npt.NDArray[np.uint8], *options: int) -> bytes:
    done, coded = cv2.imencode(".jpg", picture, list(options))
    assert done
    return bytes(coded.tobytes())


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


PROGRESSIVE = encode(np.zeros((48, 64, 3), np.uint8), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


def test_a_camera_picture_is_taken() -> None:
    assert inspect_jpeg(scripted_jpeg()) == JpegInfo(640, 480, 3)


def test_a_gray_picture_is_taken() -> None:
    assert inspect_jpeg(encode(np.zeros((48, 64), np.uint8))) == JpegInfo(64, 48, 1)


def test_a_progressive_picture_with_restart_markers_is_taken() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    jpeg = encode(noise, cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
    assert b"\xff\xc2" in jpeg
    assert inspect_jpeg(jpeg) == JpegInfo(160, 120, 3, is_progressive=True)


def test_a_hundred_megapixels_are_refused_without_decoding() -> None:
    with pytest.raises(TooLarge, match="10000 x 10000"):
        inspect_jpeg(with_size(scripted_jpeg(), 10_000, 10_000))


@pytest.mark.parametrize("keep", [3, 20, 200, 2_000, -1, -2])
def test_a_truncated_picture_is_refused(keep: int) -> None:
    with pytest.raises(InvalidInput, match="cut off"):
        inspect_jpeg(scripted_jpeg()[:keep])


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(TooLarge, match="400,001"):
        inspect_jpeg(b"\xff\xd8" + bytes(399_999))


@pytest.mark.parametrize(
    ("jpeg", "says"),
    [
        (b"", "not a JPEG"),
        (b"\x89PNG\r\n", "not a JPEG"),
        (b"\xff\xd8\xff\xd9", "no picture"),
        (scripted_jpeg() + b"tail", "follows its end"),
        (with_size(scripted_jpeg(), 0, 480), "no width"),
        (scripted_jpeg().replace(b"\xff\xc0", b"\xff\xc9", 1), "kind"),
        (scripted_jpeg().replace(b"\xff\xc0", b"\xff\xfe", 1), "before its size"),
        (scripted_jpeg().replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c", 1), "12 bits"),
        (b"\xff\xd8" + b"\xff\xfe\x00\x02" * 300 + b"\xff\xd9", "segments"),
        (b"\xff\xd8\xff\xfe\x00\x01\xff\xd9", "no length"),
        (b"\xff\xd8\xff\xfe\x20\x00\xff\xd9", "cut off"),
        (PROGRESSIVE + PROGRESSIVE, "follows the end"),
    ],
)
def test_what_is_wrong_is_said(jpeg: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        inspect_jpeg(jpeg)


def test_a_bomb_of_scans_is_refused() -> None:
    jpeg = scripted_jpeg()
    start, end = jpeg.index(b"\xff\xda"), len(jpeg) - 2
    with pytest.raises(InvalidInput, match="scans"):
        inspect_jpeg(jpeg[:start] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 100 + jpeg[end:])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 3_000), st.integers(0, 40))
def test_garbage_is_only_ever_refused_with_a_sentence(junk: bytes, at: int, cut: int) -> None:
    jpeg = scripted_jpeg(size=(64, 48))
    for data in (junk, b"\xff\xd8" + junk, jpeg[:at] + junk + jpeg[at + cut :]):
        refusal = ""
        try:
            info = inspect_jpeg(data)
        except CandorError as error:
            refusal = error.message
        assert refusal.endswith(".") or 0 < info.width * info.height <= 4_000_000


def test_a_picture_with_a_known_head_is_still_refused_for_its_end_and_its_size() -> None:
    jpeg = scripted_jpeg()
    assert inspect_jpeg(jpeg) == inspect_jpeg(jpeg) == JpegInfo(640, 480, 3)
    with pytest.raises(InvalidInput, match="cut off"):
        inspect_jpeg(jpeg[:-2])
    with pytest.raises(TooLarge):
        inspect_jpeg(jpeg, max_bytes=len(jpeg) - 1)
    other = scripted_jpeg(size=(320, 240))
    assert inspect_jpeg(other) == JpegInfo(320, 240, 3)


def test_heads_of_many_kinds_are_not_kept_without_end() -> None:
    jpeg = scripted_jpeg()
    for number in range(1_000):
        comment = struct.pack(">HI", 6 + number % 40, number).ljust(6 + number % 40, b"x")
        inspect_jpeg(jpeg[:2] + b"\xff\xfe" + comment + jpeg[2:])
    assert len(jpeg_module._HEADS) <= jpeg_module._MOST_HEADS
    assert len(jpeg_module._HEAD_SIZES) <= jpeg_module._MOST_HEAD_SIZES
