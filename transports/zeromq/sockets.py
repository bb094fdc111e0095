"""The sockets of a minion: options that notice a dead peer, and what the monitors of them say."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Any, Tuple

import zmq
import zmq.asyncio

from transports.codec import MAX_MESSAGE

_EVENT = struct.Struct("=HI")
_ENVELOPE = 65536
CONNECTED = zmq.EVENT_HANDSHAKE_SUCCEEDED
DISCONNECTED = zmq.EVENT_DISCONNECTED


@dataclass(frozen=True)
class Tuning:
    """How connections behave.

    Attributes:
        heartbeat: seconds between pings; a peer that misses three is given up.
        reconnect: first bound of the delay before reconnecting, milliseconds.
        reconnect_longest: last bound of it.
        spread: draw the first delay at random.
        keepalive: TCP keepalive.
        ipv6: resolve names to IPv6 addresses too.
        source: local address, "" for any.
    """

    heartbeat: float = 10.0
    reconnect: int = 1000
    reconnect_longest: int = 10000
    spread: bool = True
    keepalive: bool = True
    ipv6: bool = False
    source: str = ""


def open_socket(context: Any, kind: int, tuning: Tuning, limit: int = MAX_MESSAGE) -> Any:
    """A socket with all options set, not connected yet.

    Args:
        context: of zmq.asyncio.
        kind: zmq.SUB or zmq.DEALER.
        tuning: the options.
        limit: bytes of one inbound message at the most.
    """
    socket = context.socket(kind)
    first = max(1, tuning.reconnect)
    options = {
        zmq.LINGER: 0,
        zmq.MAXMSGSIZE: limit + _ENVELOPE,
        zmq.HEARTBEAT_IVL: int(tuning.heartbeat * 1000),
        zmq.HEARTBEAT_TIMEOUT: int(tuning.heartbeat * 3000),
        zmq.HEARTBEAT_TTL: int(tuning.heartbeat * 3000),
        zmq.HANDSHAKE_IVL: 10000,
        zmq.RECONNECT_IVL: _spread(first) if tuning.spread else first,
        zmq.RECONNECT_IVL_MAX: max(first, tuning.reconnect_longest),
        zmq.IPV6: int(tuning.ipv6),
        zmq.TCP_KEEPALIVE: int(tuning.keepalive),
        zmq.TCP_KEEPALIVE_IDLE: 300,
    }
    if kind == zmq.DEALER:
        options[zmq.IMMEDIATE] = 1  # nothing waits in a queue for a master that is away
    for option, value in options.items():
        socket.setsockopt(option, value)
    return socket


def _spread(longest: int) -> int:
    return int(random.uniform(1 + longest // 10, longest + 1))  # noqa: S311 - nothing depends on its being secret


def monitor(socket: Any) -> Any:
    """A socket on which `event` reads what happens to the connections of another one."""
    return socket.get_monitor_socket(CONNECTED | DISCONNECTED)


async def event(watch: Any) -> int:
    """Waits for the next thing that happens: CONNECTED or DISCONNECTED."""
    head, _address = await watch.recv_multipart()
    number, _value = _EVENT.unpack(head)
    return int(number)


def endpoint(address: Tuple[str, int], source: str) -> str:
    """The ZeroMQ endpoint to connect to."""
    host, port = address
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if not source:
        return f"tcp://{target}"
    return f"tcp://[{source}]:0;{target}" if ":" in source else f"tcp://{source}:0;{target}"
