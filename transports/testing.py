"""The promises of a transport, as checks that every transport passes.

A transport's tests give a `Lab`: a way to make a master's side with a request handler and minions' links to it. Each
`check_*` coroutine makes what it needs of it and fails with an AssertionError that says which promise was broken.
Shipped with the product, so that whoever writes a further transport can hold it to the same promises.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, List, Protocol, Tuple, Type

from transports.errors import Broken, Closed, MessageTooLarge, RequestTimeout, TransportError
from transports.link import Handler, Link, Road
from transports.messages import Job, Peer, Request

SOON = 20.0


class Lab(Protocol):
    """Makes both sides of one transport.

    Attributes:
        limit: bytes of one message at the most, as the sides are made.
        breaks: whether a link ends when the road goes away (stream, in-process) or waits for it to come back (ZeroMQ).
    """

    limit: int
    breaks: bool

    async def road(self, handler: Handler) -> Road:
        """A master's side; a second one takes the place (and the address) of a first that was closed."""
        ...

    async def link(self, minion_id: str) -> Link:
        """A connected minion's side."""
        ...

    async def present(self, minion_id: str) -> None:
        """Returns once the road reaches the minion."""
        ...

    async def close(self) -> None:
        """Ends everything."""
        ...


def job(number: int, minion_id: str = "one", fun: str = "test.echo", arg: Tuple[Any, ...] = ()) -> Job:
    """A job for one minion; each number makes another job id."""
    import datetime

    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d%H%M")
    return Job(jid=f"{now}{number:08d}", fun=(fun,), arg=(arg,), tgt=(minion_id,), tgt_type="list")


async def echo(peer: Peer, request: Request) -> Any:
    """A handler that answers with what it was asked."""
    return {"id": peer.id, "cmd": request.cmd, "load": dict(request.load)}


async def _within(what: Awaitable[Any], seconds: float = SOON) -> Any:
    return await asyncio.wait_for(asyncio.ensure_future(what), seconds)


async def _take(link: Link, count: int) -> List[Job]:
    taken: List[Job] = []

    async def take() -> None:
        async for one in link.jobs():
            taken.append(one)
            if len(taken) == count:
                return

    await _within(take(), SOON * 2)
    return taken


@contextlib.contextmanager
def _raises(*kinds: Type[BaseException]) -> Any:
    try:
        yield
    except kinds:
        return
    raise AssertionError(f"nothing was raised, expected {' or '.join(kind.__name__ for kind in kinds)}")


async def check_one_message_each_way(lab: Lab) -> None:
    """A job arrives with all its fields; a request is answered; values keep their types."""
    road = await lab.road(echo)
    link = await lab.link("one")
    await lab.present("one")
    sent = Job(
        jid=job(1).jid, fun=("test.arg",), arg=(("text", 1, 2.5, None, {"__kwarg__": True, "key": "ü"}),), tgt="*",
        user="root", options={"metadata": {"why": "check"}},
    )  # fmt: skip
    await road.publish(sent, ["one"])
    assert await _take(link, 1) == [sent]
    values: Tuple[Any, ...] = ("", b"\x00\xff\xfe", "x", "ü", 0, -1, 2**63, None, True, [], {"a": [{}]})
    for value in values:
        answer = await _within(link.request(Request("anything", {"value": value})))
        assert answer["id"] == "one", f"the request came from {answer['id']}"
        assert answer["load"]["value"] == value, f"{value!r} arrived as {answer['load']['value']!r}"


