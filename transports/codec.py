"""Turns messages into bytes and back: msgpack as it travels on Salt's wire, within limits.

Packing uses msgpack's old raw family (bytes and text share one type), as all Salt peers do. Unpacking therefore gets
bytes everywhere and makes text of whatever is valid UTF-8; a binary field that happens to be valid UTF-8 arrives as
text, see `to_bytes`.
"""

from __future__ import annotations

import datetime
from typing import Any, Dict, List, Tuple

import msgpack

from transports.errors import CodecError, MessageTooLarge

MAX_MESSAGE = 32 * 1024 * 1024
MAX_DEPTH = 100
_EXT_DATETIME, _EXT_CONSTANT = 78, 79
_DATETIME = "%Y%m%dT%H:%M:%S.%f"


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
        CodecError: no msgpack, too deep, a map that names a key twice, or an unknown extension.
    """
    if len(data) > limit:
        raise MessageTooLarge(f"a message of {len(data)} bytes, more than the {limit} that are accepted")
    try:
        message = msgpack.unpackb(
            data, raw=True, strict_map_key=False, object_pairs_hook=_map, ext_hook=_extension, use_list=True
        )
        return _text(message, 0)
    except CodecError:
        raise
    except Exception as exc:  # noqa: BLE001 - the library raises a dozen kinds, some of them undocumented
        raise CodecError(f"no acceptable message: {type(exc).__name__}") from None


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
    return value


def _extension(code: int, data: bytes) -> Any:
    if code == _EXT_DATETIME:
        return datetime.datetime.strptime(data.decode("ascii"), _DATETIME)
    if code == _EXT_CONSTANT:
        name, value = msgpack.unpackb(data, raw=True)
        return {"name": _text(name, 0), "value": _text(value, 0)}
    raise CodecError(f"unknown extension type {code}")
