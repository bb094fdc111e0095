"""Rule 9: files, sockets and processes of a master are its own, and it does not start where they are not."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import master.processes.master  # noqa: F401 - what each start would import otherwise
from master.cli import daemon
from tests.security.peer import Peer, until
from tests.security.running import Master

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users")

NOBODY = 65534
OPTIONS = {"file_recv": True, "log_level": "info"}


# --------------------------------------------------------- a running master


def test_modes_and_owners_of_everything(master: Master, good: Peer):
    good.ask("_pillar", grains={"a": 1})
    good.ask("_mine", data={"a": 1})
    good.ask("_file_recv", path=["folder", "file"], loc=0, data="x", size=1)
    good.give_back("req")
    master.publish(["good"])
    (master.cache / "by_minion/good/grains").stat()
    for base in (master.pki, master.cache, master.run):
        for folder, folders, files in os.walk(base):
            for name in [*folders, *files]:
                path = Path(folder, name)
                state = path.lstat()
                assert state.st_uid == os.geteuid(), path
                assert not stat.S_ISLNK(state.st_mode), path
                expected = 0o644 if path.suffix == ".pub" else 0o600
                if stat.S_ISDIR(state.st_mode) or stat.S_ISSOCK(state.st_mode):
                    expected = 0o700
                assert stat.S_IMODE(state.st_mode) & ~expected == 0, path
        assert stat.S_IMODE(base.stat().st_mode) == 0o700
    assert stat.S_IMODE((master.pki / "master.pem").stat().st_mode) == 0o400
    assert stat.S_IMODE(master.log.stat().st_mode) == 0o600


def test_what_listens(master: Master):
    pids = set(master.pids())
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    ours = {
        line.split()[3]
        for line in listening.splitlines()
        if pids & set(map(int, re.findall(r"pid=(\d+)", line)))
    }  # fmt: skip
    assert ours == {f"127.0.0.1:{master.publish_port}", f"127.0.0.1:{master.port}"}


def test_limits_of_the_processes(master: Master):
    for pid, title in master.pids().items():
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 ", limits, re.M), title
        assert not re.search(r"^Max data size +unlimited", limits, re.M), title
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Umask:\s+0077", status, re.M), title


def test_children_do_not_outlive_their_master():
    short = Master({})
    try:
        pids = short.start().pids()
        short.process.kill()
        short.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids if pid != short.process.pid))
    finally:
        short.stop()


# ------------------------------------------------------------ starting one


@pytest.fixture
def closed() -> Iterator[Master]:
    """A master that has run before, so that everything is there, and does not run now."""
    made = Master({"worker_threads": 1})
    for name in ("etc/salt/pki/master/minions", "var/cache/salt/master/auth", "var/run/salt/master"):
        (made.root / name).mkdir(parents=True)
    for path in (made.pki, made.cache, made.run, made.cache / "auth", made.pki / "minions"):
        path.chmod(0o700)
    yield made
    made.stop()


def refused(master: Master) -> str:
    """What a master says that does not start. It is this process's child: most of its time would go into imports."""
    pid = os.fork()
    if not pid:
        code = 70
        try:
            console = os.open(master.root / "console", os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(console, 1)
            os.dup2(console, 2)
            sys.argv = ["salt-master", "-c", str(master.conf_dir)]
            sys.stderr = sys.__stderr__
            daemon.main()
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 71
        finally:
            os._exit(code)
    watchdog = threading.Timer(20, os.kill, (pid, 9))
    watchdog.start()
    _, status = os.waitpid(pid, 0)
    watchdog.cancel()
    assert os.waitstatus_to_exitcode(status) == 1, master.said()
    return master.said()


def link_away(path: Path) -> None:
    """Puts a link where a folder or file is."""
    moved = path.with_name(path.name + ".moved")
    path.rename(moved)
    path.symlink_to(moved)


def give(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY)


def make_key(master: Master, mode: int = 0o400) -> Path:
    from tests.security.peer import key
    from transports import crypto

    path = master.pki / "master.pem"
    path.write_bytes(crypto.private_pem(key(0)))
    path.chmod(mode)
    return path


Damage = Callable[[Master], Path]


def damage(act: Callable[[Path], None], *names: str) -> Damage:
    def do(master: Master) -> Path:
        path = getattr(master, names[0]).joinpath(*names[1:])
        act(path)
        return Path(path)

    return do


def of_key(act: Callable[[Path], None]) -> Damage:
    def do(master: Master) -> Path:
        path = make_key(master)
        act(path)
        return path

    return do


def of_log(act: Callable[[Path], None]) -> Damage:
    def do(master: Master) -> Path:
        master.log.write_text("")
        act(master.log)
        return master.log

    return do


def included(master: Master) -> Path:
    path = master.conf_dir / "master.d/x.conf"
    path.write_text("log_level: info")
    path.chmod(0o666)
    return path


DAMAGES: dict[str, Damage] = {
    "pki is a link": damage(link_away, "pki"),
    "pki is another's": damage(give, "pki"),
    "accepted keys are another's": damage(give, "pki", "minions"),
    "accepted keys are a link": damage(link_away, "pki", "minions"),
    "cache is a link": damage(link_away, "cache"),
    "cache is another's": damage(give, "cache"),
    "sockets are a link": damage(link_away, "run"),
    "sockets are another's": damage(give, "run"),
    "anybody writes above the pki": damage(lambda path: path.parent.chmod(0o777), "pki"),
    "anybody writes above the cache": damage(lambda path: path.parent.chmod(0o777), "cache"),
    "another's folder above the pki": damage(lambda path: give(path.parent), "pki"),
    "the key is readable": of_key(lambda path: path.chmod(0o644)),
    "the key is another's": of_key(give),
    "anybody writes the configuration": damage(lambda path: path.chmod(0o666), "conf_dir", "master"),
    "the configuration is another's": damage(give, "conf_dir", "master"),
    "anybody writes what is included": included,
    "anybody writes beside the configuration": damage(lambda path: path.chmod(0o777), "conf_dir"),
    "the log is a link": of_log(link_away),
    "the log is another's": of_log(give),
    "the log is anybody's": of_log(lambda path: path.chmod(0o666)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_it_does_not_start_where_others_can_interfere(closed: Master, name: str):
    path = DAMAGES[name](closed)
    said = refused(closed)
    assert said.startswith("Error: ") and "Traceback" not in said
    assert str(path) in said or str(path.parent) in said


def test_what_is_open_to_readers_is_closed(closed: Master):
    for path in (closed.pki, closed.cache, closed.run, closed.cache / "auth", closed.pki / "minions"):
        path.chmod(0o755)
    closed.start()
    for path in (closed.pki, closed.cache, closed.run, closed.pki / "minions"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_it_reads_nothing_from_the_current_folder(closed: Master):
    folder = closed.root / "here"
    folder.mkdir()
    trap = folder / "sprung"
    for name in ("json.py", "zmq.py", "master.py", "minion.py", "yaml.py", "sitecustomize.py", "salt.py"):
        (folder / name).write_text(f"open({str(trap)!r}, 'a').write('x')")
    for name in ("Saltfile", "master", ".saltrc", "master.d"):
        (folder / name).write_text("salt-master: {config_dir: /nowhere}\nret_port: 1\n")
    closed.spawn(cwd=folder)
    closed.wait_until_serving()
    assert not trap.exists()


def test_the_same_folders_serve_one_master(closed: Master):
    closed.start()
    other = Master(closed.options)
    try:
        (other.conf_dir / "master").write_text((closed.conf_dir / "master").read_text())
        assert "port" in refused(other)
    finally:
        other.stop()
    assert closed.peer("good").sign_in().ask("_file_envs") == ["base"]


# ---------------------------------------------------------- as another user


def test_as_another_user_it_can_not_come_back():
    humble = Master({"user": "nobody", "worker_threads": 1})
    try:
        humble.root.chmod(0o711)
        humble.start()
        for pid, title in humble.pids().items():
            status = Path(f"/proc/{pid}/status").read_text()
            assert re.search(rf"^Uid:\s+{NOBODY}\s+{NOBODY}\s+{NOBODY}\s+{NOBODY}$", status, re.M), title
            assert not re.search(r"^Gid:.*\b0\b", status, re.M) and not re.search(r"^Groups:.*\b0\b", status, re.M), (
                title
            )
            assert re.search(r"^NoNewPrivs:\s+1", status, re.M), title
            for line in re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\s+(\w+)", status, re.M):
                assert int(line, 16) == 0, title
        for path in (humble.pki, humble.cache, humble.run):
            assert path.stat().st_uid == NOBODY and stat.S_IMODE(path.stat().st_mode) == 0o700
        assert humble.peer("good").sign_in().ask("_file_envs") == ["base"]
        assert "pong" in humble.control.ask("ping")
    finally:
        humble.stop()


@pytest.mark.parametrize("name", ["cache", "pki", "run"])
def test_root_gives_nothing_away_through_a_link_of_that_user(name: str):
    humble = Master({"user": "nobody"})
    try:
        precious = humble.root / "precious"
        precious.mkdir()
        path = getattr(humble, name)
        path.parent.mkdir(parents=True)
        give(path.parent)
        path.symlink_to(precious)
        os.lchown(path, NOBODY, NOBODY)
        assert str(path.parent) in refused(humble)
        assert precious.stat().st_uid == os.geteuid()
    finally:
        humble.stop()


def test_a_user_that_does_not_exist(closed: Master):
    with (closed.conf_dir / "master").open("a") as file:
        file.write("user: nosuchuser\n")
    assert "nosuchuser" in refused(closed)
