"""Releases on the disk: whole or not there, side by side, switched at one blow."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict

import pytest

from minion.deploy import releases
from minion.deploy.places import Places
from minion.deploy.releases import Wanted, lay_down
from minion.errors import CommandExecutionError
from tests.minion.deploy.lab import Offer, laid, places


@pytest.fixture
def where(tmp_path: Path) -> Places:
    return places(tmp_path)


def bring(where: Places, offer: Offer) -> Any:
    return lay_down(where, Wanted.from_wire(offer.wire), offer.request)


def test_release_comes_whole_and_once(where: Places):
    offer = Offer(files={"a-1-py3-none-any.whl": {"minion/__init__.py": b"", "big": b"x" * 5000}})
    release, received = bring(where, offer)
    assert release.folder == f"{where.prefix}/1.0" and received == sum(map(len, offer.contents.values()))
    assert (Path(release.lib) / "big").read_bytes() == b"x" * 5000 and len(offer.asked) > 5
    offer.asked.clear()
    assert bring(where, offer) == (release, 0) and not offer.asked
    assert releases.every(where) == [release] and releases.with_digest(where, offer.wire["digest"]) == release


def test_modes_whatever_the_umask(where: Places):
    old = os.umask(0o077)
    try:
        release, _ = bring(where, Offer())
    finally:
        os.umask(old)
    for path, mode in (("", 0o755), ("lib", 0o755), ("lib/minion/__init__.py", 0o644), ("bin/salt-call", 0o755)):
        assert os.stat(os.path.join(release.folder, path)).st_mode & 0o7777 == mode, path


def test_commands_run_with_the_release_and_nothing_else(where: Places, tmp_path: Path):
    program = b"import sys, minion.here\ndef main():\n    print(minion.here.WHO, sys.flags.isolated, sys.executable)\n"
    offer = Offer(files={"a-1-py3-none-any.whl": {
        "minion/__init__.py": b"", "minion/here.py": b"WHO = 'release'", "minion/cli/__init__.py": b"",
        "minion/cli/call.py": program,
    }})  # fmt: skip
    release, _ = bring(where, offer)
    planted = tmp_path / "planted/minion"
    planted.mkdir(parents=True)
    (planted / "__init__.py").write_text("raise SystemExit('planted')")
    said = subprocess.run(
        [f"{release.folder}/bin/salt-call"], capture_output=True, text=True, cwd=planted.parent,
        env={"PYTHONPATH": str(planted.parent), "PATH": ""},
    )  # fmt: skip
    assert said.stdout.split() == ["release", "1", sys.executable], said.stderr


def test_another_release_of_the_same_version_has_its_own_folder(where: Places):
    first, _ = bring(where, Offer())
    other = Offer(files={"a-1-py3-none-any.whl": {"minion/__init__.py": b"changed"}})
    second, _ = bring(where, other)
    assert second.name == f"1.0+{other.wire['digest'][:8]}" and {one.name for one in releases.every(where)} == {
        first.name, second.name,
    }  # fmt: skip


@pytest.mark.parametrize("harm", ["gone", "short", "record", "python"])
def test_damaged_release_is_laid_down_anew(harm: str, where: Places):
    release, _ = bring(where, Offer())
    path = Path(release.lib) / "minion/__init__.py"
    if harm == "gone":
        path.unlink()
    elif harm == "short":
        path.write_bytes(b"")
    elif harm == "python":
        record = Path(release.folder) / "RELEASE"
        record.write_text(record.read_text().replace(sys.executable, "/no/python3"))
    else:
        (Path(release.folder) / "RELEASE").write_text("{")
    assert releases.every(where) == []
    again, received = bring(where, Offer())
    assert received and again.folder == release.folder and path.read_bytes()


def test_what_a_cut_run_left_goes(where: Places):
    bring(where, Offer())
    left = Path(where.prefix) / ".new-0123"
    (left / "lib").mkdir(parents=True)
    bring(where, Offer("2.0"))
    assert not left.exists()


class Cut(Exception):
    pass


@pytest.mark.parametrize("how", ["cut", "damaged", "short", "gone", "full"])
def test_nothing_is_left_of_what_did_not_come(how: str, where: Places, monkeypatch: pytest.MonkeyPatch):
    offer = Offer()

    def request(cmd: str, **load: Any) -> Dict[str, Any]:
        reply = offer.request(cmd, **load)
        if how == "cut":
            raise Cut
        if how == "gone":
            return {"data": "", "size": -1}
        if how == "damaged":
            return {**reply, "data": b"x" + reply["data"][1:]}
        if how == "short":
            return {**reply, "size": reply["size"] - 1}
        return dict(reply)

    if how == "full":

        def full(path: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", path)

        monkeypatch.setattr(releases, "_flush", full)
    said = {"cut": "^$", "damaged": "hash is not", "short": "no more", "gone": "no more", "full": "no space is left"}
    with pytest.raises((Cut, CommandExecutionError), match=said[how]):
        lay_down(where, Wanted.from_wire(offer.wire), request)
    assert os.listdir(where.prefix) == [".lock"]


def test_disk_that_is_too_small_is_told_before(where: Places):
    offer = Offer()
    wire = offer.wire
    wanted = Wanted(wire["version"], wire["digest"], (("a.whl", 1 << 50, "0" * 64),))
    with pytest.raises(CommandExecutionError, match=r"no space is left at .* MB are needed"):
        lay_down(where, wanted, offer.request)
    assert not offer.asked


@pytest.mark.parametrize(
    "change",
    [
        {"version": "../1"}, {"version": "1..2"}, {"version": "current"}, {"version": ""}, {"wheels": []},
        {"digest": "0" * 64}, {"wheels": None}, {"wheels": [{"name": "../x.whl", "size": 1, "sha256": "0" * 64}]},
        {"wheels": [{"name": "x.whl", "size": 1 << 40, "sha256": "0" * 64}]},
        {"wheels": [{"name": "x.whl", "size": 1, "sha256": "../../x"}]},
    ],
)  # fmt: skip
def test_descriptions_that_are_not_acceptable(change: Dict[str, Any]):
    with pytest.raises(CommandExecutionError):
        Wanted.from_wire({**Offer().wire, **change})


def test_two_at_once_bring_it_once(where: Places):
    offer, found = Offer(), []
    threads = [threading.Thread(target=lambda: found.append(bring(where, offer))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(received > 0 for _, received in found) == [False, False, False, True]


def test_prefix_that_others_may_write_is_refused(where: Places, tmp_path: Path):
    os.makedirs(where.prefix)
    os.chmod(where.prefix, 0o777)
    with pytest.raises(CommandExecutionError, match="writable by other users"):
        bring(where, Offer())
    os.chmod(where.prefix, 0o755)
    shutil.rmtree(where.prefix)
    os.symlink(tmp_path, where.prefix)
    with pytest.raises(CommandExecutionError, match="not a link"):
        bring(where, Offer())
    for path in ("/opt/../tmp/x", "opt", "", "/opt/a b", "/opt/$(id)", "/opt/%h", "/opt/x\n", "/opt//x", "/opt/\u00e4"):
        with pytest.raises(CommandExecutionError, match="absolute"):
            Places(prefix=path)
        with pytest.raises(CommandExecutionError, match="absolute"):
            Places(config_dir=path)


# --------------------------------------------------------------- switching


def test_switch_keeps_the_last_two(where: Places):
    for version in ("1.0", "2.0", "3.0"):
        release = laid(where, version)
        releases.switch(where, release)
        releases.switch(where, release)
        releases.prune(where)
    assert releases.names(where) == ("3.0", "2.0") and [one.name for one in releases.every(where)] == ["2.0", "3.0"]
    assert os.readlink(where.current) == "3.0"


def test_going_back_is_as_it_was(where: Places):
    first, second = laid(where, "1.0"), laid(where, "2.0")
    releases.switch(where, first)
    before = releases.names(where)
    releases.switch(where, second)
    assert releases.names(where) == ("2.0", "1.0")
    releases.go_back(where, before)
    releases.prune(where)
    assert releases.names(where) == ("1.0", "") and releases.every(where) == [first]


def test_current_that_leads_elsewhere_counts_for_nothing(where: Places, tmp_path: Path):
    release = laid(where)
    for target in (str(release.folder), "../saltern/1.0", "nothing"):
        if os.path.lexists(where.current):
            os.unlink(where.current)
        os.symlink(target, where.current)
        assert releases.linked(where, where.current) is None


def test_commands_are_linked_but_nothing_is_replaced(where: Places):
    laid(where)
    os.makedirs(where.commands)
    foreign = Path(where.commands) / "salt-call"
    foreign.write_text("mine")
    path = f"{where.commands}/salt-minion"
    assert releases.link_commands(where, test=True) == ([path], [str(foreign)]) and not os.path.lexists(path)
    assert releases.link_commands(where) == ([path], [str(foreign)])
    assert releases.link_commands(where) == ([], [str(foreign)]) and foreign.read_text() == "mine"
    assert os.readlink(path) == f"{where.current}/bin/salt-minion"


def test_remove_takes_what_is_ours(where: Places):
    releases.switch(where, laid(where))
    releases.link_commands(where)
    kept = Path(where.prefix) / "notes.txt"
    kept.write_text("mine")
    foreign = Path(where.commands) / "salt-call"
    foreign.unlink()
    foreign.write_text("mine")
    releases.remove(where)
    assert os.listdir(where.prefix) == ["notes.txt"] and os.listdir(where.commands) == ["salt-call"]
    kept.unlink()
    releases.remove(where)
    assert not os.path.exists(where.prefix)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others, which takes root")
@pytest.mark.parametrize("whose", ["prefix", "release"])
def test_release_that_somebody_else_prepared_is_none(whose: str, where: Places) -> None:
    """Else root would run the interpreter that its record names."""
    release = laid(where)
    prepared = where.prefix if whose == "prefix" else release.folder
    os.chown(prepared, 65534, 65534)
    assert releases.find(where, release.name) is None and releases.every(where) == []
    if whose == "prefix":
        with pytest.raises(CommandExecutionError, match="belongs to another user"):
            bring(where, Offer())
    else:
        again, received = bring(where, Offer())
        assert received and os.stat(again.folder).st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others, which takes root")
def test_prefix_behind_a_link_of_somebody_else(tmp_path: Path) -> None:
    """It may lead elsewhere by the time that something is run from there."""
    open_to_all, link = tmp_path / "open", tmp_path / "open/team"
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    link.symlink_to(tmp_path)
    (tmp_path / "saltern").mkdir(0o755)
    os.chown(link, 65534, 65534, follow_symlinks=False)
    with pytest.raises(CommandExecutionError, match="link of another user"):
        bring(Places(prefix=str(link / "saltern")), Offer())
    os.chown(link, 0, 0, follow_symlinks=False)
    assert bring(Places(prefix=str(link / "saltern")), Offer())[1]


def test_one_trial_at_a_time(where: Places) -> None:
    """A second one would go back to what the first one only tries, and end the first one's protection."""
    releases.switch(where, laid(where))
    with releases.trial(where) as before:
        assert before == ("1.0", "")
        with pytest.raises(CommandExecutionError, match="is being tried"), releases.trial(where):
            pass
        assert os.path.exists(where.trial)
    with releases.trial(where):
        pass
    assert not os.path.exists(where.trial)
