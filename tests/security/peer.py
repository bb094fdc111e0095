"""A minion as an attacker writes one: it speaks Salt's wire, well or badly, and believes nothing.

`Peer` signs in, asks and listens as a stock minion does. Every step can be bent: fields of the load, of the envelope,
keys, times, the bytes themselves. Source of the protocol: docs/protocol.md.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import zmq

from transports import codec, crypto
from transports.crypto import PrivateKey, SymmetricKey
from transports.errors import TransportError

WAIT = 10.0  # seconds; nothing here takes so long unless the master is stuck
SHA1 = ("OAEP-SHA1", "PKCS1v15-SHA1")
SHA224 = ("OAEP-SHA224", "PKCS1v15-SHA224")
SILENCE = object()
_context: zmq.Context[Any] = zmq.Context()
_sockets: list[Any] = []


def _socket(kind: int) -> Any:
    made = _context.socket(kind)
    made.setsockopt(zmq.LINGER, 0)
    _sockets.append(made)
    return made


def close_all() -> None:
    """Closes the connections that tests left open."""
    while _sockets:
        _sockets.pop().close()


@cache
def key(number: int = 0) -> PrivateKey:
    """The attacker's key of this number, made once in a run."""
    return crypto.generate_key(2048)


@cache
def pem(number: int = 0) -> str:
    """Its public half as it travels."""
    return crypto.public_pem(key(number).public_key())


@cache
def proof(number: int = 0) -> bytes:
    """The token that a minion with this key puts into each request."""
    return crypto.x931_sign(key(number), b"salt")


class Wire:
    """One connection to the port for requests: whole ZeroMQ messages, in any shape."""

    def __init__(self, port: int, identity: bytes = b"") -> None:
        self._socket = _socket(zmq.DEALER)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 10)
        if identity:
            self._socket.setsockopt(zmq.IDENTITY, identity)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def send(self, *payloads: bytes) -> None:
        """Sends requests without waiting for replies."""
        for payload in payloads:
            self._socket.send_multipart([b"", payload])

    def send_frames(self, frames: Sequence[bytes]) -> None:
        """Sends one message of these frames."""
        self._socket.send_multipart(list(frames))

    def receive(self, wait: float = WAIT) -> Any:
        """The next reply as bytes, or `SILENCE`."""
        if not self._socket.poll(int(wait * 1000)):
            return SILENCE
        frames = self._socket.recv_multipart()
        assert len(frames) == 2 and frames[0] == b"", "a reply has an empty frame and one with the reply"
        return frames[1]

    def replies(self, count: int, wait: float = WAIT) -> list[bytes]:
        """So many replies; fewer if there are no more in time."""
        found: list[bytes] = []
        ends = time.monotonic() + wait
        while len(found) < count and (reply := self.receive(max(0.0, ends - time.monotonic()))) is not SILENCE:
            found.append(reply)
        return found

    def close(self) -> None:
        self._socket.close()


class NoReply(AssertionError):
    """The master said nothing, or something that this peer can't open; `args[0]` is what."""


