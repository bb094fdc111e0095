"""Turns messages into bytes and back: msgpack as it travels on Salt's wire, within limits.

Packing uses msgpack's old raw family (bytes and text share one type), as all Salt peers do. Unpacking therefore gets
bytes everywhere and makes text of whatever is valid UTF-8; a binary field that happens to be valid UTF-8 arrives as
text, see `to_bytes`.
"""

from __future__ import annotations

import datetime
from typing import Any, Callable, Dict, List, Tuple

import msgpack

from transports.errors import CodecError, MessageTooLarge

MAX_MESSAGE = 32 * 1024 * 1024
MAX_DEPTH = 100
MAX_VALUES = 1_000_000  # a byte on the wire may become a hundred in memory
_MAX_FIELDS = 16
_EXT_DATETIME, _EXT_CONSTANT = 78, 79
_DATETIME = "%Y%m%dT%H:%M:%S.%f"
# The library in C reserves memory for each length that is announced, whether or not anything comes.
_RESERVES = msgpack.Unpacker.__module__ != "msgpack.fallback"
_PLAIN = frozenset((str, int, float, bool, type(None), datetime.datetime))


def pack(message: Any, limit: int = MAX_MESSAGE) -> bytes:
    """One message as bytes.

    Args:
        message: maps, sequences, text, bytes, numbers, booleans, None; dates; sets travel as lists and integers beyond
            64 bit as decimal text.
        limit: bytes at the most.

    Raises:
        MessageTooLarge: above the limit.
        CodecError: something in it can't travel.
    """
    try:
        data: bytes = msgpack.packb(message, use_bin_type=False, default=_portable)
    except OverflowError:
        data = _pack_big_integers(message)
    except (TypeError, ValueError, RecursionError) as exc:
        raise CodecError(f"the message can't be packed: {exc}") from None
    if len(data) > limit:
        raise MessageTooLarge(f"the message has {len(data)} bytes, more than the {limit} that may travel")
    return data


def unpack(data: bytes, limit: int = MAX_MESSAGE) -> Any:
    """The message that some bytes hold.

    Args:
        data: what came from a peer, trusted in nothing.
        limit: bytes at the most.

    Raises:
        MessageTooLarge: above the limit.
        CodecError: no msgpack, too deep, too many values, a map that names a key twice, or an unknown extension.
    """
    return _checked(data, limit, lambda: _text(_unpacked(data, _extension), 0))


def unpack_flat(data: bytes, limit: int = MAX_MESSAGE) -> Any:
    """The map that some bytes hold, if there are only plain values in it; anything else is refused before it is built.

    Raises:
        MessageTooLarge, CodecError: see `unpack`; or it is no such map.
    """
    return _checked(data, limit, lambda: _text(_fields(data), 0))


def _checked(data: bytes, limit: int, read: Callable[[], Any]) -> Any:
    if len(data) > limit:
        raise MessageTooLarge(f"a message of {len(data)} bytes, more than the {limit} that are accepted")
    try:
        return read()
    except CodecError:
        raise
    except Exception as exc:  # noqa: BLE001 - the library raises a dozen kinds, some of them undocumented
        raise CodecError(f"no acceptable message: {type(exc).__name__}") from None


def _unpacked(data: bytes, extension: Callable[[int, bytes], Any]) -> Any:
    """What msgpack makes of the bytes, once a walk over them has shown that all that is announced is there."""
    if _RESERVES:
        _reader(data).skip()
    counter = _Counter() if len(data) > MAX_VALUES else None
    return msgpack.unpackb(
        data,
        raw=True,
        strict_map_key=False,
        object_pairs_hook=counter.map if counter else _map,
        list_hook=counter.list if counter else None,
        ext_hook=extension,
        max_array_len=min(len(data), MAX_VALUES),
        max_map_len=min(len(data), MAX_VALUES),
    )


def _fields(data: bytes) -> Dict[Any, Any]:
    reader = _reader(data, max_array_len=0, max_map_len=0, max_ext_len=0)
    count = reader.read_map_header()
    if count > _MAX_FIELDS:
        raise CodecError("a map of more fields than are known")
    fields = _map([(reader.unpack(), reader.unpack()) for _ in range(count)])
    if reader.tell() != len(data):
        raise CodecError("a message with something behind it")
    return fields


def _reader(data: bytes, **limits: int) -> Any:
    reader = msgpack.Unpacker(raw=True, read_size=len(data), max_buffer_size=len(data), **limits)
    reader.feed(data)
    return reader


def to_bytes(field: object) -> bytes:
    """A binary field of an unpacked message, whichever type it arrived as.

    Raises:
        CodecError: it is neither bytes nor text.
    """
    if isinstance(field, bytes):
        return field
    if isinstance(field, str):
        return field.encode()
    raise CodecError(f"a binary field arrived as {type(field).__name__}")


def _portable(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, datetime.datetime):
        return msgpack.ExtType(_EXT_DATETIME, value.strftime(_DATETIME).encode())
    if isinstance(value, datetime.date):
        return value.isoformat()
    if hasattr(value, "items"):
        return dict(value.items())
    if hasattr(value, "__iter__"):
        return list(value)
    raise TypeError(f"{type(value).__name__} can't travel")


def _pack_big_integers(message: Any) -> bytes:
    try:
        data: bytes = msgpack.packb(_without_big_integers(message), use_bin_type=False, default=_portable)
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise CodecError(f"the message can't be packed: {exc}") from None
    return data


def _without_big_integers(value: Any) -> Any:
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    if isinstance(value, dict):
        return {_without_big_integers(key): _without_big_integers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_big_integers(item) for item in value]
    return value


def _map(pairs: List[Tuple[Any, Any]]) -> Dict[Any, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise CodecError("a map names a key twice")
    return made


class _Counter:
    """Counts the values of a large message while it is read."""

    def __init__(self) -> None:
        self._seen = 0

    def map(self, pairs: List[Tuple[Any, Any]]) -> Dict[Any, Any]:
        self._count(2 * len(pairs))
        return _map(pairs)

    def list(self, values: List[Any]) -> List[Any]:
        self._count(len(values))
        return values

    def _count(self, more: int) -> None:
        self._seen += more
        if self._seen > MAX_VALUES:
            raise CodecError(f"a message of more than {MAX_VALUES} values")


def _text(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is bytes:
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if kind is dict:
        if depth >= MAX_DEPTH:
            raise CodecError(f"a message nested deeper than {MAX_DEPTH}")
        made = {_text(key, depth + 1): _text(item, depth + 1) for key, item in value.items()}
        if len(made) != len(value):
            raise CodecError("a map names a key twice")
        return made
    if kind is list:
        if depth >= MAX_DEPTH:
            raise CodecError(f"a message nested deeper than {MAX_DEPTH}")
        return [_text(item, depth + 1) for item in value]
    if kind not in _PLAIN:
        raise CodecError(f"a message with a {kind.__name__} in it")
    return value


def _extension(code: int, data: bytes) -> Any:
    if code == _EXT_DATETIME:
        return datetime.datetime.strptime(data.decode("ascii"), _DATETIME)
    if code == _EXT_CONSTANT:
        name, value = _unpacked(data, _refused)  # none inside another: each costs the library much of its stack
        return {"name": _text(name, 0), "value": _text(value, 0)}
    return _refused(code, data)


def _refused(code: int, data: bytes) -> Any:
    raise CodecError(f"unknown extension type {code}")
