"""Orchestration: states of the master itself, which may apply states to minions, run runners, wait for events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from master.orchestration import own_loaders
from master.runners import _parts
from minion.errors import SaltInvocationError
from minion.loader import Loader
from minion.state.results import succeeded

__opts__: dict[str, Any]
__context__: dict[str, Any]
__jid__: str
__user__: str
__virtualname__ = "state"


def orchestrate(
    mods: Any,
    saltenv: str | None = "base",
    test: bool | None = None,
    exclude: Any = None,
    pillar: Mapping[str, Any] | None = None,
    pillarenv: str | None = None,
    pillar_enc: str | None = None,
    orchestration_jid: str | None = None,
) -> dict[str, Any]:
    """Applies SLS files to the master itself, mostly such whose states act on minions.

    Args:
        mods: names of SLS files: a list, or text with commas.
        saltenv, pillarenv: environments of files and pillar.
        test: only say what would change.
        exclude: SLS files or IDs to leave out.
        pillar: merged over the master's pillar.
        pillar_enc: the renderer that decrypts it.
        orchestration_jid: the job that this is part of; if not given, the runner's own.

    CLI Example:

    .. code-block:: bash

        salt-run state.orchestrate webserver
        salt-run state.orchestrate webserver saltenv=dev test=True
        salt-run state.orchestrate webserver pillar='{"color": "red"}'
    """
    given = _checked(pillar)
    ret: dict[str, Any] = _modules()["state.orchestrate"](
        mods, saltenv, test, exclude, given, pillarenv, pillar_enc, str(orchestration_jid or __jid__)
    )
    __context__["retcode"] = ret["retcode"]
    return ret


orch = sls = orchestrate


def orchestrate_single(
    fun: str, name: str, test: bool | None = None, queue: Any = False, pillar: Any = None, **kwargs: Any
) -> dict[str, Any]:
    """Applies one state function to the master itself.

    Args:
        fun: `module.function`.
        name: what it is applied to.
        test: only say what would change.
        queue: accepted for Salt's sake: orchestrations do not wait for each other.
        pillar: merged over the master's pillar.
        kwargs: arguments of the function.

    CLI Example:

    .. code-block:: bash

        salt-run state.orchestrate_single fun=salt.wheel name=key.list_all
    """
    options = {"pillar": _checked(pillar), "concurrent": True, **kwargs}
    return _own(_modules()["state.single"](fun, name, test, **options))


def orchestrate_high(
    data: Mapping[str, Any], test: bool | None = None, queue: Any = False, pillar: Any = None, **kwargs: Any
) -> dict[str, Any]:
    """Applies high data to the master itself.

    Args:
        data: ID -> module -> function and arguments.
        test: only say what would change.
        queue: accepted for Salt's sake: orchestrations do not wait for each other.
        pillar: merged over the master's pillar.
        kwargs: as for `state.high`.

    CLI Example:

    .. code-block:: bash

        salt-run state.orchestrate_high '{"stage_one": {"salt.state": [{"tgt": "db*"}, {"sls": ["stage_one"]}]}}'
    """
    options = {"pillar": _checked(pillar), "concurrent": True, **kwargs}
    return _own(_modules()["state.high"](dict(data), test, **options))


def orchestrate_show_sls(
    mods: Any,
    saltenv: str = "base",
    test: bool | None = None,
    queue: Any = False,
    pillar: Any = None,
    pillarenv: str | None = None,
    pillar_enc: str | None = None,
) -> dict[str, Any]:
    """Shows the high data of SLS files as the master compiles them for itself.

    Args:
        mods: names of SLS files.
        saltenv, pillarenv, test, queue, pillar, pillar_enc: as in `state.orchestrate`.

    CLI Example:

    .. code-block:: bash

        salt-run state.orch_show_sls webserver
        salt-run state.orch_show_sls webserver pillar='{"color": "red"}'
    """
    options = {"saltenv": saltenv, "pillar": _checked(pillar), "pillarenv": pillarenv, "pillar_enc": pillar_enc}
    return {_parts.master_id(__opts__): _modules()["state.show_sls"](mods, test, concurrent=True, **options)}


orch_show_sls = orchestrate_show_sls


def pause(jid: str, state_id: str | None = None, duration: float | None = None) -> None:
    """Holds an orchestration before a state.

    Args:
        jid: the orchestration.
        state_id: the ID of the state; if not given, before the next one.
        duration: go on after so many seconds.

    CLI Example:

    .. code-block:: bash

        salt-run state.pause 20171130110407769519
        salt-run state.pause 20171130110407769519 vim 20
    """
    _modules()["state.pause"](jid, state_id, duration)


set_pause = pause


def resume(jid: str, state_id: str | None = None) -> None:
    """Lets an orchestration go on.

    Args:
        jid: the orchestration.
        state_id: the ID of the state before which it is held.

    CLI Example:

    .. code-block:: bash

        salt-run state.resume 20171130110407769519
    """
    _modules()["state.resume"](jid, state_id)


rm_pause = resume


def soft_kill(jid: str, state_id: str | None = None) -> None:
    """Ends an orchestration after the state that runs now, or before a certain one.

    Args:
        jid: the orchestration.
        state_id: the ID of the state.

    CLI Example:

    .. code-block:: bash

        salt-run state.soft_kill 20171130110407769519
    """
    _modules()["state.soft_kill"](jid, state_id)


def _modules() -> Loader:
    return own_loaders(__opts__, __user__).modules


def _checked(pillar: Any) -> Any:
    if pillar is not None and not isinstance(pillar, Mapping):
        raise SaltInvocationError("Pillar data must be formatted as a dictionary")
    return None if pillar is None else dict(pillar)


def _own(results: Any) -> dict[str, Any]:
    """Results by the master's id; the runner fails if they do."""
    __context__["retcode"] = 0 if succeeded(results) else 1
    return {_parts.master_id(__opts__): results}
