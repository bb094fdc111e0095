"""Brings your own modules (`salt://_runners`, `salt://_modules`, ...) from the file roots to the master."""

from __future__ import annotations

from typing import Any

from master.runners import _parts
from minion.extmods import Syncer
from minion.files import backends
from minion.files.answers import Answerer
from minion.files.client import FileClient

__opts__: dict[str, Any]

_KINDS = (
    "executors", "grains", "modules", "pillar", "renderers", "returners", "roster", "runners", "states", "tops",
    "utils", "wheel",
)  # fmt: skip


def sync_all(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> dict[str, list[str]]:
    """Syncs modules of all kinds; returns kind -> what is new or changed.

    Args:
        saltenv: environments to sync from.
        extmod_whitelist, extmod_blacklist: kind -> names that alone are synced, or never.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_all
        salt-run saltutil.sync_all extmod_whitelist={'runners': ['custom_runner'], 'grains': []}
    """
    syncer = _syncer(saltenv, extmod_whitelist or {}, extmod_blacklist or {})
    return {kind: syncer.sync(kind)[0] for kind in _KINDS}


def sync_modules(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Syncs execution modules from `salt://_modules`; returns what is new or changed.

    Args:
        saltenv: environments to sync from.
        extmod_whitelist, extmod_blacklist: names that alone are synced, or never.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_modules
    """
    return _sync("modules", saltenv, extmod_whitelist, extmod_blacklist)


def sync_states(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for states.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_states
    """
    return _sync("states", saltenv, extmod_whitelist, extmod_blacklist)


def sync_grains(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for grains.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_grains
    """
    return _sync("grains", saltenv, extmod_whitelist, extmod_blacklist)


def sync_renderers(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for renderers.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_renderers
    """
    return _sync("renderers", saltenv, extmod_whitelist, extmod_blacklist)


def sync_returners(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for returners.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_returners
    """
    return _sync("returners", saltenv, extmod_whitelist, extmod_blacklist)


def sync_runners(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for runners.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_runners
    """
    return _sync("runners", saltenv, extmod_whitelist, extmod_blacklist)


def sync_wheel(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for wheel modules.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_wheel
    """
    return _sync("wheel", saltenv, extmod_whitelist, extmod_blacklist)


def sync_pillar(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for external pillars.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_pillar
    """
    return _sync("pillar", saltenv, extmod_whitelist, extmod_blacklist)


def sync_utils(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for `__utils__` modules.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_utils
    """
    return _sync("utils", saltenv, extmod_whitelist, extmod_blacklist)


def sync_tops(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for master tops.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_tops
    """
    return _sync("tops", saltenv, extmod_whitelist, extmod_blacklist)


def sync_roster(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for rosters.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_roster
    """
    return _sync("roster", saltenv, extmod_whitelist, extmod_blacklist)


def sync_executors(saltenv: Any = "base", extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> list[str]:
    """Like `saltutil.sync_modules`, for executors.

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_executors
    """
    return _sync("executors", saltenv, extmod_whitelist, extmod_blacklist)


def _sync(kind: str, saltenv: Any, whitelist: Any, blacklist: Any) -> list[str]:
    only = {} if whitelist is None else {kind: _parts.listed(whitelist)}
    return _syncer(saltenv, only, {kind: _parts.listed(blacklist)}).sync(kind)[0]


def _syncer(saltenv: Any, only: dict[str, Any], never: dict[str, Any]) -> Syncer:
    files = FileClient(__opts__, Answerer(backends.build(__opts__)))
    return Syncer(files, str(__opts__["extension_modules"]), _parts.listed(saltenv), True, only, never)
