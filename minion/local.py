"""Answers a minion's requests on the minion itself: what `salt-call --local` asks instead of a master."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from minion.files import backends
from minion.files.answers import answers

if TYPE_CHECKING:
    from minion.loaders import Loaders

log = logging.getLogger(__name__)

# what `_master_opts` tells of a master's options, and their defaults
_STATE_OPTIONS: Dict[str, Any] = {
    "renderer": "jinja|yaml",
    "failhard": False,
    "state_top": "top.sls",
    "state_top_saltenv": None,
    "nodegroups": {},
    "state_auto_order": True,
    "state_events": False,
    "state_aggregate": False,
    "jinja_env": {},
    "jinja_sls_env": {},
    "jinja_lstrip_blocks": False,
    "jinja_trim_blocks": False,
}


class LocalMaster:
    """The request table of a host that is its own master.

    Args:
        opts: the minion's options; `file_roots` and `pillar_roots` are here.
        grains: facts about the host.
    """

    def __init__(self, opts: Dict[str, Any], grains: Dict[str, Any]) -> None:
        self._opts, self._grains = opts, grains
        self._loaders: Optional[Loaders] = None
        self._answers: Dict[str, Callable[[Dict[str, Any]], Any]] = {
            **answers(backends.build(opts, fetch=True)),
            "_master_opts": self._master_opts,
            "_master_tops": self._master_tops,
            "_pillar": self._pillar,
        }

    def request(self, cmd: str, **load: Any) -> Any:
        """The answer to a request.

        Files, options and pillar are answered from this host. What only a master can do with others (the mine, peer
        calls, pushed files) is refused as a master refuses it, and events have nobody to hear them.
        """
        if cmd in self._answers:
            return self._answers[cmd](load)
        log.debug("Without a master nobody takes the request %s", cmd)
        return {}

    def _master_opts(self, load: Dict[str, Any]) -> Dict[str, Any]:
        opts = self._opts
        told: Dict[str, Any] = {
            "file_roots": {name: [] for name in self.request("_file_envs")},
            "top_file_merging_strategy": opts.get("top_file_merging_strategy") or "merge",
            "env_order": opts.get("env_order") or [],
            "default_top": opts.get("default_top") or "base",
        }
        if not load.get("env_only"):
            told.update((name, opts.get(name, default)) for name, default in _STATE_OPTIONS.items())
        return told

    def _master_tops(self, load: Dict[str, Any]) -> Dict[str, Any]:
        if not self._opts.get("master_tops"):
            return {}
        from minion.pillar.master_tops import assigned

        return assigned(self._opts, self._opts["id"], self._opts, self._grains)

    def _pillar(self, load: Dict[str, Any]) -> Dict[str, Any]:
        from minion.loaders import build_loaders
        from minion.pillar.compiler import PillarCompiler
        from minion.pillar.request import PillarRequest

        if self._loaders is None:
            self._loaders = build_loaders(self._opts, self._grains, {}, self)
        request = PillarRequest(
            minion_id=self._opts["id"],
            grains=load.get("grains") or self._grains,
            saltenv=load.get("saltenv"),
            pillarenv=load.get("pillarenv"),
            override=load.get("pillar_override") or {},
            ext=load.get("ext"),
            extra_minion_data=load.get("extra_minion_data") or {},
        )
        return PillarCompiler(self._opts, self._loaders).compile(request)
