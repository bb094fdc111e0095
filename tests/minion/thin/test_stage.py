"""The first stage on a host: interpreters, folders that others prepared, full disks, damaged bundles, two at once."""

from __future__ import annotations

import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from minion.thin import stage
from ssh import bootstrap, bundle
from ssh.bundle import Bundle
from tests.ssh.local import Local

OLD = Path(os.path.expanduser("~/.pyenv/versions/3.7.16/bin/python3"))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others, which takes root")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle.build(str(tmp_path_factory.mktemp("thin")))


def test_asks_once(made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made)
    for expected in (["need", "ready"], ["ready"]):
        host.asked.clear()
        assert host.call("test.ping") is True
        assert host.asked == expected
    assert stat.S_IMODE(host.base.stat().st_mode) == 0o700


def test_two_at_once(made: Bundle, tmp_path: Path) -> None:
    hosts = [Local(tmp_path, made) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda host: host.call("test.ping"), hosts)) == [True] * 4
    assert [name for name in os.listdir(hosts[0].base) if name.startswith(".new")] == []


@pytest.mark.parametrize("damage", ["size", "missing", "link", "manifest"])
def test_a_damaged_bundle_is_replaced(damage: str, made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made)
    assert host.call("test.ping") is True
    victim = host.place / "minion" / "thin" / "serve.py"
    if damage == "size":
        victim.write_text("raise SystemExit(1)\n")
    elif damage == "manifest":
        (host.place / stage.MANIFEST).write_text("0 0 x\n")
    else:
        victim.unlink()
        if damage == "link":
            victim.symlink_to("/dev/null")
    host.asked.clear()
    assert host.call("test.ping") is True and host.asked == ["need", "ready"]


def test_upload_that_ends_early_leaves_nothing(made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made)
    with host.begin() as process:
        assert host.line(process) == ("need", "xz")
        assert process.stdin
        process.stdin.write(bootstrap.counted(made.packed("xz"))[:100_000])
        process.stdin.close()
        assert host.line(process) == ("error", "ConnectionLost the connection ended while the bundle was sent")
    assert os.listdir(host.base) == []


def test_upload_that_is_not_the_bundle_is_refused(made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made)
    other = Bundle((("minion/thin/serve.py", b"import os"),))
    with host.begin() as process:
        assert host.line(process)[0] == "need"
        assert process.stdin
        process.stdin.write(bootstrap.counted(other.packed("xz")))
        process.stdin.flush()
        assert host.line(process) == ("error", "Damaged the bundle arrived damaged")
        process.stdin.close()
    assert os.listdir(host.base) == []


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../b", "a//b", "./a"])
def test_paths_lead_nowhere_else(path: str, tmp_path: Path) -> None:
    evil = Bundle(((path, b"x"),))
    with pytest.raises(ValueError):
        stage.unpack(str(tmp_path), evil.digest, evil.packed("zlib"), "zlib")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not OLD.exists(), reason="no Python 3.7 here")
def test_old_python_is_refused(made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made, python=str(OLD))
    with host.begin() as process:
        assert host.line(process) == ("end", str(bootstrap.OLD_PYTHON))


def test_no_python(made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made, python="/no/such/python")
    with host.begin() as process:
        assert host.line(process) == ("end", str(bootstrap.NO_PYTHON))


def test_the_newest_python_of_the_path_that_works(made: Bundle, tmp_path: Path) -> None:
    newest, broken = tmp_path / "python3.19", tmp_path / "python3.20"
    broken.write_text("#!/bin/sh\nexit 127\n")
    newest.write_text('#!/bin/sh\nexec /usr/bin/env -i NEWEST=1 python3 "$@"\n')
    for path in (newest, broken):
        path.chmod(0o755)
    host = Local(tmp_path, made, set_path=f"{tmp_path}:$PATH")
    assert host.call("environ.get", "NEWEST") == "1"


def _as_others(folder: Path) -> None:
    os.chown(folder, 65534, 65534)


@as_root
def test_a_folder_that_others_prepared_is_not_used(made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made)
    (host.base / made.digest / "minion" / "thin").mkdir(parents=True)
    (host.base / made.digest / "minion" / "thin" / "serve.py").write_text("raise SystemExit('evil')\n")
    host.base.chmod(0o700)
    _as_others(host.base)
    before = set(os.listdir("/var/tmp"))
    assert host.call("test.ping") is True
    assert "belongs to the user id 65534" in host.note and "/var/tmp/.saltern-" in host.note
    assert set(os.listdir("/var/tmp")) == before, "the fresh folder is gone"
    assert os.listdir(host.base) == [made.digest], "and the prepared one was left as it was"


@pytest.mark.parametrize("how", ["link", "open", "file"])
def test_a_folder_that_is_not_ours_alone_is_not_used(how: str, made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made)
    if how == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        host.base.symlink_to(tmp_path / "elsewhere")
    elif how == "file":
        host.base.write_text("")
    else:
        host.base.mkdir()
        host.base.chmod(0o777)
    assert host.call("test.ping") is True
    assert "is used for this run" in host.note


@as_root
def test_a_parent_that_others_may_change_is_not_trusted(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(0o777)
    with pytest.raises(stage.Unsafe, match="can be written by others"):
        stage.open_folder(str(parent / "thin"))
    parent.chmod(0o755)
    _as_others(parent)
    with pytest.raises(stage.Unsafe, match="belongs to the user id 65534"):
        stage.open_folder(str(parent / "thin"))


@as_root
def test_full_disk_is_named_and_leaves_nothing(made: Bundle, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(small)], check=True)
    try:
        host = Local(small, made)
        with host.begin() as process:
            assert host.line(process)[0] == "need"
            assert process.stdin
            process.stdin.write(bootstrap.counted(made.packed("xz")))
            process.stdin.flush()
            assert host.line(process) == ("error", f"DiskFull no space is left for {small}/thin")
            process.stdin.close()
        assert os.listdir(small / "thin") == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_command_passes_any_login_shell() -> None:
    inner = bootstrap.COMMAND.removeprefix("exec /bin/sh -c '").removesuffix("'")
    assert not set(inner) & set("'\\!\n")


def test_values_with_line_breaks_are_refused(made: Bundle, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        Local(tmp_path, made, set_path="/bin\nid").start.head()


def test_old_bundles_go_after_a_while(made: Bundle, tmp_path: Path) -> None:
    host = Local(tmp_path, made)
    old, young = host.base / ("0" * 64), host.base / ("1" * 64)
    host.base.mkdir(mode=0o700)
    old.mkdir()
    young.mkdir()
    os.utime(old, (1, 1))
    assert host.call("test.ping") is True
    assert young.exists() and not old.exists()


@as_root
def test_links_on_the_way_do_not_count_later(tmp_path: Path) -> None:
    """Somebody has a folder lead to a good place, and to another once that was looked at."""
    shared, good = tmp_path / "shared", tmp_path / "good"
    for folder, mode in ((shared, 0o1777), (good, 0o755)):
        folder.mkdir()
        folder.chmod(mode)
    (shared / "team").symlink_to(good)
    os.chown(shared / "team", 65534, 65534, follow_symlinks=False)
    assert stage.choose_folder(f"{shared}/team/thin", False) == (f"{good}/thin", "")


def test_what_another_run_removes_meanwhile_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*names(path), ".new-0123456789abcdef"])
    stage.forget_others(str(tmp_path), "0" * 64)
