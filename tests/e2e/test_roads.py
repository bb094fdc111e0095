"""One suite for all roads: the same calls on the host itself, over ZeroMQ and over SSH (by salt-ssh, and by a master
whose minion there is away) come to the same results.

The events of the SSH road are heard on the master's bus, its jobs are in the master's store: salt-ssh uses the
configuration of a running master here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.processes import BIN, ROOT, Lab, until
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
# functions of states, each of which comes to rest after one run: ID -> function and arguments
TABLE = """
made: {file.directory: [name: {made}, mode: 755]}
user: {user.present: [name: {user}, home: {made}/home, shell: /bin/sh, groups: [{user}s], require: [group: group]]}
group: {group.present: [name: {user}s]}
managed: {file.managed: [name: {made}/managed, source: 'salt://text', template: jinja, user: {user}, mode: 600]}
contents: {file.managed: [name: {made}/contents, contents: [a, b, c = 1]]}
symlink: {file.symlink: [name: {made}/link, target: {given}/abc]}
hardlink: {file.hardlink: [name: {made}/hard, target: {given}/abc]}
recurse: {file.recurse: [name: {made}/tree, source: 'salt://tree', include_empty: true]}
append: {file.append: [name: {given}/append, text: last]}
prepend: {file.prepend: [name: {given}/prepend, text: first]}
replace: {file.replace: [name: {given}/replace, pattern: ^b$, repl: B]}
line: {file.line: [name: {given}/line, mode: ensure, content: d, after: c = 1]}
comment: {file.comment: [name: {given}/comment, regex: ^a$]}
keyvalue: {file.keyvalue: [name: {given}/keyvalue, key: c, value: 2, separator: ' = ']}
block: {file.blockreplace: [name: {given}/block, content: within, append_if_not_found: true]}
serialize: {file.serialize: [name: {made}/data.json, dataset: {a: [1, {b: c}]}, serializer: json]}
copy: {file.copy: [name: {made}/copy, source: {given}/abc]}
rename: {file.rename: [name: {made}/renamed, source: {given}/old]}
archive: {archive.extracted: [name: {made}/unpacked, source: 'salt://some.tar', enforce_toplevel: false]}
ini: {ini.options_present: [name: {made}/some.ini, sections: {one: {a: 1}}]}
git: {git.latest: [name: 'file://{root}/repo', target: {made}/clone]}
detached: {git.detached: [name: 'file://{root}/repo', target: {made}/at, rev: main]}
setting: {git.config_set: [name: a.b, value: c, repo: {root}/repo]}
run: {cmd.run: [name: 'echo done > {made}/ran', creates: {made}/ran]}
script: {cmd.script: [name: script, source: 'salt://script', creates: {made}/scripted, args: {made}/scripted]}
cron: {cron.present: [name: 'true', user: {user}, minute: 5, identifier: it]}
key: {ssh_auth.present: [name: {key}, enc: ssh-ed25519, user: {user}]}
host: {host.present: [name: some.example, ip: 192.0.2.7]}
grain: {grains.present: [name: from_a_state, value: [1, 2]]}
"""
ENDS = """
grain: {grains.absent: [name: from_a_state, destructive: true, force: true]}
host: {host.absent: [name: some.example, ip: 192.0.2.7]}
key: {ssh_auth.absent: [name: {key}, user: {user}]}
cron: {cron.absent: [name: 'true', user: {user}, identifier: it]}
setting: {git.config_unset: [name: a.b, repo: {root}/repo]}
ini: {ini.options_absent: [name: {made}/some.ini, sections: {one: [a]}]}
user: {user.absent: [name: {user}]}
group: {group.absent: [name: {user}s]}
made: {file.absent: [name: {made}]}
"""
FAILS = """
managed: {file.managed: [name: /nosuch/file, source: 'salt://nosuch']}
run: {cmd.run: [name: exit 3]}
user: {user.present: [name: {user}, gid: nosuch]}
group: {group.present: [name: {user}, members: [nosuch], addusers: [nosuch]]}
git: {git.latest: [name: 'file:///nosuch', target: {made}/x]}
archive: {archive.extracted: [name: {made}/x, source: 'salt://nosuch.tar']}
key: {ssh_auth.present: [name: nonsense, user: nosuch]}
unknown: {nosuch.function: []}
"""
USER = "sltroad"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIFkdbTW5cWpcbNXMnsH4zDbDgfTnQ1Nx2GpZCXcBBBBB"
EDITED = ("abc", "append", "prepend", "replace", "line", "comment", "keyvalue", "block", "old")
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
        _write_table(made)
        made.start_master(ssh_minions=True, ssh_known_hosts_file=str(made.root / "known"), ssh_timeout=20)
        made.start_minion("box", **_options(made))
        yield made
    finally:
        made.close()


def _options(lab: Lab) -> dict[str, Any]:
    """Of the host, whatever leads to it."""
    return {"grains": {"role": "web"}, "hosts.file": str(lab.root / "hosts")}


def _write_table(lab: Lab) -> None:
    """Writes the states, and what they use."""
    folder = lab.root / "srv" / "salt"
    values = {f"{{{name}}}": str(lab.root / name) for name in ("made", "given")}
    values.update({"{user}": USER, "{root}": str(lab.root), "{key}": KEY})
    for name, text in (("table", TABLE), ("ends", ENDS), ("fails", FAILS)):
        for mark, value in values.items():
            text = text.replace(mark, value)
        (folder / f"{name}.sls").write_text(text)
    (folder / "tree" / "empty").mkdir(parents=True)
    (folder / "tree" / "leaf").write_text("leaf\n")
    (folder / "script").write_text("#!/bin/sh\necho done > $1\n")
    (lab.root / "hosts").write_text("127.0.0.1 localhost\n")
    with tarfile.open(folder / "some.tar", "w") as archive:
        archive.add(folder / "text", "inside/text")
    repository = lab.root / "repo"
    words = ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "one"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(repository)], check=True)
    subprocess.run(["git", "-C", str(repository), *words], check=True)


@pytest.fixture(scope="module", params=["local", "zeromq", "ssh", "both"])
def run(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Calls a function over one road: its value and the exit code."""
    if request.param == "zeromq":
        (lab.root / "etc" / "roster").unlink(missing_ok=True)
        yield _runner(lab, [str(BIN / "salt"), "-c", str(lab.root / "etc"), "box"], "box")
    elif request.param == "local":
        roots = ["--file-root", str(lab.root / "srv/salt"), "--pillar-root", str(lab.root / "srv/pillar")]
        command = [str(BIN / "salt-call"), "-c", str(lab.root / "box"), "--local", "--retcode-passthrough", *roots]
        yield _runner(lab, command, "local")
    else:
        with serving(tmp_path_factory.mktemp("host")) as server:
            (lab.root / "known").write_text(server.known_hosts_line())
            fields = server.roster(minion_opts=_options(lab))
            (lab.root / "etc" / "roster").write_text(yaml.safe_dump({"box": fields}))
            if request.param == "both":  # the master's own SSH road: the host's minion is away
                lab.daemons["box"].stop()
                until("its end", lambda: not lab.control.ask("present")["present"]["box"]["up"])
                yield _runner(lab, [str(BIN / "salt"), "-c", str(lab.root / "etc"), "box"], "box")
                assert server.sessions, "it was reached over SSH"
            else:
                options = ["-c", str(lab.root / "etc"), "--out-indent", "0", "box"]
                yield _runner(lab, [sys.executable, "-m", "ssh.cli.ssh", *options], "box")


