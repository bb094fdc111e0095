"""What a deployment does on the master: keys, wheels, and waiting for minions to answer."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from master.cli._announce import announce
from master.client import LocalClient
from master.config import MasterSettings
from master.control_client import Verdict
from master.errors import MasterDown, MasterError, NoWheels
from master.keypair import load_master_key
from master.keys import Change, KeyStore, State
from master.wheelhouse import Platform, Release, Wheelhouse
from ssh.errors import ApplyFailed, NotAnswering
from transports import crypto
from transports.errors import TransportError
from transports.messages import Return
from transports.retry import Backoff

log = logging.getLogger(__name__)

Result = TypeVar("Result")
_PING_SECONDS = 5.0
_STARTED = "salt/minion/*/start"


class Home:
    """The master on this host.

    Args:
        settings: its configuration.
        house: its wheels.
    """

    def __init__(self, settings: MasterSettings, house: Wheelhouse) -> None:
        self._settings, self._house = settings, house
        self._client = LocalClient(mopts=settings.opts())
        self._keys = KeyStore(settings.pki_dir, group_readable=settings.permissive_pki_access)
        self._one_at_a_time = asyncio.Lock()  # keys
        self._releases: dict[str, asyncio.Task[Release]] = {}
        self._starts: Starts | None = None

    @functools.cached_property
    def public_key(self) -> str:
        """The master's public key, as hosts are to know it."""
        return crypto.public_pem(load_master_key(self._settings).public_key())

    def watch(self) -> None:
        """Begins to hear which minions start.

        Raises:
            MasterDown: no master runs here.
        """
        self._starts = Starts(self._client)

    def close(self) -> None:
        """Ends what is open."""
        if self._starts is not None:
            self._starts.close()

    # ---------------------------------------------------------------- wheels

    async def release(self, platform: Platform) -> Release:
        """The wheels for a platform; fetched, once, if they are not there.

        Raises:
            NoWheels: there are none.
        """
        name = str(platform)
        if name not in self._releases:
            self._releases[name] = asyncio.ensure_future(asyncio.to_thread(self._obtain, platform))
        return await asyncio.shield(self._releases[name])

    def _obtain(self, platform: Platform) -> Release:
        try:
            return self._house.release(platform)
        except NoWheels:
            log.info("Fetching the wheels for %s", platform)
        try:
            return self._house.fetch(platform)
        except NoWheels as exc:
            how = f"salt-deploy --fetch-wheels {platform}"
            raise NoWheels(str(exc) if how in str(exc) else f"{exc}. To fetch them: {how}") from None

    # ------------------------------------------------------------------ keys

    async def trust(self, minion_id: str, pem: str, pending: bool, replace: bool) -> list[Change]:
        """Takes a host's public key, which came over SSH; see `master.keys.KeyStore.vouch`."""

        def act() -> list[Change]:
            changes = self._keys.vouch(minion_id, pem, pending=pending, replace=replace)
            if changes:
                announce(self._settings, changes, preserve=False)
            return changes

        async with self._one_at_a_time:
            return await _aside(act)

    async def forget(self, minion_id: str, fingerprint: str) -> str:
        """Deletes the key of a host that is no minion any more; says so, or why it was left.

        Args:
            minion_id: the host.
            fingerprint: of the key that it had.
        """

        def act() -> str:
            states = [state for state in State if self._keys.has(minion_id, state)]
            mine = [state for state in states if fingerprint in self._keys.fingerprint(minion_id, state)]
            if not mine:
                return "its key is left on the master, it is not the host's" if states else ""
            announce(self._settings, self._keys.delete(minion_id, mine), preserve=False)
            return "its key was deleted"

        async with self._one_at_a_time:
            return await _aside(act)

    # --------------------------------------------------------------- answers

    async def answers(self, minion_id: str, patience: float) -> None:
        """Waits until a minion answers over ZeroMQ.

        Args:
            minion_id: the minion.
            patience: seconds in which it must.

        Raises:
            NotAnswering: it does not.
        """
        assert self._starts is not None
        deadline = time.monotonic() + patience
        pauses = Backoff(first=0.2, longest=5.0)
        started = self._starts.of(minion_id)
        while True:
            started.clear()
            why = await _aside(lambda: self._ping(minion_id))
            if not why:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotAnswering(f"the minion does not answer within {patience:g} s: {why}")
            try:
                await asyncio.wait_for(started.wait(), min(left, pauses.next()))
            except TimeoutError:
                continue

    async def apply(self, minion_id: str, words: tuple[str, ...]) -> str:
        """Runs a function of states on a minion; says what came of it.

        Raises:
            ApplyFailed: some failed, or it did not return.
        """
        return await _aside(lambda: self._apply(minion_id, words))

    def _ping(self, minion_id: str) -> str:
        """Why a minion does not answer; "" if it does. What answers over SSH does not count."""
        try:
            present = self._client.control.ask("present")["present"].get(minion_id) or {}
            if not present.get("up") or present.get("road") != "zeromq":
                return "it is not connected"
            with self._client.start([minion_id], "test.ping", (), "list", timeout=_PING_SECONDS) as following:
                for item in following:
                    return item.text if isinstance(item, Verdict) else ""
        except MasterError as exc:
            return str(exc)
        return "the master does not know it"

    def _apply(self, minion_id: str, words: tuple[str, ...]) -> str:
        fun, *args = words
        try:
            with self._client.start([minion_id], fun, args, "list") as following:
                for item in following:
                    return _told(item, following.jid)
        except MasterError as exc:
            raise ApplyFailed(f"{fun}: {exc}") from None
        raise ApplyFailed(f"{fun}: the master does not know the minion")


