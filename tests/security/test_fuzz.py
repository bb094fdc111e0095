"""Valid messages, damaged at random: envelopes, loads under a good key, frames of the control socket.

The damage is the same in each run. Some of it is still acceptable; what must hold is that each request gets one reply,
that nothing dies or complains of itself, and that a good minion is served at once.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from tests.security.peer import DROP, SILENCE, Peer, Wire, clear
from tests.security.running import Master
from transports import codec
from transports.errors import CodecError, TransportError
from transports.frames import Pipe

OPTIONS = {"file_recv": True, "peer": {".*": ["test.*"]}, "log_level": "info"}
SECONDS = 5.0  # of each of the three
PORTION = 100

INTERESTING = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 2**64 - 1, 0.0, float("nan"), float("inf"), "", "\0",
    "x" * 300,
    "../x", "salt/auth", "good", "evil", "*", "%", "{{7*7}}", "\x1b[2J", b"\xff", b"\0" * 64, [], {}, [[]], {"": None},
    {"__kwarg__": True}, ["good"], {"id": "good"}, "req", "clear", "aes", "_auth", 3,
]  # fmt: skip
LOADS: list[dict[str, Any]] = [
    {
        "cmd": "_pillar",
        "grains": {"os": "Debian", "id": "good"},
        "saltenv": "base",
        "pillarenv": None,
        "pillar_override": {},
    },
    {
        "cmd": "_return",
        "jid": "req",
        "fun": "test.ping",
        "fun_args": [1],
        "return": True,
        "retcode": 0,
        "success": True,
    },
    {"cmd": "_minion_event", "tag": "custom/x", "data": {"a": [1, 2]}, "pretag": None, "events": None},
    {"cmd": "_minion_event", "events": [{"tag": "custom/x", "data": {}}, {"tag": "custom/y", "data": {"b": 1}}]},
    {"cmd": "_mine", "data": {"f": {"__saltmine_acl__": 1, "__data__": 1, "allow_tgt": "x*"}}, "clear": False},
    {"cmd": "_mine_get", "tgt": "ev*", "fun": ["f", "g"], "tgt_type": "glob"},
    {"cmd": "_mine_get", "tgt": "G@os:Debian and ( ev* or L@good )", "fun": "f,g", "tgt_type": "compound"},
    {"cmd": "minion_pub", "tgt": "nobody", "fun": "test.echo", "arg": [["x"], {"__kwarg__": True, "y": 1}], "tmo": 0.1},
    {"cmd": "_serve_file", "path": "top.sls", "saltenv": "base", "loc": 0, "gzip": 1},
    {"cmd": "_file_list", "saltenv": "base", "prefix": "x"},
    {"cmd": "_file_recv", "path": ["a", "b"], "loc": 0, "size": 3, "data": "abc"},
    {"cmd": "_register_resources", "resources": {"ssh": ["x"]}, "resource_grains": {}},
    {
        "cmd": "_syndic_return",
        "load": [{"id": "good", "jid": "20261120000000000000", "return": {"good": {"return": 1}}}],
    },
    {"cmd": "_ack", "jid": "20261120000000000000"},
]


def damaged(value: Any, chance: random.Random, depth: int = 0) -> Any:
    """A value with something in it changed."""
    if chance.random() < 0.15 or depth > 5:
        return chance.choice(INTERESTING)
    if isinstance(value, dict) and value:
        made = dict(value)
        name = chance.choice(list(made))
        act = chance.randrange(4)
        if act == 0:
            del made[name]
        elif act == 1:
            made[chance.choice(["id", "cmd", "jid", "tgt", "x", 1, None])] = chance.choice(INTERESTING)
        else:
            made[name] = damaged(made[name], chance, depth + 1)
        return made
    if isinstance(value, list) and value:
        made_list = list(value)
        made_list[chance.randrange(len(made_list))] = damaged(chance.choice(made_list), chance, depth + 1)
        return made_list * chance.choice([1, 1, 1, 50])
    if isinstance(value, str) and value:
        at = chance.randrange(len(value))
        return value[:at] + chance.choice(["", "\0", "/", "..", "x" * 5000, "\n", "'", "ü"]) + value[at + 1 :]
    return chance.choice(INTERESTING)


def scratched(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some of them changed, lost, repeated or moved."""
    made = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 5, 20])):
        at = chance.randrange(len(made) + 1)
        act = chance.randrange(5)
        if act == 0 and made:
            made[at % len(made)] ^= 1 << chance.randrange(8)
        elif act == 1:
            made[at:at] = chance.randbytes(chance.randrange(1, 6))
        elif act == 2:
            del made[at : at + chance.randrange(1, 20)]
        elif act == 3:
            made[at:at] = made[chance.randrange(len(made) + 1) :][:50]
        else:
            made[at : at + 1] = chance.choice(
                [b"\xdd\xff\xff\xff\xff", b"\xdf\0\0\xff\xff", b"\xc1", b"\xd4\x4f\x00", b"\x91" * 60]
            )
    return bytes(made)


