"""The pillars of all minions, compiled on the master."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from master.miniondata import MinionData
from minion.errors import CommandExecutionError

if TYPE_CHECKING:
    from minion.pillar import PillarCompiler

log = logging.getLogger(__name__)

# What templates of the pillar may call: nothing that runs commands or writes files on the master.
SAFE_MODULES = (
    "config", "data", "defaults", "grains", "hashutil", "jinja", "log", "match", "mine", "pillar", "random", "slsutil",
    "sys", "test", "timezone",
)  # fmt: skip


def make_compiler(opts: dict[str, Any], master: Any, unsafe: bool = False) -> PillarCompiler:
    """What compiles the pillars of a master's minions.

    External pillars are the operator's programs and may call any function. Templates may call those of `SAFE_MODULES`
    and of the operator's own modules, unless `unsafe` lets them call any.

    Args:
        opts: the master's options.
        master: takes the requests of templates.
        unsafe: the option `pillar_unsafe_functions`.
    """
    from minion.loaders import build_loaders
    from minion.pillar import PillarCompiler

    opts = {**opts, "file_client": "local", "grains": {}}
    if unsafe:
        return PillarCompiler(opts, build_loaders(opts, {}, {}, master))
    limited = {**opts, "whitelist_modules": [*SAFE_MODULES, *_own_modules(opts)]}
    return PillarCompiler(opts, build_loaders(limited, {}, {}, master), lambda: build_loaders(opts, {}, {}, master))


def _own_modules(opts: Mapping[str, Any]) -> list[str]:
    """Names of the execution modules that the operator brought."""
    from minion.loaders import module_folders

    own_folders = [folder for folder in module_folders("modules", opts)[:-1] if os.path.isdir(folder)]
    return [name.removesuffix(".py") for folder in own_folders for name in os.listdir(folder)]


class MasterPillars:
    """Compiles pillars, one at a time.

    Args:
        opts: the master's options.
        data: keeps each compiled pillar, for targets.
        mine_get: answers `mine.get` of a template, as the minion whose pillar it is.
        unsafe: let templates call any function.
    """

    def __init__(
        self,
        opts: Mapping[str, Any],
        data: MinionData,
        mine_get: Callable[[str, Any, Any, str], dict[str, Any]],
        unsafe: bool = False,
    ) -> None:
        self._opts, self._data, self._mine_get, self._unsafe = dict(opts), data, mine_get, unsafe
        self._lock = threading.Lock()  # modules see one minion at a time
        self._compiler: PillarCompiler | None = None
        self._minion_id = ""

    def compile(self, minion_id: str, load: Mapping[str, Any]) -> dict[str, Any]:
        """The pillar of one minion; what went wrong is in its key `_errors`.

        Args:
            minion_id: the minion, authenticated.
            load: `grains`, `saltenv`, `pillarenv`, `pillar_override`, `ext`, `extra_minion_data` of its request.
        """
        from minion.pillar_request import PillarRequest

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
            self._minion_id = minion_id
            pillar = self._ready().compile(request)
        if not (override or request.ext or request.pillarenv or "_errors" in pillar):
            self._data.store_pillar(minion_id, pillar)
        return pillar

    def request(self, cmd: str, **load: Any) -> Any:
        """What templates may ask of the master: the mine."""
        if cmd == "_mine_get":
            return self._mine_get(self._minion_id, load.get("tgt"), load.get("fun"), load.get("tgt_type") or "glob")
        raise CommandExecutionError(f"{cmd} is not available while a pillar is compiled")

    def _ready(self) -> PillarCompiler:
        """Made at the first pillar: Jinja and the loaders are not needed before."""
        if self._compiler is None:
            self._compiler = make_compiler(self._opts, self, self._unsafe)
        return self._compiler
