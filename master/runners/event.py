"""The event bus."""

from __future__ import annotations

from typing import Any

from master.runners import _parts

__opts__: dict[str, Any]


def send(tag: str, data: Any = None) -> bool:
    """Puts an event on the bus.

    Args:
        tag: parts separated by `/`.
        data: a map.

    CLI Example:

    .. code-block:: bash

        salt-run event.send my/custom/event '{"foo": "bar"}'
    """
    return bool(_parts.client(__opts__).event.fire_event(data if isinstance(data, dict) else {"data": data or {}}, tag))
