"""What travels between a master and its minions, as typed values.

Maps exist only at the msgpack edge: each message here has one way in from a map (`from_wire`, which checks) and one way
out (`to_wire`). Field names on the wire are Salt's; see docs/protocol.md.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from transports import names
from transports.errors import CodecError, NameRefused
from transports.records import Record

TARGET_TYPES = (
    "glob", "pcre", "list", "grain", "grain_pcre", "pillar", "pillar_pcre", "pillar_exact", "ipcidr", "compound",
    "range", "data", "nodegroup",
)  # fmt: skip
_PASSED_ON = ("metadata", "ret_config", "ret_kwargs", "module_executors", "executor_opts", "start_event", "master_id")
MAX_FUNCTIONS = 64


class Job(Record):
    """One thing to do, addressed to the minions that a target names.

    Attributes:
        jid: job id, its digits are the time it was made (UTC).
        fun: the functions to call, one or several.
        arg: for each function its arguments; keyword arguments are maps with `__kwarg__: True` inside.
        tgt: the target expression; a list of ids for target type `list`.
        tgt_type: one of `TARGET_TYPES`.
        ret: returners to run on the minion, comma separated.
        user: who asked.
        several: whether several functions were asked for (their results then come as maps).
        delimiter: between the levels of a grain or pillar target.
        publisher: the minion that asked, for a peer's job.
        options: further fields that are passed on as they are (`metadata`, `module_executors`, ...).
    """

    jid: str
    fun: Tuple[str, ...]
    arg: Tuple[Tuple[Any, ...], ...]
    tgt: Union[str, Tuple[str, ...]]
    tgt_type: str = "glob"
    ret: str = ""
    user: str = ""
    several: bool = False
    delimiter: str = ":"
    publisher: str = ""
    options: Mapping[str, Any] = {}

    @classmethod
    def from_wire(cls, load: object) -> Job:
        """Reads a publication.

        Raises:
            CodecError: something in it is missing or of the wrong kind.
        """
        if not isinstance(load, dict):
            raise CodecError("a publication must be a map")
        try:
            jid = names.jid(load.get("jid"))
            fun, arg, several = _functions(load.get("fun"), load.get("arg"))
        except NameRefused as exc:
            raise CodecError(f"a publication that can't be executed: {exc}") from None
        kind = load.get("tgt_type", "glob")
        if kind not in TARGET_TYPES:
            raise CodecError("a publication with an unknown target type")
        return cls(
            jid=jid,
            fun=fun,
            arg=arg,
            tgt=_target(load.get("tgt"), kind),
            tgt_type=kind,
            ret=_text(load, "ret"),
            user=_text(load, "user"),
            several=several,
            delimiter=_text(load, "delimiter") or ":",
            publisher=_text(load, "id"),
            options={key: load[key] for key in _PASSED_ON if load.get(key) is not None},
        )

    def to_wire(self) -> Dict[str, Any]:
        """The publication as a map, without serial."""
        load: Dict[str, Any] = {
            "jid": self.jid,
            "fun": list(self.fun) if self.several else self.fun[0],
            "arg": [list(args) for args in self.arg] if self.several else list(self.arg[0]),
            "tgt": list(self.tgt) if isinstance(self.tgt, tuple) else self.tgt,
            "tgt_type": self.tgt_type,
            "ret": self.ret,
            "user": self.user,
        }
        if self.delimiter != ":":
            load["delimiter"] = self.delimiter
        if self.publisher:
            load["id"] = self.publisher
        load.update(self.options)
        return load

    @property
    def fun_text(self) -> str:
        """The functions as one text, for logs and listings."""
        return ",".join(self.fun)


def _functions(fun: object, arg: object) -> Tuple[Tuple[str, ...], Tuple[Tuple[Any, ...], ...], bool]:
    if not isinstance(arg, (list, tuple)):
        raise CodecError("a publication without arguments")
    if isinstance(fun, str):
        return (names.function(fun),), (tuple(arg),), False
    if not isinstance(fun, (list, tuple)) or not 1 <= len(fun) <= MAX_FUNCTIONS:
        raise CodecError("a publication without a function")
    called = tuple(names.function(name) for name in fun)
    lists = [tuple(item) if isinstance(item, (list, tuple)) else (item,) for item in arg]
    lists += [()] * (len(called) - len(lists))
    if len(lists) != len(called):
        raise CodecError("a publication with more lists of arguments than functions")
    return called, tuple(lists), True


def _target(tgt: object, kind: str) -> Union[str, Tuple[str, ...]]:
    if isinstance(tgt, str):
        return tuple(filter(None, tgt.split(","))) if kind == "list" else tgt
    if isinstance(tgt, (list, tuple)) and all(isinstance(item, str) for item in tgt):
        return tuple(tgt)
    raise CodecError("a publication without a target")


def _text(load: Mapping[str, Any], key: str) -> str:
    value = load.get(key) or ""
    if not isinstance(value, str):
        raise CodecError(f"{key} must be text")
    return value


class Return(Record):
    """What one minion answered to one job.

    Attributes:
        jid: the job, or `req` when the minion did something unasked (a schedule, `salt-call`) and the master is to
            make up the id.
        id: the minion. What a peer says here counts for nothing: the receiver puts the authenticated id.
        fun, fun_args: what was called, in the form of the publication.
        value: the result; a map by function name for a job of several functions.
        retcode: 0 for success; a map by function name for several functions.
        success: whether it worked; likewise.
        out: the outputter the function wishes for, if any.
        options: further fields (`metadata`, `user`, `schedule`, ...).
    """

    jid: str
    id: str
    fun: Union[str, Tuple[str, ...]]
    fun_args: List[Any]
    value: Any
    retcode: Union[int, Mapping[str, int]]
    success: Union[bool, Mapping[str, bool]]
    out: str = ""
    options: Mapping[str, Any] = {}

    @classmethod
    def from_wire(cls, load: object, minion_id: str) -> Return:
        """Reads a return of the minion that was authenticated as `minion_id`.

        Raises:
            CodecError: something in it is missing or of the wrong kind.
        """
        if not isinstance(load, dict) or "return" not in load:
            raise CodecError("a return without a result")
        jid = load.get("jid")
        try:
            jid = "req" if jid == "req" else names.jid(jid)
        except NameRefused as exc:
            raise CodecError(str(exc)) from None
        fun = load.get("fun")
        if isinstance(fun, (list, tuple)):
            fun = tuple(str(name) for name in fun)
        elif not isinstance(fun, str):
            raise CodecError("a return without a function")
        args = load.get("fun_args")
        return cls(
            jid=jid,
            id=minion_id,
            fun=fun,
            fun_args=list(args) if isinstance(args, (list, tuple)) else [],
            value=load["return"],
            retcode=_retcode(load.get("retcode", 0)),
            success=_success(load.get("success", True)),
            out=load["out"] if isinstance(load.get("out"), str) else "",
            options={k: load[k] for k in ("metadata", "user", "schedule", "pid", "master_id") if k in load},
        )

    def to_wire(self) -> Dict[str, Any]:
        """The return as a map, as it travels and as `salt/job/JID/ret/ID` shows it."""
        load: Dict[str, Any] = {
            "jid": self.jid,
            "id": self.id,
            "fun": list(self.fun) if isinstance(self.fun, tuple) else self.fun,
            "fun_args": self.fun_args,
            "return": self.value,
            "retcode": self.retcode,
            "success": self.success,
        }
        if self.out:
            load["out"] = self.out
        load.update(self.options)
        return load

    @property
    def ok(self) -> bool:
        """Whether everything that was called worked."""
        codes = self.retcode.values() if isinstance(self.retcode, Mapping) else (self.retcode,)
        fine = self.success.values() if isinstance(self.success, Mapping) else (self.success,)
        return not any(codes) and all(fine)


def _retcode(value: object) -> Union[int, Dict[str, int]]:
    if isinstance(value, dict):
        return {str(key): item if isinstance(item, int) else 1 for key, item in value.items()}
    if isinstance(value, list):
        return {str(number): item if isinstance(item, int) else 1 for number, item in enumerate(value)}
    return int(value) if isinstance(value, int) else 1


def _success(value: object) -> Union[bool, Dict[str, bool]]:
    if isinstance(value, dict):
        return {str(key): bool(item) for key, item in value.items()}
    if isinstance(value, list):
        return {str(number): bool(item) for number, item in enumerate(value)}
    return bool(value)


class Event(Record):
    """Something that happened, under a tag that says what kind of thing.

    Attributes:
        tag: parts separated by `/`.
        data: what is known of it.
    """

    tag: str
    data: Mapping[str, Any]


class Request(Record):
    """What a minion asks of its master.

    Attributes:
        cmd: a name of the request table, see docs/protocol.md.
        load: its arguments.
        repeatable: whether asking twice does no harm, so that the retry policy may do it freely.
    """

    cmd: str
    load: Mapping[str, Any] = {}

    @property
    def repeatable(self) -> bool:
        """Whether asking again, when the reply is lost, changes nothing more."""
        return self.cmd in REPEATABLE


REPEATABLE = frozenset(
    {
        "_pillar", "_master_opts", "_master_tops", "_serve_file", "_file_hash", "_file_hash_and_stat", "_file_find",
        "_file_list", "_file_list_emptydirs", "_dir_list", "_symlink_list", "_file_envs", "_mine_get", "pub_ret",
        "_return", "_ack", "_wheel", "_release",
    }
)  # fmt: skip


class Peer(Record):
    """Who a request comes from, as the transport proved it.

    Only code that verified a peer makes one; a handler that takes a `Peer` can't be reached without.

    Attributes:
        id: the minion id.
        fingerprint: of the key that was proven, "" where the road has none (in-process, SSH).
        road: which kind of road it came over (`zeromq`, `ssh`, `inproc`).
    """

    id: str
    fingerprint: str = ""
    road: str = "inproc"


class Presence(Record):
    """Whether a road reaches a minion right now.

    Attributes:
        up: whether it does.
        since: since when, in seconds of the epoch.
        own: whether the peer is one of ours, which acknowledges and takes private publications.
    """

    up: bool
    since: float
    own: bool = True
    detail: Optional[str] = None
