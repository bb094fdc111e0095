"""Keys that APT trusts: in files of their own (keydir), or where it still exists, with apt-key."""

from __future__ import annotations

import logging
import os
import re
from typing import Any, Callable, Dict, List, Optional, Union

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _apt, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"

log = logging.getLogger(__name__)

_KEYRINGS = "/etc/apt/keyrings"
_ARMOR = b"-----BEGIN PGP"


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


def get_repo_keys(aptkey: bool = True, keydir: Optional[str] = None) -> Any:
    """Key id -> details of the keys that APT trusts.

    Args:
        aptkey: ask apt-key, where it still exists.
        keydir: otherwise, the folder to look at instead of /etc/apt/keyrings.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.get_repo_keys
    """
    if aptkey and _tools.which("apt-key"):
        words = ["apt-key", "adv", "--batch", "--list-public-keys", "--with-fingerprint", "--with-fingerprint"]
        done = _apt.run(__salt__, [*words, "--with-colons", "--fixed-list-mode"])
        if done["retcode"]:
            log.error("apt-key failed: %s", done["stderr"])
        return _parse_keys(done["stdout"])
    folder = str(keydir or _KEYRINGS)
    if not os.path.isdir(folder):
        log.error("The directory %s does not exist. Please create this directory only writable by root", folder)
        return False
    found: Dict[str, Any] = {}
    for name in sorted(os.listdir(folder)):
        found.update(_keys_in(os.path.join(folder, name)))
    return found


def _keys_in(path: str) -> Dict[str, Any]:
    done = _tools.result(
        __salt__, ["gpg", "--batch", "--show-keys", "--with-fingerprint", "--with-colons", path], ignore_retcode=True
    )
    return _parse_keys(done["stdout"])


def _parse_keys(text: str) -> Dict[str, Any]:
    """The records of `gpg --with-colons`."""
    keys: List[Dict[str, Any]] = []
    for line in text.splitlines():
        items: List[Union[str, int, None]] = [_number(item.strip()) for item in line.split(":")]
        if items[0] in ("pub", "sub") and len(items) > 11:
            key = {
                "algorithm": items[3],
                "bits": items[2],
                "capability": items[11],
                "date_creation": items[5],
                "date_expiration": items[6],
                "keyid": str(line.split(":")[4]),
                "validity": items[1],
            }
            if items[0] == "pub":
                keys.append(key)
            elif keys:
                keys[-1]["subkey"] = key
        elif items[0] == "fpr" and keys:
            keys[-1].get("subkey", keys[-1])["fingerprint"] = items[9]
        elif items[0] == "uid" and keys:
            keys[-1].update(uid=items[9], uid_hash=items[7])
    return {key["keyid"]: key for key in keys}


def _number(text: str) -> Union[str, int, None]:
    return int(text) if text.isdigit() else text or None


def add_repo_key(
    path: Optional[str] = None,
    text: Optional[str] = None,
    keyserver: Optional[str] = None,
    keyid: Optional[str] = None,
    saltenv: str = "base",
    aptkey: bool = True,
    keydir: Optional[str] = None,
    keyfile: Optional[str] = None,
) -> bool:
    """Makes APT trust a key.

    Args:
        path: file of the key, also as a URL.
        text: the key itself.
        keyserver: server that has the key.
        keyid: id of the key on that server; nothing is done if it is known already.
        saltenv: environment of a `salt://` path.
        aptkey: give it to apt-key, where it still exists.
        keydir: otherwise, the folder to write to instead of /etc/apt/keyrings.
        keyfile: and the name of the file there; by default that of `path`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.add_repo_key 'salt://apt/sources/test.key'
        salt '*' pkg.add_repo_key keyserver='keyserver.example' keyid='0000AAAA'
    """
    aptkey = aptkey and bool(_tools.which("apt-key"))
    folder = str(keydir or _KEYRINGS)
    if not (path or text or keyserver):
        problem = f"No keyserver specified for keyid: {keyid}" if keyid else "one of path, text, keyserver is needed"
        raise SaltInvocationError(f"add_repo_key: {problem}")
    if keyserver and not path and not text and not keyid:
        raise SaltInvocationError(f"No keyid or keyid too short for keyserver: {keyserver}")
    if keyid and _is_known(keyid, aptkey, folder):
        return True
    if path:
        cached = __salt__["cp.cache_file"](path, saltenv)
        if not cached:
            log.error("Unable to get cached copy of file: %s", path)
            return False
        if aptkey:
            return _succeeds(["apt-key", "add", cached])
        with open(cached, "rb") as source:
            return _write(folder, keyfile or os.path.basename(cached), source.read())
    if text:
        if aptkey:
            return _succeeds(["apt-key", "add", "-"], stdin=text, stdin_raw_newlines=True)
        return _write(folder, _needed(keyfile), text.encode())
    assert keyserver and keyid
    if aptkey:
        return _succeeds(["apt-key", "adv", "--batch", "--keyserver", keyserver, "--recv", keyid])
    return _receive(folder, _needed(keyfile), keyserver, keyid)


