"""What the master keeps for this minion. People see stars for values, templates and states see the values."""

from __future__ import annotations

import copy
import logging
import os
from typing import Any, Callable, Dict, List, Mapping, Optional

from minion import data as nested
from minion import masking, merging, yamlio
from minion.data import DEFAULT_DELIMITER, traverse
from minion.errors import CommandExecutionError
from minion.pillar.client import Master, fetch_pillar

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__master__: Master
__loaders__: Any

log = logging.getLogger(__name__)

_NOT_SET = "__unset__"
_NOTHING: Any = object()


def get(
    key: str,
    default: Any = _NOT_SET,
    merge: bool = False,
    merge_nested_lists: Optional[bool] = None,
    delimiter: str = DEFAULT_DELIMITER,
    pillarenv: Optional[str] = None,
    saltenv: Optional[str] = None,
    unmask: Optional[bool] = None,
) -> Any:
    """One value of the pillar, also from within nested ones.

    Args:
        key: its name, or several joined by the delimiter; a number picks an item of a list.
        default: returned if there is no such value; "" if not given, or an error with `pillar_raise_on_missing`.
        merge: merge the value over the default, if both are mappings or both are lists.
        merge_nested_lists: with `merge`, lists inside of mappings are joined; `pillar_merge_lists` says it otherwise.
        delimiter: what joins the names.
        pillarenv: render this environment of the pillar afresh instead of looking at what is in memory.
        saltenv: the same, with the option `pillarenv_from_saltenv`.
        unmask: show the value; from the command line it is stars otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.get pkg:apache unmask=True
        salt '*' pillar.get 'abc::def|ghi' delimiter='|'
    """
    pillar = _pillar_of(pillarenv, saltenv)
    if default == _NOT_SET:
        default = _NOTHING if __opts__.get("pillar_raise_on_missing") else ""
    found = traverse(pillar, key, _NOTHING, delimiter)
    if merge:
        join = __opts__.get("pillar_merge_lists", False) if merge_nested_lists is None else merge_nested_lists
        found = _over_default(found, default, bool(join))
    value = default if found is _NOTHING else found
    if value is _NOTHING:
        raise KeyError(f"Pillar key not found: {key}")
    return _shown(value, unmask)


fetch = get


def items(
    *args: str,
    pillar: Any = None,
    pillar_enc: Optional[str] = None,
    pillarenv: Optional[str] = None,
    saltenv: Optional[str] = None,
    unmask: Optional[bool] = None,
) -> Dict[str, Any]:
    """The whole pillar, rendered afresh by the master.

    Args:
        args: names of values, if only those are wanted; they come from memory.
        pillar: values that win over those of the pillar files.
        pillar_enc: the renderer that decrypts `pillar` first.
        pillarenv: the only environment to render.
        saltenv: the same, with the option `pillarenv_from_saltenv`.
        unmask: show the values; from the command line they are stars otherwise, unless `pillar_mask_output` is off.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.items
    """
    if args:
        return item(*args, pillarenv=pillarenv, saltenv=saltenv, unmask=unmask)
    if unmask is None and not __opts__.get("pillar_mask_output", True):
        unmask = True
    shown: Dict[str, Any] = _shown(_fresh(pillar, pillar_enc, pillarenv, saltenv), unmask)
    return shown


def data(
    *args: str,
    pillar: Any = None,
    pillar_enc: Optional[str] = None,
    pillarenv: Optional[str] = None,
    saltenv: Optional[str] = None,
    unmask: Optional[bool] = None,
) -> Dict[str, Any]:
    """Another name of pillar.items, with the same arguments.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.data
    """
    return items(*args, pillar=pillar, pillar_enc=pillar_enc, pillarenv=pillarenv, saltenv=saltenv, unmask=unmask)


def obfuscate(
    *args: str,
    pillar: Any = None,
    pillar_enc: Optional[str] = None,
    pillarenv: Optional[str] = None,
    saltenv: Optional[str] = None,
    unmask: Optional[bool] = None,
) -> Any:
    """The pillar as pillar.items gives it, with the type of each value instead of the value.

    Takes the arguments of pillar.items.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.obfuscate
    """
    found = _pillar_of(pillarenv, saltenv) if args else _fresh(pillar, pillar_enc, pillarenv, saltenv)
    return _types({key: traverse(found, key, "") for key in args} if args else found)


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return type(value)(_types(item) for item in value)
    return f"<{type(value).__name__}>"


def ls(
    *args: str,
    pillar: Any = None,
    pillar_enc: Optional[str] = None,
    pillarenv: Optional[str] = None,
    saltenv: Optional[str] = None,
    unmask: Optional[bool] = None,
) -> List[str]:
    """The names at the top of the pillar, which the master renders afresh.

    Takes the arguments of pillar.items.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.ls
    """
    return list(args or _fresh(pillar, pillar_enc, pillarenv, saltenv))


def item(
    *args: str,
    default: Any = None,
    delimiter: Optional[str] = None,
    pillarenv: Optional[str] = None,
    saltenv: Optional[str] = None,
    unmask: Optional[bool] = None,
) -> Dict[str, Any]:
    """Several values of the pillar, by their names.

    Args:
        args: names, each as pillar.get takes it.
        default: stands for what is missing; "" if not given.
        delimiter: what joins nested names.
        pillarenv: render this environment of the pillar afresh instead of looking at what is in memory.
        saltenv: the same, with the option `pillarenv_from_saltenv`.
        unmask: show the values; from the command line they are stars otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.item foo
        salt '*' pillar.item foo:bar baz
    """
    pillar = _pillar_of(pillarenv, saltenv)
    missing = "" if default is None else default
    found = {key: traverse(pillar, key, missing, delimiter or DEFAULT_DELIMITER) for key in args}
    shown: Dict[str, Any] = _shown(found, unmask)
    return shown


