"""A master for tests of the minion's side: real sockets and real crypto, and every answer can be bent."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
import zmq
import zmq.asyncio

from transports import crypto
from transports.codec import pack, to_bytes, unpack
from transports.crypto import PrivateKey, SymmetricKey
from transports.zeromq import private

REFUSE = object()
SILENT = object()
Handler = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Desk:
    """Answers `_auth` as a master with one key and one minion does.

    What it says is bent by its attributes: `verdict` (True is "pending", None lets in), `own`, `skew`, `body` (gets
    the inner map to change), `sign_with` and `vouch_with` (keys).
    """

    def __init__(self, key: PrivateKey, publish_port: int = 4505) -> None:
        self.key, self.publish_port = key, publish_port
        self.shared, self.session = SymmetricKey.generate(), SymmetricKey.generate()
        self.verdict: Any = None
        self.own = True
        self.skew = 0.0
        self.body: Callable[[dict[str, Any]], None] = lambda body: None
        self.sign_with = key
        self.vouch_with: PrivateKey | None = None

    def answer(self, load: dict[str, Any]) -> bytes:
        body = self._verdict(load) if self.verdict is not None else self._accepted(load)
        self.body(body)
        packed = pack(body)
        return pack({"enc": "clear", "load": packed, "sig": crypto.sign(self.sign_with, packed, load["sig_algo"])})

    def _verdict(self, load: dict[str, Any]) -> dict[str, Any]:
        return {"ret": self.verdict, "nonce": load["nonce"]}

    def _accepted(self, load: dict[str, Any]) -> dict[str, Any]:
        minion = crypto.load_public(load["pub"])
        body: dict[str, Any] = {
            "enc": "pub",
            "pub_key": crypto.public_pem(self.key.public_key()),
            "publish_port": self.publish_port,
            "aes": crypto.encrypt(minion, self.shared.text.encode(), load["enc_algo"]),
            "session": crypto.encrypt(minion, self.session.text.encode(), load["enc_algo"]),
            "sig": crypto.x931_sign(self.key, crypto.key_digest(self.shared.text)),
            "nonce": load["nonce"],
        }
        if "token" in load:
            with contextlib.suppress(crypto.CryptoError):
                token = crypto.decrypt(self.key, to_bytes(load["token"]), load["enc_algo"])
                body["token"] = crypto.encrypt(minion, token, load["enc_algo"])
        if self.vouch_with is not None:
            signature = crypto.sign(self.vouch_with, body["pub_key"].encode(), load["sig_algo"])
            body["pub_sig"] = base64.encodebytes(signature)
        if self.own:
            body.update(saltern=1, time=int(time.time() + self.skew))
        return body


class StandIn:
    """A master on two ports of this host.

    `handler` answers requests; it may return `REFUSE` (a plain "bad load") or `SILENT`. `asked` has every request that
    could be opened, `sign_ins` counts those.
    """

    def __init__(self, key: PrivateKey, handler: Handler | None = None) -> None:
        self.desk = Desk(key)
        self.handler = handler or self._nothing
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.sign_ins = 0
        self.deaf = False  # sign-ins get no answer
        self.hold: asyncio.Event | None = None  # sign-ins get their answer when it is set
        self.replies = 0
        self.ports = (0, 0)
        self.host = "127.0.0.1"
        self.topics: set[bytes] = set()
        self.changed = asyncio.Condition()
        self._serial = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @staticmethod
    async def _nothing(cmd: str, load: dict[str, Any]) -> Any:
        return {} if cmd == "_pillar" else None

    async def start(self) -> None:
        """Opens the ports; the same ones as before, after a `stop`."""
        self._context = zmq.asyncio.Context()
        self._router = self._open(zmq.ROUTER, self.ports[1])
        self._pub = self._open(zmq.XPUB, self.ports[0])
        self._pub.setsockopt(zmq.XPUB_VERBOSER, 1)
        self.ports = (_port(self._pub), _port(self._router))
        self.desk.publish_port = self.ports[0]
        for work in (self._requests(), self._subscriptions()):
            self._spawn(work)

    def _open(self, kind: int, port: int) -> Any:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IPV6, 1)
        socket.bind(f"tcp://{self.host}:{port or '*'}")
        return socket

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Closes both ports, as a master that dies."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._router.close(0)
        self._pub.close(0)
        self._context.term()
        self.topics.clear()

    # ------------------------------------------------------------- requests

    async def _requests(self) -> None:
        while True:
            route, *_empty, data = await self._router.recv_multipart()
            self._spawn(self._one(route, data))

    async def _one(self, route: bytes, data: bytes) -> None:
        reply = await self._reply(unpack(data))
        if reply is not SILENT:
            await self._router.send_multipart([route, b"", reply])
            self.replies += 1
        await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _reply(self, envelope: dict[str, Any]) -> Any:
        if envelope["enc"] == "clear":
            self.sign_ins += 1
            await self._tell()
            if self.hold is not None:
                await self.hold.wait()
            return SILENT if self.deaf else self.desk.answer(envelope["load"])
        try:
            load = self.desk.session.open(to_bytes(envelope["load"]))
        except crypto.CryptoError:
            return pack("bad load")
        self.asked.append((load["cmd"], load))
        await self._tell()
        answer = await self.handler(load["cmd"], load)
        if answer is SILENT:
            return SILENT
        if answer is REFUSE:
            return pack("bad load")
        if load["cmd"] == "_pillar":
            return self._pillar(envelope, load, answer)
        return pack(self.desk.session.seal(answer, load["nonce"]))

    def _pillar(self, envelope: dict[str, Any], load: dict[str, Any], pillar: Any) -> bytes:
        key = SymmetricKey.generate()
        wrapped = crypto.encrypt(self.minion_key, key.text.encode(), envelope["enc_algo"])
        data = pack({"key": wrapped, "pillar": pillar, "nonce": load["nonce"]})
        signature = crypto.sign(self.desk.key, data, envelope["sig_algo"])
        return pack({"key": wrapped, "pillar": key.seal({"data": data, "sig": signature})})

    minion_key: crypto.PublicKey

    # --------------------------------------------------------- publications

    async def _subscriptions(self) -> None:
        while True:
            message = await self._pub.recv()
            (self.topics.add if message[0] else self.topics.discard)(message[1:])
            await self._tell()

    async def until(self, holds: Callable[[], Any], seconds: float = 15.0) -> None:
        """Waits until something holds that changes with requests and subscriptions."""

        async def wait() -> None:
            async with self.changed:
                await self.changed.wait_for(holds)

        await asyncio.wait_for(wait(), seconds)

    def job(self, fun: str = "test.ping", *arg: Any, tgt: str = "*", jid: str = "", **more: Any) -> dict[str, Any]:
        """A publication map with a fresh job id."""
        made = jid or time.strftime("%Y%m%d%H%M%S", time.gmtime()) + f"{time.time_ns() // 1000 % 1000000:06d}"
        return {
            "jid": made,
            "fun": fun,
            "arg": list(arg),
            "tgt": tgt,
            "tgt_type": "glob",
            "ret": "",
            "user": "root",
            **more,
        }

    def frame(self, job: dict[str, Any], minion_id: str = "m1", sign_with: PrivateKey | None = None) -> bytes:
        """The publication of a job: private if the master is one of ours."""
        self._serial += 1
        key = sign_with or self.desk.key
        if self.desk.own:
            packed = pack(job)
            signed = {"job": packed, "sig": crypto.sign(key, packed, crypto.SIGNING[0]), "sig_algo": crypto.SIGNING[0]}
            inner = pack({**signed, "serial": self._serial})
            return private.frame(self.desk.session, self.desk.session.topic(minion_id), inner)
        sealed = self.desk.shared.seal({**job, "serial": self._serial})
        signature = crypto.sign(key, sealed, crypto.SIGNING[0])
        made: bytes = msgpack.packb(
            {"enc": "aes", "load": sealed, "sig_algo": crypto.SIGNING[0], "sig": signature}, use_bin_type=False
        )
        return made

    async def publish(self, *frames: bytes) -> None:
        """Sends frames as one publication."""
        await self._pub.send_multipart(list(frames))


def _port(socket: Any) -> int:
    return int(socket.getsockopt(zmq.LAST_ENDPOINT).decode().rpartition(":")[2])
