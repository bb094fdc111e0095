"""The stream road: a master's side of any number of byte streams, each with one minion at its far end.

Who holds a stream has proven whom it leads to, and attaches it under that id; `transports.stream` describes the frames.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Collection, Dict, Mapping, Protocol, Set

from transports import frames
from transports.codec import MAX_MESSAGE
from transports.errors import Broken, Closed, CodecError, TransportError
from transports.frames import frame
from transports.link import Handler
from transports.messages import Job, Peer, Presence, Request

log = logging.getLogger(__name__)

HEARTBEAT = 10.0
_IN_FLIGHT = 8


class Writer(Protocol):
    """The part of an asyncio stream writer that is used; asyncssh has one, too."""

    def write(self, data: bytes) -> Any: ...

    async def drain(self) -> None: ...

    def close(self) -> Any: ...


class StreamRoad:
    """Reaches the minions whose streams were attached.

    Args:
        handler: answers requests.
        kind: what kind of road the peers are said to come over.
        limit: bytes of one message at the most.
        heartbeat: seconds between signs of life to each minion.
    """

    def __init__(
        self, handler: Handler, kind: str = "ssh", limit: int = MAX_MESSAGE, heartbeat: float = HEARTBEAT
    ) -> None:
        self._handler, self._kind, self._limit, self._heartbeat = handler, kind, limit, heartbeat
        self._streams: Dict[str, Stream] = {}
        self._presence: Dict[str, Presence] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"<StreamRoad: {len(self._streams)} streams>"

    def attach(self, minion_id: str, reader: frames.Reader, writer: Writer) -> Stream:
        """Serves the minion at the end of a stream from now on. A second stream of one id ends the first."""
        if self._closed:
            raise Closed("the road is closed")
        before = self._streams.get(minion_id)
        if before is not None:
            before.abandon()
        stream = Stream(Peer(minion_id, road=self._kind), reader, writer, self)
        self._streams[minion_id] = stream
        self._presence[minion_id] = Presence(True, time.time())
        return stream

    async def publish(self, job: Job, minions: Collection[str]) -> None:
        """See `transports.link.Road`.

        Raises:
            MessageTooLarge: it was not sent.
        """
        if self._closed:
            raise Closed("the road is closed")
        data = frame({"job": job.to_wire()}, self._limit)
        for minion_id in minions:
            stream = self._streams.get(minion_id)
            if stream is not None:
                stream.write(data)

    def present(self) -> Mapping[str, Presence]:
        """See `transports.link.Road`."""
        return dict(self._presence)

    async def close(self) -> None:
        """Ends the road and all its streams."""
        self._closed = True
        streams = list(self._streams.values())
        for stream in streams:
            stream.abandon()
        await asyncio.gather(*(stream.ended() for stream in streams))

    def _forget(self, minion_id: str, stream: Stream) -> None:
        if self._streams.get(minion_id) is stream:
            del self._streams[minion_id]
            self._presence[minion_id] = Presence(False, time.time())


class Stream:
    """One attached stream; made by `StreamRoad.attach`."""

    def __init__(self, peer: Peer, reader: frames.Reader, writer: Writer, road: StreamRoad) -> None:
        self._peer, self._reader, self._writer, self._road = peer, reader, writer, road
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._answering: Set[asyncio.Task[None]] = set()
        self._timer = asyncio.get_running_loop().call_later(road._heartbeat, self._beat)
        self._why = ""
        self._task = asyncio.ensure_future(self._serve())

    async def ended(self) -> str:
        """Waits for the end of the stream; says why it ended."""
        await asyncio.wait([self._task])
        return self._why

    def abandon(self) -> None:
        """Ends the stream."""
        self._task.cancel()

    def write(self, data: bytes) -> None:
        """Sends a frame; to a stream that is ending it goes nowhere."""
        try:
            self._writer.write(data)
        except OSError:
            log.debug("minion %s is gone", self._peer.id)

    def _beat(self) -> None:
        self.write(frame({"beat": True}))
        self._timer = asyncio.get_running_loop().call_later(self._road._heartbeat, self._beat)

    async def _serve(self) -> None:
        try:
            while True:
                message = await frames.read(self._reader, self._road._limit)
                number, request = _request_of(message)
                await self._slots.acquire()
                task = asyncio.ensure_future(self._answer(number, request))
                self._answering.add(task)
                task.add_done_callback(self._answered)
        except asyncio.CancelledError:
            self._why = "it was ended on this side"
        except Broken:
            self._why = "the other side ended it"
        except CodecError as exc:
            self._why = f"the other side sent what is no message: {exc}"
        except Exception as exc:  # noqa: BLE001 - an SSH library has errors of its own
            self._why = str(exc) or type(exc).__name__
        finally:
            self._end()

    def _end(self) -> None:
        self._timer.cancel()
        for task in self._answering:
            task.cancel()
        self._road._forget(self._peer.id, self)
        self._writer.close()

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        self._slots.release()

    async def _answer(self, number: str, request: Request) -> None:
        try:
            data = frame({"number": number, "reply": await self._road._handler(self._peer, request)}, self._road._limit)
        except TransportError as exc:
            data = frame({"number": number, "refused": str(exc)})
        except Exception:  # a handler that fails costs one request
            log.exception("%s of minion %s failed", request.cmd, self._peer.id)
            data = frame({"number": number, "refused": f"the master failed to answer {request.cmd}"})
        self.write(data)
        try:
            await self._writer.drain()
        except OSError:
            log.debug("minion %s is gone", self._peer.id)


def _request_of(message: Any) -> tuple[str, Request]:
    """The number and the request of a message.

    Raises:
        CodecError: it has none.
    """
    if not isinstance(message, dict):
        raise CodecError("it is no map")
    number, cmd, load = message.get("number"), message.get("cmd"), message.get("load")
    if not isinstance(number, str) or not isinstance(cmd, str) or not isinstance(load, dict) or len(number) > 64:
        raise CodecError("it is no request")
    return number, Request(cmd, load)
