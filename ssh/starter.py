"""Starts the thin minion over an open connection: sudo, the first stage, the bundle if the host has not got it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ssh import bootstrap
from ssh.bootstrap import Start
from ssh.bundle import Bundle
from ssh.connection import Connection, Session, whole
from ssh.errors import (
    OF_STAGE,
    ConnectionLost,
    NoPython,
    PreFlightFailed,
    PythonTooOld,
    SSHError,
    StartFailed,
    SudoMissing,
    SudoPasswordWrong,
    SudoRefused,
)

log = logging.getLogger(__name__)

START_SECONDS = 300.0
_MOST_ERRORS = 1 << 20
_PRE_FLIGHT = (
    't=$(mktemp) || exit 1; trap \'rm -f "$t"\' EXIT; head -c {size} >"$t" && chmod 700 "$t" && "$t" {arguments}'
)


@dataclass(frozen=True)
class Thin:
    """A thin minion that runs.

    Attributes:
        reader, writer: its stream.
        errors: what it writes to stderr.
        note: what its stage had to say; usually nothing.
        sent: bytes of the bundle that it was sent; 0 if it had it.
    """

    reader: Any
    writer: Any
    errors: Errors
    note: str
    sent: int = 0


class Errors:
    """Reads a command's stderr to its end, keeps the first part, and notices marks in it.

    Args:
        stream: the stderr.
        marks: what is no text of the command's own.
    """

    def __init__(self, stream: Any, *marks: bytes) -> None:
        self._stream, self._marks = stream, marks
        self._kept = bytearray()
        self._changed = asyncio.Event()
        self._task = asyncio.ensure_future(self._read())

    @property
    def text(self) -> str:
        """What was written, without the marks."""
        return self.output.strip()

    @property
    def output(self) -> str:
        """The same, with the space around it."""
        kept = bytes(self._kept)
        for mark in self._marks:
            kept = kept.replace(mark, b"")
        return kept.decode("utf-8", "replace")

    def count(self, mark: bytes) -> int:
        """How often a mark came."""
        return self._kept.count(mark)

    async def seen(self, mark: bytes, times: int = 1) -> None:
        """Waits until a mark came so often; if it does not, for ever."""
        while self.count(mark) < times:
            self._changed.clear()
            await self._changed.wait()

    async def whole(self) -> str:
        """Waits for the end, for a short time, and returns the text."""
        await asyncio.wait([self._task], timeout=1.0)
        return self.text

    def stop(self) -> None:
        """Reads no further."""
        self._task.cancel()

    async def _read(self) -> None:
        with contextlib.suppress(Exception):  # the connection's own reader tells how it ended
            while data := await self._stream.read(65536):
                if len(self._kept) < _MOST_ERRORS:
                    self._kept += data[: _MOST_ERRORS - len(self._kept)]
                    self._changed.set()


@asynccontextmanager
async def started(
    connection: Connection, start: Start, bundle: Bundle, early: bytes = b"", pre_flight: bool = False
) -> AsyncIterator[Thin]:
    """The thin minion of a host, for as long as the context lasts.

    Args:
        connection: open.
        start: how.
        bundle: sent if the host has not got it.
        early: frames to send before anything comes back.
        pre_flight: run the roster's script in any case, not only on a host without the bundle.

    Raises:
        SSHError: it can't be started.
    """
    if pre_flight:
        await run_pre_flight(connection)
    tty = connection.host.tty
    while True:
        async with connection.session(bootstrap.COMMAND, tty) as session:
            errors = Errors(session.errors, start.prompt.encode())
            try:
                async with asyncio.timeout(START_SECONDS):
                    launch = _Launch(connection, start, session, errors)
                    note = await launch.run(bundle, early, not pre_flight)
                yield Thin(session.reader, session.writer, errors, note, launch.sent)
                return
            except SudoRefused as exc:
                if tty or "tty" not in str(exc):
                    raise
                tty = True  # `requiretty`
            except TimeoutError:
                raise StartFailed(f"the thin minion did not start within {START_SECONDS:g} s") from None
            finally:
                errors.stop()


class _Launch:
    """The conversation that ends with a running thin minion."""

    def __init__(self, connection: Connection, start: Start, session: Session, errors: Errors) -> None:
        self._connection, self._start, self._session, self._errors = connection, start, session, errors
        self.sent = 0

    async def run(self, bundle: Bundle, early: bytes, pre_flight: bool) -> str:
        """Returns what the stage has to say."""
        try:
            head = self._start.head()
            if self._start.sudo_user:
                self._session.writer.write(head)
                await self._become()
                head = b""
            self._session.writer.write(head + self._start.body(early))
            word, _, text = (await self._line()).partition(" ")
            if word == "need" and text in bundle.METHODS:
                if pre_flight:
                    await run_pre_flight(self._connection)
                await self._send(bundle.packed(text))
                word, _, text = (await self._line()).partition(" ")
        except (asyncio.IncompleteReadError, BrokenPipeError):
            raise await self._failure() from None
        if word == "need":
            raise StartFailed(f"{self._connection.host.address} asks for {text[:20]!r}, or more than once")
        if word != "ready":
            name, _, words = text.partition(" ")
            raise OF_STAGE.get(name, StartFailed)(words)
        return text

    async def _send(self, packed: bytes) -> None:
        self.sent = len(packed)
        self._session.writer.write(bootstrap.counted(packed))
        await self._session.writer.drain()

    async def _line(self) -> str:
        reader, mark = self._session.reader, self._start.mark.encode() + b" "
        await reader.readuntil(mark)
        line: bytes = await reader.readuntil(b"\n")
        return line.decode("utf-8", "replace").strip()

    async def _become(self) -> None:
        """Waits for Python to run as the other user, and gives sudo its password once, when it asks with our mark."""
        prompt, ready = self._start.prompt.encode(), self._start.prompt[::-1].encode()
        reader, asked = self._session.reader, 0
        output = asyncio.ensure_future(reader.readuntil((prompt, ready)))
        prompted = asyncio.ensure_future(self._errors.seen(prompt))
        try:
            while True:
                await asyncio.wait({output, prompted}, return_when=asyncio.FIRST_COMPLETED)
                if output.done() and output.result().endswith(ready):
                    return
                asked += 1
                self._answer(asked)
                if output.done():
                    output = asyncio.ensure_future(reader.readuntil((prompt, ready)))
                else:
                    prompted = asyncio.ensure_future(self._errors.seen(prompt, asked + 1))
        finally:
            output.cancel()
            prompted.cancel()

    def _answer(self, asked: int) -> None:
        host = self._connection.host
        who = f"sudo on {host.address}"
        if asked > 1:
            raise SudoPasswordWrong(f"{who} did not accept the password")
        if not host.passwd:
            raise SudoPasswordWrong(f"{who} asks for a password: set `passwd` in the roster, or --passwd, --askpass")
        if not self._connection.may_send_password:
            raise SudoPasswordWrong(f"{who} asks for a password, which no host gets whose key is not checked")
        self._session.writer.write(host.passwd.encode() + b"\n")

    async def _failure(self) -> SSHError:
        """Why the command ended before the thin minion ran."""
        code, address = await self._session.exit_code(), self._connection.host.address
        text = await self._errors.whole()
        last = text.splitlines()[-1] if text else ""
        if code == bootstrap.NO_PYTHON:
            return NoPython(f"there is no Python on {address}: install python3, or name one by `python` or `set_path`")
        if code == bootstrap.OLD_PYTHON:
            return PythonTooOld(f"there is no Python 3.8 or newer on {address}, only older: install one, or name it")
        if code == bootstrap.NO_SUDO:
            return SudoMissing(f"there is no sudo on {address}: install it, or log in as {self._start.sudo_user}")
        if code in (-1, bootstrap.CUT_SHORT):
            return ConnectionLost(f"the connection to {address} was lost before the thin minion ran")
        if self._start.sudo_user and code == 1:
            return SudoRefused(f"sudo on {address} refuses: {last}")
        return StartFailed(
            f"the thin minion did not start on {address} (exit code {code}): {last or 'it said nothing'}"
        )


async def run_command(connection: Connection, command: str, stdin: bytes = b"") -> tuple[str, str, int]:
    """Runs a command of the host's shell, by sudo if the roster says so; returns its stdout, stderr and exit code.

    Raises:
        SSHError: it can't be run, or the connection was lost.
    """
    host, prompt = connection.host, secrets.token_hex(16)
    begun = prompt[::-1]
    become = host.sudo_user or ("root" if host.sudo else "")
    if become:
        inner = shlex.quote(f"echo {begun} >&2; {command}")
        command = f"sudo -S -H -p {prompt} -u {shlex.quote(become)} -- /bin/sh -c {inner}"
    async with connection.session(command) as session:
        errors = Errors(session.errors, prompt.encode(), begun.encode() + b"\n")
        feeding = asyncio.ensure_future(_feed(connection, session, errors, stdin, (prompt, begun) if become else None))
        try:
            output = await whole(session.reader)
            if feeding.done():
                feeding.result()
            await errors.whole()
            return output.decode("utf-8", "replace"), errors.output, await session.exit_code()
        finally:
            feeding.cancel()
            errors.stop()


async def _feed(
    connection: Connection, session: Session, errors: Errors, stdin: bytes, marks: tuple[str, str] | None
) -> None:
    """Gives sudo its password, if it asks, and the command what it is to read once it runs."""
    if marks:
        prompt, begun = (mark.encode() for mark in marks)
        asked = asyncio.ensure_future(errors.seen(prompt))
        runs = asyncio.ensure_future(errors.seen(begun))
        try:
            await asyncio.wait({asked, runs}, return_when=asyncio.FIRST_COMPLETED)
            if not runs.done() and connection.host.passwd and connection.may_send_password:
                session.writer.write(connection.host.passwd.encode() + b"\n")
                again = asyncio.ensure_future(errors.seen(prompt, 2))
                await asyncio.wait({again, runs}, return_when=asyncio.FIRST_COMPLETED)
                again.cancel()
        finally:
            asked.cancel()
            runs.cancel()
    session.writer.write(stdin)
    session.writer.write_eof()


async def run_pre_flight(connection: Connection) -> None:
    """Runs the script that the roster wants to be run before, if there is one.

    Raises:
        PreFlightFailed: it can't be read, or fails.
    """
    host = connection.host
    if not host.ssh_pre_flight:
        return
    try:
        with open(host.ssh_pre_flight, "rb") as file:
            script = file.read()
    except OSError as exc:
        raise PreFlightFailed(f"the script {host.ssh_pre_flight} can't be read: {exc.strerror}") from None
    size, arguments = len(script), shlex.join(host.ssh_pre_flight_args)
    _, err, code = await run_command(connection, _PRE_FLIGHT.format(size=size, arguments=arguments), script)
    if code:
        last = (err.strip().splitlines() or ["it said nothing"])[-1]
        raise PreFlightFailed(f"{host.ssh_pre_flight} ended on {host.address} with {code}: {last}")
