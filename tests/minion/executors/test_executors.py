"""The ways to call a function."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import minion.executors
from minion.loader import Loader
from tests.minion.conftest import make_modules

FOLDER = str(Path(minion.executors.__file__).parent)


def ways(**dunders: Any) -> Loader:
    return Loader("executors", [FOLDER], {"__opts__": {"id": "box"}, "__grains__": {"id": "box"}, **dunders})


def greet(name: str, mark: str = "!") -> str:
    return f"hello {name}{mark}"


def test_direct_call():
    assert ways()["direct_call.execute"]({}, {"fun": "x"}, greet, ["you"], {"mark": "?"}) == "hello you?"


class TestSplay:
    def waited(self, monkeypatch: pytest.MonkeyPatch, minion_id: str, data: dict[str, Any], **opts: Any) -> float:
        slept: list[float] = []
        made = ways(__grains__={"id": minion_id})
        monkeypatch.setattr("time.sleep", slept.append)
        assert made["splay.execute"]({"id": minion_id, **opts}, data, greet, ["x"], {}) is None
        return slept[0]

    def test_each_minion_has_its_place(self, monkeypatch: pytest.MonkeyPatch):
        data = {"fun": "x", "executor_opts": {"splaytime": 100}}
        found = [self.waited(monkeypatch, f"m{number}", data) for number in range(50)]
        assert found[0] == self.waited(monkeypatch, "m0", data)
        assert 0 <= min(found) < 20 and 80 < max(found) <= 100 and len(set(found)) == 50

    def test_default_and_configured(self, monkeypatch: pytest.MonkeyPatch):
        default = self.waited(monkeypatch, "m1", {"fun": "x"})
        assert self.waited(monkeypatch, "m1", {"fun": "x"}, splaytime=30) == pytest.approx(default / 10)

    def test_nonsense(self):
        with pytest.raises(ValueError, match="positive"):
            ways()["splay.execute"]({"id": "box", "splaytime": 0}, {"fun": "x"}, greet, [], {})


class TestSudo:
    @pytest.fixture
    def sudo(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        """The executor with a `sudo` that shows its words as a result, or fails."""
        program = tmp_path / "sudo"
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            "if 'fail' in sys.argv: sys.exit('sudo: no')\n"
            "print(json.dumps({'local': {'return': sys.argv[1:], 'retcode': 3}}))\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        context: dict[str, Any] = {}
        opts = {"id": "box", "sudo_user": "joe", "conf_dir": "/etc/salt", "conf_file": ""}
        made = ways(__opts__=opts, __context__=context, __salt__=make_modules(tmp_path))

        def call(fun: str, *args: Any, **kwargs: Any) -> Any:
            return made["sudo.execute"](opts, {"fun": fun}, greet, list(args), kwargs), context

        return call

    def test_call_as_another_user(self, sudo: Any):
        words, context = sudo("test.echo", "a b; rm -rf /", "5", 5, [1], flag=True, text="x", __pub_jid="1")
        head = [
            "-u",
            "joe",
            "salt-call",
            "--out",
            "json",
            "--metadata",
            "--no-return-job",
            "-c",
            "/etc/salt",
            "--",
            "test.echo",
        ]
        assert words == [*head, "a b; rm -rf /", '"5"', "5", "[1]", "flag=true", "text=x"]
        assert context["retcode"] == 3

    def test_states_run_beside_each_other(self, sudo: Any):
        assert sudo("state.apply")[0][-1] == "concurrent=true"

    def test_failure(self, sudo: Any):
        value, context = sudo("fail")
        assert value == "sudo: no" and context["retcode"] == 1

    def test_only_if_configured(self):
        made = ways()
        assert "sudo.execute" not in made
        assert "sudo_user is not set" in made.why_missing("sudo.execute")


def test_json_words_come_out_as_they_went_in():
    from minion.arguments import typed

    for value in (5, [1, "a"], {"k": None}, True, None):
        assert typed(json.dumps(value)) == value
