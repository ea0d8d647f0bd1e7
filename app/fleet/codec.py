"""Frozen dataclasses as bytes and back, by their type hints; nothing else can come out.

What machines say to each other passes through a server that others may reach, so that nothing is
ever unpickled. A message is the length of a JSON header, the header, and the bytes it refers to.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import struct
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar, Union

from app.errors import CandorError

T = TypeVar("T")
_LENGTH = struct.Struct(">I")

Read = Callable[[Any, memoryview], Any]


class Unreadable(CandorError):
    """Bytes that are not a message of the expected kind."""

    code = "unreadable"


def encode(message: object) -> bytes:
    """Any message of `decode`'s kinds."""
    blobs: list[bytes] = []
    size = 0

    def plain(value: Any) -> Any:
        nonlocal size
        if isinstance(value, Enum):
            return value.value
        if value is None or isinstance(value, (str, int, float)):
            return value
        if isinstance(value, (bytes, bytearray)):
            blobs.append(bytes(value))
            size += len(value)
            return [size - len(value), len(value)]
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, dict):
            return [[plain(key), plain(each)] for key, each in value.items()]
        if isinstance(value, (tuple, list, set, frozenset)):
            return [plain(each) for each in value]
        if dataclasses.is_dataclass(value):
            return [plain(getattr(value, each.name)) for each in dataclasses.fields(value)]
        raise TypeError(f"{type(value).__name__} cannot be sent.")

    header = json.dumps([type(message).__name__, plain(message)], separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(header)), header, *blobs))


def decode(data: bytes, *kinds: type[T]) -> T:
    """The message, which must be one of these dataclasses. Raises Unreadable."""
    names: dict[str, Any] = {kind.__name__: kind for kind in kinds}
    try:
        (length,) = _LENGTH.unpack_from(data)
        start = _LENGTH.size + length
        name, fields = json.loads(data[_LENGTH.size : start])
        message: T = _reader(names[name])(fields, memoryview(data)[start:])
    except (ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError) as error:
        raise Unreadable(f"A message of another machine cannot be read ({error}).") from None
    return message


@functools.lru_cache(maxsize=256)
def _reader(kind: Any) -> Read:
    """What makes a value of this type from JSON."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(parts)
    if origin is tuple and parts[-1] is not Ellipsis:
        return _fixed([_reader(part) for part in parts])
    if origin in (tuple, list, set, frozenset):
        each = _reader(parts[0])
        return lambda value, blobs: origin(each(item, blobs) for item in _of(list, value))
    if origin in (dict, Mapping) or origin is types.MappingProxyType or origin is _MAPPING:
        return _pairs(_reader(parts[0]), _reader(parts[1]))
    if kind in (bool, int, str):
        return lambda value, _blobs: _of(kind, value)
    if kind is float:
        return lambda value, _blobs: float(_of((int, float), value))
    if kind is bytes:
        return _bytes
    if kind is datetime:
        return lambda value, _blobs: datetime.fromisoformat(_of(str, value))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value, _blobs: kind(value)
    if dataclasses.is_dataclass(kind):
        return _dataclass(typing.cast("type[Any]", kind))
    raise TypeError(f"{kind} cannot be received.")


_MAPPING = typing.get_origin(Mapping[str, str])


def _of(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"not {kind}")
    return value


def _optional(parts: tuple[Any, ...]) -> Read:
    (some,) = (part for part in parts if part is not type(None))
    read = _reader(some)
    return lambda value, blobs: None if value is None else read(value, blobs)


def _fixed(readers: list[Read]) -> Read:
    def read(value: Any, blobs: memoryview) -> Any:
        if len(_of(list, value)) != len(readers):
            raise ValueError("a tuple of another length")
        return tuple(reader(each, blobs) for reader, each in zip(readers, value, strict=True))

    return read


def _pairs(key: Read, each: Read) -> Read:
    return lambda value, blobs: {
        key(name, blobs): each(item, blobs) for name, item in _of(list, value)
    }


def _bytes(value: Any, blobs: memoryview) -> bytes:
    start, length = value
    found = bytes(blobs[_of(int, start) : start + _of(int, length)])
    if start < 0 or len(found) != length:
        raise ValueError("cut short")
    return found


def _dataclass(kind: type[Any]) -> Read:
    hints = typing.get_type_hints(kind)
    readers = [_reader(hints[each.name]) for each in dataclasses.fields(kind)]
    names = [each.name for each in dataclasses.fields(kind)]

    def read(value: Any, blobs: memoryview) -> Any:
        if len(_of(list, value)) != len(readers):
            raise ValueError(f"{kind.__name__} of another version")
        parts = zip(names, readers, value, strict=True)
        return kind(**{name: reader(each, blobs) for name, reader, each in parts})

    return read
