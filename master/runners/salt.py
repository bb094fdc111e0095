"""Execution functions, on the master itself or on minions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from master.orchestration import own_loaders
from master.runners import _parts
from minion.errors import CommandExecutionError

__opts__: dict[str, Any]


def cmd(fun: str, *args: Any, **kwargs: Any) -> Any:
    """Calls an execution function on the master.

    Args:
        fun: `module.function`. Your own modules have to be synced to the master before: saltutil.sync_modules.
        args, kwargs: its arguments; `with_pillar=True` compiles the master's pillar before.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd test.ping
        salt-run salt.cmd test.arg 1 2 3 a=1
        salt-run salt.cmd mymod.myfunc with_pillar=True
    """
    keywords = {name: value for name, value in kwargs.items() if not name.startswith("__")}
    modules = own_loaders(__opts__, with_pillar=bool(keywords.pop("with_pillar", False))).modules
    function = modules.get(fun)
    if function is None:
        raise CommandExecutionError(modules.why_missing(fun))
    return function(*args, **keywords)


def execute(
    tgt: Any,
    fun: str,
    arg: Sequence[Any] = (),
    timeout: float | None = None,
    tgt_type: str = "glob",
    ret: str = "",
    jid: str = "",
    kwarg: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """Calls an execution function on minions, for other runners and for schedules.

    Args:
        tgt, tgt_type: which minions.
        fun, arg, kwarg: the function and its arguments.
        timeout, ret, jid: as in `LocalClient.cmd`.

    CLI Example:

    .. code-block:: bash

        salt-run salt.execute '*' test.ping
    """
    return _parts.client(__opts__).cmd(
        tgt, fun, arg, timeout or __opts__["timeout"], tgt_type, ret, jid, kwarg=kwarg, **kwargs
    )
