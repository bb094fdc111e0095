"""A small store of data on the minion that stays until it is changed."""

from __future__ import annotations

import ast
import contextlib
import fcntl
import os
from typing import Any, Dict, Iterable, Iterator, List, Union

import msgpack

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError

__opts__: Dict[str, Any]


def _path() -> str:
    return os.path.join(__opts__["cachedir"], "datastore")


@contextlib.contextmanager
def _changing() -> Iterator[Dict[str, Any]]:
    """The store, to be changed; two jobs that change it at the same time take turns."""
    try:
        os.makedirs(__opts__["cachedir"], exist_ok=True)
        handle = os.open(_path() + ".lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise CommandExecutionError(f"The data store {_path()} can't be changed: {exc}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        store = load()
        before = dict(store)
        yield store
        if store != before:
            _write(store)
    finally:
        os.close(handle)


def _write(store: Dict[str, Any]) -> None:
    try:
        atomic.write(_path(), msgpack.packb(store, use_bin_type=True), mode=0o600)
    except (OSError, TypeError, ValueError, OverflowError) as exc:
        raise CommandExecutionError(f"The data store {_path()} can't be written: {exc}") from None


def clear() -> bool:
    """Forgets everything in the data store.

    CLI Example:

    .. code-block:: bash

        salt '*' data.clear
    """
    try:
        os.remove(_path())
    except FileNotFoundError:
        pass
    except OSError as exc:
        raise CommandExecutionError(f"The data store can't be cleared: {exc}") from None
    return True


def load() -> Dict[str, Any]:
    """Everything in the data store.

    CLI Example:

    .. code-block:: bash

        salt '*' data.load
    """
    try:
        with open(_path(), "rb") as file:
            store = msgpack.unpackb(file.read(), raw=False, strict_map_key=False)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, msgpack.UnpackException) as exc:
        raise CommandExecutionError(f"The data store {_path()} can't be read: {exc}. data.clear forgets it.") from None
    if not isinstance(store, dict):
        raise CommandExecutionError(f"The data store {_path()} holds no map. data.clear forgets it.")
    return store


def dump(new_data: Any) -> bool:
    """Replaces everything in the data store.

    Args:
        new_data: a mapping, or the text of one.

    CLI Example:

    .. code-block:: bash

        salt '*' data.dump '{eggs: spam}'
    """
    if not isinstance(new_data, dict):
        try:
            new_data = ast.literal_eval(new_data)
        except (ValueError, SyntaxError) as exc:
            raise SaltInvocationError(f"data.dump takes a mapping: {exc}") from None
        if not isinstance(new_data, dict):
            return False
    with _changing() as store:
        store.clear()
        store.update(new_data)
    return True


def update(key: str, value: Any) -> bool:
    """Sets one value.

    Args:
        key: its name.
        value: what it is from now on.

    CLI Example:

    .. code-block:: bash

        salt '*' data.update <key> <value>
    """
    with _changing() as store:
        store[key] = value
    return True


def cas(key: str, value: Any, old_value: Any) -> bool:
    """Sets one value if it is still what it is thought to be; says whether it was.

    Args:
        key: its name.
        value: what it is from now on.
        old_value: what it must be until now.

    CLI Example:

    .. code-block:: bash

        salt '*' data.cas <key> <value> <old_value>
    """
    with _changing() as store:
        if key not in store or store[key] != old_value:
            return False
        store[key] = value
    return True


def pop(key: str, default: Any = None) -> Any:
    """Removes one value and returns it.

    Args:
        key: its name.
        default: returned if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' data.pop <key> "there was no val"
    """
    with _changing() as store:
        return store.pop(key, default)


def get(key: Union[str, Iterable[str]], default: Any = None) -> Any:
    """One value, or the values of several keys.

    Args:
        key: its name, or a list of names.
        default: stands for what is missing; without it, missing ones of several are left out.

    CLI Example:

    .. code-block:: bash

        salt '*' data.get key
        salt '*' data.get '["key1", "key2"]'
    """
    store = load()
    if isinstance(key, str):
        return store.get(key, default)
    if default is None:
        return [store[name] for name in key if name in store]
    return [store.get(name, default) for name in key]


def keys() -> List[str]:
    """The names of all values.

    CLI Example:

    .. code-block:: bash

        salt '*' data.keys
    """
    return list(load())


def values() -> List[Any]:
    """All values without their names.

    CLI Example:

    .. code-block:: bash

        salt '*' data.values
    """
    return list(load().values())


def items() -> Dict[str, Any]:
    """All values with their names.

    CLI Example:

    .. code-block:: bash

        salt '*' data.items
    """
    return load()


def has_key(key: str) -> bool:
    """Whether there is a value of this name.

    Args:
        key: the name.

    CLI Example:

    .. code-block:: bash

        salt '*' data.has_key <mykey>
    """
    return key in load()
