"""What tests of the SSH road share: a server, a configuration folder, and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ssh import bundle
from tests.ssh.hosts import Server, serving


@pytest.fixture(scope="session")
def thin_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compressed bundles, made once."""
    folder = tmp_path_factory.mktemp("thin")
    bundle.build(str(folder)).packed("xz")
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "server") as made:
        yield made


class Command:
    """`salt-ssh` with a configuration of its own."""

    def __init__(self, folder: Path, thin_cache: Path) -> None:
        self.folder = folder
        for name in ("srv", "pillar", "cache"):
            (folder / name).mkdir()
        (folder / "cache" / "thin").symlink_to(thin_cache)
        self.known_hosts = folder / "known_hosts"
        self.config: dict[str, Any] = {
            "root_dir": str(folder), "cachedir": str(folder / "cache"), "ssh_timeout": 10,
            "ssh_known_hosts_file": str(self.known_hosts), "ssh_log_file": "",
            "file_roots": {"base": [str(folder / "srv")]}, "pillar_roots": {"base": [str(folder / "pillar")]},
        }  # fmt: skip

    def roster(self, **hosts: dict[str, Any]) -> None:
        (self.folder / "roster").write_text(yaml.safe_dump(hosts))

    def popen(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        (self.folder / "master").write_text(yaml.safe_dump(self.config))
        environment = {**os.environ, "HOME": str(self.folder), "SSH_AUTH_SOCK": ""}
        return subprocess.Popen(
            [sys.executable, "-m", "ssh.cli.ssh", "-c", str(self.folder), *words], env=environment,
            cwd=Path(__file__).parent.parent.parent, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True,
            **options,
        )  # fmt: skip

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        process = self.popen(*words)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def json(self, *words: str) -> tuple[dict[str, Any], int]:
        """What the command printed, and its exit code."""
        done = self(*words, "--out", "json", "--static")
        assert done.stdout, done.stderr
        return json.loads(done.stdout), done.returncode


@pytest.fixture
def salt_ssh(tmp_path: Path, thin_cache: Path, server: Server) -> Callable[..., Any]:
    """The command, with one host `box` whose key is known."""
    (tmp_path / "conf").mkdir()
    command = Command(tmp_path / "conf", thin_cache)
    command.known_hosts.write_text(server.known_hosts_line())
    command.roster(box=server.roster())
    return command
