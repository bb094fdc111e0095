"""The host that we are on, as a target: its functions are called in this process."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from master import requests
from master.requests import Services
from minion import config
from minion.errors import MinionError
from minion.runtime import Runtime
from ssh.deploy.plan import PROBE_SECONDS, Plan
from ssh.deploy.target import Target, failure
from ssh.errors import NoAnswer
from transports.messages import Peer, Request


class _Master:
    """Answers what functions ask while a host is deployed; see `minion.runtime.Master`."""

    def __init__(self, services: Services, minion_id: str) -> None:
        self._services, self._peer = services, Peer(minion_id, road="inproc")

    def request(self, cmd: str, **load: Any) -> Any:
        """The answer."""
        if cmd != "_wheel":
            return {}
        load.pop("timeout", None)
        return requests.answer(self._services, self._peer, Request(cmd, load))


@asynccontextmanager
async def local(minion_id: str, services: Services, plan: Plan) -> AsyncIterator[tuple[Target, Any]]:
    """This host for as long as the context lasts, with its facts; see `ssh.deploy.target.remote`."""
    target = _Local(minion_id, services)
    try:
        place = {"prefix": plan.prefix, "config_dir": plan.config_dir}
        yield target, await target.call("deploy.probe", plan.seconds or PROBE_SECONDS, **place)
    finally:
        target.close()


class _Local:
    """See `ssh.deploy.target.Target`.

    Args:
        minion_id: the id that the host is to have.
        services: of the request table, for wheels.
    """

    def __init__(self, minion_id: str, services: Services) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="saltern-")
        given = {"id": minion_id, "root_dir": self._scratch.name, "file_client": "local"}
        opts = config.load(os.path.join(self._scratch.name, "minion"), given).opts()
        self._modules = Runtime(opts, {}, {}, _Master(services, minion_id)).loaders.modules

    def close(self) -> None:
        """Removes what was needed meanwhile."""
        self._scratch.cleanup()

    async def call(self, fun: str, seconds: float, **arguments: Any) -> Any:
        """See `Target`."""
        words = {name: value for name, value in arguments.items() if value is not None}
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._modules[fun], **words), seconds)
        except MinionError as exc:
            raise failure(str(exc)) from None
        except TimeoutError:
            raise NoAnswer(f"{fun} did not end within {seconds:g} s") from None
