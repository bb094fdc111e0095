"""Manages the minion itself: brings it the user's own modules, refreshes what it keeps in memory."""

from __future__ import annotations

import logging
import os
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.extmods import Syncer, kinds_below

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]
__file_client__: Any

log = logging.getLogger(__name__)

_TOP_ENVS = "saltutil._top_file_envs"
_ALL_KINDS = (
    ("clouds", "clouds"), ("beacons", "beacons"), ("modules", "modules"), ("states", "states"), ("sdb", "sdb"),
    ("grains", "grains"), ("renderers", "renderers"), ("returners", "returners"), ("output", "output"),
    ("utils", "utils"), ("log_handlers", "log_handlers"), ("executors", "executors"), ("proxymodules", "proxy"),
    ("engines", "engines"), ("thorium", "thorium"), ("serializers", "serializers"), ("matchers", "matchers"),
    ("resources", "resources"),
)  # fmt: skip
_MASTERLESS_KINDS = {"tops": "Master top", "pillar": "Pillar", "wrapper": "Wrapper"}
_DOC = """Brings the {what} below `salt://_{kind}` to the minion; those that changed.

    Args:
        saltenv: environments, comma separated; those of the top file if not given, `base` if there is none.
{refresh}        extmod_whitelist: names of the only modules to bring, comma separated or a list by kind.
        extmod_blacklist: names of modules not to bring.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.sync_{name}
        salt '*' saltutil.sync_{name} saltenv=base,dev
    """
_REFRESH = "        refresh: let the minion look at its modules again afterwards.\n"


def _environments(saltenv: Any) -> List[str]:
    if saltenv is not None:
        return saltenv.split(",") if isinstance(saltenv, str) else list(saltenv)
    if _TOP_ENVS not in __context__:
        top = __salt__["state.show_top"]() if "state.show_top" in __salt__ else {}
        if not isinstance(top, dict):
            raise CommandExecutionError(f"Unable to render top file(s): {top}")
        __context__[_TOP_ENVS] = list(top) or ["base"]
    return list(__context__[_TOP_ENVS])


def _names(given: Any, kind: str, option: str) -> Dict[str, Any]:
    if given is None:
        return dict(__opts__.get(option) or {})
    if isinstance(given, str):
        return {kind: given.split(",")}
    if isinstance(given, dict):
        return given
    raise SaltInvocationError(f"{option} must be a text or a map of lists, not a {type(given).__name__}")


def _syncer(saltenv: Any, kind: str, whitelist: Any, blacklist: Any) -> Syncer:
    return Syncer(
        __file_client__,
        str(__opts__["extension_modules"]),
        _environments(saltenv),
        bool(__opts__.get("clean_dynamic_modules", True)),
        _names(whitelist, kind, "extmod_whitelist"),
        _names(blacklist, kind, "extmod_blacklist"),
    )


def _sync(kind: str, saltenv: Any, whitelist: Any, blacklist: Any) -> List[str]:
    if kind in _MASTERLESS_KINDS and __opts__.get("file_client") != "local":
        raise CommandExecutionError(f"{_MASTERLESS_KINDS[kind]} modules can only be synced to masterless minions")
    return _syncer(saltenv, kind, whitelist, blacklist).sync(kind)[0]


def _sync_function(name: str, kind: str, what: str, default: bool, then: Optional[str] = None) -> Callable[..., Any]:
    """`sync_NAME` for one kind of modules.

    Args:
        name: in the function's name.
        kind: folder of the modules, without the underscore.
        what: for the documentation.
        default: whether it refreshes unless told otherwise.
        then: the function that refreshes, if not `refresh_modules`.
    """

    def sync(
        saltenv: Any = None, refresh: bool = default, extmod_whitelist: Any = None, extmod_blacklist: Any = None
    ) -> List[str]:
        changed = _sync(kind, saltenv, extmod_whitelist, extmod_blacklist)
        if refresh:
            globals()[then or "refresh_modules"]()
        return changed

    sync.__doc__ = _DOC.format(what=what, kind=kind, name=name, refresh=_REFRESH)
    sync.__name__ = sync.__qualname__ = f"sync_{name}"
    return sync


