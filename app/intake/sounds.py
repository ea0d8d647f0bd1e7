"""Checks the sound a student sends and says how long it lasts, without decoding any of it.

Opus packets say in their first bytes how many frames of which length they hold (RFC 6716, 3), so
their time is known exactly; only a detector worker ever decodes them. Pure; anything that does not
fit raises InvalidInput or TooLarge with a sentence, and nothing else is ever raised.
"""

from __future__ import annotations

from dataclasses import replace

from app.errors import CandorError, InvalidInput, TooLarge
from app.intake.batch import MOST_LEAD, SoundPart
from detectors.messages import Sound

MAX_SOUND_S = 10.0
PCM_BYTES_PER_S = 32_000
# The longest packet of the standard, and more than speech at any useful rate needs.
MAX_PACKET_MS = 120.0
MAX_PACKET_BYTES = 1_500
# Ten seconds in the shortest packets there are, and the lead.
_MOST_PACKETS = 4_000 + MOST_LEAD

_SILK_MS = (10.0, 20.0, 40.0, 60.0)
_HYBRID_MS = (10.0, 20.0)
_CELT_MS = (2.5, 5.0, 10.0, 20.0)
_FIRST_HYBRID, _FIRST_CELT = 12, 16
_STEREO = 0x04


def read_sound(part: SoundPart) -> Sound:
    """One piece of sound, not yet at its place (`at_s` is 0). Raises InvalidInput, TooLarge."""
    if part.codec == "opus":
        return _read_opus(part)
    if len(part.data) % 2:
        raise InvalidInput("16-bit sound has an even number of bytes.")
    if len(part.data) > MAX_SOUND_S * PCM_BYTES_PER_S:
        raise _too_long()
    return Sound(0.0, part.data)


def span_ms(part: SoundPart) -> float:
    """How long a piece of sound lasts; 0 when it cannot be read."""
    try:
        return read_sound(part).span_s * 1000
    except CandorError:
        return 0.0


def from_start(sound: Sound, at_s: float) -> Sound:
    """The sound at its place, without what was heard before the session's second 0."""
    if at_s >= 0:
        return replace(sound, at_s=at_s)
    if not sound.is_coded:
        return Sound(0.0, sound.pcm[2 * round(-at_s * PCM_BYTES_PER_S / 2) :])
    lead = sound.lead
    while at_s < 0 and lead < len(sound.packets) - 1:
        at_s += packet_ms(sound.packets[lead]) / 1000
        lead += 1
    packets, lead = sound.packets[max(0, lead - MOST_LEAD) :], min(lead, MOST_LEAD)
    return Sound(max(0.0, at_s), b"", packets, lead, _span_s(packets, lead))


def packet_ms(packet: bytes) -> float:
    """How long one Opus packet of a single channel lasts. Raises InvalidInput."""
    if not packet or len(packet) > MAX_PACKET_BYTES:
        raise InvalidInput(f"An Opus packet has 1 to {MAX_PACKET_BYTES} bytes.")
    if packet[0] & _STEREO:
        raise InvalidInput("Opus sound has one channel.")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < _FIRST_HYBRID:
        frame_ms = _SILK_MS[config & 3]
    elif config < _FIRST_CELT:
        frame_ms = _HYBRID_MS[config & 1]
    else:
        frame_ms = _CELT_MS[config & 3]
    total_ms = frame_ms * _frames(packet, code)
    if total_ms > MAX_PACKET_MS:
        raise InvalidInput(f"An Opus packet lasts {MAX_PACKET_MS:.0f} ms at most.")
    return total_ms


def _frames(packet: bytes, code: int) -> int:
    if code == 0:
        return 1
    if code == 1 and len(packet) % 2 == 0:
        raise InvalidInput("An Opus packet of two equal frames has an odd number of bytes.")
    if code < 3:
        return 2
    count = packet[1] & 0x3F if len(packet) > 1 else 0
    if count == 0:
        raise InvalidInput("An Opus packet holds at least one frame.")
    return count


def _read_opus(part: SoundPart) -> Sound:
    packets: list[bytes] = []
    data, at = part.data, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        packet = data[at + 2 : at + 2 + size]
        if len(packet) != size or at + 2 > len(data):
            raise InvalidInput("The last Opus packet is not whole.")
        packets.append(packet)
        at += 2 + size
        if len(packets) > _MOST_PACKETS:
            raise _too_long()
    if len(packets) <= part.lead:
        raise InvalidInput("There is no Opus packet behind those that lead in.")
    for packet in packets[: part.lead]:
        packet_ms(packet)
    span_s = _span_s(packets, part.lead)
    if span_s > MAX_SOUND_S:
        raise _too_long()
    return Sound(0.0, b"", tuple(packets), part.lead, span_s)


def _span_s(packets: list[bytes] | tuple[bytes, ...], lead: int) -> float:
    return sum(packet_ms(packet) for packet in packets[lead:]) / 1000


def _too_long() -> TooLarge:
    return TooLarge(f"At most {MAX_SOUND_S:.0f} s of sound are taken in one batch.")