def _is_known(keyid: str, aptkey: bool, folder: str) -> bool:
    if not aptkey and not os.path.isdir(folder):
        return False
    keys = get_repo_keys(aptkey=aptkey, keydir=folder) or {}
    known = [*keys, *(str(key.get("fingerprint", "")) for key in keys.values())]
    return any(key.endswith(keyid.upper()) for key in known if key)


def _succeeds(words: List[str], **options: Any) -> bool:
    done = _apt.run(__salt__, words, **options)
    if done["retcode"]:
        log.error("Unable to add repo key: %s", done["stderr"])
    return not done["retcode"]


def _needed(keyfile: Optional[str]) -> str:
    if not keyfile:
        raise SaltInvocationError("The name of the file for the key is needed: see the argument keyfile")
    return keyfile


def _write(folder: str, name: str, key: bytes) -> bool:
    """Keeps a key where APT can read it; armored keys are accepted only in .asc files, so others are unpacked."""
    path = _place(folder, name)
    if key.lstrip().startswith(_ARMOR) and not name.endswith(".asc"):
        done = _tools.result(
            __salt__,
            ["gpg", "--batch", "--yes", "--output", path, "--dearmor"],
            stdin=key.decode("ascii", "replace"),
            stdin_raw_newlines=True,
        )
        if done["retcode"]:
            log.error("Failed to unpack the key for %s: %s", path, done["stderr"])
            return False
    else:
        atomic.write(path, key)
    os.chmod(path, 0o644)  # APT reads it as a user of its own
    return True


def _place(folder: str, name: str) -> str:
    if os.path.basename(name) != name:
        raise SaltInvocationError(f"keyfile must be a name without folder, not {name}")
    os.makedirs(folder, mode=0o755, exist_ok=True)
    return os.path.join(folder, name)


def _receive(folder: str, name: str, keyserver: str, keyid: str) -> bool:
    path = _place(folder, name)
    words = ["gpg", "--batch", "--no-default-keyring", "--keyring", path, "--keyserver", keyserver]
    if not _succeeds([*words, "--recv-keys", keyid]):
        return False
    os.chmod(path, 0o644)
    return True


def del_repo_key(name: Optional[str] = None, aptkey: bool = True, keydir: Optional[str] = None, **kwargs: Any) -> Any:
    """Makes APT no longer trust a key; returns its id.

    Args:
        name: not needed.
        aptkey: ask apt-key to do it, where it still exists.
        keydir: otherwise, the folder to look at instead of /etc/apt/keyrings.
        kwargs: `keyid` of the key.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.del_repo_key keyid=0123ABCD
    """
    keyid = kwargs.get("keyid")
    if not keyid:
        raise SaltInvocationError("keyid must be passed")
    keyid = str(keyid)
    if aptkey and _tools.which("apt-key"):
        done = _apt.run(__salt__, ["apt-key", "del", keyid])
        if done["retcode"]:
            raise CommandExecutionError(f"Failed to remove keyid {keyid}: {done['stderr']}")
        return keyid
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{8}){1,2}", keyid):
        log.error("The keyid needs to be either 8 or 16 characters")
        return False
    folder = str(keydir or _KEYRINGS)
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, file)
        if any(key.endswith(keyid.upper()) for key in _keys_in(path)):
            os.unlink(path)
            return keyid
    log.error("Could not find the key file for keyid: %s", keyid)
    return False
