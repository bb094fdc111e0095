"""salt-ssh as a whole: the real command, a real SSH connection, the real thin minion."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import yaml

from master.jobstore import SQLiteJobStore
from tests.processes import until
from tests.ssh.hosts import PASSWORD, serving

NOISE = b"*** Welcome ***\r\n\x00\xff some \x1b[31mnoise\x1b[0m 0000001234\n"


def test_ping_then_nothing_is_sent_twice(salt_ssh, server) -> None:
    assert salt_ssh.json("box", "test.ping") == ({"box": True}, 0)
    cold = server.received
    assert salt_ssh.json("box", "test.ping") == ({"box": True}, 0)
    assert cold > 300_000 and server.received < 40_000
    assert server.connections == 2 and len(server.sessions) == 2, "one connection and one session for each run"


def test_state_with_files_pillar_and_own_modules(salt_ssh, server, tmp_path) -> None:
    srv, target = salt_ssh.folder / "srv", tmp_path / "made"
    (srv / "_modules").mkdir()
    (srv / "_modules" / "mine_own.py").write_text("def hi():\n    return 'hi ' + __grains__['id']\n")
    (srv / "site.sls").write_text(f"{target}:\n  file.managed:\n    - source: salt://text\n    - template: jinja\n")
    (srv / "text").write_text("{{ pillar.who }} {{ grains.id }} {{ salt['mine_own.hi']() }}\n")
    (salt_ssh.folder / "pillar" / "top.sls").write_text("base: {'*': [who]}")
    (salt_ssh.folder / "pillar" / "who.sls").write_text("who: {{ grains.kernel }}")
    found, code = salt_ssh.json("box", "state.apply", "site", "test=True")
    (state,) = found["box"].values()
    assert state["result"] is None and code == 0 and not target.exists()
    done = salt_ssh("box", "state.apply", "site")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded: 1 (changed=1)" in done.stdout
    assert target.read_text() == "Linux box hi box\n"
    found, code = salt_ssh.json("box", "state.apply", "site", "pillar={'who': 'me'}")
    assert code == 0 and target.read_text() == "me box hi box\n"
    (srv / "_modules" / "mine_own.py").write_text("def hi():\n    return 'changed'\n")
    assert salt_ssh.json("box", "mine_own.hi") == ({"box": "changed"}, 0)


def test_failures_show_in_text_and_exit_code(salt_ssh) -> None:
    found, code = salt_ssh.json("box", "test.nosuch")
    assert "'test.nosuch' is not available" in str(found["box"]) and code == 1
    found, code = salt_ssh.json("box", "cmd.run", "exit 3")
    assert code == 1
    found, code = salt_ssh.json("box", "cmd.run", "kill -9 $PPID")
    assert found["box"] == "The job's process was killed by signal 9 before it returned" and code == 1


def test_noise_of_login_scripts_is_told_from_data(salt_ssh, server) -> None:
    server.faults.noise = NOISE * 2000
    assert salt_ssh.json("box", "test.echo", "text") == ({"box": "text"}, 0)


def test_one_bad_host_costs_nobody_else(salt_ssh, server) -> None:
    salt_ssh.roster(
        box=server.roster(), dead=server.roster(port=1), nobody=server.roster(host="no.such.host.invalid"),
        old=server.roster(python="/usr/bin/false"),
    )  # fmt: skip
    done = salt_ssh("*", "test.ping")
    assert "box:\n    True" in done.stdout
    assert "[Unreachable] no connection to 127.0.0.1 port 1: " in done.stdout
    assert "[Unreachable] no.such.host.invalid can't be resolved" in done.stdout
    assert "[StartFailed]" in done.stdout
    assert "1 ok, 0 changed, 0 failed, 3 unreachable (dead, nobody, old)" in done.stderr
    assert done.returncode == 10


def test_host_keys(salt_ssh, server, tmp_path) -> None:
    salt_ssh.known_hosts.unlink()
    found, code = salt_ssh.json("box", "test.ping")
    assert "[HostKeyUnknown] the host key of [127.0.0.1]:" in found["box"] and code == 10
    assert salt_ssh.json("-i", "box", "test.ping") == ({"box": True}, 0)
    assert salt_ssh.known_hosts.read_text() == server.known_hosts_line()
    assert salt_ssh.json("box", "test.ping") == ({"box": True}, 0)
    with serving(tmp_path / "other") as other:
        salt_ssh.roster(box=other.roster(passwd=PASSWORD, priv=""))
        salt_ssh.known_hosts.write_text(server.known_hosts_line().replace(str(server.port), str(other.port)))
        for options in ([], ["-i"]):
            found, code = salt_ssh.json(*options, "box", "test.ping")
            assert "[HostKeyChanged]" in found["box"] and "CHANGED" in found["box"] and code == 10
        assert other.passwords == [], "a host that can't prove who it is gets no password"
        done = salt_ssh("--no-host-keys", "box", "test.ping")
        assert other.passwords == [] and "[AuthenticationFailed]" in done.stdout
        assert "no password is sent" in done.stdout and "WARNING: host keys are not checked" in done.stderr


def test_passwords(salt_ssh, server) -> None:
    salt_ssh.roster(box=server.roster(priv="", passwd=PASSWORD))
    assert salt_ssh.json("box", "test.ping") == ({"box": True}, 0)
    salt_ssh.roster(box=server.roster(priv="", passwd="wrong horse"))
    done = salt_ssh("box", "test.ping")
    assert "[AuthenticationFailed]" in done.stdout and done.returncode == 10
    assert "wrong horse" not in done.stdout + done.stderr
    assert salt_ssh.json("--passwd", PASSWORD, "box", "test.ping")[1] == 10, "the roster wins"


def test_wrong_roster_is_named(salt_ssh) -> None:
    salt_ssh.roster(box={"prot": 22})
    done = salt_ssh("box", "test.ping")
    assert "host 'box': there is no field 'prot'; did you mean port?" in done.stderr and done.returncode == 1


def test_connection_cut_while_the_bundle_is_sent(salt_ssh, server) -> None:
    server.faults.cut_after = 200_000
    found, code = salt_ssh.json("box", "test.ping")
    assert "[ConnectionLost]" in found["box"] and code == 14
    server.faults.cut_after = 0
    assert salt_ssh.json("box", "test.ping") == ({"box": True}, 0)
    left = [path for path in (server.home / "thin").iterdir() if path.name.startswith(".new")]
    assert left == []


def test_interrupt_leaves_nothing_running(salt_ssh, server, tmp_path) -> None:
    mark = tmp_path / "runs"
    process = salt_ssh.popen("box", "cmd.run", f"echo $$ > {mark}.new; mv {mark}.new {mark}; sleep 300")
    until("the job runs", mark.exists)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "1 ended before they answered" in err
    pid = int(mark.read_text())
    until("the job's process is gone", lambda: not Path(f"/proc/{pid}").exists())


def test_killed_client_leaves_nothing_running(salt_ssh, server, tmp_path) -> None:
    mark = tmp_path / "runs"
    process = salt_ssh.popen("box", "cmd.run", f"echo $$ > {mark}.new; mv {mark}.new {mark}; sleep 300")
    until("the job runs", mark.exists)
    process.kill()
    process.communicate()
    pid = int(mark.read_text())
    until("the job's process is gone", lambda: not Path(f"/proc/{pid}").exists())


def test_a_job_may_not_take_longer_than_allowed(salt_ssh) -> None:
    found, code = salt_ssh.json("--timeout", "2", "box", "test.sleep", "60")
    assert "[NoAnswer] the job did not end within 2 s" in found["box"] and code == 12


def test_targets(salt_ssh, server) -> None:
    salt_ssh.roster(web1=server.roster(), web2=server.roster(minion_opts={"grains": {"role": "db"}}))
    salt_ssh.config["nodegroups"] = {"all_web": "web*"}
    assert salt_ssh.json("-L", "web1,web9", "test.ping") == ({"web1": True}, 2)
    assert salt_ssh.json("-E", "web[2]", "test.ping") == ({"web2": True}, 0)
    assert salt_ssh.json("-N", "all_web", "test.ping") == ({"web1": True, "web2": True}, 0)
    server.sessions.clear()
    assert salt_ssh.json("-G", "role:db", "test.ping") == ({"web2": True}, 0)
    assert len(server.sessions) == 2, "hosts whose grains are not known decide for themselves"
    assert salt_ssh.json("-C", "G@role:db or L@none", "test.ping") == ({"web2": True}, 0)
    assert len(server.sessions) == 3, "known grains leave out who can't match"
    assert salt_ssh("nobody*", "test.ping").returncode == 2


def test_raw(salt_ssh) -> None:
    found, code = salt_ssh.json("-r", "box", "echo out; echo err >&2; exit 4")
    assert found == {"box": {"stdout": "out\n", "stderr": "err\n", "retcode": 4}} and code == 1


def test_wipe_and_random_folder(salt_ssh, server) -> None:
    before = set(os.listdir("/var/tmp"))
    assert salt_ssh.json("-W", "box", "test.ping") == ({"box": True}, 0)
    assert set(os.listdir("/var/tmp")) == before and not (server.home / "thin").exists()
    assert salt_ssh.json("-w", "box", "test.ping") == ({"box": True}, 0)
    assert not (server.home / "thin").exists()


def test_pre_flight(salt_ssh, server, tmp_path) -> None:
    script = tmp_path / "flight.sh"
    script.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/flown\n')
    salt_ssh.roster(box=server.roster(ssh_pre_flight=str(script), ssh_pre_flight_args=["a b"]))
    for _ in range(2):
        assert salt_ssh.json("box", "test.ping") == ({"box": True}, 0)
    assert (tmp_path / "flown").read_text() == "a b\n", "once, while the host had no bundle"
    assert salt_ssh.json("--pre-flight", "box", "test.ping") == ({"box": True}, 0)
    assert (tmp_path / "flown").read_text() == "a b\na b\n"
    script.write_text("#!/bin/sh\necho no fuel >&2; exit 9\n")
    found, code = salt_ssh.json("--pre-flight", "box", "test.ping")
    assert "[PreFlightFailed]" in found["box"] and "with 9: no fuel" in found["box"] and code == 10


def test_jobs_are_kept(salt_ssh, server) -> None:
    salt_ssh.roster(box=server.roster(), dead=server.roster(port=1))
    salt_ssh("*", "test.echo", "kept", "--jid", "20300101000000000000")
    store = SQLiteJobStore(str(salt_ssh.folder / "cache" / "jobs" / "jobs.db"))
    record = store.job("20300101000000000000")
    assert record is not None and record.minions == ("box", "dead")
    assert [returned.value for returned in store.returns(record.job.jid)] == ["kept"]
    assert store.verdicts(record.job.jid) == {"dead": "undelivered"}


def test_a_host_that_talks_garbage_is_an_error_of_its_own(salt_ssh, server, tmp_path) -> None:
    with serving(tmp_path / "hostile") as hostile:
        hostile.faults.garbage = b"\xff" * 100_000
        salt_ssh.roster(box=server.roster(), hostile=hostile.roster())
        salt_ssh.known_hosts.write_text(server.known_hosts_line() + hostile.known_hosts_line())
        found, code = salt_ssh.json("*", "test.ping")
    assert found["box"] is True and "[StartFailed]" in found["hostile"] and code == 10


def test_busy_door_is_tried_again(salt_ssh, server) -> None:
    server.faults.refuse = 2
    assert salt_ssh.json("box", "test.ping") == ({"box": True}, 0)


def test_key_deploy(salt_ssh, server) -> None:
    salt_ssh.roster(box=server.roster(priv="", passwd=PASSWORD))
    for _ in range(2):
        assert salt_ssh.json("--key-deploy", "box", "test.ping") == ({"box": True}, 0)
    (line,) = (server.home / ".ssh" / "authorized_keys").read_text().splitlines()
    assert line.startswith("ssh-rsa ") and (salt_ssh.folder / "etc/salt/pki/master/ssh/salt-ssh.rsa").exists()


@pytest.mark.parametrize("option", ["ProxyCommand=id", "LocalCommand=id", "Include=/etc/passwd"])
def test_options_that_would_run_something_here_are_refused(salt_ssh, option: str) -> None:
    done = salt_ssh("--ssh-option", option, "box", "test.ping")
    assert done.returncode == 64 and "--ssh-option must be options that are allowed" in done.stderr


def test_ssh_options_reach_the_client(salt_ssh, server) -> None:
    salt_ssh.roster(box=server.roster(ssh_options=["Ciphers=aes256-ctr"]))
    assert salt_ssh.json("box", "test.ping") == ({"box": True}, 0)
    salt_ssh.roster(box=server.roster(ssh_options=["Ciphers=no-such-cipher"]))
    found, code = salt_ssh.json("box", "test.ping")
    assert "[Unreachable]" in found["box"] and "No matching encryption algorithm" in found["box"] and code == 10


def test_publishing_goes_over_the_roster(salt_ssh, server) -> None:
    """Hosts publish to each other and to themselves, as far as `peer` lets them; the runner too."""
    salt_ssh.roster(box=server.roster(), other=server.roster(thin_dir=str(server.home / "other")))
    salt_ssh.config.update(peer={"box": ["test.*"]}, peer_run={"box": ["test.arg"]}, ssh_max_procs=1)
    assert salt_ssh.json("box", "publish.publish", "*", "test.ping") == ({"box": {"box": True, "other": True}}, 0)
    value, code = salt_ssh.json("box", "publish.full_data", "other", "test.arg", "word")
    assert value["box"]["other"]["ret"]["args"] == ["word"] and code == 0
    assert salt_ssh.json("other", "publish.publish", "*", "test.ping")[0] == {"other": {}}, "it may not"
    assert salt_ssh.json("box", "publish.publish", "*", "cmd.run", "id")[0] == {"box": {}}
    assert salt_ssh.json("box", "publish.runner", "test.arg", "x")[0]["box"]["args"] == ["x"]


def test_a_host_that_only_the_target_names(salt_ssh, server) -> None:
    """`user@host:port` needs no roster; one of the roster is meant by its address, too."""
    roster = salt_ssh.folder / "roster"
    roster.unlink()
    salt_ssh.config["roster_defaults"] = {"thin_dir": str(server.home / "thin")}
    spec, key = f"tester@127.0.0.1:{server.port}", ("--priv", str(server.key_file))
    assert salt_ssh.json(*key, spec, "test.ping") == ({"127.0.0.1": True}, 0)
    assert not roster.exists()
    done = salt_ssh("no-such-host.invalid", "test.ping")
    assert done.returncode != 0 and "there is no roster" in done.stderr
    assert salt_ssh.json(*key, "--update-roster", spec, "test.ping")[1] == 0
    assert yaml.safe_load(roster.read_text()) == {
        "127.0.0.1": {"host": "127.0.0.1", "port": server.port, "user": "tester"}
    }
    salt_ssh.roster(box={**server.roster(), "user": "nobody"})
    assert salt_ssh.json("tester@127.0.0.1", "test.ping") == ({"box": True}, 0), (
        "the entry, with the user of the target"
    )
    assert salt_ssh("tester@no-such-host.invalid", "test.ping").returncode == 2
