"""In a network namespace of their own the tests have whatever interfaces they want."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from minion import netlink, network

ROOT = Path(network.__file__).parent.parent
SETUP = """
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 10.0.0.1/24 brd + dev v0
ip addr add 10.0.0.9/24 dev v0 label v0:second
ip addr add 10.9.0.1 peer 10.9.0.2/24 dev v1
ip addr add fd00:1::1/64 dev v0 nodad
ip link set v0 address 02:00:00:00:00:0a up
ip link set v1 address 02:00:00:00:00:0b up
ip link add br0 type bridge
ip route add default via 10.0.0.7
ip route add 10.5.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3
ip route add 10.6.0.1 dev v0
ip route add unreachable 10.7.0.0/16
ip route add 10.8.0.0/16 dev v0 table 99
ip -6 route add default dev v1
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent
ip neigh add 10.0.0.3 dev v0 nud failed
ip neigh add fd00:1::2 lladdr 02:00:00:00:00:22 dev v0 nud reachable
"""
ASK = """
import json, sys
sys.path.insert(0, {root!r})
from minion import network as n
data = n.interfaces()
del data["v0"]["inet6"][1:], data["v1"]["inet6"]  # link-local addresses
print(json.dumps({{
    "interfaces": data,
    "routes": n.routes(),
    "neighbours": n.neighbours(),
    "neighbours6": n.neighbours("inet6"),
    "route_to": n.route_to("10.5.1.1"),
    "gateways": [n.default_gateway(), n.default_gateway("inet6")],
    "defaults": n.default_routes("inet6"),
    "subnets": [n.subnets(data=data), n.subnets(interface="v1", data=data), n.subnets("inet6", data=data)],
    "addresses": [n.ip_addrs(), n.ip_addrs("v0,lo", True), n.ip_addrs(cidr="10.9.0.0/16"), n.ip_addrs6(data=data)],
    "lists": [n.interface_addresses(family, data) for family in ("inet", "inet6", None)],
    "hardware": n.hw_addresses(data),
}}))
"""


@pytest.fixture(scope="module")
def other() -> Any:
    """What a process in a network of our making finds."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
        pytest.skip("making a network needs root, ip and unshare")
    script = f'set -e\n{SETUP}\nexec {sys.executable} -c "$ASK"'
    environment = {**os.environ, "ASK": ASK.format(root=str(ROOT))}
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    if "not permitted" in done.stderr or "Unknown device type" in done.stderr:
        pytest.skip(f"networks can't be made here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_interfaces(other: Any) -> None:
    found = other["interfaces"]
    assert set(found) == {"lo", "v0", "v1", "br0"}
    assert found["lo"]["inet"] == [{"address": "127.0.0.1", "netmask": "255.0.0.0", "broadcast": None, "label": "lo"}]
    assert found["lo"]["inet6"] == [{"address": "::1", "prefixlen": "128", "scope": "host"}]
    assert found["v0"] == {
        "up": True,
        "parent": "v1",
        "hwaddr": "02:00:00:00:00:0a",
        "inet": [{"address": "10.0.0.1", "netmask": "255.255.255.0", "broadcast": "10.0.0.255", "label": "v0"}],
        "secondary": [
            {
                "type": "inet",
                "address": "10.0.0.9",
                "netmask": "255.255.255.0",
                "broadcast": None,
                "label": "v0:second",
            }
        ],
        "inet6": [{"address": "fd00:1::1", "prefixlen": "64", "scope": "global"}],
    }
    assert found["v1"]["inet"] == [
        {"address": "10.9.0.1", "netmask": "255.255.255.255", "broadcast": None, "label": "v1"}
    ]
    assert found["br0"]["up"] is False
    assert "inet" not in found["br0"]


def test_addresses(other: Any) -> None:
    assert other["addresses"] == [
        ["10.0.0.1", "10.0.0.9", "10.9.0.1"],
        ["10.0.0.1", "10.0.0.9", "127.0.0.1"],
        ["10.9.0.1"],
        ["fd00:1::1"],
    ]
    assert other["subnets"] == [["10.0.0.0/24", "10.9.0.1/32"], ["10.9.0.1/32"], ["fd00:1::/64"]]
    four, six, all_ = other["lists"]
    assert four == {"lo": ["127.0.0.1"], "v0": ["10.0.0.1", "10.0.0.9"], "v1": ["10.9.0.1"], "br0": []}
    assert six == {"lo": ["::1"], "v0": ["fd00:1::1"], "v1": [], "br0": []}
    assert all_["v0"] == ["10.0.0.1", "fd00:1::1", "10.0.0.9"]
    assert other["hardware"]["v1"] == "02:00:00:00:00:0b"


def test_routes(other: Any) -> None:
    found = {(route["destination"], route["gateway"]): route for route in other["routes"]}
    assert set(found) == {
        ("0.0.0.0", "10.0.0.7"),
        ("10.0.0.0", "0.0.0.0"),
        ("10.9.0.0", "0.0.0.0"),
        ("10.5.0.0", "10.0.0.2"),
        ("10.5.0.0", "10.0.0.3"),
        ("10.6.0.1", "0.0.0.0"),
    }
    assert found["10.5.0.0", "10.0.0.3"] == {
        "addr_family": "inet",
        "destination": "10.5.0.0",
        "gateway": "10.0.0.3",
        "netmask": "255.255.0.0",
        "flags": "UG",
        "interface": "v0",
    }
    assert found["10.6.0.1", "0.0.0.0"]["flags"] == "UH"
    assert other["gateways"] == ["10.0.0.7", True]
    assert [(one["destination"], one["interface"], one["netmask"]) for one in other["defaults"]] == [("::/0", "v1", "")]
    assert other["route_to"]["gateway"] in ("10.0.0.2", "10.0.0.3")
    assert (other["route_to"]["interface"], other["route_to"]["source"]) == ("v0", "10.0.0.1")


def test_neighbours(other: Any) -> None:
    assert other["neighbours"] == {"02:00:00:00:00:02": "10.0.0.2"}
    assert other["neighbours6"] == {"02:00:00:00:00:22": "fd00:1::2"}


def test_this_host() -> None:
    names = {name for _, name in socket.if_nameindex()}
    assert set(network.interfaces()) == names
    assert network.hostname() == socket.gethostname()
    assert network.fqdn().partition(".")[0] == network.hostname().partition(".")[0]
    assert "127.0.0.1" in network.resolve("localhost")
    assert network.resolve("nonesuch.invalid") == []


def test_in_subnet() -> None:
    assert network.in_subnet("10.1.0.0/16", ["192.168.0.1", "10.1.2.3"])
    assert not network.in_subnet("10.1.0.0/16", ["10.2.2.3", "fd00::1"])
    assert network.in_subnet("fd00::/8", ["10.2.2.3", "fd00::1"])
    assert network.in_subnet("127.0.0.0/8", ["127.0.0.1"])


def test_what_is_not_ethernet_has_other_addresses() -> None:
    describe = network._describe_link
    tunnel = netlink.Link(5, 768, 0, {1: bytes([10, 0, 0, 1]), 3: b"t0\0", 5: b"\0\0\0\0"})
    assert describe(tunnel, {5: "t0"}) == {"up": False, "parent": "NONE", "hwaddr": "10.0.0.1"}
    elsewhere = netlink.Link(6, 1, 1, {1: bytes(6), 3: b"eth0\0", 5: (9).to_bytes(4, sys.byteorder), 37: b"\0\0\0\0"})
    assert describe(elsewhere, {6: "eth0", 9: "other"})["parent"] == "if9"
    assert describe(netlink.Link(7, 65534, 1, {3: b"tun0\0"}), {7: "tun0"}) == {"up": True}


def test_broken_messages_end_the_reading() -> None:
    assert netlink.parse_attributes(b"\x08\x00\x01\x00abcd\x02\x00\x00\x00rest") == {1: b"abcd"}
    assert netlink.parse_attributes(b"\x06\x00\x01\x80ab\0\0\x05\x00\x02\x00c") == {1: b"ab", 2: b"c"}
    assert netlink.parse_attributes(b"\0") == {}


def test_the_kernels_refusal_is_an_error() -> None:
    with pytest.raises(OSError, match="refused rtnetlink request"):
        netlink._exchange(26, b"\0" * 12, 0)
