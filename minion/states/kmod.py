"""Modules of the kernel."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional

from minion.states._result import Result, begun

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


class _Words(NamedTuple):
    """How to tell what is done to modules."""

    verb: str
    done: str
    change: str


_LOAD = _Words("load", "Loaded", "loaded")
_REMOVE = _Words("remove", "Removed", "removed")


def __virtual__() -> Any:
    return True if "kmod.available" in __salt__ else (False, "there is no execution module for kernel modules")


def present(name: str, persist: bool = False, mods: Optional[List[str]] = None) -> Result:
    """Sees to it that kernel modules are loaded.

    Args:
        name: the module.
        persist: load it at each boot, too.
        mods: several modules.
    """
    ret, wanted = begun(name), list(mods or [name])
    loaded = set(__salt__["kmod.mod_list"]())
    if persist:
        loaded &= set(__salt__["kmod.mod_list"](True))
    there = [mod for mod in wanted if mod in loaded]
    missing = [mod for mod in wanted if mod not in loaded]
    lines = _line(there, "is already present", "are already present")
    if missing and __opts__["test"]:
        ret["result"] = None
        lines += _line(missing, "is set to be loaded", "are set to be loaded")
    elif missing:
        known = set(__salt__["kmod.available"]())
        unknown = [mod for mod in missing if mod not in known]
        ret["result"] = not unknown
        lines += _line(unknown, "is unavailable", "are unavailable")
        lines += _act(ret, _LOAD, [mod for mod in missing if mod in known], (persist,))
    return {**ret, "comment": "\n".join(lines)}


def absent(name: str, persist: bool = False, comment: bool = True, mods: Optional[List[str]] = None) -> Result:
    """Sees to it that kernel modules are not loaded.

    Args:
        name: the module.
        persist: no longer load it at boot either.
        comment: leave it in the list of those loaded at boot as a comment.
        mods: several modules.
    """
    ret, wanted = begun(name), list(mods or [name])
    loaded = set(__salt__["kmod.mod_list"]())
    if persist:
        loaded |= set(__salt__["kmod.mod_list"](True))
    doomed = [mod for mod in wanted if mod in loaded]
    if not doomed:
        lines = _line(wanted, "is already removed", "are already removed")
    elif __opts__["test"]:
        ret["result"] = None
        lines = _line(doomed, "is set to be removed", "are set to be removed")
    else:
        lines = _act(ret, _REMOVE, doomed, (persist, comment))
    return {**ret, "comment": "\n".join(lines)}


def _line(mods: List[str], is_so: str, are_so: str) -> List[str]:
    """No line, or one about all the modules."""
    if not mods:
        return []
    return [f"Kernel module {mods[0]} {is_so}" if len(mods) == 1 else f"Kernel modules {', '.join(mods)} {are_so}"]


def _act(ret: Result, words: _Words, mods: List[str], options: Any) -> List[str]:
    """Loads or removes modules; the lines that tell of it."""
    done, errors = [], []
    for mod in mods:
        if mod in ret["changes"]:  # it came with another one
            done.append(mod)
            continue
        affected = __salt__[f"kmod.{words.verb}"](mod, *options)
        if isinstance(affected, list) and affected:
            ret["changes"].update(dict.fromkeys(affected, words.change))
            done.append(mod)
        else:
            ret["result"] = False
            reason = f": {affected}" if affected else ""
            errors.append(f"Failed to {words.verb} kernel module {mod}{reason}")
    lines = [f"{words.done} kernel module{'s' if len(done) > 1 else ''} {', '.join(done)}"] if done else []
    return lines + errors
