"""Whole runs, as far as they can't be compared with a real Salt, which test_as_salt.py does."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any, Dict, List

import pytest

from minion.caller import Caller
from minion.errors import CommandExecutionError
from minion.local import LocalMaster
from tests.minion.box import Box


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


class HearingMaster(LocalMaster):
    """Keeps the events that it gets."""

    def __init__(self, opts: Dict[str, Any], grains: Dict[str, Any]) -> None:
        super().__init__(opts, grains)
        self.events: List[Any] = []

    def request(self, cmd: str, **load: Any) -> Any:
        if cmd == "_minion_event":
            self.events.append((load["tag"], load["data"]))
            return True
        return super().request(cmd, **load)


def by_id(results: Any) -> Dict[str, Any]:
    return {result.get("__id__", tag): result for tag, result in results.items()}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("a: [", "Rendering SLS 'base:broken' failed: while parsing"),
        ("{{ nope }}", "Rendering SLS 'base:broken' failed: Jinja variable 'nope' is undefined; line 1"),
        ("include: [gone]", "Specified SLS gone in saltenv base is not available"),
        ("x: {test.nop: [{require: [{test: nowhere}]}]}", "Referenced state does not exist for requisite"),
        ("x: {test.nop: [{require: [{test: y}]}]}\ny: {test.nop: [{require: [{test: x}]}]}", "Recursive requisites"),
        ("first: {test.nop: []}", "Detected conflicting IDs"),
        ("{% for i in range(90000) %}\nan-id-{{ i }}: {test.nop: []}  # long line long line{% endfor %}", "are read"),
        ("a: &a [x, x, x]\n" + "".join(f"a{n}: &a{n} [{'*a, ' * 999}*a]\n" for n in range(900)), "aliases expand to"),
        ("[" * 5000, "nested more than 64 levels deep"),
        ("#!jinja\nx: {test.nop: []}", "SLS broken does not render to a dictionary"),
        ("include: [[s]]", "Include of ['s'] in SLS 'base:broken' is not the name of an SLS file"),
        ("include: [{base: s, gone: s}]", "Nonexistent saltenv 'gone'"),
        ("exclude: null", "Exclude Declaration in SLS broken is not formed as a list"),
        ("exclude: [{sls: null}]", "names neither an SLS file nor an ID"),
        ("extend: {first: {cmd: null}}", "Extension 'first' in SLS 'broken' extends a state by nothing"),
        ("x: {test.nop: [{names: [[a]]}]}", "The name ['a'] in state 'x' in SLS 'broken' is neither text"),
        ("x: {test.nop: [{names: [{a: null}]}]}", "is neither text nor a name with a list of arguments"),
    ],
)
def test_nothing_is_done_before_an_error_is_known(box: Box, tmp_path: Path, broken: str, reason: str) -> None:
    box.write({"srv/s.sls": f"first:\n  cmd.run:\n    - name: touch {tmp_path}/done\n", "srv/broken.sls": broken})
    outcome = box.run("state.apply", "s,broken")
    assert outcome.retcode == 1
    assert any(reason in error for error in outcome.value), outcome.value
    assert len(str(outcome.value)) < 20_000
    assert not (tmp_path / "done").exists()


def test_states_that_break_the_rules_fail_alone(box: Box) -> None:
    box.write(
        {
            "host/var/cache/salt/minion/extmods/states/bad.py": """
def nothing(name): return None
def text(name): return "done"
def partial(name): return {"result": True}
def empty(name): return {"name": name, "result": True, "changes": None, "comment": None}
def exits(name): raise SystemExit(3)
def raises(name): raise KeyError("no such key")
def needs(name, needed): return {}
""",
            "srv/s.sls": """
a: {bad.nothing: []}
b: {bad.text: []}
c: {bad.partial: []}
d: {bad.empty: []}
e: {bad.raises: []}
f: {bad.needs: []}
g: {bad.nothing: [{bogus: 1}]}
h: {test.nop: [{require: [{bad: a}]}]}
i: {test.nop: []}
""",
        }
    )
    outcome = box.run("state.apply", "s")
    assert outcome.retcode == 2
    numbers = [result["__run_num__"] for result in outcome.value.values()]
    assert numbers == list(range(9))
    comments = {result["name"]: result["comment"] for result in outcome.value.values()}
    assert {name for name, result in by_id(outcome.value).items() if result["result"]} == {"i"}
    assert (
        comments["a"]
        == comments["b"]
        == ("An exception occurred in this state: Malformed state return. Data must be a dictionary type.")
    )
    assert comments["c"] == "An exception occurred in this state: 'Changes' should be a dictionary."
    assert "KeyError: 'no such key'" in comments["e"]
    assert comments["f"] == "Missing parameter needed for state bad.needs\n"
    assert comments["g"] == "'bogus' is an invalid keyword argument for 'bad.nothing'"
    assert comments["h"] == "One or more requisite failed: s.a"


def test_results_of_parts(box: Box) -> None:
    box.write(
        {
            "host/var/cache/salt/minion/extmods/states/whole.py": """
