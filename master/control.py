"""The control socket: what operators on this host ask of the master, and the answers.

A Unix socket, so the kernel says who is asking. Each connection carries frames (`transports.frames`); the commands are
one literal table. Order of every command: schema, authorize, resolve, act. Source: docs/architecture.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from master import acl, schema
from master.acl import Operator
from master.errors import MasterError, Refused, TargetError
from master.hub import Hub
from master.jobs import State
from master.jobstore import JobRecord, JobStore
from master.schema import Field, SchemaError
from master.targets import Resolved, decidable
from transports import __version__, frames, names
from transports.codec import MAX_MESSAGE
from transports.errors import NameRefused, TransportError
from transports.messages import MAX_FUNCTIONS, TARGET_TYPES, Job

log = logging.getLogger(__name__)

SOCKET = "control.sock"
_EVENT_BACKLOG = 8 * 1024 * 1024
_JOB_BACKLOG = 256 * 1024 * 1024
ROAD_LIMIT = 256 * 1024 * 1024  # bytes of what the process of the SSH road has to tell at once
_REQUEST_OF_OTHERS = 1024 * 1024  # bytes of a request, and connections, of a user without full rights
_CONNECTIONS_OF_ONE = 64
_JID_DAY = 86400
# The others make minions write, connect or change user in ways that rules about functions do not see.
_PASSED_ON_OF_ALL = ("metadata", "start_event")
_PASSED_ON = (*_PASSED_ON_OF_ALL, "ret_config", "ret_kwargs", "module_executors", "executor_opts", "master_id")


class Directory(Protocol):
    """What the control socket needs to know of keys and targets."""

    def resolve(self, tgt: str | list[str], tgt_type: str, delimiter: str) -> Resolved: ...

    def resolve_guarded(self, tgt: str | list[str], tgt_type: str, delimiter: str) -> Resolved: ...

    def describe(self, minion_id: str) -> str: ...

    def forget(self, minion_id: str, preserve: bool) -> None: ...


class Sink:
    """Frames for one connection; a reader that can't keep up is cut off rather than waited for.

    Args:
        writer: the connection.
        limit: bytes that may wait for the reader.
        lossy: drop frames that are too many and say how many, instead of ending the connection.
    """

    def __init__(self, writer: asyncio.StreamWriter, limit: int, lossy: bool = False) -> None:
        self._writer, self._limit, self._lossy = writer, limit, lossy
        self._missed = 0

    def send(self, data: bytes) -> None:
        """Sends one frame, without waiting."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() + len(data) > self._limit:
            self._missed += 1
            if not self._lossy:
                log.warning("an operator's command does not read its returns; its connection is ended")
                transport.abort()
            return
        if self._missed and self._lossy:
            data = frames.frame({"missed": self._missed}) + data
            self._missed = 0
        self._writer.write(data)


