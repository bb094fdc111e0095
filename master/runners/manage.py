"""Which minions are there, and what becomes of their keys."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from master.runners import _parts
from transports import SALT_VERSION
from transports.messages import Return

__opts__: dict[str, Any]


def status(
    output: bool = True,
    tgt: Any = "*",
    tgt_type: str = "glob",
    timeout: Any = None,
    gather_job_timeout: Any = None,
) -> dict[str, list[str]]:
    """Which minions of a target answer to `test.ping`, and which do not.

    Args:
        output: accepted for Salt's sake.
        tgt, tgt_type: whom to ask.
        timeout, gather_job_timeout: seconds, see the options of these names.

    CLI Example:

    .. code-block:: bash

        salt-run manage.status
        salt-run manage.status tgt="webservers" tgt_type="nodegroup"
        salt-run manage.status timeout=5 gather_job_timeout=10
    """
    found: dict[str, list[str]] = {"up": [], "down": []}
    patience = {"timeout": timeout or __opts__["timeout"], "gather_job_timeout": gather_job_timeout}
    with _parts.client(__opts__).start(tgt, "test.ping", (), tgt_type, **patience) as following:
        for item in following:
            found["up" if isinstance(item, Return) else "down"].append(item.id)
    return {name: sorted(minions) for name, minions in found.items()}


def up(tgt: Any = "*", tgt_type: str = "glob", timeout: Any = None, gather_job_timeout: Any = None) -> list[str]:
    """The minions that answer to `test.ping`.

    Args:
        tgt, tgt_type, timeout, gather_job_timeout: as in `manage.status`.

    CLI Example:

    .. code-block:: bash

        salt-run manage.up
        salt-run manage.up tgt="webservers" tgt_type="nodegroup"
    """
    return status(tgt=tgt, tgt_type=tgt_type, timeout=timeout, gather_job_timeout=gather_job_timeout)["up"]


def down(
    removekeys: bool = False,
    tgt: Any = "*",
    tgt_type: str = "glob",
    timeout: Any = None,
    gather_job_timeout: Any = None,
) -> list[str]:
    """The minions that do not answer to `test.ping`.

    Args:
        removekeys: delete their keys.
        tgt, tgt_type, timeout, gather_job_timeout: as in `manage.status`.

    CLI Example:

    .. code-block:: bash

        salt-run manage.down
        salt-run manage.down removekeys=True
    """
    silent = status(tgt=tgt, tgt_type=tgt_type, timeout=timeout, gather_job_timeout=gather_job_timeout)["down"]
    if removekeys and silent:
        _delete_keys(silent)
    return silent


def list_state(subset: Any = None, show_ip: bool = False) -> Any:
    """The minions that are connected; nothing is sent to them. Stock Salt minions can't be told apart here.

    Args:
        subset: look only at these minions.
        show_ip: show an address of each, as its grains have it.

    CLI Example:

    .. code-block:: bash

        salt-run manage.list_state
        salt-run manage.present show_ip=True
    """
    connected = _chosen(_connected(), subset)
    if not show_ip:
        return connected
    data = _parts.minion_data(__opts__)
    return {name: _address(data.grains(name) or {}) for name in connected}


def list_not_state(subset: Any = None, show_ip: bool = False) -> list[str]:
    """The accepted minions that are not connected; nothing is sent to them.

    Args:
        subset: look only at these minions.
        show_ip: accepted for Salt's sake.

    CLI Example:

    .. code-block:: bash

        salt-run manage.list_not_state
        salt-run manage.not_present
    """
    connected = set(_connected())
    return _chosen((name for name in _parts.accepted(__opts__) if name not in connected), subset)


# Salt tells these apart for a transport of old; here as there they are the same.
present = joined = allowed = alived = reaped = list_state
not_present = not_joined = not_allowed = not_alived = not_reaped = list_not_state


def versions() -> dict[str, Any]:
    """The versions of all minions, compared with the master's.

    CLI Example:

    .. code-block:: bash

        salt-run manage.versions
    """
    answers = _parts.client(__opts__).cmd("*", "test.version", full_return=True, timeout=__opts__["timeout"])
    found: dict[str, Any] = {}
    for minion, answer in sorted(answers.items()):
        version = str(answer["ret"]) if answer and not answer["retcode"] else ""
        found.setdefault(_compared(version), {})[minion] = version or False
    return {**found, "Master": SALT_VERSION}


def key_regen() -> str:
    """Deletes ALL keys: those of the minions, on both sides, and the master's own. New ones are made at the next start.

    The master has to be restarted at once, and the new keys of the minions have to be accepted.

    CLI Example:

    .. code-block:: bash

        salt-run manage.key_regen
    """
    _parts.client(__opts__).cmd("*", "saltutil.regen_keys")
    for folder, _, files in os.walk(__opts__["pki_dir"]):
        for name in files:
            os.unlink(os.path.join(folder, name))
    return (
        "The minion and master keys have been deleted. Restart the master now.\n\n"
        "Minions that are connected come back with new keys, which wait to be accepted:\n    salt-key -A\n\n"
        "On minions that were not connected the keys have to be made anew by hand:\n    salt-call saltutil.regen_keys"
    )


# What follows is not public.


def _connected() -> list[str]:
    present_ones = _parts.client(__opts__).control.ask("present")["present"]
    return sorted(name for name, presence in present_ones.items() if presence["up"])


def _chosen(minions: Iterable[str], subset: Any) -> list[str]:
    wanted = _parts.listed(subset)
    return [name for name in minions if not wanted or name in wanted]


def _address(grains: dict[str, Any]) -> str:
    addresses = [address for address in grains.get("ipv4") or () if not str(address).startswith("127.")]
    return str(addresses[0]) if addresses else ""


def _delete_keys(minions: list[str]) -> None:
    from master.cli._announce import announce
    from master.config import load

    keys = _parts.keys(__opts__)
    changes = [change for minion in minions for change in keys.delete(minion)]
    announce(load(str(__opts__["conf_file"])), changes, False)


def _compared(version: str) -> str:
    if not version:
        return "Minion offline"
    theirs, ours = _numbers(version), _numbers(SALT_VERSION)
    if theirs == ours:
        return "Up to date"
    return "Minion requires update" if theirs < ours else "Minion newer than master"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.partition("+")[0].split(".") if part.isdigit()]
