"""Modules of the kernel."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from minion.states._result import Result, begun

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "kmod.available" in __salt__ else (False, "kmod module could not be loaded")


def present(name: str, persist: bool = False, mods: Any = None) -> Result:
    """Sees to it that kernel modules are loaded.

    Args:
        name: the module.
        persist: load them at each boot too.
        mods: several modules, instead of `name`.
    """
    wanted = _wanted(name, mods)
    loaded = set(__salt__["kmod.mod_list"]())
    if persist:
        loaded &= set(__salt__["kmod.mod_list"](True))
    there = [mod for mod in wanted if mod in loaded]
    missing = [mod for mod in wanted if mod not in loaded]
    ret, lines = begun(name), _said(there, "{} is already present", "{} are already present")
    if missing and __opts__["test"]:
        ret["result"] = None
        lines += _said(missing, "{} is set to be loaded", "{} are set to be loaded")
    elif missing:
        known = set(__salt__["kmod.available"]())
        unknown = [mod for mod in missing if mod not in known]
        if unknown:
            ret["result"] = False
            lines += _said(unknown, "{} is unavailable", "{} are unavailable")
        lines += _each(ret, [mod for mod in missing if mod in known], "load", persist)
    ret["comment"] = "\n".join(lines)
    return ret


def absent(name: str, persist: bool = False, comment: bool = True, mods: Any = None) -> Result:
    """Sees to it that kernel modules are not loaded.

    Args:
        name: the module.
        persist: do not load them at boot either.
        comment: comment them out in the list of those that are loaded at boot, rather than to remove them.
        mods: several modules, instead of `name`.
    """
    wanted = _wanted(name, mods)
    loaded = set(__salt__["kmod.mod_list"]())
    if persist:
        loaded |= set(__salt__["kmod.mod_list"](True))
    there = [mod for mod in wanted if mod in loaded]
    ret = begun(name)
    if not there:
        lines = _said(wanted, "{} is already removed", "{} are already removed")
    elif __opts__["test"]:
        ret["result"] = None
        lines = _said(there, "{} is set to be removed", "{} are set to be removed")
    else:
        lines = _each(ret, there, "remove", persist, comment)
    ret["comment"] = "\n".join(lines)
    return ret


def _wanted(name: str, mods: Any) -> List[str]:
    return list(dict.fromkeys(mods)) if isinstance(mods, (list, tuple)) else [name]


def _said(mods: List[str], one: str, several: str) -> List[str]:
    """A sentence about some modules; nothing if there are none."""
    if not mods:
        return []
    noun, sentence = ("module", one) if len(mods) == 1 else ("modules", several)
    return [f"Kernel {noun} " + sentence.format(", ".join(mods))]


def _each(ret: Result, mods: List[str], verb: str, *options: Any) -> List[str]:
    """Loads or removes modules, notes it in the result, and returns what is to be said."""
    done: List[str] = []
    undone: List[str] = []
    failures: List[str] = []
    state = "loaded" if verb == "load" else "removed"
    for mod in mods:
        if mod in ret["changes"]:  # another has brought it along
            done.append(mod)
            continue
        outcome = __salt__[f"kmod.{verb}"](mod, *options)
        if not isinstance(outcome, (list, tuple)):
            failures.append(f"Failed to {verb} kernel module {mod}: {outcome}")
            continue
        ret["changes"].update(dict.fromkeys(outcome, state))
        (done if outcome else undone).append(mod)
    if undone or failures:
        ret["result"] = False
    lines = []
    for group, said in ((done, f"{state.capitalize()} kernel"), (undone, f"Failed to {verb} kernel")):
        if group:
            lines.append(f"{said} module{'s' if len(group) > 1 else ''} {', '.join(group)}")
    return lines + failures
