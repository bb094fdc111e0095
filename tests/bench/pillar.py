"""Pillars of many minions: compiled for the first time, asked for again, and after one file was changed.

    python -m tests.bench.pillar [MINIONS]

The same tree and grains for Salt's own compiler, in the interpreter that it is installed in.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.measure import report
from tests.processes import SALT

ROLES = ("web", "db", "cache", "mail", "ci", "dns", "proxy", "build")

_SALT_COMPILER = """
import json, logging, sys, time
logging.disable(logging.CRITICAL)
import salt.config, salt.pillar
case = json.load(sys.stdin)
opts = {**salt.config.DEFAULT_MASTER_OPTS, **case["opts"], "id": "bench_master", "__role": "master"}
def round_():
    began = time.process_time()
    for grains in case["grains"]:
        pillar = salt.pillar.get_pillar(opts, grains, grains["id"], "base").compile_pillar()
        assert "_errors" not in pillar, pillar["_errors"]
    return time.process_time() - began, pillar
figures = []
for _ in range(2):
    seconds, pillar = round_()
    figures.append(seconds)
print(json.dumps([figures, pillar]))
"""


def write_tree(root: Path) -> None:
    """A pillar as one finds it: users for all, roles by grain, sites by id, maps that are imported."""
    files = {
        "top.sls": _top(),
        "maps/os.jinja": "{% set os = {'Debian': {'pkg': 'apt'}, 'RedHat': {'pkg': 'dnf'}}[grains.os_family] %}",
        "defaults.yaml": "ntp: {servers: [a.example, b.example]}\nssh: {port: 22, root: false}\n",
        "common/init.sls": "include:\n  - common.users\n  - common.ssh:\n      key: ssh\n  - common.ntp\n",
        "common/users.sls": "users:\n{% for n in range(20) %}\n  user{{ n }}: {uid: {{ 2000 + n }}, groups: [a, b], "
        "shell: {{ '/bin/bash' if grains.os_family == 'Debian' else '/bin/sh' }}}\n{% endfor %}\n",
        "common/ssh.sls": "{% from 'maps/os.jinja' import os with context %}\nport: 22\npkg: {{ os.pkg }}\nkeys:\n"
        + "".join(f"  key{n}: ssh-ed25519 {'A' * 60}{n}\n" for n in range(20)),
        "common/ntp.sls": "{% import_yaml 'defaults.yaml' as defaults %}\nntp: {{ defaults.ntp | json }}\n",
    }
    for role in ROLES:
        settings = "".join(f"    setting{n}: value {n} of {role}\n" for n in range(30))
        files[f"roles/{role}.sls"] = (
            f"{role}:\n  host: {{{{ grains.id }}}}\n  memory: {{{{ grains.mem_total // 2 }}}}\n"
            f"  listen: {{{{ grains.ip4_interfaces.eth0[0] }}}}\n  settings:\n{settings}"
        )
    for site in range(10):
        files[f"sites/site{site}.sls"] = (
            f"site: site{site}\ngateway: 10.{site}.0.1\ndns: [10.{site}.0.2, 10.{site}.0.3]\n"
        )
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def _top() -> str:
    lines = ["base:", "  '*':", "    - common"]
    for role in ROLES:
        lines += [f"  'role:{role}':", "    - match: grain", f"    - roles.{role}"]
    for site in range(10):
        lines += [f"  'G@site:site{site} and not L@nobody':", f"    - sites.site{site}"]
    return "\n".join(lines) + "\n"


def grains_of(number: int) -> dict[str, Any]:
    """Grains as large as a real minion's."""
    return {
        "id": f"minion{number}.example.com",
        "os_family": "Debian" if number % 3 else "RedHat",
        "os": "Debian" if number % 3 else "Rocky",
        "role": ROLES[number % len(ROLES)],
        "site": f"site{number % 10}",
        "mem_total": 4096 + number,
        "ip4_interfaces": {"lo": ["127.0.0.1"], "eth0": [f"10.{number % 10}.{number // 250}.{number % 250}"]},
        "kernelparams": [[f"parameter{n}", "value"] for n in range(40)],
        "hwaddr_interfaces": {f"eth{n}": f"02:00:00:00:{n:02x}:01" for n in range(20)},
        "cpu_flags": [f"flag{n}" for n in range(150)],
        "saltpath": "/usr/lib/python3/dist-packages/salt",
    }


def ours(opts: dict[str, Any], all_grains: list[dict[str, Any]], root: Path) -> Iterator[tuple[str, float, Any]]:
    """(figure, processor seconds, the last minion's pillar) of this master's compiler."""
    from master.config import MasterSettings
    from master.miniondata import MinionData
    from master.pillars import MasterPillars

    data = MinionData(str(root / "by_minion"))
    pillars = MasterPillars({**MasterSettings().opts(), **opts}, data, lambda *_: {})

    def one_round() -> tuple[float, Any]:
        began = time.process_time()
        for grains in all_grains:
            pillar = pillars.compile(grains["id"], {"grains": grains, "saltenv": "base"})
            assert "_errors" not in pillar, pillar["_errors"]
        return time.process_time() - began, pillar

    def change(path: str) -> Callable[[], tuple[float, Any]]:
        def changed_round() -> tuple[float, Any]:
            with open(root / "pillar" / path, "a") as stream:
                stream.write("\n# changed\n")
            return one_round()

        return changed_round

    for figure, act in (
        ("for the first time", one_round),
        ("again, nothing changed", one_round),
        ("again, a file of 10 % of them changed", change("sites/site3.sls")),
        ("again, a file of all of them changed", change("common/users.sls")),
    ):
        yield figure, *act()


def main() -> None:
    """The command."""
    minions = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        root = Path(folder)
        write_tree(root / "pillar")
        long_ago = time.time() - 3600
        for place in (root / "pillar").rglob("*"):
            os.utime(place, (long_ago, long_ago))
        opts = {
            "pillar_roots": {"base": [str(root / "pillar")]},
            "cachedir": str(root / "cache"),
            "extension_modules": str(root / "cache/extmods"),
        }
        all_grains = [grains_of(number) for number in range(minions)]
        rows: dict[str, dict[str, float]] = {"Saltern": {}}
        theirs: list[float] = []
        if SALT is not None:
            case = json.dumps({"opts": opts, "grains": all_grains})
            ran = subprocess.run(
                [str(SALT / "python"), "-c", _SALT_COMPILER], input=case, capture_output=True, text=True, check=True
            )
            theirs, their_pillar = json.loads(ran.stdout)
            rows["Salt"] = {}
        for number, (figure, seconds, pillar) in enumerate(ours(opts, all_grains, root)):
            rows["Saltern"][f"{figure}, s"] = seconds
            if theirs:
                rows["Salt"][f"{figure}, s"] = theirs[min(number, 1)]
                assert number or json.loads(json.dumps(pillar)) == their_pillar, "the pillars differ"
        report(f"Pillars of {minions} minions, one process", rows)


if __name__ == "__main__":
    main()
