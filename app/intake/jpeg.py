"""Looks at a JPEG without decoding it: is it whole, how large is it, is it of a kind we take.

Pure functions over bytes; it runs on every picture a student sends, so it only walks markers
(ITU-T T.81, annex B) and never touches the coded pixels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.errors import CandorError, InvalidInput, TooLarge

FRAME_MAX_BYTES = 400_000
SCREEN_MAX_BYTES = 800_000
MAX_PIXELS = 4_000_000
_MAX_SEGMENTS = 200
_MAX_SCANS = 24

_SOI = b"\xff\xd8"
_END = b"\xff\xd9"
_EOI = 0xD9
_SOS = 0xDA
_PROGRESSIVE = 0xC2
_SIZES = {0xC0, 0xC1, _PROGRESSIVE}
_OTHER_SIZES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_AFTER_CODED_DATA = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


# What comes before the coded pixels decides everything here, and an encoder writes the same of it
# before every picture: the last ones are remembered. A race costs a look-up, never a wrong answer.
_MOST_HEADS, _MOST_HEAD_SIZES, _MOST_HEAD_BYTES = 256, 6, 2_048
_HEADS: dict[bytes, JpegInfo] = {}
_HEAD_SIZES: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class JpegInfo:
    """Width and height in pixels, 1 (gray) or 3 (colour) components."""

    width: int
    height: int
    components: int
    is_progressive: bool = False


def inspect_jpeg(data: bytes, max_bytes: int = FRAME_MAX_BYTES) -> JpegInfo:
    """Check one complete 8-bit JPEG (sequential or progressive, gray or colour).

    Raises TooLarge over `max_bytes` or 4 megapixels, InvalidInput for anything else that is
    wrong. The coded pixels themselves are not checked, and those of the usual single scan are
    not even walked over: that would be most of the time.
    """
    if len(data) > max_bytes:
        raise TooLarge(
            f"The picture has {len(data):,} bytes; at most {max_bytes:,} are taken. "
            "Send a smaller or more compressed one."
        )
    if data[:2] != _SOI:
        raise InvalidInput("The picture is not a JPEG: it does not begin like one.")
    if not data.endswith(_END):
        raise _truncated()
    for size in _HEAD_SIZES:
        known = _HEADS.get(data[:size])
        if known is not None:
            return known
    info: JpegInfo | None = None
    position, scans = 2, 0
    for _ in range(_MAX_SEGMENTS):
        marker, position = _next_marker(data, position)
        if marker == _EOI:
            return _finished(data, position, info, scans)
        end = _segment_end(data, position)
        if marker in _SIZES:
            if info is not None:
                raise InvalidInput("The JPEG states its size twice.")
            info = _read_size(data[position + 2 : end], marker == _PROGRESSIVE)
        elif marker in _OTHER_SIZES:
            raise InvalidInput(
                "The JPEG is of a kind that is not taken (lossless, hierarchical or arithmetic)."
            )
        elif marker == _SOS:
            if info is None:
                raise InvalidInput("The JPEG is damaged: its pixels come before its size.")
            scans += 1
            if not info.is_progressive and data[position + 2 : end][:1] == bytes([info.components]):
                _remember(data[:end], info)
                return info
            if scans > _MAX_SCANS:
                raise InvalidInput(f"The JPEG has more than {_MAX_SCANS} scans.")
            found = _AFTER_CODED_DATA.search(data, end)
            if found is None:
                raise _truncated()
            end = found.start()
        position = end
    raise InvalidInput(f"The JPEG has more than {_MAX_SEGMENTS} segments.")


def _remember(head: bytes, info: JpegInfo) -> None:
    global _HEAD_SIZES
    if len(head) > _MOST_HEAD_BYTES:
        return
    if len(_HEADS) >= _MOST_HEADS:
        _HEADS.clear()
        _HEAD_SIZES = ()
    _HEADS[head] = info
    if len(head) not in _HEAD_SIZES:
        _HEAD_SIZES = (len(head), *_HEAD_SIZES)[:_MOST_HEAD_SIZES]


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """The marker code at `position` and the position behind it; fill bytes are skipped."""
    size = len(data)
    if position >= size:
        raise _truncated()
    if data[position] != 0xFF:
        raise InvalidInput("The JPEG is damaged: a marker is missing.")
    while position < size and data[position] == 0xFF:
        position += 1
    if position >= size:
        raise _truncated()
    marker = data[position]
    if marker < 0xC0 or 0xD0 <= marker <= 0xD8:
        raise InvalidInput("The JPEG is damaged: a marker stands where none may.")
    return marker, position + 1


def _segment_end(data: bytes, position: int) -> int:
    length = int.from_bytes(data[position : position + 2], "big")
    end = position + length
    if position + 2 > len(data) or end > len(data):
        raise _truncated()
    if length < 2:
        raise InvalidInput("The JPEG is damaged: a segment has no length.")
    return end


def _read_size(segment: bytes, is_progressive: bool) -> JpegInfo:
    if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
        raise InvalidInput("The JPEG is damaged: its size cannot be read.")
    height = int.from_bytes(segment[1:3], "big")
    width = int.from_bytes(segment[3:5], "big")
    components = segment[5]
    if width == 0 or height == 0:
        raise InvalidInput("The JPEG has no width or no height.")
    if width * height > MAX_PIXELS:
        raise TooLarge(
            f"The picture is {width} x {height} pixels; at most "
            f"{MAX_PIXELS // 1_000_000} megapixels are taken."
        )
    if segment[0] != 8:
        raise InvalidInput(f"The JPEG has {segment[0]} bits per sample; 8 are taken.")
    if components not in (1, 3):
        raise InvalidInput(f"The JPEG has {components} colour components; 1 or 3 are taken.")
    for index in range(components):
        sampling = segment[7 + 3 * index]
        if not (1 <= sampling >> 4 <= 4 and 1 <= sampling & 15 <= 4):
            raise InvalidInput("The JPEG is damaged: its sampling cannot be read.")
    return JpegInfo(width, height, components, is_progressive)


def _finished(data: bytes, position: int, info: JpegInfo | None, scans: int) -> JpegInfo:
    if info is None or scans == 0:
        raise InvalidInput("The JPEG holds no picture.")
    if position != len(data):
        raise InvalidInput("Something follows the end of the JPEG.")
    return info


def _truncated() -> CandorError:
    return InvalidInput("The JPEG is cut off, or something follows its end.")