@dataclass
class _Connection:
    operator: Operator
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class ControlServer:
    """Serves the control socket.

    Args:
        path: of the socket.
        hub: the jobs under way.
        store: the jobs.
        directory: targets and keys.
        publisher_acl, blacklist: who may do what, see `master.acl`.
        find_job_timeout, timeout: defaults of followers, seconds.
    """

    def __init__(
        self,
        path: str,
        hub: Hub,
        store: JobStore,
        directory: Directory,
        publisher_acl: Mapping[str, Any],
        blacklist: Mapping[str, Any],
        timeout: float,
        gather: float,
    ) -> None:
        self._path, self._hub, self._store, self._directory = path, hub, store, directory
        self._acl, self._blacklist, self._timeout, self._gather = publisher_acl, blacklist, timeout, gather
        self._server: asyncio.AbstractServer | None = None
        self._connections: Counter[str] = Counter()

    async def start(self) -> None:
        """Opens the socket: for everybody to connect if `publisher_acl` names somebody, else for the owner alone."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(self._path)
        os.chmod(self._path, 0o666 if self._acl else 0o600)
        listening.listen(1024)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=2**20)

    async def close(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        operator = acl.operator_of(writer.get_extra_info("socket"))
        connection = _Connection(operator, writer)
        self._connections[operator.name] += 1
        try:
            while operator.full or self._connections[operator.name] <= _CONNECTIONS_OF_ONE:
                request = await frames.read(reader, MAX_MESSAGE if operator.full else _REQUEST_OF_OTHERS)
                if not await self._command(connection, request, reader):
                    break
                await writer.drain()
        except (TransportError, ConnectionError):
            pass
        finally:
            self._connections[operator.name] -= 1
            connection.gone.set()
            writer.close()

    async def _command(self, connection: _Connection, request: Any, reader: asyncio.StreamReader) -> bool:
        """One command; whether the connection goes on."""
        cmd = request.get("cmd") if isinstance(request, dict) else None
        command = COMMANDS.get(cmd) if isinstance(cmd, str) else None
        try:
            if command is None:
                raise Refused("no such command", "CommandError")
            fields = schema.apply(command.schema, request)
            if command.full and not connection.operator.full:
                raise Refused(f"user {connection.operator.name} may not use {cmd}")
            return await command.handler(self, connection, fields, reader)
        except (MasterError, SchemaError, NameRefused) as exc:
            name = exc.name if isinstance(exc, Refused) else type(exc).__name__
            log.info("%s of user %s refused: %s", str(cmd)[:40], connection.operator.name, exc)
            connection.writer.write(frames.frame({"error": {"name": name, "message": str(exc)}}))
        except (TransportError, ConnectionError):
            raise
        except Exception:
            log.exception("command %s of user %s failed", cmd, connection.operator.name)
            error = {"name": "MasterError", "message": "the master failed to do that; its log says why"}
            connection.writer.write(frames.frame({"error": error}))
        return True

    # -------------------------------------------------------------- commands

    async def ping(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """Whether the master lives."""
        connection.writer.write(frames.frame({"pong": __version__, "pid": os.getpid()}))
        return True

    async def run(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """Publishes a job, and follows it if asked to."""
        functions, arguments, several = _calls(fields["fun"], fields["arg"])
        acl.authorize_functions(connection.operator, functions, self._acl, self._blacklist)
        if not connection.operator.full and not _of_today(fields["jid"]):
            raise Refused(f"user {connection.operator.name} may not choose a job id that is not of today")
        own = connection.operator.full and not fields["publisher"]
        resolved = await self._resolve(fields, guarded=not own)
        acl.authorize(connection.operator, functions, resolved.minions, self._acl, self._blacklist)
        if not resolved.minions:
            unknown = self._not_accepted(fields["tgt"], fields["tgt_type"], resolved.missing)
            nobody = {"jid": None, "minions": [], "missing": list(resolved.missing), "not_accepted": unknown}
            connection.writer.write(frames.frame(nobody))
            return True
        job = self._job(connection.operator, fields, functions, arguments, several, resolved)
        record = JobRecord(job, time.time(), resolved.minions, resolved.missing)
        tgt, kind = decidable(fields["tgt"], fields["tgt_type"], resolved.minions, resolved.words)
        self._hub.start_job(record, job.but(tgt=tgt, tgt_type=kind))
        await self._answer(connection, record, fields, reader)
        return True

    def _job(
        self,
        operator: Operator,
        fields: Mapping[str, Any],
        functions: tuple[str, ...],
        arguments: tuple[tuple[Any, ...], ...],
        several: bool,
        resolved: Resolved,
    ) -> Job:
        tgt, kind, options = fields["tgt"], fields["tgt_type"], fields["options"]
        if not operator.full or fields["publisher"] or kind == "nodegroup":
            tgt, kind = list(resolved.minions), "list"  # what was authorized is what is sent
        elif resolved.words:
            tgt = " ".join(resolved.words)
        allowed = _PASSED_ON if operator.full else _PASSED_ON_OF_ALL
        return Job(
            jid=fields["jid"] or self._store.new_jid(),
            fun=functions,
            arg=arguments,
            tgt=tuple(tgt) if isinstance(tgt, list) else tgt,
            tgt_type=kind,
            ret=fields["ret"],
            user=acl.user_field(operator, fields["user"]),
            several=several,
            delimiter=fields["delimiter"],
            publisher=fields["publisher"] if operator.full else "",
            options={key: options[key] for key in allowed if options.get(key) is not None},
        )

    async def _resolve(self, fields: Mapping[str, Any], guarded: bool = False) -> Resolved:
        tgt, kind = fields["tgt"], fields["tgt_type"]
        if kind not in TARGET_TYPES:
            raise TargetError(f"unknown target type {kind!r}")
        if isinstance(tgt, str) and kind == "list":
            tgt = [part.strip() for part in tgt.split(",") if part.strip()]
        await self._hub.agentless.see_roster()
        resolve = self._directory.resolve_guarded if guarded else self._directory.resolve
        return await asyncio.to_thread(resolve, tgt, kind, fields["delimiter"])

    def _not_accepted(self, tgt: str | list[str], kind: str, missing: Sequence[str]) -> dict[str, str]:
        named = list(missing) or ([tgt] if kind == "glob" and isinstance(tgt, str) and names.is_minion_id(tgt) else [])
        return {minion_id: self._directory.describe(minion_id) for minion_id in named[:1000]}

    async def follow(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """Tells about a job that was published before."""
        record = self._store.job(fields["jid"])
        if record is None or not (connection.operator.full or record.job.user == connection.operator.name):
            raise Refused(f"job {fields['jid']} is not known, or was started by somebody else")
        await self._answer(connection, record, {**fields, "follow": True}, reader, again=True)
        return True

    async def _answer(
        self,
        connection: _Connection,
        record: JobRecord,
        fields: Mapping[str, Any],
        reader: asyncio.StreamReader,
        again: bool = False,
    ) -> None:
        unknown = self._not_accepted([], "list", record.missing)
        head = {"jid": record.job.jid, "minions": list(record.minions), "missing": list(record.missing)}
        connection.writer.write(frames.frame({**head, "not_accepted": unknown}))
        if not fields["follow"]:
            return
        for minion_id, text in unknown.items():
            verdict = {"id": minion_id, "state": State.NOT_ACCEPTED.value, "text": text, "since": 0.0}
            connection.writer.write(frames.frame({"verdict": verdict}))
        returned = []
        if again:
            for stored in self._store.returns(record.job.jid):
                returned.append(stored.id)
                connection.writer.write(frames.frame({"ret": stored.to_wire()}))
                await connection.writer.drain()
        sink = Sink(connection.writer, _JOB_BACKLOG)
        timeout = fields["timeout"] if fields["timeout"] is not None else self._timeout
        gather = fields["gather_job_timeout"] if fields["gather_job_timeout"] is not None else self._gather
        finished = self._hub.follow(record, returned, timeout, gather, sink)
        try:
            await _until(finished, reader)
        finally:
            self._hub.unfollow(record.job.jid, sink)
        connection.writer.write(frames.frame({"done": {"jid": record.job.jid}}))

    async def resolve(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """Whom a target means; nothing is done to them."""
        resolved = await self._resolve(fields)
        meant = {"minions": list(resolved.minions), "missing": list(resolved.missing)}
        connection.writer.write(frames.frame(meant))
        return True

    async def events(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """Streams events until the client goes."""
        patterns = [str(pattern) for pattern in fields["tags"]] or ["*"]
        sink = Sink(connection.writer, _EVENT_BACKLOG, lossy=True)
        connection.writer.write(frames.frame({"listening": patterns}))
        self._hub.listen(sink, lambda tag: any(fnmatch.fnmatchcase(tag, pattern) for pattern in patterns))
        try:
            await reader.read(1)
        finally:
            self._hub.unlisten(sink)
        return False

    async def fire(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """Puts an event on the bus."""
        self._hub.fire(fields["tag"], fields["data"])
        connection.writer.write(frames.frame({"ok": True}))
        return True

    async def keys_changed(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """An operator moved keys: what was shared with those that are out is destroyed."""
        out, rotate = dict[str, bool](), False
        for change in fields["changes"]:
            minion_id, act = names.minion_id(change.get("id")), str(change.get("act", ""))
            self._hub.fire("salt/key", {"id": minion_id, "act": act, "result": bool(change.get("result", True))})
            had_access = change.get("state", "minions") == "minions"
            if had_access and act in ("delete", "deleted", "reject", "rejected"):
                out[minion_id] = bool(change.get("preserve", False))
                rotate = rotate or bool(change.get("rotate", True))
        if out:
            self._hub.cut(list(out), rotate)
        for minion_id, preserve in out.items():
            self._directory.forget(minion_id, preserve)
        connection.writer.write(frames.frame({"ok": True}))
        return True

    async def present(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """Who is connected."""
        known = {
            minion_id: {"up": presence.up, "since": presence.since, "road": "zeromq"}
            for minion_id, presence in self._hub.presence().items()
        }
        for minion_id, since in self._hub.agentless.warm.items():
            if not known.get(minion_id, {}).get("up"):
                known[minion_id] = {"up": True, "since": since, "road": "ssh"}
        connection.writer.write(frames.frame({"present": known, "stock": self._hub.stock_listeners}))
        return True

    async def road(self, connection: _Connection, fields: dict[str, Any], reader: asyncio.StreamReader) -> bool:
        """The process of the SSH road: takes orders from now on, and sends notes."""
        send = Sink(connection.writer, ROAD_LIMIT).send
        under_way = {str(jid): [str(name) for name in names_] for jid, names_ in fields["under_way"].items()}
        self._hub.road_came(send, under_way)
        try:
            while True:
                self._hub.on_notes((await frames.read(reader, ROAD_LIMIT))["notes"])
        finally:
            self._hub.road_went(send)


async def _until(finished: asyncio.Event, reader: asyncio.StreamReader) -> None:
    """Waits for the end of a job, or of the connection: an operator who follows sends nothing more."""
    over, gone = asyncio.ensure_future(finished.wait()), asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((over, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
        gone.cancel()
        await asyncio.gather(over, gone, return_exceptions=True)  # the reader must be free for the next command
    if not gone.cancelled():
        raise ConnectionResetError("the operator went away")


def _calls(fun: Any, arg: Any) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...], bool]:
    """Functions, their arguments, and whether several were asked for; lists and commas are split here, once."""
    several = isinstance(fun, list) or "," in fun
    called = fun if isinstance(fun, list) else fun.split(",")
    functions = tuple(names.function(str(name).strip()) for name in called)
    if not 1 <= len(functions) <= MAX_FUNCTIONS:
        raise SchemaError(f"there must be 1 to {MAX_FUNCTIONS} functions")
    if not several:
        return functions, (tuple(arg),), False
    lists = [tuple(item) if isinstance(item, list) else (item,) for item in arg]
    lists += [()] * (len(functions) - len(lists))
    if len(lists) != len(functions):
        raise SchemaError("there are more lists of arguments than functions")
    return functions, tuple(lists), True


CommandHandler = Callable[[ControlServer, _Connection, dict[str, Any], asyncio.StreamReader], Awaitable[bool]]


@dataclass(frozen=True)
class ControlCommand:
    """One line of the table.

    Attributes:
        handler: answers; returns whether the connection goes on.
        schema: its fields.
        full: whether only operators with full rights may use it.
    """

    handler: CommandHandler
    schema: Mapping[str, Field] = field(default_factory=dict)
    full: bool = True


def _jid(value: Any) -> str:
    return names.jid(value) if value else ""


def _maps(value: Any) -> list[dict[Any, Any]]:
    return [schema.mapping(item) for item in schema.sequence(value)]


def _of_today(jid: str) -> bool:
    return not jid or abs(names.jid_time(jid).timestamp() - time.time()) <= _JID_DAY


_FOLLOWING = {
    "timeout": Field(schema.number(0, 10**7)),
    "gather_job_timeout": Field(schema.number(0, 10**7)),
}
_TARGET = {
    "tgt": Field(schema.text_or_list, required=True),
    "tgt_type": Field(schema.text, default="glob"),
    "delimiter": Field(schema.text, default=":"),
}
COMMANDS: Mapping[str, ControlCommand] = {
    "ping": ControlCommand(ControlServer.ping, full=False),
    "run": ControlCommand(
        ControlServer.run,
        {
            "fun": Field(schema.text_or_list, required=True),
            "arg": Field(schema.sequence, default=()),
            "ret": Field(schema.text, default=""),
            "jid": Field(_jid, default=""),
            "user": Field(schema.text),
            "publisher": Field(names.minion_id, default=""),
            "options": Field(schema.mapping, default={}),
            "follow": Field(schema.flag, default=False),
            **_TARGET,
            **_FOLLOWING,
        },
        full=False,
    ),
    "resolve": ControlCommand(ControlServer.resolve, _TARGET),
    "follow": ControlCommand(ControlServer.follow, {"jid": Field(names.jid, required=True), **_FOLLOWING}, full=False),
    "events": ControlCommand(ControlServer.events, {"tags": Field(schema.sequence, default=())}),
    "fire": ControlCommand(
        ControlServer.fire, {"tag": Field(names.tag, required=True), "data": Field(schema.mapping, default={})}
    ),
    "keys_changed": ControlCommand(ControlServer.keys_changed, {"changes": Field(_maps, required=True)}),
    "present": ControlCommand(ControlServer.present),
    "road": ControlCommand(ControlServer.road, {"under_way": Field(schema.mapping, default={})}),
}
