from __future__ import annotations

import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader
from minion.modules import _sockets, _systemd

# from traceroute 2.1.2
TRACE = """\
traceroute to example.org (203.0.113.7), 30 hops max, 60 byte packets
 1  gateway.example.net (192.0.2.1)  0.321 ms  0.287 ms  0.262 ms
 2  * * *
 3  198.51.100.9 (198.51.100.9)  8.112 ms * 8.090 ms
 4  a.example.net (198.51.100.17)  9.1 ms b.example.net (198.51.100.18)  9.2 ms a.example.net (198.51.100.17)  9.3 ms
12  example.org (203.0.113.7)  11.005 ms !X  10.998 ms !X  10.989 ms !X
"""


def test_trace(salt: Loader) -> None:
    assert salt["network.traceroute"].__globals__["_parse_trace"](TRACE) == [
        {"count": 1, "hostname": "gateway.example.net", "ip": "192.0.2.1", "ms1": 0.321, "ms2": 0.287, "ms3": 0.262},
        {"count": 2, "hostname": "*"},
        {"count": 3, "hostname": "198.51.100.9", "ip": "198.51.100.9", "ms1": 8.112, "ms2": None, "ms3": 8.09},
        {"count": 4, "hostname": "a.example.net", "ip": "198.51.100.17", "ms1": 9.1, "ms2": 9.2, "ms3": 9.3},
        {"count": 12, "hostname": "example.org", "ip": "203.0.113.7", "ms1": 11.005, "ms2": 10.998, "ms3": 10.989},
    ]


@pytest.mark.parametrize("function", ["ping", "dig", "traceroute"])
@pytest.mark.parametrize("host", ["-f", "@server", "+trace", "a b", "a;b", "", "a\n"])
def test_hosts_that_are_none(salt: Loader, function: str, host: str) -> None:
    with pytest.raises(SaltInvocationError, match="not the name or address of a host"):
        salt[f"network.{function}"](host)


