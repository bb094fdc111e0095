"""The two connections of a minion to one master: made, watched, replaced when the master's name means another host."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any, Awaitable, Callable, List, Optional, Set

import zmq
import zmq.asyncio

from transports.errors import RequestTimeout
from transports.zeromq.sockets import CONNECTED, Tuning, endpoint, event, monitor, open_socket

log = logging.getLogger(__name__)

_HANDSHAKE_PATIENCE = 5.0


class _Wire:
    """One socket, what is read from it, and whether it is connected."""

    def __init__(self, sock: Any, on_data: Callable[[bytes], Awaitable[None]], on_end: Callable[[], Awaitable[None]]):
        self.sock, self.up = sock, asyncio.Event()
        self._on_data, self._on_end = on_data, on_end
        watch = monitor(sock)  # from before the first connection
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._read()), loop.create_task(self._watch(watch))]

    async def _read(self) -> None:
        while True:
            await self._on_data((await self.sock.recv_multipart())[-1])

    async def _watch(self, watch: Any) -> None:
        try:
            while True:
                if await event(watch) == CONNECTED:
                    self.up.set()
                else:
                    self.up.clear()
                    await self._on_end()
        finally:
            watch.close(linger=0)

    async def close(self) -> None:
        await ended(self._tasks)
        self.sock.disable_monitor()
        self.sock.close(linger=0)


class Connections:
    """The way to a master that is known by name.

    Args:
        host, port: where it takes requests.
        tuning: how connections behave.
        on_reply: gets what comes back.
        on_publication: gets what is published.
        on_lost: told when a connection ended; they are made anew by themselves.
    """

    def __init__(
        self,
        host: str,
        port: int,
        tuning: Tuning,
        on_reply: Callable[[bytes], Awaitable[None]],
        on_publication: Callable[[bytes], Awaitable[None]],
        on_lost: Callable[[], Awaitable[None]],
    ) -> None:
        self._host, self._port, self._tuning = host, port, tuning
        self._on_reply, self._on_publication, self._on_lost = on_reply, on_publication, on_lost
        self._context = zmq.asyncio.Context.instance()
        self._address = ""
        self._requests: Optional[_Wire] = None
        self._publications: Optional[_Wire] = None
        self._target = ""
        self._topics: Set[bytes] = set()

    def __repr__(self) -> str:
        return f"<Connections to {self._host} at {self._address}>"

    @property
    def reachable(self) -> bool:
        """Whether there is a connection for requests."""
        return self._requests is not None and self._requests.up.is_set()

    async def connect(self, attempt: int, timeout: float) -> None:
        """Waits for a connection for requests, to the address that the name means now.

        Args:
            attempt: how often it was tried before; a name with several addresses has its turn with each.
            timeout: seconds.

        Raises:
            RequestTimeout: there is none in time.
        """
        address = await self._resolve(attempt)
        if self._requests is None or address != self._address:
            await self.close()
            self._address = address
            self._requests = self._open(zmq.DEALER, self._on_reply)
            self._requests.sock.connect(endpoint((address, self._port), self._tuning.source))
        if not await self.wait_reachable(timeout):
            raise RequestTimeout(f"no connection to {self._host}:{self._port}")

    async def wait_reachable(self, timeout: float) -> bool:
        """Waits for a connection for requests; whether there is one."""
        if self._requests is None:
            await asyncio.sleep(timeout)
            return False
        return await happens(self._requests.up.wait(), timeout)

    async def _resolve(self, attempt: int) -> str:
        family = socket.AF_UNSPEC if self._tuning.ipv6 else socket.AF_INET
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._host, self._port, family=family, type=socket.SOCK_STREAM
            )
        except OSError as exc:
            raise RequestTimeout(f"the name {self._host} can't be resolved: {exc.strerror}") from None
        found.sort(key=lambda item: item[0] != socket.AF_INET6)
        return str(found[attempt % len(found)][4][0])

    def _open(self, kind: int, on_data: Callable[[bytes], Awaitable[None]]) -> _Wire:
        return _Wire(open_socket(self._context, kind, self._tuning), on_data, self._on_lost)

    async def send(self, data: bytes) -> None:
        """Sends a request; waits while there is no connection."""
        assert self._requests is not None
        await self._requests.sock.send_multipart([b"", data])

    async def subscribe(self, port: int, topics: Set[bytes]) -> None:
        """Subscribes to these topics and no others, where the master publishes; waits some seconds for a connection."""
        target = endpoint((self._address, port), self._tuning.source)
        wire = self._publications
        if wire is None or target != self._target:
            if wire is not None:
                await wire.close()
            wire = self._publications = self._open(zmq.SUB, self._on_publication)
            self._topics, self._target = set(), target
            self._want(wire.sock, topics)
            wire.sock.connect(target)
        else:
            self._want(wire.sock, topics)
        if not await happens(wire.up.wait(), _HANDSHAKE_PATIENCE):
            log.warning("No connection to %s, where the master publishes; going on trying", target)

    def _want(self, sock: Any, topics: Set[bytes]) -> None:
        for topic in topics - self._topics:
            sock.setsockopt(zmq.SUBSCRIBE, topic)
        for topic in self._topics - topics:
            sock.setsockopt(zmq.UNSUBSCRIBE, topic)
        self._topics = set(topics)

    async def close(self) -> None:
        """Ends both connections; they can be made again."""
        for wire in (self._requests, self._publications):
            if wire is not None:
                await wire.close()
        self._requests = self._publications = None


async def ended(tasks: List[asyncio.Task[None]]) -> None:
    """Cancels tasks and waits until they are gone; the one that calls is spared."""
    others = [task for task in tasks if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    for outcome in await asyncio.gather(*others, return_exceptions=True):
        if isinstance(outcome, Exception):
            log.error("A task of the link failed", exc_info=outcome)


async def happens(waiting: Awaitable[Any], timeout: float) -> bool:
    """Whether something happened in time."""
    try:
        await asyncio.wait_for(waiting, timeout)
    except asyncio.TimeoutError:
        return False
    return True
