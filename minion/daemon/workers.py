"""The daemon's side of the zygote: orders processes, talks with each over its pipe, learns how they ended."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Optional

from minion.daemon import fdpass
from minion.job import Order
from transports import frames
from transports.errors import Broken, CodecError

log = logging.getLogger(__name__)

_STATUS_PATIENCE = 1.0
_NO_ZYGOTE = "the process could not be started"


class Worker:
    """One process that was ordered.

    Attributes:
        order: what it does.
        pid: its process id, 0 until it is known.
    """

    def __init__(self, number: int, order: Order) -> None:
        self.number, self.order = number, order
        self.pid = 0
        self.status: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<Worker {self.pid} for {self.order.kind} {self.order.job.get('jid', '')}>"

    async def fate(self) -> str:
        """How it ended, in words; asked after its pipe ended."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.status), _STATUS_PATIENCE)
        except asyncio.TimeoutError:
            return "the process ended"


Answer = Callable[[Worker, str, Dict[str, Any], float], Awaitable[Any]]
Ended = Callable[[Worker], Awaitable[None]]


class Workers:
    """All processes of the moment.

    Args:
        zygote: channel to the process that forks.
        answer: answers what a process asks: (worker, command, load, seconds it waits); an exception is told to it.
        ended: called when a process is over.
        orphaned: called when the zygote is gone.
    """

    def __init__(self, zygote: socket.socket, answer: Answer, ended: Ended, orphaned: Callable[[], None]) -> None:
        self._zygote, self._answer, self._ended, self._orphaned = zygote, answer, ended, orphaned
        self._count = 0
        self._workers: Dict[int, Worker] = {}
        self._tasks: List[asyncio.Task[None]] = []
        asyncio.get_running_loop().add_reader(zygote.fileno(), self._take_news)

    def __len__(self) -> int:
        return len(self._workers)

    def close(self) -> None:
        """Talks to nobody any more; the processes go on."""
        asyncio.get_running_loop().remove_reader(self._zygote.fileno())
        self._zygote.close()
        for task in self._tasks:
            task.cancel()

    def know(self, **facts: Any) -> None:
        """Tells the zygote what further processes work with: `grains`, `pillars` by master, `environ`."""
        self._send(facts)

    def start(self, order: Order) -> Worker:
        """Orders a process."""
        self._count += 1
        worker = self._workers[self._count] = Worker(self._count, order)
        mine, theirs = socket.socketpair()
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.get_running_loop().create_task(self._talk(worker, mine)))
        self._send({"number": worker.number, "order": order.to_wire()}, theirs)
        return worker

    def _send(self, message: Dict[str, Any], pipe: Optional[socket.socket] = None) -> None:
        try:
            fdpass.send(self._zygote, message, pipe)
        except Broken as exc:
            log.error("The zygote does not take orders: %s", exc)
        if pipe is not None:
            pipe.close()

    async def _talk(self, worker: Worker, mine: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=mine)
        try:
            while True:
                message = await frames.read(reader)
                writer.write(frames.frame(await self._reply(worker, message)))
                await writer.drain()
        except (Broken, CodecError, ConnectionError):
            pass
        finally:
            writer.close()
        await self._ended(worker)
        self._workers.pop(worker.number, None)

    async def _reply(self, worker: Worker, message: Any) -> Dict[str, Any]:
        """The answer to one question of a process, who may be any user's code."""
        reply: Dict[str, Any] = {"number": message.get("number")}
        try:
            load, timeout = message.get("load") or {}, float(message.get("timeout") or 60.0)
            reply["reply"] = await self._answer(worker, str(message["cmd"]), load, timeout)
            frames.frame(reply)
        except Exception as exc:  # noqa: BLE001 - it is told to who asked
            from transports.errors import RequestTimeout

            text = str(exc) or type(exc).__name__
            reply = {"number": reply["number"], "error": text, "unreachable": isinstance(exc, (RequestTimeout, Broken))}
        return reply

    def _take_news(self) -> None:
        """What the zygote says of a process: that it runs, how it ended, or that there is none."""
        try:
            message, _none = fdpass.receive(self._zygote)
        except (Broken, CodecError):
            asyncio.get_running_loop().remove_reader(self._zygote.fileno())
            self._orphaned()
            return
        worker = self._workers.get(message.get("number"))
        if worker is None:
            return
        if "pid" in message:
            worker.pid = message["pid"]
        elif not worker.status.done():
            worker.status.set_result(_fate(message))


def _fate(message: Mapping[str, Any]) -> str:
    import signal

    if "failed" in message:
        return f"{_NO_ZYGOTE}: {message['failed']}"
    status = int(message["status"])
    if status >= 0:
        return f"the process ended with exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = str(-status)
    return f"the process was killed by signal {name}"
