"""`cp`: files that go to the master, and what comes in pieces.

What it brings from the master is compared with a real Salt in state/cases/modules.yaml.
"""

from __future__ import annotations

import base64
import gzip
import os
from pathlib import Path
from typing import Any, Dict, List

import pytest

from minion.errors import CommandExecutionError
from minion.local import LocalMaster
from tests.minion.box import Box


class Receiver(LocalMaster):
    """Takes files, as a master with `file_recv` does."""

    def __init__(self, opts: Dict[str, Any]) -> None:
        super().__init__(opts, {})
        self.files: Dict[str, bytes] = {}
        self.limit = 10_000

    def request(self, cmd: str, **load: Any) -> Any:
        if cmd != "_file_recv":
            return super().request(cmd, **load)
        if load["size"] > self.limit:
            return False
        name = "/".join(load["path"])
        before = self.files.get(name, b"")[: load["loc"]]
        self.files[name] = before + load["data"]
        return True


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path, {"file_buffer_size": 1000})


def test_push(box: Box, tmp_path: Path) -> None:
    loaders = box.loaders()
    master = Receiver(box.opts())
    loaders.inject("__master__", master)
    push = loaders.modules["cp.push"]
    source, link, empty = tmp_path / "source", tmp_path / "link", tmp_path / "empty"
    data = os.urandom(2500)
    source.write_bytes(data)
    link.symlink_to(source)
    empty.touch()
    assert push(str(source)) is True
    assert master.files == {str(source)[1:]: data}
    push(str(link))
    push(str(link), keep_symlinks=True)
    push(str(empty))
    push(str(source), upload_path="/other/name", remove_source=True)
    names = [str(path)[1:] for path in (source, link, empty)]
    assert master.files == {names[0]: data, names[1]: data, names[2]: b"", "other/name": data}
    assert not source.exists()


@pytest.mark.parametrize("path", ["relative", "/etc/../etc/hostname", "/nonexistent", "/etc"])
def test_what_is_not_pushed(box: Box, path: str) -> None:
    assert box.call("cp.push", path) is False


def test_a_refused_file_stays(box: Box, tmp_path: Path) -> None:
    loaders = box.loaders()
    loaders.inject("__master__", Receiver(box.opts()))
    (tmp_path / "large").write_bytes(bytes(10_001))
    assert loaders.modules["cp.push"](str(tmp_path / "large"), remove_source=True) is False
    assert (tmp_path / "large").exists()


def test_push_dir(box: Box, tmp_path: Path) -> None:
    loaders = box.loaders()
    master = Receiver(box.opts())
    loaders.inject("__master__", master)
    box.write({"d/a.so": "a", "d/s/b.so": "b", "d/c.txt": "c"})
    assert loaders.modules["cp.push_dir"](str(tmp_path / "d"), glob="*.so", upload_path="/up") is True
    assert master.files == {"up/a.so": b"a", "up/s/b.so": b"b"}
    assert loaders.modules["cp.push_dir"](str(tmp_path / "d"), glob="nothing") is False


def test_recv(box: Box, tmp_path: Path) -> None:
    assert box.call("cp.recv", {"/a/x": b"\xff", "/a/y": "text"}, str(tmp_path)) == {
        str(tmp_path / "x"): True,
        str(tmp_path / "y"): True,
    }
    assert (tmp_path / "x").read_bytes() == b"\xff"
    assert box.call("cp.recv", {"/a/x": "new"}, str(tmp_path / "none/x")) == "Destination unavailable"


def test_recv_chunked(box: Box, tmp_path: Path) -> None:
    functions = box.loaders().modules
    recv, dest = functions["cp.recv_chunked"], tmp_path / "in/file"
    pieces: List[bytes] = [b"one ", b"two"]
    for number, piece in enumerate(pieces):
        chunk = base64.b64encode(gzip.compress(piece)).decode()
        assert recv(str(dest), chunk, append=number > 0, mode=0o640) is True
    assert (dest.read_bytes(), dest.stat().st_mode & 0o777) == (b"one two", 0o640)
    assert recv(str(tmp_path / "empty"), None) is True
    assert (tmp_path / "empty").is_dir()
    assert recv(str(dest), None) == "Path exists and is a file"
    assert "not a gzip" in recv(str(tmp_path / "x"), base64.b64encode(b"x").decode()).lower()


def test_what_can_not_be_rendered(box: Box) -> None:
    with pytest.raises(CommandExecutionError, match="Failed to render file path with error"):
        box.call("cp.get_file", "salt://{{ nope }}", "/tmp/x", template="jinja")
    with pytest.raises(CommandExecutionError, match="unavailable engine nosuch"):
        box.call("cp.get_file", "salt://a", "/tmp/x", template="nosuch")
    assert box.call("cp.get_template", "salt://nosuch", "/tmp/x") == ""
