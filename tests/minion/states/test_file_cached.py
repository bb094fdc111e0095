from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

SUM = hashlib.sha256(b"cached\n").hexdigest()


@pytest.fixture(scope="module", autouse=True)
def served(host: State) -> None:
    host.box.write({"srv/file": "cached\n"})


def test_a_copy_comes_and_goes(host: State) -> None:
    assert host("file.cached", "salt://file", test=True)["comment"] == "File will be cached: salt://file"
    first = host("file.cached", "salt://file")
    path = first["comment"].replace("File is cached to ", "")
    assert (first["result"], first["changes"]) == (True, {"hash": {"old": None, "new": SUM}})
    assert Path(path).read_text() == "cached\n"
    second = host("file.cached", "salt://file", source_hash=SUM)
    assert (second["result"], second["changes"]) == (True, {})
    assert second["comment"] == f"File is already cached to {path} with hash {SUM}"
    predicted = host("file.cached", "salt://file", source_hash=SUM, test=True)
    assert (predicted["result"], predicted["comment"]) == (None, "File already cached: salt://file")
    predicted, gone, again = host.converge("file.not_cached", "salt://file")
    assert (predicted["comment"], os.path.exists(path)) == (f"{path} is set for deletion", False)
    assert (gone["comment"], gone["changes"]) == (f"{path} was deleted", {"deleted": True})
    assert again["comment"] == "salt://file is not cached"


def test_a_local_file(host: State, tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert host.fails("file.cached", str(path)) == f"File {path} is not present on the minion"
    path.write_text("cached\n")
    assert host("file.cached", str(path))["comment"] == f"File {path} is present on the minion"
    result = host("file.cached", f"file://{path}", source_hash=SUM)
    assert (result["result"], result["comment"]) == (True, f"File {path} is present on the minion and has hash {SUM}")
    result = host("file.not_cached", str(path))
    assert (result["comment"], path.exists()) == (f"File {path} is a local path, no action taken", True)


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("salt://nosuch", {}, "Failed to cache salt://nosuch, check minion log for more information"),
        ("http://127.0.0.1:1/x", {}, "Unable to verify upstream hash of source file http://127.0.0.1:1/x, please set"),
        ("/etc/hostname", {"source_hash": "bogus"}, "Source hash bogus format is invalid."),
        ("/etc/hostname", {"source_hash": SUM}, "File /etc/hostname is present on the minion, but the hash ("),
    ],
)
def test_what_fails(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("file.cached", name, **arguments).startswith(comment)
