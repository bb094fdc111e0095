"""Keys of hosts that SSH clients trust."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_NO_FILE = 'If not specifying a "user", specify an absolute "config".'


def _config(user: Optional[str], config: Optional[str]) -> str:
    """The file; empty if none is named that can be found."""
    if user:
        return config or ".ssh/known_hosts"
    config = config or "/etc/ssh/ssh_known_hosts"
    return config if os.path.isabs(config) else ""


def present(
    name: str,
    user: Optional[str] = None,
    fingerprint: Optional[str] = None,
    key: Optional[str] = None,
    port: Optional[int] = None,
    enc: Optional[str] = None,
    config: Optional[str] = None,
    hash_known_hosts: bool = True,
    timeout: int = 5,
    fingerprint_hash_type: Optional[str] = None,
) -> Result:
    """Sees to it that a host's key is trusted.

    Args:
        name: the host.
        user: whose clients trust it; all users' if not given.
        fingerprint: of the key that the host must show.
        key: the key itself, with `enc`; the host is not asked then.
        port: of the host's SSH server.
        enc: the type of the key.
        config: the file; if not given, that of the user or the system's.
        hash_known_hosts: do not let the file tell the host's name.
        timeout: seconds to wait for the host.
        fingerprint_hash_type: `sha256` or `md5`.
    """
    ret = begun(name)
    file = _config(user, config)
    if not file:
        return failed(ret, _NO_FILE)
    key_and_type = {"key": key, "fingerprint": fingerprint, "fingerprint_hash_type": fingerprint_hash_type}
    if __opts__["test"]:
        return _predict(ret, user, file, port, enc, key_and_type)
    done = __salt__["ssh.set_known_host"](
        user=user,
        hostname=name,
        port=port,
        enc=enc,
        config=file,
        hash_known_hosts=hash_known_hosts,
        timeout=timeout,
        **key_and_type,
    )
    if done["status"] == "error":
        return failed(ret, done["error"])
    if done["status"] == "exists":
        ret["comment"] = f"{name} already exists in {file}"
        return ret
    what, shown = "key(s)", ""
    if key:
        what, shown = "key", f" (key: {done['new'][0]['key']})"
    elif fingerprint:
        what, shown = "key", f" (fingerprint: {done['new'][0]['fingerprint']})"
    elif enc:
        what, shown = f"{enc} key", f" (key: {done['new'][0]['key']})"
    ret.update(comment=f"{name}'s {what} saved to {file}{shown}", changes={"old": done["old"], "new": done["new"]})
    return ret


def _predict(
    ret: Result,
    user: Optional[str],
    file: str,
    port: Optional[int],
    enc: Optional[str],
    key_and_type: Dict[str, Optional[str]],
) -> Result:
    name = ret["name"]
    if key_and_type["key"] and key_and_type["fingerprint"]:
        return failed(ret, 'Specify either "key" or "fingerprint", not both.')
    if key_and_type["key"] and not enc:
        return failed(ret, 'Required argument "enc" if using "key" argument.')
    try:
        status = __salt__["ssh.check_known_host"](user, name, config=file, port=port, **key_and_type)
    except CommandExecutionError as exc:
        return failed(ret, f"ssh.check_known_host error: {exc}")
    if isinstance(status, dict) and "error" in status:
        return failed(ret, status["error"])
    if status == "exists":
        ret["comment"] = f"Host {name} is already in {file}"
        return ret
    change = "added to" if status == "add" else "updated in"
    return predicted(ret, f"Key for {name} is set to be {change} {file}")


def absent(name: str, user: Optional[str] = None, config: Optional[str] = None) -> Result:
    """Sees to it that a host's keys are not trusted.

    Args:
        name: the host.
        user: whose clients trusted it; all users' if not given.
        config: the file; if not given, that of the user or the system's.
    """
    ret = begun(name)
    file = _config(user, config)
    if not file:
        return failed(ret, _NO_FILE)
    known = __salt__["ssh.get_known_host_entries"](user=user, hostname=name, config=file)
    if not known:
        ret["comment"] = "Host is already absent"
        return ret
    if __opts__["test"]:
        return predicted(ret, f"Key for {name} is set to be removed from {file}")
    done = __salt__["ssh.rm_known_host"](user=user, hostname=name, config=file)
    if done["status"] == "error":
        return failed(ret, done["error"])
    ret.update(comment=done["comment"], changes={"old": known, "new": None})
    return ret
