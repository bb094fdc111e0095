"""The master's configuration."""

from __future__ import annotations

from typing import Any

from minion.data import traverse

__opts__: dict[str, Any]


def get(key: str, default: Any = "", delimiter: str = ":") -> Any:
    """One option.

    Args:
        key: its name; parts of nested options are joined by the delimiter.
        default: if it is not set.
        delimiter: see `key`.

    CLI Example:

    .. code-block:: bash

        salt-run config.get file_roots
        salt-run config.get file_roots:base
    """
    return traverse(__opts__, key, default, delimiter)
