"""Networks of their own, in which a test may filter packets."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator, Sequence

import pytest


@contextlib.contextmanager
def network(folder: Path, monkeypatch: pytest.MonkeyPatch, programs: Sequence[str]) -> Iterator[str]:
    """A network namespace in which these programs run when a module calls them; its name.

    Args:
        folder: a scratch folder.
        monkeypatch: ends with the test.
        programs: the first is what the test is about.
    """
    if os.geteuid() != 0 or not shutil.which(programs[0]) or not shutil.which("ip"):
        pytest.skip(f"needs root, {programs[0]} and ip")
    name = f"saltern-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode:
        pytest.skip("no network namespaces here")
    for program in programs:
        path = folder / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec ip netns exec {name} {shutil.which(program)} "$@"\n')
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)
