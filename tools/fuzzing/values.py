"""Values nobody should send: wrong types, huge, nested, binary, operators, odd texts."""

from __future__ import annotations

import random
from typing import Any

TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "..%5c..%5c",
    "/",
    "//",
    "\\",
    "a" * 64,
    "a" * 65,
    "x" * 5_000,
    "\u202e\u0000\uffff",
    "\ud83d\ude00" * 40,
    "é" * 300,
    "<script>alert(1)</script>",
    "'; DROP TABLE sessions; --",
    "=1+1",
    '{"$gt": ""}',
    "$where",
    "null",
    "undefined",
    "NaN",
    "-1",
    "1e999",
    "2026-13-45T99:99:99Z",
    "s_" + "0" * 32,
    "Bearer ",
    "\r\nX: y",
)
NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**40, -(10**40), 0.1, -0.0, 1e308, 5e-324)
OPERATORS: tuple[dict[str, Any], ...] = (
    {"$gt": ""},
    {"$ne": None},
    {"$where": "sleep(1000)"},
    {"$regex": ".*"},
    {"$in": []},
)
NAMES = (
    "user_id",
    "exam_id",
    "session_id",
    "session_ids",
    "token",
    "key",
    "client",
    "seq",
    "sent_ms",
    "frames",
    "audio",
    "screen",
    "events",
    "state",
    "id",
    "kind",
    "t",
    "size",
    "capabilities",
    "consent",
    "reason",
    "policy",
    "text",
    "message_id",
    "request_id",
    "approve",
    "question_id",
    "value",
    "is_flagged",
    "minutes",
    "until_ms",
    "exam",
    "x",
    "y",
    "__proto__",
    "$set",
    "a.b",
    "",
)


def hostile(chance: random.Random, depth: int = 3) -> Any:
    """Any JSON value."""
    pick = chance.random()
    if depth > 0 and pick < 0.15:
        return [hostile(chance, depth - 1) for _ in range(chance.randrange(5))]
    if depth > 0 and pick < 0.4:
        names = chance.sample(NAMES, chance.randrange(1, 6))
        return {name: hostile(chance, depth - 1) for name in names}
    if pick < 0.45:
        return dict(chance.choice(OPERATORS))
    if pick < 0.65:
        return chance.choice(TEXTS)
    if pick < 0.85:
        return chance.choice(NUMBERS)
    if pick < 0.88:
        return nested(chance.choice((20, 100, 200)))
    if pick < 0.9:
        return list(range(chance.choice((100, 5_000))))
    return chance.choice((None, True, False, [], {}))


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def blob(chance: random.Random) -> bytes:
    """Bytes that may look like a picture."""
    data = chance.randbytes(chance.choice((0, 1, 100, 3_000, 60_000)))
    heads = (
        b"",
        b"\xff\xd8\xff\xe0",
        b"\xff\xd8" + b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff",
        b"RIFF",
    )
    tails = (b"", b"\xff\xd9")
    return chance.choice(heads) + data + chance.choice(tails)
