from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

NOTE = "\nNote: No changes made, actual changes may\nbe different due to other states."


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_new_file_from_the_master(host: State, target: Path) -> None:
    host.box.write({"srv/plain.txt": "plain\n"})
    predicted, first, second = host.converge(
        "file.managed", str(target), source="salt://plain.txt", user="root", group="root", mode="0640"
    )
    assert predicted["comment"] == f"The file {target} is set to be changed{NOTE}"
    assert predicted["changes"] == {"newfile": str(target)}
    assert first["comment"] == f"File {target} updated"
    assert first["changes"] == {"diff": "New file", "mode": "0640"}
    assert second["comment"] == f"File {target} is in the correct state"
    assert (target.read_text(), mode(target)) == ("plain\n", 0o640)


def test_an_existing_file_changes_with_a_difference(host: State, target: Path) -> None:
    target.write_text("old\n")
    target.chmod(0o600)
    predicted, first, _ = host.converge("file.managed", str(target), contents="new", mode="644")
    assert predicted["changes"] == first["changes"] == {"diff": "--- \n+++ \n@@ -1 +1 @@\n-old\n+new\n", "mode": "0644"}
    assert (target.read_text(), mode(target)) == ("new\n", 0o644)


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ({"contents": "a\nb"}, "a\nb\n"),
        ({"contents": ["a", "b", 3]}, "a\nb\n3\n"),
        ({"contents": "a\r\nb\rc"}, "a\nb\nc\n"),
        ({"contents": "page\x0cbreak"}, "page\x0cbreak\n"),
        ({"contents": "a\n\n", "contents_newline": False}, "a"),
        ({"contents": {"a": 1}}, "{'a': 1}\n"),
        ({"contents": 0}, "0\n"),
        ({"contents": ""}, ""),
        ({"contents_pillar": "nest:text"}, "from pillar\n"),
        ({"contents_pillar": "nest|text", "contents_delimiter": "|"}, "from pillar\n"),
        ({"contents_pillar": ["nest:text", "number"]}, "from pillar\n5\n"),
        ({"contents_grains": "os"}, "Debian\n"),
        ({"contents_grains": ["os", "kernel"]}, "Debian\nLinux\n"),
        (
            {"contents": "{{ a }}-{{ b }}", "template": "jinja", "context": {"a": 1}, "defaults": {"a": 0, "b": 2}},
            "1-2\n",
        ),
        ({}, ""),
    ],
)
def test_contents(host: State, target: Path, arguments: Dict[str, Any], content: str) -> None:
    host.box.write({"pillar/top.sls": "base: {'*': [p]}", "pillar/p.sls": "{number: 5, nest: {text: from pillar}}"})
    host.converge("file.managed", str(target), **arguments)
    assert target.read_bytes() == content.encode()


def test_a_pillar_key_that_is_null(host: State, target: Path) -> None:
    host.box.write({"pillar/top.sls": "base: {'*': [p]}", "pillar/p.sls": "nothing: null"})
    new = host("file.managed", str(target), contents_pillar="nothing")
    assert (new["comment"], new["changes"], target.read_text()) == ("Empty file", {"new": f"file {target} created"}, "")
    target.write_text("mine")
    assert host("file.managed", str(target), contents_pillar="nothing")["changes"] == {}
    assert target.read_text() == "mine"


