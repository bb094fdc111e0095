"""Alternatives: which of several programs a generic name stands for."""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__func_alias__ = {"set_": "set"}


def __virtual__() -> Any:
    if "alternatives.auto" in __salt__:
        return True
    return False, "alternatives module could not be loaded"


def install(name: str, link: str, path: str, priority: int) -> Result:
    """Sees to it that a path is among the alternatives for a name.

    Args:
        name: the generic name, such as `editor`.
        link: the generic path, such as `/usr/bin/editor`.
        path: the alternative.
        priority: the highest is taken in automatic mode.
    """
    about = {"link": link, "path": path, "priority": priority}
    ret = {**begun(name), **about}
    if __salt__["alternatives.check_exists"](name, path):
        ret["comment"] = f"Alternative {path} for {name} is already registered"
        return ret
    if __opts__["test"]:
        return predicted(ret, f"Alternative will be set for {name} to {path} with priority {priority}")
    said = __salt__["alternatives.install"](name, link, path, priority)
    if not __salt__["alternatives.check_exists"](name, path):
        return failed(ret, f"Alternative for {name} not installed: {said}")
    if __salt__["alternatives.check_installed"](name, path):
        ret["comment"] = f"Alternative for {name} set to path {path} with priority {priority}"
    else:
        registered = f"registered with priority {priority} and not set to default"
        ret["comment"] = f"Alternative {path} for {name} {registered}"
    ret["changes"] = {"name": name, **about}
    return ret


def remove(name: str, path: str) -> Result:
    """Sees to it that a path is not among the alternatives for a name.

    Args:
        name: the generic name.
        path: the alternative.
    """
    ret = {**begun(name), "path": path}
    if not __salt__["alternatives.check_exists"](name, path):
        current = __salt__["alternatives.show_current"](name)
        if not current:
            return failed(ret, f"Alternative for {name} doesn't exist")
        ret["comment"] = f"Alternative for {name} is set to it's default path {current}"
        return ret
    if __opts__["test"]:
        return predicted(ret, f"Alternative for {name} will be removed")
    __salt__["alternatives.remove"](name, path)
    current = __salt__["alternatives.show_current"](name)
    ret["comment"] = f"Alternative for {name} removed"
    if current:
        ret["comment"] += f". Falling back to path {current}"
    ret["changes"] = {"path": current or None}
    return ret


def auto(name: str) -> Result:
    """Sees to it that the alternative with the highest priority is taken.

    Args:
        name: the generic name.
    """
    ret = begun(name)
    display = __salt__["alternatives.display"](name).splitlines()
    if display and display[0].endswith(" auto mode"):
        ret["comment"] = f"{name} already in auto mode"
        return ret
    if __opts__["test"]:
        return predicted(ret, f"{name} will be put in auto mode")
    ret["changes"]["result"] = __salt__["alternatives.auto"](name)
    return ret


def set_(name: str, path: str) -> Result:
    """Sees to it that a certain alternative is taken.

    Args:
        name: the generic name.
        path: the alternative; it must be registered.
    """
    ret = {**begun(name), "path": path}
    if __salt__["alternatives.show_current"](name) == path:
        ret["comment"] = f"Alternative for {name} already set to {path}"
        return ret
    if not any(line.startswith(path) for line in __salt__["alternatives.display"](name).splitlines()):
        return failed(ret, f"Alternative {path} for {name} doesn't exist")
    if __opts__["test"]:
        return predicted(ret, f"Alternative for {name} will be set to path {path}")
    __salt__["alternatives.set"](name, path)
    current = __salt__["alternatives.show_current"](name)
    if current != path:
        return failed(ret, f"Alternative for {name} not updated")
    ret.update(comment=f"Alternative for {name} set to path {current}", changes={"path": current})
    return ret
