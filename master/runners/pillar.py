"""Pillars, compiled as for minions."""

from __future__ import annotations

from typing import Any

from master.mine import MasterMine
from master.pillars import make_compiler
from master.runners import _parts
from minion.pillar.compiler import PillarCompiler
from minion.pillar.request import PillarRequest

__opts__: dict[str, Any]


def show_top(minion: str | None = None, saltenv: str = "base") -> Any:
    """The top files of the pillar, merged.

    Args:
        minion: as this minion's grains make them.
        saltenv: the environment.

    CLI Example:

    .. code-block:: bash

        salt-run pillar.show_top
        salt-run pillar.show_top minion=web1
    """
    return _compiler(minion or "").top(_request(minion, saltenv=saltenv))


def show_pillar(minion: str = "*", **kwargs: Any) -> dict[str, Any]:
    """The pillar of a minion, compiled now.

    Args:
        minion: the minion, of which the master has grains; `*` for the master's own.
        kwargs: `saltenv`, `pillarenv`; others are grains that replace those of the minion.

    CLI Example:

    .. code-block:: bash

        salt-run pillar.show_pillar 'www.example.com'
        salt-run pillar.show_pillar foo=bar
        salt-run pillar.show_pillar web1 pillarenv=dev
    """
    return _compiler(minion).compile(_request(minion, **kwargs))


def show_pillar_cache(minion: str = "*", **kwargs: Any) -> dict[str, Any]:
    """The pillars that were last compiled for minions.

    Args:
        minion: a glob of ids.

    CLI Example:

    .. code-block:: bash

        salt-run pillar.show_pillar_cache 'web*'
    """
    data = _parts.minion_data(__opts__)
    return {name: data.pillar(name) or {} for name in _parts.targeted(__opts__, minion, "glob")}


def clear_pillar_cache(minion: str = "*", **kwargs: Any) -> dict[str, Any]:
    """Forgets the pillars that were last compiled for minions; returns what they were.

    Args:
        minion: a glob of ids.

    CLI Example:

    .. code-block:: bash

        salt-run pillar.clear_pillar_cache 'web*'
    """
    data, forgotten = _parts.minion_data(__opts__), show_pillar_cache(minion)
    for name in forgotten:
        data.clear(name, "pillar")
    return forgotten


def _request(minion: str | None, saltenv: Any = None, pillarenv: Any = None, **grains: Any) -> PillarRequest:
    name = minion if minion and minion != "*" else _parts.master_id(__opts__)
    known = _parts.minion_data(__opts__).grains(name) or {}
    kept = {key: value for key, value in grains.items() if not key.startswith("__")}
    return PillarRequest(name, {**known, **kept, "id": name}, saltenv, pillarenv)


def _compiler(minion: str) -> PillarCompiler:
    opts = {**__opts__, "pillar_safe_render_error": False}
    return make_compiler(opts, _Mine(minion))


class _Mine:
    """What templates may ask of the master."""

    def __init__(self, minion: str) -> None:
        groups = __opts__.get("nodegroups") or {}
        self._minion = minion
        self._mine = MasterMine(
            _parts.minion_data(__opts__), lambda: _parts.members(__opts__), __opts__.get("mine_get") or {}, groups
        )

    def request(self, cmd: str, **load: Any) -> Any:
        if cmd != "_mine_get":
            return {}
        return self._mine.get(self._minion, load.get("tgt"), load.get("fun"), load.get("tgt_type") or "glob")