sync_modules = _sync_function("modules", "modules", "execution modules", True)
sync_states = _sync_function("states", "states", "state modules", True)
sync_beacons = _sync_function("beacons", "beacons", "beacons", True, "refresh_beacons")
sync_renderers = _sync_function("renderers", "renderers", "renderers", True)
sync_returners = _sync_function("returners", "returners", "returners", True)
sync_proxymodules = _sync_function("proxymodules", "proxy", "proxy modules", False)
sync_matchers = _sync_function("matchers", "matchers", "matchers", False)
sync_engines = _sync_function("engines", "engines", "engines", False)
sync_thorium = _sync_function("thorium", "thorium", "thorium modules", False)
sync_output = _sync_function("output", "output", "outputters", True)
sync_outputters = _sync_function("outputters", "output", "outputters", True)
sync_clouds = _sync_function("clouds", "clouds", "cloud modules", True)
sync_utils = _sync_function("utils", "utils", "utility modules", True)
sync_serializers = _sync_function("serializers", "serializers", "serializers", True)
sync_log_handlers = _sync_function("log_handlers", "log_handlers", "log handlers", True)
sync_executors = _sync_function("executors", "executors", "executors", True)
sync_resources = _sync_function("resources", "resources", "resource modules", True)
sync_tops = _sync_function("tops", "tops", "sources of top data (masterless minions only)", True)
sync_wrapper = _sync_function("wrapper", "wrapper", "wrappers of salt-ssh (masterless minions only)", True)


def sync_sdb(saltenv: Any = None, extmod_whitelist: Any = None, extmod_blacklist: Any = None) -> List[str]:
    return _sync("sdb", saltenv, extmod_whitelist, extmod_blacklist)


sync_sdb.__doc__ = _DOC.format(what="sdb modules", kind="sdb", name="sdb", refresh="")


def sync_grains(
    saltenv: Any = None,
    refresh: bool = True,
    extmod_whitelist: Any = None,
    extmod_blacklist: Any = None,
    clean_pillar_cache: bool = False,
) -> List[str]:
    """Brings the grains modules below `salt://_grains` to the minion; those that changed.

    Args:
        saltenv: environments, comma separated; those of the top file if not given.
        refresh: collect the grains and the pillar anew afterwards.
        extmod_whitelist: names of the only modules to bring.
        extmod_blacklist: names of modules not to bring.
        clean_pillar_cache: the master forgets what its option `pillar_cache` let it keep.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.sync_grains
    """
    changed = _sync("grains", saltenv, extmod_whitelist, extmod_blacklist)
    if refresh:
        refresh_pillar(clean_cache=clean_pillar_cache)
    return changed


def sync_pillar(
    saltenv: Any = None,
    refresh: bool = True,
    extmod_whitelist: Any = None,
    extmod_blacklist: Any = None,
    clean_pillar_cache: bool = False,
) -> List[str]:
    """Brings the external pillars below `salt://_pillar` to a masterless minion; those that changed.

    Args:
        saltenv: environments, comma separated; those of the top file if not given.
        refresh: compile the pillar anew afterwards.
        extmod_whitelist: names of the only modules to bring.
        extmod_blacklist: names of modules not to bring.
        clean_pillar_cache: the master forgets what its option `pillar_cache` let it keep.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.sync_pillar
    """
    changed = _sync("pillar", saltenv, extmod_whitelist, extmod_blacklist)
    if refresh:
        refresh_pillar(clean_cache=clean_pillar_cache)
    return changed