def made(name):
    part = {"name": "part", "result": False, "changes": {"x": 1}, "comment": ["in", "parts"]}
    low = {"state": "whole", "fun": "part", "name": "part", "__id__": "part"}
    return {"name": name, "result": True, "changes": {}, "comment": "", "sub_state_run": [{**part, "low": low}]}
""",
            "srv/s.sls": "a: {whole.made: []}\nb: {test.nop: []}\n",
        }
    )
    results = box.call("state.apply", "s")
    part = results["whole_|-part_|-part_|-part"]
    assert (part["result"], part["changes"], part["comment"], part["__run_num__"]) == (False, {"x": 1}, "in\nparts", 1)
    assert results["test_|-b_|-b_|-nop"]["__run_num__"] == 2


def test_a_state_names_the_file_that_it_works_with(box: Box) -> None:
    box.write(
        {
            "host/var/cache/salt/minion/extmods/modules/tellers.py": "def echo(text):\n    return 'told ' + text\n",
            "host/var/cache/salt/minion/extmods/states/teller.py": (
                "def told(name):\n"
                "    return {'name': name, 'result': True, 'changes': {}, 'comment': __salt__['test.echo'](name)}\n"
            ),
            "srv/s.sls": """
one: {teller.told: [provider: [test: tellers]]}
two: {teller.told: []}
three: {teller.told: [provider: nosuch]}
""",
        }
    )
    results = by_id(box.call("state.apply", "s"))
    assert {name: result["comment"] for name, result in results.items()} == {
        "one": "told one",
        "two": "two",
        "three": "three",
    }


def test_output_of_one_line_is_the_report(box: Box) -> None:
    box.write(
        {"srv/s.sls": "a:\n  cmd.run:\n    - name: echo \"changed=no comment='all is well'\"\n    - stateful: true\n"}
    )
    (result,) = box.call("state.apply", "s").values()
    assert (result["result"], result["changes"], result["comment"]) == (True, {}, "all is well")


def test_failhard_ends_the_run_when_parallel_states_have_ended(box: Box, tmp_path: Path) -> None:
    box.write(
        {
            "srv/s.sls": f"""
slow:
  cmd.run:
    - name: 'until [ -e {tmp_path}/failed ]; do :; done; touch {tmp_path}/slow'
    - timeout: 20
    - parallel: true
fails:
  cmd.run:
    - name: 'touch {tmp_path}/failed; false'
    - failhard: true
after: {{test.nop: []}}
"""
        }
    )
    results = by_id(box.call("state.apply", "s"))
    assert {name: result["result"] for name, result in results.items()} == {"slow": True, "fails": False}
    assert (tmp_path / "slow").exists()


def test_events(tmp_path: Path) -> None:
    box = Box(tmp_path, {"local": False, "file_client": "remote"})
    box.write(
        {"srv/s.sls": "a: {test.nop: [{fire_event: true}]}\nb: {test.nop: [{fire_event: mine}]}\nc: {test.nop: []}\n"}
    )
    opts = box.opts()
    for state_events, tags in (
        (False, ["salt/state_result/5/box-one/a", "salt/state_result/5/box-one/mine"]),
        (True, ["salt/state_result/5/box-one/a", "salt/state_result/5/box-one/mine", "salt/job/5/prog/box-one/2"]),
    ):
        master = HearingMaster(opts, dict(box.grains))
        functions = Caller(opts, dict(box.grains), master).runtime.loaders.modules
        functions["state.apply"]("s", __pub_jid="5", state_events=state_events)
        assert [tag for tag, _ in master.events] == tags
    data = master.events[-1][1]
    assert (data["len"], data["ret"]["comment"], data["jid"]) == (3, "Success!", "5")


def test_a_retry_waits_for_what_it_needs(box: Box, tmp_path: Path) -> None:
    count = tmp_path / "count"
    box.write(
        {
            "srv/s.sls": f"""
