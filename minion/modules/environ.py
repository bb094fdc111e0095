"""Environment variables of the process that runs the job, and of the programs that it starts."""

from __future__ import annotations

import logging
import os
from typing import Any, Callable, Dict, List, Union

__salt__: Dict[str, Callable[..., Any]]

log = logging.getLogger(__name__)


def setval(key: str, val: Any, false_unsets: bool = False, permanent: Any = False) -> Any:
    """Sets a variable and returns its value; False if it can't be set.

    Args:
        key: its name.
        val: its value. False makes it empty.
        false_unsets: with the value False, remove it; then nothing is returned.
        permanent: accepted, and of no effect: only Windows can do that.

    CLI Example:

    .. code-block:: bash

        salt '*' environ.setval foo bar
        salt '*' environ.setval baz val=False false_unsets=True
    """
    if val is False and false_unsets is True:
        os.environ.pop(key, None)
        return None
    if val is False:
        val = ""
    if not isinstance(key, str) or not isinstance(val, str):
        log.error("The environment variable '%s' can't be set: name and value must be text", key)
        return False
    try:
        os.environ[key] = val
    except (ValueError, OSError) as exc:
        log.error("The environment variable '%s' can't be set: %s", key, exc)
        return False
    return val


def setenv(
    environ: Any,
    false_unsets: bool = False,
    clear_all: bool = False,
    update_minion: bool = False,
    permanent: Any = False,
) -> Union[bool, Dict[str, Any]]:
    """Sets several variables and returns them.

    Args:
        environ: names and values. The value False makes a variable empty.
        false_unsets: with the value False, remove it.
        clear_all: do so with all other variables too.
        update_minion: tell the minion to do the same, so that later jobs see it.
        permanent: accepted, and of no effect: only Windows can do that.

    CLI Example:

    .. code-block:: bash

        salt '*' environ.setenv '{"foo": "bar", "baz": "quux"}'
        salt '*' environ.setenv '{"a": "b", "c": False}' false_unsets=True
    """
    if not isinstance(environ, dict):
        log.error("'environ' must be a dictionary, not %r", environ)
        return False
    wrong = [key for key, value in environ.items() if not isinstance(value, str) and value is not False]
    if wrong:
        log.error("Values of environment variables must be text or False: %s", ", ".join(map(str, wrong)))
        return False
    result = {}
    if clear_all is True:
        for key in [key for key in os.environ if key not in environ]:
            result[key] = setval(key, False, false_unsets)
    for key, value in environ.items():
        result[key] = setval(key, value, false_unsets)
    if update_minion is True:
        data = {"environ": environ, "false_unsets": false_unsets, "clear_all": clear_all, "permanent": permanent}
        __salt__["event.fire"](data, "environ_setenv")
    return result


def get(key: str, default: Any = "") -> Any:
    """Returns the value of a variable.

    Args:
        key: its name.
        default: what to return if it is not set.

    CLI Example:

    .. code-block:: bash

        salt '*' environ.get foo
        salt '*' environ.get baz default=False
    """
    return os.environ.get(key, default) if isinstance(key, str) else False


def has_value(key: str, value: Any = None) -> bool:
    """Tells whether a variable is set, and if a value is given, whether it has that value.

    CLI Example:

    .. code-block:: bash

        salt '*' environ.has_value foo
    """
    if not isinstance(key, str) or key not in os.environ:
        return False
    return value is None or os.environ[key] == value


def item(keys: Union[str, List[str]], default: Any = "") -> Dict[str, Any]:
    """Returns several variables.

    Args:
        keys: a name, or a list of names.
        default: what to return for those that are not set.

    CLI Example:

    .. code-block:: bash

        salt '*' environ.item foo
        salt '*' environ.item '[foo, baz]' default=None
    """
    names = [keys] if isinstance(keys, str) else keys
    return {name: os.environ.get(name, default) for name in names}


def items() -> Dict[str, str]:
    """Returns all variables.

    CLI Example:

    .. code-block:: bash

        salt '*' environ.items
    """
    return dict(os.environ)
