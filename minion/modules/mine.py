"""What this minion tells other minions, through the master: results of functions, refreshed now and then."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Union

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _mine_docker

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__master__: Any

log = logging.getLogger(__name__)

_LOCAL = "mine_cache"


class _Entry(NamedTuple):
    """One mine function, as it is configured."""

    function: str
    args: List[Any]
    kwargs: Dict[str, Any]
    access: Dict[str, Any]


def _read(alias: str, definition: Any) -> _Entry:
    """Understands a list of arguments (with maps of keywords among them) or a map of keywords."""
    items = definition if isinstance(definition, list) else [definition]
    args = [item for item in items if item is not None and not isinstance(item, dict)]
    kwargs = {key: value for item in items if isinstance(item, dict) for key, value in item.items()}
    function = kwargs.pop("mine_function", None) or alias
    allowed = {key: kwargs.pop(key, None) for key in ("allow_tgt", "allow_tgt_type")}
    return _Entry(function, args, kwargs, {key: value for key, value in allowed.items() if value})


def _with_access(value: Any, access: Mapping[str, Any]) -> Any:
    """The value as it is stored; with rules about who may read it, they are around it."""
    return {"__saltmine_acl__": 1, "__data__": value, **access} if access.get("allow_tgt") else value


def _call(function: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
    return __salt__[function](*args, **kwargs)


def _is_local() -> bool:
    return bool(__opts__.get("file_client") == "local")


def _store(values: Dict[str, Any], clear: bool = False) -> bool:
    if not _is_local():
        reply = __master__.request("_mine", data=values, clear=clear)
        return reply is True or (clear and reply == "")  # a stock master stores, then stumbles over `clear`
    if not clear:
        values = {**(__salt__["data.get"](_LOCAL) or {}), **values}
    return bool(__salt__["data.update"](_LOCAL, values))


def update(clear: bool = False, mine_functions: Any = None) -> Optional[bool]:
    """Calls the configured mine functions and stores their results on the master.

    The functions are those of `mine_functions` in the configuration and the pillar:

    .. code-block:: yaml

        mine_functions:
          network.ip_addrs:
            - eth0
          internal_ip:
            - mine_function: network.ip_addrs
            - cidr: 10.0.0.0/8

    Args:
        clear: forget what is stored of other functions.
        mine_functions: only these, in the form of the configuration, or a list of names.

    CLI Example:

    .. code-block:: bash

        salt '*' mine.update
    """
    functions = mine_functions or __salt__["config.merge"]("mine_functions", {})
    if isinstance(functions, list):
        functions = {name: {} for name in functions}
    if not functions or not isinstance(functions, dict):
        return None
    values = {}
    for alias, definition in functions.items():
        entry = _read(alias, definition)
        if entry.function not in __salt__:
            log.warning("mine.update: there is no function %s", entry.function)
            continue
        try:
            values[alias] = _with_access(_call(entry.function, entry.args, entry.kwargs), entry.access)
        except Exception:
            log.error("mine.update: %s failed", entry.function, exc_info=True)
    return _store(values, clear)


def send(name: str, *args: Any, **kwargs: Any) -> bool:
    """Calls one function and stores its result on the master.

    Args:
        name: the name to store it under; the function, unless `mine_function` names another.
        args: for the function.
        kwargs: for the function, besides `mine_function`, and `allow_tgt` and `allow_tgt_type`, which say what
            minions may read it.

    CLI Example:

    .. code-block:: bash

        salt '*' mine.send network.ip_addrs interface=eth0
        salt '*' mine.send eth0_ip_addrs mine_function=network.ip_addrs interface=eth0
        salt '*' mine.send eth0_ip_addrs mine_function=network.ip_addrs interface=eth0 allow_tgt='web*'
    """
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    entry = _read(name, given)
    try:
        value = _call(entry.function, args, entry.kwargs)
    except Exception:
        log.error("mine.send: %s failed", entry.function, exc_info=True)
        return False
    return _store({name: _with_access(value, entry.access)})


def get(tgt: str, fun: Union[str, List[str]], tgt_type: str = "glob", exclude_minion: bool = False) -> Dict[str, Any]:
    """What minions have stored: minion -> value; function -> minion -> value if several functions are asked for.

    Args:
        tgt: the minions.
        fun: the name under which they stored it; several as a list or joined by commas.
        tgt_type: how to read `tgt`. Pillar targets must match exactly.
        exclude_minion: leave this minion out.

    CLI Example:

    .. code-block:: bash

        salt '*' mine.get '*' network.interfaces
        salt '*' mine.get 'os:Fedora' network.interfaces grain
        salt '*' mine.get 'G@os:Fedora and S@192.168.5.0/24' network.ipaddrs compound
    """
    if _is_local():
        return _get_local(tgt, fun, tgt_type)
    found = __master__.request("_mine_get", tgt=tgt, fun=fun, tgt_type=tgt_type)
    if not isinstance(found, dict):
        raise CommandExecutionError(f"mine.get: the master gives no answer for {fun}")
    if exclude_minion:
        found.pop(__opts__["id"], None)
    return found


def _get_local(tgt: str, fun: Union[str, List[str]], tgt_type: str) -> Dict[str, Any]:
    matcher = f"match.{tgt_type}"
    if matcher not in __salt__:
        raise SaltInvocationError(f"mine.get: {tgt_type} is no kind of target")
    stored = __salt__["data.get"](_LOCAL)
    if not __salt__[matcher](tgt) or not isinstance(stored, dict):
        return {}
    names = sorted(set(fun.split(","))) if isinstance(fun, str) else fun
    values = {name: _without_access(stored[name]) for name in names if name in stored}
    me = __opts__["id"]
    if isinstance(fun, str) and len(names) == 1:
        return {me: values[fun]} if fun in values else {}
    return {name: {me: value} for name, value in values.items()}


def _without_access(value: Any) -> Any:
    return value["__data__"] if isinstance(value, dict) and "__saltmine_acl__" in value else value


def delete(fun: str) -> bool:
    """Forgets what this minion stored under a name.

    CLI Example:

    .. code-block:: bash

        salt '*' mine.delete 'network.interfaces'
    """
    if not _is_local():
        return __master__.request("_mine_delete", fun=fun) is True
    stored = dict(__salt__["data.get"](_LOCAL) or {})
    stored.pop(fun, None)
    return bool(__salt__["data.update"](_LOCAL, stored))


def flush() -> bool:
    """Forgets all that this minion stored.

    CLI Example:

    .. code-block:: bash

        salt '*' mine.flush
    """
    if _is_local():
        return bool(__salt__["data.update"](_LOCAL, {}))
    return __master__.request("_mine_flush") is True


def valid() -> Optional[Dict[str, Any]]:
    """The configured mine functions that this minion can call.

    CLI Example:

    .. code-block:: bash

        salt '*' mine.valid
    """
    functions = __salt__["config.merge"]("mine_functions", {})
    if not functions:
        return None
    found: Dict[str, Any] = {}
    for alias, definition in functions.items():
        entry = _read(alias, definition)
        if entry.function not in __salt__:
            continue
        if entry.function == alias:
            found[alias] = definition
        else:
            found[alias] = {entry.function: entry.args + [{key: value} for key, value in entry.kwargs.items()]}
    return found


def get_docker(interfaces: Any = None, cidrs: Any = None, with_container_id: bool = False) -> Dict[str, Any]:
    """Where the containers of all minions that store `docker.ps` can be reached: image -> `ipv4` -> port -> addresses.

    Args:
        interfaces: of the hosts; all if not given.
        cidrs: networks in which the hosts' addresses must be.
        with_container_id: give pairs of address and container id.

    CLI Example:

    .. code-block:: bash

        salt '*' mine.get_docker interfaces='["eth0", "eth1"]'
        salt '*' mine.get_docker cidrs='["107.170.147.0/24", "172.17.42.0/24"]'
    """
    return _mine_docker.reachable(get("*", "docker.ps"), interfaces, cidrs, with_container_id)
