"""Manage passwords and their ageing in /etc/shadow."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Optional, Union

from minion.errors import SaltInvocationError
from minion.modules import _accounts, _crypt, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "shadow"

log = logging.getLogger(__name__)

_FIELDS = ("name", "passwd", "lstchg", "min", "max", "warn", "inact", "expire")


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "/etc/shadow is managed on Linux only"


def default_hash() -> str:
    """What stands for the password of a user that has none.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.default_hash
    """
    return "!"


def info(name: str, root: Optional[str] = None) -> Dict[str, Any]:
    """Password hash and ageing of a user; days that are not set are -1. Without such a user all values are empty.

    Args:
        name: login name.
        root: read the file below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.info root
    """
    for fields in _accounts.entries(root or "/", "shadow", 2):
        if fields[0] == str(name):
            days = [int(field) if field.lstrip("-").isdigit() else -1 for field in (fields + [""] * 8)[2:8]]
            return dict(zip(_FIELDS, [*fields[:2], *days]))
    return dict.fromkeys(_FIELDS, "")


def list_users(root: Optional[str] = None) -> List[str]:
    """Names of all users that have an entry in /etc/shadow.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.list_users
    """
    return sorted(fields[0] for fields in _accounts.entries(root or "/", "shadow", 2))


def set_inactdays(name: str, inactdays: int, root: Optional[str] = None) -> bool:
    """Sets after how many days with an expired password the account is locked.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.set_inactdays username 7
    """
    return _set(name, "inact", inactdays, "-I", root)


def set_maxdays(name: str, maxdays: int, root: Optional[str] = None) -> bool:
    """Sets for how many days a password is valid at most.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.set_maxdays username 90
    """
    return _set(name, "max", maxdays, "-M", root)


def set_mindays(name: str, mindays: int, root: Optional[str] = None) -> bool:
    """Sets how many days must pass between two changes of the password.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.set_mindays username 7
    """
    return _set(name, "min", mindays, "-m", root)


def set_warndays(name: str, warndays: int, root: Optional[str] = None) -> bool:
    """Sets how many days ahead the user is warned that the password expires.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.set_warndays username 7
    """
    return _set(name, "warn", warndays, "-W", root)


def set_date(name: str, date: Union[int, str], root: Optional[str] = None) -> bool:
    """Sets when the password was last changed: days since 1 January 1970, or a date as YYYY-MM-DD.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.set_date username 0
    """
    return _set(name, "lstchg", date, "-d", root)


def set_expire(name: str, expire: Union[int, str], root: Optional[str] = None) -> bool:
    """Sets when the account expires: days since 1 January 1970, or a date as YYYY-MM-DD; -1 for never.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.set_expire username -1
    """
    return _set(name, "expire", expire, "-E", root)


def _set(name: str, key: str, value: Any, option: str, root: Optional[str]) -> bool:
    before = info(name, root)
    if not before["name"]:
        return False
    if str(before[key]) == str(value):
        return True
    return _tools.succeeds(__salt__, ["chage", *_root_option(root), option, value, "--", name])


def gen_password(password: str, crypt_salt: Optional[str] = None, algorithm: str = "sha512") -> str:
    """The hash of a password, as `shadow.set_password` wants it.

    Args:
        password: the plain text. What is given on a command line can be read in the process list.
        crypt_salt: the salt; a random one if not given.
        algorithm: sha512, sha256, blowfish, md5 or crypt.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.gen_password 'I_am_password'
        salt '*' shadow.gen_password 'I_am_password' crypt_salt='I_am_salt' algorithm=sha256
    """
    return _crypt.hash_password(str(password), crypt_salt, algorithm)


def set_password(name: str, password: str, use_usermod: bool = False, root: Optional[str] = None) -> bool:
    """Sets the password of a user, and today as the day of its last change.

    Args:
        name: login name.
        password: the hash, as `shadow.gen_password` makes it, or `!`, `*`.
        use_usermod: accepted for compatibility: the system's own tool is always used, and it is not told the hash on
            its command line.
        root: change the file below this folder, by chroot.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.set_password root '$1$UYCIxa628.9qXjpQCjM4a..'
    """
    if _accounts.user(name, root) is None:
        log.warning("user %s does not exist, cannot set password", name)
        return False
    if any(character in str(name) + str(password) for character in ":\n\0"):
        raise SaltInvocationError(f"The password hash for user '{name}' holds a colon or a newline")
    line = f"{name}:{password}\n"
    command = ["chpasswd", "-e", *_root_option(root)]
    done = _tools.result(__salt__, command, stdin=line, stdin_raw_newlines=True, output_loglevel="quiet")
    return done["retcode"] == 0 and bool(info(name, root)["passwd"] == password)


def del_password(name: str, root: Optional[str] = None) -> bool:
    """Deletes the password of a user, who then logs in without.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.del_password username
    """
    done = _tools.succeeds(__salt__, ["passwd", *_root_option(root), "-d", "--", name])
    return done and not info(name, root)["passwd"]


def lock_password(name: str, root: Optional[str] = None) -> bool:
    """Locks the password of a user: no password fits until it is unlocked.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.lock_password username
    """
    return _lock(name, True, root)


def unlock_password(name: str, root: Optional[str] = None) -> bool:
    """Unlocks the password of a user. False if that would leave the user without a password.

    CLI Example:

    .. code-block:: bash

        salt '*' shadow.unlock_password username
    """
    return _lock(name, False, root)


def _lock(name: str, locked: bool, root: Optional[str]) -> bool:
    before = info(name, root)
    if not before["name"]:
        return False
    if before["passwd"].startswith("!") == locked:
        return True
    _tools.result(__salt__, ["passwd", *_root_option(root), "-l" if locked else "-u", "--", name])
    return bool(info(name, root)["passwd"].startswith("!") == locked)


def _root_option(root: Optional[str]) -> List[str]:
    return ["-R", root] if root else []
