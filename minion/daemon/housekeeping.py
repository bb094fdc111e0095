"""What the daemon does besides jobs: grains, pillars, the mine, events at start and now and then, wishes of modules."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Mapping

from minion import mailbox
from minion.job import Order
from transports.errors import TransportError
from transports.retry import Backoff

if TYPE_CHECKING:
    from minion.daemon.agent import Agent
    from minion.daemon.connection import Connection
    from minion.daemon.workers import Worker

log = logging.getLogger(__name__)

_GRAINS_PATIENCE = 120.0
_GREETING_SPREAD = 5.0
_TOUCH_INTERVAL = (30.0, 45.0)


class Housekeeping:
    """Keeps an agent's facts fresh and its masters informed.

    Args:
        agent: whose.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._started = False
        self._fresh: List[asyncio.Future[Dict[str, Any]]] = []  # who waits for new grains
        self._events: Mapping[str, Callable[[Connection, Dict[str, Any]], Awaitable[None]]] = {
            "module_refresh": self._on_module_refresh,
            "pillar_refresh": self._on_pillar_refresh,
            "grains_refresh": self._on_grains_refresh,
            "environ_setenv": self._on_environ_setenv,
            "fire_master": self._on_fire_master,
        }

    # --------------------------------------------------------------- grains

    async def collect_grains(self) -> bool:
        """Has the grains collected anew; returns whether they changed."""
        fresh: asyncio.Future[Dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._fresh.append(fresh)
        worker = self._agent.workers.start(Order("grains"))
        try:
            grains = await asyncio.wait_for(fresh, _GRAINS_PATIENCE)
        except asyncio.TimeoutError:
            log.error("The grains could not be collected: %s", worker)
            return False
        changed, self._agent.grains = grains != self._agent.grains, grains
        self._agent.workers.know(grains=grains)
        return changed

    async def answer(self, worker: Worker, cmd: str, load: Dict[str, Any]) -> Any:
        """What a process wants of the daemon itself.

        Raises:
            ValueError: there is no such command.
        """
        if cmd == "__grains":
            waiting, self._fresh = self._fresh, []
            for fresh in waiting:
                if not fresh.done():
                    fresh.set_result(load["grains"])
            return True
        if cmd == "__event":
            return await self.event(str(load["tag"]), load.get("data") or {}, worker.order.master)
        if cmd == "__own":
            connection = self._agent.connection(worker.order.master)
            return connection is not None and connection.own
        raise ValueError(f"{cmd} is no command of the minion")

    # --------------------------------------------------------------- masters

    async def greet(self, connection: Connection, first: bool) -> None:
        """A master let us in: gets the pillar the first time, and tells that the minion is there."""
        agent = self._agent
        if first:
            await self._first_pillar(connection)
            connection.ready.set()
        elif connection.forgotten:
            connection.forgotten = False
            await self._refresh_pillar(connection)
            self._send_mine(connection)
        text = f"Minion {agent.id} started at {time.asctime()}"
        grains = {name: agent.grains[name] for name in agent.opts["start_event_grains"] if name in agent.grains}
        further = {"grains": grains} if grains else {}
        if agent.settings.enable_legacy_startup_events:
            await connection.fire("minion_start", text, **further)
        await connection.fire(f"salt/minion/{agent.id}/start", text, **further)
        if first:
            self._run_startup_states(connection)
            agent.spawn(self._keep_mine(connection))
            agent.spawn(self._ping(connection))
            agent.spawn(self._stay_in_touch(connection))

    async def _first_pillar(self, connection: Connection) -> None:
        backoff = Backoff(1.0, 60.0)
        for _attempt in range(3):
            if await self._refresh_pillar(connection):
                return
            await asyncio.sleep(backoff.next())

    async def _refresh_pillar(self, connection: Connection, clean_cache: bool = False) -> bool:
        try:
            await connection.fetch_pillar(self._agent.grains, clean_cache)
        except TransportError as exc:
            log.error("No pillar: %s", exc)
            return False
        self._tell_pillars()
        return True

    def _tell_pillars(self) -> None:
        self._agent.workers.know(pillars={c.name: c.pillar for c in self._agent.connections})

    def _run_startup_states(self, connection: Connection) -> None:
        opts = self._agent.opts
        kind = opts["startup_states"]
        if not kind or self._started:
            return
        self._started = True
        calls: Dict[str, Any] = {"sls": ("state.sls", [opts["sls_list"]]), "top": ("state.top", [opts["top_file"]])}
        fun, arg = calls.get(kind, ("state.highstate", []))
        self._agent.unasked(fun, arg, connection, returns=True)

    # ------------------------------------------------------------ now and then

    async def begin(self) -> None:
        """Starts what is done every so many minutes, and takes events from programs beside us."""
        mailbox.open_box(self._agent.settings.cachedir)
        asyncio.get_running_loop().add_signal_handler(mailbox.WAKE, self.collect_mail)
        minutes = self._agent.settings.grains_refresh_every
        if minutes > 0:
            self._agent.spawn(self._every(minutes * 60.0, self._look_at_grains))
        if not self._agent.connections:
            log.warning("This minion has no master (master_type: disable): nobody gives it jobs")

    async def _every(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await what()

    async def _look_at_grains(self) -> None:
        if await self.collect_grains():
            for connection in self._agent.connections:
                await self._refresh_pillar(connection)

    async def _keep_mine(self, connection: Connection) -> None:
        settings = self._agent.settings
        if not settings.mine_enabled:
            return
        await asyncio.sleep(random.uniform(0.0, _GREETING_SPREAD))  # noqa: S311 - spreads the load on the master
        while True:
            self._send_mine(connection)
            if settings.mine_interval <= 0:
                return
            await asyncio.sleep(settings.mine_interval * 60.0)

    def _send_mine(self, connection: Connection) -> None:
        if self._agent.opts["mine_functions"] or connection.pillar.get("mine_functions"):
            self._agent.unasked("mine.update", [], connection, returns=False)

    async def _ping(self, connection: Connection) -> None:
        minutes = self._agent.settings.ping_interval
        while minutes > 0:
            await asyncio.sleep(minutes * 60.0)
            await connection.fire("minion_ping", "ping")

    async def _stay_in_touch(self, connection: Connection) -> None:
        """A stock master does not tell a minion that its key was deleted; a question now and then shows it."""
        while True:
            await asyncio.sleep(random.uniform(*_TOUCH_INTERVAL))  # noqa: S311 - spreads the load on the master
            if not connection.own:
                try:
                    await connection.request("_file_envs", {})
                except TransportError as exc:
                    log.info("%s does not answer: %s", connection.host, exc)

    # --------------------------------------------------------- local events

    async def event(self, tag: str, data: Dict[str, Any], master: str = "") -> bool:
        """An event that a module fires on the minion: `event.fire`, by which Salt's modules steer their minion.

        With `wait` in its data the answer comes when it is done.

        Args:
            tag: under which name.
            data: what the module says.
            master: name of the master that the module's job came from.
        """
        handler = next((self._events[name] for name in self._events if tag.startswith(name)), None)
        connection = self._agent.connection(master)
        if handler is None or connection is None:
            log.debug("Nobody listens to the local event %s", tag)
            return True
        if data.get("wait") or data.get("notify"):
            await handler(connection, data)
        else:
            self._agent.spawn(handler(connection, data))
        return True

    def collect_mail(self) -> None:
        """Events that programs beside us left."""
        for tag, data in mailbox.take(self._agent.settings.cachedir):
            self._agent.spawn(self.event(tag, data))

    async def _on_module_refresh(self, connection: Connection, data: Dict[str, Any]) -> None:
        await self.collect_grains()

    async def _on_pillar_refresh(self, connection: Connection, data: Dict[str, Any]) -> None:
        await self.collect_grains()
        await self._refresh_pillar(connection, bool(data.get("clean_cache")))

    async def _on_grains_refresh(self, connection: Connection, data: Dict[str, Any]) -> None:
        if await self.collect_grains() or data.get("force_refresh"):
            await self._refresh_pillar(connection)

    async def _on_environ_setenv(self, connection: Connection, data: Dict[str, Any]) -> None:
        """`environ.setenv update_minion=True`: further jobs have these variables, too."""
        wanted = data.get("environ")
        if not isinstance(wanted, dict):
            return
        if data.get("clear_all"):
            os.environ.clear()
        for name, value in wanted.items():
            if value is False and data.get("false_unsets"):
                os.environ.pop(str(name), None)
            else:
                os.environ[str(name)] = "" if value is False else str(value)
        self._agent.workers.know(environ=dict(os.environ))

    async def _on_fire_master(self, connection: Connection, data: Dict[str, Any]) -> None:
        load = {name: data.get(name) for name in ("tag", "data", "events", "pretag")}
        try:
            await connection.request(
                "_minion_event", {name: value for name, value in load.items() if value is not None}
            )
        except TransportError as exc:
            log.warning("An event can't be sent: %s", exc)
