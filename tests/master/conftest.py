"""Masters for tests of clients and commands."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.master.lab import Lab, obedient

MakeLab = Callable[..., Lab]


def argv(lab: Lab, command: str, *args: str) -> list[str]:
    """The command line of one of the master's commands (`salt`, `run`, `cp`, ...) for this master."""
    program = f"from master.cli.{command} import main; main()"
    return [sys.executable, "-c", program, "-c", str(lab.conf_dir), *args]


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    returncode: int


def call(lab: Lab, command: str, *args: str, input: str = "") -> Ran:
    """Runs one of the master's commands to its end, in this process: most of its time would go into imports."""
    main = importlib.import_module(f"master.cli.{command}").main
    out, err, root = io.StringIO(), io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    patched = {"argv": ["program", "-c", str(lab.conf_dir), *args], "stdin": io.StringIO(input)}
    kept = {name: getattr(sys, name) for name in patched}
    try:
        for name, value in patched.items():
            setattr(sys, name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    finally:
        for name, value in kept.items():
            setattr(sys, name, value)
        for handler in root.handlers[:]:
            if handler not in handlers:
                root.removeHandler(handler)
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
    assert isinstance(ended.value.code, int)
    return Ran(out.getvalue(), err.getvalue(), ended.value.code)


@pytest.fixture
def make_lab() -> Iterator[MakeLab]:
    """`make_lab("web1", "web2", db1=behaviour, absent=[...])` starts a master with such minions."""
    labs: list[Lab] = []
    with tempfile.TemporaryDirectory(prefix="lab") as folder:  # paths of Unix sockets must be short

        def make(*names: str, absent: Any = (), pending: Any = (), options: str = "", **behaviours: Any) -> Lab:
            minions = {**dict.fromkeys([*names, *absent], obedient), **behaviours}
            labs.append(Lab(Path(folder) / str(len(labs)), minions, absent, pending, options))
            return labs[-1]

        yield make
        for lab in labs:
            lab.stop()
            lab.store.close()
