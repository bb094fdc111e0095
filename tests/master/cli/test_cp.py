"""The command `salt-cp`, with the real functions of the minions at the other end."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.master.conftest import MakeLab, Ran, call
from tests.master.lab import Failed, Lab, obedient
from tests.minion.conftest import make_modules
from transports.messages import Job


@pytest.fixture
def lab(make_lab: MakeLab, tmp_path: Path) -> Lab:
    """a and b write below folders of their own: `/dest` on a is `TMP/a/dest` here."""

    def behave(job: Job, name: str) -> Any:
        (fun,), (args,) = job.fun, list(map(list, job.arg))
        if fun not in ("cp.recv", "cp.recv_chunked", "file.directory_exists"):
            return obedient(job, name)
        root = tmp_path / name
        modules = make_modules(root)
        place = 1 if fun == "cp.recv" else 0
        args[place] = f"{root}{args[place]}"
        result = modules[fun](*args)
        if fun == "cp.recv" and isinstance(result, dict):
            result = {path.removeprefix(str(root)): done for path, done in result.items()}
        return Failed(result) if modules.dunders["__context__"].get("retcode") else result

    for name in ("a", "b"):
        (tmp_path / name / "folder").mkdir(parents=True)
        (tmp_path / name / "tmp").mkdir()
    return make_lab(a=behave, b=behave, options="salt_cp_chunk_size: 1000\n")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    return tmp_path / "src"


def salt_cp(lab: Lab, *args: object) -> Ran:
    return call(lab, "cp", *map(str, args))


def functions(lab: Lab) -> list[str]:
    return [job.fun[0] for job in lab.published]


def test_a_small_text_file_goes_in_one_job(lab: Lab, source: Path, tmp_path: Path) -> None:
    (source / "motd").write_text("héllo\n")
    ran = salt_cp(lab, "*", source / "motd", "/tmp/new")
    assert (ran.stderr, ran.returncode) == ("", 0)
    assert ran.stdout == "".join(f"{name}:\n    ----------\n    /tmp/new:\n        True\n" for name in "ab")
    assert (tmp_path / "a/tmp/new").read_text() == (tmp_path / "b/tmp/new").read_text() == "héllo\n"
    assert functions(lab) == ["cp.recv"]


def test_an_existing_folder_is_copied_into_whatever_the_size(lab: Lab, source: Path, tmp_path: Path) -> None:
    (source / "small").write_text("x")
    (source / "large").write_bytes(os.urandom(3500))
    assert salt_cp(lab, "a", source / "small", "/folder").returncode == 0
    assert salt_cp(lab, "*", source / "large", "/folder").returncode == 0
    assert (tmp_path / "a/folder/small").read_text() == "x"
    assert (tmp_path / "b/folder/large").read_bytes() == (source / "large").read_bytes()


@pytest.mark.parametrize("size", [0, 999, 1000, 1001, 12345])
@pytest.mark.parametrize("flags", [("-C",), ("-C", "-n")])
def test_files_of_any_size_arrive_whole(
    lab: Lab, source: Path, tmp_path: Path, size: int, flags: tuple[str, ...]
) -> None:
    data = source / "data"
    data.write_bytes(os.urandom(size))
    data.chmod(0o640)
    (tmp_path / "a/tmp/data").write_bytes(b"was here" * 5000)
    ran = salt_cp(lab, *flags, "*", data, "/tmp/data", "--out=json")
    assert json.loads(ran.stdout) == {name: {"/tmp/data": True} for name in "ab"}
    for name in "ab":
        arrived = tmp_path / name / "tmp/data"
        assert arrived.read_bytes() == data.read_bytes() and stat.S_IMODE(arrived.stat().st_mode) == 0o640
    assert functions(lab).count("cp.recv_chunked") == max(1, -(-size // 1000))


def test_binary_data_is_not_taken_for_text(lab: Lab, source: Path, tmp_path: Path) -> None:
    (source / "binary").write_bytes(b"\xff\xfe\x00")
    assert salt_cp(lab, "a", source / "binary", "/tmp/binary").returncode == 0
    assert (tmp_path / "a/tmp/binary").read_bytes() == b"\xff\xfe\x00"


def test_folders_with_all_that_is_in_them(lab: Lab, source: Path, tmp_path: Path) -> None:
    (source / "tree/deep/er").mkdir(parents=True)
    (source / "tree/empty").mkdir()
    (source / "tree/one").write_text("1")
    (source / "tree/deep/er/two").write_text("2")
    (source / "tree/round").symlink_to(source / "tree")
    os.mkfifo(source / "tree/pipe")
    (source / "single").write_text("3")
    ran = salt_cp(lab, "a", source / "tree", source / "single", "/tmp/made")
    assert ran.returncode == 0, ran
    made = tmp_path / "a/tmp/made"
    assert sorted(str(path.relative_to(made)) for path in made.rglob("*")) == [
        "single", "tree", "tree/deep", "tree/deep/er", "tree/deep/er/two", "tree/empty", "tree/one",
    ]  # fmt: skip
    assert (made / "tree/deep/er/two").read_text() == "2"


def test_a_slash_at_the_end_means_a_folder(lab: Lab, source: Path, tmp_path: Path) -> None:
    (source / "x").write_text("x")
    assert salt_cp(lab, "a", source / "x", "/tmp/not/there/").returncode == 0
    assert (tmp_path / "a/tmp/not/there/x").read_text() == "x"


def test_who_can_not_take_it_is_named_and_does_not_stop_others(lab: Lab, source: Path, tmp_path: Path) -> None:
    (source / "data").write_bytes(os.urandom(2500))
    (tmp_path / "a/tmp/file").write_text("in the way")
    (tmp_path / "b/tmp/file").mkdir()
    ran = salt_cp(lab, "-C", "*", source / "data", "/tmp/file/data")
    assert "b:\n    ----------\n    /tmp/file/data:\n        True\n" in ran.stdout
    assert ran.returncode == 1
    assert ran.stderr.endswith("1 of 2 minions returned success; failed: a\n")
    assert functions(lab) == ["file.directory_exists"] + ["cp.recv_chunked"] * 3
    assert [job.tgt for job in lab.published[1:]] == [("a", "b"), ("b",), ("b",)]


def test_who_is_not_there_is_named(make_lab: MakeLab, source: Path) -> None:
    (source / "x").write_text("x")
    lab = make_lab(absent=["gone"])
    for flags in ((), ("-C",)):
        ran = salt_cp(lab, *flags, "gone", source / "x", "/tmp/x")
        assert "Minion did not return. [Not connected]" in ran.stdout
        assert ran.returncode == 10 and "not connected: gone" in ran.stderr


def test_a_minion_that_vanishes_on_the_way(lab: Lab, source: Path) -> None:
    (source / "data").write_bytes(os.urandom(2500))
    copy, before = lab.minions["a"], []

    def vanish(job: Job, name: str) -> Any:
        if job.fun == ("cp.recv_chunked",):
            before.append(job)
            del lab.minions["a"]
        return copy(job, name)

    lab.minions["a"] = vanish
    ran = salt_cp(lab, "-C", "a", source / "data", "/tmp/data")
    assert len(before) == 1 and ran.returncode == 11 and "not accepted: a" in ran.stderr


def test_wrong_command_lines(lab: Lab, source: Path) -> None:
    ran = salt_cp(lab, "*", "/etc/hosts")
    assert ran.returncode == 64 and "Insufficient arguments" in ran.stderr
    ran = salt_cp(lab, "*", source / "nothing", "/tmp/x")
    assert ran.returncode == 42 and ran.stderr == f"{source}/nothing does not exist\n"
    (source / "x").write_text("x")
    ran = salt_cp(lab, "nobody*", source / "x", "/tmp/x")
    assert ran.returncode == 2 and ran.stdout.startswith("No minions matched the target.")


def test_targets(lab: Lab, source: Path) -> None:
    (source / "x").write_text("x")
    salt_cp(lab, "-L", "a,b", source / "x", "/tmp/x")
    salt_cp(lab, "--compound", "a or b", source / "x", "/tmp/x")
    assert [(job.tgt_type, job.tgt) for job in lab.published] == [("list", ("a", "b")), ("compound", "a or b")]
