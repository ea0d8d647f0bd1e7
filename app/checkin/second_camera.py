"""A phone as second camera of one room scan: its stills, what is pointed out in them, its end.

Stills come about once a second, are checked like every other picture, and lie in memory: the
newest, the newest that was judged, and where the exam keeps some the few that may be kept. Any
thread; `_lock` guards everything here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from app.access.doors import Caller
from app.checkin.consent import MOST_ROOM_PICTURES
from app.checkin.phone_links import PhoneLinks, phone_of
from app.checkin.records import THINGS
from app.clock import Clock
from app.errors import NotAuthenticated, NotFound, TooMany
from app.intake.jpeg import FRAME_MAX_BYTES, inspect_jpeg
from app.intake.lanes import phone_lane, session_of
from app.intake.mailbox import Mailbox
from app.intake.rates import TokenBucket
from detectors.messages import AnalysisResult, Box, Frame
from scoring.model import Detector

STILLS_PER_S, STILLS_BURST = 2.0, 6.0
STILL_MS = 1000
MOST_UNJUDGED = 8
# A verdict older than this is not what the camera shows; then the newest is shown without boxes.
FRESH_S = 5.0
KEEP_EVERY_S = 2.0
# Of the pictures that may be kept, some are those in which a thing was first pointed out.
MOST_SPREAD = MOST_ROOM_PICTURES - len(THINGS)
LOOKS_FOR = frozenset({str(Detector.OBJECTS)})


class Looks(Protocol):
    """Who analyses: the pool, as far as it is needed here."""

    def open(self, session_id: str, mailbox: Mailbox, detectors: frozenset[str]) -> None: ...

    def close(self, session_id: str) -> None: ...

    def notify(self, session_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Still:
    """One picture of the phone's; `boxes` are what was pointed out once `is_judged`."""

    number: int
    at_s: float
    taken_at: datetime
    jpeg: bytes
    width: int
    height: int
    boxes: tuple[Box, ...] = ()
    is_judged: bool = False

    @property
    def things(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(box.label for box in self.boxes))


@dataclass(slots=True)
class _Scan:
    """One session's scan; `phones` counts how many phones were joined one after the other."""

    keeps: bool
    phones: int = 0
    began_s: float = 0.0
    mailbox: Mailbox | None = None
    bucket: TokenBucket | None = None
    number: int = 0
    newest: Still | None = None
    judged: Still | None = None
    waiting: OrderedDict[float, Still] = field(default_factory=OrderedDict)
    spread: list[Still] = field(default_factory=list)
    spread_every_s: float = KEEP_EVERY_S
    first: dict[str, Still] = field(default_factory=dict)

    def shown(self) -> Still | None:
        """The newest that was judged, or the newest of all when the verdicts are late."""
        judged, newest = self.judged, self.newest
        if judged is None or newest is None:
            return newest
        return judged if newest.at_s - judged.at_s <= FRESH_S else newest

    def spread_out(self, still: Still) -> None:
        """Remember pictures evenly over the whole scan, however long it takes."""
        if self.spread and still.at_s - self.spread[-1].at_s < self.spread_every_s:
            return
        self.spread.append(still)
        if len(self.spread) > MOST_SPREAD:
            del self.spread[1::2]
            self.spread_every_s *= 2


