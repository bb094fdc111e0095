"""Reading, writing and searching files: file_text and file_search."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_text("one\ntwo\n")
    return path


def test_append(salt: Loader, path: Path) -> None:
    assert salt["file.append"](str(path), "three", 4) == f'Wrote 2 lines to "{path}"'
    assert path.read_text() == "one\ntwo\nthree\n4\n"
    path.write_text("no end")
    salt["file.append"](str(path), args="single")
    assert path.read_text() == "no end\nsingle\n"
    path.write_text("")
    salt["file.append"](str(path), args=["a", "b"])
    assert path.read_text() == "a\nb\n"
    with pytest.raises(FileNotFoundError):
        salt["file.append"](str(path) + "z", "x")


def test_append_leaves_the_file_to_others_who_write_to_it(salt: Loader, path: Path) -> None:
    with open(path, "a") as other:
        salt["file.append"](str(path), "three")
        other.write("four\n")
    assert path.read_text() == "one\ntwo\nthree\nfour\n"


def test_prepend_and_write(salt: Loader, path: Path) -> None:
    path.chmod(0o600)
    assert salt["file.prepend"](str(path), "zero") == f'Prepended 1 lines to "{path}"'
    assert path.read_text() == "zero\none\ntwo\n" and path.stat().st_mode & 0o777 == 0o600
    assert salt["file.write"](str(path), args=["x", 1]) == f'Wrote 2 lines to "{path}"'
    assert path.read_text() == "x\n1\n" and path.stat().st_mode & 0o777 == 0o600
    new = path.with_name("new")
    before = os.umask(0o027)
    try:
        salt["file.prepend"](str(new), "first")
    finally:
        os.umask(before)
    assert new.read_text() == "first\n" and new.stat().st_mode & 0o777 == 0o640


def test_writing_keeps_the_other_names_of_a_file(salt: Loader, path: Path) -> None:
    os.link(path, path.with_name("other"))
    salt["file.write"](str(path), "x")
    assert path.with_name("other").read_text() == "x\n"


def test_read(salt: Loader, path: Path) -> None:
    assert salt["file.read"](str(path)) == "one\ntwo\n" and salt["file.read"](str(path), binary=True) == b"one\ntwo\n"
    assert salt["file.seek_read"](str(path), 3, "4") == b"two"


def test_parts(salt: Loader, path: Path) -> None:
    assert salt["file.seek_write"](str(path), b"TWO", 4) == 3 and path.read_text() == "one\nTWO\n"
    assert salt["file.truncate"](str(path), 3) is None and path.read_text() == "one"


def test_contains(salt: Loader, path: Path) -> None:
    contains = salt["file.contains"]
    assert contains(str(path), " two ") is True and contains(str(path), "e\nt") is True
    assert contains(str(path), "three") is False and contains(str(path) + "z", "one") is False
    path.write_text("")
    assert contains(str(path), "x") is False
    assert contains("/proc/self/status", "Pid:") is True


def test_contains_regex_and_glob(salt: Loader, path: Path) -> None:
    assert salt["file.contains_regex"](str(path), "^t.o$") is True
    assert salt["file.contains_regex"](str(path), "e.t") is False
    assert salt["file.contains_regex"](str(path), "^wo", lchar="t") is True
    assert (
        salt["file.contains_glob"](str(path), "*tw?*") is True and salt["file.contains_glob"](str(path), "two") is False
    )
    assert salt["file.contains_regex"](str(path) + "z", "x") is False
    assert salt["file.contains_glob"](str(path) + "z", "x") is False


def test_grep(salt: Loader, path: Path) -> None:
    assert salt["file.grep"](str(path), "tw")["stdout"] == "two"
    assert salt["file.grep"](str(path), "TW", "-i", "-c")["stdout"] == "1"
    assert salt["file.grep"](f"{path.parent}/f*", "two", "-l")["stdout"] == str(path)
    assert salt["file.grep"](str(path) + "z", "x")["retcode"] == 2
    with pytest.raises(SaltInvocationError, match="please pass the following arguments separately: -i -c"):
        salt["file.grep"](str(path), "x", "-i -c")


def test_sed(salt: Loader, path: Path) -> None:
    assert salt["file.sed"](str(path), "one", "it's a/b")["retcode"] == 0
    assert path.read_text() == "it's a/b\ntwo\n" and path.with_name("f.bak").read_text() == "one\ntwo\n"
    salt["file.sed"](str(path), "t", "T", limit="^two", flags="")
    assert path.read_text() == "it's a/b\nTwo\n"
    salt["file.sed"](str(path), "a/b", ".", negate_match=True, limit="Two")
    assert path.read_text() == "it's .\nTwo\n"
    salt["file.sed"](str(path), ".", "dot", escape_all=True)
    assert path.read_text() == "it's dot\nTwo\n"
    assert salt["file.sed"](str(path) + "z", "a", "b") is False
    assert salt["file.sed_contains"](str(path), "T.o") is True and salt["file.sed_contains"](str(path), "zzz") is False


def test_psed(salt: Loader, path: Path) -> None:
    path.write_text("a b a\na/c\n")
    salt["file.psed"](str(path), "a", "x")
    assert path.read_text() == "x b x\nx/c\n" and path.with_name("f.bak").read_text() == "a b a\na/c\n"
    salt["file.psed"](str(path), "x", "y", flags="", multi=True)
    assert path.read_text() == "y b x\ny/c\n"
    salt["file.psed"](str(path), "y", "z", limit="b", backup="")
    assert path.read_text() == "y b x\nz/c\n"


@pytest.mark.skipif(not shutil.which("patch"), reason="patch is not installed")
def test_patch(salt: Loader, path: Path) -> None:
    patch = path.with_name("p")
    patch.write_text("--- f\n+++ f\n@@ -1,2 +1,2 @@\n-one\n+ONE\n two\n")
    assert salt["file.patch"](str(path), str(patch), dry_run=True)["retcode"] == 0 and path.read_text() == "one\ntwo\n"
    assert salt["file.patch"](str(path), str(patch))["retcode"] == 0 and path.read_text() == "ONE\ntwo\n"
    assert salt["file.patch"](str(path), str(patch))["retcode"] == 1  # and does not ask whether to revert it
    assert salt["file.patch"](str(path.parent), str(patch), options="-R")["retcode"] == 0
    assert path.read_text() == "one\ntwo\n" and not list(path.parent.glob("*.rej"))
