"""`state`: looks at, holds and ends state runs, asks for one to be confirmed, and disables states."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional

from minion import atomic
from minion.modules._state import split_list
from minion.state.locking import StateLock
from minion.state.pauses import Pauses, paused_jobs

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]

__virtualname__ = "state"
__outputter__ = dict.fromkeys(("request", "check_request", "run_request"), "highstate")

_DISABLED = "state_runs_disabled"  # the grain that lists patterns


def running(concurrent: bool = False) -> List[str]:
    """The state run that is going on, in words; it would make another one fail.

    Args:
        concurrent: runs do not mind each other; nothing is listed.

    CLI Example:

    .. code-block:: bash

        salt '*' state.running
    """
    return [] if concurrent else StateLock(__opts__["cachedir"]).running()


def pause(jid: Any, state_id: Optional[str] = None, duration: Any = None) -> None:
    """Holds a state run.

    Args:
        jid: its job.
        state_id: hold it before this ID; by default before its next state.
        duration: so many seconds at most.

    CLI Example:

    .. code-block:: bash

        salt '*' state.pause 20171130110407769519
        salt '*' state.pause 20171130110407769519 vim duration=20
    """
    wanted = {"duration": int(duration)} if duration else {}
    Pauses(__opts__["cachedir"], jid).change(state_id, **wanted)


def resume(jid: Any, state_id: Optional[str] = None) -> None:
    """Lets a state run go on.

    Args:
        jid: its job.
        state_id: only where it is held before this ID.

    CLI Example:

    .. code-block:: bash

        salt '*' state.resume 20171130110407769519
    """
    Pauses(__opts__["cachedir"], jid).resume(state_id)


def soft_kill(jid: Any, state_id: Optional[str] = None) -> None:
    """Ends a state run between two states.

    Args:
        jid: its job.
        state_id: end it before this ID; by default before its next state.

    CLI Example:

    .. code-block:: bash

        salt '*' state.soft_kill 20171130110407769519
        salt '*' state.soft_kill 20171130110407769519 vim
    """
    Pauses(__opts__["cachedir"], jid).change(state_id, kill=True)


def get_pauses(jid: Any = None) -> Dict[str, Any]:
    """What is held or to be ended, by job.

    Args:
        jid: only this job, or a list of jobs.

    CLI Example:

    .. code-block:: bash

        salt '*' state.get_pauses
    """
    wanted = None if jid is None else [str(one) for one in (jid if isinstance(jid, list) else [jid])]
    holder = StateLock(__opts__["cachedir"]).holder()
    found = {}
    for job in paused_jobs(__opts__["cachedir"]):
        pauses = Pauses(__opts__["cachedir"], job)
        if holder is None or str(holder["jid"]) != job:
            pauses.forget()  # the run has ended
        elif wanted is None or job in wanted:
            found[job] = pauses.read()
    return found


def _requests_path() -> str:
    return os.path.join(__opts__["cachedir"], "req_state.p")


def request(mods: Any = None, **kwargs: Any) -> Any:
    """Says what `state.apply` would change, and keeps the call for `state.run_request`.

    Args:
        mods: as for `state.apply`.
        kwargs: as for `state.apply`; `name` names the request.

    CLI Example:

    .. code-block:: bash

        salt '*' state.request stuff
    """
    kwargs["test"] = True
    name = kwargs.get("name", "default")
    result = __salt__["state.apply"](mods, **{key: value for key, value in kwargs.items() if key != "name"})
    _write_requests({**check_request(), name: {"test_run": result, "mods": mods, "kwargs": _plain(kwargs)}})
    return result


def _plain(keywords: Dict[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in keywords.items() if not key.startswith("__pub_")}


def _write_requests(requests: Dict[str, Any]) -> None:
    import msgpack

    atomic.write(_requests_path(), msgpack.packb(requests, default=str), 0o600)


def check_request(name: Optional[str] = None) -> Any:
    """The requests that wait to be run.

    Args:
        name: only this one.

    CLI Example:

    .. code-block:: bash

        salt '*' state.check_request
    """
    import msgpack

    try:
        with open(_requests_path(), "rb") as source:
            requests = msgpack.unpackb(source.read(), strict_map_key=False)
    except FileNotFoundError:
        return {}
    return requests[name] if name else requests


def clear_request(name: Optional[str] = None) -> bool:
    """Forgets requests.

    Args:
        name: only this one.

    CLI Example:

    .. code-block:: bash

        salt '*' state.clear_request
    """
    requests = check_request()
    if name and name not in requests:
        return not requests
    if name and len(requests) > 1:
        _write_requests({key: value for key, value in requests.items() if key != name})
    elif requests:
        os.unlink(_requests_path())
    return True


def run_request(name: str = "default", **kwargs: Any) -> Any:
    """Runs a request.

    Args:
        name: of the request.
        kwargs: change its arguments.

    CLI Example:

    .. code-block:: bash

        salt '*' state.run_request
    """
    found = check_request().get(name)
    if not found:
        return {}
    keywords = {key: value for key, value in {**found["kwargs"], **kwargs}.items() if key not in ("test", "name")}
    result = __salt__["state.apply"](found["mods"], **keywords)
    clear_request(name)
    return result


def disable(states: Any) -> Dict[str, Any]:
    """Keeps states from being run.

    Args:
        states: SLS files, state functions or `highstate`: a list, or text with commas; patterns like `apache.*`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.disable highstate
        salt '*' state.disable highstate,test.succeed_without_changes
    """
    return _change_disabled(states, disabled=True)


def enable(states: Any) -> Dict[str, Any]:
    """Lets disabled states run again.

    Args:
        states: as for `state.disable`.

    CLI Example:

    .. code-block:: bash

        salt '*' state.enable highstate
    """
    return _change_disabled(states, disabled=False)


def _change_disabled(states: Any, disabled: bool) -> Dict[str, Any]:
    before = list_disabled()
    after = list(before)
    messages = []
    for state in split_list(states):
        known = state in after
        words = "disabled" if disabled else "enabled"
        if known == disabled:
            messages.append(f"Info: {state} state already {words}.")
            continue
        messages.append(f"Info: {state} state {words}.")
        after = [*after, state] if disabled else [entry for entry in after if entry != state]
    if after != before:
        __salt__["grains.setval"](_DISABLED, after)
        if "saltutil.refresh_modules" in __salt__:
            __salt__["saltutil.refresh_modules"]()
    return {"res": True, "msg": "\n".join(messages)}


def list_disabled() -> Any:
    """The states that are kept from being run.

    CLI Example:

    .. code-block:: bash

        salt '*' state.list_disabled
    """
    return __salt__["grains.get"](_DISABLED)
