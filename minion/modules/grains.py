"""Reads the facts about this host, and keeps those that were set by hand.

What these functions write goes to the file `grains` beside the minion's configuration file.
"""

from __future__ import annotations

import copy
import json
import logging
import os
from typing import Any, Callable, Dict, List, Mapping, Optional

from minion import atomic, data, facts, yamlio
from minion.errors import CommandExecutionError, SaltException

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__outputter__ = {"items": "nested", "item": "nested", "setval": "nested"}

log = logging.getLogger(__name__)

_MISSING = object()
_MASKED = {
    "domain": "DOMAINNAME",
    "fqdn": "MINION.DOMAINNAME",
    "host": "MINION",
    "id": "MINION.DOMAINNAME",
    "localhost": "MINION",
    "nodename": "MINION",
}


def get(key: str, default: Any = "", delimiter: str = data.DEFAULT_DELIMITER, ordered: bool = True) -> Any:
    """The value of a grain, or the default if there is none.

    Args:
        key: the grain; `a:b` is the key `b` of the mapping `a`, `a:0` the first item of a list.
        default: what to return if the grain is missing.
        delimiter: what stands between the parts of `key`, where a part itself holds a colon.
        ordered: False returns plain data without the order of mappings.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.get os
        salt '*' grains.get pkg:apache
        salt '*' grains.get abc::def|ghi delimiter='|'
    """
    grains = __grains__ if ordered else json.loads(json.dumps(dict(__grains__)))
    return data.traverse(grains, key, default, delimiter)


fetch = get


def has_value(key: str) -> bool:
    """Whether there is such a grain, whatever its value.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.has_value pkg:apache
    """
    return data.traverse(__grains__, key, _MISSING) is not _MISSING


def items(sanitize: Any = False) -> Dict[str, Any]:
    """All grains.

    Args:
        sanitize: replace names and the serial number, so that the result can be shown to strangers.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.items
        salt '*' grains.items sanitize=True
    """
    found = dict(__grains__)
    return _masked(found) if data.is_true(sanitize) else found


def item(*args: str, **kwargs: Any) -> Dict[str, Any]:
    """Some grains, by name.

    Args:
        args: names as `grains.get` takes them.
        kwargs: `default` for those that are missing, `delimiter`, and `sanitize` as in `grains.items`.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.item os osrelease oscodename
        salt '*' grains.item host sanitize=True
    """
    default, delimiter = kwargs.get("default", ""), kwargs.get("delimiter", data.DEFAULT_DELIMITER)
    found = {name: data.traverse(__grains__, name, default, delimiter) for name in args}
    return _masked(found) if data.is_true(kwargs.get("sanitize")) else found


def _masked(grains: Dict[str, Any]) -> Dict[str, Any]:
    for name, mask in _MASKED.items():
        if name in grains:
            grains[name] = mask
    serial = grains.get("serialnumber")
    if isinstance(serial, str):
        shown = len(serial) * 3 // 4
        grains["serialnumber"] = serial[:shown] + "X" * (len(serial) - shown)
    return grains


def ls() -> List[str]:
    """Names of all grains.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.ls
    """
    return sorted(__grains__)


def equals(key: str, value: Any) -> bool:
    """Whether a grain, as text, is what was expected.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.equals systemd:version 252
    """
    return str(value) == str(get(key))


def filter_by(
    lookup_dict: Dict[Any, Any],
    grain: str = "os_family",
    merge: Optional[Mapping[str, Any]] = None,
    default: str = "default",
    base: Optional[str] = None,
) -> Any:
    """Chooses from a mapping by the value of a grain; made for look-up tables in templates.

    Args:
        lookup_dict: glob that the grain's value must match -> what to return.
        grain: the grain to look at; of a list, the first item that matches any glob counts.
        merge: a mapping, for example from pillar, that is merged over the choice.
        default: the key to choose if the grain is missing or matches nothing.
        base: a key whose value the choice is merged over.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.filter_by '{Debian: Debheads rule, RedHat: I love my hat}'
    """
    return data.filter_by(lookup_dict, grain, __grains__, merge=merge, default=default, base=base)


def setvals(grains: Mapping[str, Any], destructive: bool = False, refresh_pillar: bool = True) -> Any:
    """Sets several grains and keeps them in the minion's grains file.

    Args:
        grains: names and values.
        destructive: remove grains whose new value is None, instead of keeping them with that value.
        refresh_pillar: also render the pillar anew.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.setvals "{'key1': 'val1', 'key2': 'val2'}"
    """
    if not isinstance(grains, Mapping):
        raise SaltException("setvals grains must be a dictionary.")
    path = facts.static_file(__opts__)
    if path is None:
        raise CommandExecutionError("Grains can't be kept: this minion has no configuration file (option conf_file)")
    try:
        kept = _read(path)
    except (OSError, UnicodeDecodeError, yamlio.YAMLError) as exc:
        return f"Unable to read existing grains file: {exc}"
    for target in (kept, __grains__):
        for name, value in grains.items():
            if value is None and destructive:
                target.pop(name, None)
            else:
                target[name] = value
    try:
        atomic.write(path, yamlio.dump(kept, default_flow_style=False))
    except OSError as exc:
        raise CommandExecutionError(f"Unable to write to grains file at {path}: {exc}") from exc
    if not __opts__.get("local") and "saltutil.refresh_grains" in __salt__:
        __salt__["saltutil.refresh_grains"](refresh_pillar=refresh_pillar)
    return grains


