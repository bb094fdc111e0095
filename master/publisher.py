"""The Publisher process: signs and encrypts jobs, sends them on port 4505, notices who is connected.

Stock minions get the one publication that everybody can read (docs/protocol.md); minions of ours each get their own,
see `transports.zeromq.private`. A minion of ours subscribes to a topic that only it and the master know, so the
subscription tells that it is there, and its end that it is gone, without polling.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from typing import Any, Protocol

import msgpack
import zmq

from master.gate import Session
from transports import codec
from transports.crypto import PrivateKey, SymmetricKey, sign
from transports.zeromq import private

log = logging.getLogger(__name__)

_BEGINS, _ENDS = b"\x01", b"\x00"


class PublishKeyFile(Protocol):
    """The key that stock minions share."""

    def rotate(self) -> None: ...

    def key(self) -> SymmetricKey: ...


class Sessions(Protocol):
    """Where session keys are found."""

    def find(self, minion_id: str) -> Session | None: ...


class Publisher:
    """Turns jobs into frames and subscriptions into presence.

    Args:
        socket: a bound XPUB socket.
        master_key: signs every publication.
        algorithm: of the signature.
        shared: the key that stock minions share.
        sessions: the session keys of our own minions.
        by_topic: publish to stock minions by topic (`zmq_filtering`).
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        master_key: PrivateKey,
        algorithm: str,
        shared: PublishKeyFile,
        sessions: Sessions,
        by_topic: bool = False,
    ) -> None:
        self._socket, self._master_key, self._algorithm = socket, master_key, algorithm
        self._shared, self._sessions, self._by_topic = shared, sessions, by_topic
        self._serial = 0
        self._private_serial = 0
        self._topics: dict[str, dict[str, SymmetricKey]] = {}  # id -> topic -> key, of those connected
        self._subscribers: Counter[bytes] = Counter()

    def __repr__(self) -> str:
        return f"<Publisher: {len(self._topics)} of our minions connected, serial {self._serial}>"

    def rotate(self) -> None:
        """Replaces the shared key; stock minions sign in again when they see the next publication."""
        self._shared.rotate()
        self._serial = 0

    def cut(self, minion_id: str) -> None:
        """Forgets a minion's topics: nothing private is sent there any more.

        The last thing that it gets is something it can't open. It signs in again, and learns where it stands.
        """
        for topic in self._topics.pop(minion_id, {}):
            self._socket.send(private.frame(SymmetricKey.generate(), topic, b""))

    def disturb(self) -> None:
        """Publishes something for nobody: stock minions notice that the shared key changed, and sign in again."""
        nobody = {"jid": time.strftime("%Y%m%d%H%M%S000000", time.gmtime()), "fun": "test.ping", "arg": [], "ret": ""}
        self._publish_shared({**nobody, "tgt": [], "tgt_type": "list", "user": "root"}, None)

    @property
    def connected(self) -> list[str]:
        """The minions of ours that listen."""
        return list(self._topics)

    @property
    def stock_listeners(self) -> int:
        """Connections that read the publication for everybody."""
        return sum(n for topic, n in self._subscribers.items() if private.topic_of(topic) is None)

    def subscription(self, message: bytes, said: bool = False) -> tuple[str, bool] | None:
        """Takes a subscription message; returns (minion id, is there now) if that changed for a minion of ours.

        Args:
            message: as the socket has it.
            said: whether a peer sent it; the end of a connection ends its subscriptions without a word. A peer may say
                that it ends what it never began, so that counts only for a topic that nobody else can know.
        """
        kind, wanted = message[:1], message[1:]
        if kind not in (_BEGINS, _ENDS):
            return None
        topic = private.topic_of(wanted)
        key = self._key_of(topic) if topic and kind == _BEGINS else None
        if topic and key is not None:
            return self._subscribed(topic, wanted, key)
        if topic and kind == _ENDS and self._subscribers[wanted]:
            return self._unsubscribed(private.id_of(topic), topic, wanted)
        if wanted in (b"", b"broadcast") and (kind == _BEGINS or not said):
            self._count(wanted, kind == _BEGINS)
        return None

    def _key_of(self, topic: str) -> SymmetricKey | None:
        """The session key that a topic was derived from."""
        minion_id = private.id_of(topic)
        session = self._sessions.find(minion_id) if minion_id else None
        for key in (session.key, session.previous) if session else ():
            if key is not None and key.topic(minion_id) == topic:
                return key
        return None

    def _subscribed(self, topic: str, wanted: bytes, key: SymmetricKey) -> tuple[str, bool]:
        minion_id = private.id_of(topic)
        self._count(wanted, True)
        if self._subscribers[wanted] > 1:
            log.warning("two connections listen as minion %s; is its key on two hosts?", minion_id)
        self._topics.setdefault(minion_id, {})[topic] = key
        return minion_id, True

    def _unsubscribed(self, minion_id: str, topic: str, wanted: bytes) -> tuple[str, bool] | None:
        self._count(wanted, False)
        topics = self._topics.get(minion_id)
        if self._subscribers[wanted] or not topics or topic not in topics:
            return None
        del topics[topic]
        if topics:
            return None
        del self._topics[minion_id]
        return minion_id, False

    def _count(self, topic: bytes, begins: bool) -> None:
        self._subscribers[topic] += 1 if begins else -1
        if self._subscribers[topic] <= 0:
            del self._subscribers[topic]

    def publish(self, job: dict[str, Any], own: list[str], broadcast: bool, topics: list[str] | None) -> None:
        """Sends one job.

        Args:
            job: the publication map.
            own: ids of our minions that get it privately, if they are connected.
            broadcast: whether stock minions get it.
            topics: with `zmq_filtering`, the ids whose topics it goes to; None for the topic of everybody.
        """
        if own:
            self._publish_private(job, own)
        if broadcast:
            self._publish_shared(job, topics)

    def _publish_private(self, job: dict[str, Any], own: list[str]) -> None:
        self._private_serial = max(self._private_serial + 1, time.time_ns() // 1000)
        packed = codec.pack(job)
        inner = codec.pack(
            {
                "job": packed,
                "sig": sign(self._master_key, packed, self._algorithm),
                "sig_algo": self._algorithm,
                "serial": self._private_serial,
            }
        )
        for minion_id in own:
            for topic, key in self._topics.get(minion_id, {}).items():
                self._socket.send(private.frame(key, topic, inner))

    def _publish_shared(self, job: dict[str, Any], topics: list[str] | None) -> None:
        self._serial += 1
        sealed = self._shared.key().seal({**job, "serial": self._serial})
        message: bytes = msgpack.packb(
            {
                "enc": "aes",
                "load": sealed,
                "sig_algo": self._algorithm,
                "sig": sign(self._master_key, sealed, self._algorithm),
            },
            use_bin_type=False,
        )
        if not self._by_topic:
            self._socket.send(message)
        elif topics is None:
            self._socket.send_multipart([b"broadcast", message])
        else:
            for minion_id in topics:
                topic = hashlib.sha1(minion_id.encode()).hexdigest()  # noqa: S324 - a name, as stock minions know it
                self._socket.send_multipart([topic.encode(), message])


def bind_address(interface: str, port: int) -> str:
    """The ZeroMQ endpoint for an interface that may be an IPv6 address."""
    return f"tcp://[{interface}]:{port}" if ":" in interface else f"tcp://{interface}:{port}"


def public_socket(context: zmq.Context[Any], kind: int, heartbeat: float, max_message: int, ipv6: bool) -> Any:
    """A socket with the options that every public port has: limits, heartbeats, keepalive.

    Args:
        kind: zmq.XPUB or zmq.ROUTER.
        heartbeat: seconds between pings; a peer that misses three is disconnected.
        max_message: bytes of one inbound message at the most; a peer that sends more is disconnected.
    """
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 1000)
    socket.setsockopt(zmq.BACKLOG, 4096)
    socket.setsockopt(zmq.MAXMSGSIZE, max_message)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, 60)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, 15)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, 3)
    socket.setsockopt(zmq.HEARTBEAT_IVL, int(heartbeat * 1000))
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, int(heartbeat * 3000))
    socket.setsockopt(zmq.HANDSHAKE_IVL, 10000)
    socket.setsockopt(zmq.IPV6, int(ipv6))
    return socket
