"""salt-ssh and whatever real hosts come up with: each has an error of its own, no other is disturbed, nothing stays."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.machines.conftest import Command, as_ops, as_root
from tests.machines.lab import NET, Machine
from tests.processes import until

pytestmark = [pytest.mark.machines, pytest.mark.slow, pytest.mark.timeout(300)]
OLD = Path("/root/.pyenv/versions/3.7.16")


def left(machine: Machine) -> str:
    """Processes of ours on a machine."""
    return machine.sh("pgrep -af '[s]altern|[-]ISc' || true").strip()


def test_twenty_at_once(salt_ssh: Command, machines: list[Machine]) -> None:
    salt_ssh.roster({machine.name: as_root(machine) for machine in machines})
    for _ in range(2):
        found, code = salt_ssh.results("*", "test.ping")
        assert found == {machine.name: True for machine in machines} and code == 0
    found, code = salt_ssh.results("*", "network.get_hostname")
    assert found == {machine.name: machine.name for machine in machines}
    assert [left(machine) for machine in machines] == [""] * len(machines)


def test_every_host_has_its_own_error(salt_ssh: Command, machines: list[Machine]) -> None:
    """Many things wrong at once, each on a machine of its own; `good` works all the same."""
    names = (
        "good",
        "no_python",
        "old",
        "full",
        "sudo_wrong",
        "sudoers",
        "no_sudo",
        "wrong",
        "unknown",
        "changed",
        "cut",
    )
    machine = dict(zip(names, machines, strict=False))
    machine["no_python"].sh("rm -f /usr/bin/python3*")
    machine["old"].sh("rm -f /usr/bin/python3*")
    if OLD.exists():
        target = machine["old"].fs / str(OLD).lstrip("/")
        shutil.copytree(OLD, target, symlinks=True, ignore=shutil.ignore_patterns("test", "*.a", "__pycache__"))
        machine["old"].sh(f"ln -s {OLD}/bin/python3.7 /usr/bin/python3")
    machine["full"].sh("mount -t tmpfs -o size=300k,mode=700 tmpfs /root && cp -r /etc/hostname /root/")
    machine["full"].sh("mkdir -m 700 /root/.ssh")
    shutil.copy(Path(f"{salt_ssh.folder}/known_hosts"), salt_ssh.folder / "kept")
    machine["sudoers"].sh("rm /etc/sudoers.d/ops")
    machine["no_sudo"].sh("mv /usr/bin/sudo /usr/bin/sudo.away")
    known = (salt_ssh.folder / "known_hosts").read_text()
    swapped = known.replace(machine["unknown"].host_key, "").replace(
        machine["changed"].host_key,
        machine["good"].host_key.replace(machine["good"].address, machine["changed"].address),
    )
    (salt_ssh.folder / "known_hosts").write_text(swapped)
    machine["cut"].cut()
    roster = {name: as_root(machine[name]) for name in names}
    roster["full"] = as_root(machine["full"], thin_dir="/root/.saltern", user="root", passwd="", timeout=20)
    machine["full"].sh("cp /home/ops/.ssh/authorized_keys /root/.ssh/ && chown -R root: /root/.ssh")
    roster["sudo_wrong"] = {**as_ops(machine["sudo_wrong"]), "passwd": "wrong"}
    roster["sudoers"] = as_ops(machine["sudoers"])
    roster["no_sudo"] = as_ops(machine["no_sudo"])
    roster["wrong"] = {"host": machine["wrong"].address, "user": "ops", "passwd": "not ops"}
    roster["cut"]["timeout"] = 3
    salt_ssh.roster(roster)
    try:
        found, code = salt_ssh.results("*", "test.ping")
    finally:
        machine["cut"].mend()
        (salt_ssh.folder / "known_hosts").write_text(known)
    expected = {
        "no_python": "[NoPython]", "full": "[DiskFull]", "sudo_wrong": "[SudoPasswordWrong]",
        "wrong": "[AuthenticationFailed]",
        "sudoers": "[SudoRefused]", "no_sudo": "[SudoMissing]", "unknown": "[HostKeyUnknown]",
        "changed": "[HostKeyChanged]", "cut": f"[Unreachable] no connection to {NET}.",
    }  # fmt: skip
    expected["old"] = "[PythonTooOld]" if OLD.exists() else "[NoPython]"
    assert found.pop("good") is True and code == 10
    assert {name: text for name, text in expected.items() if text not in found[name]} == {}, found
    assert [left(machine[name]) for name in names] == [""] * len(names)


@pytest.mark.parametrize("policy", ["", "Defaults requiretty", "Defaults use_pty", "ops ALL=(ALL) NOPASSWD: ALL"])
def test_sudo(policy: str, salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[11]
    machine.sh(f"echo '{policy}' > /etc/sudoers.d/policy; id worker || useradd -m -s /bin/bash worker")
    salt_ssh.roster({"box": as_ops(machine), "worker": as_ops(machine, sudo_user="worker")})
    found, code = salt_ssh.results("*", "cmd.run", "id -un")
    assert found == {"box": "root", "worker": "worker"} and code == 0
    found, code = salt_ssh.results("-r", "box", "id -un")
    assert code == (1 if policy == "Defaults requiretty" else 0), found


def test_passwords_by_pam(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[12]
    salt_ssh.roster({"box": {"host": machine.address, "user": "ops", "passwd": "ops"}})
    assert salt_ssh.results("box", "cmd.run", "id -un") == ({"box": "ops"}, 0)


def test_noise_and_noexec(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[13]
    machine.sh(
        "for f in /root/.bashrc /etc/profile /etc/bash.bashrc; do "
        "echo 'echo Welcome; echo noise >&2' | cat - $f > /n; cp /n $f; done"
    )
    machine.sh("for p in /tmp /var/tmp /root; do mount -t tmpfs -o noexec tmpfs $p; done; mkdir -m 700 /root/.ssh")
    machine.sh("cp /home/ops/.ssh/authorized_keys /root/.ssh/; chown -R root: /root; chmod 700 /root")
    salt_ssh.roster({"box": as_root(machine)})
    assert salt_ssh.results("box", "test.echo", "text") == ({"box": "text"}, 0)


def test_read_only_home(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[14]
    machine.sh("mount --bind /root /root && mount -o remount,ro,bind /root")
    salt_ssh.roster({"box": as_root(machine)})
    done = salt_ssh("box", "test.ping")
    assert (
        "box:\n    True" in done.stdout
        and "/var/tmp/.saltern-" in done.stderr
        and "/root/.saltern can't be " in done.stderr
    )
    until("nothing is left", lambda: machine.sh("ls -A /var/tmp | grep saltern || true") == "")


def test_hostile_user_in_the_way(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[15]
    machine.sh(
        "install -d -o ops -m 777 /var/tmp/thin; install -d -o ops /var/tmp/thin/minion /var/tmp/thin/minion/thin; "
        "echo 'evil()' > /var/tmp/thin/minion/thin/serve.py"
    )
    salt_ssh.roster({"box": as_root(machine, thin_dir="/var/tmp/thin")})
    done = salt_ssh("box", "test.ping")
    assert "box:\n    True" in done.stdout and "/var/tmp/thin belongs to the user id 1000" in done.stderr
    assert machine.sh("find /var/tmp/thin | sort").split() == [
        "/var/tmp/thin", "/var/tmp/thin/minion", "/var/tmp/thin/minion/thin", "/var/tmp/thin/minion/thin/serve.py",
    ]  # fmt: skip


def test_two_runs_at_once(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[16]
    machine.sh("rm -rf /root/.saltern")
    salt_ssh.roster({"box": as_root(machine)})
    runs = [salt_ssh.popen("box", "test.ping") for _ in range(3)]
    for run in runs:
        out, err = run.communicate(timeout=60)
        assert "box:\n    True" in out and run.returncode == 0, out + err
    assert machine.sh("ls -A /root/.saltern | grep new || true") == ""


def test_cable_pulled_in_the_middle_of_a_job(salt_ssh: Command, machines: list[Machine]) -> None:
    machine, other = machines[17], machines[18]
    salt_ssh.roster({"box": as_root(machine), "other": as_root(other)})
    quick = ("--keepalive-interval", "1", "--keepalive-count-max", "2")
    process = salt_ssh.popen(*quick, "*", "cmd.run", "touch /run/begun; [ $(hostname) = m19 ] || sleep 300")
    until("the job runs", (machine.fs / "run").exists)
    until("the job runs", lambda: "begun" in machine.sh("ls /run"))
    machine.cut()
    try:
        out, err = process.communicate(timeout=60)
    finally:
        machine.mend()
    assert "[ConnectionLost]" in out and process.returncode == 14, out + err
    assert "1 ok, 0 changed, 0 failed, 1 unreachable (box)" in err
    until("nothing is left", lambda: left(machine) == "", seconds=60)
    assert "sleep 300" not in machine.sh("ps ax")


def test_power_failure_in_the_middle_of_a_job(salt_ssh: Command, machines: list[Machine]) -> None:
    machine = machines[19]
    salt_ssh.roster({"box": as_root(machine)})
    quick = ("--keepalive-interval", "1", "--keepalive-count-max", "2")
    process = salt_ssh.popen(*quick, "box", "cmd.run", "touch /run/begun; sleep 300")
    until("the job runs", lambda: "begun" in machine.sh("ls /run"))
    subprocess.run(["kill", "-KILL", str(machine.pid)], check=True)
    out, err = process.communicate(timeout=60)
    assert "[ConnectionLost]" in out and process.returncode == 14, out + err
