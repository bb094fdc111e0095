"""The first stage and the thin minion at the end of a pipe, without SSH: what the host's side does, seen closely."""

from __future__ import annotations

import glob
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from minion import config
from ssh import bootstrap
from ssh.bootstrap import Start
from ssh.bundle import Bundle
from transports import codec
from transports.frames import frame
from transports.messages import Job

_pyenv = (glob.glob(os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/python3")) for minor in range(8, 14))
INTERPRETERS = [sys.executable, *(found[0] for found in _pyenv if found)]
_numbers = itertools.count(1)


class Local:
    """A host at the end of a pipe.

    Args:
        folder: below which its own folder is made.
        bundle: what it is sent.
        fields: of `Start`.
    """

    def __init__(self, folder: Path, bundle: Bundle, **fields: Any) -> None:
        opts = config.load("/nonexistent/minion", {"id": "box"}).opts()
        self.bundle, self.base = bundle, folder / "thin"
        self.start = Start(opts, bundle.digest, str(self.base), **fields)
        self.asked: list[str] = []
        self.note = ""

    @property
    def place(self) -> Path:
        return self.base / self.bundle.digest

    def begin(self, early: bytes = b"", environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", bootstrap.COMMAND], stdin=-1, stdout=-1, stderr=-1,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        assert process.stdin
        process.stdin.write(self.start.head() + self.start.body(early))
        process.stdin.flush()
        return process

    def line(self, process: subprocess.Popen[bytes]) -> tuple[str, str]:
        """The next line of the stage; ("end", exit code) if there is none."""
        assert process.stdout
        mark = self.start.mark.encode()
        for line in process.stdout:
            if mark in line:
                word, _, text = line.split(mark, 1)[1].decode().strip().partition(" ")
                return word, text
        return "end", str(process.wait())

    def ready(self, process: subprocess.Popen[bytes]) -> None:
        """Goes on until the thin minion runs."""
        assert process.stdin
        while True:
            word, text = self.line(process)
            self.asked.append(word)
            if word == "ready":
                self.note = text
                return
            assert word == "need", f"{word}: {text}"
            process.stdin.write(bootstrap.counted(self.bundle.packed(text)))
            process.stdin.flush()

    def call(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Calls one function; requests of the minion are answered with nothing."""
        arg = (*args, {"__kwarg__": True, **kwargs}) if kwargs else args
        return self._run((fun,), (arg,), False)

    def call_all(self, *calls: tuple[str, tuple[Any, ...]]) -> Any:
        """Calls several functions, in one job; returns function -> value."""
        return self._run(tuple(fun for fun, _ in calls), tuple(arg for _, arg in calls), True)

    def _run(self, fun: tuple[str, ...], arg: tuple[tuple[Any, ...], ...], several: bool) -> Any:
        job = Job(f"2026112018{next(_numbers):010d}", fun, arg, ("box",), "list", several=several)
        with self.begin(frame({"job": job.to_wire()})) as process:
            self.ready(process)
            value = self._value(process)
            assert process.stdin
            process.stdin.close()
            assert process.wait(10) == 0
        return value

    def _value(self, process: subprocess.Popen[bytes]) -> Any:
        assert process.stdin and process.stdout
        while True:
            head = process.stdout.read(4)
            assert len(head) == 4, process.stderr and process.stderr.read().decode()
            message = codec.unpack(process.stdout.read(int.from_bytes(head, "big")))
            process.stdin.write(frame({"number": message["number"], "reply": _answer(message["cmd"])}))
            process.stdin.flush()
            if message["cmd"] == "_return":
                return message["load"]["return"]


def _answer(cmd: str) -> Any:
    return {"_file_envs": ["base"], "_file_list": [], "_minion_event": None}.get(cmd, {})
