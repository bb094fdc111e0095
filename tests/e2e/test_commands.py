"""The commands of an operator against real daemons: what they print, and with which exit code they end."""

from __future__ import annotations

import json
import os

import pytest

from tests.processes import Lab

ALL = ["db1", "web1", "web2"]


def test_ping(lab: Lab):
    done = lab.salt("web1", "test.ping")
    assert (done.returncode, done.stdout, done.stderr) == (0, "web1:\n    True\n", "")
    assert lab.results("*", "test.ping") == dict.fromkeys(ALL, True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["web*"], ["web1", "web2"]), (["web[2-3]"], ["web2"]), (["-E", "web(1|3)"], ["web1"]),
        (["-L", "web1,db1"], ["db1", "web1"]), (["-G", "role:web"], ["web1", "web2"]), (["-G", "site:name:lab"], ALL),
        (["-G", "site:racks:2"], ALL), (["-P", "role:^d"], ["db1"]), (["-C", "G@role:web and not web1"], ["web2"]),
        (["-C", "( web1 or db* ) and E@.*1"], ["db1", "web1"]), (["-S", "127.0.0.0/8"], ALL),
        (["--delimiter", "|", "-G", "site|name|lab"], ALL), (["-N", "front"], ["web1", "web2"]),
    ],
    ids=str,
)  # fmt: skip
def test_targets(lab: Lab, options: list[str], expected: list[str]):
    done = lab.salt("--static", "--out=json", *options, "test.ping")
    if options[:1] == ["-N"]:
        assert done.returncode == 2 and "front" in done.stdout + done.stderr, "a nodegroup that is not declared"
        return
    assert sorted(json.loads(done.stdout)) == expected if expected else done.returncode == 2, done.stderr


def test_arguments_are_typed_as_on_every_salt_command_line(lab: Lab):
    answer = lab.results(
        "web1", "test.arg", "1", "1.5", "[a, 2]", "{b: c}", "text", "flag=True", "name=x: y", "none=null"
    )
    given = answer["web1"]
    assert given["args"] == [1, 1.5, ["a", 2], {"b": "c"}, "text"]
    shown = {k: v for k, v in given["kwargs"].items() if not k.startswith("__pub_")}
    assert shown["flag"] is True and shown["name"] == "x: y"


def test_a_failure_is_told_in_the_exit_code_and_in_the_last_line(lab: Lab):
    done = lab.salt("*", "cmd.run", "exit $(test $(hostname) = x; echo 3)")
    assert done.returncode != 0
    assert "db1" in done.stderr.splitlines()[-1]
    for function in ("no.such_function", "test.exception"):
        done = lab.salt("web1", function, *(["oops"] if function == "test.exception" else []))
        assert done.returncode != 0, f"{function} failed, and the exit code is 0"
    assert "'no.such_function' is not available." in lab.salt("web1", "no.such_function").stdout


def test_nobody_is_a_failure(lab: Lab):
    done = lab.salt("nobody*", "test.ping")
    assert done.returncode == 2 and "No minions matched the target" in done.stdout + done.stderr


def test_several_functions_at_once(lab: Lab):
    answer = lab.results("web1", "test.ping,test.echo,grains.get", ",", "hello", ",", "role")
    assert answer["web1"] == {"test.ping": True, "test.echo": "hello", "grains.get": "web"}


def test_jobs_are_kept_and_looked_up(lab: Lab):
    done = lab.salt("--async", "*", "test.echo", "remember me")
    jid = done.stdout.split()[-1]
    assert done.returncode == 0 and jid.isdigit() and len(jid) == 20
    follow = lab.control.follow(jid)
    assert {item.id for item in follow} == set(ALL)
    done = lab.command("salt-run", "jobs.lookup_jid", jid, "--out=json")
    assert json.loads(done.stdout) == dict.fromkeys(ALL, "remember me")


def test_salt_call_through_the_master(lab: Lab):
    (lab.root / "srv/salt/hello.txt").write_text("hello\n")
    done = lab.salt_call("web1", "--out=json", "cp.get_file_str", "salt://hello.txt")
    assert done.returncode == 0 and json.loads(done.stdout) == {"local": "hello\n"}, done.stderr


