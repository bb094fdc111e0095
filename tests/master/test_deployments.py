"""The file of a deployment: what was written is read, whatever a kill has cut off."""

from __future__ import annotations

import os
import stat

import pytest

from master import deployments
from master.deployments import HostRecord, Journal
from master.errors import StoreError, UnsafePath
from transports.errors import NameRefused

DONE = HostRecord("web1", "answer", "answers", True, True, "key accepted", 3.5, 9000)


def begun(tmp_path, **more):
    return Journal(
        str(tmp_path), **{"action": "deploy", "words": ["*", "--master", "m"], "hosts": ["web1", "web2"], **more}
    )


def test_what_was_written_is_read(tmp_path):
    journal = begun(tmp_path)
    journal.step("web1", "send")
    run = deployments.read(str(tmp_path))
    assert (run.id, run.action, run.words) == (journal.id, "deploy", ("*", "--master", "m"))
    assert run.state == "running" and run.hosts["web1"].step == "send" and not run.hosts["web1"].outcome
    journal.end(DONE)
    journal.close(finished=True)
    run = deployments.read(str(tmp_path), journal.id)
    assert run.state == "finished" and run.hosts == {"web1": DONE, "web2": HostRecord("web2")}


def test_a_run_that_was_killed_is_told_from_one_that_works(tmp_path):
    journal = begun(tmp_path)
    journal.end(DONE)
    journal.close(finished=False)
    (path,) = (tmp_path / "deploy").glob("*.jsonl")
    path.write_bytes(path.read_bytes() + b'{"at":1.0,"id":"web2","step":"se')
    run = deployments.read(str(tmp_path))
    assert run.state == "interrupted" and run.hosts["web2"] == HostRecord("web2")


def test_nobody_else_reads_it_and_nothing_planted_is_followed(tmp_path):
    journal = begun(tmp_path)
    (path,) = (tmp_path / "deploy").glob("*.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    journal.close(finished=True)
    target = tmp_path / "secret"
    target.write_text("")
    path.unlink()
    path.symlink_to(target)
    with pytest.raises((StoreError, UnsafePath)):
        deployments.read(str(tmp_path))


def test_only_names_of_runs_lead_to_files(tmp_path):
    begun(tmp_path).close(finished=True)
    for name in ("../../etc/passwd", "20261120000000000000", "x"):
        with pytest.raises((StoreError, NameRefused)):
            deployments.read(str(tmp_path), name)
    with pytest.raises(StoreError, match="no deployment"):
        deployments.read(str(tmp_path / "elsewhere"))


def test_old_runs_go(tmp_path, monkeypatch):
    monkeypatch.setattr(deployments, "KEPT", 3)
    made = [begun(tmp_path) for _ in range(5)]
    for journal in made:
        journal.close(finished=True)
    assert deployments.runs(str(tmp_path)) == [journal.id for journal in reversed(made[2:])]
    assert len(os.listdir(tmp_path / "deploy")) == 4  # and what makes their names unique


def test_two_that_begin_at_once_forget_the_same_old_ones(tmp_path, monkeypatch):
    known = deployments.runs
    monkeypatch.setattr(deployments, "KEPT", 1)
    monkeypatch.setattr(deployments, "runs", lambda cachedir: [*known(cachedir), "20200101000000000000"])
    begun(tmp_path).close(finished=True)
    begun(tmp_path).close(finished=True)
    assert len(known(str(tmp_path))) == 1
