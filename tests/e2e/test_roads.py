"""One suite for all roads: the same calls on the host itself, over ZeroMQ and over SSH come to the same results.

The events of the SSH road are heard on the master's bus, its jobs are in the master's store: salt-ssh uses the
configuration of a running master here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import BIN, ROOT, Lab
from tests.ssh.hosts import serving

Run = Callable[..., tuple[Any, int]]

SITE = """\
{{ pillar.made }}/managed:
  file.managed:
    - source: salt://text
    - template: jinja
    - makedirs: True
{{ pillar.made }}/line:
  file.append:
    - text: {{ grains.role }}
    - require:
      - file: {{ pillar.made }}/managed
failing:
  test.fail_without_changes:
    - onfail_any: []
    - unless: test -e {{ pillar.made }}/managed
"""
MODULE = "def hello(name='you'):\n    return f'{name} {__grains__[\"role\"]} {__pillar__[\"who\"]}'\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(auto_accept=True)
    try:
        folder = made.root / "srv" / "salt"
        (folder / "_modules").mkdir()
        (folder / "_modules" / "own.py").write_text(MODULE)
        (folder / "site.sls").write_text(SITE)
        (folder / "text").write_text("{{ pillar.who }} {{ salt['test.echo']('echo') }}\n")
        (folder / "top.sls").write_text("base: {'*': [site]}")
        (made.root / "srv" / "pillar" / "top.sls").write_text("base: {'*': [data]}")
        data = f"who: {{{{ grains.role }}}}-user\nmade: {made.root}/made-{{{{ grains.id }}}}\n"
        (made.root / "srv" / "pillar" / "data.sls").write_text(data)
        made.start_master()
        made.start_minion("box", grains={"role": "web"})
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module", params=["local", "zeromq", "ssh"])
def run(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Calls a function over one road: its value and the exit code."""
    if request.param == "zeromq":
        yield _runner(lab, [str(BIN / "salt"), "-c", str(lab.root / "etc"), "box"], "box")
    elif request.param == "local":
        roots = ["--file-root", str(lab.root / "srv/salt"), "--pillar-root", str(lab.root / "srv/pillar")]
        command = [str(BIN / "salt-call"), "-c", str(lab.root / "box"), "--local", "--retcode-passthrough", *roots]
        yield _runner(lab, command, "local")
    else:
        with serving(tmp_path_factory.mktemp("host")) as server:
            (lab.root / "known").write_text(server.known_hosts_line())
            fields = server.roster(minion_opts={"grains": {"role": "web"}})
            (lab.root / "etc" / "roster").write_text(yaml.safe_dump({"box": fields}))
            options = ["-c", str(lab.root / "etc"), "--out-indent", "0", "box"]
            command = [sys.executable, "-m", "ssh.cli.ssh", *options]
            yield _runner(lab, command, "box", SALTERN_KNOWN=str(lab.root / "known"))


def _runner(lab: Lab, command: list[str], key: str, **environment: str) -> Run:
    home = lab.root / "home"
    (home / ".ssh").mkdir(parents=True, exist_ok=True)
    if "SALTERN_KNOWN" in environment:
        (home / ".ssh" / "known_hosts").write_text(Path(environment.pop("SALTERN_KNOWN")).read_text())

    def run(*words: str) -> tuple[Any, int]:
        done = subprocess.run(
            [*command, *words, "--out", "json"], capture_output=True, text=True, cwd=ROOT, timeout=60,
            env={**os.environ, "HOME": str(home), "SSH_AUTH_SOCK": ""}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.stdout, done.stderr
        return json.loads(done.stdout)[key], done.returncode

    return run


def test_values_of_all_kinds(run: Run) -> None:
    assert run("test.ping") == (True, 0)
    value, code = run("test.arg", "text", "1", "2.5", "None", "[1, {a: b}]", "key=ü")
    assert value["args"] == ["text", 1, 2.5, None, [1, {"a": "b"}]] and value["kwargs"]["key"] == "ü" and code == 0


def test_grains_pillar_and_config(run: Run) -> None:
    assert run("grains.get", "role") == ("web", 0)
    assert run("grains.get", "id") == ("box", 0)
    assert run("pillar.get", "who", "unmask=True") == ("web-user", 0)
    assert run("config.get", "role") == ("web", 0)
    assert run("grains.item", "role", "nosuch") == ({"role": "web", "nosuch": ""}, 0)


def test_files(run: Run) -> None:
    assert run("cp.get_file_str", "salt://text")[0] == "{{ pillar.who }} {{ salt['test.echo']('echo') }}\n"
    assert "site.sls" in run("cp.list_master")[0]
    assert run("cp.hash_file", "salt://nosuch")[0] in ("", {}, False)


def test_failures(run: Run) -> None:
    assert run("cmd.run", "exit 3")[1] != 0
    value, code = run("cmd.run_all", "echo out; echo err >&2; exit 3")
    assert (value["stdout"], value["stderr"], value["retcode"]) == ("out", "err", 3) and code != 0


def test_states(run: Run, lab: Lab) -> None:
    made = lab.root / "made-box"
    subprocess.run(["rm", "-rf", str(made)], check=True)
    value, code = run("state.apply", "test=True")
    assert [state["result"] for state in value.values()][:2] == [None, None] and not made.exists()
    value, code = run("state.apply")
    shown = {name.split("_|-")[1].rpartition("/")[2]: (s["result"], bool(s["changes"])) for name, s in value.items()}
    assert shown == {"managed": (True, True), "line": (True, True), "failing": (True, False)} and code == 0
    assert (made / "managed").read_text() == "web-user echo\n" and (made / "line").read_text() == "web\n"
    value, code = run("state.apply", "site", "pillar={'who': 'cli'}")
    assert (made / "managed").read_text() == "cli echo\n" and code == 0
    assert run("state.show_top") == ({"base": ["site"]}, 0)
    value, code = run("state.single", "test.fail_with_changes", "name=x")
    assert [state["result"] for state in value.values()] == [False] and code != 0


def test_what_there_is(run: Run) -> None:
    value, code = run("sys.list_functions", "test")
    assert "test.ping" in value and code == 0
    value, code = run("sys.argspec", "test.echo")
    assert value == {"test.echo": {"args": ["text"], "defaults": None, "varargs": None, "kwargs": None}} and code == 0


def test_own_modules(run: Run) -> None:
    run("saltutil.sync_modules")
    assert run("own.hello", "bob") == ("bob web web-user", 0)
