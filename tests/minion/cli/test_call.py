"""salt-call: results, exit codes and messages as Salt's users know them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.minion.daemons import SILENT, minion, run
from transports.crypto import public_pem

RUN = "from minion.cli.call import main; main()"
MODULE = '''
from minion.errors import CommandExecutionError, CommandNotFoundError, SaltInvocationError

__outputter__ = {"states": "highstate"}

def cannot():
    """Tries."""
    raise CommandExecutionError("the disk is gone")

def missing():
    raise CommandNotFoundError("widgetctl")

def wrong():
    """How to call it."""
    raise SaltInvocationError("not so")

def crash():
    raise RuntimeError("boom")

def code(number):
    __context__["retcode"] = number
    return "done"

def soft():
    return {"result": False}

def typed(*args, **kwargs):
    return [list(args), {k: v for k, v in kwargs.items() if not k.startswith("__pub_")}]

def job(**kwargs):
    return sorted(k for k in kwargs if k.startswith("__pub_"))

def roots():
    return [__opts__["file_roots"], __opts__["pillar_roots"], __opts__["local"], __opts__["id"]]
'''


class Host:
    """A host without a master."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.root = root
        modules = root / "modules"
        modules.mkdir()
        (modules / "thing.py").write_text(MODULE)
        config = {"id": "box", "root_dir": str(root / "root"), "module_dirs": [str(modules)], **options}
        (root / "minion").write_text(yaml.safe_dump(config))

    def call(self, *words: str, local: bool = True, **popen: Any) -> subprocess.CompletedProcess[str]:
        """Runs salt-call."""
        argv = [sys.executable, "-c", RUN, "-c", str(self.root), *(["--local"] if local else []), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, **popen)

    def value(self, *words: str) -> Any:
        """The result of a call that succeeds."""
        done = self.call("--out=json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["local"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(tmp_path_factory.mktemp("host"))


def test_result_is_printed(host: Host):
    done = host.call("test.ping")
    assert (done.returncode, done.stdout, done.stderr) == (0, "local:\n    True\n", "")


def test_what_a_quick_call_needs_not_is_not_imported(host: Host):
    script = (
        f"import sys; sys.argv = ['salt-call', '-c', {str(host.root)!r}, '--local', 'test.ping']\n"
        "try:\n    from minion.cli.call import main; main()\n"
        "finally:\n    print([m for m in ('zmq', 'cryptography', 'jinja2', 'asyncio', 'ssl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "local:\n    True\n[]\n", done.stderr


def test_arguments_are_typed(host: Host):
    assert host.value("thing.typed", "1", "[a, 2]", "true", "x y", "k=5", "m={a: 1}") == [
        [1, ["a", 2], True, "x y"],
        {"k": 5, "m": {"a": 1}},
    ]
    assert host.value("--no-parse=k", "thing.typed", "k=5") == [[], {"k": "5"}]


def test_function_learns_of_its_job(host: Host):
    assert set(host.value("thing.job")) >= {"__pub_fun", "__pub_jid", "__pub_tgt"}


class TestFailures:
    def check(self, host: Host, fun: str, *words: str) -> tuple[int, str, str]:
        done = host.call(fun, *words)
        return done.returncode, done.stdout, done.stderr

    def test_could_not(self, host: Host):
        assert self.check(host, "thing.cannot") == (1, "", "Error running 'thing.cannot': the disk is gone\n")

    def test_program_missing(self, host: Host):
        expected = "Command required for 'thing.missing' not found: widgetctl\n"
        assert self.check(host, "thing.missing") == (1, "", expected)

    def test_called_wrongly(self, host: Host):
        code, out, err = self.check(host, "thing.wrong")
        assert (code, err) == (1, "\nPassed invalid arguments: not so.\n\nUsage:\n")
        assert "How to call it." in out

    def test_missing_argument(self, host: Host):
        code, _out, err = self.check(host, "thing.code")
        assert code == 1
        assert "Passed invalid arguments: code() missing 1 required positional argument: 'number'." in err

    def test_unknown_keyword(self, host: Host):
        expected = (1, "", "The following keyword arguments are not valid: foo=1\n")
        assert self.check(host, "test.ping", "foo=1") == expected

    def test_crash(self, host: Host):
        code, out, err = self.check(host, "thing.crash")
        assert (code, out) == (1, "") and "RuntimeError: boom" in err and "Traceback" in err

    def test_unknown_function(self, host: Host):
        assert self.check(host, "no.such") == (255, "", "'no.such' is not available.\n")

    def test_nearly_known_function(self, host: Host):
        code, out, _err = self.check(host, "thing.cann")
        assert code == 1 and "'thing.cann' is not available." in out and "Tries." in out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["thing.code", "0"], 0),
        (["thing.code", "7"], 1),
        (["--retcode-passthrough", "thing.code", "7"], 7),
        (["thing.soft"], 1),
        (["--retcode-passthrough", "thing.soft"], 1),
    ],
)
def test_exit_codes(host: Host, words: list[str], code: int):
    done = host.call(*words)
    assert done.returncode == code and done.stdout.startswith("local:")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "salt-call: error: Requires function, --grains or --doc"),
        (["-g", "x"], "salt-call: error: -g/--grains does not accept any arguments"),
        (["--nosuch", "test.ping"], "salt-call: error: no such option: --nosuch"),
        (["-l", "loud", "test.ping"], "salt-call: error: "),
    ],
)
def test_wrong_command_lines(host: Host, words: list[str], text: str):
    done = host.call(*words)
    assert done.returncode == 64 and text in done.stderr and done.stdout == ""


