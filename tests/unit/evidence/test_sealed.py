"""Encrypted media reads like plain media from any position, and shows every change."""

from __future__ import annotations

import io
import os

import pytest

from app.evidence.sealed import CHUNK, TAG, open_sealed, seal

KEY = bytes(range(32))
SIZES = [0, 1, 99, 100, 101, 200, 1000, 1001]


def plain_of(sealed: bytes, key: bytes = KEY) -> bytes:
    return open_sealed(io.BytesIO(sealed), lambda session_id: key).read()


@pytest.mark.parametrize("size", SIZES)
def test_every_length_comes_back_as_it_was(size: int) -> None:
    data = os.urandom(size)
    sealed = seal(KEY, "s1", data, chunk=100)
    assert plain_of(sealed) == data


@pytest.mark.parametrize("size", SIZES)
def test_any_part_can_be_read_alone(size: int) -> None:
    data = os.urandom(size)
    file = open_sealed(io.BytesIO(seal(KEY, "s1", data, chunk=100)), lambda session_id: KEY)
    for start in range(0, size + 50, 37):
        file.seek(start)
        assert file.read(70) == data[start : start + 70]
    assert file.seek(0, io.SEEK_END) == size


def test_a_reader_fetches_only_the_chunks_it_needs() -> None:
    data = os.urandom(40 * CHUNK)

    class Counting(io.BytesIO):
        fetched = 0

        def read(self, size: int | None = -1, /) -> bytes:
            part = super().read(size)
            self.fetched += len(part)
            return part

    stored = Counting(seal(KEY, "s1", data))
    file = open_sealed(stored, lambda session_id: KEY)
    file.seek(20 * CHUNK + 5)
    assert file.read(10) == data[20 * CHUNK + 5 :][:10]
    assert stored.fetched < 3 * CHUNK


def test_the_same_file_never_looks_the_same_twice_and_shows_nothing() -> None:
    data = b"a face" * 1000
    first, second = seal(KEY, "s1", data), seal(KEY, "s1", data)
    assert first != second
    assert b"a face" not in first


def test_flipping_any_byte_is_noticed() -> None:
    sealed = seal(KEY, "s1", os.urandom(250), chunk=100)
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(OSError, match=r"altered|not encrypted"):
            plain_of(bytes(altered))


def test_chunks_cannot_be_swapped_or_cut_off() -> None:
    data = os.urandom(300)
    sealed = seal(KEY, "s1", data, chunk=100)
    body = len(sealed) - 3 * (100 + TAG)
    head, chunks = sealed[:body], [sealed[body + n * 116 : body + (n + 1) * 116] for n in range(3)]
    for other in ([chunks[1], chunks[0], chunks[2]], chunks[:2], chunks[1:], []):
        with pytest.raises(OSError, match="altered"):
            plain_of(head + b"".join(other))


def test_another_key_reads_nothing() -> None:
    with pytest.raises(OSError, match="another"):
        plain_of(seal(KEY, "s1", b"secret"), bytes(32))