async def check_sizes(lab: Lab) -> None:
    """Empty, small and large messages pass; one above the limit is refused before it is sent, and harms nothing."""
    road = await lab.road(echo)
    link = await lab.link("one")
    await lab.present("one")
    for size in (0, 1, 65536, lab.limit // 2):
        answer = await _within(link.request(Request("anything", {"data": "x" * size})))
        assert len(answer["load"]["data"]) == size
    with _raises(MessageTooLarge):
        await link.request(Request("anything", {"data": "x" * (lab.limit + 1)}))
    with _raises(MessageTooLarge):
        await road.publish(job(1, arg=("x" * (lab.limit + 1),)), ["one"])
    assert (await _within(link.request(Request("anything", {"still": "there"}))))["load"] == {"still": "there"}


async def check_many_in_order(lab: Lab, count: int = 2000) -> None:
    """Many jobs arrive once each, in the order they were sent."""
    road = await lab.road(echo)
    link = await lab.link("one")
    await lab.present("one")
    taking = asyncio.ensure_future(_take(link, count))
    for start in range(0, count, 100):
        for number in range(start, start + 100):
            await road.publish(job(number), ["one"])
        await asyncio.sleep(0)
    taken = await taking
    assert [one.jid[-8:] for one in taken] == [f"{number:08d}" for number in range(count)]


async def check_replies_belong_to_requests(lab: Lab) -> None:
    """Requests under way at the same time, from several minions, get their own replies, in whatever order."""

    async def later(peer: Peer, request: Request) -> Any:
        await asyncio.sleep(0.001 * (request.load["number"] % 7))
        return [peer.id, request.load["number"]]

    await lab.road(later)
    links: Dict[str, Link] = {name: await lab.link(name) for name in ("one", "two", "three")}

    async def ask(name: str, number: int) -> None:
        answer = await links[name].request(Request("anything", {"number": number}))
        assert answer == [name, number], f"{name} asked {number} and got {answer}"

    await _within(asyncio.gather(*(ask(name, number) for number in range(50) for name in links)))


async def check_late_reply_is_dropped(lab: Lab) -> None:
    """A reply after the deadline goes nowhere, and the next request gets its own."""
    release = asyncio.Event()

    async def slow_at_first(peer: Peer, request: Request) -> Any:
        if request.load["number"] == 1:
            await release.wait()
        return request.load["number"]

    await lab.road(slow_at_first)
    link = await lab.link("one")
    with _raises(RequestTimeout):
        await link.request(Request("anything", {"number": 1}), timeout=0.3)
    release.set()
    for number in (2, 3):
        assert await _within(link.request(Request("anything", {"number": number}))) == number


async def check_failing_handler(lab: Lab) -> None:
    """A handler that fails costs one request, not the link."""

    async def failing(peer: Peer, request: Request) -> Any:
        if request.cmd == "fail":
            raise RuntimeError("on purpose")
        return "fine"

    await lab.road(failing)
    link = await lab.link("one")
    with contextlib.suppress(TransportError, RuntimeError):
        await link.request(Request("fail"), timeout=1.0)
    assert await _within(link.request(Request("anything"))) == "fine"


async def check_only_to_whom_it_is_addressed(lab: Lab) -> None:
    """A job reaches the minions it names and no other."""
    road = await lab.road(echo)
    one, two = await lab.link("one"), await lab.link("two")
    await lab.present("one")
    await lab.present("two")
    await road.publish(job(1, "two"), ["two"])
    await road.publish(job(2, "one"), ["one"])
    assert [taken.jid[-1] for taken in await _take(one, 1)] == ["2"]
    assert [taken.jid[-1] for taken in await _take(two, 1)] == ["1"]


async def check_close(lab: Lab) -> None:
    """Closing twice is fine; afterwards every use says `Closed`; a reader and an asker that wait are told so."""
    never = asyncio.Event()

    async def silent(peer: Peer, request: Request) -> Any:
        await never.wait()

    await lab.road(silent)
    link = await lab.link("one")
    reading = asyncio.ensure_future(_next(link.jobs()))
    asking = asyncio.ensure_future(link.request(Request("anything")))
    await asyncio.sleep(0.05)
    await _within(link.close())
    await _within(link.close())
    for waiting in (reading, asking):
        with _raises(Closed):
            await _within(waiting)
    with _raises(Closed):
        await _within(link.request(Request("anything")))
    with _raises(Closed):
        await _within(_next(link.jobs()))


async def _next(jobs: AsyncIterator[Job]) -> Job:
    return await jobs.__anext__()


async def check_road_goes(lab: Lab) -> None:
    """When the master's side goes, a link that breaks says `Broken` and stays so; another finds the next road."""
    road = await lab.road(echo)
    link = await lab.link("one")
    await lab.present("one")
    await _within(road.close())
    await _within(road.close())
    if lab.breaks:
        for _ in range(2):
            with _raises(Broken):
                await _within(link.request(Request("anything")))
        return
    with _raises(RequestTimeout, Broken):
        await link.request(Request("anything"), timeout=0.5)
    road = await lab.road(echo)
    await lab.present("one")
    await road.publish(job(7), ["one"])
    assert [taken.jid[-1] for taken in await _take(link, 1)] == ["7"]
    assert (await _within(link.request(Request("again", {}))))["cmd"] == "again"


async def check_cancelled_requests(lab: Lab) -> None:
    """Cancelling a request at any moment leaves the link in order."""
    await lab.road(echo)
    link = await lab.link("one")
    for delay in (0, 0, 0.0005, 0.001, 0.002, 0.005):
        asking = asyncio.ensure_future(link.request(Request("anything", {"data": "x" * 10000})))
        await asyncio.sleep(delay)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
    assert (await _within(link.request(Request("anything", {"number": 1}))))["load"] == {"number": 1}


async def check_presence(lab: Lab) -> None:
    """The road knows who is connected, and that he went."""
    road = await lab.road(echo)
    assert not any(presence.up for presence in road.present().values())
    link = await lab.link("one")
    await lab.present("one")
    assert road.present()["one"].up
    await link.close()

    async def gone() -> None:
        while road.present()["one"].up:
            await asyncio.sleep(0.01)

    await _within(gone())


async def check_nothing_is_left(lab: Lab) -> None:
    """After everything is closed no task of the transport runs on."""
    before = asyncio.all_tasks()
    road = await lab.road(echo)
    link = await lab.link("one")
    await lab.present("one")
    await road.publish(job(1), ["one"])
    await _take(link, 1)
    await _within(link.request(Request("anything")))
    await lab.close()
    await asyncio.sleep(0.05)
    left = [task for task in asyncio.all_tasks() - before if not task.done()]
    assert not left, f"{len(left)} tasks are left: {left}"


CHECKS: Tuple[Callable[[Lab], Awaitable[None]], ...] = (
    check_one_message_each_way,
    check_sizes,
    check_many_in_order,
    check_replies_belong_to_requests,
    check_late_reply_is_dropped,
    check_failing_handler,
    check_only_to_whom_it_is_addressed,
    check_close,
    check_road_goes,
    check_cancelled_requests,
    check_presence,
    check_nothing_is_left,
)