class Peer:
    """One minion.

    Args:
        port: of requests.
        minion_id: who it says it is.
        number: which of the attacker's keys it has.
        algorithms: for encryption and signatures; stock minions use SHA-1.
    """

    def __init__(self, port: int, minion_id: str, number: int = 0, algorithms: tuple[str, str] = SHA1) -> None:
        self.port, self.id, self.number, self.algorithms = port, minion_id, number, algorithms
        self.wire = Wire(port)
        self.master_key: crypto.PublicKey | None = None
        self.session: SymmetricKey | None = None
        self.shared: SymmetricKey | None = None

    def close(self) -> None:
        self.wire.close()

    # ------------------------------------------------------------- sign in

    def introduction(self, **changes: Any) -> bytes:
        """An `_auth` request; a change to `DROP` leaves a field out."""
        load = {
            "cmd": "_auth", "id": self.id, "nonce": crypto.new_nonce(), "pub": pem(self.number),
            "enc_algo": self.algorithms[0], "sig_algo": self.algorithms[1],
        }  # fmt: skip
        return clear(changed(load, changes))

    def show(self, wait: float = WAIT, **changes: Any) -> dict[str, Any]:
        """Sends an `_auth` request; the inner map of the signed reply."""
        self.wire.send(self.introduction(**changes))
        return told(self.wire.receive(wait))

    def sign_in(self, **changes: Any) -> Peer:
        """Signs in and keeps the keys.

        Raises:
            NoReply: it is not let in.
        """
        inner = self.show(**changes)
        if inner.get("enc") != "pub":
            raise NoReply(inner)
        own, algorithm = key(self.number), self.algorithms[0]
        self.master_key = crypto.load_public(inner["pub_key"].strip())
        self.session = SymmetricKey(crypto.decrypt(own, codec.to_bytes(inner["session"]), algorithm).decode())
        self.shared = SymmetricKey(crypto.decrypt(own, codec.to_bytes(inner["aes"]), algorithm).decode())
        return self

    # -------------------------------------------------------------- requests

    def load(self, cmd: Any, /, **fields: Any) -> dict[str, Any]:
        """What a stock minion encrypts for this request."""
        common = {
            "cmd": cmd, "id": self.id, "nonce": crypto.new_nonce(), "ts": int(time.time()), "tok": proof(self.number),
        }  # fmt: skip
        return changed(common, fields)

    def seal(self, load: Any, session: SymmetricKey | None = None, **outer: Any) -> bytes:
        """The request as it travels; `outer` bends the envelope."""
        sealing = session or self.session
        assert sealing is not None, "sign in first"
        algorithms = {"enc_algo": self.algorithms[0], "sig_algo": self.algorithms[1]}
        envelope = {"enc": "aes", "load": sealing.seal(load), "version": 3, "id": self.id, **algorithms}
        return codec.pack(changed(envelope, outer))

    def ask(self, cmd: Any, wait: float = WAIT, **fields: Any) -> Any:
        """Asks and opens the reply.

        Raises:
            NoReply: there is none that is sealed for this peer and this request.
        """
        return self.ask_load(self.load(cmd, **fields), wait)

    def ask_load(self, load: dict[str, Any], wait: float = WAIT, **outer: Any) -> Any:
        """Like `ask`, with a load that was made before."""
        self.wire.send(self.seal(load, **outer))
        return self.opened(self.wire.receive(wait), load)

    def opened(self, reply: Any, load: dict[str, Any]) -> Any:
        """What a reply to this load says."""
        if reply is SILENCE:
            raise NoReply("silence")
        plain = codec.unpack(reply)
        if load["cmd"] == "_pillar" and isinstance(plain, dict):
            return self._pillar(plain, load["nonce"])
        assert self.session is not None
        try:
            nonce, packed = self.session.open_packed(codec.to_bytes(plain), with_nonce=True)
        except TransportError:
            raise NoReply(plain) from None
        assert nonce == load["nonce"], "a reply repeats the nonce of its request"
        return codec.unpack(packed)

    def _pillar(self, reply: dict[str, Any], nonce: str) -> Any:
        assert self.master_key is not None
        text = crypto.decrypt(key(self.number), codec.to_bytes(reply["key"]), self.algorithms[0]).decode()
        outer = SymmetricKey(text).open(codec.to_bytes(reply["pillar"]))
        data, signature = codec.to_bytes(outer["data"]), codec.to_bytes(outer["sig"])
        assert crypto.verify(self.master_key, data, signature, self.algorithms[1]), "a pillar is signed by the master"
        inner = codec.unpack(data)
        assert inner["nonce"] == nonce and inner["key"] == reply["key"]
        return inner["pillar"]

    def send_event(self, tag: Any, data: Any = None, **fields: Any) -> Any:
        """Fires an event in the single form."""
        return self.ask("_minion_event", tag=tag, data=data, pretag=None, **fields)

    def give_back(self, jid: Any, fun: Any = "test.ping", value: Any = True, **fields: Any) -> Any:
        """Returns a job."""
        common = {"fun_args": [], "retcode": 0, "success": True}
        return self.ask("_return", **{"jid": jid, "fun": fun, "return": value, **common, **fields})

    def refused(self, payload: bytes, wait: float = WAIT) -> bool:
        """Whether the one constant refusal answers a request."""
        self.wire.send(payload)
        return bool(self.wire.receive(wait) == BAD_LOAD)


