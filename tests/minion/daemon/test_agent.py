"""The daemon: each job is run at most once and has exactly one return, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.minion.daemons import SILENT, Minion, answers, minion, run

MODULE = """
import os, time

def note(path):
    with open(path, "a") as file:
        file.write("x")
    return "noted"

def note_and_wait(path, gate):
    note(path)
    while not os.path.exists(gate):
        time.sleep(0.02)
    return "waited"
"""


def write_module(tmp_path: Path) -> None:
    folder = tmp_path / "cache/extmods/modules"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "thing.py").write_text(MODULE)


async def waiting_job(m: Minion, tmp_path: Path) -> str:
    """A job that has begun, and waits for the file `gate`."""
    jid = await m.publish("thing.note_and_wait", str(tmp_path / "notes"), str(tmp_path / "gate"))
    await m.until((tmp_path / "notes").exists)
    return jid


# -------------------------------------------------------------------- start


@run
async def test_start_events_pillar_and_first_job(tmp_path: Path):
    async with minion(tmp_path) as m:
        order = [cmd for cmd, _load in m.master.asked]
        assert order[0] == "_pillar"
        assert [load["tag"] for load in m.asked("_minion_event")] == ["minion_start", "salt/minion/m1/start"]
        assert m.asked("_pillar")[0]["grains"]["kernel"] == "Linux"
        result = await m.result(await m.publish("test.echo", "hi", metadata={"a": 1}))
        assert (result["return"], result["retcode"], result["success"]) == ("hi", 0, True)
        assert (result["fun"], result["fun_args"], result["metadata"]) == ("test.echo", ["hi"], {"a": 1})


@run
async def test_listens_on_no_port(tmp_path: Path):
    async with minion(tmp_path) as m:
        assert m.daemon is not None
        for pid in (m.daemon.pid, m.link()):
            inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
            for table in ("tcp", "tcp6"):
                for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                    words = line.split()
                    assert words[3] != "0A" or f"socket:[{words[9]}]" not in inodes


@run
async def test_what_it_keeps_is_private(tmp_path: Path):
    async with minion(tmp_path) as m:
        await m.run("test.ping")
        for place, folders, files in os.walk(tmp_path / "cache"):
            for name in [*folders, *files]:
                path = os.path.join(place, name)
                assert os.lstat(path).st_mode & 0o077 == 0, path


@run
async def test_pillar_is_there_before_the_first_job(tmp_path: Path):
    async def slow_pillar(cmd: str, load: dict[str, Any]) -> Any:
        if cmd == "_pillar":
            await m.until((tmp_path / "gate").exists)
            return {"color": "blue"}
        return None

    async with minion(tmp_path, start=False) as m:
        m.master.handler = slow_pillar
        m.start()
        await m.master.until(lambda: m.asked("_pillar") and m.master.topics)
        jid = await m.publish("test.ping", tgt="color:blue", tgt_type="pillar")
        (tmp_path / "gate").touch()
        assert (await m.result(jid))["return"] is True


@run
async def test_stock_master(tmp_path: Path):
    async with minion(tmp_path, own=False) as m:
        assert await m.run("test.ping") is True
        assert not m.asked("_ack")


@run
async def test_rejected_minion_ends_with_77(tmp_path: Path):
    async with minion(tmp_path, start=False) as m:
        m.master.desk.verdict = False
        daemon = m.start()
        await m.until(lambda: daemon.poll() is not None)
        assert daemon.returncode == 77


@run
async def test_grains_of_the_start_event_and_ping(tmp_path: Path):
    async with minion(tmp_path, start_event_grains=["kernel"], enable_legacy_startup_events=False) as m:
        (event,) = m.asked("_minion_event")
        assert event["grains"] == {"kernel": "Linux"} and event["tag"] == "salt/minion/m1/start"


@run
async def test_startup_states_and_mine(tmp_path: Path):
    async with minion(tmp_path, startup_states="sls", sls_list=["a"], mine_functions={"test.ping": []}) as m:
        await m.master.until(lambda: m.asked("_mine") and m.returns())
        assert m.asked("_mine")[0]["data"] == {"test.ping": True}
        (result,) = m.returns()
        assert (result["jid"], result["fun"], result["fun_args"]) == ("req", "state.sls", [["a"]])


# --------------------------------------------------------------------- jobs


@run
async def test_targets_are_decided_here(tmp_path: Path):
    async with minion(tmp_path, grains={"role": ["web", "db"]}) as m:
        for tgt, kind in (("nobody", "glob"), ("role:mail", "grain"), (["x", "y"], "list"), ("E@x", "compound")):
            await m.publish("test.ping", tgt=tgt, tgt_type=kind)
        for tgt, kind in (("role:db", "grain"), ("G@role:web and m*", "compound"), (["x", "m1"], "list")):
            assert await m.run("test.ping", tgt=tgt, tgt_type=kind) is True
        assert len(m.returns()) == 3


@run
async def test_same_job_is_not_run_twice(tmp_path: Path):
    write_module(tmp_path)
    async with minion(tmp_path) as m:
        jid = await m.publish("thing.note", str(tmp_path / "notes"))
        await m.result(jid)
        for _ in range(3):
            await m.publish("thing.note", str(tmp_path / "notes"), jid=jid)
        await m.run("test.ping")
        assert (tmp_path / "notes").read_text() == "x"
        assert len([load for load in m.returns() if load["jid"] == jid]) == 1
        await m.stop()
        m.start()
        await m.started(2)
        await m.publish("thing.note", str(tmp_path / "notes"), jid=jid)
        await m.run("test.ping")
        assert (tmp_path / "notes").read_text() == "x"


@run
async def test_long_job_is_acknowledged_a_short_one_is_not(tmp_path: Path):
    write_module(tmp_path)
    async with minion(tmp_path) as m:
        await m.run("test.ping")
        jid = await waiting_job(m, tmp_path)
        await m.master.until(lambda: m.asked("_ack"))
        assert [load["jid"] for load in m.asked("_ack")] == [jid]
        await m.publish("thing.note", "x", jid=jid)  # the master did not hear it
        await m.master.until(lambda: len(m.asked("_ack")) == 2)
        (tmp_path / "gate").touch()
        assert (await m.result(jid))["return"] == "waited"


@run
async def test_find_job_is_answered_while_the_job_runs(tmp_path: Path):
    write_module(tmp_path)
    async with minion(tmp_path) as m:
        jid = await waiting_job(m, tmp_path)
        found = await m.run("saltutil.find_job", jid)
        assert (found["jid"], found["fun"]) == (jid, "thing.note_and_wait") and found["pid"] > 0
        assert await m.run("saltutil.find_job", "20260101000000000000") == {}
        (job,) = await m.run("saltutil.running")
        assert job["jid"] == jid
        assert [job["jid"] for job in await m.run("saltutil.is_running", "thing.*")] == [jid]
        (tmp_path / "gate").touch()
        await m.result(jid)
        assert await m.run("saltutil.find_job", jid) == {}


@run
async def test_killed_job_has_a_return_that_says_so(tmp_path: Path):
    write_module(tmp_path)
    async with minion(tmp_path) as m:
        jid = await waiting_job(m, tmp_path)
        (text,) = await m.run("saltutil.term_all_jobs")
        assert text.startswith(f"Signal 15 sent to job {jid} at pid ")
        result = await m.result(jid)
        assert "killed by signal SIGTERM" in result["return"]
        assert (result["retcode"], result["success"], result["lost"]) == (1, False, True)


@run
async def test_signal_reaches_the_programs_that_a_job_started(tmp_path: Path):
    async with minion(tmp_path) as m:
        jid = await m.publish("cmd.run", f"echo $$ > {tmp_path}/shell; sleep 600", python_shell=True)
        await m.until((tmp_path / "shell").exists)
        await m.run("saltutil.kill_job", jid)
        await m.result(jid)
        pid = (tmp_path / "shell").read_text().strip()
        await m.until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text())


@run
async def test_jobs_wait_for_their_turn(tmp_path: Path):
    write_module(tmp_path)
    async with minion(tmp_path, process_count_max=1) as m:
        first = await waiting_job(m, tmp_path)
        second = await m.publish("test.ping")
        found = await m.run("saltutil.find_job", second)
        assert found["queued"] is True and found["pid"] == 0
        assert not any(load["jid"] in (first, second) for load in m.returns())
        (tmp_path / "gate").touch()
        await m.result(first)
        assert (await m.result(second))["return"] is True


@run
async def test_generator_tells_its_progress(tmp_path: Path):
    folder = tmp_path / "cache/extmods/modules"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "thing.py").write_text("def steps():\n    yield {'a': 1}\n    yield {'b': 2}\n")
    async with minion(tmp_path) as m:
        jid = await m.publish("thing.steps", start_event=True)
        assert (await m.result(jid))["return"] == {"a": 1, "b": 2}
        events = {load["tag"]: load["data"] for load in m.asked("_minion_event")}
        assert events[f"salt/job/{jid}/prog/m1/0"] == {"return": {"a": 1}}
        assert events[f"salt/job/{jid}/start/m1"]["fun"] == "thing.steps"


@run
async def test_returner_gets_the_return(tmp_path: Path):
    folder = tmp_path / "cache/extmods/returners"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "paper.py").write_text(
        f"import json\ndef returner(ret):\n    json.dump(ret, open({str(tmp_path / 'paper')!r}, 'w'))\n"
    )
    async with minion(tmp_path) as m:
        jid = await m.publish("test.echo", "x", ret="paper,none", ret_kwargs={"k": 1})
        await m.result(jid)
        await m.until((tmp_path / "paper").exists)
        await m.until(lambda: '"return": "x"' in (tmp_path / "paper").read_text())
        assert "Returner none could not be loaded" in await m.until(lambda: "Returner none" in m.log() and m.log())


@run
async def test_returns_are_kept_here_if_wished(tmp_path: Path):
    async with minion(tmp_path, cache_jobs=True) as m:
        jid = await m.publish("test.echo", "x")
        await m.result(jid)
        assert (await m.run("saltutil.find_cached_job", jid))["return"] == "x"


# ------------------------------------------------------------------- faults


@run
async def test_return_waits_for_the_master_and_is_delivered_once(tmp_path: Path):
    async def deaf(cmd: str, load: dict[str, Any]) -> Any:
        return SILENT if cmd == "_return" else await answers(cmd, load)

    async with minion(tmp_path) as m:
        m.master.handler = deaf
        jid = await m.publish("test.echo", "x")
        await m.result(jid)
        await m.stop()
        assert len(list((tmp_path / "cache/returns").rglob("*.ret"))) == 1
        m.master.asked.clear()
        m.master.handler = answers
        m.start()
        assert (await m.result(jid))["return"] == "x"
        await m.until(lambda: not list((tmp_path / "cache/returns").rglob("*.ret")))
        await m.run("test.ping")
        assert len([load for load in m.returns() if load["jid"] == jid]) == 1


@run
async def test_returns_keep_their_order(tmp_path: Path):
    async with minion(tmp_path) as m:
        ports = m.master.ports
        await m.master.stop()
        from minion.spool import put

        (folder,) = (tmp_path / "cache/returns").iterdir()
        for number in range(5):
            put(str(folder), {"jid": f"2026010100000000000{number}", "fun": "test.ping", "return": number})
        m.master.asked.clear()
        await m.master.start()
        assert m.master.ports == ports
        await m.master.until(lambda: len(m.returns()) == 5)
        assert [load["return"] for load in m.returns()] == [0, 1, 2, 3, 4]


@run
async def test_link_that_is_killed_is_started_again_and_loses_nothing(tmp_path: Path):
    write_module(tmp_path)
    async with minion(tmp_path) as m:
        jid = await waiting_job(m, tmp_path)
        os.kill(m.link(), signal.SIGKILL)
        await m.started(2)
        assert (await m.run("saltutil.find_job", jid))["jid"] == jid
        (tmp_path / "gate").touch()
        assert (await m.result(jid))["return"] == "waited"
        assert (tmp_path / "notes").read_text() == "x"


@run
async def test_job_outlives_a_stop_of_the_daemon(tmp_path: Path):
    """A job may restart the very minion that runs it."""
    write_module(tmp_path)
    async with minion(tmp_path) as m:
        jid = await waiting_job(m, tmp_path)
        assert await m.stop() == 0
        (tmp_path / "gate").touch()
        await m.until(lambda: list((tmp_path / "cache/returns").rglob("*.ret")))
        m.start()
        assert (await m.result(jid))["return"] == "waited"


@run
async def test_job_that_ends_after_the_restart_is_waited_for(tmp_path: Path):
    write_module(tmp_path)
    async with minion(tmp_path) as m:
        jid = await waiting_job(m, tmp_path)
        await m.stop()
        m.start()
        await m.started(2)
        assert (await m.run("saltutil.find_job", jid))["jid"] == jid
        (tmp_path / "gate").touch()
        assert (await m.result(jid))["return"] == "waited"


@run
async def test_job_that_died_with_the_daemon_is_told_to_be_lost(tmp_path: Path):
    write_module(tmp_path)
    async with minion(tmp_path) as m:
        jid = await waiting_job(m, tmp_path)
        await m.kill_all()
        m.start()
        result = await m.result(jid)
        assert "restarted while this job ran" in result["return"] and result["lost"] is True
        assert (result["fun"], result["retcode"], result["success"]) == ("thing.note_and_wait", 1, False)
        await m.publish("thing.note", str(tmp_path / "notes"), jid=jid)
        await m.run("test.ping")
        assert (tmp_path / "notes").read_text() == "x"


@run
async def test_master_that_restarts_is_greeted_again(tmp_path: Path):
    async with minion(tmp_path) as m:
        await m.master.stop()
        await m.master.start()
        await m.started(2)
        assert await m.run("test.ping") is True
        assert len(m.asked("_pillar")) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
@run
async def test_full_disk(tmp_path: Path):
    """Nothing can be noted, so nothing may run; the service stays up and says why."""
    import subprocess

    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "none", str(cache)], check=True)
    try:
        async with minion(tmp_path) as m:
            fill = os.open(cache / "fill", os.O_WRONLY | os.O_CREAT)
            with pytest.raises(OSError):
                while True:
                    os.write(fill, b"x" * 4096)
            os.close(fill)
            value = await m.run("test.ping")
            assert "No space left on device" in value
            (cache / "fill").unlink()
            assert await m.run("test.ping") is True
            await m.stop()
    finally:
        subprocess.run(["umount", "-l", str(cache)], check=True)


# --------------------------------------------------------- wishes of modules


@run
async def test_refreshing_the_pillar(tmp_path: Path):
    colors = ["blue", "red"]

    async def pillar(cmd: str, load: dict[str, Any]) -> Any:
        return {"color": colors.pop(0)} if cmd == "_pillar" else None

    async with minion(tmp_path, start=False) as m:
        m.master.handler = pillar
        m.start()
        await m.started()
        assert await m.run("pillar.get", "color", "unmask=True") == "blue"
        assert await m.run("saltutil.refresh_pillar", "wait=True") is True
        assert await m.run("pillar.get", "color", "unmask=True") == "red"


@run
async def test_environment_for_further_jobs(tmp_path: Path):
    async with minion(tmp_path) as m:
        event = {"environ": {"WIDGET": "7"}, "wait": True}
        assert await m.run("event.fire", event, "environ_setenv") is True
        assert await m.run("cmd.run", "echo $WIDGET", "python_shell=True") == "7"


@run
async def test_events_of_modules(tmp_path: Path):
    async with minion(tmp_path) as m:
        assert await m.run("event.send", "my/tag", {"a": 1}, "with_grains=[kernel]") is True
        (event,) = [load for load in m.asked("_minion_event") if load["tag"] == "my/tag"]
        assert {key: event["data"][key] for key in ("a", "grains")} == {"a": 1, "grains": {"kernel": "Linux"}}
        assert await m.run("event.fire", {}, "nobody_listens") is True


# ------------------------------------------------------------ several masters


@run
async def test_failover_and_back(tmp_path: Path):
    from tests.transports.keys import private
    from tests.transports.stand_in import StandIn

    second = StandIn(private("master"))
    second.minion_key = private("minion").public_key()
    await second.start()
    async with minion(tmp_path, start=False) as m:
        masters = [f"127.0.0.1:{m.master.ports[1]}", f"127.0.0.1:{second.ports[1]}"]
        m.configure(master=masters, master_type="failover", master_failback=True, master_failback_interval=1)
        m.start()
        await m.started()
        await m.master.stop()
        await second.until(lambda: second.topics, 30)
        await second.publish(second.frame(second.job("test.ping")))
        await second.until(lambda: any(cmd == "_return" for cmd, _load in second.asked))
        m.master._serial = 1000  # masters with one key count on
        await m.master.start()
        await m.started(2)
        assert await m.run("test.ping") is True
        await m.stop()
    await second.stop()


@run
async def test_several_masters_at_once(tmp_path: Path):
    from tests.transports.keys import private
    from tests.transports.stand_in import StandIn

    second = StandIn(private("master"))
    second.minion_key = private("minion").public_key()

    async def red(cmd: str, load: dict[str, Any]) -> Any:
        return {"color": "red"} if cmd == "_pillar" else None

    second.handler = red
    await second.start()
    async with minion(tmp_path, start=False) as m:
        m.configure(master=[f"127.0.0.1:{m.master.ports[1]}", f"127.0.0.1:{second.ports[1]}"])
        m.start()
        await m.started()
        await second.until(lambda: second.topics and any(cmd == "_minion_event" for cmd, _load in second.asked))
        assert await m.run("pillar.get", "color") == ""
        await second.publish(second.frame(second.job("pillar.get", "color", "unmask=True")))
        await second.until(lambda: any(cmd == "_return" for cmd, _load in second.asked))
        (load,) = [load for cmd, load in second.asked if cmd == "_return"]
        assert load["return"] == "red"
        assert len(m.returns()) == 1
        await m.stop()
    await second.stop()
