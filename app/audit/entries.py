"""One entry of the audit, and what makes it part of the chain. Pure.

An entry's hash is an HMAC over its canonical text, the hash of the entry before it included, so
that nobody without the key can alter, remove, reorder or add one unnoticed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

FIRST = "0" * 64
LONGEST_DETAIL = 500

Detail = Mapping[str, "str | int | float | bool"]


@dataclass(frozen=True, slots=True)
class Entry:
    """`actor` and people in `subject` are pseudonymous references (`staff:p_...`).

    `seq` counts from 1; `previous` is the hash of entry `seq - 1`; `key_id` names the key.
    """

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Detail = field(default_factory=dict)
    previous: str = FIRST
    key_id: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry as it was appended: shows entries cut off at the end."""

    seq: int
    hash: str
    mac: str


def hash_of(entry: Entry, key: bytes) -> str:
    """The HMAC-SHA256 of everything in the entry but its hash, in hex."""
    at = entry.at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    parts = [
        entry.seq,
        at,
        entry.actor,
        entry.action,
        entry.subject,
        dict(entry.detail),
        entry.previous,
        entry.key_id,
    ]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def mac_of(seq: int, entry_hash: str, key: bytes) -> str:
    """What the head carries, so that it cannot be set back without the key."""
    return hmac.new(key, f"head {seq} {entry_hash}".encode(), hashlib.sha256).hexdigest()


def problems(entries: Iterable[Entry], head: Head | None, key: bytes, key_id: str) -> list[str]:
    """What is wrong with the chain, entries given in their order; empty when it is whole."""
    found: list[str] = []
    previous, expected = FIRST, 1
    for entry in entries:
        if entry.seq > expected:
            missing = (
                f"{expected}" if entry.seq == expected + 1 else f"{expected} to {entry.seq - 1}"
            )
            found.append(f"Entry {missing} is missing.")
        elif entry.seq < expected:
            found.append(f"Entry {entry.seq} stands there twice.")
        if entry.key_id != key_id:
            found.append(f"Entry {entry.seq} was written with another key ({entry.key_id}).")
        elif not hmac.compare_digest(entry.hash, hash_of(entry, key)):
            found.append(f"Entry {entry.seq} was altered.")
        elif entry.seq == expected and entry.previous != previous:
            found.append(f"Entry {entry.seq} does not follow the one before it.")
        previous, expected = entry.hash, entry.seq + 1
    if head is not None:
        found += _problems_of_head(head, previous, expected - 1, key)
    elif expected > 1:
        found.append("The mark of the last entry is missing.")
    return found


def _problems_of_head(head: Head, last_hash: str, last: int, key: bytes) -> list[str]:
    if not hmac.compare_digest(head.mac, mac_of(head.seq, head.hash, key)):
        return ["The mark of the last entry was altered."]
    if head.seq > last:
        return [f"Entry {_span(last + 1, head.seq)} is missing at the end."]
    if head.seq == last and head.hash != last_hash:
        return [f"Entry {last} is not the one that was written."]
    return []


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"