a:
  cmd.run:
    - name: 'echo x >> {count}; [ $(wc -l < {count}) = 3 ]'
    - retry: {{attempts: 5, interval: 0}}
"""
        }
    )
    (result,) = box.call("state.apply", "s").values()
    assert (result["result"], len(count.read_text().split())) == (True, 3)
    assert result["comment"].startswith('Attempt 1: Returned a result of "False", with the following comment: ')
    assert result["comment"].count("Attempt") == 2


def test_options_of_one_run_do_not_outlive_it(box: Box) -> None:
    box.write(
        {
            "srv/s.sls": "a: {test.succeed_with_changes: []}\n",
            "pillar/top.sls": "base: {'*': [p]}",
            "pillar/p.sls": "k: v",
        }
    )
    loaders = box.loaders()
    opts, pillar = dict(loaders.dunders["__opts__"]), dict(loaders.dunders["__pillar__"])
    loaders.modules["state.apply"]("s", test=True, pillar={"k": "other"}, saltenv="base", pillarenv="x")
    assert loaders.dunders["__opts__"] == opts
    assert loaders.dunders["__pillar__"] == pillar == {"k": "v"}


def test_the_pillar_of_the_run(box: Box) -> None:
    box.write(
        {
            "srv/s.sls": "a: {test.configurable_test_state: [{comment: {{ pillar.m|tojson }}}, {changes: false}]}\n",
            "pillar/top.sls": "base: {'*': [p]}",
            "pillar/p.sls": "m: {x: 1, y: 1}\n",
        }
    )
    (result,) = box.call("state.apply", "s", pillar={"m": {"y": 2}}).values()
    assert result["comment"] == {"x": 1, "y": 2}
    box.write({"pillar/p.sls": "{{ nope }}"})
    outcome = box.run("state.apply", "s")
    assert (outcome.retcode, outcome.value[0]) == (5, "Pillar failed to render with the following messages:")
    with pytest.raises(
        CommandExecutionError, match=r"Pillar failed to render\. Additional info follows:\n\n- Rendering"
    ):
        box.call("state.show_sls", "s")


def test_disabled_states(box: Box) -> None:
    box.write({"srv/web/a.sls": "a: {test.nop: []}\n", "srv/b.sls": "b: {test.nop: []}\n"})
    loaders = box.loaders()
    functions = loaders.modules
    loaders.dunders["__grains__"]["state_runs_disabled"] = ["web.*"]
    assert functions["state.apply"]("web.a") == [
        'The state file "web.a" is currently disabled by "web.*", to re-enable, run state.enable web.*.'
    ]
    assert functions["state.list_disabled"]() == ["web.*"]
    assert by_id(functions["state.apply"]("b"))["b"]["result"] is True


def test_requests(box: Box) -> None:
    box.write({"srv/s.sls": "a: {test.succeed_with_changes: []}\n"})
    assert by_id(box.call("state.request", "s"))["a"]["result"] is None
    waiting = box.call("state.check_request")
    assert (waiting["default"]["mods"], waiting["default"]["kwargs"]) == ("s", {"test": True})
    assert by_id(box.call("state.run_request"))["a"]["result"] is True
    assert box.call("state.check_request") == {}
    assert box.call("state.run_request") == {}
    box.call("state.request", "s", name="one")
    box.call("state.request", "s", name="two")
    assert box.call("state.clear_request", "one") is True
    assert list(box.call("state.check_request")) == ["two"]
    assert box.call("state.clear_request") is True


def test_only_what_is_notable(box: Box) -> None:
    box.write(
        {"srv/s.sls": "a: {test.nop: []}\nb: {test.succeed_with_changes: []}\nc: {test.fail_without_changes: []}\n"}
    )
    assert sorted(by_id(box.call("state.apply", "s", terse=True))) == ["b", "c"]


def test_a_kept_run(box: Box) -> None:
    box.write({"srv/s.sls": "a: {test.nop: []}\n", "srv/top.sls": "base: {'*': [s]}\n"})
    assert list(by_id(box.call("state.highstate"))) == ["a"]
    box.write({"srv/s.sls": "b: {test.nop: []}\n"})
    assert list(by_id(box.call("state.highstate", cache=True))) == ["a"]
    assert box.call("state.clear_cache")
    assert list(by_id(box.call("state.highstate", cache=True))) == ["b"]


def _package(path: Path, files: Dict[str, str]) -> str:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_packed_state_run(box: Box, tmp_path: Path) -> None:
    low = [{"state": "test", "fun": "configurable_test_state", "name": "x", "__id__": "x", "changes": False}]
    low.append({"state": "cmd", "fun": "script", "name": "salt://run.sh", "__id__": "y"})
    script = "#!/bin/sh\necho packed\n"
    path = tmp_path / "salt_state.tgz"
    files = {"lowstate.json": json.dumps(low), "pillar.json": '{"p": 1}', "base/run.sh": script}
    digest = _package(path, files)
    results = by_id(box.call("state.pkg", str(path), digest, "sha256"))
    assert results["x"]["result"] is True
    assert results["y"]["changes"]["stdout"] == "packed"
    assert not path.exists() or path.is_file()


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside-of-saltern", "a/../../outside"])
def test_a_package_does_not_leave_its_folder(box: Box, tmp_path: Path, name: str) -> None:
    path = tmp_path / "salt_state.tgz"
    digest = _package(path, {"lowstate.json": "[]", name: "x"})
    try:
        box.call("state.pkg", str(path), digest, "sha256")
    except CommandExecutionError:
        pass
    assert not (tmp_path / "outside").exists()
    assert not os.path.exists("/tmp/outside-of-saltern")


def test_a_package_with_a_wrong_hash_is_not_run(box: Box, tmp_path: Path) -> None:
    path = tmp_path / "salt_state.tgz"
    _package(path, {"lowstate.json": "[]"})
    assert box.call("state.pkg", str(path), "0" * 64, "sha256") == {}


def test_a_local_configuration(box: Box, tmp_path: Path) -> None:
    other = tmp_path / "other/minion"
    box.write(
        {"other/minion": f"file_roots:\n  base: [{tmp_path}/elsewhere]\n", "elsewhere/e.sls": "e: {test.nop: []}\n"}
    )
    assert list(by_id(box.call("state.apply", "e", localconfig=str(other)))) == ["e"]


def test_graphs(box: Box) -> None:
    box.write(
        {
            "srv/s.sls": "a: {test.nop: [{require: [{test: b}]}]}\nb: {test.nop: [{name: n}]}\n",
            "srv/top.sls": "base: {'*': [s]}",
        }
    )
    for graph in (box.call("state.graph", "s"), box.call("state.graph_highstate")):
        assert graph.startswith("digraph G {")
        assert '"test_|-b_|-n_|-nop" -> "test_|-a_|-a_|-nop" [label="require"];' in graph
        assert "(n)" in graph


def test_modules_appear_during_the_run(box: Box, tmp_path: Path) -> None:
    folder = tmp_path / "host/var/cache/salt/minion/extmods/states"
    box.write(
        {
            "late.py": "def state(name):\n    return dict(name=name, result=True, changes={}, comment='late')\n",
            "srv/s.sls": f"""
