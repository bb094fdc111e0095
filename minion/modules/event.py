"""Sends events: to the master's bus, and to the minion's own daemon."""

from __future__ import annotations

import logging
import os
from typing import Any, Dict, Mapping, Optional

from minion import mailbox
from minion.errors import MinionError

__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__master__: Any

log = logging.getLogger(__name__)


def _masterless() -> bool:
    alone = __opts__.get("local") or __opts__.get("file_client") == "local" or __opts__.get("master_type") == "disable"
    return bool(alone) and not __opts__.get("use_master_when_local")


def fire_master(data: Any, tag: str, preload: Optional[Mapping[str, Any]] = None) -> bool:
    """Sends an event to the master; whether it arrived there.

    Args:
        data: what happened, usually a map.
        tag: under which name.
        preload: further fields of the request.

    CLI Example:

    .. code-block:: bash

        salt '*' event.fire_master '{"data": "my event data"}' 'tag'
    """
    if _masterless():
        return False
    try:
        __master__.request(**{"tag": tag, "data": data, "pretag": None, **(preload or {}), "cmd": "_minion_event"})
    except MinionError as exc:
        log.error("The event %s could not be sent to the master: %s", tag, exc)
        return False
    return True


def fire(data: Mapping[str, Any], tag: str) -> bool:
    """Gives an event to the minion's daemon; whether there is one.

    Args:
        data: a map.
        tag: under which name; those by which Salt's modules steer their minion work (`module_refresh`, ...).

    CLI Example:

    .. code-block:: bash

        salt '*' event.fire '{"data": "my event data"}' 'tag'
    """
    try:
        if __opts__.get("__cli") == "salt-call":
            return mailbox.post(str(__opts__["cachedir"]), tag, data)
        return __master__.request("__event", tag=tag, data=data, timeout=data.get("timeout")) is True
    except (MinionError, OSError) as exc:
        log.error("The event %s could not be given to the minion: %s", tag, exc)
        return False


def send(
    tag: str,
    data: Optional[Mapping[str, Any]] = None,
    preload: Optional[Mapping[str, Any]] = None,
    with_env: Any = False,
    with_grains: Any = False,
    with_pillar: Any = False,
    with_env_opts: bool = False,
    **kwargs: Any,
) -> bool:
    """Sends an event to the master, with facts about this minion if wished.

    Args:
        tag: parts joined by slashes.
        data: a map.
        preload: further fields of the request.
        with_env: add the environment variables as `environ`; a list names those to add.
        with_grains: add the grains as `grains`; a list names those to add.
        with_pillar: add the pillar as `pillar`; a list names the keys to add. Whoever reads events reads them.
        with_env_opts: add `saltenv` and `pillarenv`.
        kwargs: further data.

    CLI Example:

    .. code-block:: bash

        salt-call event.send myco/mytag foo=Foo bar=Bar
        salt-call event.send 'myco/mytag' '{foo: Foo, bar: Bar}' with_grains='[os]'
    """
    content: Dict[str, Any] = {}
    for key, wanted, source in (
        ("environ", with_env, os.environ),
        ("grains", with_grains, __grains__),
        ("pillar", with_pillar, __pillar__),
    ):
        if wanted:
            content[key] = {k: v for k, v in source.items() if not isinstance(wanted, list) or k in wanted}
    if with_env_opts:
        content.update(saltenv=__opts__.get("saltenv") or "base", pillarenv=__opts__.get("pillarenv"))
    content.update(kwargs)
    if isinstance(data, Mapping):
        content.update(data)
    return fire(content, tag) if _masterless() else fire_master(content, tag, preload=preload)
