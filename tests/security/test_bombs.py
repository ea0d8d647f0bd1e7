"""Pictures and sounds that are small on the line and would be huge in memory."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest

from tests.scripted_media import scripted_jpeg
from tests.unit.ingest.test_ingest import Bench

MOST_BYTES = 12_000_000


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def riff(announced_bytes: int, rate: int = 16_000) -> bytes:
    """The head of a WAV file that says it is so long, and half a second of silence."""
    head = b"RIFF" + struct.pack("<I", min(announced_bytes + 36, 2**32 - 1)) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    return head + b"data" + struct.pack("<I", announced_bytes) + bytes(16_000)


@pytest.mark.parametrize(
    "picture",
    [
        with_size(scripted_jpeg(), 65_535, 65_535),
        with_size(scripted_jpeg(), 65_535, 100),
        with_size(scripted_jpeg(), 0, 0),
        scripted_jpeg()[:2] + b"\xff\xfe\x00\x02" * 50_000 + scripted_jpeg()[2:],
        b"\xff\xd8" + b"\xff\xda\x00\x02" * 60_000 + b"\xff\xd9",
        b"\xff\xd8" + b"\xff" * 300_000 + b"\xff\xd9",
    ],
    ids=["four gigapixels", "a line", "nothing", "segments", "scans", "fill bytes"],
)
@pytest.mark.parametrize("kind", ["frames", "screen"])
def test_a_jpeg_bomb_is_refused_without_being_decoded(picture: bytes, kind: str) -> None:
    bench = Bench()
    header, _ = bench.batch(frames=[], audio=[], screen=[], events=[])
    header[kind] = [{"t": header["sent_ms"] - 100, "size": len(picture)}]
    tracemalloc.start()
    receipt = bench.ingest.accept_batch("s1", header, picture)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [refusal.part for refusal in receipt.refused] == [kind]
    assert most < MOST_BYTES
    ring = bench.ingest.ring("s1")
    assert ring is not None
    assert (ring.latest_frame(), ring.latest_screen()) == (None, None)


def test_a_wav_bomb_counts_as_the_seconds_that_were_sent() -> None:
    """What its head announces is never believed: sound on the line is bare PCM."""
    bench = Bench()
    header, _ = bench.batch(frames=[], audio=[], screen=[], events=[])
    sound = riff(2**32 - 1)
    header["audio"] = [{"t": header["sent_ms"] - 600, "size": len(sound)}]
    tracemalloc.start()
    receipt = bench.ingest.accept_batch("s1", header, sound)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert receipt.refused == ()
    assert most < MOST_BYTES


def test_more_sound_than_the_time_it_took_is_refused() -> None:
    bench = Bench()
    header, _ = bench.batch(frames=[], audio=[], screen=[], events=[])
    long = bytes(32_000 * 11)
    header["audio"] = [{"t": header["sent_ms"] - 11_000, "size": len(long)}]
    receipt = bench.ingest.accept_batch("s1", header, long)
    assert [refusal.code for refusal in receipt.refused] == ["too_large"]


def test_loud_noise_of_the_whole_range_breaks_no_reader_of_sound() -> None:
    bench = Bench()
    header, _ = bench.batch(frames=[], audio=[], screen=[], events=[])
    noise = np.tile(np.array([-32768, 32767], np.int16), 8_000).tobytes()
    header["audio"] = [{"t": header["sent_ms"] - 1000, "size": len(noise)}]
    assert bench.ingest.accept_batch("s1", header, noise).refused == ()
