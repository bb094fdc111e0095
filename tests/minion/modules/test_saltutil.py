"""saltutil: syncing, refreshing, caches, jobs."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from minion import running
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.loaders import build_loaders
from minion.local import LocalMaster
from tests.minion.conftest import make_modules


class Master(LocalMaster):
    """This host's files, and a daemon that notes what it is told."""

    def __init__(self, opts: dict[str, Any]) -> None:
        super().__init__(opts, {})
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def request(self, cmd: str, **load: Any) -> Any:
        if cmd.startswith("__") or cmd == "revoke_auth":
            self.asked.append((cmd, load))
            return True
        return super().request(cmd, **load)

    def tags(self) -> list[str]:
        return [load["tag"] for cmd, load in self.asked if cmd == "__event"]


@pytest.fixture
def salt(tmp_path: Path) -> Loader:
    (tmp_path / "srv").mkdir()
    (tmp_path / "cache").mkdir()
    opts = {
        **make_modules(tmp_path).dunders["__opts__"],
        "extension_modules": str(tmp_path / "cache/extmods"),
        "clean_dynamic_modules": True,
        "conf_dir": str(tmp_path),
        "pki_dir": str(tmp_path / "pki"),
    }
    return build_loaders(opts, {"id": "box", "kernel": "Linux"}, {}, Master(dict(opts))).modules


def master_of(salt: Loader) -> Master:
    made: Master = salt.dunders["__master__"]
    return made


def write(tmp_path: Path, path: str, text: str = "1") -> None:
    place = tmp_path / "srv" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


