"""`salt-deploy` and a master for booted machines, below one folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from master import deployments
from master.deployments import RunRecord
from tests.machines.conftest import as_root
from tests.machines.lab import NET, Machine
from tests.processes import ROOT, Lab, until

MASTER = f"{NET}.1"
PACKAGES = ("transports", "minion", "master", "roster", "ssh")


class Site:
    """A master that the machines reach, and the commands for it."""

    def __init__(self) -> None:
        self.lab = Lab(interface=MASTER, ssh_known_hosts_file="/etc/salt/known_hosts", ssh_log_file="/ssh.log")
        self.folder, self.cache = self.lab.root / "etc", str(self.lab.root / "cache")
        self.lab.write_master(ssh_known_hosts_file=str(self.folder / "known_hosts"))
        self.lab.start_master()

    def fresh(self, machines: Iterable[Machine]) -> list[Machine]:
        """Machines that nobody has been on, and no keys of them."""
        made = list(machines)
        for machine in made:
            machine.renew()
        self.forget(made)
        self.roster({machine.name: as_root(machine) for machine in made})
        return made

    def forget(self, machines: Iterable[Machine]) -> None:
        """The master has never heard of machines."""
        for machine in machines:
            self.lab.key("-y", "-d", machine.name)

    def roster(self, hosts: Mapping[str, Any], machines: Iterable[Machine] = ()) -> None:
        """Writes the roster, and the host keys of all machines that run."""
        (self.folder / "roster").write_text(yaml.safe_dump(dict(hosts)))
        keys = [machine.host_key for machine in map(Machine, range(1, 21)) if machine.fs.joinpath("etc/ssh").exists()]
        (self.folder / "known_hosts").write_text("".join(keys))

    def popen(self, *words: str, source: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
        """Starts salt-deploy."""
        return subprocess.Popen(
            [sys.executable, "-m", "ssh.cli.deploy", "-c", str(self.folder), *words],
            env={**os.environ, "HOME": str(self.lab.root), "SSH_AUTH_SOCK": "", **environment},
            cwd=source, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True,
        )  # fmt: skip

    def run(self, *words: str, **popen: Any) -> subprocess.CompletedProcess[str]:
        """Runs salt-deploy to its end."""
        process = self.popen(*words, **popen)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def results(self, *words: str, **popen: Any) -> tuple[dict[str, Any], int]:
        """What salt-deploy says of each host, and its exit code."""
        done = self.run(*words, "--out", "json", **popen)
        assert done.stdout.strip(), done.stderr
        return json.loads(done.stdout), done.returncode

    def deploy(self, target: str, *words: str, **popen: Any) -> tuple[dict[str, Any], int]:
        """Deploys hosts."""
        return self.results(target, "--master", MASTER, *words, **popen)

    def last(self) -> RunRecord:
        """The latest run."""
        return deployments.read(self.cache)

    def until_step(self, host: str, step: str) -> None:
        """Waits until a host of the latest run begins a step."""
        until(f"{step} of {host}", lambda: self.last().hosts[host].step == step, Path(self.cache) / "deploy", 120)

    def runs(self) -> list[str]:
        """All runs, the latest first."""
        return deployments.runs(self.cache)

    def until_running(self, before: list[str]) -> None:
        """Waits until a run has begun that was not there before."""
        until("a new run", lambda: self.runs() != before, seconds=60)

    def close(self) -> None:
        """Ends the master."""
        self.lab.close()


def copy_of_source(folder: Path, version: str) -> Path:
    """The source, as that of another version."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    path = folder / "transports" / "__init__.py"
    from transports import __version__

    path.write_text(path.read_text().replace(f'__version__ = "{__version__}"', f'__version__ = "{version}"'))
    return folder


def traces(machine: Machine) -> list[str]:
    """What of ours is on a machine: files and processes."""
    found = machine.sh(
        "ls -d /opt/saltern/* /etc/salt/* /usr/local/bin/salt* /etc/systemd/system/*salt* /root/.saltern "
        "/etc/systemd/system/*/*salt* /var/cache/salt /run/salt* /var/run/salt* /var/log/salt 2>/dev/null; "
        "pgrep -af '[s]alt-minion|[-]ISc' || true",
        check=False,
    )
    return found.split("\n")[:-1]


def version_of(machine: Machine) -> str:
    """The release that a machine's minion is."""
    return machine.sh("readlink /opt/saltern/current || true").strip()
