"""The stream road over socket pairs: the asyncio side of a master, and the thin minion's synchronous link."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from typing import Any

from transports.errors import Broken, Closed, RequestRefused, RequestTimeout
from transports.link import Handler
from transports.messages import Job, Request
from transports.stream import Reply, StreamLink
from transports.stream_road import StreamRoad

LIMIT = 1 << 20


class Watched:
    """A `StreamLink` watched by an event loop, as the contract wants its links."""

    def __init__(self, link: StreamLink) -> None:
        self._link, self._loop = link, asyncio.get_running_loop()
        self._numbers = itertools.count()
        self._replies: dict[str, asyncio.Future[Reply]] = {}
        self._jobs: asyncio.Queue[Job | None] = asyncio.Queue()
        self._over: Exception | None = None
        self._loop.add_reader(link.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            for message in self._link.take():
                if isinstance(message, Job):
                    self._jobs.put_nowait(message)
                elif (waiting := self._replies.get(message.number)) and not waiting.done():
                    waiting.set_result(message)
        except Broken as exc:
            self._end(exc)

    def _end(self, why: Exception) -> None:
        self._loop.remove_reader(self._link.fileno())
        self._over = why
        self._jobs.put_nowait(None)
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(why)

    async def jobs(self) -> AsyncIterator[Job]:
        while True:
            job = None if self._over else await self._jobs.get()
            if job is None:
                assert self._over is not None
                raise self._over
            yield job

    async def request(self, what: Request, timeout: float = 60.0) -> Any:
        number = str(next(self._numbers))
        self._replies[number] = self._loop.create_future()
        try:
            await self._loop.run_in_executor(None, self._link.send, number, what)
            reply = await asyncio.wait_for(self._replies[number], timeout)
        except TimeoutError:
            raise RequestTimeout("no reply") from None
        finally:
            del self._replies[number]
        if reply.refused:
            raise RequestRefused(reply.refused)
        return reply.value

    async def close(self) -> None:
        if not self._over:
            self._end(Closed("the link was closed"))
        self._link.close()


class StreamLab:
    limit = LIMIT
    breaks = True

    def __init__(self) -> None:
        self._road: StreamRoad | None = None
        self._links: list[Watched] = []

    async def road(self, handler: Handler) -> StreamRoad:
        self._road = StreamRoad(handler, limit=self.limit, heartbeat=0.05)
        return self._road

    async def link(self, minion_id: str) -> Watched:
        assert self._road is not None
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        self._road.attach(minion_id, reader, writer)
        descriptor = theirs.detach()
        link = Watched(StreamLink(descriptor, descriptor, self.limit))
        self._links.append(link)
        return link

    async def present(self, minion_id: str) -> None:
        assert self._road is not None and self._road.present()[minion_id].up

    async def close(self) -> None:
        for link in self._links:
            await link.close()
        if self._road is not None:
            await self._road.close()