def test_files_pillar_and_states_come_from_the_master(lab: Lab):
    (lab.root / "srv/pillar/top.sls").write_text("base:\n  'web*': [web]\n")
    (lab.root / "srv/pillar/web.sls").write_text("port: {{ 8000 + 80 }}\nowner: {{ grains['id'] }}\n")
    (lab.root / "srv/salt/app.conf").write_text("port={{ pillar['port'] }} host={{ grains['id'] }}\n")
    target = lab.root / "app.conf"
    (lab.root / "srv/salt/app.sls").write_text(
        f"{target}:\n  file.managed:\n    - source: salt://app.conf\n    - template: jinja\n"
    )
    assert lab.results("*", "saltutil.refresh_pillar", "wait=True") == dict.fromkeys(ALL, True)
    assert lab.results("*", "pillar.get", "port", "unmask=True") == {"db1": "", "web1": 8080, "web2": 8080}
    done = lab.salt("web1", "state.apply", "app", "test=True")
    assert done.returncode == 0 and not target.exists() and "Result: None" in done.stdout
    done = lab.salt("web1", "state.apply", "app")
    assert done.returncode == 0 and "Succeeded: 1 (changed=1)" in done.stdout, done.stdout + done.stderr
    assert target.read_text() == "port=8080 host=web1\n"
    assert "(changed=" not in lab.salt("web1", "state.apply", "app").stdout
    assert sorted(lab.results("-I", "port:8080", "test.ping")) == ["web1", "web2"]
    assert lab.salt("web1", "state.apply", "missing").returncode != 0


def test_custom_modules_are_synced(lab: Lab):
    (lab.root / "srv/salt/_modules").mkdir(exist_ok=True)
    (lab.root / "srv/salt/_modules/house.py").write_text(
        "def number():\n    '''The number of the house.'''\n    return __salt__['grains.get']('id') + ' lives at 7'\n"
    )
    assert lab.results("*", "saltutil.sync_modules") == {name: ["modules.house"] for name in ALL}
    assert lab.results("web1", "house.number") == {"web1": "web1 lives at 7"}
    assert "The number of the house." in lab.salt("web1", "sys.doc", "house.number").stdout


def test_mine_and_events(lab: Lab):
    assert lab.results("web*", "mine.send", "role_is", "mine_function=grains.get", "role")["web1"] is True
    assert lab.results("db1", "mine.get", "web*", "role_is") == {"db1": {"web1": "web", "web2": "web"}}
    events = lab.listen("my/*", "salt/job/*/ret/*")
    assert lab.results("db1", "event.send", "my/tag", "key=value") == {"db1": True}
    event = lab.expect(events, "the event of a minion")
    assert event["tag"] == "my/tag" and event["data"]["id"] == "db1" and event["data"]["data"]["key"] == "value"


def test_batches(lab: Lab):
    done = lab.salt("-b", "1", "*", "test.ping")
    assert done.returncode == 0 and done.stdout.count("Executing run on") == 3


def test_salt_cp(lab: Lab):
    source = lab.root / "big.bin"
    source.write_bytes(bytes(range(256)) * 12000)
    target = lab.root / "copied.bin"
    done = lab.command("salt-cp", "web1", str(source), str(target))
    assert done.returncode == 0, done.stdout + done.stderr
    assert target.read_bytes() == source.read_bytes()


def test_the_processes_have_the_titles_that_users_know(lab: Lab):
    master = lab.daemons["master"]
    for title in (
        "Publisher",
        "EventPublisher",
        "ReqServer_ProcessManager",
        "MWorkerQueue",
        "MWorker-4",
        "Maintenance",
    ):
        assert master.children(title), f"no process is called {title}"


def test_a_minion_listens_on_no_port(lab: Lab):
    minion = lab.daemons["web1"]
    pids = {minion.process.pid, *minion.children()}
    inodes = set()
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except OSError:
                continue
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as lines:
            for line in list(lines)[1:]:
                parts = line.split()
                assert not (parts[3] == "0A" and f"socket:[{parts[9]}]" in inodes), f"a minion listens: {line}"
