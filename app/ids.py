"""Ids: which ones people may choose, and how ours are made."""

from __future__ import annotations

import re
import secrets

from app.errors import InvalidInput

LONGEST = 64
LONGEST_OURS = 64
DEFAULT_EXAM = "default"

_CHOSEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", re.ASCII)


def check_chosen_id(value: object, what: str) -> str:
    """A user id or an exam id as it may be stored, sent and used as a folder's name.

    Raises InvalidInput with a sentence that names `what`.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{what} is missing.")
    chosen = value.strip(" ")
    if len(chosen) > LONGEST:
        raise InvalidInput(f"{what} is longer than {LONGEST} characters.")
    if not _CHOSEN.fullmatch(chosen) or ".." in chosen:
        raise InvalidInput(
            f"{what} may hold letters A-Z, digits and . _ @ + - (no two dots in a row), and"
            " starts with a letter or a digit."
        )
    return chosen


def new_session_id() -> str:
    """An id nobody can guess."""
    return f"s_{secrets.token_hex(16)}"


def is_ours(value: object) -> bool:
    """Whether a value could be an id we made: worth a look into the store."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_OURS
        and re.fullmatch(r"[A-Za-z0-9._:-]+", value, re.ASCII) is not None
    )