def _read(path: str) -> Dict[str, Any]:
    import yaml

    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as source:
        kept = yaml.safe_load(source)
    return kept if isinstance(kept, dict) else {}


def setval(key: str, val: Any, destructive: bool = False, refresh_pillar: bool = True) -> Any:
    """Sets one grain; see `grains.setvals`.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.setval key val
        salt '*' grains.setval key "{'sub-key': 'val', 'sub-key2': 'val2'}"
    """
    return setvals({key: val}, destructive, refresh_pillar=refresh_pillar)


def append(key: str, val: Any, convert: bool = False, delimiter: str = data.DEFAULT_DELIMITER) -> Any:
    """Appends to a grain that is a list; makes the list if there is none.

    Args:
        key: the grain, nested as in `grains.get`.
        val: the item, or a list of items.
        convert: make a list of a grain that is none, instead of refusing.
        delimiter: what stands between the parts of `key`.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.append roles web
    """
    values = copy.deepcopy(get(key, [], delimiter))
    if convert and not isinstance(values, list):
        values = [] if values is None else [values]
    if not isinstance(values, list):
        return f"The key {key} is not a valid list"
    if val in values:
        return f"The val {val} was already in the list {key}"
    values.extend(val if isinstance(val, list) else [val])
    return _set_list(key, values, delimiter)


def remove(key: str, val: Any, delimiter: str = data.DEFAULT_DELIMITER) -> Any:
    """Removes an item from a grain that is a list.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.remove roles web
    """
    values = copy.deepcopy(get(key, [], delimiter))
    if not isinstance(values, list):
        return f"The key {key} is not a valid list"
    if val not in values:
        return f"The val {val} was not in the list {key}"
    values.remove(val)
    return _set_list(key, values, delimiter)


def _set_list(key: str, values: Any, delimiter: str) -> Any:
    """Sets the outermost grain of a nested key so that the list takes its place in it."""
    while delimiter in key:
        key, _, last = key.rpartition(delimiter)
        parent = copy.deepcopy(get(key, {}, delimiter))
        if isinstance(parent, dict):
            parent[last] = values
        values = parent
    return setval(key, values)


def delkey(key: str, force: bool = False) -> Dict[str, Any]:
    """Removes a grain, name and value.

    Args:
        key: the grain, nested as in `grains.get`.
        force: also if the value is a mapping or a list.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.delkey key
    """
    return delval(key, destructive=True, force=force)


def delval(key: str, destructive: bool = False, force: bool = False) -> Dict[str, Any]:
    """Sets a grain to None, or removes it.

    Args:
        key: the grain, nested as in `grains.get`.
        destructive: remove the name, too.
        force: also if the value is a mapping or a list.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.delval key
    """
    return set(key, None, destructive=destructive, force=force)


def set(
    key: str, val: Any = "", force: bool = False, destructive: bool = False, delimiter: str = data.DEFAULT_DELIMITER
) -> Dict[str, Any]:
    """Sets a grain, nested or not, unless that would lose a mapping or a list.

    Args:
        key: the grain, nested as in `grains.get`; what is missing on the way is made.
        val: the new value.
        force: replace mappings and lists, too.
        destructive: with None as the value, remove the name.
        delimiter: what stands between the parts of `key`.

    CLI Example:

    .. code-block:: bash

        salt '*' grains.set 'apps:myApp:port' 2209
        salt '*' grains.set 'apps:myApp' '{port: 2209}'
    """
    present = get(key, _MISSING, delimiter)
    removing = val is None and destructive
    if present is not _MISSING and present == val and not removing:
        return {"comment": "Grain is already set", "changes": {}, "result": True}
    refusal = "" if force or present is None else _refusal(key, present, val)
    value = val
    while delimiter in key and not refusal:
        key, _, last = key.rpartition(delimiter)
        parent = copy.deepcopy(get(key, {}, delimiter))
        if isinstance(parent, dict):
            if removing and value is None:
                parent.pop(last, None)
            else:
                parent[last] = value
        elif isinstance(parent, list):
            _set_in_list(parent, last, value)
        elif parent == last or force:
            parent = {last: value}
        else:
            refusal = (
                f"The key '{key}' value is '{parent}', which is different from the provided key '{last}'. "
                "Use 'force=True' to overwrite."
            )
        value = parent
    if refusal:
        return {"comment": refusal, "changes": {}, "result": False}
    done = setval(key, value, destructive=destructive)
    if not isinstance(done, dict):
        return {"comment": done, "changes": {}, "result": False}
    return {"comment": "", "changes": done, "result": True}


def _refusal(key: str, present: Any, val: Any) -> str:
    if isinstance(present, (dict, list)):
        return f"The key '{key}' exists but is a dict or a list. Use 'force=True' to overwrite."
    if present is not _MISSING and isinstance(val, (dict, list)):
        return f"The key '{key}' exists and the given value is a dict or a list. Use 'force=True' to overwrite."
    return ""


def _set_in_list(items: List[Any], name: str, value: Any) -> None:
    """A list holds names and one-element mappings of them; the name gets the value there."""
    found = False
    for index, entry in enumerate(items):
        if entry == name:
            items[index] = {name: value}
            found = True
        elif isinstance(entry, dict) and name in entry:
            entry[name] = value
            found = True
    if not found:
        items.append({name: value})
