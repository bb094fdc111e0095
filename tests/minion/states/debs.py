"""Tiny Debian packages and a repository of them, for a dpkg and an APT that work below a scratch root."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest

ONE, TWO = "sltn-state-one", "sltn-state-two"


class Repository:
    """The repository.

    Args:
        folder: where it lies, with all that APT keeps of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index: List[str] = []
        self.root = folder / "root"
        for name in ("var/cache/apt/archives/partial", "lists/partial", "log", "root"):
            (folder / name).mkdir(parents=True)
        self.config = folder / "apt.conf"
        self.config.write_text(
            f'Dir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "-";\n'
            f'Dir::State::lists "{folder}/lists";\nDir::Cache "{folder}/var/cache/apt";\nDir::Log "{folder}/log";\n'
            f'Dir::State::status "{self.root}/var/lib/dpkg/status";\nDPkg::Options {{ "--root={self.root}"; }};\n'
            'APT::Sandbox::User "root";\n'
        )
        (folder / "sources.list").write_text(f"deb [trusted=yes] copy:{folder} ./\n")
        (folder / "Release").write_text("Suite: stable\n")

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lets dpkg and APT work here. No package is installed."""
        monkeypatch.setenv("APT_CONFIG", str(self.config))
        monkeypatch.setenv("DPKG_ROOT", str(self.root))
        shutil.rmtree(self.root)
        (self.root / "var/lib/dpkg/updates").mkdir(parents=True)
        (self.root / "var/lib/dpkg/info").mkdir()
        (self.root / "var/lib/dpkg/status").touch()

    def add(self, name: str, version: str) -> str:
        """Builds a package, with one configuration file; its path."""
        root = self.folder / "build" / f"{name}-{version}"
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\n"
            "Description: for tests\n"
        )
        for path, text in (("control", control), ("conffiles", f"/etc/{name}.conf\n")):
            (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
            (root / "DEBIAN" / path).write_text(text)
        (root / "etc").mkdir()
        (root / "etc" / f"{name}.conf").write_text("x\n")
        package = self.folder / f"{name}_{version}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", root, package], check=True, stdout=-3)
        data = package.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        self._index.append(f"{control}Filename: ./{package.name}\nSize: {len(data)}\nSHA256: {digest}\n")
        (self.folder / "Packages").write_text("\n".join(self._index))
        return str(package)


def need_apt() -> None:
    """Skips the test where packages can't be installed."""
    if os.geteuid() != 0 or not os.path.exists("/usr/bin/apt-get"):
        pytest.skip("needs root on a system with APT")