brings:
  cmd.run:
    - name: 'mkdir -p {folder} && cp {tmp_path}/late.py {folder}/late.py'
    - reload_modules: true
uses:
  late.state:
    - require: [{{cmd: brings}}]
""",
        }
    )
    assert by_id(box.call("state.apply", "s"))["uses"]["comment"] == "late"


def test_the_pillar_changes_during_the_run(box: Box, tmp_path: Path) -> None:
    box.write(
        {
            "pillar/top.sls": "base: {'*': [p]}",
            "pillar/p.sls": "k: before",
            "srv/s.sls": f"""
changes:
  cmd.run:
    - name: 'echo "k: after" > {tmp_path}/pillar/p.sls'
    - reload_pillar: true
reads:
  module.run:
    - config.get: [k]
    - require: [{{cmd: changes}}]
""",
        }
    )
    assert "after" in str(by_id(box.call("state.apply", "s"))["reads"]["changes"])


def test_the_umask_of_a_state_is_its_own(box: Box, tmp_path: Path) -> None:
    box.write({"srv/s.sls": f"a:\n  cmd.run:\n    - name: touch {tmp_path}/private\n    - umask: '077'\n"})
    before = os.umask(0o022)
    try:
        box.call("state.apply", "s")
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600


def test_secrets_in_results(box: Box) -> None:
    box.write({"srv/s.sls": "a:\n  cmd.run:\n    - name: echo secret\n    - no_log: true\n"})
    (result,) = box.call("state.apply", "s").values()
    assert "secret" not in json.dumps(result["changes"]) + result["comment"]