def for_a_while(act: Callable[[random.Random, int], None], seed: int) -> int:
    """Does something again and again; how often."""
    chance, ends, count = random.Random(seed), time.monotonic() + SECONDS, 0
    while time.monotonic() < ends:
        act(chance, count)
        count += 1
    return count


def check(master: Master, good: Peer, pids: set[int]) -> None:
    """Nothing died, nothing failed in a way that nobody foresaw."""
    assert good.ask("_file_envs", wait=2.0) == ["base"]
    assert set(master.pids()) == pids
    log = master.log_text()
    assert "Traceback" not in log, log[log.index("Traceback") :][:2000]


def test_damaged_envelopes(master: Master, good: Peer):
    pids, stranger = set(master.pids()), Wire(master.port)
    valid = [
        good.introduction(),
        good.seal(good.load("_file_envs")),
        clear({"cmd": "ping"}),
        good.introduction(saltern=1),
    ]

    def portion(chance: random.Random, count: int) -> None:
        made = []
        for _ in range(PORTION):
            whole = chance.choice(valid)
            made.append(
                scratched(whole, chance) if chance.random() < 0.5 else _packed(damaged(codec.unpack(whole), chance))
            )
        stranger.send(*made)
        assert len(stranger.replies(PORTION, 5.0)) == PORTION

    assert for_a_while(portion, 11) > 1
    check(master, good, pids)


def test_damaged_loads_under_a_good_key(master: Master, good: Peer):
    pids = set(master.pids())

    def portion(chance: random.Random, count: int) -> None:
        evil = master.minion(f"evil{count}")
        made = []
        for _ in range(PORTION):
            load = {**evil.load("x"), **damaged_load(chance)}
            if chance.random() < 0.1:
                load = {name: value for name, value in damaged_load(chance, load).items() if value is not DROP}
            assert evil.session is not None
            packed = _packed(load)
            if chance.random() < 0.2:
                packed = scratched(packed, chance)
            made.append(clear(evil.session.seal_packed(packed), enc="aes", id=evil.id))
        evil.wire.send(*made)
        assert len(evil.wire.replies(PORTION, 10.0)) == PORTION
        evil.close()

    assert for_a_while(portion, 12) > 1
    check(master, good, pids)
    assert not [name for name in master.files() if "by_minion/good" in name and "grains" not in name]


def damaged_load(chance: random.Random, load: dict[str, Any] | None = None) -> dict[str, Any]:
    made = damaged(load or chance.choice(LOADS), chance)
    return made if isinstance(made, dict) else {"cmd": "_pillar", "grains": made}


def _packed(value: Any) -> bytes:
    try:
        return codec.pack(value)
    except CodecError:
        return b"\xc1"


def test_damaged_frames_of_an_operator(master: Master, good: Peer):
    pids, path = set(master.pids()), str(master.run / "control.sock")
    valid: list[dict[str, Any]] = [
        {"cmd": "run", "tgt": "nobody", "tgt_type": "glob", "fun": "test.ping", "arg": [],
        "options": {"metadata": {"x": 1}}},
        {"cmd": "run", "tgt": ["good", "x"], "tgt_type": "list", "fun": ["test.ping", "test.echo"], "arg": [[], ["x"]]},
        {"cmd": "resolve", "tgt": "G@os:x or ( good and not E@x.* )", "tgt_type": "compound"},
        {"cmd": "follow", "jid": "20261120000000000000", "timeout": 0.1},
        {"cmd": "fire", "tag": "custom/x", "data": {"a": 1}},
        {"cmd": "keys_changed", "changes": [{"id": "nobody", "act": "accepted"}]}, {"cmd": "present"}, {"cmd": "ping"},
    ]  # fmt: skip

    def one(chance: random.Random, count: int) -> None:
        request = damaged(chance.choice(valid), chance)
        if isinstance(request, dict) and request.get("cmd") == "events":
            return
        packed = _packed(request)
        if chance.random() < 0.3:
            packed = scratched(packed, chance)
        length = len(packed) if chance.random() < 0.9 else chance.choice([0, 1, len(packed) + 1, 2**32 - 1])
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            try:
                connection.sendall(struct.pack(">I", length) + packed)
                connection.shutdown(socket.SHUT_WR)
                Pipe(connection).receive(5)
            except (TransportError, ConnectionError):
                return

    assert for_a_while(one, 13) > 100
    check(master, good, pids)
    assert "pong" in master.control.ask("ping")
    for record in master.store.find():
        assert record.job.fun, "each job that was stored can be read"


def test_random_bytes_under_a_good_key(master: Master, good: Peer):
    chance, evil = random.Random(14), master.minion("random")
    assert evil.session is not None
    pids = set(master.pids())
    evil.wire.send(*[clear(evil.session.seal_packed(chance.randbytes(n)), enc="aes", id="random") for n in range(200)])
    assert len(evil.wire.replies(200)) == 200
    assert evil.wire.receive(0.01) is SILENCE
    check(master, good, pids)