def test_an_encoding(host: State, target: Path) -> None:
    host.converge("file.managed", str(target), contents="café", encoding="latin-1")
    assert target.read_bytes() == "café\n".encode("latin-1")


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        (
            {"contents": "x", "source": "salt://x"},
            "'source' cannot be used in combination with 'contents', 'contents_pillar', or 'contents_grains'",
        ),
        ({"contents": "x", "contents_pillar": "y"}, "Only one of 'contents', 'contents_pillar', and 'contents_grains'"),
        ({"contents": "x", "mode": "keep"}, "Mode preservation cannot be used in combination with"),
        ({"contents": "x", "mode": "u+x"}, "The mode 'u+x' is not a number in octal, as 0644 is"),
        (
            {"contents": "x", "source": "salt://x", "signature": "salt://y"},
            "'source' cannot be used in combination with",
        ),
        ({"source": 5}, "The source must be a URL, a path or a list of them, not 5"),
        ({"contents_pillar": "nosuch"}, "Pillar nosuch does not exist"),
        ({"contents_grains": ["os", "nosuch"]}, "Grain nosuch does not exist"),
        ({"contents": "", "allow_empty": False}, "'contents' value would result in empty contents."),
        ({"contents": "x", "user": "nosuchuser"}, "User nosuchuser is not available "),
        ({"source": "salt://nosuch"}, "Unable to manage file: Source file salt://nosuch not found in saltenv 'base'"),
        ({"source": ["salt://a", "/nosuch/b"]}, "Unable to manage file: none of the specified sources were found"),
        ({"source": "/nosuch/b"}, "Unable to manage file: Local file source /nosuch/b does not exist"),
        ({"source": "http://127.0.0.1:1/x"}, "Unable to manage file: Unable to verify upstream hash of source file"),
        ({"source": "salt://t.j2", "template": "jinja", "context": ["x"]}, "Context must be formed as a dict"),
        ({"source": "salt://t.j2", "template": "jinja"}, "Unable to manage file: Jinja variable 'who' is undefined"),
        ({"source": "salt://t.j2", "template": "nosuch"}, "Specified template format nosuch is not supported"),
    ],
)
def test_what_is_refused(host: State, target: Path, arguments: Dict[str, Any], comment: str) -> None:
    host.box.write({"srv/t.j2": "{{ who }}"})
    assert comment in host.fails("file.managed", str(target), **arguments)
    assert not target.exists()


@pytest.mark.parametrize("name", ["", "relative/path"])
def test_a_name_that_is_no_absolute_path(host: State, name: str) -> None:
    expected = f"Specified file {name} is not an absolute path" if name else "Destination file name is required"
    assert host.fails("file.managed", name, contents="x") == expected


def test_a_folder_is_in_the_place(host: State, tmp_path: Path) -> None:
    assert host.fails("file.managed", str(tmp_path), contents="x") == f"Specified target {tmp_path} is a directory"


def test_templates_see_the_state(host: State, target: Path) -> None:
    host.box.write({"srv/t.j2": "{{ who }} {{ name }} {{ source }} {{ mode }} {{ extra }} {{ grains.id }}\n"})
    options = {"template": "jinja", "context": {"who": "me"}, "mode": "0600", "extra": "more"}
    host.converge("file.managed", str(target), source="salt://t.j2", **options)
    assert target.read_text() == f"me {target} salt://t.j2 0600 more box-one\n"


def test_the_first_source_that_exists(host: State, target: Path, tmp_path: Path) -> None:
    (tmp_path / "local").write_text("local\n")
    sources = ["salt://nosuch", str(tmp_path / "nosuch"), f"file://{tmp_path}/local", "salt://later"]
    host.converge("file.managed", str(target), source=sources)
    assert target.read_text() == "local\n"


