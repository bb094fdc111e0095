"""Cases that are compared with a real Salt: trees of SLS files and what its salt-call answers to calls on them.

A file in `cases` holds cases by name: `files`, the options in which they differ from the defaults, and `calls`.
`$ROOT` in files and options is the folder of the case; `srv` and `pillar` in it are the roots. `golden.json` has the
answers of Salt 3008.3, recorded by `python -m tests.minion.state.compared /path/to/salt-call [BEGINNING-OF-NAME]`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple

import yaml

HERE = Path(__file__).parent
GOLDEN = HERE / "golden.json"
_CHANGING = ("duration", "start_time", "pid")


class Case(NamedTuple):
    """A tree and calls on it: id -> function and words."""

    name: str
    files: Mapping[str, str]
    opts: Mapping[str, Any]
    calls: Mapping[str, List[str]]

    def texts(self, root: str) -> Dict[str, str]:
        """The files of the case in a folder."""
        return {path: text.replace("$ROOT", root) for path, text in self.files.items()}

    def options(self, root: str) -> Dict[str, Any]:
        """The options of the case in a folder."""
        options: Dict[str, Any] = json.loads(json.dumps(self.opts).replace("$ROOT", root))
        return options


def all_cases() -> List[Case]:
    """All cases, their names led by those of their files."""
    return [
        Case(f"{path.stem}: {name}", data.get("files") or {}, data.get("opts") or {}, data["calls"])
        for path in sorted((HERE / "cases").glob("*.yaml"))
        for name, data in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    ]


def comparable(value: Any, root: str) -> Any:
    """The value without what differs from run to run, between folders, and in tracebacks between programs."""
    if isinstance(value, dict):
        return {comparable(key, root): comparable(item, root) for key, item in value.items() if key not in _CHANGING}
    if isinstance(value, (list, tuple)):
        return [comparable(item, root) for item in value]
    if not isinstance(value, str):
        return value
    text = re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", value.replace(root, "$ROOT"))
    return re.sub(r"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*", "[traceback]\n", text)


def _record(salt_call: str, only: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if only else {}
    for case in all_cases():
        if not case.name.startswith(only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            golden.update(_answers(salt_call, case, Path(folder)))
        print(case.name, flush=True)
    GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _answers(salt_call: str, case: Case, root: Path) -> Dict[str, Any]:
    opts = {
        "id": "box-one",
        "file_client": "local",
        "root_dir": str(root / "host"),
        "file_roots": {"base": [str(root / "srv")]},
        "pillar_roots": {"base": [str(root / "pillar")]},
        **case.options(str(root)),
    }
    for path, text in {**case.texts(str(root)), "host/etc/salt/minion": yaml.safe_dump(opts)}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    command = [
        salt_call,
        "--local",
        "--config-dir",
        str(root / "host/etc/salt"),
        "--out",
        "json",
        "--log-level",
        "quiet",
    ]
    answers = {}
    for name, words in case.calls.items():
        quiet = {**os.environ, "PYTHONWARNINGS": "ignore", "SHELL": "/bin/sh"}
        words = [word.replace("$ROOT", str(root)) for word in words]
        done = subprocess.run([*command, *words], capture_output=True, text=True, env=quiet, check=False)
        try:
            answer = {"value": json.loads(done.stdout)["local"]}
        except (ValueError, KeyError):
            answer = {"error": done.stderr.strip()}
        answers[f"{case.name}: {name}"] = {**comparable(answer, str(root)), "failed": done.returncode != 0}
    return answers


if __name__ == "__main__":
    _record(sys.argv[1], sys.argv[2] if sys.argv[2:] else "")
