"""The connection to Redis: one for the whole process, thread-safe, every call with a time limit."""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.settings import Settings

CALL_S = 5.0
CONNECT_S = 2.0


class LineDown(OSError):
    """Redis does not answer."""


class Line:
    """The part of Redis that is used. Names are this installation's own. Raises LineDown."""

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self._prefix = prefix
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=CALL_S,
            socket_connect_timeout=CONNECT_S,
            retry=Retry(NoBackoff(), 1),
            client_name="candor",
        )

    def name(self, *parts: str) -> str:
        """A key or channel."""
        return ":".join((self._prefix, *parts))

    def check(self) -> None:
        """Raises LineDown unless Redis answers."""
        self._call("ping")

    def keep(self, name: str, value: bytes, for_s: float) -> None:
        """Set a key that goes by itself."""
        self._call("set", name, value, px=round(for_s * 1000))

    def read(self, names: list[str]) -> list[bytes | None]:
        found: list[bytes | None] = self._call("mget", names) if names else []
        return found

    def forget(self, *names: str) -> None:
        self._call("delete", *names)

    def add_member(self, name: str, member: str) -> None:
        self._call("sadd", name, member)

    def remove_members(self, name: str, *members: str) -> None:
        self._call("srem", name, *members)

    def members(self, name: str) -> set[str]:
        return {member.decode() for member in self._call("smembers", name)}

    def push(self, name: str, message: bytes, most: int, for_s: float) -> None:
        """Append to a stream, which keeps the newest `most` and goes by itself when left alone."""
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.xadd(name, {"m": message}, maxlen=most, approximate=False)
            pipe.pexpire(name, round(for_s * 1000))
            pipe.execute()
        except redis.RedisError as error:
            raise LineDown(f"Redis does not answer ({error}).") from None

    def pull(self, name: str, after: str, wait_s: float) -> list[tuple[str, bytes]]:
        """What a stream holds after an entry, waiting for the first; id and message of each."""
        found = self._call("xread", {name: after}, block=max(1, round(wait_s * 1000)))
        entries = found[0][1] if found else []
        return [(entry_id.decode(), fields[b"m"]) for entry_id, fields in entries]

    def newer(self, name: str, after: str) -> list[tuple[str, bytes]]:
        """What a stream holds after an entry now."""
        found = self._call("xrange", name, f"({after}" if after != "0" else "-", "+")
        return [(entry_id.decode(), fields[b"m"]) for entry_id, fields in found]

    def trim(self, name: str, entry_ids: list[str]) -> None:
        """Take entries out of a stream."""
        if entry_ids:
            self._call("xdel", name, *entry_ids)

    def close(self) -> None:
        self._redis.close()

    def _call(self, command: str, *args: Any, **named: Any) -> Any:
        try:
            return getattr(self._redis, command)(*args, **named)
        except redis.RedisError as error:
            raise LineDown(f"Redis does not answer ({error}).") from None


def open_line(settings: Settings) -> Line:
    """The line of an installation; the databases' names keep several apart in one Redis."""
    return Line(settings.redis_url, f"candor:{settings.db_name}")
