"""Runners to try out runners."""

from __future__ import annotations

import sys
import time
from typing import Any

__opts__: dict[str, Any]
__jid_event__: Any

_NAMES = {
    "be": ["aap", "noot", "mies"], "is": ["foo", "bar", "baz", "qux"], "it": ["pippo", "pluto", "paperino"],
    "jp": ["hoge", "piyo", "fuga", "hogera", "hogehoge"], "pt": ["fulano", "sicrano", "beltrano"],
    "uk": ["wibble", "wobble", "wubble", "flob"], "us": ["foo", "bar", "baz", "qux", "quux", "corge", "grault"],
}  # fmt: skip


def arg(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Shows the arguments it was called with, without those whose names begin with `__`.

    CLI Example:

    .. code-block:: bash

        salt-run test.arg foo bar=baz
    """
    return {"args": list(args), "kwargs": {name: kwargs[name] for name in kwargs if not name.startswith("__")}}


def raw_arg(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Shows all arguments it was called with.

    CLI Example:

    .. code-block:: bash

        salt-run test.raw_arg foo bar=baz
    """
    return {"args": list(args), "kwargs": kwargs}


def metasyntactic(locality: str = "us") -> list[str]:
    """Names for things that have none.

    Args:
        locality: of which country.

    CLI Example:

    .. code-block:: bash

        salt-run test.metasyntactic locality=uk
    """
    return _NAMES[locality]


def stdout_print() -> str:
    """Prints `foo` and returns `bar`.

    CLI Example:

    .. code-block:: bash

        salt-run test.stdout_print
    """
    sys.stdout.write("foo\n")
    return "bar"


def sleep(s_time: float = 10) -> bool:
    """Sleeps for so many seconds.

    CLI Example:

    .. code-block:: bash

        salt-run test.sleep 5
    """
    time.sleep(float(s_time))
    return True


def stream(count: int = 100, pause: float = 0.1) -> bool:
    """Tells of its progress while it runs.

    Args:
        count: how often.
        pause: seconds between.

    CLI Example:

    .. code-block:: bash

        salt-run test.stream
    """
    for number in range(1, int(count)):
        __jid_event__.fire_event({"message": f"Runner is {number}% done"}, "progress")
        time.sleep(float(pause))
    return True


def get_opts() -> dict[str, Any]:
    """The master's options, without those that are secret.

    CLI Example:

    .. code-block:: bash

        salt-run test.get_opts
    """
    return {name: value for name, value in __opts__.items() if name != "key_pass"}
