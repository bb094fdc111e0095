"""What a minion may ask of its master: one literal table from command name to schema and handler.

A handler gets the services of the master, the verified `Peer` and the checked fields; it never sees another identity.
Whatever road a request came over, it is answered from this table: by the workers for ZeroMQ, by whoever holds the
connection for SSH. Source of names and shapes: docs/protocol.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from master import schema, tags
from master.schema import Field, SchemaError
from transports import names
from transports.messages import Peer, Request

log = logging.getLogger(__name__)

MAX_EVENTS = 1000


class Files(Protocol):
    """The file server."""

    def answer(self, cmd: str, load: Mapping[str, Any]) -> Any: ...

    def receive(self, minion_id: str, path: list[str], position: int, data: bytes, size: int) -> bool: ...


class Pillars(Protocol):
    """Compiles pillars."""

    def compile(self, minion_id: str, load: Mapping[str, Any]) -> dict[str, Any]: ...


class Mine(Protocol):
    """What minions publish for each other."""

    def store(self, minion_id: str, values: dict[str, Any], replace: bool) -> bool: ...

    def get(self, minion_id: str, tgt: Any, fun: Any, tgt_type: str) -> dict[str, Any]: ...

    def delete(self, minion_id: str, fun: str) -> bool: ...

    def flush(self, minion_id: str) -> bool: ...


class Peers(Protocol):
    """Jobs and runners that minions start."""

    def publish(self, minion_id: str, load: Mapping[str, Any]) -> dict[str, Any]: ...

    def publish_and_wait(self, minion_id: str, load: Mapping[str, Any]) -> dict[str, Any]: ...

    def returns(self, minion_id: str, jid: str) -> dict[str, Any]: ...

    def runner(self, minion_id: str, load: Mapping[str, Any]) -> Any: ...


class Bus(Protocol):
    """Where events go."""

    def fire(self, tag: str, data: Mapping[str, Any]) -> None: ...

    def acknowledged(self, jid: str, minion_id: str, matched: bool) -> None: ...


class Jobs(Protocol):
    """What the handlers need to know of jobs."""

    def expects(self, jid: str, minion_id: str) -> bool: ...


class Facts(Protocol):
    """What is kept about minions."""

    def store_grains(self, minion_id: str, grains: Mapping[str, Any]) -> bool: ...


class Wheels(Protocol):
    """What minions are made of."""

    def chunk(self, minion_id: str, sha256: str, offset: int) -> dict[str, Any]: ...

    def answer(self, minion_id: str, facts: Mapping[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Services:
    """What handlers work with."""

    files: Files
    pillars: Pillars
    mine: Mine
    peers: Peers
    bus: Bus
    jobs: Jobs
    facts: Facts
    master_opts: Mapping[str, Any]
    tops: Callable[[str, Mapping[str, Any]], dict[str, Any]]
    wheels: Wheels
    revoke: Callable[[str], bool] | None = None


Handler = Callable[[Services, Peer, dict[str, Any]], Any]


@dataclass(frozen=True)
class Command:
    """One line of the table.

    Attributes:
        handler: answers.
        schema: its fields; others are dropped.
        empty: the answer to a request that does not fit the schema, or fails.
        slow: whether it may take long and must not hold up others.
    """

    handler: Handler
    schema: Mapping[str, Field] = field(default_factory=dict)
    empty: Any = ""
    slow: bool = False


def answer(services: Services, peer: Peer, request: Request) -> Any:
    """Answers one request; never raises, and tells the peer nothing about a failure."""
    command = TABLE.get(request.cmd)
    if command is None:
        log.warning("minion %s asked for %r, which is no command", peer.id, request.cmd[:40])
        return {}
    try:
        return command.handler(services, peer, schema.apply(command.schema, request.load))
    except SchemaError as exc:
        log.warning("%s of minion %s refused: %s", request.cmd, peer.id, exc)
    except (Exception, RecursionError, MemoryError):
        log.exception("%s of minion %s failed", request.cmd, peer.id)
    return command.empty


# ------------------------------------------------------------------- handlers


def _pillar(services: Services, peer: Peer, load: dict[str, Any]) -> Any:
    grains = {**load["grains"], "id": peer.id}
    services.facts.store_grains(peer.id, grains)
    services.bus.fire(f"minion/refresh/{peer.id}", {"Minion data cache refresh": peer.id})
    return services.pillars.compile(peer.id, {**load, "grains": grains})


def _minion_event(services: Services, peer: Peer, load: dict[str, Any]) -> None:
    if load["events"] is not None:
        for item in load["events"][:MAX_EVENTS]:
            if isinstance(item, dict):
                _fire(services, peer, item.get("tag"), item.get("data"))
    elif load["tag"] is not None:
        _fire(services, peer, load["tag"], {"data": load["data"], "tag": load["tag"], "pretag": None})
    if isinstance(load["grains"], dict):
        services.facts.store_grains(peer.id, {**load["grains"], "id": peer.id})


def _fire(services: Services, peer: Peer, tag: object, data: object) -> None:
    if not tags.allowed(tag, peer.id):
        log.warning("minion %s may not fire an event tagged %r", peer.id, str(tag)[:80])
        return
    parts = str(tag).split("/")
    if tags.progress_of(parts) and not services.jobs.expects(parts[2], peer.id):
        log.warning("minion %s fired %s for a job it was not asked to do", peer.id, tag)
        return
    content = dict(data) if isinstance(data, dict) else {"data": data}
    services.bus.fire(str(tag), {**content, "id": peer.id, "cmd": "_minion_event"})


def _ack(services: Services, peer: Peer, load: dict[str, Any]) -> bool:
    if services.jobs.expects(load["jid"], peer.id):
        services.bus.acknowledged(load["jid"], peer.id, load["matched"])
    return True


def _files(cmd: str) -> Handler:
    def handler(services: Services, peer: Peer, load: dict[str, Any]) -> Any:
        return services.files.answer(cmd, load)

    return handler


def _file_recv(services: Services, peer: Peer, load: dict[str, Any]) -> bool:
    return services.files.receive(peer.id, load["path"], load["loc"], load["data"], load["size"] or 0)


def _master_opts(services: Services, peer: Peer, load: dict[str, Any]) -> dict[str, Any]:
    wanted = ("file_roots", "top_file_merging_strategy", "env_order", "default_top")
    told = {k: v for k, v in services.master_opts.items() if not load["env_only"] or k in wanted}
    return {**told, "file_roots": {saltenv: [] for saltenv in services.files.answer("_file_envs", {})}}


def _master_tops(services: Services, peer: Peer, load: dict[str, Any]) -> dict[str, Any]:
    return services.tops(peer.id, load["opts"] or {})


def _mine(services: Services, peer: Peer, load: dict[str, Any]) -> bool:
    return services.mine.store(peer.id, load["data"], bool(load["clear"]))


def _mine_get(services: Services, peer: Peer, load: dict[str, Any]) -> dict[str, Any]:
    return services.mine.get(peer.id, load["tgt"], load["fun"], load["tgt_type"] or load["expr_form"] or "glob")


def _mine_delete(services: Services, peer: Peer, load: dict[str, Any]) -> bool:
    return services.mine.delete(peer.id, load["fun"])


def _mine_flush(services: Services, peer: Peer, load: dict[str, Any]) -> bool:
    return services.mine.flush(peer.id)


def _minion_pub(services: Services, peer: Peer, load: dict[str, Any]) -> dict[str, Any]:
    return services.peers.publish(peer.id, load)


def _minion_publish(services: Services, peer: Peer, load: dict[str, Any]) -> dict[str, Any]:
    return services.peers.publish_and_wait(peer.id, load)


def _pub_ret(services: Services, peer: Peer, load: dict[str, Any]) -> dict[str, Any]:
    return services.peers.returns(peer.id, load["jid"])


def _minion_runner(services: Services, peer: Peer, load: dict[str, Any]) -> Any:
    return services.peers.runner(peer.id, load)


def _revoke_auth(services: Services, peer: Peer, load: dict[str, Any]) -> bool:
    return services.revoke(peer.id) if services.revoke else False


def _wheel(services: Services, peer: Peer, load: dict[str, Any]) -> dict[str, Any]:
    return services.wheels.chunk(peer.id, load["sha256"], load["offset"])


def _release(services: Services, peer: Peer, load: dict[str, Any]) -> dict[str, Any]:
    return services.wheels.answer(peer.id, load["platform"])


def _accepted_and_ignored(services: Services, peer: Peer, load: dict[str, Any]) -> bool:
    return True


def _nothing(services: Services, peer: Peer, load: dict[str, Any]) -> None:
    return None


# ------------------------------------------------------------------ the table

_ENV = Field(schema.environment, default="base")
_PATH = Field(schema.text, required=True)  # the file server walks it part by part and answers "missing" to bad ones
_LISTING = {"saltenv": _ENV, "prefix": Field(schema.text, default="")}
_ONE_FILE = {"path": _PATH, "saltenv": _ENV}
_PEER = {
    "fun": Field(schema.text_or_list, required=True),
    "arg": Field(schema.anything, default=()),
    "tgt": Field(schema.text_or_list, required=True),
    "tgt_type": Field(schema.text, default="glob"),
    "ret": Field(schema.text, default=""),
    "tmo": Field(schema.number(0, 3600), default=5.0),
    "form": Field(schema.text, default="clean"),
}

TABLE: Mapping[str, Command] = {
    "_pillar": Command(
        _pillar,
        {
            "grains": Field(schema.mapping, required=True),
            "saltenv": Field(schema.environment),
            "pillarenv": Field(schema.environment),
            "pillar_override": Field(schema.mapping),
            "ext": Field(schema.mapping),
            "extra_minion_data": Field(schema.mapping),
            "clean_cache": Field(schema.flag, default=False),
        },
        empty=False,
        slow=True,
    ),
    "_minion_event": Command(
        _minion_event,
        {
            "tag": Field(schema.text),
            "data": Field(schema.anything),
            "events": Field(schema.sequence),
            "grains": Field(schema.mapping),
        },
        empty={},
    ),
    "_ack": Command(
        _ack, {"jid": Field(names.jid, required=True), "matched": Field(schema.flag, default=True)}, empty={}
    ),
    "_register_resources": Command(_accepted_and_ignored, empty=True),
    "_syndic_return": Command(_nothing, empty=None),
    "_file_envs": Command(_files("_file_envs"), empty=[]),
    "_file_list": Command(_files("_file_list"), _LISTING, empty=[]),
    "_file_list_emptydirs": Command(_files("_file_list_emptydirs"), _LISTING, empty=[]),
    "_dir_list": Command(_files("_dir_list"), _LISTING, empty=[]),
    "_symlink_list": Command(_files("_symlink_list"), _LISTING, empty={}),
    "_file_hash": Command(_files("_file_hash"), _ONE_FILE, empty=""),
    "_file_hash_and_stat": Command(_files("_file_hash_and_stat"), _ONE_FILE, empty=["", None]),
    "_file_find": Command(_files("_file_find"), _ONE_FILE, empty={"path": "", "rel": ""}),
    "_serve_file": Command(
        _files("_serve_file"),
        {**_ONE_FILE, "loc": Field(schema.whole(0, 2**50), default=0), "gzip": Field(schema.whole(0, 9))},
        empty={"data": "", "dest": ""},
    ),
    "_file_recv": Command(
        _file_recv,
        {
            "path": Field(schema.sequence, required=True),
            "loc": Field(schema.whole(0, 2**50), required=True),
            "data": Field(schema.anything, required=True),
            "size": Field(schema.whole(0, 2**50)),
        },
        empty=False,
        slow=True,
    ),
    "_master_opts": Command(_master_opts, {"env_only": Field(schema.flag, default=False)}, empty={}),
    "_master_tops": Command(_master_tops, {"opts": Field(schema.mapping)}, empty={}, slow=True),
    "_mine": Command(
        _mine,
        {"data": Field(schema.mapping, required=True), "clear": Field(schema.flag, default=False)},
        empty={},
    ),
    "_mine_get": Command(
        _mine_get,
        {
            "tgt": Field(schema.text_or_list, required=True),
            "fun": Field(schema.text_or_list, required=True),
            "tgt_type": Field(schema.text),
            "expr_form": Field(schema.text),
        },
        empty={},
        slow=True,
    ),
    "_mine_delete": Command(_mine_delete, {"fun": Field(schema.text, required=True)}, empty={}),
    "_mine_flush": Command(_mine_flush, empty={}),
    "minion_pub": Command(_minion_pub, _PEER, empty={}, slow=True),
    "minion_publish": Command(_minion_publish, _PEER, empty={}, slow=True),
    "pub_ret": Command(_pub_ret, {"jid": Field(names.jid, required=True)}, empty={}),
    "minion_runner": Command(
        _minion_runner,
        {
            "fun": Field(names.function, required=True),
            "arg": Field(schema.sequence, default=()),
            "tmo": Field(schema.number(0, 3600), default=60.0),
        },
        empty={},
        slow=True,
    ),
    "_wheel": Command(
        _wheel,
        {"sha256": Field(schema.sha256, required=True), "offset": Field(schema.whole(0, 2**40), default=0)},
        empty={"data": "", "size": -1},
    ),
    "_release": Command(_release, {"platform": Field(schema.mapping, required=True)}, empty={}, slow=True),
    "revoke_auth": Command(_revoke_auth, empty=False),
    "verify_minion": Command(_nothing, empty=""),
}


def cost(request: Request) -> int:
    """How many events a request brings, beyond the first: what they cost the others is not seen from its size."""
    events = request.load.get("events")
    return min(len(events), MAX_EVENTS) if isinstance(events, list) else 0


def is_slow(cmd: str) -> bool:
    """Whether a command may take long and must not hold up others."""
    command = TABLE.get(cmd)
    return command is not None and command.slow
