"""Joins one phone to one room scan: a short code that is good once, then a secret of the phone's.

The code stands in a QR code and a short link. Whoever brings it first gets the secret, which opens
that scan and nothing else; the code is spent. Everything is in memory and gone with the scan.
Not thread-safe: its owner's lock guards it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import NotAuthenticated, NotFound

# Without what is mistaken for something else when it is typed.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_SIGNS = 10
CODE_S = 300.0
SECRET_S = 1800.0
LONGEST_SECRET = 128
# Secrets that are over are remembered so that the phone can be told why.
MOST_OVER = 2_000
REPLACED, OVER = "replaced", "over"


class PhoneReplaced(NotAuthenticated):
    """Another phone was joined after this one."""

    code = "phone_replaced"


class PhoneOver(NotAuthenticated):
    """The scan is over, or the link was good for too long already."""

    code = "phone_over"


@dataclass(frozen=True, slots=True)
class _Good:
    session_id: str
    until_s: float


class PhoneLinks:
    """The codes and phones of all scans."""

    def __init__(self) -> None:
        self._codes: dict[str, _Good] = {}
        self._phones: dict[str, _Good] = {}
        self._over: OrderedDict[str, str] = OrderedDict()

    def offer(self, session_id: str, now_s: float) -> str:
        """A new code; one that was not used yet is no longer good."""
        self._drop_codes(session_id, now_s)
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_SIGNS))
        self._codes[code] = _Good(session_id, now_s + CODE_S)
        return code

    def claim(self, code: str, now_s: float) -> tuple[str, str]:
        """The session and the phone's secret; the phone before is let go. Raises NotFound."""
        typed = "".join(sign for sign in code.upper() if sign in ALPHABET)
        found = self._codes.pop(typed, None)
        if found is None or found.until_s <= now_s:
            raise NotFound("This code is not good any more. Ask for a new one on the computer.")
        self._end(found.session_id, REPLACED)
        secret = secrets.token_urlsafe(32)
        self._phones[phone_of(secret)] = _Good(found.session_id, now_s + SECRET_S)
        return found.session_id, secret

    def session_of(self, phone: str, now_s: float) -> str:
        """The session of a phone, as `phone_of` names it.

        Raises PhoneReplaced, PhoneOver, or NotAuthenticated for what was never one.
        """
        found = self._phones.get(phone)
        if found is not None and found.until_s <= now_s:
            self._end(found.session_id, OVER)
            found = None
        if found is not None:
            return found.session_id
        why = self._over.get(phone)
        if why == REPLACED:
            raise PhoneReplaced("Another phone has taken over.")
        if why == OVER:
            raise PhoneOver("The scan is over.")
        raise NotAuthenticated("This token is not valid.")

    def has_phone(self, session_id: str, now_s: float) -> bool:
        return _holds(self._phones, session_id, now_s)

    def has_code(self, session_id: str, now_s: float) -> bool:
        return _holds(self._codes, session_id, now_s)

    def over(self, session_id: str, now_s: float) -> None:
        """The scan is over: neither code nor phone is good any more."""
        self._drop_codes(session_id, now_s)
        self._end(session_id, OVER)

    def _drop_codes(self, session_id: str, now_s: float) -> None:
        self._codes = {
            code: good
            for code, good in self._codes.items()
            if good.session_id != session_id and good.until_s > now_s
        }

    def _end(self, session_id: str, why: str) -> None:
        for phone in [key for key, good in self._phones.items() if good.session_id == session_id]:
            del self._phones[phone]
            self._over[phone] = why
        while len(self._over) > MOST_OVER:
            self._over.popitem(last=False)


def phone_of(secret: str) -> str:
    """What a phone is known by: its secret is kept nowhere. Raises NotAuthenticated."""
    if len(secret) > LONGEST_SECRET:
        raise NotAuthenticated("This token is not valid.")
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _holds(among: Mapping[str, _Good], session_id: str, now_s: float) -> bool:
    return any(good.session_id == session_id and good.until_s > now_s for good in among.values())
