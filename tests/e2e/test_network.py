"""Cables that are pulled: a minion in a network namespace of its own, whose packets vanish without a word."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.processes import BIN, Lab, run, until

_numbers = itertools.count(os.getpid() % 100)


class Cable:
    """A namespace behind a pair of virtual interfaces."""

    def __init__(self) -> None:
        number = next(_numbers) % 200
        self.name, self.outer = f"lab{os.getpid()}-{number}", f"lb{os.getpid() % 10000}-{number}"[:15]
        self.host, self.guest = f"10.97.{number}.1", f"10.97.{number}.2"
        inner = f"li{os.getpid() % 10000}-{number}"[:15]
        for command in (
            f"ip netns add {self.name}",
            f"ip link add {self.outer} type veth peer name {inner} netns {self.name}",
            f"ip addr add {self.host}/24 dev {self.outer}",
            f"ip link set {self.outer} up",
            f"ip -n {self.name} addr add {self.guest}/24 dev {inner}",
            f"ip -n {self.name} link set {inner} up",
            f"ip -n {self.name} link set lo up",
        ):
            done = run(command.split())
            if done.returncode:
                self.remove()
                pytest.skip(f"no network namespace can be made here: {done.stderr}")

    def cut(self) -> None:
        """Packets vanish; neither side is told."""
        assert run(["ip", "link", "set", self.outer, "nomaster", "down"]).returncode == 0

    def mend(self) -> None:
        """They come through again."""
        assert run(["ip", "link", "set", self.outer, "up"]).returncode == 0

    def remove(self) -> None:
        run(["ip", "link", "del", self.outer])
        run(["ip", "netns", "del", self.name])


@pytest.fixture
def cable() -> Iterator[Cable]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    made = Cable()
    yield made
    made.remove()


@pytest.fixture
def lab(cable: Cable) -> Iterator[Lab]:
    made = Lab(auto_accept=True, heartbeat=1, interface="0.0.0.0")
    try:
        made.start_master()
        made.start_minion("far", master=cable.host, heartbeat=1, netns=cable.name, recon_max=500)
        yield made
    finally:
        made.close()


def connected(lab: Lab) -> bool:
    present = lab.control.ask("present")["present"]
    return bool(present.get("far", {}).get("up"))


def test_a_cut_is_noticed_and_mended_without_a_restart(lab: Lab, cable: Cable):
    assert lab.results("far", "test.ping") == {"far": True}
    cable.cut()
    begin = time.monotonic()
    until("that the master notices the cut", lambda: not connected(lab), seconds=15)
    assert time.monotonic() - begin < 8, "three heartbeats of a second"
    cable.mend()
    begin = time.monotonic()
    until("that the minion is back", lambda: connected(lab), seconds=40)
    assert time.monotonic() - begin < 30
    assert lab.results("far", "test.ping") == {"far": True}


def test_a_return_waits_for_the_cable_and_arrives_once(lab: Lab, cable: Cable):
    marks = lab.root / "marks"
    command = f"echo ran >> {marks}; sleep 2; echo x"
    salt = subprocess.Popen(
        [str(BIN / "salt"), "-c", str(lab.root / "etc"), "-t", "2", "far", "cmd.run", command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until("the job", marks.exists)
    cable.cut()
    returned = lab.listen("salt/job/*/ret/far")
    out, err = salt.communicate(timeout=60)
    assert salt.returncode not in (0, 1), out + err
    assert "[Not connected]" in out or "[No response]" in out
    cable.mend()
    event = lab.expect(returned, "the return", 60)
    assert event["data"]["return"] == "x"
    assert lab.results("far", "test.ping") == {"far": True}
    assert marks.read_text() == "ran\n"
    jid = event["data"]["jid"]
    assert [item.id for item in lab.control.follow(jid)] == ["far"]