BAD_LOAD = codec.pack("bad load")


class _Drop:
    def __repr__(self) -> str:
        return "missing"


DROP = _Drop()


def changed(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The fields with some changed, added or (`DROP`) left out."""
    return {name: value for name, value in {**fields, **changes}.items() if value is not DROP}


def clear(load: Any, **outer: Any) -> bytes:
    """A request in clear."""
    return codec.pack(changed({"enc": "clear", "load": load, "version": 3}, outer))


def told(reply: Any) -> dict[str, Any]:
    """The inner map of a signed reply.

    Raises:
        NoReply: it is none.
    """
    plain = SILENCE if reply is SILENCE else codec.unpack(reply)
    if not isinstance(plain, dict) or isinstance(plain["load"], dict):
        raise NoReply(plain)
    inner = codec.unpack(codec.to_bytes(plain["load"]))
    assert isinstance(inner, dict)
    return inner


class Listener:
    """A subscriber on the publish port."""

    def __init__(self, port: int, shared: SymmetricKey | None = None, topic: bytes = b"") -> None:
        self.shared = shared
        self._socket = _socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, topic)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def receive(self, wait: float = WAIT) -> Any:
        """The next publication as bytes, or `SILENCE`."""
        return self._socket.recv() if self._socket.poll(int(wait * 1000)) else SILENCE

    def job(self, wait: float = WAIT) -> dict[str, Any]:
        """The next publication that is for everybody, opened."""
        assert self.shared is not None
        outer = codec.unpack(self.receive(wait))
        inner = self.shared.open(codec.to_bytes(outer["load"]))
        assert isinstance(inner, dict)
        return inner

    def close(self) -> None:
        self._socket.close()


# ------------------------------------------------------------------ raw bytes

GREETING = b"\xff" + b"\0" * 8 + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + b"\0" * 31


@contextmanager
def raw(port: int, greet: bytes = b"") -> Iterator[socket.socket]:
    """A TCP connection that says what it likes.

    Args:
        port: where to.
        greet: the kind of socket to pretend to be (`DEALER`, `SUB`); without it nothing is said.
    """
    with socket.create_connection(("127.0.0.1", port), WAIT) as connection:
        if greet:
            connection.sendall(GREETING + command(b"READY", _property(b"Socket-Type", greet)))
            _greeting_of(connection)
        yield connection


def command(name: bytes, body: bytes) -> bytes:
    """A command of ZeroMQ's protocol."""
    content = bytes((len(name),)) + name + body
    return b"\x04" + bytes((len(content),)) + content


def message(body: bytes, more: bool = False) -> bytes:
    """One frame of a message."""
    return bytes((0x02 | more,)) + struct.pack(">Q", len(body)) + body


def _property(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + struct.pack(">I", len(value)) + value


def _greeting_of(connection: socket.socket) -> None:
    """Reads the other side's greeting and its READY."""
    got = b""
    while len(got) < 66 or len(got) < 66 + got[65]:
        data = connection.recv(4096)
        assert data, "the master ended the handshake"
        got += data


def sends(connection: socket.socket, data: bytes) -> bool:
    """Sends; whether the other side still took it."""
    try:
        connection.sendall(data)
    except (ConnectionError, TimeoutError):
        return False
    return True


def is_closed(connection: socket.socket, wait: float = WAIT) -> bool:
    """Waits for the other side to end the connection."""
    connection.settimeout(wait)
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def soon() -> float:
    """Seconds in which a good minion is served, whatever goes on: one, or more where others use the processors, too."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def until(condition: Callable[[], Any], wait: float = WAIT) -> Any:
    """The first true value of something that only a look can tell (files, /proc); fails if it does not come."""
    ends = time.monotonic() + wait
    while not (value := condition()):
        assert time.monotonic() < ends, "it did not happen in time"
        select.poll().poll(5)
    return value
