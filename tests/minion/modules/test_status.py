from __future__ import annotations

import datetime
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader


def test_processes(salt: Loader) -> None:
    sleeping = subprocess.Popen(["sleep", "98.75"])
    try:
        assert salt["status.procs"]()[str(sleeping.pid)]["cmd"] == "sleep 98.75"
        assert salt["status.pid"](r"sleep 98\.75") == str(sleeping.pid)
        assert salt["status.pid"](rf"^\S+ {sleeping.pid} {os.getpid()} sleep") == str(sleeping.pid)
    finally:
        sleeping.kill()
        sleeping.wait()
    assert salt["status.pid"](r"sleep 98\.75") == ""
    assert salt["status.pid"](f" {os.getpid()} {os.getppid()} ") == ""  # never the one who asks
    with pytest.raises(SaltInvocationError, match="not a regular expression"):
        salt["status.pid"]("(")


def test_uptime(salt: Loader) -> None:
    found = salt["status.uptime"]()
    assert set(found) == {"seconds", "since_iso", "since_t", "days", "time", "users"}
    since = datetime.datetime.fromisoformat(found["since_iso"]).replace(tzinfo=datetime.UTC)
    assert abs(since.timestamp() - found["since_t"]) < 2
    assert abs(time.time() - found["since_t"] - found["seconds"]) < 5
    hours, minutes = map(int, found["time"].split(":"))
    assert found["seconds"] // 60 == found["days"] * 1440 + hours * 60 + minutes


def test_small_things(salt: Loader) -> None:
    assert list(salt["status.loadavg"]()) == ["1-min", "5-min", "15-min"]
    assert salt["status.nproc"]() == len(os.sched_getaffinity(0))
    assert salt["status.version"]().startswith("Linux version ")
    assert salt["status.time"]("%Y") == str(datetime.date.today().year)
    assert re.fullmatch(r"\w+, \d\d\. \w+ \d{4} \d\d:\d\d[AP]M", salt["status.time"]())


def test_w(salt: Loader) -> None:
    output = (
        "root     pts/0     10:32    1.00s  0.10s  0.00s sshd: root [priv]\n"
        "ann      tty1      Mon09    5:01m  0.05s  0.05s -bash\n\n"
    )
    assert salt["status.w"].__globals__["_parse_w"](output) == [
        {
            "user": "root",
            "tty": "pts/0",
            "login": "10:32",
            "idle": "1.00s",
            "jcpu": "0.10s",
            "pcpu": "0.00s",
            "what": "sshd: root [priv]",
        },
        {
            "user": "ann",
            "tty": "tty1",
            "login": "Mon09",
            "idle": "5:01m",
            "jcpu": "0.05s",
            "pcpu": "0.05s",
            "what": "-bash",
        },
    ]
    if shutil.which("w"):
        assert isinstance(salt["status.w"](), list)


def test_all_status(salt: Loader) -> None:
    found = salt["status.all_status"]()
    assert {"cpuinfo", "cpustats", "diskusage", "loadavg", "meminfo", "netdev", "uptime", "vmstats"} < set(found)
    assert found["meminfo"]["MemTotal"] == salt["status.meminfo"]()["MemTotal"]


def test_custom(salt: Loader) -> None:
    salt.dunders["__opts__"].update(
        {
            "status.loadavg.custom": ["1-min", "nonesuch"],
            "status.uptime.custom": ["days"],
            "status.nonesuch.custom": ["x"],
            "status.custom.custom": ["y"],
        }
    )
    found = salt["status.custom"]()
    assert set(found) == {"1-min", "nonesuch", "days"}
    assert found["nonesuch"] == "UNKNOWN"


def test_connection_to_a_master(salt: Loader) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        salt.dunders["__opts__"]["publish_port"] = server.getsockname()[1]
        assert salt["status.master"]("localhost") is False
        with socket.create_connection(server.getsockname()):
            assert salt["status.master"]("localhost") is True
    assert salt["status.master"]() is None
    assert salt["status.master"]("nonesuch.invalid") is None


def test_ping_master(salt: Loader) -> None:
    zmq = pytest.importorskip("zmq")
    from transports.codec import unpack

    salt.dunders["__opts__"]["auth_timeout"] = 0.1
    seen = []
    with zmq.Context() as context, context.socket(zmq.ROUTER) as master:
        port = master.bind_to_random_port("tcp://127.0.0.1")
        assert salt["status.ping_master"](f"127.0.0.1:{port}") is False
        master.recv_multipart()
        salt.dunders["__opts__"]["auth_timeout"] = 10

        def answer() -> None:
            frames = master.recv_multipart()
            seen.append(unpack(frames[-1]))
            master.send_multipart(frames)

        thread = threading.Thread(target=answer)
        thread.start()
        assert salt["status.ping_master"](f"127.0.0.1:{port}") is True
        thread.join()
    assert seen == [{"enc": "clear", "load": {"cmd": "ping"}, "version": 3}]
    assert salt["status.ping_master"]("nonesuch.invalid") is False
    assert salt["status.ping_master"](None) is False
