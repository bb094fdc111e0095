"""The file server over folders: what it finds, what it lists, and what it refuses to leave its roots for."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any, Dict

import pytest

from minion.files.roots import Roots, RootsOptions


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "base/top.sls": "base: {}",
        "base/web/init.sls": "web",
        "base/web/files/a.conf": "a",
        "base/.hidden": "h",
        "second/top.sls": "second",
        "second/only.txt": "only",
        "dev/x.txt": "dev",
        "outside/secret": "secret",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "base/empty/deep").mkdir(parents=True)
    return tmp_path


def serve(tree: Path, **options: Any) -> Roots:
    file_roots = {"base": [str(tree / "base"), str(tree / "second")], "dev": str(tree / "dev")}
    return Roots(file_roots, RootsOptions(**options))


def content(roots: Roots, path: str, saltenv: str = "base") -> Any:
    return roots.serve(path, saltenv, 0)


def test_the_first_root_that_has_a_file_wins(tree: Path) -> None:
    roots = serve(tree)
    assert content(roots, "top.sls") == {"data": b"base: {}", "dest": "top.sls"}
    assert content(roots, "only.txt")["data"] == b"only"
    assert content(roots, "x.txt", "dev")["data"] == b"dev"
    assert content(roots, "x.txt") == {"data": b"", "dest": ""}
    assert content(roots, "x.txt", "nosuch") == {"data": b"", "dest": ""}
    assert roots.envs() == ["base", "dev"]


def test_find_and_hash(tree: Path) -> None:
    roots = serve(tree)
    found = roots.find("web/files/a.conf", "base")
    info = os.stat(tree / "base/web/files/a.conf")
    assert (found["path"], found["rel"]) == (str(tree / "base/web/files/a.conf"), "web/files/a.conf")
    assert found["stat"] == [int(number) for number in tuple(info)]
    digest = hashlib.sha256(b"a").hexdigest()
    assert roots.hash("web/files/a.conf", "base") == {"hsum": digest, "hash_type": "sha256"}
    assert roots.hash_and_stat("web/files/a.conf", "base")[1] == found["stat"]
    assert roots.find("none", "base") == {"path": "", "rel": ""}
    assert roots.hash("none", "base") == ""
    assert serve(tree, hash_type="md5").hash("top.sls", "base")["hash_type"] == "md5"


def test_a_large_file_comes_in_pieces_compressed_on_request(tree: Path) -> None:
    data = os.urandom(2500)
    (tree / "base/big").write_bytes(data)
    roots = serve(tree, buffer_size=1000)
    pieces = [roots.serve("big", "base", loc)["data"] for loc in (0, 1000, 2000, 2500)]
    assert [len(piece) for piece in pieces] == [1000, 1000, 500, 0]
    assert b"".join(pieces) == data
    packed = roots.serve("big", "base", 1000, 5)
    assert packed["gzip"] == 5
    assert gzip.decompress(packed["data"]) == data[1000:2000]
    assert roots.serve("big", "base", -1) == {"data": b"", "dest": ""}


def test_lists(tree: Path) -> None:
    roots = serve(tree)
    assert roots.file_list("base") == [".hidden", "only.txt", "top.sls", "web/files/a.conf", "web/init.sls"]
    assert roots.file_list("base", "web/") == ["web/files/a.conf", "web/init.sls"]
    assert roots.dir_list("base") == ["empty", "empty/deep", "web", "web/files"]
    assert roots.file_list_emptydirs("base") == ["empty/deep"]
    assert roots.file_list("nosuch") == []


def test_a_list_follows_changes(tree: Path) -> None:
    roots = serve(tree)
    assert "web/new.sls" not in roots.file_list("base")
    (tree / "base/web/new.sls").write_text("x")
    assert "web/new.sls" in roots.file_list("base")
    (tree / "base/web/new.sls").unlink()
    assert "web/new.sls" not in roots.file_list("base")


def test_ignored_files(tree: Path) -> None:
    by_glob = serve(tree, ignore_glob=("*.conf",))
    assert "web/files/a.conf" not in by_glob.file_list("base")
    assert content(by_glob, "web/files/a.conf")["dest"] == ""
    by_regex = serve(tree, ignore_regex=(r"/\.hid", r"^\.hid"))
    assert ".hidden" not in by_regex.file_list("base")
    assert content(by_regex, ".hidden")["dest"] == ""


def test_environments_by_pattern(tree: Path) -> None:
    roots = Roots({"base": [str(tree / "base")], "__env__": [str(tree / "__env__")]})
    assert content(roots, "only.txt", "second")["data"] == b"only"
    assert roots.file_list("dev") == ["x.txt"]
    for saltenv in ("../outside", "..", "a/../outside", "/etc"):
        assert roots.file_list(saltenv) == []
    assert roots._listings.keys() <= {"base", "__env__"}, "names that askers choose fill no memory"


def test_roots_by_glob(tree: Path) -> None:
    assert content(Roots({"base": [str(tree / "sec*")]}), "only.txt")["data"] == b"only"


@pytest.mark.parametrize("path", ["../outside/secret", "web/../../outside/secret", "/etc/passwd", "web\0", ".."])
def test_no_way_out_by_name(tree: Path, path: str) -> None:
    roots = serve(tree)
    assert content(roots, path) == {"data": b"", "dest": ""}
    assert roots.find(path, "base") == {"path": "", "rel": ""}


def test_links_are_followed_below_the_roots_only(tree: Path) -> None:
    links: Dict[str, Any] = {
        "base/inside": "web/init.sls",
        "base/folder": "web",
        "base/to-second": tree / "second/only.txt",
        "base/out": tree / "outside/secret",
        "base/out-relative": "../outside/secret",
        "base/out-folder": tree / "outside",
        "base/broken": "nowhere",
        "base/loop": "loop",
    }
    for name, target in links.items():
        os.symlink(target, tree / name)
    roots = serve(tree)
    assert content(roots, "inside")["data"] == b"web"
    assert content(roots, "folder/files/a.conf")["data"] == b"a"
    assert content(roots, "to-second")["data"] == b"only"
    for name in ("out", "out-relative", "out-folder/secret", "broken", "loop"):
        assert content(roots, name)["dest"] == "", name
    assert {"inside", "folder/init.sls", "to-second"} <= set(roots.file_list("base"))
    assert not [name for name in roots.file_list("base") if "out" in name]
    assert roots.symlink_list("base") == {
        "inside": "web/init.sls",
        "folder": "web",
        "broken": "nowhere",
        "loop": "loop",
    }
    strict = serve(tree, follow_links=False)
    assert content(strict, "inside")["dest"] == ""
    assert content(strict, "folder/files/a.conf")["dest"] == ""
    assert content(strict, "web/init.sls")["data"] == b"web"
    ignoring = serve(tree, ignore_links=True)
    assert not {"inside", "to-second"} & set(ignoring.file_list("base"))


def test_a_link_to_its_own_folder_ends(tree: Path) -> None:
    os.symlink(".", tree / "base/web/again")
    os.symlink("..", tree / "base/web/up")
    assert max(name.count("/") for name in serve(tree).file_list("base")) < 10


def test_only_regular_files(tree: Path) -> None:
    os.mkfifo(tree / "base/pipe")
    roots = serve(tree)
    assert content(roots, "pipe")["dest"] == "", "nobody waits for the other end of the pipe"
    assert content(roots, "web")["dest"] == ""
