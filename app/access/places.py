"""Where a session runs: one device on one network, and others only when a proctor says so.

The device holds a secret in its token, the session's record only the secret's hash. Waiting
devices are kept in memory, bounded; thread-safe.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.clock import Clock
from app.errors import CandorError, NotFound, TooMany

STRIPES = 64
MOST_WAITING = 5
MOST_SESSIONS = 5_000
GOOD_FOR_S = 120.0
FORGOTTEN_S = 600.0


class PlaceWaits(CandorError):
    """The device must wait until a proctor has let it in."""

    code = "waiting"
    status = 409


class PlaceRefused(CandorError):
    """A proctor refused the device."""

    code = "not_allowed"
    status = 403


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that asks for a running session. `reason` is "device" or "network"."""

    request_id: str
    session_id: str
    reason: str
    asked_at: datetime
    seen_s: float
    state: str = "waiting"
    decided_s: float = 0.0


class Places:
    """Who waits for which session."""

    def __init__(self, clock: Clock, secret_key: str) -> None:
        self._clock = clock
        self._key = hashlib.sha256(f"candor.network:{secret_key}".encode()).digest()
        self._lock = threading.Lock()
        self._moving = [threading.RLock() for _ in range(STRIPES)]
        self._waiting: OrderedDict[str, dict[str, Waiting]] = OrderedDict()

    def moving(self, session_id: str) -> threading.RLock:
        """Held while a session gets a place, so that two devices cannot both be the first."""
        return self._moving[hash(session_id) % STRIPES]

    def network_of(self, address: str) -> str:
        """A keyed hash of the network an address is in: IPv4 /24, IPv6 /64, this machine."""
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return ""
        mapped = getattr(ip, "ipv4_mapped", None)
        ip = mapped or ip
        prefix = 24 if ip.version == 4 else 64
        net = "here" if ip.is_loopback else str(ipaddress.ip_network((ip, prefix), strict=False))
        return hmac.new(self._key, net.encode(), hashlib.sha256).hexdigest()[:32]

    def ask(self, session_id: str, device: str, reason: str) -> tuple[Waiting, bool]:
        """What a proctor said to this device, and whether it asks for the first time.

        `device` tells waiting devices apart. An approval is used up by the call that sees it.
        Raises TooMany when too many wait for one session.
        """
        now_s = self._clock.monotonic_s()
        request_id = (
            "p_"
            + hmac.new(self._key, f"{session_id}\n{device}".encode(), hashlib.sha256).hexdigest()[
                :24
            ]
        )
        with self._lock:
            asked = self._of(session_id, now_s)
            known = asked.get(request_id)
            if known is not None:
                if known.state == "approved":
                    del asked[request_id]
                else:
                    asked[request_id] = replace(known, seen_s=now_s)
                return known, False
            if len(asked) >= MOST_WAITING:
                raise TooMany("Too many devices ask for this session. Try again later.")
            waiting = Waiting(request_id, session_id, reason, self._clock.now(), now_s)
            asked[request_id] = waiting
            return waiting, True

    def waiting(self, session_id: str) -> tuple[Waiting, ...]:
        """Those who wait for a decision now."""
        with self._lock:
            asked = self._of(session_id, self._clock.monotonic_s())
            return tuple(each for each in asked.values() if each.state == "waiting")

    def decide(self, session_id: str, request_id: str, *, approve: bool) -> Waiting:
        """Let a device in, or not. Raises NotFound when it does not wait (any more)."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            asked = self._of(session_id, now_s)
            known = asked.get(request_id)
            if known is None or known.state != "waiting":
                raise NotFound("No such device waits for this session.")
            state = "approved" if approve else "refused"
            asked[request_id] = replace(known, state=state, decided_s=now_s)
            return asked[request_id]

    def forget(self, session_id: str) -> None:
        """The session is over."""
        with self._lock:
            self._waiting.pop(session_id, None)

    def _of(self, session_id: str, now_s: float) -> dict[str, Waiting]:
        asked = self._waiting.setdefault(session_id, {})
        self._waiting.move_to_end(session_id)
        while len(self._waiting) > MOST_SESSIONS:
            self._waiting.popitem(last=False)
        for request_id, each in list(asked.items()):
            is_old = now_s - each.seen_s > FORGOTTEN_S
            is_stale = each.state == "approved" and now_s - each.decided_s > GOOD_FOR_S
            if is_old or is_stale:
                del asked[request_id]
        return asked


def place_payload(request: Waiting) -> dict[str, Any]:
    """What a proctor is told of a device that asks."""
    return {
        "request_id": request.request_id,
        "session_id": request.session_id,
        "reason": request.reason,
        "state": request.state,
        "asked_at": request.asked_at.isoformat(),
    }


def new_place() -> str:
    """What a device keeps to be known again."""
    return secrets.token_hex(16)


def digest_of(place: str) -> str:
    return hashlib.sha256(f"candor.place:{place}".encode()).hexdigest()[:32]
