"""Sound is measured by what its packets say, and nothing that does not fit is taken."""

from __future__ import annotations

import random

import pytest

from app.errors import CandorError, InvalidInput, TooLarge
from app.intake.batch import SoundPart
from app.intake.sounds import from_start, packet_ms, read_sound, span_ms

# Wide-band frames of 20 ms, one channel.
TOC = 9 << 3


def framed(*packets: bytes) -> bytes:
    return b"".join(len(packet).to_bytes(2, "little") + packet for packet in packets)


def part(data: bytes, lead: int = 0) -> SoundPart:
    return SoundPart(0, 0.0, data, "opus", lead)


def packet(fill: int = 0, size: int = 40) -> bytes:
    return bytes([TOC]) + bytes([fill]) * size


@pytest.mark.parametrize(
    ("head", "ms"),
    [
        (b"\x00", 10),
        (bytes([3 << 3]), 60),
        (bytes([13 << 3]), 20),
        (bytes([16 << 3]), 2.5),
        (bytes([31 << 3 | 1]) + bytes(2), 40),
        (bytes([31 << 3 | 2]) + bytes(3), 40),
        (bytes([31 << 3 | 3, 6]), 120),
    ],
)
def test_a_packet_says_how_long_it_lasts(head: bytes, ms: float) -> None:
    assert packet_ms(head) == ms


def test_the_lead_does_not_count() -> None:
    sound = read_sound(part(framed(*[packet(n) for n in range(54)]), lead=4))
    assert sound.span_s == pytest.approx(1.0)
    assert (len(sound.packets), sound.lead) == (54, 4)
    assert sound.size_bytes == 54 * 41
    assert span_ms(part(framed(packet()), lead=1)) == 0


@pytest.mark.parametrize(
    ("data", "lead", "error"),
    [
        (b"\x05", 0, InvalidInput),
        (b"\x05\x00abc", 0, InvalidInput),
        (b"\x00\x00", 0, InvalidInput),
        (framed(packet()), 1, InvalidInput),
        (framed(bytes([TOC | 4]) + bytes(9)), 0, InvalidInput),
        (framed(bytes([TOC | 1]) + bytes(9)), 0, InvalidInput),
        (framed(bytes([TOC | 3])), 0, InvalidInput),
        (framed(bytes([TOC | 3, 48])), 0, InvalidInput),
        (framed(bytes(1_501)), 0, InvalidInput),
        (framed(*[packet(size=1)] * 501), 0, TooLarge),
        (framed(*[b"\x80"] * 5_000), 0, TooLarge),
    ],
    ids=[
        "half a length",
        "cut short",
        "empty",
        "lead only",
        "stereo",
        "odd",
        "no count",
        "too long",
        "too large",
        "over ten seconds",
        "too many",
    ],
)
def test_what_does_not_fit_is_refused(data: bytes, lead: int, error: type[CandorError]) -> None:
    with pytest.raises(error) as refusal:
        read_sound(part(data, lead))
    assert refusal.value.message.endswith(".")


def test_random_bytes_are_taken_or_refused_and_nothing_else() -> None:
    chance = random.Random(5)
    for _ in range(2_000):
        try:
            sound = read_sound(
                part(chance.randbytes(chance.randrange(1, 200)), chance.randrange(9))
            )
        except CandorError:
            continue
        assert 0 < sound.span_s <= 10


def test_what_was_heard_before_the_session_only_leads_in() -> None:
    sound = read_sound(part(framed(*[packet(n) for n in range(52)]), lead=2))
    placed = from_start(sound, -0.301)
    assert placed.at_s == pytest.approx(0.019)
    assert placed.span_s == pytest.approx(0.68)
    assert placed.packets[placed.lead] == packet(2 + 16)
    assert placed.lead == 16
    assert from_start(sound, 3.0).packets == sound.packets
