"""A flood from one network leaves room for the others; alone, a network is served as fast as can be."""

from __future__ import annotations

import pytest

from master.throttle import Throttle, network_of


def test_alone_a_network_may_use_all_of_it():
    clock = [0.0]
    throttle = Throttle(100, lambda: clock[0])
    assert sum(throttle.allow("a") for _ in range(2000)) == 1000


def test_a_network_that_floods_leaves_half_to_the_others():
    clock = [0.0]
    throttle = Throttle(100, lambda: clock[0])
    granted = {"flood": 0, "quiet": 0}
    for step in range(10000):  # ten times the rate for ten seconds, and somebody else once in 50 ms
        clock[0] += 0.001
        granted["flood"] += throttle.allow("flood")
        if step % 50 == 0:
            granted["quiet"] += throttle.allow("quiet")
    assert granted["quiet"] == 200
    assert granted["flood"] <= 1000 + 1000


def test_networks_are_forgotten_in_turn():
    clock = [0.0]
    throttle = Throttle(1, lambda: clock[0])
    for number in range(6000):
        throttle.allow(str(number))
        clock[0] += number > 10
    assert len(throttle._networks) == 4096


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("10.1.2.3", "10.1.2.0/24"),
        ("::ffff:10.1.2.3", "10.1.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("garbage", "unknown"),
    ],
)
def test_networks(source, network):
    assert network_of(source) == network
