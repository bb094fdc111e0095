"""salt-deploy on booted machines: what it promises when all is well, and when it is not."""

from __future__ import annotations

import platform
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from tests.machines.conftest import as_ops, as_root
from tests.machines.deployer import MASTER, Site, copy_of_source, traces, version_of
from tests.machines.lab import NET, Machine
from tests.processes import until

pytestmark = [pytest.mark.machines, pytest.mark.slow, pytest.mark.timeout(400)]
QUICK = ("--keepalive-interval", "1", "--keepalive-count-max", "2")
PYTHON38 = Path("/root/.pyenv/versions/3.8.18")


@pytest.fixture(scope="module")
def site(machines: list[Machine]) -> Iterator[Site]:
    made = Site()
    try:
        yield made
    finally:
        made.close()


def ping(site: Site, *names: str) -> dict[str, object]:
    return site.lab.results("-L", ",".join(names), "test.ping")


def test_twenty_bare_machines_answer(site: Site, machines: list[Machine]) -> None:
    fresh = site.fresh(machines)
    names = [machine.name for machine in fresh]
    done = site.run("*", "--master", MASTER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers: 20 of 20, changed: 20" in done.stderr
    assert ping(site, *names) == dict.fromkeys(names, True)
    begin = time.monotonic()
    again, code = site.deploy("*")
    assert code == 0 and not any(host["changed"] for host in again.values()), again
    assert sum(host["sent"] for host in again.values()) == 0
    assert time.monotonic() - begin < 30
    fresh[0].power_cut()
    until("the minion is back", lambda: ping(site, "m1") == {"m1": True}, seconds=60)
    site.lab.salt("*", "test.ping")


def test_nothing_is_left_after_removal(site: Site, machines: list[Machine]) -> None:
    machine, _ = site.fresh(machines[:2])
    assert traces(machine) == []
    site.deploy("*")
    assert traces(machine) != []
    removed, code = site.results("m1", "--remove")
    assert code == 0 and removed["m1"]["outcome"] == "removed", removed
    until("nothing is left", lambda: traces(machine) == [])
    assert "m1" not in site.lab.key("-L").stdout.split() and ping(site, "m2") == {"m2": True}
    assert site.results("m1", "--remove")[0]["m1"]["changed"] is False


def test_a_dry_run_changes_nothing(site: Site, machines: list[Machine]) -> None:
    (machine,) = site.fresh(machines[:1])
    told, code = site.deploy("*", "--dry-run")
    assert code == 0 and told["m1"]["outcome"] == "would change" and "saltern-deploy.conf" in told["m1"]["comment"]
    until("nothing is left", lambda: traces(machine) == [])
    assert "m1" not in site.lab.key("-L").stdout.split()


def test_a_broken_version_is_rolled_back_and_a_good_one_stays(
    site: Site, machines: list[Machine], tmp_path: Path
) -> None:
    (machine,) = site.fresh(machines[:1])
    site.deploy("*")
    before = version_of(machine)
    broken = copy_of_source(tmp_path / "broken", "0.2.0")
    agent = broken / "minion" / "daemon" / "agent.py"
    agent.write_text(agent.read_text() + "\nraise RuntimeError('this version is broken')\n")
    told, code = site.results("*", "--upgrade", "--patience", "10", source=broken)
    assert code == 1 and told["m1"]["outcome"] == "failed" and "went back to release" in told["m1"]["comment"], told
    until("the old one is back", lambda: ping(site, "m1") == {"m1": True})
    assert version_of(machine) == before
    good = copy_of_source(tmp_path / "good", "0.3.0")
    told, code = site.results("*", "--upgrade", source=good)
    assert code == 0 and told["m1"]["changed"], told
    assert version_of(machine) == "0.3.0" and ping(site, "m1") == {"m1": True}


def test_options_grains_and_states(site: Site, machines: list[Machine]) -> None:
    (machine,) = site.fresh(machines[:1])
    site.roster({"m1": as_root(machine, minion_opts={"grains": {"rack": "r7"}, "log_level": "info"})})
    (site.lab.root / "srv/salt/motd.sls").write_text("/etc/motd:\n  file.managed:\n    - contents: {{ grains.id }}\n")
    machine.sh("mkdir -p /etc/salt && echo 'log_level: error\nmy_own: 5' > /etc/salt/minion")
    told, code = site.deploy("*", "--minion-config", "my_own=7", "--apply", "motd")
    assert code == 0 and "1 states, 1 changed" in told["m1"]["comment"], told
    assert machine.sh("cat /etc/motd").strip() == "m1"
    assert "my_own: 5" in machine.sh("cat /etc/salt/minion")
    assert site.lab.results("m1", "grains.get", "rack") == {"m1": "r7"}
    assert site.lab.results("m1", "config.get", "my_own") == {"m1": 7}
    (site.lab.root / "srv/salt/broken.sls").write_text("/nosuch/folder/file:\n  file.managed: []\n")
    told, code = site.deploy("*", "--apply", "broken")
    assert code == 1 and "[ApplyFailed] 1 of 1 states failed" in told["m1"]["comment"], told


def test_keys_that_wait_for_salt_key(site: Site, machines: list[Machine]) -> None:
    site.fresh(machines[:1])
    told, code = site.deploy("*", "--pending")
    assert code == 0 and told["m1"]["outcome"] == "key pending", told
    assert "m1" in site.lab.key("-l", "pre").stdout
    site.lab.key("-y", "-a", "m1")
    until("the minion answers", lambda: ping(site, "m1") == {"m1": True}, seconds=60)


def test_a_minion_that_is_not_let_in_is_switched_off_again(site: Site, machines: list[Machine]) -> None:
    (machine,) = site.fresh(machines[:1])
    events = site.lab.listen("salt/deploy/*/m1/*")
    told, code = site.results("*", "--master", f"{NET}.99", "--patience", "8")
    assert code == 1 and told["m1"]["step"] == "start" and not told["m1"]["result"], told
    assert "salt-minion" not in machine.sh("ps ax") and version_of(machine) == ""
    assert "enabled" not in machine.sh("systemctl is-enabled salt-minion || true")
    seen = [events.receive(10) for _ in range(4)]
    assert [event["tag"].rpartition("/")[2] for event in seen] == ["probe", "send", "trust", "start"]
    assert [event["data"]["result"] for event in seen] == [True, True, True, False]
    events.close()
    told, code = site.deploy("*")
    assert code == 0 and ping(site, "m1") == {"m1": True}, told


def test_a_rebuilt_host_is_a_conflict_that_replace_key_resolves(site: Site, machines: list[Machine]) -> None:
    (machine,) = site.fresh(machines[:1])
    site.deploy("*")
    (known,) = site.lab.key("-f", "m1").stdout.split()[-1:]
    machine.renew()
    site.roster({"m1": as_root(machine)})
    told, code = site.deploy("*")
    assert code == 1 and "[KeyConflict]" in told["m1"]["comment"] and known in told["m1"]["comment"], told
    (new,) = [
        word for word in told["m1"]["comment"].replace(",", " ").split() if word.count(":") == 31 and word != known
    ]
    assert "salt-minion" not in machine.sh("ps ax")
    told, code = site.deploy("*", "--replace-key")
    assert code == 0 and ping(site, "m1") == {"m1": True}
    assert site.lab.key("-f", "m1").stdout.split()[-1] == new


def test_every_host_has_its_own_error(site: Site, machines: list[Machine], tmp_path: Path) -> None:
    """Many things wrong at once, each on a machine of its own; `good` works all the same."""
    names = ("good", "cut", "sudo", "user", "full", "stock", "wheels")
    machine = dict(zip(names, site.fresh(machines[: len(names)]), strict=True))
    machine["sudo"].sh("rm /etc/sudoers.d/ops")
    machine["full"].sh("mkdir -p /opt && mount -t tmpfs -o size=2m,mode=755 tmpfs /opt")
    machine["stock"].sh(
        "printf '#!/bin/sh\\nsleep 1000\\n' > /usr/bin/salt-minion; chmod 755 /usr/bin/salt-minion; "
        "printf '[Service]\\nExecStart=/usr/bin/salt-minion\\n' > /lib/systemd/system/salt-minion.service; "
        "systemctl daemon-reload; systemctl start salt-minion"
    )
    roster = {name: as_root(machine[name]) for name in names}
    roster["sudo"] = as_ops(machine["sudo"])
    roster["user"] = as_root(machine["user"], user="ops")
    roster["cut"]["timeout"] = 3
    if PYTHON38.exists():
        target = machine["wheels"].fs / str(PYTHON38).lstrip("/")
        shutil.copytree(PYTHON38, target, symlinks=True, ignore=shutil.ignore_patterns("test", "*.a", "__pycache__"))
        roster["wheels"]["python"] = f"{PYTHON38}/bin/python3.8"
    else:
        del roster["wheels"]
    machine["cut"].cut()
    try:
        site.forget(machines[:1])
        site.roster(roster)
        site.lab.key("-y", "-d", "good")
        told, code = site.deploy("*", PIP_NO_INDEX="1", PIP_INDEX_URL="http://127.0.0.1:9/")
    finally:
        machine["cut"].mend()
    expected = {
        "cut": "[Unreachable]", "sudo": "[SudoRefused]", "user": "[NotRoot]", "full": "[DiskFull]",
        "stock": "[StockMinion]", "wheels": "salt-deploy --fetch-wheels cp38-glibc_2_3",
    }  # fmt: skip
    assert told.pop("good")["outcome"] == "answers" and code == 1, told
    assert {name: host["comment"] for name, host in told.items() if expected[name] not in host["comment"]} == {}
    for name in ("sudo", "user", "full", "wheels"):
        assert "salt-minion" not in machine[name].sh("ps ax"), name
    assert "sleep 1000" in machine["stock"].sh("ps ax")
    site.lab.key("-y", "-d", "good")


@pytest.mark.parametrize("step", ["probe", "send", "start"])
def test_the_cable_is_pulled_in_each_step(step: str, site: Site, machines: list[Machine]) -> None:
    machine, _ = site.fresh(machines[:2])
    before = site.runs()
    process = site.popen("*", "--master", MASTER, "--patience", "8", "--connect-timeout", "5", *QUICK)
    site.until_running(before)
    site.until_step("m1", step)
    machine.cut()
    try:
        out, err = process.communicate(timeout=120)
    finally:
        machine.mend()
    assert process.returncode == 1, out + err
    record = site.last()
    assert record.hosts["m2"].outcome == "answers" and record.hosts["m1"].outcome == "failed", record
    until("nothing of it runs", lambda: "-ISc" not in machine.sh("ps ax"), seconds=60)
    if step != "start":
        assert "salt-minion" not in machine.sh("ps ax") and version_of(machine) == ""
    done = site.run("--resume")
    assert done.returncode == 0 and "done before" in done.stdout, done.stdout + done.stderr
    assert ping(site, "m1", "m2") == {"m1": True, "m2": True}


def test_a_run_that_was_killed_goes_on(site: Site, machines: list[Machine]) -> None:
    fresh = site.fresh(machines[:3])
    before = site.runs()
    process = site.popen("*", "--master", MASTER, "--max-procs", "1")
    site.until_running(before)
    site.until_step("m2", "send")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert site.last().state == "interrupted"
    until("nothing of it runs", lambda: "-ISc" not in fresh[1].sh("ps ax"), seconds=60)
    assert "salt-minion" not in fresh[1].sh("ps ax")
    done = site.run("--resume")
    assert done.returncode == 0 and "done before: 1 of 3" in done.stderr, done.stdout + done.stderr
    assert ping(site, "m1", "m2", "m3") == dict.fromkeys(("m1", "m2", "m3"), True)
    done = site.run("--resume")
    assert done.returncode == 0 and "done before: 3 of 3" in done.stderr, done.stdout + done.stderr
    status = site.lab.command("salt-run", "deploy.status", "--out", "json").stdout
    assert '"state": "finished"' in status and '"m2"' in status


def test_two_runs_at_once(site: Site, machines: list[Machine]) -> None:
    (machine,) = site.fresh(machines[:1])
    runs = [site.popen("*", "--master", MASTER) for _ in range(2)]
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, out + err
    assert machine.sh("ls -A /opt/saltern | grep new || true") == "" and ping(site, "m1") == {"m1": True}


def test_a_clock_that_is_off_by_a_day(site: Site, machines: list[Machine]) -> None:
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed (Debian: apt-get install faketime)")
    (machine,) = site.fresh(machines[:1])
    shutil.copy(library, machine.fs / "usr/lib/libfaketime.so.1")
    wrong = ("LD_PRELOAD=/usr/lib/libfaketime.so.1", "FAKETIME=+1d", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    drop_in = machine.fs / "etc/systemd/system/salt-minion.service.d"
    drop_in.mkdir(parents=True)
    (drop_in / "clock.conf").write_text("[Service]\n" + "".join(f"Environment={line}\n" for line in wrong))
    told, code = site.deploy("*")
    assert code == 0 and ping(site, "m1") == {"m1": True}, told
    assert "+1d" in machine.sh("tr '\\0' '\\n' < /proc/$(systemctl show -p MainPID --value salt-minion)/environ")


def test_only_the_master_is_ever_contacted(site: Site, machines: list[Machine]) -> None:
    (machine,) = site.fresh(machines[:1])
    machine.sh("ip route del default; ip route add blackhole default")
    (machine.fs / "etc/resolv.conf").write_text("nameserver 192.0.2.1\n")
    told, code = site.deploy("*")
    assert code == 0, told


def test_fail_after(site: Site, machines: list[Machine]) -> None:
    (machine,) = site.fresh(machines[:1])
    hosts = {f"gone{n}": {"host": "127.0.0.9", "port": 9} for n in range(4)}
    site.roster({**hosts, "m1": as_root(machine)})
    told, code = site.deploy("*", "--max-procs", "1", "--fail-after", "20%")
    outcomes = [host["outcome"] for host in told.values()]
    assert code == 1 and outcomes.count("failed") == 2 and outcomes.count("not begun") == 3, told
    assert told["m1"]["outcome"] == "not begun" and traces(machine) == []


def test_the_machine_that_it_runs_on(site: Site, machines: list[Machine]) -> None:
    """--local: the master is elsewhere, its fingerprint is given, and the key waits there."""
    (machine,) = site.fresh(machines[:1])
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if machine.sh("python3 -V").split()[1].rpartition(".")[0] != python:
        pytest.skip(f"the machines have another Python than {python}")
    fetched = site.run("--fetch-wheels", f"cp{python.replace('.', '')}-glibc_2_28-{platform.machine()}")
    assert fetched.returncode == 0 and " wheels, " in fetched.stdout, fetched.stderr
    install(machine, Path(site.lab.root))
    finger = site.lab.key("-f", "master.pub").stdout.split()[-1]
    command = "cd /opt/source && PYTHONPATH=.:packages python3 -m ssh.cli.deploy -c /opt/source/conf --local here"
    port = f"--minion-config master_port={site.lab.ret_port}"
    told = machine.sh(f"{command} --master {MASTER} {port} --master-finger {finger} 2>&1 || true")
    assert "here  key pending" in told and "salt-key -a here on the master" in told, told
    until("the key waits", lambda: "here" in site.lab.key("-l", "pre").stdout, seconds=60)
    assert site.lab.key("-f", "here").stdout.split()[-1] in told
    site.lab.key("-y", "-a", "here")
    until("the minion answers", lambda: ping(site, "here") == {"here": True}, seconds=60)
    site.lab.key("-y", "-d", "here")


def install(machine: Machine, master: Path) -> None:
    """Puts the program and a filled wheelhouse on a machine; its Python is that of the tests, or it can't be done."""
    import cryptography

    packages = Path(cryptography.__file__).parent.parent
    target = machine.fs / "opt/source"
    copy_of_source(target, "0.1.0")
    for name in (
        "asyncssh", "cryptography", "cffi", "zmq", "pyzmq.libs", "msgpack", "yaml", "jinja2", "markupsafe", "click",
        "setproctitle", "typing_extensions.py",
    ):  # fmt: skip
        source = packages / name
        if source.is_dir():
            shutil.copytree(source, target / "packages" / name)
        elif source.exists():
            shutil.copy(source, target / "packages")
    for library in packages.glob("_cffi_backend*.so"):
        shutil.copy(library, target / "packages")
    saltern = metadata.distribution("saltern")
    (target / "packages/saltern-0.1.0.dist-info").mkdir()
    about = saltern.read_text("METADATA") or saltern.read_text("PKG-INFO") or ""
    (target / "packages/saltern-0.1.0.dist-info/METADATA").write_text(about)
    (target / "conf").mkdir()
    (target / "conf/master").write_text("root_dir: /opt/source/lab\nwheel_dir: /opt/source/lab/wheels\n")
    shutil.copytree(master / "cache/wheels", target / "lab/wheels")
