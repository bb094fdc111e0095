"""Lets a minion run functions on other minions, and runners on the master, as far as the master allows it (`peer`)."""

from __future__ import annotations

import logging
import time
from typing import Any, Dict, List, Optional

from minion.arguments import typed
from minion.errors import MasterUnreachable, SaltInvocationError

__opts__: Dict[str, Any]
__master__: Any

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.3


def _masterless() -> bool:
    return bool(__opts__.get("local") or __opts__.get("master_type") == "disable")


def _arguments(arg: Any) -> List[Any]:
    value = typed(arg)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _check_master(wanted: Optional[str]) -> None:
    """The request goes to the master of the job; another one can't be asked from here."""
    named = __opts__.get("master")
    masters = [str(name) for name in named] if isinstance(named, list) else [str(named)]
    if wanted and (len(masters) > 1 or wanted not in masters[0]):
        raise SaltInvocationError(f"via_master: {wanted} is not the one master of this minion ({', '.join(masters)})")


def _publish(load: Dict[str, Any], timeout: float, clean: bool) -> Any:
    if _masterless():
        log.error("Cannot run publish commands without a connection to a salt master. No command sent.")
        return {}
    if str(load["fun"]).startswith("publish."):
        return {}
    wait = timeout + 30.0
    try:
        if __master__.request("__own") is True:
            return __master__.request("minion_publish", timeout=wait, **load) or {}
        job = __master__.request("minion_pub", timeout=wait, **load)
        found = _poll(job, timeout) if isinstance(job, dict) and job else {}
    except MasterUnreachable:
        return f"'{load['fun']}' publish timed out"
    return {minion: item["ret"] for minion, item in found.items()} if clean else found


def _poll(job: Dict[str, Any], timeout: float) -> Dict[str, Any]:
    """A stock master has to be asked again and again."""
    expected, end = set(job["minions"]), time.monotonic() + timeout
    while True:
        found = __master__.request("pub_ret", jid=job["jid"]) or {}
        if set(found) >= expected or time.monotonic() >= end:
            return dict(found)
        time.sleep(_LOOK_EVERY)


def publish(
    tgt: str,
    fun: str,
    arg: Any = None,
    tgt_type: str = "glob",
    returner: str = "",
    timeout: float = 5,
    via_master: Optional[str] = None,
) -> Any:
    """Runs a function on other minions: minion -> result.

    Args:
        tgt: the minions.
        fun: the function, or several joined by commas.
        arg: its argument, or a list; text `name=value` is a keyword argument.
        tgt_type: how to read `tgt`; pillar targets must match exactly.
        returner: a returner to run on the other minions.
        timeout: seconds to wait for the answers.
        via_master: the master to ask.

    CLI Example:

    .. code-block:: bash

        salt system.example.com publish.publish '*' cmd.run 'ls -la /tmp'
        salt system.example.com publish.publish 'os:Fedora' network.interfaces '' grain
        salt '*' publish.publish test.kwarg arg="['cheese=spam','spam=cheese']"
    """
    _check_master(via_master)
    load = _load(tgt, fun, arg, tgt_type, returner, timeout, "clean")
    return _publish(load, float(timeout), clean=True)


def full_data(
    tgt: str, fun: str, arg: Any = None, tgt_type: str = "glob", returner: str = "", timeout: float = 5
) -> Any:
    """Runs a function on other minions: minion -> all that is known of its answer.

    Args:
        tgt: the minions.
        fun: the function, or several joined by commas.
        arg: its argument, or a list.
        tgt_type: how to read `tgt`.
        returner: a returner to run on the other minions.
        timeout: seconds to wait for the answers.

    CLI Example:

    .. code-block:: bash

        salt system.example.com publish.full_data '*' cmd.run 'ls -la /tmp'
    """
    load = _load(tgt, fun, arg, tgt_type, returner, timeout, "full")
    return _publish(load, float(timeout), clean=False)


def _load(tgt: str, fun: str, arg: Any, tgt_type: str, returner: str, timeout: float, form: str) -> Dict[str, Any]:
    return {
        "tgt": tgt,
        "fun": fun,
        "arg": _arguments(arg),
        "tgt_type": tgt_type,
        "ret": returner,
        "tmo": timeout,
        "form": form,
        "no_parse": [name for name in __opts__.get("no_parse") or [] if name],
    }


def runner(fun: str, arg: Any = None, timeout: float = 5) -> Any:
    """Runs a runner on the master, as far as the master allows it (`peer_run`).

    Args:
        fun: the runner's function.
        arg: its argument, or a list.
        timeout: seconds to wait.

    CLI Example:

    .. code-block:: bash

        salt publish.runner manage.down
    """
    if _masterless():
        return "No access to master. If using salt-call with --local, please remove."
    try:
        return __master__.request("minion_runner", fun=fun, arg=_arguments(arg), tmo=timeout, timeout=timeout + 30.0)
    except MasterUnreachable:
        return f"'{fun}' runner publish timed out"
