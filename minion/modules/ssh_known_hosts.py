"""Hosts that users, or all users of this host, know by their keys.

Without `user`, the file of all users is meant (/etc/ssh/ssh_known_hosts); `config` names another file.
`fingerprint_hash_type` is the hash that fingerprints are made with: sha256 (the default), md5, ...
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Union

from minion.modules import _ssh, _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "ssh"

Entries = List[Dict[str, str]]
_NO_HOST = {"status": "error", "error": "hostname argument required"}


def __virtual__() -> Any:
    return __virtualname__ if _tools.which("ssh") else (False, "The module requires the ssh binary.")


def _file(user: Optional[str], config: Optional[str]) -> Union[str, Dict[str, str]]:
    """The path, or what is wrong."""
    config = config or (".ssh/known_hosts" if user else "/etc/ssh/ssh_known_hosts")
    if os.path.isabs(config):
        return config
    if not user:
        return {"status": "error", "error": "Cannot determine absolute path to file."}
    info = __salt__["user.info"](user)
    if not info:
        return {"status": "error", "error": f"User {user} does not exist"}
    return os.path.join(info["home"], config)


def _lines(path: str) -> List[str]:
    return _ssh.read_lines(path) if os.path.isfile(path) else []


def _write(path: str, lines: List[str], user: Optional[str]) -> None:
    _ssh.write(__salt__, path, lines, _ssh.user_info(__salt__, user) if user else None, 0o600 if user else 0o644)


def get_known_host_entries(
    user: Optional[str],
    hostname: str,
    config: Optional[str] = None,
    port: Any = None,
    fingerprint_hash_type: Optional[str] = None,
) -> Any:
    """What is known of a host: a list of hostname, key, enc and fingerprint; None if it is not known.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.get_known_host_entries <user> <hostname>
    """
    path = _file(user, config)
    if isinstance(path, dict):
        return path
    name = _ssh.host_name(hostname, port)
    about = [line for line in _lines(path) if _ssh.is_about(line, name)]
    return list(_ssh.entries(about, fingerprint_hash_type)) or None


def recv_known_host_entries(
    hostname: str,
    enc: Optional[str] = None,
    port: Any = None,
    hash_known_hosts: bool = True,
    timeout: Any = 5,
    fingerprint_hash_type: Optional[str] = None,
) -> Optional[Entries]:
    """What a host says of itself: a list of hostname, key, enc and fingerprint; None if it does not answer.

    Args:
        enc: only keys of this type.
        hash_known_hosts: hash the host's name.
        timeout: seconds.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.recv_known_host_entries <hostname> enc=<enc> port=<port>
    """
    words = ["ssh-keyscan", *(["-p", port] if port else []), *(["-t", enc] if enc else [])]
    words += ["-T", timeout, "--", hostname]
    for _ in range(3):
        text = _tools.result(__salt__, words, ignore_retcode=True)["stdout"]
        found = list(_ssh.entries(text.splitlines(), fingerprint_hash_type))
        if found:
            break
    if hash_known_hosts:
        found = [{**entry, "hostname": _ssh.hashed(entry["hostname"])} for entry in found]
    return found or None


def check_known_host(
    user: Optional[str] = None,
    hostname: Optional[str] = None,
    key: Optional[str] = None,
    fingerprint: Optional[str] = None,
    config: Optional[str] = None,
    port: Any = None,
    fingerprint_hash_type: Optional[str] = None,
) -> Any:
    """`exists`, `add` or `update`: what setting a host's key would do.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.check_known_host <user> <hostname> key='AAAA...FAaQ=='
    """
    if not hostname:
        return dict(_NO_HOST)
    known = get_known_host_entries(user, hostname, config, port, fingerprint_hash_type)
    if isinstance(known, dict):
        return known
    if not known:
        return "add"
    if key:
        return "exists" if key in [entry["key"] for entry in known] else "update"
    if fingerprint:
        return "exists" if fingerprint in [entry["fingerprint"] for entry in known] else "update"
    return "exists"


def rm_known_host(
    user: Optional[str] = None, hostname: Optional[str] = None, config: Optional[str] = None, port: Any = None
) -> Dict[str, str]:
    """Forgets a host.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.rm_known_host <user> <hostname>
    """
    if not hostname:
        return dict(_NO_HOST)
    path = _file(user, config)
    if isinstance(path, dict):
        return path
    if not os.path.isfile(path):
        return {"status": "error", "error": f"Known hosts file {path} does not exist"}
    name, lines = _ssh.host_name(hostname, port), _lines(path)
    found = [number for number, line in enumerate(lines) if _ssh.is_about(line, name)]
    if not found:
        return {"status": "removed", "comment": f"Host {name} not found in {path}"}
    _write(path, [line for number, line in enumerate(lines) if number not in found], user)
    told = "".join(f"# Host {name} found: line {number + 1}\n" for number in found)
    return {"status": "removed", "comment": f"{told}{path} updated."}


def set_known_host(
    user: Optional[str] = None,
    hostname: Optional[str] = None,
    fingerprint: Optional[str] = None,
    key: Optional[str] = None,
    port: Any = None,
    enc: Optional[str] = None,
    config: Optional[str] = None,
    hash_known_hosts: bool = True,
    timeout: Any = 5,
    fingerprint_hash_type: Optional[str] = None,
) -> Dict[str, Any]:
    """Remembers a host's key: a given one, or what the host says now, if that has the given fingerprint.

    Args:
        fingerprint: what one of the keys that the host presents must have.
        key: the key; the host is not asked.
        enc: the type of the key.
        hash_known_hosts: hash the host's name.
        timeout: seconds to wait for the host.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.set_known_host <user> fingerprint='xx:xx:..:xx' enc='ssh-ed25519' hostname='example.org'
    """
    if not hostname:
        return dict(_NO_HOST)
    path = _file(user, config)
    if isinstance(path, dict):
        return path
    known: Entries = get_known_host_entries(user, hostname, config, port, fingerprint_hash_type) or []
    keys = [entry["key"] for entry in known if enc is None or entry["enc"] == enc]
    prints = [entry["fingerprint"] for entry in known]
    as_wanted = (not fingerprint or fingerprint in prints) and (not key or key in keys)
    if known and as_wanted and (key or fingerprint):
        return {"status": "exists", "keys": keys}
    if key:
        if not enc:
            return {"status": "error", "error": "argument enc is required with argument key"}
        new: Entries = [{"hostname": hostname, "enc": enc, "key": key}]
        if port not in (None, 22):
            new[0]["port"] = port
    else:
        received = recv_known_host_entries(hostname, enc, port, False, timeout, fingerprint_hash_type)
        if not received:
            return {"status": "error", "error": "Unable to receive remote host keys"}
        if fingerprint and fingerprint not in [entry["fingerprint"] for entry in received]:
            told = "Remote host public keys found but none of their fingerprints match the one you have provided"
            return {"status": "error", "error": told}
        if known and {entry["key"] for entry in received} == set(keys) and not fingerprint:
            return {"status": "exists", "keys": keys}
        new = received
    _replace(path, _ssh.host_name(hostname, port), enc, new, hash_known_hosts, user)
    return {"status": "updated", "old": known or None, "new": new}


def _replace(path: str, name: str, enc: Optional[str], new: Entries, hash_names: bool, user: Optional[str]) -> None:
    """Puts new entries in the place of those about a host, and only of one type if that is given."""
    kept = [
        line for line in _lines(path) if not _ssh.is_about(line, name) or (enc is not None and line.split()[1] != enc)
    ]
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    added = [f"{_ssh.hashed(name) if hash_names else name} {entry['enc']} {entry['key']}\n" for entry in new]
    _write(path, kept + added, user)


def hash_known_hosts(user: Optional[str] = None, config: Optional[str] = None) -> Dict[str, str]:
    """Hashes the names of all known hosts, so that nobody can read them from the file.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.hash_known_hosts <user>
    """
    path = _file(user, config)
    if isinstance(path, dict):
        return path
    if not os.path.isfile(path):
        return {"status": "error", "error": f"Known hosts file {path} does not exist"}
    lines: List[str] = []
    changed = False
    for line in _lines(path):
        more, hashed = _ssh.hash_line(line)
        lines += more
        changed = changed or hashed
    if changed:
        _write(path, lines, user)
    return {"status": "updated", "comment": f"{path} updated." if changed else f"{path}: nothing to hash."}
