"""The pillars of all minions, compiled on the master."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from master.miniondata import MinionData
from master.pillar_cache import KeptPillars
from minion import inputs
from minion.errors import CommandExecutionError

if TYPE_CHECKING:
    from minion.pillar.compiler import PillarCompiler
    from minion.pillar.request import PillarRequest

log = logging.getLogger(__name__)

# What templates of the pillar may call: nothing that runs commands or writes files on the master.
SAFE_MODULES = (
    "config", "data", "defaults", "grains", "hashutil", "jinja", "log", "match", "mine", "pillar", "random", "slsutil",
    "sys", "test", "timezone",
)  # fmt: skip

# Functions whose answer is the same as long as options, grains and pillar files are.
STEADY_FUNCTIONS = frozenset((
    "config.get", "config.merge", "config.option", "defaults.deepcopy", "defaults.merge", "defaults.update",
    "grains.equals", "grains.fetch", "grains.filter_by", "grains.get", "grains.has_value", "grains.item",
    "grains.items", "grains.ls", "hashutil.base64_b64decode", "hashutil.base64_b64encode",
    "hashutil.base64_decodestring", "hashutil.base64_encodestring", "hashutil.digest", "hashutil.hmac_compute",
    "hashutil.hmac_signature", "hashutil.md5_digest", "hashutil.sha256_digest", "hashutil.sha512_digest",
    "log.critical", "log.debug", "log.error", "log.info", "log.warning", "match.compound", "match.filter_by",
    "match.glob", "match.grain", "match.grain_pcre", "match.ifelse", "match.ipcidr", "match.list", "match.nodegroup",
    "match.pcre", "match.pillar", "match.pillar_pcre", "match.search_by", "pillar.fetch", "pillar.filter_by",
    "pillar.get", "pillar.keys", "pillar.raw", "slsutil.banner", "slsutil.boolstr", "slsutil.deserialize",
    "slsutil.merge", "slsutil.merge_all", "slsutil.serialize", "slsutil.update", "test.echo", "test.ping",
))  # fmt: skip

_MOST_KEPT = 32 * 2**20  # bytes of pillars that each worker keeps


def make_compiler(opts: dict[str, Any], master: Any) -> PillarCompiler:
    """What compiles the pillars of a master's minions.

    External pillars are the operator's programs and may call any function. Templates may call those of `SAFE_MODULES`
    and of the operator's own modules, unless `pillar_unsafe_functions` lets them call any.

    Args:
        opts: the master's options.
        master: takes the requests of templates.
    """
    from minion.loaders import build_loaders
    from minion.pillar.compiler import PillarCompiler

    opts, unsafe = (
        {**opts, "file_client": "local", "grains": {}, "__role": "master"},
        bool(opts.get("pillar_unsafe_functions")),
    )
    own_modules = [os.path.basename(path).removesuffix(".py") for path in _own_files(opts, "modules")]
    limits = {} if unsafe else {"whitelist_modules": [*SAFE_MODULES, *own_modules]}
    loaders = build_loaders({**opts, **limits}, {}, {}, master)
    loaders.inject("__salt__", inputs.WatchedFunctions(loaders.modules, STEADY_FUNCTIONS))
    return PillarCompiler(opts, loaders, None if unsafe else lambda: build_loaders(opts, {}, {}, master))


def _own_files(opts: Mapping[str, Any], *kinds: str) -> Iterator[str]:
    """Folders of modules that the operator brought, and what lies in them."""
    from minion.loaders import module_folders

    for folder in (folder for kind in kinds for folder in module_folders(kind, opts)[:-1]):
        yield folder
        yield from (os.path.join(folder, name) for name in (os.listdir(folder) if os.path.isdir(folder) else ()))


class MasterPillars:
    """Compiles pillars, one at a time.

    Args:
        opts: the master's options.
        data: keeps each compiled pillar, for targets.
        mine_get: answers `mine.get` of a template, as the minion whose pillar it is.
    """

    def __init__(
        self, opts: Mapping[str, Any], data: MinionData, mine_get: Callable[[str, Any, Any, str], dict[str, Any]]
    ) -> None:
        self._opts, self._data, self._mine_get = dict(opts), data, mine_get
        self._lock = threading.Lock()  # modules see one minion at a time
        self._compiler: PillarCompiler | None = None
        self._code = inputs.Inputs()  # the files of the operator's own modules
        self._kept = KeptPillars(0)
        self._minion_id = ""

    def compile(self, minion_id: str, load: Mapping[str, Any]) -> dict[str, Any]:
        """The pillar of one minion; what went wrong is in its key `_errors`.

        Args:
            minion_id: the minion, authenticated.
            load: `grains`, `saltenv`, `pillarenv`, `pillar_override`, `ext`, `extra_minion_data`, `clean_cache` of its
                request.
        """
        from minion.pillar.request import PillarRequest

        override = load.get("pillar_override") or {}
        request = PillarRequest(
            minion_id,
            dict(load["grains"]),
            load.get("saltenv"),
            load.get("pillarenv"),
            {name: value for name, value in override.items() if isinstance(name, str)},
            load.get("ext"),
            load.get("extra_minion_data") or {},
        )
        with self._lock:
            compiler = self._ready()
            if load.get("clean_cache"):
                self._kept.forget(minion_id)
            return self._from_memory(request) or self._compiled(compiler, request)

    def _from_memory(self, request: PillarRequest) -> dict[str, Any] | None:
        if request.override or request.ext:
            return None
        if not (request.pillarenv or self._data.has(request.minion_id, "pillar")):
            self._kept.forget(request.minion_id)  # it was cleared, by a runner or because the key was deleted
        return self._kept.get(request)

    def _compiled(self, compiler: PillarCompiler, request: PillarRequest) -> dict[str, Any]:
        self._minion_id = request.minion_id
        with inputs.watched() as made_of:
            pillar = compiler.compile(request)
        self._kept.put(request, pillar, made_of)
        if not (request.override or request.ext or request.pillarenv or "_errors" in pillar):
            self._data.store_pillar(request.minion_id, pillar)
        return pillar

    def request(self, cmd: str, **load: Any) -> Any:
        """What templates may ask of the master: the mine."""
        if cmd == "_mine_get":
            return self._mine_get(self._minion_id, load.get("tgt"), load.get("fun"), load.get("tgt_type") or "glob")
        raise CommandExecutionError(f"{cmd} is not available while a pillar is compiled")

    def _ready(self) -> PillarCompiler:
        """Made at the first pillar: Jinja and the loaders are not needed before. And anew if modules were synced."""
        if self._compiler is None or not (self._code.hold() and self._code.settled()):
            with inputs.watched() as self._code:
                for path in _own_files(self._opts, "modules", "pillar", "renderers", "utils"):
                    inputs.depends_on(path)
            self._compiler = make_compiler(self._opts, self)
            ttl = self._opts["pillar_cache_ttl"] if self._opts.get("pillar_cache") else 0
            self._kept = KeptPillars(_MOST_KEPT, ttl)
        return self._compiler
