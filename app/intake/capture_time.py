"""Turns a student's clock into seconds of the session, without trusting it.

One `CaptureTime` per session, guarded by its owner's lock. It reads no clock: the owner says
when a message was received.
"""

from __future__ import annotations

from collections import deque

from app.errors import InvalidInput

# What a browser kept while its line was down is still used when it is this old.
MAX_AGE_S = 3600.0
_BUCKET_S = 30.0
_BUCKETS = 10
_STEP_S = 0.001
_JUMP_S = 30.0
_JUMPS = 5
_SLACK_S = 0.25


class CaptureTime:
    """Maps capture instants of one client to session seconds.

    The client's clock is off by an unknown amount and each message is late by an unknown
    delay of at least zero, so the smallest (received - sent) of the last five minutes is the
    best estimate of the first; a drifting clock is followed because old estimates expire, and
    one that jumped back is learnt anew when several messages in a row look very late.
    What the client says it heard of the server's clock bounds the estimate from below; a clock
    that contradicts itself is counted in `lies` and learnt anew.
    Nothing is mapped to the future, nor to long before it was received.
    """

    def __init__(self) -> None:
        self._smallest: deque[tuple[int, float]] = deque(maxlen=_BUCKETS)
        self._delay_s = 0.0
        self._jumps = 0
        self._lowest_s = float("-inf")
        self._hint_s: float | None = None
        self.lies = 0

    @property
    def delay_s(self) -> float:
        """How much later than the fastest one the last message came."""
        return self._delay_s

    def forget(self) -> None:
        """A new page or program may have another clock: learn it anew."""
        self._smallest.clear()
        self._delay_s = 0.0
        self._jumps = 0
        self._lowest_s = float("-inf")
        self._hint_s = None

    @property
    def offset_s(self) -> float | None:
        """Session seconds less the client's seconds; None before any message."""
        return self._offset_s() if self._smallest or self._hint_s is not None else None

    def hint(self, offset_s: float) -> None:
        """The client says which offset this or an earlier server told it: what it sends again
        then falls on the instants it had. Used while nothing contradicts it."""
        self._hint_s = offset_s

    def heard(self, server_s: float, t_ms: float, now_s: float) -> None:
        """At its instant `t_ms` the client heard what the server said at second `server_s`."""
        if not 0 <= server_s <= now_s:
            return
        self._lowest_s = max(self._lowest_s, server_s - t_ms / 1000)
        if self._smallest and self._lowest_s > self._smallest_s() + _SLACK_S:
            self.lies += 1
            self.forget()

    def received(self, sent_ms: float, now_s: float) -> None:
        """A message that left the client at `sent_ms` is here at session second `now_s`."""
        offset_s = now_s - sent_ms / 1000
        bucket = int(now_s // _BUCKET_S)
        if self._smallest and self._smallest[-1][0] == bucket:
            self._smallest[-1] = (bucket, min(self._smallest[-1][1], offset_s))
        else:
            self._smallest.append((bucket, offset_s))
        self._delay_s = offset_s - self._offset_s()
        self._jumps = self._jumps + 1 if self._delay_s > _JUMP_S else 0
        if self._jumps == _JUMPS:
            self.lies += 1
            self.forget()
            self._smallest.append((bucket, offset_s))

    def at_s(
        self, t_ms: float, now_s: float, span_s: float = 0.0, max_age_s: float = MAX_AGE_S
    ) -> float:
        """The session second of capture instant `t_ms`; its `span_s` ends at `now_s` at latest.

        Below 0 when a part with a span began before the session and reaches into it. Raises
        InvalidInput when it was captured before the session or too long ago.
        """
        offset_s = self.offset_s
        at_s = now_s if offset_s is None else min(t_ms / 1000 + offset_s, now_s - span_s)
        if at_s < 0 and at_s + span_s <= 0:
            raise InvalidInput("It was captured before the session began.")
        if at_s < now_s - max_age_s - span_s:
            raise InvalidInput(
                f"It was captured more than {max_age_s:.0f} s ago, which is too late to be used."
            )
        return at_s

    def client_ms(self, at_s: float) -> float | None:
        """The client's clock at a session second; None while it is unknown."""
        offset_s = self.offset_s
        return None if offset_s is None else (at_s - offset_s) * 1000

    def _smallest_s(self) -> float:
        return min((offset_s for _, offset_s in self._smallest), default=float("inf"))

    def _offset_s(self) -> float:
        highest_s = self._smallest_s()
        hint_s = self._hint_s
        if hint_s is not None and self._lowest_s - _SLACK_S <= hint_s <= highest_s:
            return hint_s
        return highest_s


class InOrder:
    """Keeps one stream's instants strictly rising although the estimate of the clock moves.

    A part that would step back by up to `max_back_s` is put right behind the one before it.
    """

    def __init__(self, max_back_s: float) -> None:
        self._max_back_s = max_back_s
        self._last_s = float("-inf")

    def place(self, at_s: float, now_s: float) -> float:
        """The instant to use for `at_s`, at `now_s` at latest.

        Raises InvalidInput when it steps back too far or too many share one instant.
        """
        if at_s <= self._last_s:
            if at_s < self._last_s - self._max_back_s:
                raise InvalidInput("It was captured before what was received already.")
            at_s = self._last_s + _STEP_S
            if at_s > now_s:
                raise InvalidInput("It was captured at the same instant as what came before.")
        self._last_s = at_s
        return at_s
