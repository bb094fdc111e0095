"""Manage services that are init scripts, run by System V init or OpenRC."""

from __future__ import annotations

import fnmatch
from typing import Any, Callable, Dict, List, Optional

from minion.modules import _scripts, _systemd, _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "service"
__func_alias__ = {"reload_": "reload"}


def __virtual__() -> Any:
    if _systemd.scripts_are_used():
        return True
    return False, "services are not init scripts here"


def offline() -> bool:
    """Whether this is the root of a system that systemd will run, in which services are not to be started now.

    CLI Example:

    .. code-block:: bash

        salt '*' service.offline
    """
    return _systemd.offline()


def get_enabled() -> List[str]:
    """Names of the services that are started at boot.

    CLI Example:

    .. code-block:: bash

        salt '*' service.get_enabled
    """
    return sorted(_scripts.started(__salt__))


def get_disabled() -> List[str]:
    """Names of the services that are not started at boot.

    CLI Example:

    .. code-block:: bash

        salt '*' service.get_disabled
    """
    return sorted(set(get_all()) - set(get_enabled()))


def get_all() -> List[str]:
    """Names of all services that are installed.

    CLI Example:

    .. code-block:: bash

        salt '*' service.get_all
    """
    return sorted(_systemd.scripts())


def available(name: str) -> bool:
    """Whether a service is installed.

    CLI Example:

    .. code-block:: bash

        salt '*' service.available sshd
    """
    return name in get_all()


def missing(name: str) -> bool:
    """Whether a service is not installed.

    CLI Example:

    .. code-block:: bash

        salt '*' service.missing sshd
    """
    return not available(name)


def start(name: str) -> bool:
    """Starts a service.

    CLI Example:

    .. code-block:: bash

        salt '*' service.start <service name>
    """
    return _run(name, "start")


def stop(name: str) -> bool:
    """Stops a service.

    CLI Example:

    .. code-block:: bash

        salt '*' service.stop <service name>
    """
    return _run(name, "stop")


def restart(name: str) -> bool:
    """Restarts a service.

    CLI Example:

    .. code-block:: bash

        salt '*' service.restart <service name>
    """
    return _run(name, "restart")


def reload_(name: str) -> bool:
    """Makes a service read its configuration again.

    CLI Example:

    .. code-block:: bash

        salt '*' service.reload <service name>
    """
    return _run(name, "reload")


def force_reload(name: str) -> bool:
    """Reloads a service if it can be reloaded, restarts it otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' service.force_reload <service name>
    """
    return _run(name, "force-reload")


def status(name: str, sig: Optional[str] = None) -> Any:
    """Whether a service runs. For a pattern a dictionary of all services that match.

    Args:
        name: name of the service, or a glob.
        sig: look for processes that this regular expression matches instead of asking the script.

    CLI Example:

    .. code-block:: bash

        salt '*' service.status <service name> [service signature]
    """
    if sig:
        return bool(__salt__["status.pid"](sig))
    if not _systemd.is_glob(name):
        return _run(name, "status", ignore_retcode=True)
    return {found: _run(found, "status", ignore_retcode=True) for found in fnmatch.filter(get_all(), name)}


def enable(name: str, **kwargs: Any) -> bool:
    """Has a service started at boot.

    Args:
        name: name of the service.
        runlevels: under OpenRC, the run levels in which it is started; `default` if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' service.enable <service name>
        salt '*' service.enable <service name> runlevels=boot
    """
    levels = kwargs.get("runlevels") or ["default"]
    chosen = levels.split(",") if isinstance(levels, str) else list(levels)
    return all(_tools.succeeds(__salt__, command) for command in _scripts.boot_commands(name, True, chosen))


def disable(name: str, **kwargs: Any) -> bool:
    """Has a service no longer started at boot.

    CLI Example:

    .. code-block:: bash

        salt '*' service.disable <service name>
    """
    if not enabled(name):
        return True
    return all(_tools.succeeds(__salt__, command) for command in _scripts.boot_commands(name, False, []))


def enabled(name: str, **kwargs: Any) -> bool:
    """Whether a service is started at boot.

    CLI Example:

    .. code-block:: bash

        salt '*' service.enabled <service name>
    """
    return name in get_enabled()


def disabled(name: str) -> bool:
    """Whether a service is not started at boot.

    CLI Example:

    .. code-block:: bash

        salt '*' service.disabled <service name>
    """
    return not enabled(name)


def _run(name: str, action: str, ignore_retcode: bool = False) -> bool:
    return _tools.succeeds(__salt__, _scripts.command(name, action), ignore_retcode=ignore_retcode)
