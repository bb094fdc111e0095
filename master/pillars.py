"""The pillars of all minions, compiled on the master."""

from __future__ import annotations

import logging
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
        self._opts = {**opts, "file_client": "local", "grains": {}}
        if not unsafe:
            self._opts["whitelist_modules"] = list(SAFE_MODULES)
        self._data, self._mine_get = data, mine_get
        self._lock = threading.Lock()  # modules see one minion at a time
        self._compiler: PillarCompiler | None = None
        self._minion_id = ""

    def compile(self, minion_id: str, load: Mapping[str, Any]) -> dict[str, Any]:
        """The pillar of one minion; what went wrong is in its key `_errors`.

        Args:
            minion_id: the minion, authenticated.
            load: `grains`, `saltenv`, `pillarenv`, `pillar_override` of its request.
        """
        from minion.pillar import PillarRequest

        override = load.get("pillar_override") or {}
        request = PillarRequest(
            minion_id,
            dict(load["grains"]),
            load.get("saltenv"),
            load.get("pillarenv"),
            {name: value for name, value in override.items() if isinstance(name, str)},
        )
        with self._lock:
            self._minion_id = minion_id
            pillar = self._ready().compile(request)
        if not override and not load.get("pillarenv") and "_errors" not in pillar:
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
            from minion.loaders import build_loaders
            from minion.pillar import PillarCompiler

            self._compiler = PillarCompiler(self._opts, build_loaders(self._opts, {}, {}, self))
        return self._compiler
