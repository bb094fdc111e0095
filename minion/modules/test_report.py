"""Functions that tell about the program itself: versions, options, where its modules come from."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any, Callable, Dict, List, Sequence

from minion import masking, versions
from transports import SALT_VERSION, __version__

__salt__: Any
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]

__virtualname__ = "test"
__func_alias__ = {"versions_": "versions"}


def module_report() -> Dict[str, List[str]]:
    """Which functions and modules can be reached by `__salt__["module.function"]` and by `__salt__.module.function`.

    CLI Example:

    .. code-block:: bash

        salt '*' test.module_report
    """
    functions = list(__salt__)
    modules = sorted({name.partition(".")[0] for name in functions})
    attributes = [name for name in functions if hasattr(getattr(__salt__, name.split(".")[0]), name.split(".")[1])]
    return {
        "functions": functions,
        "function_attrs": attributes,
        "function_subs": [name for name in functions if name in __salt__],
        "modules": modules,
        "module_attrs": [name for name in modules if hasattr(__salt__, name)],
        "missing_attrs": [name for name in functions if name not in attributes],
        "missing_subs": [name for name in functions if name not in __salt__],
    }


def version() -> str:
    """The version of this program on the minion.

    CLI Example:

    .. code-block:: bash

        salt '*' test.version
    """
    return SALT_VERSION


def versions_information() -> Dict[str, Dict[str, str]]:
    """The versions of this program, of what it depends on and of the system, as a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' test.versions_information
    """
    return {
        "Salt Version": {"Salt": SALT_VERSION, "Saltern": __version__},
        "Python Version": {"Python": sys.version.replace("\n", " ")},
        "Dependency Versions": versions.dependencies(),
        "System Versions": {
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
            "version": platform.platform(),
        },
    }


def versions_report() -> str:
    """The versions of this program, of what it depends on and of the system, as text.

    CLI Example:

    .. code-block:: bash

        salt '*' test.versions_report
    """
    return versions.report()


def versions_() -> str:
    """Another name of test.versions_report.

    CLI Example:

    .. code-block:: bash

        salt '*' test.versions
    """
    return versions_report()


def get_opts() -> Dict[str, Any]:
    """All options of the minion; values of the pillar are masked.

    CLI Example:

    .. code-block:: bash

        salt '*' test.get_opts
    """
    return {name: masking.masked(value) if name == "pillar" else value for name, value in __opts__.items()}


def opts_pkg() -> Dict[str, Any]:
    """All options of the minion with its grains; values of the pillar are masked.

    CLI Example:

    .. code-block:: bash

        salt '*' test.opts_pkg
    """
    return {**get_opts(), "grains": dict(__grains__)}


def provider(module: str) -> str:
    """Which file provides a module.

    Args:
        module: its name.

    CLI Example:

    .. code-block:: bash

        salt '*' test.provider service
    """
    return _provider_of([name for name in __salt__ if name.startswith(f"{module}.")])


def providers() -> Dict[str, str]:
    """Files that provide modules -> names of these modules.

    CLI Example:

    .. code-block:: bash

        salt '*' test.providers
    """
    functions: Dict[str, List[str]] = {}
    for name in __salt__:
        functions.setdefault(name.partition(".")[0], []).append(name)
    return {_provider_of(names): module for module, names in functions.items()}


def _provider_of(functions: Sequence[str]) -> str:
    """The file that some functions come from; the first part of their names, if it is a family of files."""
    files = sorted({_file_of(__salt__[name]) for name in functions}, key=len)
    if not files:
        return ""
    for family in (files[0], files[0].rpartition("_")[0]):
        if family and all(name == family or name.startswith(f"{family}_") for name in files):
            return family
    return files[0]


def _file_of(function: Callable[..., Any]) -> str:
    path = str(getattr(sys.modules.get(function.__module__), "__file__", ""))
    folder, name = os.path.split(path)
    return os.path.basename(folder) if name == "__init__.py" else os.path.splitext(name)[0]


def not_loaded() -> List[str]:
    """Files of execution modules that provide nothing on this host.

    CLI Example:

    .. code-block:: bash

        salt '*' test.not_loaded
    """
    loaded = {_file_of(__salt__[name]) for name in __salt__}
    found = set()
    for folder in __salt__.folders:
        for entry in os.listdir(folder) if os.path.isdir(folder) else ():
            if not entry.startswith(("_", ".")):
                found.add(entry.partition(".")[0])
    return sorted(found - loaded)