KINDS = (
    "beacons", "clouds", "engines", "executors", "grains", "log_handlers", "matchers", "modules", "output", "pillar",
    "proxymodules", "renderers", "resources", "returners", "sdb", "serializers", "states", "thorium", "tops", "utils",
    "wrapper",
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_synced(salt: Loader, tmp_path: Path, name: str):
    kind = {"proxymodules": "proxy"}.get(name, name)
    write(tmp_path, f"_{kind}/a.py")
    assert salt[f"saltutil.sync_{name}"](saltenv="base") == [f"{kind}.a"]
    assert (tmp_path / f"cache/extmods/{kind}/a.py").read_text() == "1"
    assert salt[f"saltutil.sync_{name}"](saltenv="base") == []


@pytest.mark.parametrize("name", ["modules", "grains", "states"])
def test_minion_is_told_to_look_again_unless_not_wished(salt: Loader, name: str):
    salt[f"saltutil.sync_{name}"](saltenv="base", refresh=False)
    assert master_of(salt).tags() == []
    salt[f"saltutil.sync_{name}"](saltenv="base")
    assert master_of(salt).tags() == ["pillar_refresh" if name == "grains" else "module_refresh"]


@pytest.mark.parametrize("name", ["engines", "matchers", "proxymodules", "thorium"])
def test_some_kinds_do_not_refresh_by_themselves(salt: Loader, name: str):
    salt[f"saltutil.sync_{name}"](saltenv="base")
    assert master_of(salt).tags() == []


def test_all(salt: Loader, tmp_path: Path):
    write(tmp_path, "_modules/a.py")
    write(tmp_path, "_states/b.py")
    found = salt["saltutil.sync_all"](saltenv="base")
    assert found["modules"] == ["modules.a"] and found["states"] == ["states.b"]
    assert {name for name, changed in found.items() if changed} == {"modules", "states"}
    assert set(found) == {*KINDS, "proxymodules"}
    assert master_of(salt).tags() == ["pillar_refresh"]


def test_lists_of_what_to_sync(salt: Loader, tmp_path: Path):
    for name in "abc":
        write(tmp_path, f"_modules/{name}.py")
    found = salt["saltutil.sync_modules"]("base", extmod_whitelist="a,b", extmod_blacklist="b")
    assert found == ["modules.a"]
    found = salt["saltutil.sync_all"]("base", extmod_whitelist={"modules": ["b"]})
    assert found["modules"] == ["modules.b"]
    with pytest.raises(SaltInvocationError):
        salt["saltutil.sync_modules"]("base", extmod_whitelist=5)


def test_environments_of_the_top_file(salt: Loader, tmp_path: Path):
    write(tmp_path, "_modules/a.py")
    assert salt["saltutil.sync_modules"]() == ["modules.a"]


@pytest.mark.parametrize(("name", "text"), [("tops", "Master top"), ("pillar", "Pillar"), ("wrapper", "Wrapper")])
def test_kinds_for_masterless_minions_only(salt: Loader, name: str, text: str):
    salt.dunders["__opts__"]["file_client"] = "remote"
    with pytest.raises(CommandExecutionError, match=f"{text} modules can only be synced to masterless minions"):
        salt[f"saltutil.sync_{name}"]("base")
    assert not {"tops", "pillar", "wrapper"} & set(salt["saltutil.sync_all"]("base"))


def test_list_of_synced_modules(salt: Loader, tmp_path: Path):
    write(tmp_path, "_modules/a.py")
    salt["saltutil.sync_all"]("base")
    assert salt["saltutil.list_extmods"]()["modules"] == ["a"]


@pytest.mark.parametrize(
    ("fun", "tag"),
    [
        ("refresh_modules", "module_refresh"),
        ("refresh_grains", "pillar_refresh"),
        ("refresh_pillar", "pillar_refresh"),
        ("pillar_refresh", "pillar_refresh"),
        ("refresh_beacons", "beacons_refresh"),
        ("refresh_matchers", "matchers_refresh"),
        ("refresh_resources", "resource_refresh"),
    ],
)
def test_refreshing(salt: Loader, fun: str, tag: str):
    assert salt[f"saltutil.{fun}"]() is True
    assert master_of(salt).tags() == [tag]


def test_refreshing_and_waiting(salt: Loader):
    salt["saltutil.refresh_pillar"](wait=True, timeout=7)
    salt["saltutil.refresh_modules"](**{"async": False})
    data = [load["data"] for _cmd, load in master_of(salt).asked]
    assert data == [{"wait": True, "clean_cache": True, "timeout": 7}, {"notify": True}]


def test_refreshing_grains_only(salt: Loader):
    assert salt["saltutil.refresh_grains"](refresh_pillar=False) is True
    assert master_of(salt).tags() == ["module_refresh"]
    with pytest.raises(SaltInvocationError, match="odd=1"):
        salt["saltutil.refresh_grains"](odd=1)


def test_clearing_the_cache_keeps_what_the_minion_needs(salt: Loader, tmp_path: Path):
    cache = tmp_path / "cache"
    for path in ("journal", "serials-m", "proc/1", "returns/m/1.ret", "files/base/x", "extmods/modules/a.py", "loose"):
        (cache / path).parent.mkdir(parents=True, exist_ok=True)
        (cache / path).write_text("x")
    assert salt["saltutil.clear_cache"]() is True
    left = sorted(str(p.relative_to(cache)) for p in cache.rglob("*") if p.is_file())
    assert left == ["journal", "proc/1", "returns/m/1.ret", "serials-m"]


class TestJobs:
    @pytest.fixture
    def job(self, tmp_path: Path) -> Any:
        """A process that runs a job, and has a child."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            running.enter(str(tmp_path / "cache/proc"), {"jid": "20260101000000000001", "fun": "test.sleep"})
            child = os.fork()
            if child:
                os.write(write, str(child).encode())
            signal.pause()
            os._exit(0)
        child = int(os.read(read, 20))
        yield pid, child
        for number in (child, pid):
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass
        os.close(read)
        os.close(write)

    def test_finding(self, salt: Loader, job: Any):
        expected = {"jid": "20260101000000000001", "fun": "test.sleep", "pid": job[0]}
        assert salt["saltutil.running"]() == [expected]
        assert salt["saltutil.find_job"]("20260101000000000001") == expected
        assert salt["saltutil.is_running"]("test.*") == [expected]
        assert salt["saltutil.is_running"]("state.*") == [] and salt["saltutil.find_job"]("1") == {}

    @pytest.mark.parametrize(("fun", "number"), [("term_job", 15), ("kill_job", 9)])
    def test_ending(self, salt: Loader, job: Any, fun: str, number: int):
        pid, child = job
        text = salt[f"saltutil.{fun}"]("20260101000000000001")
        assert text == f"Signal {number} sent to job 20260101000000000001 at pid {pid}"
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == number
        assert self.gone(child)

    @staticmethod
    def gone(pid: int) -> bool:
        end = os.times().elapsed + 10
        while os.times().elapsed < end:
            try:
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    return True
            except OSError:
                return True
        return False

    def test_ending_what_is_not_there(self, salt: Loader):
        assert salt["saltutil.signal_job"]("1", 15) == ""
        for wrong in (0, 999):
            with pytest.raises(SaltInvocationError, match="no number of a signal"):
                salt["saltutil.signal_job"]("1", wrong)
        assert salt["saltutil.term_all_jobs"]() == [] == salt["saltutil.kill_all_jobs"]()

    def test_cached_returns(self, salt: Loader, tmp_path: Path):
        assert "enable cache_jobs" in salt["saltutil.find_cached_job"]("1")
        from transports.codec import pack

        (tmp_path / "cache/minion_jobs/1").mkdir(parents=True)
        (tmp_path / "cache/minion_jobs/1/return.p").write_bytes(pack({"return": 5}))
        assert salt["saltutil.find_cached_job"]("1") == {"return": 5}
        assert salt["saltutil.clear_job_cache"](hours=1) is True
        assert (tmp_path / "cache/minion_jobs/1").exists()
        os.utime(tmp_path / "cache/minion_jobs/1", (0, 0))
        salt["saltutil.clear_job_cache"](hours=1)
        assert not (tmp_path / "cache/minion_jobs/1").exists()


class TestMaster:
    def test_runner_in_the_masters_own_process(self, salt: Loader):
        salt.dunders["__opts__"]["__role"] = "master"
        salt["saltutil.runner"]("mine.get", tgt="*", fun="network.ip_addrs", __pub_user="root")
        ((cmd, load),) = master_of(salt).asked
        assert (cmd, load["fun"], load["kwarg"]) == ("__runner", "mine.get", {"tgt": "*", "fun": "network.ip_addrs"})

    def test_runner_by_command(self, salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        program = tmp_path / "bin/salt-run"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        found = salt["saltutil.runner"]("test.arg", arg=["a b", "5", 5], kwarg={"k": True})
        assert found == ["-c", str(tmp_path), "--out=json", "test.arg", "a b", '"5"', "5", "k=true"]

    def test_wheel_only_there(self, salt: Loader):
        with pytest.raises(CommandExecutionError, match="located on the master"):
            salt["saltutil.wheel"]("key.list_all")
        salt.dunders["__opts__"]["__role"] = "master"
        salt["saltutil.wheel"]("key.accept", "m1")
        call = {"fun": "key.accept", "arg": ["m1"], "kwarg": {}, "saltenv": "base", "jid": None, "user": None}
        assert master_of(salt).asked == [("__wheel", call)]

    def test_revoking_the_key(self, salt: Loader):
        assert salt["saltutil.revoke_auth"]() is True
        assert master_of(salt).asked == [("revoke_auth", {"preserve_minion_cache": False})]

    def test_removing_the_keys(self, salt: Loader, tmp_path: Path):
        (tmp_path / "pki").mkdir()
        for name in ("minion.pem", "minion.pub", "minion_master.pub"):
            (tmp_path / "pki" / name).write_text("x")
        salt["saltutil.regen_keys"]()
        assert list((tmp_path / "pki").iterdir()) == []

    def test_modules_of_an_environment(self, salt: Loader, tmp_path: Path):
        write(tmp_path, "_modules/fresh.py", "def here():\n    return 'yes'\n")
        salt.dunders["__opts__"].update(grains={}, pillar={})
        assert salt["saltutil.mmodule"]("base", "fresh.here") == "yes"
        with pytest.raises(CommandExecutionError, match="not available"):
            salt["saltutil.mmodule"]("base", "fresh.none")
