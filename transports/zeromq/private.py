"""Publications for one minion alone, between peers of ours.

A stock master publishes everything to everybody under a key that all minions share. Between our own peers each minion
gets its jobs sealed with its session key, in a frame `{"enc": TOPIC, "load": sealed}` whose first bytes are the same
for every publication to that minion. The minion subscribes to these bytes. TOPIC is derived from the session key
(`SymmetricKey.topic`), so a subscription to it proves to the master that the minion is connected, and its end that it
is gone. Stock minions ignore such frames: their `enc` is not `aes`.

`sealed` holds `{"job": packed job map, "sig": signature over these bytes, "sig_algo": name, "serial": int}`.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

import msgpack

from transports.codec import to_bytes, unpack
from transports.crypto import SymmetricKey
from transports.errors import CodecError

_HEAD = b"\x82\xa3enc\xd9"
_LOAD = b"\xa4load"


def prefix(topic: str) -> bytes:
    """The bytes to subscribe to for a topic of 33 to 255 characters."""
    raw = topic.encode("ascii")
    if not 33 <= len(raw) <= 255:
        raise CodecError("a topic must have 33 to 255 characters")
    return _HEAD + bytes((len(raw),)) + raw


def topic_of(subscription: bytes) -> Optional[str]:
    """The topic that a subscription is for, or None if it is for something else."""
    start = len(_HEAD) + 1
    if not subscription.startswith(_HEAD) or len(subscription) <= start:
        return None
    raw = subscription[start:]
    if len(raw) != subscription[start - 1]:
        return None
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        return None


def id_of(topic: str) -> str:
    """The minion id that a topic claims to belong to; compare the topic with the one of that id's session key."""
    return topic.rpartition(":")[0]


def frame(key: SymmetricKey, topic: str, inner: bytes) -> bytes:
    """One publication to the minion that owns the topic.

    Args:
        key: its session key.
        topic: `key.topic(minion_id)`.
        inner: the packed map that is sealed.
    """
    sealed: bytes = msgpack.packb(key.seal_packed(inner), use_bin_type=False)
    return prefix(topic) + _LOAD + sealed


def opened(key: SymmetricKey, data: bytes) -> Dict[str, Any]:
    """The inner map of a publication to this minion.

    Raises:
        CryptoError: not sealed with this key.
        CodecError: no acceptable message.
    """
    outer = unpack(data)
    if not isinstance(outer, dict):
        raise CodecError("a publication must be a map")
    inner = key.open(to_bytes(outer.get("load")))
    if not isinstance(inner, dict) or not {"job", "sig", "sig_algo", "serial"} <= set(inner):
        raise CodecError("a private publication that lacks a field")
    return inner
