"""Manage services of systems that systemd has booted."""

from __future__ import annotations

import fnmatch
import os
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.modules import _systemd

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "service"
__func_alias__ = {"reload_": "reload", "unmask_": "unmask"}

_MINION = "salt-minion.service"


def __virtual__() -> Any:
    return _systemd.fits()


def systemctl_reload() -> bool:
    """Makes systemd read its unit files again.

    CLI Example:

    .. code-block:: bash

        salt '*' service.systemctl_reload
    """
    done = _systemd.systemctl(__salt__, "daemon-reload")
    if done["retcode"]:
        raise CommandExecutionError(f"Problem performing systemctl daemon-reload: {_systemd.reason(done)}")
    return True


def available(name: str) -> bool:
    """Whether a service is installed. Templates count too.

    CLI Example:

    .. code-block:: bash

        salt '*' service.available sshd
    """
    if _systemd.offline():
        message = f"Cannot run in offline mode. Failed to get information on unit '{name}'"
        raise CommandExecutionError(message)
    _follow_changes(name)
    return _known(name)


def missing(name: str) -> bool:
    """Whether a service is not installed.

    CLI Example:

    .. code-block:: bash

        salt '*' service.missing sshd
    """
    return not available(name)


def unmask_(name: str, runtime: bool = False, root: Optional[str] = None) -> bool:
    """Allows a masked service to be started again.

    Args:
        name: name of the service.
        runtime: remove the mask that lasts until the next boot, not the lasting one.
        root: change the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.unmask foo
        salt '*' service.unmask foo runtime=True
    """
    if not masked(name, runtime, root):
        return True
    done = _systemd.systemctl(__salt__, "unmask", name, options=["--runtime"] if runtime else [], root=root)
    if done["retcode"]:
        raise CommandExecutionError(f"Failed to unmask service '{name}': {_systemd.reason(done)}")
    return True


def mask(name: str, runtime: bool = False, root: Optional[str] = None) -> bool:
    """Forbids that anything starts a service.

    Args:
        name: name of the service.
        runtime: only until the next boot.
        root: change the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.mask foo
        salt '*' service.mask foo runtime=True
    """
    _follow_changes(name, root)
    done = _systemd.systemctl(__salt__, "mask", name, options=["--runtime"] if runtime else [], root=root)
    if done["retcode"]:
        raise CommandExecutionError(
            f"Failed to mask service '{name}': {_systemd.reason(done)}", info=_systemd.reason(done)
        )
    return True


def masked(name: str, runtime: bool = False, root: Optional[str] = None) -> bool:
    """Whether a service is masked.

    Args:
        name: name of the service.
        runtime: ask for the mask that lasts until the next boot, not for the lasting one.
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.masked foo
        salt '*' service.masked foo runtime=True
    """
    folder = _systemd.below(root, "/run/systemd/system" if runtime else "/etc/systemd/system")
    try:
        return os.readlink(os.path.join(folder, _systemd.unit(name))) == "/dev/null"
    except OSError:
        return False


