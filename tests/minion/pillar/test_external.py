"""External pillars: which are called, with what, and what becomes of what they bring."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from minion.loaders import build_loaders
from minion.pillar.compiler import PillarCompiler
from minion.pillar.request import PillarRequest
from tests.minion.pillar_lab import GRAINS, NoMaster, PillarLab

ECHO = """
def ext_pillar(minion_id, pillar, *args, **kwargs):
    return {"echo": {"id": minion_id, "args": list(args), "kwargs": kwargs, "seen": dict(pillar)}}
"""


def own(pillars: PillarLab, name: str, text: str) -> None:
    """An external pillar as `saltutil.sync_pillar` leaves it."""
    pillars.write(f"cache/extmods/pillar/{name}.py", text)


@pytest.mark.parametrize(
    ("given", "args", "kwargs"),
    [
        ("text", ["text"], {}),
        (["a", {"b": 1}], ["a", {"b": 1}], {}),
        ({"a": 1, "b": 2}, [], {"a": 1, "b": 2}),
        (None, [None], {}),
    ],
)
def test_arguments(pillars: PillarLab, given: Any, args: Any, kwargs: Any) -> None:
    own(pillars, "mine", ECHO)
    echoed = pillars.compile([{"mine": given}])["echo"]
    assert (echoed["id"], echoed["args"], echoed["kwargs"]) == ("web1", args, kwargs)


def test_users_module_sees_host_and_minion(pillars: PillarLab) -> None:
    own(
        pillars,
        "mine",
        'def ext_pillar(minion_id, pillar):\n    return {"host": __opts__["id"], "grain": __grains__["os"], '
        '"ping": __salt__["test.ping"](), "so_far": __pillar__["a"]}\n',
    )
    pillars.write("pillar/top.sls", "base: {'*': [a]}")
    pillars.write("pillar/a.sls", "a: 1")
    assert pillars.compile([{"mine": []}]) == {
        "a": 1,
        "host": "the_master",
        "grain": "Debian",
        "ping": True,
        "so_far": 1,
    }


def test_users_module_wins_over_ours_and_changes_with_each_minion(pillars: PillarLab) -> None:
    own(pillars, "nodegroups", 'def ext_pillar(minion_id, pillar):\n    return {"os": __grains__["os"]}\n')
    compiler = pillars.compiler(ext_pillar=[{"nodegroups": []}])
    assert compiler.compile(PillarRequest("web1", {"os": "Debian"})) == {"os": "Debian"}
    assert compiler.compile(PillarRequest("web2", {"os": "Alpine"})) == {"os": "Alpine"}


def test_module_dirs(pillars: PillarLab) -> None:
    pillars.write("dirs/_pillar/mine.py", 'def ext_pillar(minion_id, pillar):\n    return {"from": "module_dirs"}\n')
    pillars.opts["module_dirs"] = [str(pillars.root / "dirs")]
    assert pillars.compile([{"mine": []}]) == {"from": "module_dirs"}


def test_each_sees_those_before_it_and_all_are_merged(pillars: PillarLab) -> None:
    own(pillars, "one", 'def ext_pillar(minion_id, pillar):\n    return {"a": {"x": 1, "l": [1]}}\n')
    own(pillars, "two", 'def ext_pillar(minion_id, pillar):\n    return {"a": {"y": pillar["a"]["x"] + 1, "l": [2]}}\n')
    assert pillars.compile([{"one": []}, {"two": []}]) == {"a": {"x": 1, "y": 2, "l": [2]}}
    pillars.opts["pillar_merge_lists"] = True
    assert pillars.compile([{"one": []}, {"two": []}])["a"]["l"] == [1, 2]


def test_two_in_one_section_both_count(pillars: PillarLab) -> None:
    own(pillars, "one", 'def ext_pillar(minion_id, pillar):\n    return {"one": 1}\n')
    own(pillars, "two", 'def ext_pillar(minion_id, pillar):\n    return {"two": 2}\n')
    assert pillars.compile([{"one": [], "two": []}]) == {"one": 1, "two": 2}


def test_ext_pillar_first(pillars: PillarLab) -> None:
    pillars.opts["ext_pillar_first"] = True
    own(pillars, "one", 'def ext_pillar(minion_id, pillar):\n    return {"role": "web", "v": "ext"}\n')
    pillars.write("pillar/top.sls", "base:\n  'role:web':\n    - match: pillar\n    - a")
    pillars.write("pillar/a.sls", "seen: {{ pillar.role }}\nv: sls")
    assert pillars.compile([{"one": []}]) == {"role": "web", "seen": "web", "v": "sls"}


def test_failure_is_told_and_the_others_go_on(pillars: PillarLab, caplog: pytest.LogCaptureFixture) -> None:
    own(pillars, "bad", 'def ext_pillar(minion_id, pillar):\n    raise ValueError("the reason")\n')
    own(pillars, "good", 'def ext_pillar(minion_id, pillar):\n    return {"good": True}\n')
    wanted = [{"bad": []}, {"good": []}]
    assert pillars.compile(wanted) == {"good": True, "_errors": ["Failed to load ext_pillar bad: the reason"]}
    pillars.opts["pillar_safe_render_error"] = True
    hidden = "Failed to load ext_pillar bad. Please see master log for details."
    with caplog.at_level(logging.ERROR):
        assert pillars.compile(wanted) == {"good": True, "_errors": [hidden]}
    assert "the reason" in caplog.text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('def ext_pillar(minion_id, pillar):\n    return ["a"]\n', "it gave a list instead of a mapping"),
        ("def other():\n    pass\n", "'bad.ext_pillar' is not available."),
        ('def __virtual__():\n    return False, "no luck"\n', "'bad' __virtual__ returned False: no luck"),
    ],
)
def test_useless_modules(pillars: PillarLab, text: str, reason: str) -> None:
    own(pillars, "bad", text)
    assert pillars.compile([{"bad": []}]) == {"_errors": [f"Failed to load ext_pillar bad: {reason}"]}


@pytest.mark.parametrize("option", ["nodegroups", ["nodegroups"], [{"nodegroups": None}, 7]])
def test_malformed_option(pillars: PillarLab, option: Any) -> None:
    assert pillars.compile(option) == {"_errors": ['The "ext_pillar" option is malformed']}


def test_excluded(pillars: PillarLab) -> None:
    pillars.opts["exclude_ext_pillar"] = ["nodegroups"]
    assert pillars.compile([{"nodegroups": None}]) == {}


def test_on_demand_only_what_is_allowed(pillars: PillarLab) -> None:
    pillars.opts["on_demand_ext_pillar"] = ["nodegroups"]
    assert pillars.compile(ext={"nodegroups": {"pillar_name": "groups"}}) == {"groups": []}
    assert pillars.compile(ext={"cmd_yaml": "echo 'a: 1'"}) == {}
    assert pillars.compile(ext={"nodegroups": None, "cmd_yaml": "echo 'a: 1'"}) == {}
    pillars.opts["on_demand_ext_pillar"] = []
    assert pillars.compile([{"nodegroups": None}], ext={"nodegroups": {"pillar_name": "b"}}) == {"nodegroups": []}


def test_what_minions_pass_reaches_those_who_want_it(pillars: PillarLab) -> None:
    own(
        pillars,
        "wants",
        'def ext_pillar(minion_id, pillar, extra_minion_data=None):\n    return {"x": extra_minion_data}\n',
    )
    own(pillars, "mine", ECHO)
    found = pillars.compile([{"wants": []}, {"mine": []}], extra_minion_data={"site": 7})
    assert (found["x"], found["echo"]["kwargs"]) == ({"site": 7}, {})


def test_they_may_call_what_templates_may_not(pillars: PillarLab) -> None:
    own(pillars, "mine", 'def ext_pillar(minion_id, pillar):\n    return {"said": __salt__["cmd.run"]("echo hello")}\n')
    pillars.write("pillar/top.sls", "base: {'*': [a]}")
    pillars.write("pillar/a.sls", "free: {{ 'cmd.run' in salt }}")
    opts = {**pillars.opts, "ext_pillar": [{"mine": []}]}
    limited = build_loaders({**opts, "whitelist_modules": ["test"]}, {}, {}, NoMaster())
    compiler = PillarCompiler(opts, limited, lambda: build_loaders(opts, {}, {}, NoMaster()))
    assert compiler.compile(PillarRequest("web1", GRAINS)) == {"free": False, "said": "hello"}


def test_override_wins(pillars: PillarLab, tmp_path: Path) -> None:
    own(pillars, "mine", 'def ext_pillar(minion_id, pillar):\n    return {"a": 1, "seen": pillar.get("a")}\n')
    assert pillars.compile([{"mine": []}], override={"a": 2}) == {"a": 2, "seen": 2}