@pytest.mark.skipif(shutil.which("ping") is None, reason="ping is not installed")
def test_ping(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ping"  # the real one takes three seconds for four pings
    program.write_text('#!/bin/sh\necho "$@"\nfor host; do :; done\n[ $host = 127.0.0.1 ]\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert salt["network.ping"]("127.0.0.1") == "-c 4 -- 127.0.0.1"
    assert salt["network.ping"]("127.0.0.1", timeout=3, return_boolean=True) is True
    assert salt["network.ping"]("192.0.2.99", timeout=3) == "-W 3 -c 4 -- 192.0.2.99"
    assert salt["network.ping"]("192.0.2.99", return_boolean=True) is False


def test_connect(salt: Loader) -> None:
    connect = salt["network.connect"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert connect("localhost", port, family="ipv4") == {
            "result": True,
            "comment": f"Successfully connected to localhost (127.0.0.1) on tcp port {port}",
        }
    assert connect("127.0.0.1", port, timeout=1) == {
        "result": False,
        "comment": f"Unable to connect to 127.0.0.1 (127.0.0.1) on tcp port {port}",
    }
    assert connect("nonesuch.invalid", 80)["comment"] == "Unable to resolve host nonesuch.invalid on tcp port 80"
    assert connect("", 80) == {"result": False, "comment": "Required argument, host, is missing."}
    assert connect("localhost") == {"result": False, "comment": "Required argument, port, is missing."}


def test_connect_by_udp(salt: Loader) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]

        def answer() -> None:
            data, peer = server.recvfrom(100)
            server.sendto(data, peer)

        thread = threading.Thread(target=answer)
        thread.start()
        assert salt["network.connect"]("127.0.0.1", port, proto="udp")["result"] is True
        thread.join()
    assert salt["network.connect"]("127.0.0.1", port, proto="udp", timeout=0.2)["result"] is False


def test_sockets(salt: Loader) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        port, own = server.getsockname()[1], client.getsockname()[1]
        assert {
            "local_addr": "127.0.0.1",
            "local_port": own,
            "remote_addr": "127.0.0.1",
            "remote_port": port,
        } in salt["network.active_tcp"]().values()
        lines = {(one["local-address"], one["remote-address"]): one for one in salt["network.netstat"]()}
        listening = lines[f"127.0.0.1:{port}", "0.0.0.0:*"]
        assert (listening["proto"], listening["state"]) == ("tcp", "LISTEN")
        assert listening["program"].startswith(f"{os.getpid()}/")
        assert listening["inode"] == str(os.fstat(server.fileno()).st_ino)
        assert lines[f"127.0.0.1:{own}", f"127.0.0.1:{port}"]["state"] == "ESTABLISHED"


def test_lines_of_proc() -> None:
    line = (
        "   1: 00000000000000000000000001000000:0277 B80D0120000000000000000001000000:1F90 01 "
        "00000005:00000007 00:00000000 00000000  1000        0 4711 1 ffff 100 0 0 10 0"
    )
    assert _sockets.parse("tcp6", line) == _sockets.Socket(
        "tcp6", ("::1", 631), ("2001:db8::1", 8080), "ESTABLISHED", 5, 7, "1000", "4711"
    )


def test_wol(salt: Loader) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sleeper:
        sleeper.bind(("127.0.0.1", 0))
        for mac in ("08-00-27-13-69-77", "080027136977"):
            assert salt["network.wol"](mac, "127.0.0.1", sleeper.getsockname()[1]) is True
            assert sleeper.recv(200) == b"\xff" * 6 + bytes.fromhex("080027136977") * 16
    with pytest.raises(SaltInvocationError, match="Invalid MAC address"):
        salt["network.wol"]("08:00:27")


@pytest.fixture
def etc(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = salt["network.mod_hostname"].__globals__
    for name in ("_HOSTS", "_HOSTNAME", "_SYSCONFIG"):
        monkeypatch.setitem(names, name, str(tmp_path / name))
    monkeypatch.setattr(_systemd, "booted", lambda: False)
    monkeypatch.setattr(socket, "gethostname", lambda: "old.box")
    monkeypatch.setattr(socket, "sethostname", lambda name: (tmp_path / "kernel").write_text(name))
    return tmp_path


def test_renaming(salt: Loader, etc: Path) -> None:
    hosts = (
        "# old.box\n127.0.0.1\tlocalhost\n127.0.1.1\told.box  old # old.box\n10.0.0.1 oldXbox old.boxes my.old.box\n"
    )
    (etc / "_HOSTS").write_text(hosts)
    (etc / "_SYSCONFIG").write_text('NETWORKING=yes\nHOSTNAME="old.box"\n')
    assert salt["network.mod_hostname"]("new-name.example.org") is True
    assert (etc / "kernel").read_text() == "new-name.example.org"
    assert (etc / "_HOSTNAME").read_text() == "new-name.example.org\n"
    assert (etc / "_HOSTS").read_text() == hosts.replace("\told.box", "\tnew-name.example.org")
    assert (etc / "_SYSCONFIG").read_text() == 'NETWORKING=yes\nHOSTNAME="new-name.example.org"\n'
    assert salt["network.mod_hostname"](None) is False


@pytest.mark.parametrize("name", ["", "a b", "-x", "a\nb", "a/b", "x" * 65])
def test_names_that_are_none(salt: Loader, etc: Path, name: str) -> None:
    with pytest.raises(SaltInvocationError, match="not a host name"):
        salt["network.mod_hostname"](name)
    assert not (etc / "kernel").exists()


RINGS = """\
Ring parameters for eth0:
Pre-set maximums:
RX:\t\t4096
RX Mini:\tn/a
RX Jumbo:\t16
TX:\t\t4096
Current hardware settings:
RX:\t\t256
RX Mini:\tn/a
RX Jumbo:\t0
TX:\t\t128
"""


def test_ring_buffers(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ethtool"
    program.write_text(
        f"#!/bin/sh\n[ $2 = eth0 ] || {{ echo no such device >&2; exit 76; }}\n[ $1 = -G ] || echo '{RINGS}'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert salt["network.get_bufsize"]("eth0") == {
        "result": True,
        "rx-max": 4096,
        "rx-jumbo-max": 16,
        "tx-max": 4096,
        "rx": 256,
        "rx-jumbo": 0,
        "tx": 128,
    }
    assert salt["network.get_bufsize"]("eth9") == {"result": False, "comment": "no such device"}
    assert salt["network.mod_bufsize"]("eth0", rx=512, tx=256) == {"result": True, "comment": "rx 512 tx 256"}
    assert salt["network.mod_bufsize"]("eth9", rx=512) == {"result": False, "comment": "no such device"}
    assert salt["network.mod_bufsize"]("eth0")["comment"].startswith("Requires rx=<val>")
    assert salt["network.mod_bufsize"]("eth0", "x")["comment"] == "Unknown arguments: x"
    with pytest.raises(SaltInvocationError, match="not the name of an interface"):
        salt["network.get_bufsize"]("-s")
