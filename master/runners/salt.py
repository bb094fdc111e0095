"""Execution functions, on the master itself or on minions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from master.runners import _parts
from minion.errors import CommandExecutionError
from minion.loaders import Loaders

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
    modules = _loaders(bool(keywords.pop("with_pillar", False))).modules
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


def _loaders(with_pillar: bool) -> Loaders:
    """The loaders of a minion that is this host and its own master."""
    import os

    from minion.config import MinionSettings
    from minion.facts import collect_grains
    from minion.loaders import build_loaders, module_folders
    from minion.local import LocalMaster

    opts = {**MinionSettings().opts(), **__opts__, "file_client": "local", "local": True}
    opts["id"] = _parts.master_id(__opts__)
    opts["module_dirs"] = [os.path.join(str(folder), "modules") for folder in __opts__.get("module_dirs") or ()]
    grains = collect_grains({**opts, "grains": {}}, module_folders("grains", opts)[:-1])
    master = LocalMaster(opts, grains)
    opts["grains"] = grains
    pillar = master.request("_pillar", grains=grains) if with_pillar else {}
    opts["pillar"] = pillar
    return build_loaders(opts, grains, pillar, master)
