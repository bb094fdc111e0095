"""Managed files: what would change, and putting them in place.

`file_managed.json` holds what a real Salt 3008 answers to calls on the files that `scene` makes (`@` is their folder),
the state of the managed file afterwards, and as `again` the answer to the same call once more.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import pytest

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader

CASES: List[Dict[str, Any]] = json.loads(Path(__file__).with_name("file_managed.json").read_text(encoding="utf-8"))

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def scene(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the master, and files of the minion; temporary files lie there too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, content, mode in (
        ("srv/plain.txt", b"plain\ntext\n", 0o644),
        ("srv/exec.sh", b"#!/bin/sh\n", 0o755),
        ("srv/t.j2", b"who {{ who }} n {{ n|default(3) }} {{ name }} {{ user }}\n", 0o644),
        ("srv/bin", b"\0\1\2" * 3, 0o644),
        ("loc.txt", b"local\n", 0o640),
        ("ex", b"old\n", 0o600),
        ("same", b"plain\ntext\n", 0o644),
        ("binold", b"\0\1" * 3, 0o644),
    ):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
    (tmp_path / "lnk").symlink_to("ex")
    (tmp_path / "dir").mkdir()
    (tmp_path / "sums").write_text(f"{sha256(b'local' + bytes([10]))}  loc.txt\n")
    return tmp_path


def filled(value: Any, root: Path) -> Any:
    if isinstance(value, str):
        return value.replace("@/", f"{root}/")
    if isinstance(value, dict):
        return {key: filled(item, root) for key, item in value.items()}
    return [filled(item, root) for item in value] if isinstance(value, (list, tuple)) else value


def state_of(path: Path) -> Any:
    try:
        status = path.lstat()
    except OSError:
        return None
    what = [oct(status.st_mode), status.st_uid, status.st_gid]
    return what + ([os.readlink(path)] if path.is_symlink() else [path.read_bytes().decode(errors="backslashreplace")])


@needs_root
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['call'][5:]}-{case['args'][0][2:]}")
def test_as_salt_does_it(salt: Loader, scene: Path, case: Dict[str, Any]) -> None:
    function = salt[case["call"]]
    answer = function(*filled(case["args"], scene), **filled(case["kwargs"], scene))
    assert (list(answer) if isinstance(answer, tuple) else answer) == filled(case["answer"], scene)
    if "again" in case:
        assert state_of(Path(filled(case["args"][0], scene))) == case["file"]
        again = function(*filled(case["args"], scene), **filled(case["kwargs"], scene))
        assert again == filled(case["again"], scene)
    assert not list(scene.glob("__salt.tmp.*"))


def manage(salt: Loader, name: Path, **options: Any) -> Dict[str, Any]:
    """`file.manage_file` with most arguments left out."""
    keys = ("sfn", "ret", "source", "source_sum", "user", "group", "mode", "attrs", "saltenv", "backup")
    usual = {"sfn": "", "ret": {}, "source_sum": {}, "saltenv": "base", "backup": ""}
    arguments = [options.pop(key, usual.get(key)) for key in keys]
    answer: Dict[str, Any] = salt["file.manage_file"](str(name), *arguments, **options)
    return answer


def test_a_link_that_leads_nowhere(salt: Loader, scene: Path) -> None:
    (scene / "dangling").symlink_to("target")
    answer = manage(salt, scene / "dangling", contents="x\n", mode="0600")
    assert answer["changes"] == {"diff": "New file"} and (scene / "dangling").is_symlink()
    assert (scene / "target").read_text() == "x\n" and stat.S_IMODE((scene / "target").stat().st_mode) == 0o600


def test_a_link_with_the_right_content_still_becomes_a_file(salt: Loader, scene: Path) -> None:
    answer = manage(salt, scene / "lnk", contents="old\n", follow_symlinks=False)
    assert answer["changes"] == {"diff": "Replace symbolic link with regular file"}
    assert not (scene / "lnk").is_symlink() and (scene / "lnk").read_text() == "old\n"


def test_nothing_is_fetched_that_is_in_place(salt: Loader, scene: Path) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("fetched")

    salt._found["cp.cache_file"] = refuse
    source_sum = {"hash_type": "sha256", "hsum": sha256(b"plain\ntext\n").upper()}
    answer = manage(salt, scene / "same", source="salt://plain.txt", source_sum=source_sum)
    assert answer == {
        "name": str(scene / "same"),
        "changes": {},
        "comment": f"File {scene}/same is in the correct state",
        "result": True,
    }


def test_encodings_and_bytes(salt: Loader, scene: Path) -> None:
    manage(salt, scene / "ex", contents="käse\n", encoding="latin-1")
    assert (scene / "ex").read_bytes() == b"k\xe4se\n"
    manage(salt, scene / "ex", contents=b"\xff\x00")
    assert (scene / "ex").read_bytes() == b"\xff\x00"
    with pytest.raises(UnicodeEncodeError):
        manage(salt, scene / "ex", contents="käse", encoding="ascii")
    manage(salt, scene / "ex", contents="käse", encoding="ascii", encoding_errors="replace")
    assert (scene / "ex").read_bytes() == b"k?se"


@pytest.mark.parametrize(
    ("before", "after", "ignored", "skipped"),
    [
        ("a\nb\n", "b\na\n", {"ignore_ordering": True}, True),
        ("a\n", "  a\n", {"ignore_whitespace": True}, True),
        ("a # one\n", "a\n", {"ignore_comment_characters": "#"}, False),
        ("a # one\n", "a\n", {"ignore_comment_characters": ["#", ";"], "ignore_whitespace": True}, True),
        ("a\n", "c\n", {"ignore_ordering": True}, False),
    ],
)
def test_what_is_ignored_is_written_but_triggers_nothing(
    salt: Loader, scene: Path, before: str, after: str, ignored: Dict[str, Any], skipped: bool
) -> None:
    (scene / "f").write_text(before)
    answer = manage(salt, scene / "f", contents=after, **ignored)
    assert (scene / "f").read_text() == after and answer["changes"] and answer.get("skip_req", False) is skipped


def test_templates_can_be_kept_secret(salt: Loader, scene: Path) -> None:
    salt.dunders["__opts__"]["obfuscate_templates"] = True
    assert manage(salt, scene / "ex", contents="secret\n")["changes"] == {"diff": "<Obfuscated Template>"}
    changes = salt["file.check_managed_changes"](
        str(scene / "ex"), "salt://plain.txt", None, None, None, None, None, None, None, None, None, "base"
    )
    assert changes == {"diff": "<Obfuscated Template>"}


def test_a_new_file_is_private_until_its_permissions_are_set(
    salt: Loader, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []

    def spy(handle: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(handle).st_mode))

    monkeypatch.setattr(atomic.os, "fsync", spy)
    manage(salt, scene / "one", contents="secret", mode="0400")
    source_sum = {"hash_type": "sha256", "hsum": sha256(b"local\n")}
    manage(salt, scene / "two", sfn=str(scene / "loc.txt"), source=str(scene / "loc.txt"), source_sum=source_sum)
    assert modes == [0o600, 0o600]


def test_a_test_writes_nothing(salt: Loader, scene: Path) -> None:
    salt.dunders["__opts__"]["test"] = True
    answer = manage(salt, scene / "new", contents="x")
    assert answer["result"] is None and answer["comment"] == f"File {scene}/new not updated"
    assert not (scene / "new").exists()


def test_a_failing_write_is_told_and_loses_nothing(salt: Loader, scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    for name in ("ex", "new"):
        answer = manage(salt, scene / name, contents="x")
        assert answer["result"] is False and answer["changes"] == {}
        assert answer["comment"] == "Failed to commit change: [Errno 28] No space left on device"
    assert (scene / "ex").read_text() == "old\n" and not (scene / "new").exists()
    assert not [name for name in os.listdir(scene) if name.startswith(".")]


class _Gpg:
    def __init__(self) -> None:
        self.good = True

    def verify(self, **options: Any) -> Dict[str, Any]:
        self.asked = options
        return {"res": self.good, "message": "made by a stranger"}


def test_signatures(salt: Loader, scene: Path) -> None:
    gpg = _Gpg()
    salt._found["gpg.verify"] = gpg.verify
    (scene / "srv" / "plain.txt.asc").write_text("signature")
    source_sum = {"hash_type": "sha256", "hsum": sha256(b"plain\ntext\n")}
    options = {"source": "salt://plain.txt", "source_sum": source_sum, "signature": "salt://plain.txt.asc"}
    answer = manage(salt, scene / "new", signed_by_any="ABC", **options)
    assert answer["result"] is True and gpg.asked["signed_by_any"] == "ABC"
    assert Path(gpg.asked["signature"]).read_text() == "signature"
    gpg.good = False
    fetched = Path(gpg.asked["filename"])
    answer = manage(salt, scene / "ex", **options)
    assert answer["comment"] == (
        "Failed checking new file's signature: The file's signature could not be verified: made by a stranger"
    )
    assert (scene / "ex").read_text() == "old\n" and not fetched.exists()
    assert (scene / "srv" / "plain.txt").exists()  # only what was fetched is removed


def get_managed(salt: Loader, name: Path, source: str, template: Any = None, **options: Any) -> Any:
    keys = ("source_hash", "source_hash_name", "user", "group", "mode", "attrs", "saltenv", "context", "defaults")
    usual = {"saltenv": "base"}
    return salt["file.get_managed"](
        str(name), template, source, *(options.pop(key, usual.get(key)) for key in keys), **options
    )


def test_sources(salt: Loader, scene: Path) -> None:
    new, good = scene / "new", {"hash_type": "sha256", "hsum": sha256(b"local\n")}
    assert get_managed(salt, new, f"{scene}/loc.txt") == (f"{scene}/loc.txt", good, "")
    assert get_managed(salt, new, f"file://{scene}/loc.txt") == (f"{scene}/loc.txt", good, "")
    assert get_managed(salt, new, f"{scene}/loc.txt", source_hash=f"{scene}/sums") == (f"{scene}/loc.txt", good, "")
    assert get_managed(salt, new, "salt://plain.txt") == (
        "",
        {"hash_type": "sha256", "hsum": sha256(b"plain\ntext\n")},
        "",
    )
    for source, options, complaint in (
        ("salt://nope", {}, "Source file salt://nope not found in saltenv 'base'"),
        (f"{scene}/nope", {}, f"Local file source {scene}/nope does not exist"),
        (f"{scene}/loc.txt", {"source_hash": "md5=0"}, "Unable to manage file: Source hash md5=0 format is invalid"),
        (
            "https://user:pass@example.com/x",
            {},
            "Unable to verify upstream hash of source file https://<redacted>@example.com/x, please set source_hash",
        ),
    ):
        sfn, source_sum, comment = get_managed(salt, new, source, **options)
        assert (sfn, source_sum) == ("", {}) and comment.startswith(complaint)
    assert get_managed(salt, new, "") == ("", {}, "")


def test_templates(salt: Loader, scene: Path) -> None:
    sfn, source_sum, comment = get_managed(
        salt, scene / "new", "salt://t.j2", "jinja", context={"who": "me"}, defaults={"who": "x", "n": 5}, user="root"
    )
    try:
        assert Path(sfn).read_text() == f"who me n 5 {scene}/new root\n" and comment == ""
        assert source_sum == {"hash_type": "sha256", "hsum": sha256(Path(sfn).read_bytes())}
    finally:
        os.remove(sfn)
    _, _, comment = get_managed(salt, scene / "new", "salt://t.j2", "nosuch")
    assert comment == "Specified template format nosuch is not supported"
    with pytest.raises(SaltInvocationError, match="cannot be the same as destination"):
        get_managed(salt, scene / "loc.txt", f"{scene}/loc.txt", "jinja")


def test_the_first_source_that_is_there(salt: Loader, scene: Path) -> None:
    choose = salt["file.source_list"]
    assert choose("salt://nope", "hash", "base") == ("salt://nope", "hash")
    assert choose(["salt://nope", "salt://plain.txt"], "hash", "base") == ("salt://plain.txt", "hash")
    assert choose(["salt://nope", {f"{scene}/loc.txt": "own"}], "hash", "base") == (f"{scene}/loc.txt", "own")
    assert choose([f"{scene}/nope", f"file://{scene}/loc.txt"], None, "base") == (f"file://{scene}/loc.txt", None)
    assert choose(["http://127.0.0.1:1/x", f"{scene}/dir"], None, "base") == (f"{scene}/dir", None)
    with pytest.raises(CommandExecutionError, match="none of the specified sources were found"):
        choose(["salt://nope"], None, "base")


def test_rendered_contents(salt: Loader) -> None:
    render = salt["file.apply_template_on_contents"]
    assert render("{{ a }} {{ b }} {{ grains.os }}", "jinja", {"a": 1}, {"a": 2, "b": 3}, "base") == "1 3 Debian"
    assert render("x", "nosuch", None, None, "base") == {
        "result": False,
        "comment": "Specified template format nosuch is not supported",
    }


def test_differences(salt: Loader, scene: Path) -> None:
    diff = salt["file.get_diff"]
    old, new = str(scene / "ex"), str(scene / "same")
    assert diff(old, new) == f"--- {old}\n+++ {new}\n@@ -1 +1,2 @@\n-old\n+plain\n+text\n"
    assert diff(old, "salt://plain.txt", show_filenames=False) == "--- \n+++ \n@@ -1 +1,2 @@\n-old\n+plain\n+text\n"
    assert diff(new, "salt://plain.txt") == "" and diff(new, "salt://plain.txt", ignore_ordering=True) == (False, "")
    assert diff(old, new, show_changes=False) == "<show_changes=False>"
    binary = str(scene / "binold")
    assert diff(old, binary) == "Replace text file with binary file"
    assert diff(binary, old) == "Replace binary file with text file"
    assert diff(binary, "salt://bin") == "Replace binary file" and diff(binary, binary) == ""
    (scene / "latin").write_bytes(b"caf\xe9\n")
    assert "+café" in diff(old, str(scene / "latin"))
    with pytest.raises(CommandExecutionError, match=r"Failed to read .*/nope: No such file or directory"):
        diff(old, str(scene / "nope"))
    with pytest.raises(
        CommandExecutionError, match=r"Failed to cache one or more files.*\n\n- File salt://nope not found"
    ):
        diff(old, "salt://nope")
