"""Keys of users and hosts: who may log in, and as whom.

`fingerprint_hash_type` is the hash that fingerprints are made with: sha256 (the default), md5, ...
`config` is the file of a user's authorized keys, where %h and %u are the user's home and name.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.modules import _ssh, _tools

__salt__: Dict[str, Callable[..., Any]]
__context__: Dict[str, Any]

log = logging.getLogger(__name__)

_KINDS = ("rsa", "dsa", "ecdsa", "ed25519")
_HOST_KEY = re.compile(r"ssh_host_(?P<type>.+)_key(?P<pub>(?P<cert>-cert)?\.pub)?")
_AUTHORIZED = ".ssh/authorized_keys"


def __virtual__() -> Any:
    return True if _tools.which("ssh") else (False, "The module requires the ssh binary.")


def host_keys(keydir: Optional[str] = None, private: bool = True, certs: bool = True) -> Dict[str, str]:
    """The keys of this host.

    Args:
        keydir: the folder, by default /etc/ssh.
        private: also the private ones.
        certs: also certificates.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.host_keys private=False
    """
    folder = keydir or "/etc/ssh"
    found = {}
    for name in sorted(os.listdir(folder)):
        match = _HOST_KEY.match(name)
        if match and (match.group("pub") or private) and (certs or not match.group("cert")):
            found[match.group("type") + (match.group("pub") or "")] = _content(os.path.join(folder, name)) or ""
    return found


def _content(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read().strip()
    except OSError:
        return None


def user_keys(user: Any = None, pubfile: Any = None, prvfile: Any = None) -> Dict[str, Dict[str, str]]:
    """User -> name of the file -> key.

    Args:
        user: a user or a list of users; all if not given.
        pubfile: file of the public key, instead of the usual ones; False for none.
        prvfile: file of the private key, instead of the usual ones; False for none.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.user_keys user1 prvfile=False
    """
    names: List[str] = []
    for given, suffix in ((pubfile, ".pub"), (prvfile, "")):
        if given:
            names.append(given)
        elif given is not False:
            names += [f"id_{kind}{suffix}" for kind in _KINDS]
    found: Dict[str, Dict[str, str]] = {}
    for one in _users(user):
        home = __salt__["user.info"](one).get("home")
        for name in names if home else ():
            key = _content(os.path.join(str(home), ".ssh", name))
            if key is not None:
                found.setdefault(one, {})[os.path.basename(name)] = key
    return found


def _users(user: Any) -> List[str]:
    if not user:
        return list(__salt__["user.list_users"]())
    return user if isinstance(user, list) else [user]


def auth_keys(
    user: Any = None, config: str = _AUTHORIZED, fingerprint_hash_type: Optional[str] = None
) -> Dict[str, Any]:
    """The keys that may log in as a user, with enc, comment, options and fingerprint; of several users, by user.

    Args:
        user: a user or a list of users; all if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.auth_keys root
        salt '*' ssh.auth_keys user='[user1, user2]'
    """
    found: Dict[str, Any] = {}
    for one in _users(user):
        info = __salt__["user.info"](one)
        path = _ssh.key_file(info, config) if info else ""
        if path and os.path.isfile(path):
            found[one] = _ssh.read_keys(path, fingerprint_hash_type)
    return found.get(user, {}) if user and not isinstance(user, list) else found


def check_key(
    user: str,
    key: str,
    enc: str,
    comment: str,
    options: Optional[List[str]],
    config: str = _AUTHORIZED,
    cache_keys: Any = None,
    fingerprint_hash_type: Optional[str] = None,
) -> str:
    """`exists`, `add` or `update`: what setting a key would do.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.check_key <user> <key> <enc> <comment> <options>
    """
    present = auth_keys(user, config, fingerprint_hash_type).get(key)
    if present is None:
        return "add"
    wanted = _ssh.PublicKey(key, _ssh.key_type(enc), comment or "", list(options or []))
    known = _ssh.PublicKey(key, present["enc"], present["comment"], present["options"])
    return "exists" if wanted.line() == known.line() else "update"


def check_key_file(
    user: str,
    source: str,
    config: str = _AUTHORIZED,
    saltenv: str = "base",
    fingerprint_hash_type: Optional[str] = None,
) -> Dict[str, str]:
    """Key -> `exists`, `add` or `update`, of the keys in a file of the master.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.check_key_file root salt://ssh/keyfile
    """
    path = __salt__["cp.cache_file"](source, saltenv)
    keys = _keys_of(path, source, fingerprint_hash_type) if path else {}
    return {
        key: check_key(user, key, known["enc"], known["comment"], known["options"], config)
        for key, known in keys.items()
    }


def _keys_of(path: str, source: str, hash_type: Optional[str]) -> Dict[str, Dict[str, Any]]:
    keys = _ssh.read_keys(path, hash_type)
    if not keys:
        problem = f"No keys detected in {source}. Is file properly formatted?"
        log.error(problem)
        __context__["ssh_auth.error"] = problem
    return keys


def set_auth_key(
    user: str,
    key: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    options: Optional[List[str]] = None,
    config: str = _AUTHORIZED,
    cache_keys: Any = None,
    fingerprint_hash_type: Optional[str] = None,
) -> str:
    """Lets a key log in as a user; returns `new`, `replace`, `no change`, `fail`, `invalid` or `Invalid public key`.

    Args:
        user: who logs in with it.
        key: the key, without type and comment.
        enc: its type.
        comment: anything.
        options: as sshd(8) has them, a list.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.set_auth_key <user> '<key>' enc='ssh-ed25519'
    """
    if len(key.split()) > 1:
        return "invalid"
    wanted = _ssh.PublicKey(key, _ssh.key_type(enc), comment or "", list(options or []))
    info = __salt__["user.info"](user)
    if not info:
        return "fail"
    if _ssh.fingerprint(key, fingerprint_hash_type) is None:
        return "Invalid public key"
    status = check_key(user, key, enc, comment, options, config)
    if status == "exists":
        return "no change"
    path = _ssh.key_file(info, config)
    if path.startswith(info["home"]) and not os.path.isdir(info["home"]):
        return "fail"
    lines = _ssh.read_lines(path) if os.path.isfile(path) else []
    if status == "update":
        lines = [wanted.line() if _is_key(line, key) else line for line in lines]
    else:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(wanted.line())
    _ssh.write(__salt__, path, lines, info)
    return "replace" if status == "update" else "new"


def _is_key(line: str, key: str) -> bool:
    known = _ssh.parse_key(line)
    return known is not None and known.key == key


def set_auth_key_from_file(
    user: str,
    source: str,
    config: str = _AUTHORIZED,
    saltenv: str = "base",
    fingerprint_hash_type: Optional[str] = None,
    **kwargs: Any,
) -> str:
    """Lets the keys in a file of the master log in as a user; returns what became of them, the worst first.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.set_auth_key_from_file <user> salt://ssh_keys/<user>.id_rsa.pub
    """
    results = []
    for key, known in _keys_from_master(source, saltenv, fingerprint_hash_type).items():
        options = kwargs.get("options") or known["options"]
        results.append(set_auth_key(user, key, known["enc"], known["comment"], options, config))
    return next(
        (result for result in ("fail", "replace", "new") if result in results), "no change" if results else "fail"
    )


def _keys_from_master(source: str, saltenv: str, hash_type: Optional[str]) -> Dict[str, Dict[str, Any]]:
    path = __salt__["cp.cache_file"](source, saltenv)
    if not path or not os.path.isfile(path):
        raise CommandExecutionError("Failed to pull key file from salt file server")
    return _keys_of(path, source, hash_type)


def rm_auth_key(user: str, key: str, config: str = _AUTHORIZED, fingerprint_hash_type: Optional[str] = None) -> str:
    """No longer lets a key log in as a user; returns `Key removed` or `Key not present`.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.rm_auth_key <user> <key>
    """
    if key not in auth_keys(user, config, fingerprint_hash_type):
        return "Key not present"
    info = _ssh.user_info(__salt__, user)
    path = _ssh.key_file(info, config)
    _ssh.write(__salt__, path, [line for line in _ssh.read_lines(path) if not _is_key(line, key)], info)
    return "Key removed"


def rm_auth_key_from_file(
    user: str,
    source: str,
    config: str = _AUTHORIZED,
    saltenv: str = "base",
    fingerprint_hash_type: Optional[str] = None,
) -> str:
    """No longer lets the keys in a file of the master log in as a user.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.rm_auth_key_from_file <user> salt://ssh_keys/<user>.id_rsa.pub
    """
    keys = _keys_from_master(source, saltenv, fingerprint_hash_type)
    results = [rm_auth_key(user, key, config) for key in keys]
    if not results:
        return "fail"
    return "Key removed" if "Key removed" in results else "Key not present"


def key_is_encrypted(key: str) -> bool:
    """Whether a private key needs a passphrase.

    CLI Example:

    .. code-block:: bash

        salt '*' ssh.key_is_encrypted /root/id_rsa
    """
    done = _tools.result(__salt__, ["ssh-keygen", "-y", "-P", "", "-f", key], ignore_retcode=True, hide_output=True)
    return bool(done["retcode"])
