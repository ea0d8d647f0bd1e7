"""Coded sound as PCM, for clips: decoded in a process of its own that ends with the clip.

What students send is decoded outside the server, so that a packet made to break a decoder breaks
nothing else. Called by the recorder's thread.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from detectors.entry import run_decoder
from detectors.messages import Sound

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
_TRIES = 2
_END_S = 2.0


def decode_apart(
    sounds: Sequence[Sound],
    target: Callable[[Connection], None] = run_decoder,
    timeout_s: float = TIMEOUT_S,
) -> tuple[Sound, ...]:
    """All sounds as PCM, in order of time; those that cannot be decoded are left out."""
    coded = [sound for sound in sounds if sound.is_coded]
    plain = [sound for sound in sounds if not sound.is_coded]
    if coded:
        plain += _decode(coded, target, timeout_s)
    return tuple(sorted(plain, key=lambda sound: sound.at_s))


def _decode(
    coded: list[Sound], target: Callable[[Connection], None], timeout_s: float
) -> list[Sound]:
    for _ in range(_TRIES):
        answer = _ask(coded, target, timeout_s)
        if answer is not None:
            if len(answer) < len(coded):
                log.warning("Sound could not be decoded", extra={"pieces": len(coded)})
            return answer
    log.error("The decoder of sound ended; a clip is written without it")
    return []


def _ask(
    coded: list[Sound], target: Callable[[Connection], None], timeout_s: float
) -> list[Sound] | None:
    """None when the process died or took too long."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs,), name="sound-decoder", daemon=True)
    try:
        process.start()
        theirs.close()
        ours.send(coded)
        answer = ours.recv() if ours.poll(timeout_s) else None
        return answer if isinstance(answer, list) else None
    except (OSError, EOFError):
        return None
    finally:
        theirs.close()
        ours.close()
        if process.pid is not None:
            process.join(_END_S)
            if process.is_alive():
                process.kill()
                process.join(_END_S)
