"""Services: whether they run, and whether they are started at boot."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from minion.arguments import signature
from minion.data import is_true
from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


class _Boot(NamedTuple):
    """Words about whether a service is started at boot."""

    verb: str
    done: str
    failure: str
    failure_running: str


_ENABLE = _Boot("enable", "enabled", "to start at boot", "but the service is running")
_DISABLE = _Boot("disable", "disabled", "to not start at boot", "and is running")


def __virtual__() -> Any:
    return True if "service.start" in __salt__ else (False, "there is no execution module for services of this host")


def running(
    name: str,
    enable: Any = None,
    sig: Optional[str] = None,
    init_delay: Optional[float] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that a service runs; when something changes that it watches, the service is restarted.

    Args:
        name: the service.
        enable: whether it is started at boot; that stays as it is if not given.
        sig: what to look for among the processes, on systems that can't tell whether a service runs.
        init_delay: seconds to wait after the start before looking whether it runs.
        kwargs: `unmask` and `unmask_runtime` unmask it first, `no_block` does not wait for systemd; for what it
            watches: `reload` instead of a restart, perhaps with `force`, or `full_restart`.
    """
    ret, wanted = begun(name), _boot_wanted(enable)
    why_not = _unmanageable(name, kwargs, ret, "started", missing_is_fine=False)
    if why_not is not None:
        return why_not
    runs = _status(name, sig, kwargs)
    was_enabled = __salt__["service.enabled"](name)
    unmasking = unmasked(name, kwargs.get("unmask_runtime", False))["comment"] if kwargs.get("unmask") else ""
    if runs:
        ret["comment"] = _joined(f"The service {name} is already running", unmasking)
        return _switch_boot(ret, wanted, was_enabled, None, True, kwargs)
    if __opts__["test"]:
        return {**ret, "result": None, "comment": _joined(f"Service {name} is set to start", unmasking)}
    try:
        started = __salt__["service.start"](name, **_accepted("service.start", kwargs))
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if not started:
        failed(ret, f"Service {name} failed to start")
        return _switch_boot(ret, wanted, None, False, False, kwargs)
    runs = _status_after(ret, sig, init_delay, kwargs, before=(False, was_enabled))
    ret.update(result=runs, comment=f"Started service {name}" if runs else f"Service {name} failed to start")
    _switch_boot(ret, wanted, None, runs, runs, kwargs)
    delay = f"Delayed return for {init_delay} seconds" if init_delay else ""
    ret["comment"] = _joined(ret["comment"], delay, unmasking)
    return ret


