"""Why a clip could not be written, as people read it."""

from __future__ import annotations

import errno

from app.errors import CandorError

DISK_FULL = "The disk is full: make room where clips are stored."
CROWDED = "Too many clips waited to be written at this moment."
UNWRITABLE = "The clip could not be written: {reason}."
NAMELESS = "The clip could not be written: the student's id cannot name a folder."


def sentence_of(error: OSError | CandorError) -> str:
    if isinstance(error, CandorError):
        return UNWRITABLE.format(reason=error.message.rstrip("."))
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DISK_FULL
    return UNWRITABLE.format(reason=(error.strerror or "the file could not be stored").rstrip("."))