def _runner(lab: Lab, command: list[str], key: str) -> Run:
    home = lab.root / "home"
    home.mkdir(exist_ok=True)

    def run(*words: str) -> tuple[Any, int]:
        done = subprocess.run(
            [*command, *words, "--out", "json"], capture_output=True, text=True, cwd=ROOT, timeout=120,
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


Results = dict[str, dict[str, Any]]


def _by_id(value: dict[str, dict[str, Any]]) -> Results:
    assert isinstance(value, dict), value
    return {tag.split("_|-")[1]: result for tag, result in value.items()}


def _differ(results: Results, expected: bool | None) -> list[tuple[str, Any, str]]:
    """States with another result."""
    return [(name, r["result"], r["comment"]) for name, r in results.items() if r["result"] is not expected]


@pytest.mark.timeout(300)
@pytest.mark.skipif(os.geteuid() != 0, reason="makes users")
def test_a_table_of_states(run: Run, lab: Lab) -> None:
    made, given = lab.root / "made", lab.root / "given"
    given.mkdir(exist_ok=True)
    for name in EDITED:
        (given / name).write_text("a\nb\nc = 1\n")
    try:
        for sls in ("table", "ends"):
            predicted = _by_id(run("state.apply", sls, "test=True")[0])
            assert not _differ(predicted, None) and made.exists() == (sls == "ends")
            value, code = run("state.apply", sls)
            first = _by_id(value)
            assert not _differ(first, True) and code == 0
            assert not [name for name, result in first.items() if not result["changes"]]
            for options in ([], ["test=True"]):
                again = _by_id(run("state.apply", sls, *options)[0])
                if options:
                    again.pop("archive", None)  # is not fetched to look into it
                assert not _differ(again, True)
                assert not [(name, result["changes"]) for name, result in again.items() if result["changes"]]
        assert not made.exists() and (lab.root / "hosts").read_text() == "127.0.0.1 localhost\n"
    finally:
        rest = f"{made} {given} /var/spool/cron/crontabs/{USER}"  # an empty table stays when its user goes
        for command in (f"userdel -f {USER}", f"groupdel {USER}s", f"rm -rf {rest}"):
            subprocess.run(command.split(), capture_output=True)


def test_failures_of_states(run: Run) -> None:
    value, code = run("state.apply", "fails")
    results = _by_id(value)
    assert not _differ(results, False) and len(results) == 8 and code != 0
    assert "Reason: 'nosuch.function' is not available" in results["unknown"]["comment"]


def test_what_there_is(run: Run) -> None:
    value, code = run("sys.list_functions", "test")
    assert "test.ping" in value and code == 0
    value, code = run("sys.argspec", "test.echo")
    assert value == {"test.echo": {"args": ["text"], "defaults": None, "varargs": None, "kwargs": None}} and code == 0


def test_own_modules(run: Run) -> None:
    run("saltutil.sync_modules")
    assert run("own.hello", "bob") == ("bob web web-user", 0)
