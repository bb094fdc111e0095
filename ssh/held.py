"""A host whose thin minion runs, for as long as somebody needs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from roster.host import Host
from ssh.bootstrap import Start
from ssh.bundle import Bundle
from ssh.connection import Client, Connection
from ssh.errors import ConnectionLost, NoAnswer
from ssh.starter import Thin, started
from transports.stream_road import Stream, StreamRoad

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """How hosts are made minions, the same for all of them.

    Attributes:
        client: how we connect.
        bundle: what they are sent.
        opts: the minion's options that all have.
        extmods: digest of the user's own modules; "" if there are none.
        max_procs: hosts at the same time.
        fresh, wipe: use a folder of a random name; remove the folder afterwards.
        pre_flight: run the roster's script in any case.
        job_seconds: how long a job may take; 0 for no limit.
        log_level: of the messages that come back.
    """

    client: Client
    bundle: Bundle
    opts: Mapping[str, Any]
    extmods: str = ""
    max_procs: int = 25
    fresh: bool = False
    wipe: bool = False
    pre_flight: bool = False
    job_seconds: float = 0.0
    log_level: int = 30

    def start(self, host: Host) -> Start:
        """How the thin minion is started on a host."""
        return Start(
            opts={**self.opts, **host.minion_opts, "id": host.id},
            digest=self.bundle.digest,
            folder=host.thin_dir or "~/.saltern",
            fresh=self.fresh,
            wipe=self.wipe,
            sudo_user=host.sudo_user or ("root" if host.sudo else ""),
            set_path=host.set_path,
            python=host.python,
            umask=host.cmd_umask,
            extmods=self.extmods,
            log_level=self.log_level,
        )


class Held:
    """A host whose thin minion runs and is served; see `held`.

    Attributes:
        sent: bytes of the bundle that it was sent.
    """

    def __init__(self, host: Host, thin: Thin, stream: Stream) -> None:
        self._host, self._thin, self._stream = host, thin, stream
        self.sent = thin.sent

    async def until(self, answered: asyncio.Event, limit: float = 0.0) -> None:
        """Waits for an answer.

        Args:
            answered: set when it is there.
            limit: seconds that it may take; 0 for any time.

        Raises:
            NoAnswer: it did not come in time.
            ConnectionLost: the connection ended before.
        """
        ended = asyncio.ensure_future(self._stream.ended())
        waiting = asyncio.ensure_future(answered.wait())
        try:
            await asyncio.wait({ended, waiting}, timeout=limit or None, return_when=asyncio.FIRST_COMPLETED)
            if answered.is_set():
                return
            if not ended.done():
                raise NoAnswer(f"the job did not end within {limit:g} s, and was ended")
            why, text = ended.result(), await self._thin.errors.whole()
            last = f"; {text.splitlines()[-1]}" if text else ""
            raise ConnectionLost(f"the connection to {self._host.address} ended before the job did: {why}{last}")
        finally:
            ended.cancel()
            waiting.cancel()


@asynccontextmanager
async def held(host: Host, way: Way, streams: StreamRoad, early: bytes = b"") -> AsyncIterator[Held]:
    """A host with a thin minion that serves for as long as the context lasts; its jobs are published by `streams`.

    Args:
        host: whom to reach.
        way: how it is made a minion.
        streams: where its stream is attached.
        early: frames to send before anything comes back.

    Raises:
        SSHError: it can't be done.
    """
    connection = Connection(host, way.client)
    try:
        await connection.open()
        async with started(connection, way.start(host), way.bundle, early, way.pre_flight) as thin:
            if thin.note and not way.fresh:
                log.warning("%s: %s", host.id, thin.note)
            stream = streams.attach(host.id, thin.reader, thin.writer)
            try:
                yield Held(host, thin, stream)
            finally:
                stream.abandon()
                await stream.ended()
                for line in thin.errors.text.splitlines():
                    log.warning("%s: %s", host.id, line)
    finally:
        await connection.close()
