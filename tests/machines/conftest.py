"""Booted machines, and `salt-ssh` for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.machines.lab import KEY, Machine, lab, why_not

COUNT = 20
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def machines() -> Iterator[list[Machine]]:
    if reason := why_not():
        pytest.skip(reason)
    with lab(COUNT) as booted:
        yield booted


class Command:
    """`salt-ssh` with a configuration of its own."""

    def __init__(self, folder: Path, machines: list[Machine]) -> None:
        self.folder = folder
        (folder / "known_hosts").write_text("".join(machine.host_key for machine in machines))
        config = {
            "root_dir": str(folder), "ssh_known_hosts_file": str(folder / "known_hosts"), "ssh_log_file": "",
            "file_roots": {"base": [str(folder / "srv")]}, "pillar_roots": {"base": [str(folder / "pillar")]},
        }  # fmt: skip
        (folder / "master").write_text(yaml.safe_dump(config))

    def roster(self, hosts: Mapping[str, Any]) -> None:
        (self.folder / "roster").write_text(yaml.safe_dump(dict(hosts)))

    def popen(self, *words: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "HOME": str(self.folder), "SSH_AUTH_SOCK": ""}
        return subprocess.Popen(
            [sys.executable, "-m", "ssh.cli.ssh", "-c", str(self.folder), *words], env=environment, cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True,
        )  # fmt: skip

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        process = self.popen(*words)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def results(self, *words: str) -> tuple[dict[str, Any], int]:
        done = self(*words, "--static", "--out", "yaml")
        return yaml.safe_load(done.stdout) or {}, done.returncode


@pytest.fixture(scope="module")
def salt_ssh(machines: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("conf"), machines)


def as_root(machine: Machine, **fields: Any) -> dict[str, Any]:
    """Roster fields for root, by key."""
    return {"host": machine.address, "user": "root", "priv": str(KEY), **fields}


def as_ops(machine: Machine, **fields: Any) -> dict[str, Any]:
    """Roster fields for ops, who becomes root by sudo."""
    return as_root(machine, user="ops", sudo=True, passwd="ops", **fields)
