"""Keys that may log in as a user by SSH."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]
__env__: str

_LINE = re.compile(r"^(.*?)\s?((?:sk-)?(?:ssh-|ecds)[\w@.-]+\s.+)$")
_CONFIG = ".ssh/authorized_keys"


class _Key(NamedTuple):
    """A key, and what stands beside it."""

    key: str
    enc: str
    comment: str
    options: List[str]


def _read(name: str, enc: str, comment: str, options: Optional[List[str]]) -> _Key:
    """A key from a name that may be a whole line of the file; what it does not say is taken from the arguments."""
    line = _LINE.search(name)
    if line:
        enc, name, *rest = line.group(2).split(None, 2)
        options = line.group(1).split(",") if line.group(1) else options
    else:
        name, *rest = name.split(None, 1)
    return _Key(name, enc, rest[0] if rest else comment, options or [])


def present(
    name: str,
    user: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    source: str = "",
    options: Optional[List[str]] = None,
    config: str = _CONFIG,
    fingerprint_hash_type: Optional[str] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that a key may log in as a user.

    Args:
        name: the key: by itself, or a whole line with options, type and comment.
        user: who logs in with it.
        enc: the type of the key.
        comment: a comment behind it.
        source: URL of a file with keys, instead of `name`.
        options: options before it, as sshd(8) has them.
        config: the file, below the user's home; `%h` and `%u` stand for home and user.
        fingerprint_hash_type: of no effect here.
    """
    where = {"config": config, "fingerprint_hash_type": fingerprint_hash_type}
    if source:
        return _present_from(begun(name), user, source, options, where)
    ret, key = begun(name), _read(name, enc, comment, options)
    if __opts__["test"]:
        ret["result"], ret["comment"] = _predicted(user, key, where)
        return ret
    done = __salt__["ssh.set_auth_key"](user, key.key, enc=key.enc, comment=key.comment, options=key.options, **where)
    return _told(ret, key.key, user, done)


def _present_from(
    ret: Result, user: str, source: str, options: Optional[List[str]], where: Dict[str, Optional[str]]
) -> Result:
    if __opts__["test"]:
        keys = __salt__["ssh.check_key_file"](user, source, saltenv=__env__, **where)
        lines = [f"Set to {status}: {key}\n" for key, status in keys.items() if status != "exists"]
        return _predicted_file(ret, lines, f"All host keys in file {source} are already present")
    if not __salt__["cp.get_url"](source, None, saltenv=__env__):
        return failed(ret, f"Failed to add the ssh key. Source file {source} is missing")
    done = __salt__["ssh.set_auth_key_from_file"](user, source, saltenv=__env__, options=options, **where)
    return _told(ret, ret["name"], user, done)


def _predicted_file(ret: Result, lines: List[str], otherwise: str) -> Result:
    error = __context__.pop("ssh_auth.error", None)
    if lines:
        ret.update(result=None, comment="".join(lines))
    elif error:
        failed(ret, error)
    else:
        ret["comment"] = otherwise
    return ret


def _predicted(user: str, key: _Key, where: Dict[str, Optional[str]]) -> Tuple[Optional[bool], str]:
    status = __salt__["ssh.check_key"](user, key.key, key.enc, key.comment, key.options, **where)
    if status == "exists":
        return True, f"The authorized host key {key.key} is already present for user {user}"
    return None, f"Key {key.key} for user {user} is set to be {'updated' if status == 'update' else 'added'}"


def _told(ret: Result, name: str, user: str, done: str) -> Result:
    """The result, by what the execution function says."""
    error = __context__.pop("ssh_auth.error", None)
    if done == "no change":
        ret["comment"] = f"The authorized host key {name} is already present for user {user}"
    elif done in ("new", "replace"):
        ret["changes"][name] = "New" if done == "new" else "Updated"
        ret["comment"] = f"The authorized host key {name} for user {user} was {'added' if done == 'new' else 'updated'}"
    elif done == "fail":
        home = "Is the home directory available, and/or does the key file exist?"
        failed(ret, error or f"Failed to add the ssh key. {home}")
    else:
        failed(ret, "Invalid public ssh key, most likely has spaces or invalid syntax")
    return ret


def absent(
    name: str,
    user: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    source: str = "",
    options: Optional[List[str]] = None,
    config: str = _CONFIG,
    fingerprint_hash_type: Optional[str] = None,
) -> Result:
    """Sees to it that a key may not log in as a user.

    Args:
        name: the key: by itself, or a whole line with options, type and comment.
        user: who logged in with it.
        enc, comment, options: of no effect; the key alone counts.
        source: URL of a file with keys, instead of `name`.
        config: the file, below the user's home; `%h` and `%u` stand for home and user.
        fingerprint_hash_type: of no effect here.
    """
    ret = begun(name)
    where = {"config": config, "fingerprint_hash_type": fingerprint_hash_type}
    if source:
        return _absent_from(ret, user, source, where)
    key = _read(name, enc, comment, options).key
    if __opts__["test"]:
        if key in __salt__["ssh.auth_keys"](user, **where):
            ret.update(result=None, comment=f"Key {key} for user {user} is set for removal")
        else:
            ret["comment"] = "Key is already absent"
        return ret
    return _removed(ret, key, __salt__["ssh.rm_auth_key"](user, key, **where))


def _absent_from(ret: Result, user: str, source: str, where: Dict[str, Optional[str]]) -> Result:
    if __opts__["test"]:
        keys = __salt__["ssh.check_key_file"](user, source, saltenv=__env__, **where)
        lines = [f"Set to remove: {key}\n" for key, status in keys.items() if status != "add"]
        return _predicted_file(ret, lines, f"All host keys in file {source} are already absent")
    if not __salt__["cp.get_url"](source, None, saltenv=__env__):
        return failed(ret, f"Failed to remove the ssh keys. Source file {source} is missing")
    done = __salt__["ssh.rm_auth_key_from_file"](user, source, saltenv=__env__, **where)
    error = __context__.pop("ssh_auth.error", None)
    return failed(ret, error) if error else _removed(ret, ret["name"], done)


def _removed(ret: Result, key: str, done: str) -> Result:
    ret["comment"] = done
    if done == "Key removed":
        ret["changes"][key] = "Removed"
    elif done == "User authorized keys file not present":
        ret["result"] = False
    return ret


def manage(
    name: str,
    ssh_keys: List[str],
    user: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    source: str = "",
    options: Optional[List[str]] = None,
    config: str = _CONFIG,
    fingerprint_hash_type: Optional[str] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that just these keys may log in as a user.

    Args:
        name: any text.
        ssh_keys: the keys, as `name` of `ssh_auth.present`.
        user, enc, comment, source, options, config, fingerprint_hash_type: see there.
    """
    ret, comments = begun(name), []
    results: List[Optional[bool]] = []
    wanted = {word for line in ssh_keys for word in line.split()}
    there = __salt__["ssh.auth_keys"](user=user, config=config, fingerprint_hash_type=fingerprint_hash_type)
    about = (user, enc, comment, source, options, config, fingerprint_hash_type)
    for key in there:
        if key in wanted:
            continue
        if __opts__["test"]:
            comments.append(f"{key} Key set for removal")
            results.append(None)
        else:
            ret["changes"][key] = absent(key, user, config=config)["comment"]
    for line in ssh_keys:
        part = present(line, *about)
        ret["changes"].update(part["changes"])
        if not part["changes"]:
            comments.append(part["comment"])
        results.append(part["result"])
    ret["comment"] = "\n".join(comments)
    ret["result"] = False if False in results else None if None in results else True
    return ret
