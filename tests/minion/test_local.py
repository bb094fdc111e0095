"""A host that is its own master: how it answers requests."""

from __future__ import annotations

from pathlib import Path

from minion.local import LocalMaster
from tests.minion.box import Box


def test_answers(tmp_path: Path) -> None:
    box = Box(tmp_path, {"nodegroups": {"all": "*"}, "failhard": True})
    box.write({"srv/a.sls": "a", "pillar/top.sls": "base: {'*': [p]}", "pillar/p.sls": "k: {{ grains.x }}"})
    master = LocalMaster(box.opts(), {"x": "own"})
    assert master.request("_file_list", saltenv="base") == ["a.sls"]
    assert master.request("_serve_file", path="a.sls", saltenv="base", loc=0)["data"] == b"a"
    told = master.request("_master_opts")
    assert (told["nodegroups"], told["failhard"], told["file_roots"]) == ({"all": "*"}, True, {"base": []})
    assert "nodegroups" not in master.request("_master_opts", env_only=True)
    assert master.request("_pillar", saltenv="base") == {"k": "own"}
    assert master.request("_pillar", grains={"x": "given"}, pillar_override={"k": "over"}) == {"k": "over"}


def test_what_only_a_master_can_do_does_nothing(tmp_path: Path) -> None:
    master = LocalMaster(Box(tmp_path).opts(), {})
    for cmd in ("_mine_get", "_minion_event", "_return", "minion_publish", "_file_recv", "nosuch"):
        assert not master.request(cmd)