async def _aside(act: Callable[[], Result]) -> Result:
    """Does what blocks in a thread of its own, which the end of this process does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(value: Any, exc: BaseException | None) -> None:
        if not done.done():
            done.set_exception(exc) if exc else done.set_result(value)

    def work() -> None:
        value, problem = None, None
        try:
            value = act()
        except BaseException as exc:  # noqa: BLE001 - it is raised where the result is waited for
            problem = exc
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(settle, value, problem)

    threading.Thread(target=work, name="aside", daemon=True).start()
    return await done


def _told(item: Return | Verdict, jid: str) -> str:
    """What a state run came to, in one line."""
    look = f"salt-run jobs.lookup_jid {jid}"
    if isinstance(item, Verdict):
        raise ApplyFailed(f"{item.text}; {look}")
    states = [each for each in item.value.values() if isinstance(each, dict)] if isinstance(item.value, dict) else []
    failed = sum(each.get("result") is False for each in states)
    if not item.ok:
        what = f"{failed} of {len(states)} states failed" if failed else str(item.value)[:500]
        raise ApplyFailed(f"{what}; {look}")
    return f"{len(states)} states, {sum(bool(each.get('changes')) for each in states)} changed"


class Starts:
    """Which minions tell the master that they started, from now on.

    Args:
        client: of the master.

    Raises:
        MasterDown: no master runs here.
    """

    def __init__(self, client: LocalClient) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: dict[str, asyncio.Event] = {}
        self._pipe = client.control.open("events", tags=[_STARTED])
        if "listening" not in self._pipe.receive(_PING_SECONDS):
            raise MasterDown("the master's events can't be heard")
        threading.Thread(target=self._hear, name="starts", daemon=True).start()

    def of(self, minion_id: str) -> asyncio.Event:
        """Set when this minion starts."""
        return self._events.setdefault(minion_id, asyncio.Event())

    def close(self) -> None:
        """Hears no more."""
        self._pipe.close()

    def _hear(self) -> None:
        try:
            while True:
                tag = str(self._pipe.receive().get("tag", ""))
                self._loop.call_soon_threadsafe(self._started, tag.split("/")[2])
        except (TransportError, OSError, ValueError, RuntimeError, IndexError) as exc:
            log.debug("no more events: %s", exc)

    def _started(self, minion_id: str) -> None:
        if minion_id in self._events:
            self._events[minion_id].set()
