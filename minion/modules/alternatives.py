"""Which of several programs a common name stands for (`editor`, `java`, ...)."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Union

from minion.modules import _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__func_alias__ = {"set_": "set"}

_LINKS = "/etc/alternatives"
_RECORDS = ("/var/lib/dpkg/alternatives", "/var/lib/alternatives", "/var/lib/rpm/alternatives")


def __virtual__() -> Any:
    if os.path.isdir(_LINKS):
        return True
    return False, f"there is no {_LINKS}"


def display(name: str) -> str:
    """All that is known of an alternative, as text.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.display editor
    """
    return _run("--display", name, ignore_retcode=True)


def show_link(name: str) -> Union[str, bool]:
    """The path at which users find an alternative; False if there is none of that name.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.show_link editor
    """
    for folder in _RECORDS:
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as record:
                lines = record.read().splitlines()
        except OSError:
            continue
        return lines[1] if len(lines) > 1 else False
    return False


def show_current(name: str) -> Union[str, bool]:
    """What an alternative stands for now; False if there is none of that name.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.show_current editor
    """
    try:
        return os.readlink(os.path.join(_LINKS, name))
    except OSError:
        return False


def check_exists(name: str, path: str) -> bool:
    """Whether a path is among those an alternative can stand for.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.check_exists name path
    """
    return any(line.split(" - ")[0] == path for line in display(name).splitlines())


def check_installed(name: str, path: str) -> bool:
    """Whether an alternative stands for a path now.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.check_installed name path
    """
    return show_current(name) == path


def install(name: str, link: str, path: str, priority: int) -> str:
    """Adds a path to those an alternative can stand for. Returns what the program said.

    Args:
        name: name of the alternative.
        link: where users find it.
        path: the program.
        priority: the highest is chosen if nobody chooses.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.install editor /usr/bin/editor /usr/bin/emacs23 50
    """
    return _run("--install", link, name, path, str(priority))


def remove(name: str, path: str) -> str:
    """Removes a path from those an alternative can stand for. Returns what the program said.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.remove name path
    """
    return _run("--remove", name, path)


def auto(name: str) -> str:
    """Lets priorities choose again. Returns what the program said.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.auto name
    """
    return _run("--auto", name)


def set_(name: str, path: str) -> str:
    """Chooses what an alternative stands for. Returns what the program said.

    CLI Example:

    .. code-block:: bash

        salt '*' alternatives.set name path
    """
    return _run("--set", name, path)


def _run(*arguments: str, ignore_retcode: bool = False) -> str:
    program = "alternatives" if __grains__.get("os_family") == "RedHat" else "update-alternatives"
    done = _tools.result(__salt__, [program, *arguments], ignore_retcode=ignore_retcode)
    return str(done["stderr"] if done["retcode"] and done["stderr"] else done["stdout"])
