"""Rule 1: one way in, literal tables, constant refusals, and a master that survives whatever comes."""

from __future__ import annotations

import ast
import inspect
import random
import typing
from pathlib import Path

import pytest

from master import requests, schema
from master.control import COMMANDS
from tests.security import peer as wire
from tests.security.peer import BAD_LOAD, DROP, SILENCE, Peer, Wire, clear, soon
from tests.security.running import ROOT, Master
from transports import codec
from transports.messages import Peer as Verified

OPTIONS = {"log_level": "info"}

STRANGERS_MAY_NOT = sorted(
    {
        *requests.TABLE, "publish", "runner", "wheel", "mk_token", "get_token", "rm_token", "ping", "_ext_nodes",
        "__init__", "__class__", "_prep_pub", "_send_pub", "save_load", "get_method", "", "_AUTH", "_auth ", "_auth\0",
    }
    - {"_auth"}
)  # fmt: skip


# ------------------------------------------------------------------ tables


def test_every_handler_takes_a_verified_peer_and_every_control_command_says_whom_it_is_for():
    for name, command in requests.TABLE.items():
        services, verified, *_ = typing.get_type_hints(command.handler).values()
        assert services is requests.Services and verified is Verified, name
    assert {name for name, command in COMMANDS.items() if not command.full} == {"ping", "run", "follow"}
    assert all(type(command.full) is bool for command in COMMANDS.values())


@pytest.mark.parametrize("module", ["gate", "queue", "worker", "requests", "control", "signin"])
def test_nothing_is_dispatched_by_a_name_that_came_over_the_wire(module: str):
    tree = ast.parse((ROOT / "master" / f"{module}.py").read_text())
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"getattr", "hasattr", "setattr", "eval", "exec", "globals", "vars", "__import__"}


def test_only_code_that_verifies_makes_a_verified_peer():
    makers = set()
    for path in (ROOT / "master").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Peer":
                makers.add(path.name)
    assert makers == {"gate.py"}
    assert 'load["id"]' not in inspect.getsource(requests), "handlers take the identity from the peer"


# --------------------------------------------------------------- strangers


@pytest.mark.parametrize("cmd", STRANGERS_MAY_NOT, ids=repr)
def test_a_stranger_may_only_sign_in(master: Master, cmd: str):
    stranger = Wire(master.port)
    load = {"cmd": cmd, "id": "good", "tgt": "*", "fun": "test.ping", "arg": [], "user": "root", "key": "x" * 76}
    stranger.send(clear(load))
    assert stranger.receive() == BAD_LOAD


