"""Ask systemd which services there are, and what it knows of them."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Set

from minion.errors import CommandExecutionError
from minion.modules import _systemd, _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "service"

_LISTING = ("--full", "--no-legend", "--no-pager", "--plain")


def __virtual__() -> Any:
    return _systemd.fits()


def get_running() -> List[str]:
    """Names of the services (and other units) that run.

    CLI Example:

    .. code-block:: bash

        salt '*' service.get_running
    """
    return sorted(_systemd.parse_units(_listing("list-units"), "running"))


def get_enabled(root: Optional[str] = None) -> List[str]:
    """Names of the services that are started at boot.

    Args:
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.get_enabled
    """
    return sorted(_unit_files("enabled", root) | _systemd.scripts_without_unit(root)[0])


def get_disabled(root: Optional[str] = None) -> List[str]:
    """Names of the services that could be, but are not, started at boot.

    Args:
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.get_disabled
    """
    return sorted(_unit_files("disabled", root) | _systemd.scripts_without_unit(root)[1])


def get_static(root: Optional[str] = None) -> List[str]:
    """Names of the services that can't be enabled: others start them.

    Args:
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.get_static
    """
    return sorted(_unit_files("static", root))


def get_all(root: Optional[str] = None) -> List[str]:
    """Names of all services that are installed.

    Args:
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.get_all
    """
    return sorted(_systemd.services(root))


def show(name: str, root: Optional[str] = None) -> Dict[str, Any]:
    """All properties that systemd knows of a service.

    Args:
        name: name of the service.
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.show <service name>
    """
    done = _systemd.systemctl(__salt__, "show", name, root=root)
    if done["retcode"]:
        raise CommandExecutionError(f"Failed to get information on unit '{name}': {_systemd.reason(done)}")
    return _systemd.parse_show(done["stdout"])


def execs(root: Optional[str] = None) -> Dict[str, str]:
    """Service name -> the program that it starts.

    Args:
        root: look at the unit files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.execs
    """
    wanted = {_systemd.unit(name): name for name in _systemd.without_templates(get_all(root))}
    command = ["systemctl", *_systemd.root_option(root), "show", "--property=Names,ExecStart", "--", *wanted]
    found = {}
    for properties in _systemd.parse_show_many(_tools.output(__salt__, command)):
        path = properties.get("ExecStart", {}).get("path")
        known = [wanted[name] for name in properties.get("Names", "").split() if name in wanted]
        found.update({name: path for name in known if path})
    return found


def firstboot(
    locale: Optional[str] = None,
    locale_message: Optional[str] = None,
    keymap: Optional[str] = None,
    timezone: Optional[str] = None,
    hostname: Optional[str] = None,
    machine_id: Optional[str] = None,
    root: Optional[str] = None,
) -> bool:
    """Makes the basic settings of a system that has never been booted.

    Args:
        locale: primary locale (LANG).
        locale_message: locale of messages (LC_MESSAGES).
        keymap: keyboard layout.
        timezone: time zone.
        hostname: host name.
        machine_id: machine id.
        root: the system below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' service.firstboot keymap=jp locale=en_US.UTF-8
    """
    settings = {
        "locale": locale,
        "locale-messages": locale_message,
        "keymap": keymap,
        "timezone": timezone,
        "hostname": hostname,
        "machine-id": machine_id,
        "root": root,
    }
    options = [f"--{key}={value}" for key, value in settings.items() if value]
    done = _tools.result(__salt__, ["systemd-firstboot", *options])
    if done["retcode"]:
        raise CommandExecutionError(f"systemd-firstboot error: {_systemd.reason(done)}")
    return True


def offline() -> bool:
    """Whether systemd is installed but does not run, as in a chroot.

    CLI Example:

    .. code-block:: bash

        salt '*' service.offline
    """
    return _systemd.offline()


def _listing(what: str, root: Optional[str] = None) -> str:
    return _tools.output(__salt__, ["systemctl", *_systemd.root_option(root), *_LISTING, what])


def _unit_files(state: str, root: Optional[str]) -> Set[str]:
    return _systemd.parse_unit_files(_listing("list-unit-files", root), state)
