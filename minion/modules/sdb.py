"""Values that lie elsewhere, by URIs of the form `sdb://PROFILE/KEY`.

A profile is an option of the minion, or a key of the pillar: a mapping whose `driver` names the module that reads and
writes such values (`env`, `yaml`, or one of your own in `_sdb`); what else is in it is for that module.
"""

from __future__ import annotations

import secrets
from typing import Any, Callable, Dict, NamedTuple, Optional

from minion.errors import SaltInvocationError
from minion.loader import Loader
from minion.loaders import Loaders, module_folders

__opts__: Dict[str, Any]
__pillar__: Dict[str, Any]
__context__: Dict[str, Any]
__loaders__: Loaders
__func_alias__ = {"set_": "set"}


class _Place(NamedTuple):
    """Where a value lies."""

    profile: Dict[str, Any]
    key: str

    def call(self, action: str, *args: Any) -> Any:
        """Calls a function of the driver."""
        return _drivers()[f"{self.profile['driver']}.{action}"](self.key, *args, profile=self.profile)


def _drivers() -> Dict[str, Callable[..., Any]]:
    if "sdb.drivers" not in __context__:
        __context__["sdb.drivers"] = Loader("sdb", module_folders("sdb", __opts__), __loaders__.dunders)
    drivers: Dict[str, Callable[..., Any]] = __context__["sdb.drivers"]
    return drivers


def _place(uri: Any) -> Optional[_Place]:
    """The place that a URI means, None if it means none."""
    if not isinstance(uri, str) or not uri.startswith("sdb://"):
        return None
    name, _, key = uri[len("sdb://") :].partition("/")
    profile = __opts__.get(name) or __pillar__.get(name) or {}
    return _Place(profile, key) if key and "driver" in profile else None


def _problem(uri: Any) -> str:
    if not isinstance(uri, str) or not uri.startswith("sdb://"):
        return 'SDB uri must start with "sdb://"'
    name, _, key = uri[len("sdb://") :].partition("/")
    if not key:
        return "SDB uri must have a profile name as a first part of the uri before the /"
    return f'SDB profile "{name}" wasnt found in the minion configuration'


def get(uri: Any, strict: bool = False) -> Any:
    """The value that a URI means; the URI itself if it means none.

    Args:
        uri: `sdb://PROFILE/KEY`.
        strict: a URI that means nothing is an error.

    CLI Example:

    .. code-block:: bash

        salt '*' sdb.get sdb://mysecrets/foo strict=True
    """
    place = _place(uri)
    if place is None and strict:
        raise SaltInvocationError(_problem(uri))
    return uri if place is None else place.call("get")


def set_(uri: Any, value: Any) -> Any:
    """Sets the value that a URI means; False if it means none.

    Args:
        uri: `sdb://PROFILE/KEY`.
        value: the value.

    CLI Example:

    .. code-block:: bash

        salt '*' sdb.set sdb://mysecrets/foo bar
    """
    place = _place(uri)
    return False if place is None else place.call("set", value)


def delete(uri: Any) -> Any:
    """Removes the value that a URI means; False if it means none.

    Args:
        uri: `sdb://PROFILE/KEY`.

    CLI Example:

    .. code-block:: bash

        salt '*' sdb.delete sdb://mysecrets/foo
    """
    place = _place(uri)
    return False if place is None else place.call("delete")


def get_or_set_hash(
    uri: Any, length: int = 8, chars: str = "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)"
) -> Any:
    """The value that a URI means; if there is none yet, it becomes a random text. False if the URI means nothing.

    Args:
        uri: `sdb://PROFILE/KEY`.
        length: of the text.
        chars: what it is made of. Some of these mean something in YAML: put the call between quotes there.

    CLI Example:

    .. code-block:: bash

        salt '*' sdb.get_or_set_hash sdb://mysecrets/foo 50
    """
    place = _place(uri)
    if place is None:
        return False
    value = place.call("get")
    if value is None:
        value = "".join(secrets.choice(chars) for _ in range(length))
        place.call("set", value)
    return value