class SecondCameras:
    """The phones of all room scans. Thread-safe.

    `changed` is told a session whose scan has news, with what its phone has newly pointed out.
    """

    def __init__(
        self,
        clock: Clock,
        pool: Looks,
        changed: Callable[[str, tuple[str, ...]], object],
    ) -> None:
        self._clock = clock
        self._pool = pool
        self._changed = changed
        self._lock = threading.Lock()
        self._links = PhoneLinks()
        self._scans: dict[str, _Scan] = {}

    # The student

    def offer(self, session_id: str, *, keeps: bool) -> str:
        """A code for one phone, good for CODE_S; `keeps` says whether pictures may be kept."""
        with self._lock:
            scan = self._scans.setdefault(session_id, _Scan(keeps))
            scan.keeps = keeps
            return self._links.offer(session_id, self._clock.monotonic_s())

    def shown(self, session_id: str) -> dict[str, Any] | None:
        """What the student's page is told of the phone; None without one."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            scan = self._scans.get(session_id)
            if scan is None:
                return None
            still = scan.shown()
            state = (
                "live" if still else "joined" if self._links.has_phone(session_id, now_s) else ""
            )
            if not state:
                if not self._links.has_code(session_id, now_s):
                    return None
                state = "offered"
            return {
                "state": state,
                "phones": scan.phones,
                "still": still.number if still else 0,
                "boxes": _boxes(still),
            }

    def still(self, session_id: str, number: int) -> bytes:
        """The picture of that number, while it is one of those in memory. Raises NotFound."""
        with self._lock:
            scan = self._scans.get(session_id)
            there = (scan.judged, scan.newest, *scan.waiting.values()) if scan else ()
            found = next((each for each in there if each and each.number == number), None)
        if found is None:
            raise NotFound("This picture is not there any more.")
        return found.jpeg

    def is_joined(self, session_id: str) -> bool:
        """Whether a phone is the camera of this session's scan now."""
        with self._lock:
            return self._links.has_phone(session_id, self._clock.monotonic_s())

    def may_be_kept(self, session_id: str) -> tuple[Still, ...]:
        """The pictures of the scan that may be kept, in their order."""
        with self._lock:
            scan = self._scans.get(session_id)
            if scan is None or not scan.keeps:
                return ()
            chosen = {each.number: each for each in scan.spread}
            chosen |= {each.number: each for each in scan.first.values()}
            return tuple(chosen[number] for number in sorted(chosen))

    def over(self, session_id: str) -> None:
        """The scan is over, or goes on without a phone; its pictures are forgotten. Idempotent."""
        with self._lock:
            scan = self._scans.pop(session_id, None)
            self._links.over(session_id, self._clock.monotonic_s())
        if scan is not None and scan.mailbox is not None:
            self._pool.close(phone_lane(session_id))

    # The phone

    def claim(self, code: str) -> tuple[str, str]:
        """Join a phone: its session and its secret. Raises NotFound for a code that is spent."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            session_id, secret = self._links.claim(code, now_s)
            before = self._scans.get(session_id, _Scan(keeps=False))
            scan = _Scan(before.keeps, phones=before.phones + 1, began_s=now_s)
            scan.mailbox = Mailbox(STILLS_PER_S)
            scan.bucket = TokenBucket(STILLS_PER_S, STILLS_BURST, now_s)
            self._scans[session_id] = scan
        lane = phone_lane(session_id)
        # Closed first, so that a verdict on the phone before is not taken for one on this.
        self._pool.close(lane)
        self._pool.open(lane, scan.mailbox, LOOKS_FOR)
        self._changed(session_id, ())
        return session_id, secret

    def caller(self, secret: str) -> Caller:
        """Who brings a phone's secret. Raises NotAuthenticated."""
        phone = phone_of(secret)
        with self._lock:
            session_id = self._links.session_of(phone, self._clock.monotonic_s())
        return Caller("phone", session_id=session_id, name=phone)

    def take(self, caller: Caller, jpeg: bytes) -> dict[str, Any]:
        """One still of the phone.

        Raises InvalidInput or TooLarge for what is not a picture as it is taken, TooMany over the
        rate, NotAuthenticated when the phone was let go meanwhile.
        """
        info = inspect_jpeg(jpeg, FRAME_MAX_BYTES)
        now_s = self._clock.monotonic_s()
        with self._lock:
            scan = self._scan_of(caller, now_s)
            if scan.bucket is None or not scan.bucket.take(1, now_s):
                raise TooMany("Pictures come too quickly. Send one a second.")
            scan.number += 1
            still = Still(scan.number, now_s, self._clock.now(), jpeg, info.width, info.height)
            scan.newest = still
            scan.waiting[now_s] = still
            while len(scan.waiting) > MOST_UNJUDGED:
                scan.waiting.popitem(last=False)
            if scan.keeps:
                scan.spread_out(still)
            mailbox, is_shown = scan.mailbox, scan.shown() is still
        if mailbox is not None and mailbox.put(frames=[Frame(now_s, jpeg)]):
            self._pool.notify(phone_lane(caller.session_id))
        if is_shown:
            # Otherwise the page waits for the verdict, and shows both together.
            self._changed(caller.session_id, ())
        return self.of_phone(caller)

    def of_phone(self, caller: Caller) -> dict[str, Any]:
        """What the phone's page is told. Raises NotAuthenticated."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            scan = self._scan_of(caller, now_s)
            judged = scan.judged
            return {
                "still": scan.number,
                "judged": judged.number if judged else 0,
                "boxes": _boxes(judged),
                "every_ms": STILL_MS,
            }

    # The detectors

    def observe(self, result: AnalysisResult) -> None:
        """A verdict on stills of a phone."""
        session_id, overlay = session_of(result.session_id), result.overlay
        with self._lock:
            scan = self._scans.get(session_id)
            if scan is None:
                return
            found = [
                label
                for seen in result.observations
                if seen.detector is Detector.OBJECTS and seen.at_s >= scan.began_s
                for label in seen.labels
                if label in THINGS
            ]
            still = scan.waiting.get(overlay.at_s) if overlay is not None else None
            if still is not None and overlay is not None:
                boxes = tuple(box for box in overlay.boxes if box.label in THINGS)
                scan.judged = replace(still, boxes=boxes, is_judged=True)
                for at_s in [at_s for at_s in scan.waiting if at_s <= still.at_s]:
                    del scan.waiting[at_s]
                if scan.keeps:
                    self._remember(scan, scan.judged)
                found += scan.judged.things
        self._changed(session_id, tuple(dict.fromkeys(found)))

    def _remember(self, scan: _Scan, judged: Still) -> None:
        for thing in judged.things:
            scan.first.setdefault(thing, judged)
        scan.spread = [judged if s.number == judged.number else s for s in scan.spread]

    def _scan_of(self, caller: Caller, now_s: float) -> _Scan:
        """The scan of a phone that is still the one. Raises NotAuthenticated."""
        session_id = self._links.session_of(caller.name, now_s)
        scan = self._scans.get(session_id)
        if scan is None:
            raise NotAuthenticated("This token is not valid.")
        return scan


def _boxes(still: Still | None) -> list[dict[str, Any]]:
    return [
        {
            "x": box.x,
            "y": box.y,
            "width": box.width,
            "height": box.height,
            "label": box.label,
            "confidence": box.confidence,
        }
        for box in (still.boxes if still else ())
    ]
