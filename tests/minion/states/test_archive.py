from __future__ import annotations

import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

MEMBERS = {"top/one": "1\n", "top/sub/two": "2\n"}


def pack(path: Path, members: Dict[str, str], mode: str = "w:gz") -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for folder in sorted({str(Path(name).parent) for name in members} - {"."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, text in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o664
            archive.addfile(entry, io.BytesIO(text.encode()))


@pytest.fixture(scope="module", autouse=True)
def served(host: State) -> None:
    root = host.box.root / "srv"
    pack(root / "a.tgz", MEMBERS)
    pack(root / "a.tar.xz", MEMBERS, "w:xz")
    pack(root / "flat.tar", {"one": "1\n", "sub/two": "2\n"}, "w")
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        for name, text in MEMBERS.items():
            archive.writestr(name, text)
    (root / "bad.tgz").write_text("no archive")


@pytest.mark.parametrize("name", ["a.tgz", "a.tar.xz", "a.zip"])
def test_an_archive(host: State, tmp_path: Path, name: str) -> None:
    target = tmp_path / "new"
    predicted = host("archive.extracted", str(target), test=True, source=f"salt://{name}")
    would = "would be cached (if necessary) and checked to discover if extraction is needed"
    assert (predicted["result"], predicted["comment"]) == (None, f"Archive salt://{name} {would}")
    first = host("archive.extracted", str(target), source=f"salt://{name}")
    reason = "due to absence of one or more files/dirs"
    assert (first["result"], first["comment"]) == (True, f"salt://{name} extracted to {target}/, {reason}")
    assert first["changes"]["directories_created"] == [f"{target}/"]
    assert set(MEMBERS) <= set(first["changes"]["extracted_files"])
    second = host("archive.extracted", str(target), source=f"salt://{name}")
    assert (second["changes"], second["comment"]) == ({}, "All files in archive are already present")
    assert {name: (target / name).read_text() for name in MEMBERS} == MEMBERS


def test_a_local_archive(host: State, tmp_path: Path) -> None:
    target, source = tmp_path / "new", tmp_path / "a.tgz"
    pack(source, MEMBERS)
    predicted, first, _ = host.converge("archive.extracted", str(target), source=str(source), trim_output=1)
    assert predicted["comment"].startswith(f"Archive {source} would be extracted to {target}/, due to absence of")
    assert len(first["changes"]["extracted_files"]) == 1
    assert first["comment"].endswith(". Output was trimmed to 1 number of lines")


@pytest.mark.skipif(not shutil.which("tar"), reason="needs tar(1)")
def test_options_of_tar(host: State, tmp_path: Path) -> None:
    options: Dict[str, Any] = {"source": "salt://a.tgz", "enforce_toplevel": False}
    host("archive.extracted", str(tmp_path / "new"), options="--strip-components=1", **options)
    assert (tmp_path / "new/sub/two").read_text() == "2\n"
    second = host("archive.extracted", str(tmp_path / "new"), options="--strip-components=1", **options)
    assert second["comment"] == "All files in archive are already present"
    failed = host("archive.extracted", str(tmp_path / "bad"), options="--bogus", **options)
    assert (failed["result"], failed["changes"]["retcode"]) == (False, 64)


def test_nothing_is_needed(host: State, tmp_path: Path) -> None:
    result = host("archive.extracted", str(tmp_path / "new"), source="salt://a.tgz", if_missing=str(tmp_path))
    assert (result["result"], result["comment"]) == (True, f"Path {tmp_path} exists")


def test_another_archive_of_the_same_files(host: State, tmp_path: Path) -> None:
    source, target = tmp_path / "a.tgz", tmp_path / "new"
    for content in ("1\n", "changed\n"):
        pack(source, {**MEMBERS, "top/one": content})
        digest = host.functions["file.get_hash"](str(source))
        options: Dict[str, Any] = {"source": str(source), "source_hash": digest, "source_hash_update": True}
        first = host("archive.extracted", str(target), **options)
        assert (first["result"], (target / "top/one").read_text()) == (True, content)
    assert first["comment"] == f"{source} extracted to {target}/, due to source_hash update"
    assert host("archive.extracted", str(target), **options)["changes"] == {}
    skipped = host("archive.extracted", str(tmp_path / "x"), **options, skip_files_list_verify=True)
    assert "skip_files_list_verify argument was set to True. Extraction is not needed" in skipped["comment"]


def test_what_is_in_the_way(host: State, tmp_path: Path) -> None:
    (tmp_path / "top/one").mkdir(parents=True)
    (tmp_path / "top/extra").write_text("")
    comment = host.fails("archive.extracted", str(tmp_path), source="salt://a.tgz")
    assert "exist, but are the incorrect type" in comment
    assert comment.endswith("Note that this will remove these paths before extracting.\n\n- top/one")
    forced = host("archive.extracted", str(tmp_path), source="salt://a.tgz", force=True)
    assert forced["changes"]["removed"] == [str(tmp_path / "top/one")]
    assert (tmp_path / "top/extra").exists()


@pytest.mark.parametrize(
    ("how", "left"), [("overwrite", ["other", "top"]), ("clean", ["other", "top"]), ("clean_parent", ["top"])]
)
def test_it_is_unpacked_anew(host: State, tmp_path: Path, how: str, left: Any) -> None:
    target = tmp_path / "new"
    (target / "top").mkdir(parents=True)
    (target / "top/extra").write_text("")
    (target / "other").write_text("")
    result = host("archive.extracted", str(target), source="salt://a.tgz", **{how: True})
    assert (result["result"], sorted(path.name for path in target.iterdir())) == (True, left)
    assert (target / "top/extra").exists() is (how == "overwrite")


@pytest.mark.skipif(os.geteuid() != 0, reason="files are given to others by root only")
def test_owner(host: State, tmp_path: Path) -> None:
    options: Dict[str, Any] = {"source": "salt://flat.tar", "enforce_toplevel": False, "user": "daemon", "group": "bin"}
    first = host("archive.extracted", str(tmp_path / "new"), **options)
    assert first["changes"]["updated ownership"] is True
    assert {(path.owner(), path.group()) for path in (tmp_path / "new").rglob("*")} == {("daemon", "bin")}
    assert host("archive.extracted", str(tmp_path / "new"), **options)["changes"] == {}


@pytest.mark.parametrize("name", ["../outside", "/outside", "link/outside"])
def test_nothing_is_written_outside(host: State, tmp_path: Path, name: str) -> None:
    source, target = tmp_path / "a.tar", tmp_path / "new"
    with tarfile.open(source, "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo(name))
    host("archive.extracted", str(target), source=str(source), enforce_toplevel=False)
    assert not (tmp_path / "outside").exists()
    assert not Path("/outside").exists()


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("rel", {}, "rel is not an absolute path"),
        ("/etc/hostname", {}, "/etc/hostname exists and is not a directory"),
        ("/x", {"if_missing": "rel"}, "Value for 'if_missing' is not an absolute path"),
        ("/x", {"enforce_ownership_on": "/etc"}, "Value for 'enforce_ownership_on' must be within /x/"),
        ("/x", {"user": "nosuchuser"}, "User nosuchuser does not exist"),
        ("/x", {"clean": True, "clean_parent": True}, "Only one of 'clean' and 'clean_parent' can be set to True"),
        ("/x", {"archive_format": "bogus"}, "Invalid archive_format 'bogus'."),
        ("/x", {"source": "/etc/hostname"}, "Could not guess archive_format from the value of the 'source' argument."),
        ("/x", {"source": "/nosuch.tgz"}, "Source file '/nosuch.tgz' does not exist"),
        ("/x", {"source": "salt://nosuch.tgz"}, "Failed to cache salt://nosuch.tgz, check minion log"),
        ("/x", {"source": "salt://bad.tgz"}, "Unable to list contents of "),
        ("/x", {"source": "salt://flat.tar"}, "Archive does not have a single top-level directory."),
        ("/x", {"password": "x"}, "The 'password' argument is only supported for zip archives"),
        ("/x", {"trim_output": "many"}, "Invalid value for trim_output, must be True/False or an integer"),
    ],
)
def test_what_is_refused(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("archive.extracted", name, **{"source": "salt://a.tgz", **arguments}).startswith(comment)
    assert not os.path.exists("/x")


def test_a_wrong_digest(host: State, tmp_path: Path) -> None:
    pack(tmp_path / "a.tgz", MEMBERS)
    wrong = "0" * 64
    comment = host.fails("archive.extracted", str(tmp_path / "new"), source=str(tmp_path / "a.tgz"), source_hash=wrong)
    assert comment == f"{tmp_path}/a.tgz does not match the desired source_hash {wrong}"
    assert not (tmp_path / "new").exists()
