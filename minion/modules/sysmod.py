"""Tells which functions there are and how to call them."""

from __future__ import annotations

import fnmatch
import importlib.util
import os
import sys
from typing import Any, Callable, Dict, List, Mapping

from minion.loader import Loader
from minion.modules import _listing

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]
__loaders__: Any

__virtualname__ = "sys"


def _runners() -> Mapping[str, Callable[..., Any]]:
    """The runners, on a host where the master is installed."""
    if "sys.runners" not in __context__:
        package = importlib.util.find_spec("master")
        folders = [os.path.join(folder, "runners") for folder in (package and package.submodule_search_locations) or ()]
        __context__["sys.runners"] = Loader("runners", [*(__opts__.get("runner_dirs") or ()), *folders], {})
    found: Mapping[str, Callable[..., Any]] = __context__["sys.runners"]
    return found


def doc(*args: str) -> Dict[str, Any]:
    """The documentation of execution functions.

    Args:
        args: functions, modules or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.doc
        salt '*' sys.doc sys
        salt '*' sys.doc network.traceroute user.info
        salt '*' sys.doc 'sys.list_*'
    """
    return _listing.docs(__salt__, args)


def state_doc(*args: str) -> Dict[str, Any]:
    """The documentation of state functions and of the modules they are in.

    Args:
        args: functions, modules or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.state_doc
        salt '*' sys.state_doc service.running
        salt '*' sys.state_doc 'service.*' 'iptables.*'
    """
    docs: Dict[str, Any] = {}
    for name in _listing.documented(__states__, args) if args else __states__:
        function = __states__[name]
        module = sys.modules.get(getattr(function, "__module__", ""))
        docs.setdefault(name.partition(".")[0], getattr(module, "__doc__", None))
        docs[name] = function.__doc__
    return _listing.plain_text(docs)


def runner_doc(*args: str) -> Dict[str, Any]:
    """The documentation of runners, on the master's host.

    Args:
        args: functions, modules or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.runner_doc
        salt '*' sys.runner_doc cache.grains
        salt '*' sys.runner_doc 'cache.clear_*'
    """
    return _listing.docs(_runners(), args)


def returner_doc(*args: str) -> Dict[str, Any]:
    """The documentation of returners.

    Args:
        args: functions, modules or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.returner_doc
        salt '*' sys.returner_doc sqlite3.get_fun
        salt '*' sys.returner_doc 'sqlite3.get_*'
    """
    return _listing.docs(__loaders__.returners, args)


def renderer_doc(*args: str) -> Dict[str, Any]:
    """The documentation of renderers.

    Args:
        args: names or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.renderer_doc
        salt '*' sys.renderer_doc jinja json
        salt '*' sys.renderer_doc 'j*'
    """
    renderers = __loaders__.renderers
    names = [name for pattern in args or ("*",) for name in fnmatch.filter(renderers, pattern)]
    return _listing.plain_text({name: renderers[name].__doc__ for name in names})


def list_functions(*args: str, **kwargs: Any) -> List[str]:
    """The names of execution functions.

    Args:
        args: modules, functions or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_functions
        salt '*' sys.list_functions sys user
        salt '*' sys.list_functions 'sys.list_*'
    """
    return _listing.function_names(__salt__, args)


def list_modules(*args: str) -> List[str]:
    """The names of execution modules.

    Args:
        args: names or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_modules
        salt '*' sys.list_modules 's*'
    """
    return _listing.module_names(__salt__, args)


def reload_modules() -> bool:
    """Forgets the loaded modules, so that changed files are read.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.reload_modules
    """
    __loaders__.refresh()
    return True


def argspec(module: str = "") -> Dict[str, Dict[str, Any]]:
    """What execution functions take: names, defaults, and whether any further arguments.

    Args:
        module: a function, a module or a glob; everything if it is empty.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.argspec pkg.install
        salt '*' sys.argspec sys
        salt '*' sys.argspec 'pkg.*'
    """
    return _listing.argspecs(__salt__, module)


def state_argspec(module: str = "") -> Dict[str, Dict[str, Any]]:
    """What state functions take.

    Args:
        module: a function, a module or a glob; everything if it is empty.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.state_argspec pkg.installed
        salt '*' sys.state_argspec 'pkg.*'
    """
    return _listing.argspecs(__states__, module)


def returner_argspec(module: str = "") -> Dict[str, Dict[str, Any]]:
    """What functions of returners take.

    Args:
        module: a function, a module or a glob; everything if it is empty.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.returner_argspec 'sqlite3.*'
    """
    return _listing.argspecs(__loaders__.returners, module)


def runner_argspec(module: str = "") -> Dict[str, Dict[str, Any]]:
    """What runners take, on the master's host.

    Args:
        module: a function, a module or a glob; everything if it is empty.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.runner_argspec state
    """
    return _listing.argspecs(_runners(), module)


def list_state_functions(*args: str, **kwargs: Any) -> List[str]:
    """The names of state functions.

    Args:
        args: modules, functions or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_state_functions
        salt '*' sys.list_state_functions pkg user
        salt '*' sys.list_state_functions 'file.s*'
    """
    return _listing.function_names(__states__, args)


def list_state_modules(*args: str) -> List[str]:
    """The names of state modules.

    Args:
        args: names or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_state_modules
        salt '*' sys.list_state_modules 'mysql_*'
    """
    return _listing.module_names(__states__, args)


def list_runners(*args: str) -> List[str]:
    """The names of runner modules, on the master's host.

    Args:
        args: names or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_runners
        salt '*' sys.list_runners 'm*'
    """
    return _listing.module_names(_runners(), args)


def list_runner_functions(*args: str, **kwargs: Any) -> List[str]:
    """The names of runners, on the master's host.

    Args:
        args: modules, functions or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_runner_functions
        salt '*' sys.list_runner_functions 'state.*' 'jobs.*'
    """
    return _listing.function_names(_runners(), args)


def list_returners(*args: str) -> List[str]:
    """The names of returners.

    Args:
        args: names or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_returners
        salt '*' sys.list_returners 's*'
    """
    return _listing.module_names(__loaders__.returners, args)


def list_returner_functions(*args: str, **kwargs: Any) -> List[str]:
    """The names of functions of returners.

    Args:
        args: modules, functions or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_returner_functions
        salt '*' sys.list_returner_functions 'sqlite3.get_*'
    """
    return _listing.function_names(__loaders__.returners, args)


def list_renderers(*args: str) -> List[str]:
    """The names of renderers.

    Args:
        args: names or globs; everything if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_renderers
        salt '*' sys.list_renderers 'yaml*'
    """
    return sorted({name for pattern in args or ("*",) for name in fnmatch.filter(__loaders__.renderers, pattern)})


def state_schema(module: str = "") -> List[Dict[str, Any]]:
    """JSON schemas of what state functions take.

    Args:
        module: a function, a module or a glob; everything if it is empty.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.state_schema pkg.installed
    """
    names = _listing.function_names(__states__, [module] if module else [])
    return [_listing.schema(name, __states__[name]) for name in names]
