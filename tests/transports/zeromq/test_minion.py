"""A minion's link against a master whose every answer can be bent, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from tests.transports.keys import private
from tests.transports.stand_in import REFUSE, SILENT, StandIn
from transports.codec import MAX_MESSAGE
from transports.crypto import PublicKey, SymmetricKey, fingerprint
from transports.errors import Broken, Closed, MessageTooLarge, RequestRefused, RequestTimeout
from transports.messages import Job, Request
from transports.signin import Identity, Trust
from transports.zeromq.course import State, Timing
from transports.zeromq.minion import LinkConfig, ZeroMQLink
from transports.zeromq.private import prefix
from transports.zeromq.sockets import Tuning

WHO = Identity("m1", private("minion"))


class Memory:
    def __init__(self) -> None:
        self.key: PublicKey | None = None
        self.kept: dict[str, int] = {}

    def trust(self) -> Trust:
        return Trust(remembered=self.key)

    def remember(self, key: PublicKey) -> None:
        assert self.key is None
        self.key = key

    def serials(self) -> Mapping[str, Any]:
        return self.kept

    def store_serials(self, serials: dict[str, int]) -> None:
        self.kept = dict(serials)


class Rig:
    """One master, one link, and what the link told."""

    def __init__(self, master: StandIn) -> None:
        self.master, self.memory = master, Memory()
        self.states: list[State] = []
        self.told = asyncio.Condition()
        self.links: list[ZeroMQLink] = []

    async def on_state(self, state: State, reason: str) -> None:
        async with self.told:
            self.states.append(state)
            self.told.notify_all()

    async def until(self, state: State, count: int = 1) -> None:
        async def wait() -> None:
            async with self.told:
                await self.told.wait_for(lambda: self.states.count(state) >= count)

        await asyncio.wait_for(wait(), 15)

    async def link(self, **config: Any) -> ZeroMQLink:
        made = ZeroMQLink(
            dataclasses.replace(
                LinkConfig(
                    "127.0.0.1",
                    self.master.ports[1],
                    auth_timeout=0.5,
                    auth_tries=2,
                    timing=Timing(pending=0.05, unreachable=0.05, unreachable_longest=0.2),
                    tuning=Tuning(heartbeat=0.3, reconnect=20, reconnect_longest=100),
                ),
                **config,
            ),
            WHO,
            self.memory,
            self.on_state,
        )
        self.links.append(made)
        await made.start()
        return made


@contextlib.asynccontextmanager
async def rig(handler: Any = None, own: bool = True) -> AsyncIterator[Rig]:
    master = StandIn(private("master"), handler)
    master.desk.own = own
    master.minion_key = WHO.key.public_key()
    await master.start()
    made = Rig(master)
    before = asyncio.all_tasks()
    try:
        yield made
    finally:
        for link in made.links:
            await link.close()
        await master.stop()
        left = [task for task in asyncio.all_tasks() - before if not task.done()]
        assert not left, left


def run(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """A test that is a coroutine."""

    def wrapped() -> None:
        asyncio.run(asyncio.wait_for(test(), 40))

    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped


async def echo(cmd: str, load: dict[str, Any]) -> Any:
    return load.get("value")


async def first_job(link: ZeroMQLink) -> Job:
    async for job in link.jobs():
        return job
    raise AssertionError


# ------------------------------------------------------------------ sign-in


@run
async def test_signs_in_and_remembers_the_master():
    async with rig() as r:
        link = await r.link()
        await link.wait_signed_in(10)
        assert link.state is State.CONNECTED and link.own and r.states == [State.CONNECTED]
        assert r.memory.key is not None
        assert fingerprint(r.memory.key) == fingerprint(private("master").public_key())


@run
async def test_pending_until_accepted():
    async with rig() as r:
        r.master.desk.verdict = True
        link = await r.link()
        await r.until(State.PENDING, 2)
        with pytest.raises(RequestTimeout, match="pending"):
            await link.request(Request("_file_envs"), timeout=0.1)
        r.master.desk.verdict = None
        await r.until(State.CONNECTED)


@run
async def test_rejected_is_told_and_the_end():
    async with rig() as r:
        r.master.desk.verdict = False
        await r.link()
        await r.until(State.REJECTED)
        count = r.master.sign_ins
        await asyncio.sleep(0.2)
        assert r.master.sign_ins == count


@run
async def test_silent_master_gets_the_same_bytes_again():
    async with rig() as r:
        r.master.deaf = True
        await r.link()
        await r.until(State.SIGNED_OUT)
        assert r.master.sign_ins >= 2
        r.master.deaf = False
        await r.until(State.CONNECTED)


@run
async def test_master_that_comes_later_is_found():
    async with rig() as r:
        await r.master.stop()
        link = await r.link()
        await r.until(State.SIGNED_OUT)
        await r.master.start()
        await link.wait_signed_in(10)


@run
async def test_another_master_is_refused_without_replacing_the_key():
    async with rig() as r:
        r.memory.key = private("another master").public_key()
        link = await r.link()
        await r.until(State.SIGNED_OUT)
        assert link.state is not State.CONNECTED
        assert fingerprint(r.memory.key) == fingerprint(private("another master").public_key())


# ----------------------------------------------------------------- requests


@run
async def test_pipelined_requests_get_their_own_replies():
    async def jumbled(cmd: str, load: dict[str, Any]) -> Any:
        await asyncio.sleep(0.05 if load["value"] % 2 else 0.0)
        return load["value"]

    async with rig(jumbled) as r:
        link = await r.link()
        asked = [link.request(Request("x", {"value": number})) for number in range(50)]
        assert await asyncio.gather(*asked) == list(range(50))


@run
async def test_request_carries_identity_token_and_time():
    async with rig(echo) as r:
        r.master.desk.skew = 7200
        link = await r.link()
        await link.request(Request("x", {"value": 1, "id": "forged"}))
        (_cmd, load) = r.master.asked[0]
        assert load["id"] == "m1" and len(load["nonce"]) == 32 and load["tok"]
        import time

        assert abs(load["ts"] - time.time() - 7200) < 30


@run
async def test_pillar_is_opened():
    async def pillar(cmd: str, load: dict[str, Any]) -> Any:
        return {"a": [1, {"b": "c"}]}

    async with rig(pillar) as r:
        link = await r.link()
        assert await link.request(Request("_pillar", {"grains": {}})) == {"a": [1, {"b": "c"}]}


@run
async def test_pillar_that_somebody_else_signed_is_refused():
    async with rig() as r:
        link = await r.link()
        await link.wait_signed_in(10)
        r.master.desk.sign_with = r.master.desk.key
        r.master.desk.key = private("thief")
        with pytest.raises((RequestRefused, RequestTimeout)):
            await link.request(Request("_pillar", {"grains": {}}), timeout=1.5)


@run
async def test_timeout_and_late_reply_leave_the_link_usable():
    gate = asyncio.Event()

    async def slow(cmd: str, load: dict[str, Any]) -> Any:
        if cmd == "slow":
            await gate.wait()
        return cmd

    async with rig(slow) as r:
        link = await r.link()
        await link.wait_signed_in(10)
        with pytest.raises(RequestTimeout):
            await link.request(Request("slow"), timeout=0.2)
        gate.set()
        assert await link.request(Request("next"), timeout=5) == "next"


@run
async def test_new_session_key_is_fetched_once_for_all_and_everything_asked_again():
    async with rig(echo) as r:
        link = await r.link()
        await link.request(Request("x", {"value": 0}))
        r.master.desk.session = SymmetricKey.generate()
        asked = [link.request(Request("_file_envs", {"value": n})) for n in range(10)]
        asked += [link.request(Request("_mine", {"value": n})) for n in range(10)]
        assert await asyncio.gather(*asked) == [*range(10), *range(10)]
        assert r.master.sign_ins == 2
        assert r.states == [State.CONNECTED]  # nobody is told of new keys


@run
async def test_refusals_that_come_while_it_signs_in_are_not_about_that():
    async with rig(echo) as r:
        link = await r.link()
        await link.request(Request("x", {"value": 0}))
        gate, asked_before = asyncio.Event(), set[int]()

        async def refuse_once(cmd: str, load: dict[str, Any]) -> Any:
            if load["value"] in asked_before:
                return load["value"]
            asked_before.add(load["value"])
            if load["value"] == 1:
                await gate.wait()
            return REFUSE

        r.master.handler, r.master.hold = refuse_once, asyncio.Event()
        first = asyncio.ensure_future(link.request(Request("_mine", {"value": 1}), timeout=15))
        await r.master.until(lambda: len(r.master.asked) == 2)
        second = asyncio.ensure_future(link.request(Request("_file_envs", {"value": 2}), timeout=15))
        await r.master.until(lambda: r.master.sign_ins == 2)
        replies = r.master.replies
        gate.set()
        await r.master.until(lambda: r.master.replies == replies + 1)
        r.master.hold.set()
        assert await asyncio.gather(first, second) == [1, 2]
        assert State.SIGNED_OUT not in r.states and r.master.sign_ins == 2


@run
async def test_what_the_master_refuses_for_good_is_refused_after_one_more_try():
    async def refuse(cmd: str, load: dict[str, Any]) -> Any:
        return REFUSE

    async with rig(refuse) as r:
        link = await r.link()
        with pytest.raises(RequestRefused):
            await link.request(Request("_mine", {}), timeout=20)
        assert len(r.master.asked) == 2


@run
async def test_too_large_a_request_is_not_sent():
    async with rig(echo) as r:
        link = await r.link()
        with pytest.raises(MessageTooLarge):
            await link.request(Request("x", {"value": b"\xff" * MAX_MESSAGE}))
        assert await link.request(Request("x", {"value": 1})) == 1


@run
async def test_lost_connection_breaks_requests_under_way_at_once():
    async def never(cmd: str, load: dict[str, Any]) -> Any:
        return SILENT

    async with rig(never) as r:
        link = await r.link()
        await link.wait_signed_in(10)
        asked = asyncio.ensure_future(link.request(Request("x"), timeout=30))
        await r.master.until(lambda: r.master.asked)
        await r.master.stop()
        with pytest.raises(Broken):
            await asyncio.wait_for(asked, 10)
        await r.master.start()


@run
async def test_closed_link():
    async with rig(echo) as r:
        link = await r.link()
        await link.wait_signed_in(10)
        await link.close()
        await link.close()
        with pytest.raises(Closed):
            await link.request(Request("x"))
        with pytest.raises(Closed):
            await first_job(link)


# ------------------------------------------------------------- publications


@run
async def test_own_master_private_topic_and_nothing_else():
    async with rig() as r:
        link = await r.link()
        await link.wait_signed_in(10)
        topic = prefix(r.master.desk.session.topic("m1"))
        await r.master.until(lambda: r.master.topics == {topic})
        await r.master.publish(r.master.frame(r.master.job("test.echo", "x")))
        assert (await asyncio.wait_for(first_job(link), 10)).arg == (("x",),)


@run
async def test_stock_master_reads_everything():
    async with rig(own=False) as r:
        link = await r.link()
        await r.master.until(lambda: r.master.topics == {b""})
        await r.master.publish(r.master.frame(r.master.job("test.echo", "y")))
        assert (await asyncio.wait_for(first_job(link), 10)).arg == (("y",),)


@run
async def test_stock_master_with_filtering():
    async with rig(own=False) as r:
        link = await r.link(filtering=True)
        digest = hashlib.sha1(b"m1").hexdigest().encode()
        await r.master.until(lambda: r.master.topics == {b"broadcast", digest})
        await r.master.publish(digest, r.master.frame(r.master.job("test.echo", "z")))
        assert (await asyncio.wait_for(first_job(link), 10)).arg == (("z",),)


@run
async def test_publication_under_a_new_key_is_read_after_one_sign_in():
    async with rig(own=False) as r:
        link = await r.link()
        await r.master.until(lambda: r.master.topics)
        await link.wait_signed_in(10)
        r.master.desk.shared = SymmetricKey.generate()
        await r.master.publish(r.master.frame(r.master.job("test.echo", "new")))
        assert (await asyncio.wait_for(first_job(link), 10)).arg == (("new",),)
        assert r.master.sign_ins == 2


@run
async def test_unreadable_publication_of_an_own_master_makes_it_sign_in():
    """So a minion learns at once that its key was deleted."""
    async with rig() as r:
        link = await r.link()
        await r.master.until(lambda: r.master.topics)
        await link.wait_signed_in(10)
        r.master.desk.verdict = True
        old = r.master.desk.session
        r.master.desk.session = SymmetricKey.generate()
        frame = r.master.frame(r.master.job())
        await r.master.publish(prefix(old.topic("m1")) + frame[len(prefix(r.master.desk.session.topic("m1"))) :])
        await r.until(State.PENDING)


@run
async def test_bad_publications_are_survived():
    async with rig(own=False) as r:
        link = await r.link()
        await r.master.until(lambda: r.master.topics)
        await link.wait_signed_in(10)
        good = r.master.frame(r.master.job("test.echo", "good"))
        for bad in (b"", b"\xc1", good[:-5], r.master.frame(r.master.job(), sign_with=private("thief"))):
            await r.master.publish(bad)
        await r.master.publish(r.master.frame(r.master.job("test.echo", "last")))
        assert (await asyncio.wait_for(first_job(link), 10)).arg == (("last",),)
        assert r.master.sign_ins == 1


@run
async def test_ipv6_and_source_address():
    master = StandIn(private("master"), echo)
    master.minion_key, master.host = WHO.key.public_key(), "[::1]"
    await master.start()
    r = Rig(master)
    link = await r.link(host="::1", tuning=Tuning(heartbeat=0.3, reconnect=20, ipv6=True, source="::1"))
    assert await link.request(Request("x", {"value": 1}), timeout=10) == 1
    await master.until(lambda: master.topics)
    await link.close()
    await master.stop()


@run
async def test_name_that_means_nothing():
    async with rig() as r:
        link = await r.link(host="no-such-host.invalid")
        await r.until(State.SIGNED_OUT)
        with pytest.raises(RequestTimeout):
            await link.request(Request("x"), timeout=0.2)


# -------------------------------------------------------- losing and finding


@run
async def test_master_that_restarts_is_signed_in_at_again_and_told_once():
    async with rig(echo) as r:
        link = await r.link()
        await r.until(State.CONNECTED)
        await r.master.stop()
        await r.until(State.LOST)
        await r.master.start()
        await r.until(State.CONNECTED, 2)
        assert await link.request(Request("x", {"value": 5})) == 5
        await r.master.until(lambda: r.master.topics)
        await r.master.publish(r.master.frame(r.master.job("test.echo", "again")))
        assert (await asyncio.wait_for(first_job(link), 10)).arg == (("again",),)
        assert r.states.count(State.LOST) == 1


@run
async def test_black_hole_is_noticed_by_heartbeats():
    """Nothing comes through any more, and no connection ends: both sides must notice by themselves."""
    async with rig(echo) as r:
        hole = await BlackHole.to(r.master.ports[0]), await BlackHole.to(r.master.ports[1])
        r.master.desk.body = lambda body: body.update(publish_port=hole[0].port) if "publish_port" in body else None
        link = await r.link(port=hole[1].port)
        await link.wait_signed_in(10)
        for one in hole:
            one.open = False
        await r.until(State.LOST)
        for one in hole:
            one.open = True
        await r.until(State.CONNECTED, 2)
        assert await link.request(Request("x", {"value": 1})) == 1
        await link.close()
        for one in hole:
            await one.close()


class BlackHole:
    """A TCP relay that can swallow everything while its connections stay open."""

    def __init__(self, target: int) -> None:
        self._target, self.open = target, True
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def to(cls, target: int) -> BlackHole:
        made = cls(target)
        made._server = await asyncio.start_server(made._connected, "127.0.0.1", 0)
        made.port = made._server.sockets[0].getsockname()[1]
        return made

    _server: asyncio.Server
    port: int

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, there_writer]
        born_open = self.open
        for source, target in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.ensure_future(self._copy(source, target, born_open))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, alive: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                alive = alive and self.open  # what went dead once stays dead
                if alive:
                    target.write(data)
                    await target.drain()
            target.close()

    async def close(self) -> None:
        self._server.close()
        await asyncio.sleep(0)  # connections that were taken already get their tasks
        for writer in self._writers:
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
