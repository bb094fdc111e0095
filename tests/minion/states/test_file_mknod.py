from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.minion.states.calls import State


def test_a_pipe(host: State, tmp_path: Path) -> None:
    path = tmp_path / "folder/pipe"
    predicted, first, second = host.converge("file.mknod", str(path), ntype="p", mode="640")
    assert predicted["comment"] == f"Fifo pipe {path} is set to be created"
    assert first["changes"] == {"new": f"Fifo pipe {path} created."}
    assert second["comment"] == f"Fifo pipe {path} is in the correct state"
    assert (stat.S_ISFIFO(path.stat().st_mode), path.stat().st_mode & 0o777) == (True, 0o640)
    changed = host("file.mknod", str(path), ntype="p", mode="600")
    assert changed["changes"] == {"mode": "0600"}


@pytest.mark.skipif(os.geteuid() != 0, reason="root only makes devices")
def test_a_device(host: State, tmp_path: Path) -> None:
    path = tmp_path / "null"
    try:
        os.mknod(tmp_path / "probe", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices can't be made here")
    host.converge("file.mknod", str(path), ntype="c", major=1, minor=3, mode="666")
    comment = host.fails("file.mknod", str(path), ntype="c", major=1, minor=5)
    assert comment == f"Character device {path} exists and has a different major/minor 1/3. Refusing to continue"


@pytest.mark.parametrize(
    ("name", "ntype", "comment"),
    [
        ("", "p", "Must provide name to file.mknod"),
        ("/nosuch", "x", "Node type unavailable: 'x'. Available node types are character ('c'), block ('b'), and"),
        ("/etc/hostname", "b", "File /etc/hostname exists and is not a block device. Refusing to continue"),
    ],
)
def test_what_is_refused(host: State, name: str, ntype: str, comment: str) -> None:
    assert host.fails("file.mknod", name, ntype=ntype).startswith(comment)