def dead(
    name: str,
    enable: Any = None,
    sig: Optional[str] = None,
    init_delay: Optional[float] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that a service does not run. One that does not exist is fine.

    Args:
        name: the service.
        enable: whether it is started at boot; that stays as it is if not given.
        sig: what to look for among the processes, on systems that can't tell whether a service runs.
        init_delay: seconds to wait after the stop before looking whether it still runs.
        kwargs: `no_block` does not wait for systemd.
    """
    ret, wanted = begun(name), _boot_wanted(enable)
    why_not = _unmanageable(name, kwargs, ret, "stopped", missing_is_fine=True)
    if why_not is not None:
        return why_not
    runs = _status(name, sig, kwargs)
    was_enabled = __salt__["service.enabled"](name)
    if not runs:
        ret["comment"] = f"The service {name} is already dead"
        return _switch_boot(ret, wanted, was_enabled, None, True, kwargs)
    if __opts__["test"]:
        return {**ret, "result": None, "comment": f"Service {name} is set to be killed"}
    if not __salt__["service.stop"](name, **_accepted("service.stop", kwargs)):
        failed(ret, f"Service {name} failed to die")
        return _switch_boot(ret, wanted, None, True, False, kwargs)
    runs = _status_after(ret, sig, init_delay, kwargs, before=(True, was_enabled))
    ret.update(result=not runs, comment=f"Service {name} failed to die" if runs else f"Service {name} was killed")
    return _switch_boot(ret, wanted, None, runs, not runs, kwargs)


def _boot_wanted(enable: Any) -> Optional[_Boot]:
    if enable is None:
        return None
    return _ENABLE if is_true(enable) else _DISABLE


def _joined(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def _unmanageable(name: str, kwargs: Dict[str, Any], ret: Result, what: str, missing_is_fine: bool) -> Optional[Result]:
    """The result for a service that nothing can be done about."""
    if "enabled" in kwargs:
        return failed(ret, f'Service {name} uses non-existent option "enabled".  Perhaps "enable" option was intended?')
    if "service.offline" in __salt__ and __salt__["service.offline"]():
        return {**ret, "comment": "Running in OFFLINE mode. Nothing to do"}
    try:
        if __salt__["service.available"](name):
            return None
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if __opts__["test"]:
        comment = f"Service {name} not present; if created in this state run, it would have been {what}"
        return {**ret, "result": None, "comment": comment}
    return {**ret, "result": missing_is_fine, "comment": _missing(name)}


def _missing(name: str) -> str:
    return f"The named service {name} is not available"


def _accepted(function: str, kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """Those of systemd's arguments that the function takes."""
    takes = signature(__salt__[function]).args
    return {key: kwargs[key] for key in ("no_block", "unmask", "unmask_runtime") if key in kwargs and key in takes}


def _status(name: str, sig: Optional[str], kwargs: Dict[str, Any]) -> bool:
    return bool(__salt__["service.status"](name, sig, **_accepted("service.status", kwargs)))


def _status_after(ret: Result, sig: Optional[str], delay: Optional[float], kwargs: Dict[str, Any], before: Any) -> bool:
    """Whether it runs now, after a while; what is different from before is a change."""
    name = ret["name"]
    if delay:
        time.sleep(delay)
    runs = _status(name, sig, kwargs)
    if (runs, __salt__["service.enabled"](name)) != before:
        ret["changes"][name] = runs
    return runs


# at boot


def _switch_boot(
    ret: Result,
    boot: Optional[_Boot],
    was_enabled: Optional[bool],
    runs: Optional[bool],
    result: bool,
    kwargs: Dict[str, Any],
) -> Result:
    """Enables or disables the service, if wanted; was_enabled None: look."""
    if boot is not None and (was_enabled is None or was_enabled is not (boot is _ENABLE)):
        ret.update(_toggle(ret["name"], boot, runs, result, kwargs))
    return ret


def _toggle(name: str, boot: _Boot, runs: Optional[bool], result: bool, kwargs: Dict[str, Any]) -> Result:
    """Part of a result: what came of enabling or disabling. `runs` is None if the service was in its state before."""
    try:
        if not __salt__["service.available"](name):
            return {"result": boot is _DISABLE, "comment": _missing(name)}
    except CommandExecutionError as exc:
        return {"result": False, "comment": str(exc)}
    condition = {True: "running", False: "dead", None: "in the desired state"}[runs]
    if _is_switched(name, boot, kwargs):
        unchanged: Result = {"changes": {}} if runs is None else {}
        return {**unchanged, "result": result, "comment": f"Service {name} is already {boot.done}, and is {condition}"}
    if __opts__["test"]:
        return {"result": None, "comment": f"Service {name} set to be {boot.done}"}
    error = ""
    try:
        if __salt__[f"service.{boot.verb}"](name, **kwargs):
            comment = f"Service {name} has been {boot.done}, and is {condition}"
            changes = {name: True} if _is_switched(name, boot, kwargs) else {}
            return {"changes": changes, "result": result, "comment": comment}
    except CommandExecutionError as exc:
        error = f". Additional information follows:\n\n{exc}"
    said = {True: boot.failure_running, False: "and the service is dead", None: "but the service was already running"}
    return {"result": False, "comment": f"Failed when setting service {name} {boot.failure}, {said[runs]}{error}"}


def _is_switched(name: str, boot: _Boot, kwargs: Dict[str, Any]) -> bool:
    if boot is _ENABLE:
        return bool(__salt__["service.enabled"](name, **kwargs))
    return bool(__salt__["service.disabled"](name))


def enabled(name: str, **kwargs: Any) -> Result:
    """Sees to it that a service is started at boot, whether it runs now or not.

    Args:
        name: the service.
        kwargs: passed on to `service.enable`.
    """
    ret = {**begun(name), **_toggle(name, _ENABLE, None, True, kwargs)}
    if __opts__["test"] and ret["comment"] == _missing(name):
        comment = f"Service {name} not present; if created in this state run, it would have been enabled"
        ret.update(result=None, comment=comment)
    return ret


def disabled(name: str, **kwargs: Any) -> Result:
    """Sees to it that a service is not started at boot, whether it runs now or not.

    Args:
        name: the service.
        kwargs: passed on to `service.disable`.
    """
    return {**begun(name), **_toggle(name, _DISABLE, None, True, kwargs)}


# masks


def masked(name: str, runtime: bool = False) -> Result:
    """Sees to it that nothing can start a service.

    Args:
        name: the service.
        runtime: until the next boot only.
    """
    return _set_mask(name, runtime, True)


def unmasked(name: str, runtime: bool = False) -> Result:
    """Sees to it that a service may be started.

    Args:
        name: the service.
        runtime: lift the mask that lasts until the next boot, not the lasting one.
    """
    return _set_mask(name, runtime, False)


def _set_mask(name: str, runtime: bool, wanted: bool) -> Result:
    ret = begun(name)
    if "service.masked" not in __salt__:
        return failed(ret, "Service masking not available on this minion")
    mask = "runtime masked" if runtime else "masked"
    verb = "mask" if wanted else "unmask"
    done = mask if wanted else mask.replace("masked", "unmasked")
    try:
        if bool(__salt__["service.masked"](name, runtime)) is wanted:
            return {**ret, "comment": f"Service {name} {'is' if wanted else 'was'} already {done}"}
        changes = {mask: {"old": not wanted, "new": wanted}}
        if __opts__["test"]:
            return {**ret, "result": None, "changes": changes, "comment": f"Service {name} would be {done}"}
        __salt__[f"service.{verb}"](name, runtime)
        if bool(__salt__["service.masked"](name, runtime)) is not wanted:
            return failed(ret, f"Failed to {verb} service {name}")
        return {**ret, "changes": changes, "comment": f"Service {name} was {done}"}
    except CommandExecutionError as exc:
        return failed(ret, str(exc))


# watching


def mod_watch(
    name: str,
    sfun: Optional[str] = None,
    sig: Optional[str] = None,
    reload: bool = False,
    full_restart: bool = False,
    init_delay: Optional[float] = None,
    force: bool = False,
    **kwargs: Any,
) -> Result:
    """Restarts the service because of a change; or stops it, if it shall be dead.

    Args:
        name: the service.
        sfun: the state function that watches: `running` or `dead`.
        sig: as for `service.running`.
        reload: reload instead of restarting.
        full_restart: restart by the system's own command for a full restart, where there is one.
        init_delay: seconds to wait afterwards.
        force: reload even what can't be reloaded: it is restarted then.
        kwargs: as for `service.running`.
    """
    ret = begun(name)
    if sfun not in ("running", "dead"):
        return failed(ret, f"Unable to trigger watch for service.{sfun}")
    runs = _status(name, sig, kwargs)
    if sfun == "dead":
        function, verb, done = "service.stop", "stop", "stopped"
        if not runs:
            return {**ret, "comment": f"Service is already {done}"}
    else:
        function, verb = _reaction(runs, reload, full_restart, force)
        done = f"{verb}ed"
    if __opts__["test"]:
        return {**ret, "result": None, "comment": f"Service is set to be {done}"}
    if verb == "start":
        __salt__["service.stop"](name)  # what is left of it, where a status does not tell everything
    try:
        acted = bool(__salt__[function](name, **_accepted(function, kwargs)))
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if init_delay:
        time.sleep(init_delay)
    comment = f"Service {done}" if acted else f"Failed to {verb} the service"
    return {**ret, "changes": {name: acted}, "result": acted, "comment": comment}


def _reaction(runs: bool, reload: bool, full_restart: bool, force: bool) -> Any:
    """What is to be done to a service that shall run, and the verb for it."""
    if not runs:
        return "service.start", "start"
    if reload and "service.reload" in __salt__:
        if force and "service.force_reload" in __salt__:
            return "service.force_reload", "forcefully reload"
        return "service.reload", "reload"
    if full_restart and "service.full_restart" in __salt__:
        return "service.full_restart", "fully restart"
    return "service.restart", "restart"