def raw(key: Optional[str] = None, unmask: Optional[bool] = None) -> Any:
    """The pillar as it is in memory, in the clear.

    Args:
        key: a name at its top, if only that is wanted.
        unmask: False for stars.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.raw
        salt '*' pillar.raw key='roles'
    """
    value = __pillar__.get(key, {}) if key else dict(__pillar__)
    return _shown(value, True if unmask is None else unmask)


def ext(external: Any, pillar: Optional[Dict[str, Any]] = None, unmask: Optional[bool] = None) -> Any:
    """The pillar with one more external pillar, if the master's `on_demand_ext_pillar` allows it.

    Args:
        external: one section of the master's option `ext_pillar`, as a mapping or as YAML.
        pillar: values that win over those of the pillar files.
        unmask: show the values; from the command line they are stars otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.ext '{libvirt: _}'
        salt '*' pillar.ext "{'git': ['master https://git.example.com/repo.git']}"
    """
    section = yamlio.load(external) if isinstance(external, str) else external
    return _shown(fetch_pillar(__master__, __opts__, __grains__, override=pillar, ext=section), unmask)


def keys(key: str, delimiter: str = DEFAULT_DELIMITER, unmask: Optional[bool] = None) -> List[Any]:
    """The names inside of a value of the pillar.

    Args:
        key: the value's name, as pillar.get takes it.
        delimiter: what joins nested names.
        unmask: accepted as elsewhere; names are never masked.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.keys web:sites
    """
    found = traverse(__pillar__, key, _NOTHING, delimiter)
    if found is _NOTHING:
        raise KeyError(f"Pillar key not found: {key}")
    if not isinstance(found, Mapping):
        raise ValueError(f"Pillar value in key {key} is not a dict")
    return list(found)


def file_exists(path: str, saltenv: Optional[str] = None) -> bool:
    """Whether a file exists below the pillar roots; for hosts that have those, which is the master.

    Args:
        path: relative to the roots.
        saltenv: look into this environment only.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.file_exists foo/bar.sls
    """
    roots = __opts__.get("pillar_roots")
    if not roots:
        raise CommandExecutionError("No pillar_roots found. Are you running this on the master?")
    if saltenv:
        roots = {saltenv: roots.get(saltenv, [])}
    return any(os.path.isfile(os.path.join(folder, path)) for folders in roots.values() for folder in folders)


def filter_by(
    lookup_dict: Dict[Any, Any],
    pillar: str,
    merge: Optional[Mapping[str, Any]] = None,
    default: Any = "default",
    base: Optional[str] = None,
) -> Any:
    """The value of a mapping whose key fits a value of the pillar.

    Args:
        lookup_dict: glob -> value.
        pillar: name of the pillar's value; if that is a list, the first item that fits counts.
        merge: a mapping that is merged over what is found.
        default: the key that is taken if none fits.
        base: the key whose value lies below what is found.

    CLI Example:

    .. code-block:: bash

        salt '*' pillar.filter_by '{web: Serve it up, db: I query, default: x_x}' role
    """
    return nested.filter_by(lookup_dict, pillar, __pillar__, merge, default, base)


def _shown(value: Any, unmask: Optional[bool]) -> Any:
    visible = masking.is_clear() if unmask is None else unmask
    return value if visible else masking.masked(value)


def _pillar_of(pillarenv: Optional[str], saltenv: Optional[str]) -> Dict[str, Any]:
    """The pillar in memory, or a fresh one if an environment is asked for."""
    if pillarenv is None and saltenv is None:
        return __pillar__
    return _fresh(None, None, pillarenv, saltenv)


def _fresh(
    override: Any, encryption: Optional[str], pillarenv: Optional[str], saltenv: Optional[str]
) -> Dict[str, Any]:
    if override and encryption:
        override = _decrypted(override, encryption)
    return fetch_pillar(__master__, __opts__, __grains__, saltenv, pillarenv, override)


def _decrypted(override: Any, renderer: str) -> Any:
    allowed = __opts__.get("decrypt_pillar_renderers") or ["gpg"]
    if renderer not in allowed:
        raise CommandExecutionError(
            f"Failed to decrypt pillar override: {renderer!r} is not allowed, only {', '.join(allowed)}"
        )
    try:
        return __loaders__.renderers[renderer](override, translate_newlines=True)
    except Exception as exc:  # noqa: BLE001 - a renderer may fail in any way
        raise CommandExecutionError(f"Failed to decrypt pillar override: {exc}") from None


def _over_default(found: Any, default: Any, join_lists: bool) -> Any:
    """The value merged over the default, if both are mappings or both are lists; else the value."""
    if not isinstance(default, (dict, list)):
        log.error("pillar.get: the default is a %s; it must be a dict or list to merge", type(default).__name__)
        return found
    value = type(default)() if found is _NOTHING else found
    if isinstance(default, dict) and isinstance(value, dict):
        return merging.update(copy.deepcopy(default), value, merge_lists=join_lists)
    if isinstance(default, list) and isinstance(value, list):
        return [*default, *(item for item in value if item not in default)]
    kinds = type(default).__name__, type(value).__name__
    log.error("pillar.get: the default is a %s, but the value is a %s, so they are not merged", *kinds)
    return found
