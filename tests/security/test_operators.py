"""Rule 6: operators are who the kernel says they are, and do what the rules say of every function and every minion."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from master.control import COMMANDS
from master.errors import Refused
from tests.security.peer import Peer, Wire, clear, soon
from tests.security.running import Master
from transports.codec import MAX_MESSAGE
from transports.errors import Broken, TransportError
from transports.frames import Pipe, frame

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")

NOBODY, DAEMON, GAMES = 65534, 1, 5  # users of every Debian: nobody, daemon, games
OPTIONS = {
    "log_level": "info",
    "publisher_acl": {
        "nobody": ["test.ping", "test\\.ec.*", "saltutil.find_job", {"web*": ["cmd.run", "status\\..*"]}],
        "games": [".*"],
        "%nogroup": [],
    },
    "publisher_acl_blacklist": {"users": ["games"], "modules": ["cmd.script"]},
}


def prepare(master: Master) -> None:
    """Lets other users come as far as the folder of sockets."""
    master.root.chmod(0o711)


@pytest.fixture(scope="module", autouse=True)
def minions(master: Master) -> list[Peer]:
    """Minions to be commanded."""
    made = [master.minion(name) for name in ("web1", "web2", "db1", "a" * 40)]
    made[0].ask("_pillar", grains={"role": "web"})
    made[2].ask("_pillar", grains={"role": "web"})
    return made


def as_user(uid: int, act: Callable[[], Any]) -> Any:
    """What an act comes to in a process of another user: its value, or `{"error": ...}`."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            try:
                value = act()
            except Exception as exc:  # noqa: BLE001 - the parent wants to know of any
                value = {"error": f"{type(exc).__name__}: {exc}"}
            os.write(writing, json.dumps(value).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        said = stream.read()
    os.waitpid(pid, 0)
    return json.loads(said)


def ask(master: Master, uid: int, **request: Any) -> Any:
    """The answer of the control socket to another user."""
    return as_user(uid, lambda: asked(str(master.run / "control.sock"), request))


def asked(path: str, request: Any) -> Any:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        pipe = Pipe(connection)
        pipe.send(request)
        return pipe.receive(10)


def run(master: Master, uid: int = NOBODY, **request: Any) -> Any:
    return ask(master, uid, **{"cmd": "run", "tgt": "web1", "fun": "test.ping", "arg": [], **request})


def refused(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("error", {}).get("name") == "AuthorizationError"


# -------------------------------------------------------------- who is who


def test_a_user_does_what_the_rules_say_and_is_named(master: Master):
    answer = run(master, user="root")
    assert answer["minions"] == ["web1"]
    record = master.store.job(answer["jid"])
    assert record is not None and record.job.user == "nobody"


@pytest.mark.parametrize("claim", ["root", "sudo_root", "games", "nobody\nroot", ["root"], {"root": 1}])
def test_the_name_in_a_request_grants_nothing(master: Master, claim: Any):
    for more in (
        {"user": claim},
        {"user": claim, "key": "x" * 76},
        {"username": claim, "password": "x", "eauth": "pam"},
    ):
        assert "jid" not in run(master, fun="cmd.script", **more)
        assert "jid" not in run(master, DAEMON, **more)


@pytest.mark.parametrize("name", sorted(name for name, command in COMMANDS.items() if command.full))
def test_commands_for_full_rights_are_for_nobody_else(master: Master, name: str):
    fields = {
        "tgt": "*", "tags": [], "tag": "custom/x", "data": {}, "changes": [{"id": "web1", "act": "delete"}],
        "jid": "20261120000000000000",
    }  # fmt: skip
    for uid in (NOBODY, DAEMON, GAMES):
        assert refused(ask(master, uid, cmd=name, **fields))
    assert (master.cache / "auth/sessions/web1").exists()


@pytest.mark.parametrize("uid", [DAEMON, GAMES])
def test_users_without_rules_or_on_the_blacklist(master: Master, uid: int):
    for fun in ("test.ping", "saltutil.find_job", "cmd.run"):
        assert refused(run(master, uid, fun=fun))
    jid = master.publish(["web1"])
    assert refused(ask(master, uid, cmd="follow", jid=jid))


def test_other_users_reach_nothing_else(master: Master):
    def look() -> dict[str, Any]:
        found = {}
        for path in (
            master.pki,
            master.cache,
            master.run,
            master.run / "internal",
            master.conf_dir / "salt",
            master.log,
        ):
            try:
                found[str(path)] = os.listdir(path) if path.is_dir() else path.read_text()
            except PermissionError:
                continue
        for name in ("events", "publish", "workers", "bus"):
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(str(master.run / f"internal/{name}.ipc"))
                    found[name] = "connected"
            except PermissionError:
                continue
        return found

    assert as_user(NOBODY, look) == {}


def test_the_network_is_no_way_for_operators(master: Master, minions: list[Peer]):
    for cmd in ("publish", "runner", "wheel", "mk_token", "get_token", "run", "keys_changed", "events", "fire"):
        stranger = Wire(master.port)
        load = {"cmd": cmd, "id": "web1", "tgt": "*", "fun": "cmd.run", "arg": ["id"], "user": "root", "key": "x" * 76}
        stranger.send(clear(load))
        assert stranger.receive() == b"\xa8bad load"
        assert minions[0].ask(cmd, **{key: value for key, value in load.items() if key not in ("cmd", "id")}) == {}


# --------------------------------------------------------------- who may what


@pytest.mark.parametrize(
    "request_",
    [
        {"fun": "cmd.script"}, {"fun": "cmd.run", "tgt": "db1"}, {"fun": "cmd.run", "tgt": "*"}, {"fun": "cmd.runx"},
        {"fun": "xtest.ping"}, {"fun": "test.pingx"}, {"fun": "TEST.PING"}, {"fun": "test.ping,cmd.run", "tgt": "*"},
        {"fun": ["test.ping", "cmd.run"], "tgt": "*"}, {"fun": "test.ping, cmd.script"},
        {"fun": ["cmd.run", "cmd.script"]}, {"fun": "saltutil.find_job,cmd.script"},
        {"fun": ["saltutil.find_job", "cmd.script"]},
        {"fun": "cmd.run", "tgt": ["web1", "db1"], "tgt_type": "list"},
        {"fun": "cmd.run", "tgt": "web1,db1", "tgt_type": "list"},
        {"fun": "cmd.run", "tgt": "web1 or db1", "tgt_type": "compound"},
        {"fun": "cmd.run", "tgt": "role:web", "tgt_type": "grain"},
        {"fun": "cmd.run", "tgt": "web1|db1", "tgt_type": "pcre"}, {"fun": "cmd.run", "tgt": "[wd]*"},
        {"fun": "cmd.run", "tgt": "nothere"}, {"fun": "cmd.run", "tgt": "web9"}, {"fun": "cmd.run", "tgt": ""},
        {"fun": "cmd.run", "tgt": [], "tgt_type": "list"},
    ],
    ids=lambda request_: str(request_)[:60],
)  # fmt: skip
def test_every_function_on_every_minion_must_be_allowed(master: Master, request_: dict[str, Any]):
    before = len(list(master.store.find()))
    assert refused(run(master, **request_))
    assert len(list(master.store.find())) == before


@pytest.mark.parametrize(
    "request_",
    [
        {"fun": ""}, {"fun": []}, {"fun": ","}, {"fun": ["test.ping"] * 65}, {"fun": ["test.ping,cmd.script"]},
        {"fun": "test"}, {"fun": "test.ping;id"}, {"fun": "../x.y"}, {"fun": 7},
        {"fun": {"test.ping": 1}}, {"fun": None}, {"fun": "test.ping\0"}, {"fun": "test.ping\ncmd.run"},
        {"fun": "x" * 5000},
        {"fun": [["test.ping"]]}, {"tgt": None}, {"tgt": 7}, {"tgt": {"x": 1}}, {"tgt": "web1\0"}, {"tgt": "x" * 5000},
        {"tgt_type": "nonsense"}, {"tgt_type": ["glob"]}, {"arg": "x"}, {"arg": {"x": 1}}, {"jid": "x"},
        {"jid": "../x"},
        {"jid": "20200101000000000000"}, {"jid": "20991231000000000000"}, {"timeout": "soon"}, {"timeout": -1},
        {"timeout": 10**9},
        {"options": "x"}, {"follow": "yes"}, {"publisher": "../x"}, {"publisher": 7}, {"ret": ["x"]}, {"delimiter": {}},
        {"fun": ["test.ping", "test.echo"], "arg": [[], [], []]}, {"tgt": "(", "tgt_type": "pcre"},
        {"tgt": "x" * 300, "tgt_type": "pcre"}, {"tgt": "( ( (", "tgt_type": "compound"},
    ],
    ids=lambda request_: str(request_)[:60],
)  # fmt: skip
def test_requests_of_the_wrong_form(master: Master, request_: dict[str, Any]):
    before = len(list(master.store.find()))
    answer = run(master, **request_)
    assert set(answer) == {"error"} and "Traceback" not in str(answer) and str(master.root) not in str(answer)
    assert len(list(master.store.find())) == before


def test_what_is_sent_is_what_was_allowed(master: Master):
    answer = run(master, fun="cmd.run", tgt="web*", arg=["id"], publisher="db1", options={
        "module_executors": ["sudo"], "executor_opts": {"x": 1}, "ret_config": "x",
        "ret_kwargs": {"filename": "/etc/x"},
        "master_id": "x", "metadata": {"why": 1}, "nonsense": 1,
    })  # fmt: skip
    record = master.store.job(answer["jid"])
    assert record is not None
    job = record.job
    assert (job.tgt_type, sorted(job.tgt)) == ("list", ["web1", "web2"]), "a minion can't match by changing its grains"
    assert job.publisher == "" and dict(job.options) == {"metadata": {"why": 1}}


def test_a_refusal_comes_before_a_look_at_the_target(master: Master):
    for tgt, kind in (("(a+)+b", "pcre"), ("role:(w+)+x", "grain_pcre"), ("x" * 100_000, "glob")):
        began = time.monotonic()
        assert "error" in run(master, fun="cmd.script", tgt=tgt, tgt_type=kind)
        assert time.monotonic() - began < 0.4 * soon()


def test_an_endless_target_holds_up_nobody(master: Master):
    path = str(master.run / "control.sock")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        answer = {}

        def slow() -> Any:
            return asked(path, {"cmd": "run", "tgt": "(a+)+b", "tgt_type": "pcre", "fun": "test.ping", "arg": []})

        began = time.monotonic()
        answer = as_user(NOBODY, slow)
        assert time.monotonic() - began < 3 * soon()
    assert answer["error"]["name"] == "TargetError"
    assert "pong" in master.control.ask("ping")


def test_a_user_follows_his_own_jobs_only(master: Master):
    own = run(master)["jid"]
    assert ask(master, NOBODY, cmd="follow", jid=own)["jid"] == own
    theirs = master.publish(["web1"])
    for jid in (theirs, "20261120000000000000"):
        assert refused(ask(master, NOBODY, cmd="follow", jid=jid))


def test_the_job_id_of_another_job_is_refused(master: Master):
    jid = master.publish(["web1"])
    assert set(run(master, jid=jid)) == {"error"}


# ---------------------------------------------------------------- frames


def broken_frames() -> Iterator[bytes]:
    chance = random.Random(2)
    yield from (b"", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x01\xc1", b"\x7f\xff\xff\xff" + b"x" * 100)
    yield struct.pack(">I", MAX_MESSAGE + 1) + b"x"
    yield struct.pack(">I", 5) + b"\xdd\xff\xff\xff\xff"
    yield struct.pack(">I", 2000) + b"\x91" * 2000
    for _ in range(60):
        data = chance.randbytes(chance.randrange(1, 60))
        yield struct.pack(">I", len(data)) + data
    for cmd in (
        "x" * 100_000,
        "\x1b[2J\n",
        ["run"],
        {"run": 1},
        None,
        7,
        True,
        b"\xff",
        "__class__",
        "_serve",
        "close",
        "start",
    ):
        yield frame({"cmd": cmd})
    yield frame([1, 2])
    yield frame("run")


def test_frames_of_any_form(master: Master):
    path = str(master.run / "control.sock")

    def send() -> int:
        answered = 0
        for data in broken_frames():
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                try:
                    answer = Pipe(connection).receive(5)
                except (Broken, TransportError):
                    continue
                assert set(answer) == {"error"} and len(str(answer)) < 300
                answered += 1
        return answered

    assert as_user(NOBODY, send) == 14
    assert as_user(0, send) == 14
    assert "pong" in master.control.ask("ping")
    assert "Traceback" not in master.log_text()


def test_a_restricted_user_takes_little(master: Master):
    path = str(master.run / "control.sock")

    def hoard() -> list[Any]:
        held: list[socket.socket] = []
        answers = []
        for _ in range(200):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            held.append(connection)
            try:
                connection.sendall(frame({"cmd": "ping"}))
                answers.append("pong" in Pipe(connection).receive(5))
            except (Broken, BrokenPipeError):
                answers.append(False)
        return answers

    answers = as_user(NOBODY, hoard)
    assert answers[0] is True and answers.count(True) == 64
    large = {"cmd": "ping", "x": "x" * (2 << 20)}
    assert "Broken" in as_user(NOBODY, lambda: asked(path, large))["error"]
    assert run(master)["minions"] == ["web1"]
    assert "pong" in master.control.ask("ping", x="x" * (2 << 20))


def test_without_rules_the_socket_is_for_its_owner_alone():
    closed = Master({})
    try:
        closed.root.chmod(0o711)
        closed.start()
        assert "PermissionError" in ask(closed, NOBODY, cmd="ping")["error"]
        assert closed.run.stat().st_mode & 0o777 == 0o700
    finally:
        closed.stop()


def test_root_gets_what_it_asks_for(master: Master):
    assert master.publish(["web1"], "cmd.script")
    with pytest.raises(Refused):
        master.control.ask("follow", jid="20261120000000000000")
    assert Path(master.run / "control.sock").stat().st_mode & 0o777 == 0o666
