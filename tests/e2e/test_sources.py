"""Files and pillars from git, external pillars and external top data, through real daemons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.git_lab import Repository, http_server
from tests.processes import SALT, Lab

pytest.importorskip("pygit2")

PASSWORD = "git-topsecret"
FILES = {
    "top.sls": "base: {'*': [first]}\n",
    "first.sls": "{{ pillar['from_git'] }}:\n  test.nop\n",
    "assigned.sls": "assigned:\n  test.nop\n",
    "motd": "one\n",
    "_pillar/mine.py": "def ext_pillar(minion_id, pillar):\n    return {'mine': minion_id}\n",
}
PILLAR = {"top.sls": "base: {'*': [p]}\n", "p.sls": "from_git: {{ grains.id }}\n"}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("git") / "files", FILES)


@pytest.fixture(scope="module")
def lab(repo: Repository) -> Iterator[Lab]:
    """A master whose files and pillar come from git, one of them over http with a password, and a minion."""
    pillar = Repository(Path(repo.bare).parent.parent / "pillar", PILLAR)
    made = Lab(auto_accept=True, fileserver_events=True, fileserver_backend=["roots", "git"], gitfs_update_interval=1)
    (made.root / "srv/salt/local").write_text("local\n")
    classify = made.root / "classify"
    classify.write_text("#!/bin/sh\necho '{classes: [assigned]}'\n")
    classify.chmod(0o755)
    with http_server(Path(repo.bare).parent.parent, f"me:{PASSWORD}") as (port, _):
        try:
            made.start_master(
                gitfs_remotes=[
                    {f"http://me:{PASSWORD}@127.0.0.1:{port}/files/bare.git": [{"insecure_auth": True}]},
                ],
                ext_pillar=[{"git": [f"master {pillar.url}"]}, {"cmd_yaml": "echo 'by_command: %s'"}],
                master_tops={"ext_nodes": str(classify)},
                on_demand_ext_pillar=["nodegroups"],
                nodegroups={"webs": "web*"},
            )
            made.start_minion("web1", pass_to_ext_pillars=["site"], site={"name": "Kiel"})
            yield made
        finally:
            made.close()


def answer(lab: Lab, *words: str) -> Any:
    return lab.results("web1", *words)["web1"]


def test_pillar_and_states(lab: Lab) -> None:
    assert answer(lab, "pillar.items", "unmask=True") == {"from_git": "web1", "by_command": "web1"}
    assert answer(lab, "state.show_top") == {"base": ["first", "assigned"]}
    assert sorted(state["__id__"] for state in answer(lab, "state.apply").values()) == ["assigned", "web1"]


def test_files_of_both_backends(lab: Lab) -> None:
    assert answer(lab, "cp.get_file_str", "salt://motd") == "one\n"
    assert answer(lab, "cp.get_file_str", "salt://local") == "local\n"
    assert {"motd", "local", "first.sls"} <= set(answer(lab, "cp.list_master"))
    assert answer(lab, "cp.envs") == ["base"]


def test_pillar_on_demand(lab: Lab) -> None:
    assert answer(lab, "pillar.ext", "{nodegroups: {pillar_name: groups}}", "unmask=True")["groups"] == ["webs"]
    assert "x" not in answer(lab, "pillar.ext", "{cmd_yaml: 'echo x: 1'}", "unmask=True")


def test_a_push_is_served_soon(lab: Lab, repo: Repository) -> None:
    events = lab.listen("salt/fileserver/gitfs/update")
    repo.commit({"motd": "two\n"})
    repo.commit({"motd": "dev\n"}, "dev")
    while "dev" not in lab.command("salt-run", "fileserver.envs").stdout:
        assert events.receive(30)["data"]["backend"] == "gitfs"
    events.close()
    assert answer(lab, "cp.get_file_str", "salt://motd") == "two\n"
    assert answer(lab, "cp.get_file_str", "salt://motd?saltenv=dev") == "dev\n"


def test_own_modules_from_git(lab: Lab) -> None:
    done = lab.command("salt-run", "saltutil.sync_pillar", "--out=json")
    assert "pillar.mine" in done.stdout
    shown = lab.command("salt-run", "pillar.show_pillar", "web1").stdout
    assert "by_command" in shown and "from_git" in shown


def test_on_a_host_that_is_its_own_master(lab: Lab, repo: Repository) -> None:
    local = ["--local", f"--config-dir={lab.root / 'alone'}"]
    (lab.root / "alone").mkdir()
    (lab.root / "alone/minion").write_text(
        yaml.safe_dump(
            {
                "id": "alone",
                "cachedir": f"{lab.root}/alone/cache",
                "pki_dir": f"{lab.root}/alone/pki",
                "log_file": f"{lab.root}/alone/log",
                "fileserver_backend": ["git"],
                "gitfs_remotes": [repo.url],
                "master_tops": {"ext_nodes": f"{lab.root}/classify"},
                "ext_pillar": [{"cmd_yaml": "echo 'from_git: %s'"}],
            }
        )
    )
    done = lab.salt_call("alone", *local, "state.show_top", "--out=json")
    assert "assigned" in done.stdout and "first" in done.stdout, done.stderr
    assert "two" in lab.salt_call("alone", *local, "cp.get_file_str", "salt://motd").stdout


@pytest.mark.interop
@pytest.mark.skipif(SALT is None, reason="needs a real Salt")
def test_a_stock_minion_gets_the_same(lab: Lab) -> None:
    lab.start_minion("stock1", stock=True)
    assert lab.results("stock1", "pillar.items", "unmask=True")["stock1"] == {
        "from_git": "stock1",
        "by_command": "stock1",
    }
    assert lab.results("stock1", "state.show_top")["stock1"] == {"base": ["first", "assigned"]}
    assert lab.results("stock1", "cp.get_file_str", "salt://motd")["stock1"] == "two\n"


def test_no_password_is_left_anywhere(lab: Lab) -> None:
    (lab.root / "etc/master").unlink()
    found = [path for path in lab.root.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert found == []
    command_lines = Path("/proc").glob("[0-9]*/cmdline")
    assert not any(PASSWORD.encode() in _read(path) for path in command_lines)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
