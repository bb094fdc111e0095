from __future__ import annotations

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader


def test_networks(salt: Loader) -> None:
    calc_net = salt["network.calc_net"]
    assert calc_net("172.17.0.5", "255.255.255.240") == "172.17.0.0/28"
    assert calc_net("172.17.0.5", 28) == "172.17.0.0/28"
    assert calc_net("172.17.0.5/16") == "172.17.0.0/16"
    assert calc_net("2a02:f6e:a000:80:84d8:8332:7866:4e07/64") == "2a02:f6e:a000:80::/64"
    assert salt["network.convert_cidr"]("172.31.5.0/16") == {
        "network": "172.31.0.0",
        "netmask": "255.255.0.0",
        "broadcast": "172.31.255.255",
    }
    assert salt["network.ip_in_subnet"]("172.17.0.4", "172.16.0.0/12") is True
    assert salt["network.ip_in_subnet"]("172.33.0.4", "172.16.0.0/12") is False


def test_addresses(salt: Loader) -> None:
    assert salt["network.is_private"]("10.0.0.3") is True
    assert salt["network.is_private"]("8.8.8.8") is False
    assert salt["network.is_loopback"]("127.9.9.9") is True
    assert salt["network.is_loopback"]("::2") is False
    assert salt["network.reverse_ip"]("172.17.0.4") == "4.0.17.172.in-addr.arpa"
    assert salt["network.iphexval"]("192.0.2.2") == "C0000202"


@pytest.mark.parametrize("function", ["calc_net", "convert_cidr", "is_private", "reverse_ip", "iphexval"])
def test_nonsense(salt: Loader, function: str) -> None:
    with pytest.raises(SaltInvocationError, match="'bogus' does not appear to be"):
        salt[f"network.{function}"]("bogus")
