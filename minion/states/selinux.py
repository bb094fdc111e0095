"""SELinux: its mode, booleans and policy modules."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from minion.state.tags import tag_of
from minion.states._differences import differences
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_ON, _OFF = ("1", "on", "yes", "true"), ("0", "off", "no", "false")


def __virtual__() -> Any:
    return True if "selinux.getenforce" in __salt__ else (False, "selinux module could not be loaded")


def mode(name: str) -> Result:
    """Sees to it that SELinux is in a mode, now and after the next start of the host.

    Args:
        name: enforcing, permissive or disabled.
    """
    ret, wanted = begun(name), _mode(name)
    if wanted is None:
        return failed(ret, f"{name} is not an accepted mode")
    current, configured = __salt__["selinux.getenforce"](), __salt__["selinux.getconfig"]()
    if current == wanted and configured != wanted:
        current = configured
    if current == wanted:
        return {**ret, "comment": f"SELinux is already in {wanted} mode"}
    if __opts__["test"]:
        return predicted(ret, f"SELinux mode is set to be changed to {wanted}", old=current, new=wanted)
    now = __salt__["selinux.setenforce"](wanted)
    if now != wanted and not (wanted == "Disabled" and __salt__["selinux.getconfig"]() == wanted):
        return failed(ret, f"Failed to set SELinux to {wanted} mode")
    comment = f"SELinux has been set to {wanted} mode"
    return {**ret, "changes": {"old": current, "new": now}, "comment": comment}


def _mode(name: Any) -> Optional[str]:
    text = str(name).lower()
    if text.startswith("e") or text in ("1", "on", "true"):
        return "Enforcing"
    if text.startswith("p") or text in ("0", "off", "false"):
        return "Permissive"
    return "Disabled" if text.startswith("d") else None


def boolean(name: str, value: Any = None, booleans: Any = None, persist: bool = False) -> Result:
    """Sees to it that booleans of the policy are on or off.

    Args:
        name: the boolean.
        value: on or off.
        booleans: several: name -> value, or a list of such and of names, which get `value`.
        persist: after the next start of the host, too.
    """
    ret, wanted = begun(name), _booleans(name, value, booleans)
    known = __salt__["selinux.list_sebool"]()
    old: Dict[str, Any] = {}
    new: Dict[str, Any] = {}
    for each, given in wanted.items():
        switch = _switch(given)
        if each not in known:
            return failed(ret, f"Boolean {each} is not available")
        if switch is None:
            return failed(ret, f"{given} is not a valid value for the boolean {each}")
        state, default = known[each]["State"], known[each]["Default"]
        if state != switch or (persist and default != switch):
            old[each], new[each] = (state, default) if persist else state, switch
    right = [each for each in wanted if each not in new]
    lines = [f"The following booleans were in the correct state: {', '.join(sorted(right))}"] if right else []
    if not new:
        return {**ret, "comment": "\n".join(lines)}
    changes = differences(old, {each: (switch, switch) if persist else switch for each, switch in new.items()})
    if __opts__["test"]:
        lines.append(f"The following booleans would be changed: {', '.join(sorted(new))}")
        return predicted(ret, "\n".join(lines), **changes)
    if not __salt__["selinux.setsebools"](new, persist):
        return failed(ret, f"Failed to set the following booleans: {wanted}")
    lines.append(f"The following booleans have been changed: {', '.join(sorted(new))}")
    return {**ret, "changes": changes, "comment": "\n".join(lines)}


def _booleans(name: str, value: Any, booleans: Any) -> Dict[str, Any]:
    """Boolean -> its value."""
    if not booleans:
        return {name: value}
    if isinstance(booleans, dict):
        return dict(booleans)
    found: Dict[str, Any] = {}
    for item in booleans:
        found.update(item if isinstance(item, dict) else {item: value})
    return found


def _switch(value: Any) -> Optional[str]:
    text = str(value).lower()
    return "on" if text in _ON else "off" if text in _OFF else None


def mod_aggregate(low: Dict[str, Any], chunks: List[Dict[str, Any]], running: Dict[str, Any]) -> Dict[str, Any]:
    """Takes over the booleans of other states, so that the policy is built but once.

    Args:
        low: the state that is about to run.
        chunks: states that may be combined with it.
        running: results so far.
    """
    if low.get("fun") != "boolean":
        return low
    taken: Dict[str, Any] = {}
    for chunk in chunks:
        alike = all(chunk.get(key) == low.get(key) for key in ("state", "fun", "persist"))
        if chunk is not low and alike and "__agg__" not in chunk and tag_of(chunk) not in running:
            taken.update(_of_chunk(chunk))
            chunk["__agg__"] = True
    if taken:
        low["booleans"] = {**_of_chunk(low), **taken}
    return low


def _of_chunk(chunk: Mapping[str, Any]) -> Dict[str, Any]:
    return _booleans(chunk["name"], chunk.get("value"), chunk.get("booleans"))


def module(name: str, module_state: Any = "Enabled", version: str = "any", **opts: Any) -> Result:
    """Sees to it that a policy module is enabled or disabled, or installed or removed.

    Args:
        name: the module.
        module_state: enabled or disabled.
        version: the version it must have; `any` for any.
        opts: `install` (from `source`, a file, or salt://...) or `remove`.
    """
    ret = begun(name)
    if opts.get("install") and opts.get("remove"):
        return failed(ret, "Cannot install and remove at the same time")
    if opts.get("remove"):
        return module_remove(name)
    known = __salt__["selinux.list_semod"]()
    if opts.get("install") and name not in known:
        ret = {**module_install(opts.get("source", name)), "name": name}
        if ret["result"] is not True:
            return ret
        known = __salt__["selinux.list_semod"]()
    if name not in known:
        return failed(ret, f"Module {name} is not available")
    wanted = _state(module_state)
    if wanted is None:
        return failed(ret, f"{module_state} is not a valid state for the {name} module.")
    installed = known[name]["Version"]
    if version not in ("any", installed):
        have = f"Module version is {installed} and does not match the desired version of {version}"
        return failed(ret, f"{have} or you are using semodule >= 2.4")
    current = _state(known[name]["Enabled"])
    if current == wanted:
        return {**ret, "comment": f"Module {name} is in the desired state"}
    if __opts__["test"]:
        return predicted(ret, f"Module {name} is set to be toggled to {module_state}")
    if not __salt__["selinux.setsemod"](name, wanted):
        return failed(ret, f"Failed to set the Module {name} to {module_state}")
    ret["changes"][name] = {"old": current, "new": wanted}
    return {**ret, "comment": f"Module {name} has been set to {module_state}"}


def _state(value: Any) -> Optional[str]:
    text = str(value).lower()
    return "enabled" if text in (*_ON, "enabled") else "disabled" if text in (*_OFF, "disabled") else None


def module_install(name: str) -> Result:
    """Installs a policy module.

    Args:
        name: the file, or salt://...
    """
    ret = begun(name)
    if __opts__["test"]:
        return predicted(ret, f"Module {name} is set to be installed")
    if not __salt__["selinux.install_semod"](name):
        return failed(ret, f"Failed to install module {name}")
    return {**ret, "changes": {name: "Installed"}, "comment": f"Module {name} has been installed"}


def module_remove(name: str) -> Result:
    """Removes a policy module; it is a failure if there is no such.

    Args:
        name: the module.
    """
    ret = begun(name)
    if name not in __salt__["selinux.list_semod"]():
        return failed(ret, f"Module {name} is not available")
    if __opts__["test"]:
        return predicted(ret, f"Module {name} is set to be removed")
    if not __salt__["selinux.remove_semod"](name):
        return failed(ret, f"Failed to remove module {name}")
    return {**ret, "changes": {name: "Removed"}, "comment": f"Module {name} has been removed"}