def start(name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Starts a service.

    Args:
        name: name of the service.
        no_block: don't wait until it runs.
        unmask: remove a lasting mask first.
        unmask_runtime: remove a mask that lasts until the next boot first.

    CLI Example:

    .. code-block:: bash

        salt '*' service.start <service name>
    """
    return _act("start", name, no_block, unmask, unmask_runtime)


def stop(name: str, no_block: Optional[bool] = None) -> bool:
    """Stops a service.

    Args:
        name: name of the service.
        no_block: don't wait until it has stopped; if not given, that is so for the minion itself only.

    CLI Example:

    .. code-block:: bash

        salt '*' service.stop <service name>
    """
    _follow_changes(name)
    return bool(_systemd.systemctl(__salt__, "stop", name, options=_no_block(name, no_block))["retcode"] == 0)


def restart(name: str, no_block: Optional[bool] = None, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Restarts a service.

    Args:
        name: name of the service.
        no_block: don't wait until it runs again; if not given, that is so for the minion itself only.
        unmask: remove a lasting mask first.
        unmask_runtime: remove a mask that lasts until the next boot first.

    CLI Example:

    .. code-block:: bash

        salt '*' service.restart <service name>
    """
    return _act("restart", name, no_block, unmask, unmask_runtime)


def reload_(name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Makes a service read its configuration again.

    Args:
        name: name of the service.
        no_block: don't wait for it.
        unmask: remove a lasting mask first.
        unmask_runtime: remove a mask that lasts until the next boot first.

    CLI Example:

    .. code-block:: bash

        salt '*' service.reload <service name>
    """
    return _act("reload", name, no_block, unmask, unmask_runtime)


def force_reload(name: str, no_block: bool = True, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Reloads a service if it can be reloaded, restarts it otherwise.

    Args:
        name: name of the service.
        no_block: don't wait for it.
        unmask: remove a lasting mask first.
        unmask_runtime: remove a mask that lasts until the next boot first.

    CLI Example:

    .. code-block:: bash

        salt '*' service.force_reload <service name>
    """
    return _act("force-reload", name, no_block, unmask, unmask_runtime)


def status(name: str, sig: Optional[str] = None) -> Any:
    """Whether a service runs. For a pattern a dictionary of all services that match.

    Args:
        name: name of the service, or a glob.
        sig: accepted for compatibility: systemd knows without looking at processes.

    CLI Example:

    .. code-block:: bash

        salt '*' service.status <service name>
        salt '*' service.status 'salt*'
    """
    if not _systemd.is_glob(name):
        _follow_changes(name)
        return _is_active(name)
    return {found: _is_active(found) for found in fnmatch.filter(_systemd.services(), name)}


def enable(
    name: str,
    no_block: bool = False,
    unmask: bool = False,
    unmask_runtime: bool = False,
    root: Optional[str] = None,
    **kwargs: Any,
) -> bool:
    """Has a service started at boot.

    Args:
        name: name of the service.
        no_block: don't wait for it.
        unmask: remove a lasting mask first.
        unmask_runtime: remove a mask that lasts until the next boot first.
        root: change the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.enable <service name>
    """
    _follow_changes(name, root)
    _unmask(name, unmask, unmask_runtime, root)
    done = _systemd.systemctl(
        __salt__, "enable", name, options=_no_block(name, no_block), root=root, ignore_retcode=True
    )
    if done["retcode"]:
        raise CommandExecutionError(_systemd.reason(done))
    return True


def disable(name: str, no_block: bool = False, root: Optional[str] = None, **kwargs: Any) -> bool:
    """Has a service no longer started at boot.

    Args:
        name: name of the service.
        no_block: don't wait for it.
        root: change the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.disable <service name>
    """
    _follow_changes(name, root)
    done = _systemd.systemctl(
        __salt__, "disable", name, options=_no_block(name, no_block), root=root, ignore_retcode=True
    )
    return bool(done["retcode"] == 0)


def enabled(name: str, root: Optional[str] = None, **kwargs: Any) -> bool:
    """Whether a service is started at boot, or need not be enabled to be (`static` and the like).

    Args:
        name: name of the service.
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.enabled <service name>
    """
    done = _systemd.systemctl(__salt__, "is-enabled", name, root=root, ignore_retcode=True)
    if done["stdout"].strip() == "alias":
        target = _systemd.alias_target(name, root)
        return target is not None and enabled(target, root)
    return bool(done["retcode"] == 0)


def disabled(name: str, root: Optional[str] = None) -> bool:
    """Whether a service is not started at boot.

    Args:
        name: name of the service.
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.disabled <service name>
    """
    return not enabled(name, root)


def _act(action: str, name: str, no_block: Optional[bool], unmask: bool, unmask_runtime: bool) -> bool:
    _follow_changes(name)
    _unmask(name, unmask, unmask_runtime)
    done = _systemd.systemctl(__salt__, action, name, options=_no_block(name, no_block))
    if done["retcode"]:
        raise CommandExecutionError(_systemd.reason(done))
    return True


def _no_block(name: str, no_block: Optional[bool]) -> List[str]:
    """Waiting for the minion's own end would be waiting forever."""
    wanted = _systemd.unit(name) == _MINION if no_block is None else no_block
    return ["--no-block"] if wanted else []


def _unmask(name: str, lasting: bool, runtime: bool, root: Optional[str] = None) -> None:
    if lasting:
        unmask_(name, runtime=False, root=root)
    if runtime:
        unmask_(name, runtime=True, root=root)


def _follow_changes(name: str, root: Optional[str] = None) -> None:
    """Has systemd read its unit files again if this one is new or was changed."""
    if root or _systemd.offline() or _systemd.is_template(name):
        return
    found = _properties(name)
    new = found.get("LoadState") == "not-found" and os.path.exists(f"/etc/systemd/system/{_systemd.unit(name)}")
    if new or found.get("NeedDaemonReload") == "yes":
        systemctl_reload()


def _known(name: str) -> bool:
    if _systemd.is_template(name):
        return bool(_systemd.systemctl(__salt__, "cat", name, ignore_retcode=True)["retcode"] == 0)
    return bool(_properties(name).get("LoadState", "not-found") != "not-found")


def _properties(name: str) -> Dict[str, Any]:
    done = _systemd.systemctl(
        __salt__, "show", name, options=["--property=LoadState,NeedDaemonReload"], ignore_retcode=True
    )
    if done["retcode"]:
        raise CommandExecutionError(f"Failed to get information on unit '{name}': {_systemd.reason(done)}")
    return _systemd.parse_show(done["stdout"])


def _is_active(name: str) -> bool:
    return bool(_systemd.systemctl(__salt__, "is-active", name, ignore_retcode=True)["retcode"] == 0)
