"""salt-minion: starting, stopping, logs, files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.minion.daemons import RUN, minion, run


def salt_minion(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", RUN, "-c", str(root), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_version(tmp_path: Path):
    done = salt_minion(tmp_path, "--version")
    assert done.returncode == 0 and done.stdout.startswith("salt-minion ")
    assert "msgpack" in salt_minion(tmp_path, "--versions-report").stdout


def test_wrong_option(tmp_path: Path):
    done = salt_minion(tmp_path, "--nosuch")
    assert done.returncode == 64 and "no such option: --nosuch" in done.stderr


def test_broken_configuration(tmp_path: Path):
    (tmp_path / "minion").write_text("master_port: many\n")
    done = salt_minion(tmp_path)
    assert done.returncode == 1 and "master_port" in done.stderr and "Traceback" not in done.stderr


def test_unsafe_folder_is_named(tmp_path: Path):
    (tmp_path / "cache").mkdir()
    os.chmod(tmp_path / "cache", 0o777)
    (tmp_path / "minion").write_text(f"id: m1\nroot_dir: {tmp_path}\ncachedir: {tmp_path}/cache\n")
    done = salt_minion(tmp_path)
    assert done.returncode == 1 and f"{tmp_path}/cache is writable by other users" in done.stderr


@run
async def test_stops_in_good_order(tmp_path: Path):
    async with minion(tmp_path) as m:
        assert m.daemon is not None
        processes = [m.daemon.pid, *m.children(m.daemon.pid)]
        assert (tmp_path / "pid").read_text().strip() == str(m.daemon.pid)
        assert await m.stop() == 0
        assert not (tmp_path / "pid").exists()
        assert not any(Path(f"/proc/{pid}").exists() for pid in processes)


@run
async def test_interrupt_is_a_good_end_too(tmp_path: Path):
    async with minion(tmp_path) as m:
        assert await m.stop(signal.SIGINT) == 0


@run
async def test_titles(tmp_path: Path):
    async with minion(tmp_path) as m:
        title = Path(f"/proc/{m.link()}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        assert title.rstrip().endswith("MultiMinionProcessManager MinionProcessManager")
        assert str(tmp_path) in title


@run
async def test_reopens_its_log(tmp_path: Path):
    async with minion(tmp_path) as m:
        assert m.daemon is not None
        (tmp_path / "log").rename(tmp_path / "log.1")
        m.daemon.send_signal(signal.SIGHUP)
        jid = await m.publish("test.ping")
        await m.result(jid)
        await m.until(lambda: jid in m.log())
        assert os.stat(tmp_path / "log").st_mode & 0o777 == 0o600


@run
async def test_only_one_daemon_for_one_folder(tmp_path: Path):
    async with minion(tmp_path) as m:
        assert m.daemon is not None
        pid = m.daemon.pid
        import asyncio

        done = await asyncio.get_running_loop().run_in_executor(None, salt_minion, tmp_path)
        assert done.returncode == 1 and "another salt-minion is running" in done.stderr
        assert (tmp_path / "pid").read_text().strip() == str(pid)
        assert await m.run("test.ping") is True


@run
async def test_in_the_background(tmp_path: Path):
    async with minion(tmp_path, start=False) as m:
        m.start("-d")
        assert m.daemon is not None
        await m.started()
        await m.until(lambda: m.daemon is not None and m.daemon.poll() == 0)
        pid = int(await m.until((tmp_path / "pid").exists) and (tmp_path / "pid").read_text())
        try:
            assert os.getsid(pid) != os.getsid(0) and os.readlink(f"/proc/{pid}/cwd") == "/"
            assert await m.run("test.ping") is True
        finally:
            os.kill(pid, signal.SIGTERM)
            await m.until(lambda: not Path(f"/proc/{pid}").exists())


@run
async def test_generated_id_is_kept(tmp_path: Path):
    async with minion(tmp_path, start=False) as m:
        m.configure(id="")
        m.start()
        path = tmp_path / "minion_id"
        await m.until(lambda: path.exists() and path.read_text())
        with contextlib.suppress(FileNotFoundError):
            assert path.stat().st_mode & 0o777 == 0o644


def _open_to_all(path: str) -> bool:
    """Whether any user may read what lies there."""
    return all(os.stat(place).st_mode & 0o005 == 0o005 for place in (path, *map(str, Path(path).resolve().parents)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as somebody else")
@pytest.mark.skipif(not _open_to_all(sys.base_prefix), reason="this Python lies where other users can't read it")
@run
async def test_as_another_user(tmp_path: Path):
    import pwd

    for folder in (tmp_path, *tmp_path.parents[:2]):
        os.chmod(folder, 0o755)
    user = pwd.getpwnam("nobody")
    async with minion(tmp_path, start=False) as m:
        paths = {name: str(tmp_path / "var" / name / "minion") for name in ("pki", "cache", "log")}
        m.configure(
            user="nobody",
            pki_dir=paths["pki"],
            cachedir=paths["cache"],
            log_file=f"{paths['log']}/minion",
            keysize=2048,
        )
        m.start()
        await m.master.until(lambda: m.master.sign_ins)
        assert m.daemon is not None
        status = Path(f"/proc/{m.daemon.pid}/status").read_text()
        assert f"Uid:\t{user.pw_uid}\t{user.pw_uid}\t{user.pw_uid}\t{user.pw_uid}" in status
        for path in paths.values():
            state = os.stat(path)
            assert (state.st_uid, state.st_mode & 0o777) == (user.pw_uid, 0o700)
