"""A host that speaks our protocol without running any of our code: it says what a test wants."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from tests.ssh.hosts import Server
from transports import frames
from transports.frames import frame
from transports.messages import Job


class Liar:
    """The conversation with whoever connected.

    Attributes:
        job: the first job that it was given.
    """

    def __init__(self, process: Any) -> None:
        self._in, self._out = process.stdin, process.stdout
        self._numbers = itertools.count(1)
        self.job: Job

    async def begin(self) -> Liar:
        """Pretends to be a thin minion that runs, and takes its job."""
        for _ in range(6):
            await self._in.readuntil(b"\n")
        await self._counted()  # the stage
        mark, *_ = [await self._in.readuntil(b"\n") for _ in range(4)]
        await self._counted()  # the setup
        early = await self._counted()
        self._out.write(mark.strip() + b" ready \n")
        inbox = frames.Inbox()
        inbox.feed(early)
        self.job = Job.from_wire(frames.unpack(inbox.next())["job"])
        return self

    async def ask(self, cmd: str, **load: Any) -> Any:
        """The answer to one request."""
        number = f"n{next(self._numbers)}"
        self._out.write(frame({"number": number, "cmd": cmd, "load": load}))
        while True:
            message = await frames.read(self._in)
            if message.get("number") == number:
                return message.get("reply", message)

    async def give_back(self, value: Any = True, **fields: Any) -> Any:
        """Returns something."""
        load = {"jid": self.job.jid, "fun": self.job.fun[0], "fun_args": [], "return": value, "retcode": 0}
        return await self.ask("_return", **{**load, "success": True, **fields})

    def say(self, data: bytes) -> None:
        """Sends any bytes."""
        self._out.write(data)

    async def _counted(self) -> bytes:
        data: bytes = await self._in.readexactly(int(await self._in.readexactly(8)))
        return data


def behaviour(act: Callable[[Liar], Awaitable[None]]) -> Callable[[Server, Any], Awaitable[None]]:
    """What a server does with each connection."""

    async def behave(server: Server, process: Any) -> None:
        server.sessions.append(process.command or "")
        try:
            await act(await Liar(process).begin())
            await process.stdin.read()
        finally:
            process.exit(0)

    return behave
