"""The smaller runners, each with real files or a running control socket."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from master.config import load
from master.keys import KeyStore, State
from master.runner import Run, RunnerClient
from tests.master.conftest import MakeLab
from tests.master.lab import Lab
from transports import crypto
from transports.messages import Job

RunIt = Callable[..., Run]


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    """web1 and db1 are accepted and there."""
    made = make_lab("web1", "db1")
    store = KeyStore(str(made.root / "pki"))
    store.prepare()
    pem = crypto.public_pem(crypto.generate_key(2048).public_key())
    for name in ("web1", "db1"):
        store.store(name, pem, State.ACCEPTED)
        made.data.store_grains(name, {"id": name, "os": "Debian", "hwaddr_interfaces": {"lo": "00:00:00:00:00:00"}})
    return made


@pytest.fixture
def run(lab: Lab) -> RunIt:
    def call(fun: str, *args: Any, **kwargs: Any) -> Run:
        with RunnerClient(load(str(lab.conf_dir / "master")).opts()) as client:
            return client.run(fun, args, kwargs)

    return call


@pytest.fixture
def cmd(run: RunIt) -> Callable[..., Any]:
    def call(fun: str, *args: Any, **kwargs: Any) -> Any:
        made = run(fun, *args, **kwargs)
        assert made.success, made.value
        return made.value

    return call


def test_cache(cmd: Callable[..., Any], lab: Lab) -> None:
    lab.data.store_pillar("web1", {"role": "web"})
    lab.data.store_mine("db1", {"f": 1, "g": 2})
    assert cmd("cache.grains", "web*")["web1"]["os"] == "Debian"
    assert cmd("cache.pillar") == {"db1": {}, "web1": {"role": "web"}}
    assert cmd("cache.mine", "G@os:Debian and db*", tgt_type="compound") == {"db1": {"f": 1, "g": 2}}
    assert cmd("cache.clear_mine_func", "*", clear_mine_func_flag="f") is True
    assert cmd("cache.clear_mine_func", "*", clear_mine_func_flag="f") is False
    assert cmd("cache.mine", "db1") == {"db1": {"g": 2}}
    assert cmd("cache.clear_pillar") is True and cmd("cache.clear_pillar") is False
    assert cmd("cache.clear_grains", "web1") is True and lab.data.grains("db1") is not None
    assert cmd("cache.clear_all") is True and lab.data.grains("db1") is None and lab.data.mine("db1") == {}


def test_a_wrong_target_is_told(run: RunIt) -> None:
    made = run("cache.grains", "a and", tgt_type="compound")
    assert made.retcode == 1 and made.value.startswith("Exception occurred in runner cache.grains: The compound target")
    assert "Traceback" not in made.value


def test_fileserver(cmd: Callable[..., Any], run: RunIt, lab: Lab) -> None:
    roots = lab.root / "srv"
    (roots / "sub" / "empty").mkdir(parents=True)
    (roots / "a.txt").write_text("x")
    (roots / "link").symlink_to("a.txt")
    assert cmd("fileserver.envs") == ["base"] and cmd("fileserver.envs", sources=True) == {"roots": ["base"]}
    assert cmd("fileserver.file_list") == ["a.txt", "link"]
    assert cmd("fileserver.dir_list", backend="roots") == ["sub", "sub/empty"]
    assert cmd("fileserver.empty_dir_list") == ["sub/empty"]
    assert cmd("fileserver.symlink_list") == {"link": "a.txt"}
    assert cmd("fileserver.file_list", saltenv="nope") == []
    assert cmd("fileserver.update") is True
    assert cmd("fileserver.clear_cache") == "No cache was cleared"
    assert cmd("fileserver.clear_file_list_cache") == {"roots": ["base"]}
    assert (cmd("fileserver.lock"), cmd("fileserver.clear_lock")) == ("No locks were set", "No locks were removed")
    assert "no file server backend 'git'" in run("fileserver.file_list", backend="git").value


def test_pillar(cmd: Callable[..., Any], lab: Lab) -> None:
    folder = lab.root / "pillar"
    folder.mkdir()
    (folder / "top.sls").write_text("base:\n  '*':\n    - common\n  'web*':\n    - web\n")
    (folder / "common.sls").write_text("os: {{ grains.get('os', 'none') }}\nx: {{ grains.get('x', 0) }}\n")
    (folder / "web.sls").write_text("role: web\n")
    assert cmd("pillar.show_top") == {"base": {"*": ["common"], "web*": ["web"]}}
    assert cmd("pillar.show_pillar", "web1", x=5) == {"os": "Debian", "x": 5, "role": "web"}
    assert cmd("pillar.show_pillar") == {"os": "none", "x": 0}
    (folder / "web.sls").write_text("{{ broken")
    assert "render error" in str(cmd("pillar.show_pillar", "web1")["_errors"])
    lab.data.store_pillar("web1", {"kept": 1})
    assert cmd("pillar.show_pillar_cache", "web*") == {"web1": {"kept": 1}}
    assert cmd("pillar.clear_pillar_cache", "web1") == {"web1": {"kept": 1}} and lab.data.pillar("web1") is None


def test_a_pillar_can_run_no_commands(cmd: Callable[..., Any], lab: Lab) -> None:
    folder = lab.root / "pillar"
    folder.mkdir()
    (folder / "top.sls").write_text("base:\n  '*':\n    - evil\n")
    (folder / "evil.sls").write_text(f"x: {{{{ salt['cmd.run']('touch {lab.root}/done') }}}}\n")
    assert "_errors" in cmd("pillar.show_pillar", "web1")
    assert not (lab.root / "done").exists()


def test_survey(cmd: Callable[..., Any], run: RunIt, lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    def says(job: Job, name: str) -> Any:
        return "one\ntwo" if name == "odd" else "one\nthree"

    lab.minions.update(web1=says, db1=says)
    assert cmd("survey.hash", "*", "test.x") == [{"pool": ["db1", "web1"], "result": "one\nthree"}]
    lab.minions["db1"] = lambda job, name: "one\ntwo"
    capsys.readouterr()
    assert len(cmd("survey.diff", "*", "test.x", survey_sort="up")) == 2
    shown = capsys.readouterr().out
    assert "minion pool :\n------------\n['db1']\n" in shown
    assert 'differences from "db1" results :\n' in shown and "-two+three" in shown.replace("\n", "")
    assert "needs a target and a function" in run("survey.hash", "*").value


def test_docs(cmd: Callable[..., Any]) -> None:
    assert "salt-run jobs.active" in cmd("doc.runner")["jobs.active"]
    assert cmd("doc.wheel") == {}
    assert cmd("doc.execution") == {"test.arg": "\nShows its arguments.\n", "test.ping": "\nSays True.\n"}


def test_every_runner_is_documented_with_an_example(cmd: Callable[..., Any]) -> None:
    docs = cmd("doc.runner")
    assert len(docs) > 70
    assert [name for name, text in docs.items() if not text or "salt-run" not in text] == []


def test_config_and_error(cmd: Callable[..., Any], run: RunIt) -> None:
    assert cmd("config.get", "timeout") == 0.3
    assert cmd("config.get", "file_roots:base")[0].endswith("/srv")
    assert cmd("config.get", "nothing", "default") == "default"
    assert cmd("error.error") == {}
    failed = run("error.error", name="ValueError", message="hello")
    assert failed.retcode == 1 and failed.value.endswith("ValueError: hello\n") and "Traceback" in failed.value
    assert run("error.error", name="CommandExecutionError", message="x").value.endswith("error.error: x")


def test_salt(cmd: Callable[..., Any], run: RunIt, lab: Lab) -> None:
    assert cmd("salt.cmd", "test.ping") is True
    assert cmd("salt.cmd", "test.echo", "x") == "x"
    assert "'test.nosuch' is not available." in run("salt.cmd", "test.nosuch").value
    assert cmd("salt.execute", "*", "test.ping") == {"db1": True, "web1": True}
    answer = cmd("salt.execute", "web1", "test.arg", [1], kwarg={"a": 2})
    assert answer["web1"]["args"] == [1] and answer["web1"]["kwargs"]["a"] == 2


def test_your_own_modules_are_synced_and_found(cmd: Callable[..., Any], lab: Lab) -> None:
    for kind, text in (("runners", "def twice(n):\n    return __salt__['test.arg'](n * 2)\n"),
                       ("modules", "def hi():\n    return 'hi from ' + __opts__['id']\n")):  # fmt: skip
        (lab.root / "srv" / f"_{kind}").mkdir()
        (lab.root / "srv" / f"_{kind}" / "mine_own.py").write_text(text)
    assert cmd("saltutil.sync_runners", extmod_blacklist="mine_own") == []
    synced = cmd("saltutil.sync_all")
    assert synced["runners"] == ["runners.mine_own"] and synced["modules"] == ["modules.mine_own"]
    assert cmd("saltutil.sync_runners") == []
    assert cmd("mine_own.twice", 4) == {"args": [8], "kwargs": {}}
    assert cmd("salt.cmd", "mine_own.hi").startswith("hi from ")
    (lab.root / "srv" / "_runners" / "mine_own.py").unlink()
    cmd("saltutil.sync_runners")
    assert "mine_own" not in str(list((lab.cachedir / "extmods" / "runners").iterdir()))


def test_mine(cmd: Callable[..., Any], lab: Lab) -> None:
    lab.data.store_mine("web1", {"network.ip_addrs": ["10.0.0.1"]})
    assert cmd("mine.get", "*", "network.ip_addrs") == {"web1": ["10.0.0.1"]}
    cmd("mine.update", "web1", clear=True)
    job = lab.published[-1]
    assert job.fun == ("mine.update",)
    assert job.arg[0][0] == {"__kwarg__": True, "clear": True, "mine_functions": None}


def test_match(cmd: Callable[..., Any], run: RunIt) -> None:
    assert cmd("match.compound_matches", "G@os:Debian and web*", "web1") == {"res": "web1"}
    assert cmd("match.compound_matches", "db*", "web1") == {"res": ""}
    assert "expected a target" in run("match.compound_matches", "not", "web1").value


def test_events(
    cmd: Callable[..., Any],
    run: RunIt,
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listen = lab.hub.listen

    def listen_and_hear(*args: Any) -> None:
        listen(*args)
        for number in range(3):
            lab.hub.fire(f"my/tag/{number}", {"b": 1, "a": number})

    monkeypatch.setattr(lab.hub, "listen", listen_and_hear)
    assert cmd("state.event", "my/tag/[12]", count=2, pretty=True) is None
    first, second = capsys.readouterr().out.split("my/tag/2\t")
    assert json.loads(second)["a"] == 2
    assert first.startswith('my/tag/1\t{\n    "_stamp": "') and first.index('"a"') < first.index('"b"')
    assert cmd("state.event", count=0) is None
    assert cmd("event.send", "my/own/tag", {"x": 1}) is True and "my/own/tag" in lab.events
    assert "is no event tag" in run("event.send", "bad tag").value


def test_wake_on_lan(cmd: Callable[..., Any], run: RunIt, lab: Lab, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        port = listening.getsockname()[1]
        expected = hashlib.sha256(b"\xff" * 6 + bytes.fromhex("080027136977") * 16).digest()
        lab.data.store_grains("web1", {"hwaddr_interfaces": {"lo": "00:00:00:00:00:00", "eth0": "08:00:27:13:69:77"}})
        (tmp_path / "list").write_text(f"08-00-27-13-69-77 127.0.0.1 {port}\n\n080027136977\n")
        assert cmd("network.wol", "08-00-27-13-69-77", "127.0.0.1", port) is True
        assert cmd("network.wollist", str(tmp_path / "list"), "127.0.0.1", port) is True
        assert cmd("network.wolmatch", "web1", bcast="127.0.0.1", destport=port) == ["08:00:27:13:69:77"]
        for _ in range(4):
            assert hashlib.sha256(listening.recv(200)).digest() == expected
    assert "'xx' is no hardware address" in run("network.wol", "xx").value


def test_test(cmd: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert cmd("test.arg", 1, a=2, __hidden=3) == {"args": [1], "kwargs": {"a": 2}}
    assert cmd("test.raw_arg", 1, __shown=3) == {"args": [1], "kwargs": {"__shown": 3}}
    assert cmd("test.metasyntactic")[:4] == ["foo", "bar", "baz", "qux"]
    assert cmd("test.stdout_print") == "bar" and capsys.readouterr().out == "foo\n"
    assert cmd("test.sleep", 0) is True and cmd("test.stream", count=3, pause=0) is True
    assert cmd("test.get_opts")["timeout"] == 0.3 and "key_pass" not in cmd("test.get_opts")