def test_metadata(host: Host):
    shown = host.value("--metadata", "--set-metadata={a: 1}", "thing.code", "0")
    assert (shown["fun"], shown["fun_args"], shown["return"], shown["retcode"], shown["id"]) == (
        "thing.code", ["0"], "done", 0, "box",
    )  # fmt: skip
    assert shown["metadata"] == {"a": 1} and len(shown["jid"]) == 20


def test_grains(host: Host):
    done = host.call("-g", "--out=json")
    assert json.loads(done.stdout)["local"]["kernel"] == "Linux"
    assert host.value("--skip-grains", "grains.get", "kernel") == ""


def test_documentation(host: Host):
    done = host.call("-d", "thing.cannot")
    assert (done.returncode, done.stdout) == (0, "thing.cannot:\nTries.\n\n")
    assert "test.ping:" in host.call("-d", "test").stdout


def test_roots_and_id(host: Host, tmp_path: Path):
    for name in ("f1", "f2", "p"):
        (tmp_path / name).mkdir()
    found = host.value(f"--file-root={tmp_path}/f*", f"--pillar-root={tmp_path}/p", "--id=other", "thing.roots")
    assert found == [
        {"base": [str(tmp_path / "f1"), str(tmp_path / "f2")]}, {"base": [str(tmp_path / "p")]}, True, "other",
    ]  # fmt: skip


def test_pillar_and_files_of_this_host(host: Host, tmp_path: Path):
    (tmp_path / "top.sls").write_text("base:\n  '*': [a]\n")
    (tmp_path / "a.sls").write_text("color: {{ grains.id }}-blue\n")
    (tmp_path / "f.txt").write_text("hello")
    words = (f"--pillar-root={tmp_path}", f"--file-root={tmp_path}")
    assert host.value(*words, "pillar.get", "color", "unmask=True") == "box-blue"
    assert host.value(*words, "cp.get_file_str", "salt://f.txt") == "hello"


def test_roots_without_local_are_told_to_be_ignored(tmp_path: Path):
    host = Host(tmp_path, file_client="local")
    done = host.call("--file-root=/x", "--pillar-root=/y", "test.ping", local=False)
    assert "--file-root, --pillar-root are ignored because --local was not specified" in done.stderr


def test_arguments_from_stdin(host: Host):
    done = host.call("--args-stdin", "--out=json", "thing.typed", input="1\nk=2\n")
    assert json.loads(done.stdout)["local"] == [[1], {"k": 2}]


def test_further_module_folder(host: Host, tmp_path: Path):
    (tmp_path / "extra.py").write_text("def here():\n    return 'yes'\n")
    assert host.value(f"--module-dirs={tmp_path}", "extra.here") == "yes"


def test_returner(host: Host, tmp_path: Path):
    folder = host.root / "root/var/cache/salt/minion/extmods/returners"
    folder.mkdir(parents=True, exist_ok=True)
    target = tmp_path / "ret"
    (folder / "paper.py").write_text(f"def returner(ret):\n    open({str(target)!r}, 'w').write(ret['fun'])\n")
    assert host.call("--return", "paper", "test.ping").returncode == 0
    assert target.read_text() == "test.ping"


