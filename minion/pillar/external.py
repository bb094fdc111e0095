"""External pillars: modules whose function `ext_pillar` brings pillar data from elsewhere."""

from __future__ import annotations

import inspect
import logging
from typing import Any, Callable, List, Mapping, Optional

from minion import inputs
from minion.loader import Loader
from minion.loaders import Loaders, module_folders
from minion.pillar.request import Pillar, PillarRequest

log = logging.getLogger(__name__)

Merge = Callable[[Any, Any], Any]


class ExtPillars:
    """The external pillars of one host.

    Args:
        opts: options of the host; external pillars see its own id, whatever minion they are called for.
        loaders: what templates of the pillar use; in external pillars that is `__loaders__`.
        trusted: makes the loaders that external pillars use themselves, if they may do more than templates may.
    """

    def __init__(
        self, opts: Mapping[str, Any], loaders: Loaders, trusted: Optional[Callable[[], Loaders]] = None
    ) -> None:
        self._host, self._loaders, self._trusted = opts, loaders, trusted
        self._own: Optional[Loaders] = None
        self._functions: Optional[Loader] = None

    def wanted(self, opts: Mapping[str, Any], on_demand: Optional[Mapping[str, Any]]) -> List[Any]:
        """What to call, as `{name: arguments}`: what is configured, and what is asked for and allowed."""
        configured = opts.get("ext_pillar") or []
        chosen = list(configured) if isinstance(configured, (list, tuple)) else [configured]
        if on_demand:
            allowed = opts.get("on_demand_ext_pillar") or []
            if isinstance(on_demand, dict) and all(name in allowed for name in on_demand):
                chosen.append(on_demand)
            else:
                names = ", ".join(map(str, allowed)) or "none"
                log.error("External pillars on demand are refused: on_demand_ext_pillar allows %s", names)
        return chosen

    def add_to(
        self, pillar: Pillar, opts: Mapping[str, Any], request: PillarRequest, merge: Merge, errors: List[str]
    ) -> Pillar:
        """The pillar merged with what the external pillars bring; what went wrong is added to `errors`."""
        wanted = self.wanted(opts, request.ext)
        if not all(isinstance(entry, dict) for entry in wanted):
            errors.append('The "ext_pillar" option is malformed')
            return {}
        own_opts = {**opts, "id": self._host.get("id", request.minion_id)}
        functions, own = self._ready()
        with own.replaced(opts=own_opts, grains=request.grains, pillar=pillar):
            for name in ("__opts__", "__grains__", "__pillar__"):
                functions.inject(name, own.dunders[name])
            for name, arguments in (item for entry in wanted for item in entry.items()):
                if name not in (opts.get("exclude_ext_pillar") or ()):
                    inputs.volatile(f"ext_pillar {name}")
                    found = self._call(functions, str(name), arguments, pillar, request, errors)
                    errors.extend(found.pop("_errors", ()))
                    pillar = merge(pillar, found) if found else pillar
        return pillar

    def _ready(self) -> Any:
        if self._functions is None:
            self._own = self._trusted() if self._trusted else self._loaders
            dunders = {**self._own.dunders, "__loaders__": self._loaders}
            self._functions = Loader("ext_pillars", module_folders("pillar", self._host), dunders)
        return self._functions, self._own

    def _call(
        self,
        functions: Loader,
        name: str,
        arguments: Any,
        pillar: Pillar,
        request: PillarRequest,
        errors: List[str],
    ) -> Pillar:
        key = f"{name}.ext_pillar"
        try:
            if key not in functions:
                raise LookupError(functions.why_missing(key))
            function = functions[key]
            args, kwargs = _as_call(arguments)
            if request.extra_minion_data and "extra_minion_data" in inspect.signature(function).parameters:
                kwargs["extra_minion_data"] = request.extra_minion_data
            found = function(request.minion_id, pillar, *args, **kwargs) or {}
            if not isinstance(found, dict):
                raise TypeError(f"it gave a {type(found).__name__} instead of a mapping")
        except Exception as exc:
            log.error("Failed to load ext_pillar %s for minion %s: %s", name, request.minion_id, exc)
            log.debug("ext_pillar %s failed", name, exc_info=True)
            hidden = self._host.get("pillar_safe_render_error", True)
            reason = ". Please see master log for details." if hidden else f": {exc}"
            errors.append(f"Failed to load ext_pillar {name}{reason}")
            return {}
        return dict(found)


def _as_call(arguments: Any) -> Any:
    """A list as positional arguments, a mapping as named ones, anything else as the only argument."""
    if isinstance(arguments, dict):
        return [], dict(arguments)
    return (list(arguments) if isinstance(arguments, list) else [arguments]), {}
