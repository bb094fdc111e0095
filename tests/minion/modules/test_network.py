from __future__ import annotations

import socket

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader


def test_interfaces(salt: Loader) -> None:
    names = [name for _, name in socket.if_nameindex()]
    assert sorted(salt["network.interfaces"]()) == sorted(salt["network.interfaces_names"]()) == sorted(names)
    assert salt["network.interface"]("lo")[0]["address"] == "127.0.0.1"
    assert salt["network.interface_ip"]("lo") == "127.0.0.1"
    assert salt["network.hw_addr"]("lo") == salt["network.hwaddr"]("lo") == "00:00:00:00:00:00"
    assert "lo" in salt["network.ifacestartswith"](127)
    for function in ("interface", "interface_ip", "hw_addr"):
        with pytest.raises(CommandExecutionError, match=r'Interface "nope" not in available interfaces: .*"lo"'):
            salt[f"network.{function}"]("nope")


def test_addresses(salt: Loader) -> None:
    assert "127.0.0.1" not in salt["network.ip_addrs"]()
    assert salt["network.ip_addrs"](interface="lo", include_loopback=True) == ["127.0.0.1"]
    assert salt["network.ipaddrs"](include_loopback=True, cidr="127.0.0.0/8") == ["127.0.0.1"]
    assert salt["network.ip_addrs"](include_loopback=True, cidr="203.0.113.0/24") == []
    private = salt["network.ip_addrs"](include_loopback=True, type="private")
    public = salt["network.ip_addrs"](include_loopback=True, type="public")
    assert sorted(private + public) == sorted(salt["network.ip_addrs"](include_loopback=True))
    assert "127.0.0.1" in private
    assert all(":" in address for address in salt["network.ip_addrs6"]())
    assert salt["network.ipaddrs6"] is not None
    with pytest.raises(SaltInvocationError, match="does not appear to be"):
        salt["network.ip_addrs"](cidr="nonsense")


def test_networks(salt: Loader) -> None:
    assert salt["network.subnets"](interfaces="lo") == []
    assert salt["network.ip_networks"](interface="lo", include_loopback=True) == ["127.0.0.0/8"]
    assert salt["network.ip_networks"](interface="lo", include_loopback=True, verbose=True) == {
        "127.0.0.0/8": {"address": "127.0.0.0", "netmask": "255.0.0.0", "num_addresses": 16777216, "prefixlen": 8}
    }
    assert isinstance(salt["network.subnets6"](), list)
    assert isinstance(salt["network.ip_networks6"](), list)
    assert salt["network.in_subnet"]("0.0.0.0/0") is bool(salt["network.ip_addrs"]())
    assert salt["network.in_subnet"]("203.0.113.0/24") is False


def test_routes(salt: Loader) -> None:
    both = salt["network.routes"]()
    assert both == salt["network.routes"]("inet") + salt["network.routes"]("inet6")
    assert all(set(route) == set(both[0]) for route in both)
    assert salt["network.default_route"]("inet") == [one for one in both if one["destination"] == "0.0.0.0"]
    assert salt["network.get_route"]("127.0.0.1") == {
        "destination": "127.0.0.1",
        "gateway": None,
        "interface": "lo",
        "source": "127.0.0.1",
    }
    with pytest.raises(CommandExecutionError, match="Invalid address family inet7"):
        salt["network.default_route"]("inet7")
    with pytest.raises(SaltInvocationError, match="does not appear to be"):
        salt["network.get_route"]("somewhere")


def test_neighbours(salt: Loader) -> None:
    assert salt["network.arp"]() == salt["network.ip_neighs"]() == salt["network.ipneighs"]()
    assert isinstance(salt["network.ip_neighs6"](), dict)


def test_names(salt: Loader) -> None:
    assert salt["network.get_hostname"]() == socket.gethostname()
    assert salt["network.get_fqdn"]()
    assert list(salt["network.fqdns"]()) == ["fqdns"]
