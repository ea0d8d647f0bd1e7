"""Decodes Opus packets to 16 kHz mono, for the detectors and for clips. Never in the web process.

Every piece of sound is decoded by a decoder of its own, which the packets of its lead bring into
step (RFC 7845, 4.6, wants 80 ms; browsers send 160), so that pieces can come in any order and none
spoils another.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import av
import numpy as np
from av.error import FFmpegError

from detectors.messages import Sound

if TYPE_CHECKING:
    from detectors.arrays import Floats

SAMPLE_RATE = 16_000
QUIETEST_DB = -90.0
_CODED_RATE = 48_000
_STEP = _CODED_RATE // SAMPLE_RATE
# A windowed sinc at 7.2 kHz of 48 kHz: nothing above 8 kHz folds back.
_HALF = 48
_CUTOFF = 7_200 / _CODED_RATE


class UnreadableSoundError(Exception):
    """The packets are not Opus, or do not last as long as they say."""


def _low_pass() -> Floats:
    at = np.arange(-_HALF, _HALF + 1)
    taps = 2 * _CUTOFF * np.sinc(2 * _CUTOFF * at) * np.blackman(2 * _HALF + 1)
    return np.asarray(taps / taps.sum(), np.float32)


_TAPS = _low_pass()


def to_pcm(sound: Sound) -> Sound:
    """The same sound as PCM; PCM stays as it is. Raises UnreadableSoundError."""
    if not sound.is_coded:
        return sound
    coded = _decode(sound.packets)
    wanted = round(sound.coded_s * _CODED_RATE)
    if coded.size < wanted or coded.size == 0:
        raise UnreadableSoundError("The sound is shorter than its packets say.")
    samples = _to_16_khz(coded, coded.size - wanted)
    pcm = np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype("<i2").tobytes()
    return Sound(sound.at_s, pcm)


def _decode(packets: tuple[bytes, ...]) -> Floats:
    """float32 (n,) at 48 kHz."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = _CODED_RATE
    decoder.layout = "mono"
    pieces: list[Floats] = []
    try:
        for packet in packets:
            for frame in decoder.decode(av.Packet(packet)):
                samples = frame.to_ndarray().reshape(-1)
                if samples.dtype == np.int16:
                    samples = samples.astype(np.float32) / 32_768
                pieces.append(np.asarray(samples, np.float32))
    except (FFmpegError, ValueError) as error:
        raise UnreadableSoundError(f"The sound is not Opus: {error}") from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _to_16_khz(coded: Floats, first: int) -> Floats:
    """Every third sample from `first` on, behind a low-pass that adds no delay."""
    padded = np.pad(coded, _HALF, mode="reflect" if coded.size > _HALF else "constant")
    count = -(-(coded.size - first) // _STEP)
    kept = np.zeros(count, np.float32)
    for phase in range(_STEP):
        taps = _TAPS[phase::_STEP]
        kept += np.correlate(padded[first + phase :: _STEP], taps, "valid")[:count]
    return kept


def loudness_db(pcm: bytes) -> float:
    """Of 16-bit mono PCM: -90 to 0 dB of full scale."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    mean = float(np.mean(samples**2)) if samples.size else 0.0
    if mean <= 0:
        return QUIETEST_DB
    return round(max(QUIETEST_DB, 10 * float(np.log10(mean / 32_768**2))), 1)


def decode_all(connection: Connection) -> None:
    """Answer one list of sounds with the same as PCM; unreadable ones are left out."""
    answers = []
    for sound in connection.recv():
        try:
            answers.append(to_pcm(sound))
        except UnreadableSoundError:
            continue
    connection.send(answers)
