"""Grains that are set on the minion itself."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from minion.data import DEFAULT_DELIMITER
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]

_LOST = object()


def _begun(name: str, delimiter: str) -> Result:
    return begun(name.replace(delimiter, DEFAULT_DELIMITER))


def exists(name: str, delimiter: str = DEFAULT_DELIMITER) -> Result:
    """Succeeds if there is such a grain; changes nothing.

    Args:
        name: the grain.
        delimiter: separates the keys of a nested grain.
    """
    ret = _begun(name, delimiter)
    if __salt__["grains.get"](ret["name"], _LOST) is _LOST:
        return failed(ret, "Grain does not exist")
    ret["comment"] = "Grain exists"
    return ret


def present(name: str, value: Any, delimiter: str = DEFAULT_DELIMITER, force: bool = False) -> Result:
    """Sees to it that a grain has a certain value.

    Args:
        name: the grain.
        value: its value.
        delimiter: separates the keys of a nested grain.
        force: replace a value of another kind: a list or mapping by a plain value, or the other way round.
    """
    ret = _begun(name, delimiter)
    name = ret["name"]
    known = __salt__["grains.get"](name, _LOST)
    if known is not _LOST and known == value:
        ret["comment"] = "Grain is already set"
        return ret
    if __opts__["test"]:
        if known is _LOST:
            return predicted(ret, f"Grain {name} is set to be added", new=name)
        return predicted(ret, f"Grain {name} is set to be changed", changed={name: value})
    done: Result = __salt__["grains.set"](name, value, force=force)
    if done["result"] is True and done["changes"]:
        done["comment"] = f"Set grain {name} to {value}"
    return {**done, "name": name}


def list_present(name: str, value: Any, delimiter: str = DEFAULT_DELIMITER) -> Result:
    """Sees to it that values are in a grain that is a list.

    Args:
        name: the grain; it is made if there is none.
        value: the value, or a list of values.
        delimiter: separates the keys of a nested grain.
    """
    ret = _begun(name, delimiter)
    name = ret["name"]
    known = __salt__["grains.get"](name)
    if known and not isinstance(known, list):
        return failed(ret, f"Grain {name} is not a valid list")
    # what other states of this run have added or, in test mode, would have
    pending: List[Any] = __context__.setdefault("pending_grains", {}).setdefault(name, [])
    values = value if isinstance(value, list) else [value]
    there = [each for each in values if each in (known or ()) or each in pending]
    missing = [each for each in values if each not in there]
    if not missing:
        ret["comment"] = f"Value {value} is already {'' if known else 'pending '}in grain {name}"
        ret["comment"] += " (or pending)" if known else ""
        return ret
    pending += missing
    value = missing if isinstance(value, list) else value
    if __opts__["test"]:
        addition = f"Value {value} is set to be appended to grain {name}"
        return predicted(ret, addition if known else f"Grain {name} is set to be added", new=known)
    if there:
        found = f'value found in "{name}" (or pending)' if known else f'value already pending in "{name}"'
        ret["comment"] = f"Removed value {there} from update due to {found}.\n"
    added = __salt__["grains.append"](name, value)
    now = __salt__["grains.get"](name, [])
    if any(each not in now for each in missing):
        return failed(ret, f"Failed append value {value} to grain {name}")
    ret["comment"] += f"Append value {value} to grain {name}"
    ret["changes"] = {"new": added}
    return ret


def list_absent(name: str, value: Any, delimiter: str = DEFAULT_DELIMITER) -> Result:
    """Sees to it that values are not in a grain that is a list.

    Args:
        name: the grain.
        value: the value, or a list of values.
        delimiter: separates the keys of a nested grain.
    """
    ret = _begun(name, delimiter)
    name = ret["name"]
    known = __salt__["grains.get"](name, None)
    if not known:
        ret["comment"] = f"Grain {name} does not exist"
        return ret
    if not isinstance(known, list):
        return failed(ret, f"Grain {name} is not a valid list")
    comments = []
    for each in value if isinstance(value, list) else [value]:
        if each not in known:
            comments.append(f"Value {each} is absent from grain {name}")
            continue
        if __opts__["test"]:
            ret["result"] = None
            comments.append(f"Value {each} in grain {name} is set to be deleted")
        else:
            __salt__["grains.remove"](name, each)
            comments.append(f"Value {each} was deleted from grain {name}")
        ret["changes"].setdefault("deleted", []).append(each)
    ret["comment"] = "\n".join(comments)
    return ret


def absent(name: str, destructive: bool = False, delimiter: str = DEFAULT_DELIMITER, force: bool = False) -> Result:
    """Sees to it that a grain has no value, or is not there at all.

    Args:
        name: the grain.
        destructive: remove it, rather than to set it to None.
        delimiter: separates the keys of a nested grain.
        force: a list or mapping too.
    """
    ret = _begun(name, delimiter)
    name = ret["name"]
    known = __salt__["grains.get"](name, _LOST)
    if known is _LOST:
        ret["comment"] = f"Grain {name} does not exist"
        return ret
    if known is None and destructive is not True:
        ret["comment"] = "Grain is already set"
        return ret
    if __opts__["test"]:
        if destructive is True:
            return predicted(ret, f"Grain {name} is set to be deleted", deleted=name)
        return predicted(ret, f"Value for grain {name} is set to be deleted (None)", grain=name, value=None)
    done: Result = __salt__["grains.set"](name, None, destructive=destructive, force=force)
    if done["result"] and destructive is True:
        done.update(comment=f"Grain {name} was deleted", changes={"deleted": name})
    elif done["result"]:
        done.update(comment=f"Value for grain {name} was set to None", changes={"grain": name, "value": None})
    return {**done, "name": name}


def append(name: str, value: Any, convert: bool = False, delimiter: str = DEFAULT_DELIMITER) -> Result:
    """Sees to it that a value is in a grain that is a list.

    Args:
        name: the grain; there must be one.
        value: the value.
        convert: make a list of a grain that is none.
        delimiter: separates the keys of a nested grain.
    """
    ret = _begun(name, delimiter)
    name = ret["name"]
    known = __salt__["grains.get"](name, None)
    if not known and name not in __grains__:
        return failed(ret, f"Grain {name} does not exist")
    is_list = isinstance(known, list)
    if is_list and value in known:
        ret["comment"] = f"Value {value} is already in the list for grain {name}"
        return ret
    if not is_list and convert is not True:
        return failed(ret, f"Grain {name} is not a valid list")
    if __opts__["test"]:
        converted = f"Grain {name} is set to be converted to list and value {value} will be added"
        comment = f"Value {value} in grain {name} is set to be added" if is_list else converted
        return predicted(ret, comment, added=value)
    if is_list:
        __salt__["grains.append"](name, value)
    else:
        __salt__["grains.setval"](name, [value] if known is None else [known, value])
    ret.update(comment=f"Value {value} was added to grain {name}", changes={"added": value})
    return ret
