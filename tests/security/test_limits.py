"""Rule 10: floods, bombs and half-open connections cost the master little, and the others next to nothing."""

from __future__ import annotations

import contextlib
import random
import resource
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.security import peer as wire
from tests.security.peer import (
    BAD_LOAD,
    GREETING,
    SILENCE,
    Listener,
    NoReply,
    Peer,
    Wire,
    clear,
    is_closed,
    message,
    raw,
    sends,
    soon,
    until,
)
from tests.security.running import Master
from transports import codec

MEGABYTES = 420  # what one process may use at the most
OPTIONS = {"max_memory": MEGABYTES, "heartbeat": 1, "log_level": "warning"}


@pytest.fixture(scope="module", autouse=True)
def descriptors() -> None:
    """Makes room for connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))


@pytest.fixture(scope="module")
def helpers(master: Master) -> list[Peer]:
    """A good minion on each worker."""
    return [master.minion(name) for name in master.names_of_all_workers()]


@contextlib.contextmanager
def unharmed(master: Master, helpers: list[Peer], megabytes: int = 100) -> Iterator[None]:
    """Meanwhile good minions are served within a second, nothing dies, and memory grows by so much at the most."""
    pids, before = set(master.pids()), master.memory()
    master.forget_peaks()
    yield
    serve(helpers)
    assert set(master.pids()) == pids, master.log_text()[-2000:]
    for title, peak in master.peaks().items():
        assert peak - before[title] < megabytes, title


def serve(helpers: list[Peer]) -> None:
    """Good minions want something."""
    for helper in helpers:
        began = time.monotonic()
        assert helper.ask("_file_envs") == ["base"]
        assert time.monotonic() - began < soon()


def large(load: bytes, **more: bytes) -> bytes:
    """An envelope that looks like an encrypted request, with packed fields put in."""
    fields = {"enc": codec.pack("aes"), "version": b"\x03", "id": codec.pack("good"), "load": codec.pack(load), **more}
    return bytes((0x80 | len(fields),)) + b"".join(codec.pack(name) + value for name, value in fields.items())


def announced(length: int) -> bytes:
    """The head of a list of so many items."""
    return b"\xdd" + struct.pack(">I", length)


# -------------------------------------------------------- bombs of strangers


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("ten million empty maps", large(b"x" * 64, x=announced(10**7) + b"\x80" * 10**7)),
        ("ten million numbers", large(b"x" * 64, x=announced(10**7) + b"\x01" * 10**7)),
        ("a map of a million", large(b"x" * 64, x=b"\xdf" + struct.pack(">I", 10**6) + b"\x01\x80" * 10**6)),
        ("lists that announce much", large(b"x" * 10**7, x=announced(10**7) * 1000)),
        (
            "a clear request of lists that announce much",
            clear({"cmd": "_auth"})[:-8] + announced(50_000) * 1000 + b"\0" * 50_000,
        ),
        ("a large load", large(b"\xff" * 20_000_000)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_message_of_a_stranger_makes_nothing_of_its_size(
    master: Master, helpers: list[Peer], name: str, payload: bytes
):
    stranger = Wire(master.port)
    with unharmed(master, helpers, 100 + 3 * len(payload) // 10**6):
        stranger.send(payload)
        assert stranger.receive() == BAD_LOAD


def test_many_large_messages_at_once(master: Master, helpers: list[Peer]):
    payload = large(b"\xff" * 8_000_000)
    with unharmed(master, helpers, 350):
        strangers = [Wire(master.port) for _ in range(6)]
        for stranger in strangers:
            stranger.send(*[payload] * 5)
        serve(helpers)
        for stranger in strangers:
            assert stranger.replies(5) == [BAD_LOAD] * 5


def test_a_message_above_the_limit_ends_its_connection(master: Master, helpers: list[Peer]):
    with unharmed(master, helpers), raw(master.port, b"DEALER") as connection:
        connection.sendall(b"\x02" + struct.pack(">Q", 33 << 20))
        assert is_closed(connection)
    with unharmed(master, helpers), raw(master.publish_port, b"SUB") as connection:
        connection.sendall(b"\x02" + struct.pack(">Q", 600) + b"\x01")
        assert is_closed(connection)
    with unharmed(master, helpers), raw(master.port, b"DEALER") as connection:
        connection.sendall(b"\x02" + struct.pack(">Q", 2**63))
        assert is_closed(connection)


# ------------------------------------------------------- bombs of a minion


@pytest.mark.parametrize(
    "plain",
    [
        b"\x81\xa3cmd" + announced(10**7) + b"\x80" * 10**7,
        b"\x81\xa3cmd" + announced(10**7) * 1000 + b"\0" * 10**7,
        announced(5 * 10**6) + b"\x93\x01\x02\x03" * 5 * 10**6,
        b"\x81\xa3cmd" + b"\x91" * 10**6 + b"\x01",
        b"\x91\xc7\x06\x4f" + b"\x92\xa1x\xdd\xff\xff",
        b"\x81\xa3cmd\xc9\x00\x98\x96\x80\x4f" + b"\x91" * 10**7,
    ],
    ids=["maps", "announced", "lists", "deep", "in an extension", "large in an extension"],
)
def test_a_message_of_a_minion_makes_little_of_its_size(master: Master, helpers: list[Peer], plain: bytes):
    bomber = master.minion(f"bomber{zlib.crc32(plain)}")
    assert bomber.session is not None
    payload = wire.clear(bomber.session.seal_packed(plain), enc="aes", id=bomber.id)
    with unharmed(master, helpers, 300):
        bomber.wire.send(payload)
        assert bomber.wire.receive() == BAD_LOAD


def test_large_answers_are_taken_one_after_the_other(master: Master, helpers: list[Peer]):
    talker = master.minion("talker")
    with unharmed(master, helpers, 350):
        talker.wire.send(*[talker.seal(talker.load("_mine", data={"x": "x" * 10_000_000})) for _ in range(6)])
        serve(helpers)
        assert talker.wire.receive() is not SILENCE


def test_a_flood_of_events_is_slowed_down(master: Master, helpers: list[Peer]):
    noisy = master.minion("noisy")
    events = [{"tag": f"custom/{number}", "data": {}} for number in range(1000)]
    with master.events() as bus, unharmed(master, helpers, 100):
        noisy.wire.send(*[noisy.seal(noisy.load("_minion_event", events=events)) for _ in range(50)])
        assert bus.get_event(full=True) is not None
        assert len(noisy.wire.replies(3)) == 3
        assert noisy.wire.receive(wait=0.5) is SILENCE, "the others wait for their turn"
        assert "pong" in master.control.ask("ping")


def test_those_who_wait_for_their_turn_hold_up_nobody(master: Master, helpers: list[Peer]):
    crowd = [master.minion(f"crowd{number}") for number in range(8)]
    events = [{"tag": "custom/x", "data": {}}] * 1000
    with unharmed(master, helpers, 250):
        for one in crowd:
            one.wire.send(*[one.seal(one.load("_minion_event", events=events)) for _ in range(3)])
            one.wire.send(*[one.seal(one.load("_ack", jid="x" * 3000)) for _ in range(1500)])
        for helper in helpers * 10:
            serve([helper])
        assert master.peer("late").sign_in().ask("_file_envs") == ["base"]
    for number in range(master.options["worker_threads"]):
        master.kill(f"MWorker-{number}")
    for one in crowd:
        replies = set(one.wire.replies(1000))
        assert BAD_LOAD in replies, "what a dead worker had taken is refused, so that it is asked again"
    master.wait_until_serving()


def test_a_flood_of_slow_questions_leaves_threads_for_others(master: Master, helpers: list[Peer]):
    slow = master.minion("slow")
    with unharmed(master, helpers):
        slow.wire.send(*[slow.seal(slow.load("_pillar", grains={"x": "x" * 1000})) for _ in range(400)])
        for helper in helpers:
            began = time.monotonic()
            assert helper.ask("_pillar", grains={}) == {}
            assert time.monotonic() - began < 2 * soon()
    slow.close()


# ------------------------------------------------------------------ sign-ins


def test_a_flood_of_sign_ins(master: Master, helpers: list[Peer]):
    stranger = master.peer("stranger")
    introductions = [stranger.introduction(id=f"flood{n % 50}", pub=wire.pem(n % 3)) for n in range(3000)]
    with unharmed(master, helpers):
        for start in range(0, 3000, 500):
            stranger.wire.send(*introductions[start : start + 500])
            serve(helpers)
        newcomer = master.peer("newcomer")
        assert newcomer.sign_in().ask("_file_envs") == ["base"]
    stranger.close()


# -------------------------------------------------------------- connections


@pytest.mark.parametrize("port", ["port", "publish_port"])
def test_half_and_garbled_handshakes(master: Master, helpers: list[Peer], port: str):
    number, chance = getattr(master, port), random.Random(3)
    openings = [
        b"",
        GREETING[:1],
        GREETING[:11],
        GREETING[:40],
        GREETING,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01" + b"\0" * 300,
    ]
    openings += [GREETING[:10] + version + GREETING[12:] for version in (b"\x00\x00", b"\x02\x00", b"\xff\xff")]
    openings += [GREETING.replace(b"NULL", mechanism) for mechanism in (b"PLAI", b"CURV", b"\xff" * 4)]
    openings += [GREETING + wire.command(b"READY", body) for body in (b"\xff" * 50, b"\x0bSocket-Type\xff\xff\xff\xff")]
    openings += [GREETING + b"\x06" + struct.pack(">Q", 2**62), b"\xff" * 1000, b"\x01\x00", b"\x00" * 1000]
    openings += [GREETING + wire.command(b"READY", b"") + wire.command(b"ERROR", b"\xff" * 40)]
    with unharmed(master, helpers), ExitStack() as stack:
        for opening in openings * 10:
            connection = stack.enter_context(raw(number))
            sends(connection, opening)
        for _ in range(100):
            sends(stack.enter_context(raw(number)), chance.randbytes(300))
        serve(helpers)
        assert master.control.ask("ping")


@pytest.mark.parametrize("port", ["port", "publish_port"])
def test_ten_thousand_garbled_frames(master: Master, helpers: list[Peer], port: str):
    number, chance = getattr(master, port), random.Random(4)
    kind = b"DEALER" if port == "port" else b"SUB"
    with unharmed(master, helpers):
        for _ in range(20):
            with raw(number, kind) as connection:
                frames = [
                    message(b"", more=True) + message(chance.randbytes(chance.randrange(250))) for _ in range(480)
                ]
                frames += [chance.randbytes(30) for _ in range(20)]
                sends(connection, b"".join(frames))
        serve(helpers)


def test_a_thousand_connections_that_say_nothing(master: Master, helpers: list[Peer]):
    with unharmed(master, helpers), ExitStack() as stack:
        for port in (master.port, master.publish_port):
            held = [stack.enter_context(raw(port)) for _ in range(500)]
        serve(helpers)
        jid = master.publish([helpers[0].id])
        assert jid
        assert len(held) == 500


def test_a_message_that_never_ends_ends_its_connection(master: Master, helpers: list[Peer]):
    with raw(master.port, b"DEALER") as connection:
        connection.sendall(b"\x02" + struct.pack(">Q", 1 << 20) + b"x")
        serve(helpers)
        assert is_closed(connection, 8), "it answers no heartbeat"


def test_a_message_of_endless_parts_does_not_fill_the_host(master: Master, helpers: list[Peer]):
    for port, kind in ((master.port, b"DEALER"), (master.publish_port, b"SUB")):
        part = message(b"x" * (400 if kind == b"SUB" else 1_000_000), more=True) * (2500 if kind == b"SUB" else 1)
        with raw(port, kind) as connection:
            taken = 0
            while taken < 2 * MEGABYTES and sends(connection, part):
                taken += 1
            assert taken < 2 * MEGABYTES, "it takes all that comes"
        for title, megabytes in master.peaks().items():
            assert megabytes < MEGABYTES + 100, title
    for helper in helpers:
        until(lambda helper=helper: answers(helper))
    until(lambda: hears(master))


def answers(helper: Peer) -> bool:
    """Whether a good minion is served now; its own connection may have been lost with the process."""
    again = Peer(helper.port, helper.id)
    try:
        return again.sign_in().ask("_file_envs", wait=soon()) == ["base"]
    except NoReply:
        return False
    finally:
        again.close()


# -------------------------------------------------------------- subscriptions


def test_strangers_can_not_make_it_believe_that_nobody_listens(master: Master):
    stock = master.minion("stock")
    listener = Listener(master.publish_port, stock.shared)
    until(lambda: master.control.ask("present")["stock"] == 1)
    with raw(master.publish_port, b"SUB") as connection:
        sends(connection, (message(b"\x00") + message(b"\x00broadcast") + message(b"hello")) * 50)
        Listener(master.publish_port, topic=b"marker")
        for _ in range(20):
            jid = master.publish(["stock"])
            assert listener.job()["jid"] == jid


def test_jobs_are_published_during_a_flood_of_subscriptions(master: Master):
    stock = master.minion("stock")
    listener = Listener(master.publish_port, stock.shared)
    until(lambda: master.control.ask("present")["stock"] >= 1)
    chance, times = random.Random(5), []
    with raw(master.publish_port, b"SUB") as connection:
        for _ in range(10):
            sends(connection, b"".join(message(b"\x01" + chance.randbytes(12)) for _ in range(1000)))
            began = time.monotonic()
            jid = master.publish(["stock"])
            assert listener.job()["jid"] == jid
            times.append(time.monotonic() - began)
    assert max(times) < soon(), times


def test_subscriptions_do_not_fill_the_host(master: Master, helpers: list[Peer]):
    chance = random.Random(6)
    flood = b"".join(message(b"\x01" + chance.randbytes(480)) for _ in range(1000))
    with raw(master.publish_port, b"SUB") as connection:
        taken = 0
        while taken < 100 and sends(connection, flood):
            taken += 1
            assert max(master.peaks().values()) < MEGABYTES + 100
    serve(helpers)
    until(lambda: any("Publisher" in title for title in master.pids().values()))
    stock = until(lambda: hears(master))
    assert stock


def hears(master: Master) -> bool:
    """Whether a stock minion that signs in now gets its jobs."""
    stock = master.minion("stock")
    listener = Listener(master.publish_port, stock.shared)
    try:
        master.publish(["stock"])
        return listener.receive(0.5) is not SILENCE
    finally:
        listener.close()
        stock.close()


# ------------------------------------------------------------------- at last


def test_it_is_what_it_was(master: Master, helpers: list[Peer]):
    for name in ("newcomer", "stock", "another"):
        assert master.minion(name).ask("_file_envs") == ["base"]
    log = master.log_text()
    assert len(log) < 400_000 and max(map(len, log.splitlines()), default=0) < 1000
    assert not [line for line in log.splitlines() if "MWorker" in line and "died" in line and "signal 9" not in line]
