"""Data that operators keep on the master under a bank and a key: `salt-run cache.store`, `fetch`, `list`, `flush`."""

from __future__ import annotations

import os
from typing import Any

import msgpack

from master import safety
from master.errors import MasterError
from transports import names

__opts__: dict[str, Any]
__virtualname__ = "cache"
__func_alias__ = {"list_": "list"}


def store(bank: str, key: str, data: Any, cachedir: str | None = None) -> None:
    """Keeps a value.

    Args:
        bank: where, parts separated by `/`.
        key: under what name.
        data: the value.
        cachedir: folder to use instead of the master's.

    CLI Example:

    .. code-block:: bash

        salt-run cache.store mycache mykey 'The time has come'
    """
    path = _path(cachedir, bank, key)
    safety.private_folder(os.path.dirname(path))
    safety.write(path, msgpack.packb(data, use_bin_type=True, default=str))


def fetch(bank: str, key: str, cachedir: str | None = None) -> Any:
    """A value that was kept; `{}` if there is none.

    CLI Example:

    .. code-block:: bash

        salt-run cache.fetch mycache mykey
    """
    try:
        packed = safety.read(_path(cachedir, bank, key))
    except FileNotFoundError:
        return {}
    return msgpack.unpackb(packed, raw=False, strict_map_key=False)


def list_(bank: str, cachedir: str | None = None) -> list[str]:
    """The keys of a bank.

    CLI Example:

    .. code-block:: bash

        salt-run cache.list mycache
    """
    try:
        return sorted(os.listdir(_path(cachedir, bank)))
    except (FileNotFoundError, NotADirectoryError):
        return []


def contains(bank: str, key: str | None = None, cachedir: str | None = None) -> bool:
    """Whether there is such a key, or such a bank.

    CLI Example:

    .. code-block:: bash

        salt-run cache.contains mycache mykey
    """
    return os.path.exists(_path(cachedir, bank, *([key] if key else [])))


def updated(bank: str, key: str, cachedir: str | None = None) -> int | None:
    """When a value was kept, seconds of the epoch; None if there is none.

    CLI Example:

    .. code-block:: bash

        salt-run cache.updated mycache mykey
    """
    try:
        return int(os.stat(_path(cachedir, bank, key)).st_mtime)
    except FileNotFoundError:
        return None


def flush(bank: str, key: str | None = None, cachedir: str | None = None) -> bool:
    """Forgets a value, or all of a bank; whether there was something to forget.

    CLI Example:

    .. code-block:: bash

        salt-run cache.flush mycache
        salt-run cache.flush mycache mykey
    """
    forgotten = 0
    for name in [key] if key else list_(bank, cachedir):
        try:
            os.unlink(_path(cachedir, bank, name))
            forgotten += 1
        except FileNotFoundError:
            continue
    return forgotten > 0


def _path(cachedir: str | None, bank: str, *key: str) -> str:
    """Below a folder of the operators' own, which no minion's name can reach.

    Raises:
        MasterError: a bank or key that is no relative path.
    """
    root = os.path.join(cachedir or __opts__["cachedir"], "operator")
    try:
        parts = names.path_parts("/".join((bank, *key)))
    except ValueError as exc:
        raise MasterError(f"a bank or key of the cache is not usable: {exc}") from None
    return os.path.join(root, *parts)
