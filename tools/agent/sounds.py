"""Where the agent's sound comes from: a microphone or an audio file.

Sound is mono 16-bit little-endian PCM at 16 kHz.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any, Protocol

import av

from tools.agent.pictures import SourceError

RATE = 16_000
SAMPLE_BYTES = 2
_MICROPHONE_KEEPS_S = 10.0
_BLOCK_SAMPLES = 1_600
_LONGEST_FILE_S = 3_600


class Sounds(Protocol):
    """Something that is heard as a session's seconds pass."""

    def until(self, at_s: float, /) -> bytes:
        """What was heard since the last call, up to second `at_s`; may be empty."""
        ...

    def close(self) -> None: ...


class LoopedSounds:
    """The same PCM over and over, at real speed."""

    def __init__(self, pcm: bytes) -> None:
        if len(pcm) < SAMPLE_BYTES:
            raise SourceError("There is no sound in it.")
        self._pcm = pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]
        self._given = 0

    def until(self, at_s: float, /) -> bytes:
        wanted = max(0, round(at_s * RATE)) * SAMPLE_BYTES
        begin, length = self._given % len(self._pcm), max(0, wanted - self._given)
        self._given += length
        copies = (begin + length) // len(self._pcm) + 1
        return (self._pcm * copies)[begin : begin + length]

    def close(self) -> None:
        """Nothing is held."""


class MicrophoneSounds:
    """A microphone of this machine; keeps the newest ten seconds that nobody took."""

    def __init__(self, device: str) -> None:
        # PortAudio is asked for only here: an agent that plays a file does without it.
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise SourceError(
                f"The microphone library cannot be loaded ({error}). "
                "On Debian and Ubuntu: sudo apt-get install libportaudio2"
            ) from error
        self.dropped_s = 0.0
        self._lock = threading.Lock()
        self._blocks: deque[bytes] = deque()
        name: int | str | None = int(device) if device.isdigit() else device or None
        try:
            self._stream: Any = sounddevice.RawInputStream(
                samplerate=RATE,
                channels=1,
                dtype="int16",
                device=name,
                blocksize=_BLOCK_SAMPLES,
                callback=self._heard,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise SourceError(f"Microphone {device or '(default)'}: {error}") from error

    def until(self, _at_s: float, /) -> bytes:
        with self._lock:
            heard = b"".join(self._blocks)
            self._blocks.clear()
        return heard

    def close(self) -> None:
        self._stream.close()

    def _heard(self, data: Any, *_: Any) -> None:
        with self._lock:
            self._blocks.append(bytes(data))
            while len(self._blocks) * _BLOCK_SAMPLES > _MICROPHONE_KEEPS_S * RATE:
                self._blocks.popleft()
                self.dropped_s += _BLOCK_SAMPLES / RATE


def read_sound(path: Path) -> bytes:
    """The first audio stream of any file FFmpeg reads, at most an hour. Raises SourceError."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    pcm = bytearray()
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise SourceError(f"{path} holds no sound.")
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    pcm += bytes(part.planes[0])[: part.samples * SAMPLE_BYTES]
                if len(pcm) > _LONGEST_FILE_S * RATE * SAMPLE_BYTES:
                    break
        for part in resampler.resample(None):
            pcm += bytes(part.planes[0])[: part.samples * SAMPLE_BYTES]
    except (av.FFmpegError, OSError) as error:
        raise SourceError(f"{path} cannot be read as sound: {error}") from error
    return bytes(pcm)


def open_sounds(microphone: str | None, audio: Path | None) -> Sounds | None:
    """The source the command line asks for; None when it asks for none. Raises SourceError."""
    if audio is not None:
        return LoopedSounds(read_sound(audio))
    return None if microphone is None else MicrophoneSounds(microphone)
