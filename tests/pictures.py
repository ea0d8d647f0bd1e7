"""Drawn JPEGs that carry a number, so that a test can find a picture again inside a clip."""

from __future__ import annotations

from fractions import Fraction

import av

BITS = 10


def draw_jpeg(number: int = 0, width: int = 320, height: int = 240) -> bytes:
    """A JPEG of vertical bars: bar i is bright when bit i of `number` is set."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    frame = av.VideoFrame(width, height, "yuvj420p")
    luma, *chroma = frame.planes
    row = bytearray(luma.line_size)
    for x in range(width):
        row[x] = 220 if number >> (x * BITS // width) & 1 else 40
    luma.update(bytes(row) * height)
    for plane in chroma:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def read_number(frame: av.VideoFrame) -> int | None:
    """The number drawn into a decoded picture, or None for a plain one."""
    luma = frame.reformat(format="gray").planes[0]
    row = bytes(luma)[luma.line_size * (frame.height // 2) :][: frame.width]
    levels = [row[(2 * bit + 1) * frame.width // (2 * BITS)] for bit in range(BITS)]
    if all(70 < level < 170 for level in levels):
        return None
    return sum((level > 120) << bit for bit, level in enumerate(levels))