def test_output_file(host: Host, tmp_path: Path):
    done = host.call("--out=json", f"--out-file={tmp_path / 'out'}", "test.ping")
    assert done.stdout == "" and json.loads((tmp_path / "out").read_text()) == {"local": True}


def test_broken_configuration(tmp_path: Path):
    (tmp_path / "minion").write_text("id: [")
    done = subprocess.run(
        [sys.executable, "-c", RUN, "-c", str(tmp_path), "--local", "test.ping"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.startswith("Error: ") and "minion" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_get_the_modes_of_the_users_umask(host: Host, tmp_path: Path):
    host.value("file.touch", str(tmp_path / "f"))
    assert os.stat(tmp_path / "f").st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


# ------------------------------------------------------- through the master


def salt_call(root: Path, *words: str) -> Any:
    argv = [sys.executable, "-c", RUN, "-c", str(root), "-l", "quiet", *words]
    return lambda: subprocess.run(argv, capture_output=True, text=True, check=False)


async def called(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(None, salt_call(root, *words))


@run
async def test_through_the_master(tmp_path: Path):
    async def pillar(cmd: str, load: dict[str, Any]) -> Any:
        return {"color": "blue"} if cmd == "_pillar" else None

    async with minion(tmp_path, start=False) as m:
        m.master.handler = pillar
        done = await called(tmp_path, "--set-metadata={a: 1}", "pillar.get", "color", "unmask=True")
        assert (done.returncode, done.stdout) == (0, "local:\n    blue\n"), done.stderr
        (load,) = m.returns()
        assert (load["jid"], load["fun"], load["return"], load["metadata"]) == ("req", "pillar.get", "blue", {"a": 1})
        assert (tmp_path / "pki/minion_master.pub").read_text().strip() == public_pem(m.master.desk.key.public_key())
        assert not m.master.topics


@run
async def test_result_is_kept_from_the_master_if_wished(tmp_path: Path):
    async with minion(tmp_path, start=False) as m:
        for option in ("--no-return-job", "--no-return-event"):
            assert (await called(tmp_path, option, "test.ping")).returncode == 0
        assert m.returns() == []


@run
async def test_failure_is_reported_too(tmp_path: Path):
    async with minion(tmp_path, start=False) as m:
        assert (await called(tmp_path, "test.echo")).returncode == 1
        (load,) = m.returns()
        assert load["success"] is False and "Passed invalid arguments" in load["return"]


@run
async def test_key_that_is_not_accepted(tmp_path: Path):
    async with minion(tmp_path, start=False) as m:
        m.master.desk.verdict = True
        done = await called(tmp_path, "test.ping")
        assert done.returncode == 1 and "waits on the master to be accepted" in done.stderr
        assert "Traceback" not in done.stderr


@run
async def test_master_that_does_not_answer(tmp_path: Path):
    async with minion(tmp_path, start=False) as m:
        m.master.deaf = True
        done = await called(tmp_path, "-t", "1", "test.ping")
        assert done.returncode == 1 and "no master lets us in" in done.stderr


@run
async def test_second_master_of_the_list(tmp_path: Path):
    async with minion(tmp_path, start=False) as m:
        m.configure(master=["127.0.0.1:1", f"127.0.0.1:{m.master.ports[1]}"])
        done = await called(tmp_path, "-t", "4", "test.ping")
        assert done.returncode == 0, done.stderr


@run
async def test_result_that_the_master_does_not_take_is_shown_all_the_same(tmp_path: Path):
    async def deaf(cmd: str, load: dict[str, Any]) -> Any:
        return SILENT if cmd == "_return" else {}

    async with minion(tmp_path, start=False) as m:
        m.master.handler = deaf
        task = called(tmp_path, "--no-return-job", "test.ping")
        assert (await task).stdout == "local:\n    True\n"


@run
async def test_event_reaches_the_daemon(tmp_path: Path):
    async with minion(tmp_path) as m:
        done = await called(tmp_path, "saltutil.refresh_pillar")
        assert done.stdout == "local:\n    True\n", done.stderr
        await m.master.until(lambda: len(m.asked("_pillar")) == 3)  # at start, by salt-call, and now again
