"""Sound as browsers code it: Opus at the rate of `static/js/capture/sound.js`."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from detectors.arrays import Floats
from detectors.messages import Sound
from detectors.opus import SAMPLE_RATE, to_pcm

BIT_RATE = 24_000
PACKET = SAMPLE_RATE // 50
PACKET_S = PACKET / SAMPLE_RATE
LEAD = 8
# What libopus delays sound by: 6.5 ms.
DELAY = 104


def packets_of(samples: Floats, bit_rate: int = BIT_RATE) -> list[bytes]:
    """Packets of 20 ms; `samples` is float32 (n,), -1 to 1, at 16 kHz."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "mono", "flt"
    encoder.bit_rate = bit_rate
    encoder.options = {"frame_duration": "20", "application": "voip", "compression_level": "5"}
    padded = np.pad(samples.astype(np.float32), (0, -samples.size % PACKET + PACKET))
    packets: list[bytes] = []
    for start in range(0, padded.size, PACKET):
        frame = av.AudioFrame.from_ndarray(padded[None, start : start + PACKET], "flt", "mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return packets


def sounds_of(packets: list[bytes], at_s: float = 0.0, per_piece: int = 50) -> list[Sound]:
    """The packets in pieces of a second, each with its lead; the first is heard at `at_s`."""
    made = []
    for first in range(0, len(packets), per_piece):
        piece = packets[first : first + per_piece]
        lead = packets[max(0, first - LEAD) : first]
        start_s = at_s + first * PACKET_S
        made.append(Sound(start_s, b"", (*lead, *piece), len(lead), len(piece) * PACKET_S))
    return made


def through_opus(samples: Floats, bit_rate: int = BIT_RATE) -> Floats:
    """What is left of sound after it was coded and decoded, as long and as late as it was."""
    decoded = [to_pcm(sound).pcm for sound in sounds_of(packets_of(samples, bit_rate))]
    heard = np.frombuffer(b"".join(decoded), "<i2").astype(np.float32) / 32_768
    return heard[DELAY : DELAY + samples.size]
