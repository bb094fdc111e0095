from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

pytestmark = pytest.mark.skipif(not shutil.which("patch"), reason="needs patch(1)")
HEAD = "--- a/{name}\t2020-01-01 00:00:00\n+++ b/{name}\t2020-01-01 00:00:00\n"
TEXT = "one\ntwo\nthree\n"


@pytest.fixture(scope="module", autouse=True)
def served(host: State) -> None:
    hunk = "@@ -1,3 +1,3 @@\n one\n-two\n+{{ number|default(2) }}\n three\n"
    host.box.write(
        {
            "srv/t.patch": HEAD.format(name="x") + hunk,
            "srv/f.patch": HEAD.format(name="x") + hunk.replace("{{ number|default(2) }}", "2"),
            "srv/d.patch": HEAD.format(name="sub/f") + hunk.replace("{{ number|default(2) }}", "2"),
            "srv/garbage.patch": "no patch\n",
        }
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sub/f"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


def test_a_file(host: State, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    predicted, first, second = host.converge("file.patch", str(file), source="salt://f.patch")
    assert (predicted["comment"], first["comment"]) == ("The patch would be applied", "Patch successfully applied")
    assert first["changes"]["retcode"] == 0
    assert second["comment"] == "Patch was already applied"
    assert file.read_text() == "one\n2\nthree\n"
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("arguments", [{"strip": 1}, {"options": "-p1"}, {"options": ["--strip", "1"]}])
def test_a_folder(host: State, file: Path, arguments: Dict[str, Any]) -> None:
    host.converge("file.patch", str(file.parents[1]), source="salt://d.patch", **arguments)
    assert file.read_text() == "one\n2\nthree\n"


def test_a_template(host: State, file: Path) -> None:
    host.converge("file.patch", str(file), source="salt://t.patch", template="jinja", context={"number": 22})
    assert file.read_text() == "one\n22\nthree\n"


def test_a_patch_that_does_not_fit(host: State, file: Path, tmp_path: Path) -> None:
    file.write_text("other\n")
    comment = host.fails("file.patch", str(file), source="salt://f.patch", reject_file=str(tmp_path / "rejected"))
    assert comment.startswith("Patch would not apply cleanly, no changes made. Results of dry-run are below.\n\n")
    assert (file.read_text(), (tmp_path / "rejected").exists()) == ("other\n", True)


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("", {}, "A file/directory to be patched is required"),
        ("rel", {}, "rel is not an absolute path"),
        ("/nosuch", {}, "/nosuch does not exist"),
        ("/etc/hostname", {"options": "-N -o x"}, "The following CLI options are not allowed: -N, -o"),
        ("/etc/hostname", {"options": "-pX"}, "Invalid format for '-p' CLI option."),
        ("/etc/hostname", {"reject_file": "rel"}, "'rel' is not an absolute path"),
        ("/etc/hostname", {"reject_file": "/nosuch/x"}, "Parent directory for reject_file '/nosuch/x' either does not"),
        ("/etc/hostname", {"source": "salt://nosuch"}, "Unable to manage file: Source file salt://nosuch "),
        ("/etc/hostname", {"source": ["salt://nosuch"]}, "none of the specified sources were found"),
        ("/etc/hostname", {"source": "salt://garbage.patch"}, "/usr/bin/patch: **** Only garbage was found"),
    ],
)
def test_what_fails(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("file.patch", name, **{"source": "salt://f.patch", **arguments}).startswith(comment)