def test_a_digest(host: State, target: Path, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_text("local\n")
    wrong = "md5=" + "0" * 32
    comment = host.fails("file.managed", str(target), source=str(local), source_hash=wrong)
    assert comment.startswith(f"Specified md5 checksum for {target} ({'0' * 32}) does not match actual checksum (")
    assert not target.exists()
    right = host.box.call("file.get_sum", str(local), "md5")
    (tmp_path / "sums").write_text(f"{'1' * 32}  other\n{right}  local\n")
    host.converge("file.managed", str(target), source=str(local), source_hash=str(tmp_path / "sums"))


def test_the_mode_of_the_source(host: State, target: Path) -> None:
    host.box.write({"srv/run.sh": "#!/bin/sh\n"})
    (host.box.root / "srv/run.sh").chmod(0o751)
    host.converge("file.managed", str(target), source="salt://run.sh", mode="keep")
    assert mode(target) == 0o751


def test_folders_are_made_if_wanted(host: State, target: Path) -> None:
    deep = target / "a/b"
    assert host.fails("file.managed", str(deep), contents="x") == "Parent directory not present"
    host.converge("file.managed", str(deep), contents="x", mode="0640", makedirs=True)
    assert (mode(target), mode(target / "a"), mode(deep)) == (0o750, 0o750, 0o640)


def test_content_that_is_there_stays(host: State, target: Path) -> None:
    target.write_text("mine\n")
    target.chmod(0o644)
    result = host("file.managed", str(target), contents="other", replace=False)
    assert (result["result"], result["changes"]) == (True, {})
    assert result["comment"] == f"File {target} exists with proper permissions. No changes made."
    predicted = host("file.managed", str(target), test=True, contents="other", replace=False, mode="600")
    assert predicted["comment"].endswith("will be updated with permissions 0600 from its current state of 0644")
    assert (predicted["result"], predicted["changes"]) == (None, {"mode": "0600"})
    assert (target.read_text(), mode(target)) == ("mine\n", 0o644)


def test_nothing_is_made_if_it_shall_not(host: State, target: Path) -> None:
    result = host("file.managed", str(target), contents="x", create=False)
    assert (result["result"], result["changes"]) == (True, {})
    assert result["comment"] == f"File {target} is not present and is not set for creation"


def test_secrets_are_not_shown(host: State, target: Path) -> None:
    target.write_text("old\n")
    predicted, first, _ = host.converge("file.managed", str(target), contents="secret", show_changes=False)
    assert predicted["changes"] == first["changes"] == {"diff": "<show_changes=False>"}


def test_a_check_accepts_or_refuses(host: State, target: Path) -> None:
    target.write_text("old\n")
    result = host("file.managed", str(target), contents="bad", check_cmd="grep -c good")
    assert (result["result"], result["changes"], result["skip_watch"]) == (False, {}, True)
    assert result["comment"] == "check_cmd execution failed\n0"
    assert target.read_text() == "old\n"
    host.converge("file.managed", str(target), contents="good", check_cmd="grep -q good", tmp_ext=".conf")
    assert target.read_text() == "good\n"


def test_a_backup_is_kept(host: State, target: Path) -> None:
    target.write_text("old\n")
    host.converge("file.managed", str(target), contents="new", backup="minion")
    (kept,) = host.box.call("file.list_backups", str(target)).values()
    assert Path(kept["Location"]).read_text() == "old\n"


def test_links_are_followed_or_replaced(host: State, target: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(target)
    target.write_text("old\n")
    host.converge("file.managed", str(link), contents="new")
    assert (link.is_symlink(), target.read_text()) == (True, "new\n")
    host.converge("file.managed", str(link), contents="own", follow_symlinks=False)
    assert (link.is_symlink(), link.read_text(), target.read_text()) == (False, "own\n", "new\n")


def test_changes_that_trigger_nothing(host: State, target: Path) -> None:
    target.write_text("a\nb\n")
    result = host("file.managed", str(target), contents=["b", "a"], ignore_ordering=True)
    assert (result["result"], result["skip_req"]) == (True, True)
    result = host("file.managed", str(target), contents=["c", "a"], ignore_ordering=True)
    assert result["result"] is True
    assert "skip_req" not in result


def test_the_copy_in_the_cache_is_removed(host: State, target: Path) -> None:
    host.box.write({"srv/plain.txt": "plain\n"})
    (target.parent / "local").write_text("local\n")
    host("file.managed", str(target), source="salt://plain.txt", keep_source=False)
    assert host.box.call("cp.is_cached", "salt://plain.txt") == ""
    host("file.managed", str(target), source=str(target.parent / "local"), keep_source=False)
    assert (target.parent / "local").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="files are given to others by root only")
def test_owner(host: State, target: Path) -> None:
    options = {"owner": "daemon", "group": "bin", "mode": "2755"}
    host.converge("file.managed", str(target), contents="x", **options)
    assert (target.owner(), target.group(), mode(target)) == ("daemon", "bin", 0o2755)


def test_nothing_is_left_behind(host: State, target: Path, tmp_path: Path) -> None:
    host.box.write({"srv/t.j2": "{{ who }}"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options: Dict[str, Any] = {"source": "salt://t.j2", "template": "jinja", "tmp_dir": str(scratch)}
    host("file.managed", str(target), context={"who": 1}, check_cmd="true", **options)
    host("file.managed", str(target), context={"who": 2}, check_cmd="false", **options)
    host("file.managed", str(target), check_cmd="true", **options)
    assert list(scratch.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
