"""The in-process road: a master and its minions in one event loop, with nothing between them but queues.

A full peer of the other roads: the same messages, the same errors, the same checks pass it. Tests use it, and so does
whoever wants both sides in one process.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, AsyncIterator, Collection, Dict, List, Mapping, Optional

from transports import codec
from transports.errors import Broken, Closed, RequestTimeout
from transports.link import Handler
from transports.messages import Job, Peer, Presence, Request


class InProcessRoad:
    """A master's side.

    Args:
        handler: answers requests.
        limit: bytes of one message at the most, as on a real wire.
    """

    def __init__(self, handler: Handler, limit: int = codec.MAX_MESSAGE) -> None:
        self._handler, self._limit = handler, limit
        self._links: Dict[str, InProcessLink] = {}
        self._presence: Dict[str, Presence] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"<InProcessRoad: {len(self._links)} links>"

    def connect(self, minion_id: str) -> InProcessLink:
        """A new link for a minion. A second link of one id takes over from the first, which breaks.

        Raises:
            Broken: the road is closed.
        """
        if self._closed:
            raise Broken("the road is closed")
        before = self._links.pop(minion_id, None)
        if before is not None:
            before._break()
        link = self._links[minion_id] = InProcessLink(self, minion_id)
        self._presence[minion_id] = Presence(True, time.time())
        return link

    async def publish(self, job: Job, minions: Collection[str]) -> None:
        """See `transports.link.Road`.

        Raises:
            MessageTooLarge: it was not sent.
        """
        if self._closed:
            raise Closed("the road is closed")
        packed = codec.pack(job.to_wire(), self._limit)
        for minion_id in minions:
            link = self._links.get(minion_id)
            if link is not None:
                link._deliver(packed)

    def present(self) -> Mapping[str, Presence]:
        """See `transports.link.Road`."""
        return dict(self._presence)

    async def close(self) -> None:
        """Ends the road and breaks its links."""
        self._closed = True
        for link in list(self._links.values()):
            link._break()
        self._links.clear()

    async def _answer(self, link: InProcessLink, packed: bytes) -> bytes:
        cmd, load = codec.unpack(packed, self._limit)
        peer = Peer(link.minion_id, road="inproc")
        return codec.pack(await self._handler(peer, Request(cmd, load)), self._limit)

    def _forget(self, link: InProcessLink) -> None:
        if self._links.get(link.minion_id) is link:
            del self._links[link.minion_id]
            self._presence[link.minion_id] = Presence(False, time.time())


class InProcessLink:
    """A minion's side; made by `InProcessRoad.connect`."""

    def __init__(self, road: InProcessRoad, minion_id: str) -> None:
        self.minion_id = minion_id
        self._road = road
        self._jobs: asyncio.Queue[Optional[Job]] = asyncio.Queue()
        self._closed = self._broken = False
        self._asking: List[asyncio.Task[bytes]] = []

    def __repr__(self) -> str:
        state = "closed" if self._closed else "broken" if self._broken else "connected"
        return f"<InProcessLink {self.minion_id}: {state}>"

    async def jobs(self) -> AsyncIterator[Job]:
        """See `transports.link.Link`."""
        while True:
            self._check()
            job = await self._jobs.get()
            if job is not None:
                yield job

    async def request(self, what: Request, timeout: float = 60.0) -> Any:
        """See `transports.link.Link`."""
        self._check()
        packed = codec.pack([what.cmd, dict(what.load)], self._road._limit)
        task = asyncio.ensure_future(self._road._answer(self, packed))
        self._asking.append(task)
        try:
            return codec.unpack(await asyncio.wait_for(task, timeout))
        except asyncio.TimeoutError:
            raise RequestTimeout(f"no reply to {what.cmd} within {timeout:g} s") from None
        except asyncio.CancelledError:
            self._check()
            raise
        finally:
            self._asking.remove(task)

    async def close(self) -> None:
        """See `transports.link.Link`."""
        if not self._closed:
            self._closed = True
            self._road._forget(self)
            self._end()

    def _deliver(self, packed: bytes) -> None:
        self._jobs.put_nowait(Job.from_wire(codec.unpack(packed)))

    def _break(self) -> None:
        self._broken = True
        self._road._forget(self)
        self._end()

    def _end(self) -> None:
        self._jobs.put_nowait(None)
        for task in self._asking:
            task.cancel()

    def _check(self) -> None:
        if self._closed:
            raise Closed("the link was closed")
        if self._broken:
            raise Broken("the master's side ended the link")
