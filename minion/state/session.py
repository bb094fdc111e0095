"""What a state run works with: its own options, pillar and context, over the loaders of the process."""

from __future__ import annotations

import contextlib
import copy
import logging
from typing import Any, Dict, Iterator, List, Mapping, Optional

from minion.errors import MinionError, SaltInvocationError
from minion.loader import Loader
from minion.loaders import Loaders, module_folders
from minion.merging import merge
from minion.state.tags import Low, Result

log = logging.getLogger(__name__)

_LIBRARIES = (".py", ".pyx", ".pyo", ".pyc", ".so")

# what a minion takes over from its master; the value if the master says nothing
_MASTER_OPTIONS: Dict[str, Any] = {
    "renderer": "jinja|yaml",
    "failhard": False,
    "state_top_saltenv": None,
    "nodegroups": {},
    "jinja_env": {},
    "jinja_sls_env": {},
    "jinja_lstrip_blocks": False,
    "jinja_trim_blocks": False,
}
_OWN_UNLESS_TOLD = ("state_auto_order", "top_file_merging_strategy", "env_order", "default_top", "file_roots")
_EITHER = ("state_events", "state_aggregate")


class Session:
    """One state run's options, pillar and context; modules see these instead of the minion's own while it is active.

    Args:
        loaders: of the process.
        opts: options of the run; the session changes them.
        pillar_override: merged over the pillar.
        pillar_enc: renderers that decrypt the override.
        jid: of the job.
        mocked: functions are not called.
        reuse_pillar: do without a fresh pillar.
    """

    def __init__(
        self,
        loaders: Loaders,
        opts: Dict[str, Any],
        pillar_override: Any = None,
        pillar_enc: Optional[str] = None,
        jid: Optional[str] = None,
        mocked: bool = False,
        reuse_pillar: bool = False,
    ) -> None:
        self.loaders, self.opts, self.jid, self.mocked = loaders, opts, jid, mocked
        self.context: Dict[str, Any] = dict(loaders.dunders["__context__"])
        self.grains: Dict[str, Any] = loaders.dunders["__grains__"]
        self.instance_id = str(id(self))
        self._override = self._readable_override(pillar_override, pillar_enc)
        reuse = reuse_pillar and not self._override
        self.pillar: Dict[str, Any] = loaders.dunders["__pillar__"] if reuse else self._gather_pillar()
        opts.update(pillar=self.pillar, grains=self.grains)
        self._conditions: Optional[Mapping[str, Any]] = None

    @property
    def functions(self) -> Loader:
        """Execution modules."""
        return self.loaders.modules

    @property
    def states(self) -> Loader:
        """State modules."""
        return self.loaders.states

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Modules see the session's options, pillar and context."""
        with self.loaders.replaced(opts=self.opts, pillar=self.pillar, context=self.context):
            yield

    # pillar

    def _readable_override(self, override: Any, pillar_enc: Optional[str]) -> Dict[str, Any]:
        if not override:
            return {}
        if pillar_enc is None and not isinstance(override, dict):
            raise SaltInvocationError("Pillar data must be formatted as a dictionary, unless pillar_enc is specified.")
        if pillar_enc is not None:
            allowed = self.opts.get("decrypt_pillar_renderers") or ["gpg"]
            if str(pillar_enc).lower() not in allowed:
                raise SaltInvocationError(f"'{pillar_enc}' is not a valid decryption renderer. Valid: {allowed}")
            override = self.loaders.renderers[str(pillar_enc).lower()](copy.deepcopy(override), translate_newlines=True)
        if isinstance(override, str):
            from minion import yamlio

            override = yamlio.load(override)
        if not isinstance(override, dict):
            raise SaltInvocationError("Pillar override was not passed as a dictionary")
        return override

    def _gather_pillar(self) -> Dict[str, Any]:
        pillar: Dict[str, Any] = self.loaders.dunders["__master__"].request(
            "_pillar",
            grains=self.grains,
            saltenv=self.opts.get("saltenv"),
            pillarenv=self.opts.get("pillarenv"),
            pillar_override=self._override,
            extra_minion_data={},
            ver="2",
        )
        if not self._override:
            return pillar
        strategy = self.opts.get("pillar_source_merging_strategy") or "smart"
        renderer, lists = self.opts.get("renderer") or "yaml", bool(self.opts.get("pillar_merge_lists"))
        merged: Dict[str, Any] = merge(pillar, self._override, strategy, renderer, lists)
        return merged

    # the master's part of the options

    def take_master_options(self) -> None:
        """Takes over what the master says of states, for runs that read its state tree."""
        told = self.loaders.files.master_opts()
        for name, default in _MASTER_OPTIONS.items():
            self.opts[name] = told.get(name, default)
        self.opts.update((name, told[name]) for name in _OWN_UNLESS_TOLD if name in told)
        self.opts.update((name, self.opts.get(name) or told.get(name) or False) for name in _EITHER)
        self.set_top(str(told.get("state_top") or "top.sls"))

    def set_top(self, name: str) -> None:
        """Names the top file."""
        self.opts["state_top"] = name if name.startswith("salt://") else "salt://" + name.lstrip("/")

    # calls

    @contextlib.contextmanager
    def test_mode(self, tested: bool) -> Iterator[None]:
        """Functions only predict, if `tested`."""
        before = self.opts.get("test")
        self.opts["test"] = True if tested else before
        try:
            yield
        finally:
            self.opts["test"] = before

    @contextlib.contextmanager
    def states_see(self, names: Mapping[str, Any]) -> Iterator[None]:
        """State modules see these dunders."""
        before = {name: self.states.dunders.get(name) for name in names}
        for name, value in names.items():
            self.states.inject(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                self.states.inject(name, value)

    def may_run(self, module: str, function: str) -> bool:
        """Do the option `global_state_conditions` and this minion allow the function?"""
        if self._conditions is None:
            found = self.opts.get("global_state_conditions")
            self._conditions = found if isinstance(found, dict) else {}
        verdicts: List[bool] = []
        for pattern, targets in self._conditions.items():
            if pattern in ("*", module, function):
                wanted = [targets] if isinstance(targets, str) else targets
                verdicts.extend(self.functions["match.compound"](target) for target in wanted)
        return not verdicts or any(verdicts)

    def fire(self, tag: str, data: Dict[str, Any]) -> None:
        """Sends an event to the master; a run does not fail because nobody hears of it."""
        try:
            self.loaders.dunders["__master__"].request(
                "_minion_event", tag=tag, data={**data, "jid": self.jid}, pretag=None
            )
        except MinionError as exc:
            log.warning("The event %s did not reach the master: %s", tag, exc)

    # reloading

    def refresh_after(self, low: Low, result: Result) -> None:
        """Reloads grains, pillar or modules, if the state asks for it or may have changed them."""
        if low.get("reload_grains"):
            self._reload_grains()
        if low.get("reload_pillar"):
            self._reload_pillar()
        asked = any(low.get(key) for key in ("reload_modules", "reload_grains", "reload_pillar"))
        if low.get("force_reload_modules") or (result["changes"] and (asked or _may_bring_modules(low))):
            self.reload_modules()

    def refresh_synced(self, grains: bool) -> None:
        """Takes over modules that have just been synced."""
        if grains:
            self._reload_grains()
            self._reload_pillar()
        self.loaders.refresh()

    def _reload_pillar(self) -> None:
        fresh = self._gather_pillar()
        self.pillar.clear()
        self.pillar.update(fresh)

    def _reload_grains(self) -> None:
        from minion.facts import collect_grains

        fresh = collect_grains(self.opts, module_folders("grains", self.opts)[:-1])
        self.grains.clear()
        self.grains.update(fresh)

    def reload_modules(self) -> None:
        """Looks for modules again; packages may have brought libraries that some of them wait for."""
        import importlib
        import site

        importlib.reload(site)
        importlib.invalidate_caches()
        self.loaders.refresh()


def _may_bring_modules(low: Low) -> bool:
    if low["state"] == "file":
        name = str(low["name"])
        return (
            low["fun"] == "recurse"
            or (low["fun"] == "managed" and name.endswith(_LIBRARIES))
            or (low["fun"] == "symlink" and "bin" in name)
        )
    return low["state"] in ("pkg", "ports", "pip")