ENVELOPES: dict[str, bytes] = {
    "nothing": b"",
    "no msgpack": b"\xc1\xc1\xc1",
    "a number": b"\x07",
    "a list": b"\x93\x01\x02\x03",
    "an empty map": b"\x80",
    "text": codec.pack("bad load"),
    "cut off": clear({"cmd": "_auth"})[:-3],
    "something behind": clear({"cmd": "_auth"}) + b"\x01",
    "an extension": b"\xd4\x05\x00",
    "a timestamp": b"\xd6\xff\x00\x00\x00\x00",
    "a date inside": clear({"cmd": "_auth", "id": "x"}).replace(b"\xa1x", b"\xd7\x4e20261120"),
    "a length of 4 GiB": b"\xc6\xff\xff\xff\xff",
    "a list of 4 G": b"\xdd\xff\xff\xff\xff",
    "a map of 4 G": b"\xdf\xff\xff\xff\xff",
    "deep": b"\x81\xa4load" + b"\x91" * 500 + b"\xc0",
    "deeper": b"\x91" * 60000 + b"\xc0",
    "a key twice": b"\x84" + clear({"cmd": "_auth"})[1:] + codec.pack("enc") + codec.pack("clear"),
    "keys that are no text": codec.pack({1: 2, b"\xff": 3, None: 4}),
    "version 2": clear({"cmd": "_auth"}, version=2),
    "version 4": clear({"cmd": "_auth"}, version=4),
    "version True": clear({"cmd": "_auth"}, version=True),
    "version text": clear({"cmd": "_auth"}, version="3"),
    "version float": clear({"cmd": "_auth"}, version=3.0),
    "no version": clear({"cmd": "_auth"}, version=DROP),
    "enc unknown": clear({"cmd": "_auth"}, enc="Clear"),
    "enc bytes": clear({"cmd": "_auth"}, enc=b"\xff\xfe"),
    "enc a list": clear({"cmd": "_auth"}, enc=["clear"]),
    "no enc": clear({"cmd": "_auth"}, enc=DROP),
    "clear with an id": clear({"cmd": "_auth"}, id="good"),
    "clear with bytes": clear(b"\xff" * 64),
    "clear with a list": clear(["_auth"]),
    "clear with nothing": clear(None),
    "clear without cmd": clear({"id": "good"}),
    "clear with cmd of bytes": clear({"cmd": b"\xff_auth", "id": "good"}),
    "clear with cmd of maps": clear({"cmd": {"_auth": 1}, "id": "good"}),
    "aes without id": clear(b"\xff" * 64, enc="aes"),
    "aes with a map": clear({"cmd": "_return"}, enc="aes", id="good"),
    "aes with a number": clear(7, enc="aes", id="good"),
    "aes too short": clear(b"\xff" * 63, enc="aes", id="good"),
    "aes of zeros": clear(b"\0" * 4096, enc="aes", id="good"),
    "aes for nobody": clear(b"\xff" * 64, enc="aes", id="nobody"),
    "aes for a path": clear(b"\xff" * 64, enc="aes", id="../../auth/publish"),
    "aes for NUL": clear(b"\xff" * 64, enc="aes", id="good\0"),
    "aes for a list": clear(b"\xff" * 64, enc="aes", id=["good"]),
    "aes for an empty id": clear(b"\xff" * 64, enc="aes", id=""),
    "too many fields": clear(b"\xff" * 64, enc="aes", id="good", **{f"f{n}": n for n in range(100)}) + b" " * 65536,
    "clear above 64 KiB": clear({"cmd": "_auth", "id": "good", "pub": "x" * 65536}),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_what_is_no_request_gets_one_constant_answer(master: Master, name: str):
    stranger = Wire(master.port)
    stranger.send(ENVELOPES[name])
    assert stranger.receive() == BAD_LOAD


def test_messages_of_other_shapes_are_dropped_or_refused(master: Master, good: Peer):
    stranger = Wire(master.port)
    request = clear({"cmd": "_auth", "id": "x"})
    for frames in ([request], [b""], [b"x", request], [b"", b"", b""], [b"", request, request], [b""] * 40):
        stranger.send_frames(frames)
    stranger.send(request)
    assert {stranger.receive() for _ in range(4)} == {BAD_LOAD}
    assert stranger.receive(wait=0.05) is SILENCE
    assert good.ask("_file_envs") == ["base"]


def test_ten_thousand_random_messages(master: Master, good: Peer):
    chance = random.Random(1)
    stranger = Wire(master.port)
    stranger.send(*(chance.randbytes(chance.randrange(200)) for _ in range(10_000)))
    assert good.ask("_file_envs", wait=soon()) == ["base"]
    assert set(stranger.replies(10_000)) == {BAD_LOAD}


# ---------------------------------------------------------- accepted minions


@pytest.mark.parametrize(
    "cmd", ["publish", "_auth", "__class__", "__init__", "ping", "_ext_nodes", "x" * 5000, "", "\0"]
)
def test_an_unknown_command_of_a_minion(evil: Peer, cmd: str):
    assert evil.ask(cmd) == {}


HUGE = "x" * 20_000
VALUES = [
    DROP, None, True, -1, 2**63, 1.5, "", "x", HUGE, "\0", "a\x1b[2Jb", "line\nline", "\x9b", "\u202e", b"\xff\xfe", [],
    {}, [[]], [None], ["../x"], {"a": {}}, {1: 2}, {"__kwarg__": True}, ["x"] * 5000, "../../etc/passwd", "/etc/passwd",
    "..\\..\\x", "%2e%2e/x", "|../x", "a/../../b", "base\0", "*", ".*", "(a+)+b", "-c", "--help", "$(id)", "{{ 7*7 }}",
]  # fmt: skip
GOOD_FIELDS = {
    "grains": {}, "jid": "20261120000000000000", "path": "x", "loc": 0, "data": {}, "tgt": "*", "fun": "test.ping",
    "tag": "custom/tag", "arg": [], "events": None, "opts": {}, "sha256": "0" * 64, "platform": {},
}  # fmt: skip
SECRETS = ("Traceback", "Error", "master/", "/srv/", "/cache/", "/pki/")


@pytest.mark.parametrize("cmd", sorted(requests.TABLE))
def test_every_field_of_every_command_bent(master: Master, cmd: str):
    command, evil = requests.TABLE[cmd], master.minion(f"evil.{cmd}")
    for name, field in command.schema.items():
        plain = {key: GOOD_FIELDS[key] for key in command.schema if key in GOOD_FIELDS and GOOD_FIELDS[key] is not None}
        if cmd == "_file_recv":
            plain["path"] = ["x"]
        for value in VALUES:
            answer = evil.ask(cmd, **{**plain, name: value})
            if _fits(field, value):
                assert isinstance(answer, (dict, list, str, bool, type(None)))
            else:
                assert answer == command.empty, (name, value)
            assert not any(secret in str(answer) for secret in SECRETS), (name, value)
            assert str(master.root) not in str(answer), (name, value)


def _fits(field: schema.Field, value: object) -> bool:
    try:
        schema.apply({"f": field}, {"f": codec.unpack(codec.pack(None if value is DROP else value))})
    except schema.SchemaError:
        return False
    return True


def test_all_that_left_no_traceback_and_no_control_characters(master: Master, good: Peer):
    assert good.ask("_file_envs") == ["base"]
    log = master.log_text()
    assert "Traceback" not in log
    assert not {char for char in log if (ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160 or char == "\u202e"}
    assert max(map(len, log.splitlines())) < 1000


def test_the_log_does_not_grow_with_the_flood(master: Master, evil: Peer):
    before = len(master.log_text())
    stranger = Wire(master.port)
    for portion in range(10):
        stranger.send(*[b"\xc1"] * 300, *[clear({"cmd": "publish", "id": f"x{portion}.{n}"}) for n in range(300)])
        assert len(stranger.replies(600)) == 600
    for number in range(300):
        evil.ask(f"unknown{number}")
    assert len(master.log_text()) - before < 60_000


def test_a_refused_request_makes_no_event_and_no_file(master: Master, evil: Peer):
    before = set(master.files())
    with master.events() as bus:
        stranger = Wire(master.port)
        for cmd in ("publish", "_minion_event", "runner"):
            stranger.send(clear({"cmd": cmd, "id": "good", "tag": "custom/x", "token": "secret", "password": "secret"}))
            assert stranger.receive() == BAD_LOAD
        evil.send_event("custom/last")
        assert bus.get_event(full=True)["tag"] == "custom/last"
    assert set(master.files()) == before
    assert "secret" not in master.log_text()


def test_a_request_inside_another_minions_envelope(master: Master, good: Peer, evil: Peer):
    load = evil.load("_file_envs")
    for inner, outer in (({}, {"id": "good"}), ({"id": "good"}, {}), ({"id": "good"}, {"id": "good"})):
        assert evil.refused(evil.seal({**load, **inner, "nonce": wire.crypto.new_nonce()}, **outer))
    for other in ("GOOD", "good.", "evil\0good", "", None, ["evil"], {"evil": 1}, 7):
        assert evil.refused(evil.seal({**load, "nonce": wire.crypto.new_nonce(), "id": other}))
    assert good.ask("_file_envs") == ["base"]


def test_source_files_exist_that_the_checks_above_read():
    assert Path(requests.__file__).is_relative_to(ROOT)
