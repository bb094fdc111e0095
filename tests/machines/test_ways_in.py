"""The ways to log in to real hosts: through others, by keyboard-interactive, with a key that was put there just now."""

from __future__ import annotations

import subprocess

import pytest

from tests.machines.conftest import Command, as_root
from tests.machines.lab import NET, Machine
from tests.processes import until

pytestmark = [pytest.mark.machines, pytest.mark.slow, pytest.mark.timeout(300)]


def test_hosts_behind_others(salt_ssh: Command, machines: list[Machine]) -> None:
    """Some hosts are reached through one alone; what is wrong with that one is said of each."""
    gate, *behind = machines[18], machines[12], machines[15]
    for machine in behind:
        machine.sh(f"ip route add blackhole {NET}.1/32")
    try:
        through = {machine.name: as_root(machine, jump=f"root@{gate.address}:22", timeout=20) for machine in behind}
        twice = as_root(behind[0], jump=f"root@{gate.address}, root@{behind[1].address}", timeout=20)
        lost = as_root(behind[0], jump=f"root@{NET}.250", timeout=2)
        salt_ssh.roster({**through, "twice": twice, "direct": as_root(behind[0], timeout=2), "lost": lost})
        found, code = salt_ssh.results("*", "network.get_hostname")
        direct, without = found.pop("direct"), found.pop("lost")
        assert "[Unreachable]" in direct and f"{NET}.250" in without and code == 10
        assert found == {**{machine.name: machine.name for machine in behind}, "twice": behind[0].name}
        known = (salt_ssh.folder / "known_hosts").read_text()
        (salt_ssh.folder / "known_hosts").write_text(known.replace(gate.host_key, ""))
        found, _ = salt_ssh.results(behind[0].name, "test.ping")
        (salt_ssh.folder / "known_hosts").write_text(known)
        assert f"[HostKeyUnknown] the host key of {gate.address}" in found[behind[0].name]
    finally:
        for machine in behind:
            machine.sh(f"ip route del blackhole {NET}.1/32")


def test_keyboard_interactive(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[12]
    drop_in = "/etc/ssh/sshd_config.d/00-kbd.conf"
    machine.sh(f"printf 'PasswordAuthentication no\\nKbdInteractiveAuthentication yes\\n' > {drop_in}")
    machine.sh("systemctl restart ssh")
    try:
        machine.wait()
        salt_ssh.roster({"box": {"host": machine.address, "user": "ops", "passwd": "ops"}})
        assert salt_ssh.results("box", "cmd.run", "id -un") == ({"box": "ops"}, 0)
    finally:
        machine.sh(f"rm {drop_in}; systemctl restart ssh")
        machine.wait()


def test_key_deploy(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[15]
    machine.sh("useradd -m -s /bin/bash fresh; echo fresh:secret | chpasswd")
    salt_ssh.roster({"box": {"host": machine.address, "user": "fresh"}})
    found, code = salt_ssh.results("box", "test.ping")
    assert "[AuthenticationFailed]" in found["box"] and code == 10
    assert salt_ssh.results("--passwd", "secret", "--key-deploy", "box", "test.ping") == ({"box": True}, 0)
    assert salt_ssh.results("box", "test.ping") == ({"box": True}, 0)
    assert machine.sh("stat -c %a:%U /home/fresh/.ssh/authorized_keys").strip() == "600:fresh"


def test_cable_pulled_while_the_bundle_is_sent(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[16]
    machine.sh("rm -rf /root/.saltern")
    salt_ssh.roster({"box": as_root(machine)})
    slowly = f"tc qdisc add dev {machine.cable} root tbf rate 1mbit burst 32kbit limit 64kb"
    subprocess.run(slowly.split(), check=True)
    before = machine.received
    process = salt_ssh.popen("--keepalive-interval", "1", "--keepalive-count-max", "2", "box", "test.ping")
    try:
        until("some of it arrived", lambda: machine.received > before + 200_000, seconds=60)
        machine.cut()
        out, err = process.communicate(timeout=60)
    finally:
        machine.mend()
        subprocess.run(["tc", "qdisc", "del", "dev", machine.cable, "root"], check=True)
    assert "[ConnectionLost]" in out and process.returncode == 14, out + err
    until("nothing is left", lambda: machine.sh("pgrep -af '[-]ISc' || true") == "", seconds=120)
    assert machine.sh("ls -A /root/.saltern || true") == ""
    assert salt_ssh.results("box", "test.ping") == ({"box": True}, 0)
