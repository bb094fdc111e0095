"""Hash sums, computed once per file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from minion.files.hashing import hash_of


def test_kinds(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"content")
    assert hash_of(str(path)) == hashlib.sha256(b"content").hexdigest()
    assert hash_of(str(path), "md5") == hashlib.md5(b"content").hexdigest()
    with path.open("rb") as stream:
        stream.read(3)
        assert hash_of(stream) == hash_of(str(path))


def test_a_file_that_changes_quickly_in_place(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for number in range(50):
        path.write_bytes(b"%03d" % number)
        os.utime(path, (1, 1))
        assert hash_of(str(path)) == hashlib.sha256(b"%03d" % number).hexdigest()
