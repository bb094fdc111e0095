"""Pillars on the master: compiled for each minion, and kept until something that they were made of changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from master.config import MasterSettings
from master.miniondata import MinionData
from master.pillar_cache import KeptPillars
from master.pillars import MasterPillars
from minion import inputs
from minion.pillar.request import PillarRequest

GRAINS: dict[str, Any] = {"id": "web1", "os": "Debian", "num": 1}


class Master:
    """A master's pillars, and how often one was compiled."""

    def __init__(self, root: Path, **opts: Any) -> None:
        self.root = root
        self.data = MinionData(str(root / "by_minion"))
        self.mine = {"db1": "10.0.0.1"}
        self.opts = {
            **MasterSettings().opts(),
            "pillar_roots": {"base": [str(root / "pillar")], "dev": [str(root / "dev")]},
            "cachedir": str(root),
            "extension_modules": str(root / "extmods"),
            **opts,
        }
        self.pillars = MasterPillars(self.opts, self.data, self._mine_get)

    def _mine_get(self, minion_id: str, tgt: Any, fun: Any, tgt_type: str) -> dict[str, Any]:
        return dict(self.mine)

    def write(self, path: str, text: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def settle(self) -> None:
        """Waits until a change of any file would be seen."""
        places = [self.root, *self.root.rglob("*")]
        newest = max(max(os.stat(p).st_mtime_ns, os.stat(p).st_ctime_ns) for p in places)
        while time.time_ns() <= newest + inputs._TICKS:
            time.sleep(0.005)

    def get(self, minion_id: str = "web1", grains: Any = None, **load: Any) -> dict[str, Any]:
        return self.pillars.compile(minion_id, {"grains": {**(grains or GRAINS), "id": minion_id}, **load})

    def compiles(self, act: Callable[[], Any]) -> bool:
        """Whether something needs the compiler: each SLS file that is rendered leaves a mark."""
        marks = self.root / "marks"
        marks.unlink(missing_ok=True)
        act()
        return marks.exists()


# A user's renderer that counts; it is as steady as `yaml`, whose name it takes.
_COUNTING = """
from minion import yamlio
def render(source, saltenv="base", sls="", **options):
    if sls:
        with open(__opts__["cachedir"] + "/marks", "a") as stream:
            stream.write("+")
    text = source.read() if hasattr(source, "read") else source
    return yamlio.load(text) or {}
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Master]]:
    """`make(pillar_cache=True)` gives a master whose pillar says which os the minion has."""

    def make_master(**opts: Any) -> Master:
        master = Master(tmp_path, **opts)
        master.write("extmods/renderers/yaml.py", _COUNTING)
        master.write("pillar/top.sls", "base:\n  '*': [a]\n  'web*': [web]\n")
        master.write("pillar/a.sls", "os: {{ grains.os }}\nid: {{ grains['id'] }}\n")
        master.write("pillar/web.sls", "{% from 'lib/map.jinja' import port %}\nport: {{ port }}\n")
        master.write("pillar/lib/map.jinja", "{% set port = 80 %}\n")
        master.settle()
        return master

    yield make_master


def test_each_minion_gets_its_own(make: Callable[..., Master]) -> None:
    master = make()
    assert master.get() == {"os": "Debian", "id": "web1", "port": 80}
    assert master.get("db1", {"os": "Alpine"}) == {"os": "Alpine", "id": "db1"}
    assert master.data.pillar("db1") == {"os": "Alpine", "id": "db1"}


def test_kept_while_nothing_changes(make: Callable[..., Master]) -> None:
    master = make()
    first = master.get()
    assert not master.compiles(lambda: master.get())
    again = master.get()
    assert again == first
    again["os"] = "spoilt by whoever got it"
    assert master.get() == first


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.write("pillar/a.sls", "os: changed"),
        lambda m: m.write("pillar/lib/map.jinja", "{% set port = 443 %}"),
        lambda m: m.write("pillar/top.sls", "base: {'*': [a]}"),
        lambda m: m.write("pillar/new.sls", "a: 1"),
        lambda m: m.write("dev/top.sls", "dev: {'*': [a]}"),
        lambda m: os.remove(m.root / "pillar/web.sls"),
        lambda m: os.rename(m.root / "pillar/web.sls", m.root / "pillar/lib/web.sls"),
        lambda m: m.write("extmods/modules/mine.py", "def f():\n    return 1\n"),
        lambda m: m.data.clear("web1", "pillar"),
        lambda m: m.data.forget("web1"),
    ],
)
def test_compiled_anew_when_files_change(make: Callable[..., Master], change: Callable[[Master], Any]) -> None:
    master = make()
    master.get()
    change(master)
    assert master.compiles(lambda: master.get())


def test_a_change_reaches_all_that_use_the_file_and_no_others(make: Callable[..., Master]) -> None:
    master = make()
    master.get("web1")
    master.get("db1")
    master.settle()
    master.write("pillar/web.sls", "port: 8080\n")
    assert master.get("web1")["port"] == 8080
    assert not master.compiles(lambda: master.get("db1"))


def test_compiled_anew_for_other_questions(make: Callable[..., Master]) -> None:
    master = make()
    master.get()
    assert master.get(grains={**GRAINS, "os": "Alpine"})["os"] == "Alpine"
    assert master.get()["os"] == "Debian"
    assert master.get(pillar_override={"os": "given"})["os"] == "given"
    assert master.get(pillarenv="dev") == {}
    assert master.get() == {"os": "Debian", "id": "web1", "port": 80}
    assert master.data.pillar("web1") == {"os": "Debian", "id": "web1", "port": 80}


@pytest.mark.parametrize(
    "line",
    [
        "{{ salt['mine.get']('db*', 'ip') }}",
        "{{ salt.test.rand_str(10) }}",
        "{{ none | strftime }}",
        "{{ [1, 2, 3] | random }}",
        "{{ range(9) | list | random_shuffle }}",
        "{{ salt['slsutil.renderer'](string='a: 1') }}",
        "{{ salt['mymod.stamp']() }}",
    ],
)
def test_what_may_differ_each_time_is_not_kept(make: Callable[..., Master], line: str) -> None:
    master = make()
    master.write("extmods/modules/mymod.py", "import time\ndef stamp():\n    return time.time()\n")
    master.write("pillar/a.sls", f"value: {line}\n")
    master.settle()
    assert "_errors" not in master.get()
    assert master.compiles(lambda: master.get())


def test_python_pillars_are_not_kept(make: Callable[..., Master]) -> None:
    master = make()
    master.write("pillar/a.sls", "#!py\nimport time\ndef run():\n    return {'t': time.time_ns()}\n")
    master.settle()
    assert master.get()["t"] != master.get()["t"]


def test_steady_functions_do_not_keep_it_from_being_kept(make: Callable[..., Master]) -> None:
    master = make()
    master.write(
        "pillar/a.sls",
        "os: {{ salt['grains.get']('os') }}\nx: {{ salt.config.get('nothing', 'd') }}\n"
        "f: {{ salt['grains.filter_by']({'Debian': 1, 'default': 2}, 'os') }}\nm: {{ salt['match.glob']('web*') }}\n",
    )
    master.settle()
    assert master.get() == {"os": "Debian", "x": "d", "f": 1, "m": True, "port": 80}
    assert not master.compiles(lambda: master.get())


def test_external_pillars_are_asked_each_time(make: Callable[..., Master], tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("v: 1")
    master = make(ext_pillar=[{"cmd_yaml": f"cat {source}"}])
    assert master.get()["v"] == 1
    source.write_text("v: 2")
    assert master.get()["v"] == 2


def test_pillar_cache_trusts_external_pillars_for_a_while(make: Callable[..., Master], tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("v: 1")
    master = make(ext_pillar=[{"cmd_yaml": f"cat {source}"}], pillar_cache=True, pillar_cache_ttl=3600)
    assert master.get()["v"] == 1
    source.write_text("v: 2")
    assert master.get()["v"] == 1
    assert master.get(clean_cache=True)["v"] == 2
    source.write_text("v: 3")
    master.write("pillar/a.sls", "changed: true\n")
    assert (master.get()["v"], master.get()["changed"]) == (3, True)


def test_errors_are_neither_kept_nor_stored(make: Callable[..., Master]) -> None:
    master = make()
    master.write("pillar/a.sls", "a: {{ 1 / 0 }}")
    master.settle()
    assert master.get()["_errors"] == ["Rendering SLS 'a' failed. Please see master log for details."]
    assert master.data.pillar("web1") is None


def test_templates_may_not_run_commands_unless_told_so(make: Callable[..., Master]) -> None:
    master = make()
    master.write("pillar/a.sls", "said: {{ salt['cmd.run']('echo hello') }}")
    assert "_errors" in master.get()
    unsafe = Master(master.root, pillar_unsafe_functions=True)
    unsafe.write("pillar/a.sls", "said: {{ salt['cmd.run']('echo hello') }}")
    assert unsafe.get()["said"] == "hello"


def test_operators_own_modules_may_be_called_as_soon_as_they_are_there(make: Callable[..., Master]) -> None:
    master = make()
    master.write("pillar/a.sls", "mine: {{ salt['mymod.f']() if 'mymod.f' in salt else 'none' }}")
    assert master.get()["mine"] == "none"
    master.write("extmods/modules/mymod.py", "def f():\n    return 'there'\n")
    assert master.get()["mine"] == "there"
    master.write("extmods/pillar/myext.py", "def ext_pillar(minion_id, pillar):\n    return {'ext': minion_id}\n")
    master.opts["ext_pillar"] = [{"myext": []}]
    assert Master(master.root, ext_pillar=[{"myext": []}]).get()["ext"] == "web1"


@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")
def test_decrypted_pillar_is_kept_until_the_keys_change(make: Callable[..., Master], tmp_path: Path) -> None:
    home = tmp_path / "gpgkeys"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--trust-model", "always"]
    try:
        generate = [*gpg, "--passphrase", "", "--quick-gen-key"]
        subprocess.run([*generate, "box", "rsa2048", "encr"], check=True, capture_output=True)
        encrypted = subprocess.run([*gpg, "-ear", "box"], input=b"topsecret", check=True, capture_output=True).stdout
        master = make(gpg_keydir=str(home))
        message = "".join(f"  {line}\n" for line in encrypted.decode().splitlines())
        master.write("pillar/a.sls", f"#!yaml|gpg\nsecret: |\n{message}")
        master.settle()
        assert master.get()["secret"] == "topsecret"
        assert not master.compiles(lambda: master.get())
        subprocess.run([*generate, "other", "rsa2048", "encr"], check=True, capture_output=True)
        assert master.compiles(lambda: master.get())
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


def made_of(*unknown: str) -> inputs.Inputs:
    with inputs.watched() as found:
        for what in unknown:
            inputs.volatile(what)
    return found


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    kept = KeptPillars(most=2000)
    requests = [PillarRequest(f"m{number}", {}) for number in range(5)]
    for request in requests:
        kept.put(request, {"data": "x" * 600}, made_of())
    kept.get(requests[2])
    kept.put(PillarRequest("new", {}), {"data": "y" * 600}, made_of())
    assert [bool(kept.get(request)) for request in requests] == [False, False, True, False, True]
    kept.put(requests[0], {"data": "x" * 5000}, made_of())
    assert kept.get(requests[0]) is None


def test_time_to_live() -> None:
    now = [100.0]
    kept = KeptPillars(10_000, ttl=60, clock=lambda: now[0])
    sure, unsure = PillarRequest("sure", {}), PillarRequest("unsure", {})
    kept.put(sure, {"a": 1}, made_of())
    kept.put(unsure, {"a": 1}, made_of("the mine"))
    now[0] += 59
    assert kept.get(sure) == kept.get(unsure) == {"a": 1}
    now[0] += 1
    assert (kept.get(sure), kept.get(unsure)) == ({"a": 1}, None)
