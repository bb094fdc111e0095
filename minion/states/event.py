"""Events, sent from state runs."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states._result import Result, begun

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def send(
    name: str,
    data: Any = None,
    preload: Optional[Dict[str, Any]] = None,
    with_env: Any = False,
    with_grains: Any = False,
    with_pillar: Any = False,
    show_changed: bool = True,
    **kwargs: Any,
) -> Result:
    """Sends an event to the master.

    Args:
        name: the tag: parts joined by slashes.
        data: a mapping.
        preload: further fields of the request.
        with_env, with_grains, with_pillar: add these to the data; a list names the keys to add.
        show_changed: do not count the event as a change if False.
        kwargs: further data.
    """
    ret = begun(name)
    if show_changed:
        ret["changes"] = {"tag": name, "data": data}
    if __opts__["test"]:
        ret.update(result=None, comment="Event would have been fired")
        return ret
    ret["result"] = __salt__["event.send"](
        name,
        data=data,
        preload=preload,
        with_env=with_env,
        with_grains=with_grains,
        with_pillar=with_pillar,
        **kwargs,
    )
    ret["comment"] = "Event fired"
    return ret


def wait(name: str, sfun: Optional[str] = None, data: Any = None) -> Result:
    """Sends an event only if a state that this one watches has changed something.

    Args:
        name: the tag.
        sfun: ignored.
        data: as for `event.send`.
    """
    return begun(name)


def mod_watch(name: str, sfun: Optional[str] = None, **kwargs: Any) -> Result:
    """Sends the event because of a change.

    Args:
        name: the tag.
        sfun: the state function that watches.
        kwargs: as for `event.send`.
    """
    kwargs.pop("__reqs__", None)
    return send(name, **kwargs)


def fire_master(name: str, **kwargs: Any) -> Result:
    """Another name of `event.send`.

    Args:
        name: the tag.
        kwargs: as for `event.send`.
    """
    return send(name, **kwargs)