def sync_all(
    saltenv: Any = None,
    refresh: bool = True,
    extmod_whitelist: Optional[Dict[str, Any]] = None,
    extmod_blacklist: Optional[Dict[str, Any]] = None,
    clean_pillar_cache: bool = False,
) -> Dict[str, List[str]]:
    """Brings the user's modules of all kinds to the minion; those that changed, by kind.

    Args:
        saltenv: environments, comma separated; those of the top file if not given, `base` if there is none.
        refresh: let the minion look at its modules, grains and pillar again afterwards.
        extmod_whitelist: kind -> names of the only modules to bring.
        extmod_blacklist: kind -> names of modules not to bring.
        clean_pillar_cache: the master forgets what its option `pillar_cache` let it keep.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.sync_all
        salt '*' saltutil.sync_all saltenv=base,dev
        salt '*' saltutil.sync_all extmod_whitelist='{"modules": ["custom_module"]}'
    """
    syncer = _syncer(saltenv, "", extmod_whitelist, extmod_blacklist)
    masterless = _MASTERLESS_KINDS if __opts__.get("file_client") == "local" else ()
    changed = {name: syncer.sync(kind)[0] for name, kind in [*_ALL_KINDS, *((kind, kind) for kind in masterless)]}
    if refresh:
        __context__.pop(_TOP_ENVS, None)
        refresh_pillar(clean_cache=clean_pillar_cache)
    return changed


def list_extmods() -> Dict[str, List[str]]:
    """The user's modules that were brought to the minion, by kind.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.list_extmods
    """
    return kinds_below(str(__opts__["extension_modules"]))


# ---------------------------------------------------------------- refreshing


def _signal(tag: str, **data: Any) -> bool:
    return bool(__salt__["event.fire"](data, tag))


def refresh_modules(**kwargs: Any) -> bool:
    """Lets the minion look at its modules and collect its grains again.

    Args:
        async: False waits until it is done.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_modules
        salt '*' saltutil.refresh_modules async=False
    """
    return _signal("module_refresh", notify=not kwargs.get("async", True))


def refresh_grains(**kwargs: Any) -> bool:
    """Collects the grains anew, and with them looks at the modules again.

    Args:
        refresh_pillar: get the pillar anew as well, which may depend on the grains.
        clean_pillar_cache: the master forgets what its option `pillar_cache` let it keep.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_grains
    """
    known = ("refresh_pillar", "clean_pillar_cache")
    unknown = [f"{name}={value}" for name, value in kwargs.items() if name not in known and not name.startswith("__")]
    if unknown:
        raise SaltInvocationError(f"The following keyword arguments are not valid: {', '.join(unknown)}")
    if kwargs.get("refresh_pillar", True):
        refresh_pillar(clean_cache=bool(kwargs.get("clean_pillar_cache")))
    else:
        refresh_modules()
    return True


def refresh_pillar(wait: bool = False, timeout: int = 30, clean_cache: bool = True) -> bool:
    """Lets the minion get its pillar anew.

    Args:
        wait: until it is there.
        timeout: seconds to wait for it at the most.
        clean_cache: the master forgets what its option `pillar_cache` let it keep.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_pillar
        salt '*' saltutil.refresh_pillar wait=True timeout=60
    """
    return _signal("pillar_refresh", wait=wait, clean_cache=clean_cache, **({"timeout": timeout} if wait else {}))


def pillar_refresh(wait: bool = False, timeout: int = 30, clean_cache: bool = True) -> bool:
    """The same as `saltutil.refresh_pillar`.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.pillar_refresh
    """
    return refresh_pillar(wait, timeout, clean_cache)


def refresh_beacons() -> bool:
    """Lets the minion look at its beacons again.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_beacons
    """
    return _signal("beacons_refresh")


def refresh_matchers() -> bool:
    """Lets the minion look at its matchers again.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_matchers
    """
    return _signal("matchers_refresh")


def refresh_resources() -> bool:
    """Lets the minion look for the resources it manages.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_resources
    """
    return _signal("resource_refresh")


# -------------------------------------------------------------------- caches


def clear_cache() -> bool:
    """Removes all files of the minion's cache but those that keep it working: what it did, runs, and has to return.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.clear_cache
    """
    kept = ("journal", "proc", "returns", "mail", "lock")
    base = str(__opts__["cachedir"])
    for place, folders, files in os.walk(base):
        if place == base:
            folders[:] = [name for name in folders if name not in kept]
            files = [name for name in files if name not in kept and not name.startswith("serials-")]
        for name in files:
            try:
                os.unlink(os.path.join(place, name))
            except FileNotFoundError:
                pass
            except OSError as exc:
                log.error("The cache can't be cleared: %s", exc)
                return False
    return True
