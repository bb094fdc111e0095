"""Many simulated stock minions in one process: they sign in, hear publications, answer test.ping.

One key pair and one subscription serve all of them, so that the machine's time goes to the master under test; each has
its own connection for requests, its own session and its own id, as the master sees it.

    swarm.py --port 4506 --count 500 [--prefix sim]

Prints `ready N` when all are signed in and then answers until it is ended. Prints `again N` when all have signed in
again after the master was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import resource
import sys
from collections.abc import Mapping
from typing import Any

import zmq
import zmq.asyncio

from transports import crypto
from transports.crypto import PublicKey
from transports.errors import SignInError, TransportError
from transports.messages import Job, Request, Return
from transports.signin import Identity, Session, SignIn, Trust
from transports.zeromq.publications import Reader, Serials, Unreadable
from transports.zeromq.requests import Sealer, token

_AT_ONCE = 32
_PATIENCE = 5.0


class _StockSignIn(SignIn):
    """Signs in as stock Salt does: without the capability that makes a master of ours treat it as one of ours."""

    def _load(self) -> dict[str, Any]:
        load = super()._load()
        del load["saltern"]
        return load

    def _session(self, body: Mapping[str, Any], master: PublicKey) -> Session:
        return super()._session({key: value for key, value in body.items() if key != "saltern"}, master)


class Minion:
    """One simulated minion: a connection for requests, and a session."""

    def __init__(self, swarm: Swarm, minion_id: str) -> None:
        self.swarm, self.id = swarm, minion_id
        self.who = dataclasses.replace(swarm.who, id=minion_id)
        self.session: Session | None = None
        self._sealer: Sealer | None = None
        self._lock = asyncio.Lock()
        self._connect()

    def _connect(self) -> None:
        self._socket = self.swarm.context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 100)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
        self._socket.connect(self.swarm.address)

    async def _exchange(self, data: bytes) -> bytes:
        await self._socket.send_multipart([b"", data])
        frames = await asyncio.wait_for(self._socket.recv_multipart(), _PATIENCE)
        reply: bytes = frames[-1]
        return reply

    async def sign_in(self) -> None:
        """Until the master lets it in."""
        while True:
            attempt = _StockSignIn(self.who, Trust(remembered=self.swarm.master_key))
            try:
                async with self._lock, self.swarm.gate:
                    self.session = attempt.judge(await self._exchange(attempt.request))
                break
            except (TimeoutError, SignInError):
                self._socket.close()
                self._connect()
        self.swarm.master_key = self.session.master_key
        self._sealer = Sealer(self.who, self.session, self.swarm.token)

    async def request(self, what: Request) -> None:
        """Asks until it is answered."""
        while True:
            assert self._sealer is not None
            try:
                async with self._lock:
                    reply = self._sealer.open(await self._exchange(self._sealer.seal(what, crypto.new_nonce())))
                if reply is not None:
                    return
            except TimeoutError:
                self._socket.close()
                self._connect()
            await self.sign_in()

    async def answer(self, job: Job) -> None:
        """Returns the result of a job."""
        known = job.fun[0] == "test.ping"
        value: Any = True if known else {} if job.fun[0] == "saltutil.find_job" else f"{job.fun[0]} is not available."
        fine = known or value == {}
        returned = Return(job.jid, self.id, job.fun[0], list(job.arg[0]), value, 0 if fine else 1, fine)
        await self.request(Request("_return", returned.to_wire()))
        self.swarm.acknowledged += 1


class Swarm:
    """All of them."""

    def __init__(self, host: str, port: int, count: int, prefix: str) -> None:
        self.context = zmq.asyncio.Context(io_threads=1)
        self.context.set(zmq.MAX_SOCKETS, count + 64)
        self.host, self.address = host, f"tcp://{host}:{port}"
        self.who = Identity("", crypto.generate_key(2048), crypto.ENCRYPTION[-1], crypto.SIGNING[-1])
        self.token = token(self.who)
        self.master_key: crypto.PublicKey | None = None
        self.gate = asyncio.Semaphore(_AT_ONCE)
        self.acknowledged = 0
        self.minions = [Minion(self, f"{prefix}{number:05d}") for number in range(count)]
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Signs all in, then serves."""
        await asyncio.gather(*(minion.sign_in() for minion in self.minions))
        subscriber = self._subscribe()
        print("ready", len(self.minions), flush=True)
        while True:
            frames = await subscriber.recv_multipart()
            try:
                job = self._reader.read(frames[-1])
            except Unreadable:
                await asyncio.gather(*(minion.sign_in() for minion in self.minions))
                self._read_with(self.minions[0])
                print("again", len(self.minions), flush=True)
                continue
            except TransportError as exc:
                print("refused", exc, flush=True)
                continue
            for minion in self.minions:
                if job.tgt_type == "glob" or minion.id in job.tgt:
                    self._spawn(minion.answer(job))

    def _subscribe(self) -> Any:
        first = self.minions[0].session
        assert first is not None
        self._read_with(self.minions[0])
        subscriber = self.context.socket(zmq.SUB)
        subscriber.setsockopt(zmq.LINGER, 0)
        subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        subscriber.connect(f"tcp://{self.host}:{first.publish_port}")
        return subscriber

    def _read_with(self, minion: Minion) -> None:
        assert minion.session is not None
        self._reader = Reader(minion.session, Serials({}, lambda last: None), signed_only=False)

    def _spawn(self, what: Any) -> None:
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--prefix", default="sim")
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def run() -> None:
        await Swarm(given.host, given.port, given.count, given.prefix).run()

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
