"""What there is to know about files, folders and other nodes."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import stat
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._file_common import absolute, digest, normalize_mode

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "file"

_TYPES = {
    stat.S_IFDIR: "dir",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


def gid_to_group(gid: Any) -> Any:
    """Returns the name of a group by its number; the number itself if no group has it.

    CLI Example:

    .. code-block:: bash

        salt '*' file.gid_to_group 0
    """
    try:
        number = int(gid)
    except ValueError:
        number = group_to_gid(gid)
        if number == "":
            return ""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return number


def group_to_gid(group: Any) -> Any:
    """Returns the number of a group by its name; an empty text if there is no such group.

    CLI Example:

    .. code-block:: bash

        salt '*' file.group_to_gid root
    """
    if group is None:
        return ""
    if isinstance(group, int):
        return group
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return ""


def uid_to_user(uid: int) -> Any:
    """Returns the name of a user by its number; the number itself if no user has it.

    CLI Example:

    .. code-block:: bash

        salt '*' file.uid_to_user 0
    """
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return uid


def user_to_uid(user: Any) -> Any:
    """Returns the number of a user by its name; an empty text if there is no such user. None is the minion's user.

    CLI Example:

    .. code-block:: bash

        salt '*' file.user_to_uid root
    """
    if user is None:
        return os.geteuid()
    if isinstance(user, int):
        return user
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return ""


def get_gid(path: str, follow_symlinks: bool = True) -> int:
    """Returns the number of the group that owns a file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_gid /etc/passwd
    """
    return int(stats(path, follow_symlinks=follow_symlinks)["gid"])


def get_group(path: str, follow_symlinks: bool = True) -> Any:
    """Returns the group that owns a file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_group /etc/passwd
    """
    return stats(path, follow_symlinks=follow_symlinks)["group"]


def get_uid(path: str, follow_symlinks: bool = True) -> int:
    """Returns the number of the user who owns a file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_uid /etc/passwd
    """
    return int(stats(path, follow_symlinks=follow_symlinks)["uid"])


def get_user(path: str, follow_symlinks: bool = True) -> Any:
    """Returns the user who owns a file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_user /etc/passwd
    """
    return stats(path, follow_symlinks=follow_symlinks)["user"]


def get_mode(path: str, follow_symlinks: bool = True) -> str:
    """Returns the permissions of a file, as four octal digits.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_mode /etc/passwd
    """
    return str(stats(path, follow_symlinks=follow_symlinks)["mode"])


def stats(path: str, hash_type: Optional[str] = None, follow_symlinks: bool = True) -> Dict[str, Any]:
    """Returns owner, permissions, times, size and type of a file.

    Args:
        path: the file. Of a link that leads nowhere, the link itself is described.
        hash_type: add `sum`, the digest of the content: `sha256`, `md5`, ...
        follow_symlinks: describe what a link leads to, rather than the link.

    CLI Example:

    .. code-block:: bash

        salt '*' file.stats /etc/passwd
    """
    path = os.path.expanduser(path)
    status = _status(path, follow_symlinks)
    result = {
        "inode": status.st_ino,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "group": gid_to_group(status.st_gid),
        "user": uid_to_user(status.st_uid),
        "atime": status.st_atime,
        "mtime": status.st_mtime,
        "ctime": status.st_ctime,
        "size": status.st_size,
        "mode": normalize_mode(oct(stat.S_IMODE(status.st_mode))),
    }
    if hash_type:
        result["sum"] = digest(path, hash_type)
    result["type"] = _TYPES.get(stat.S_IFMT(status.st_mode), "file")
    result["target"] = os.path.realpath(path) if follow_symlinks else os.path.abspath(path)
    return result


def _status(path: str, follow_symlinks: bool) -> os.stat_result:
    if follow_symlinks:
        try:
            return os.stat(path)
        except OSError:
            pass  # perhaps a link that leads nowhere
    try:
        return os.lstat(path)
    except OSError:
        raise CommandExecutionError(f"Path not found: {path}") from None


def lstat(path: str) -> Dict[str, Any]:
    """Returns what lstat(2) tells about a file; nothing if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' file.lstat /path/to/file
    """
    path = absolute(path, "Path to file must be absolute.")
    try:
        status = os.lstat(path)
    except OSError:
        return {}
    names = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")
    return {name: getattr(status, name) for name in names}


def statvfs(path: str) -> Dict[str, Any]:
    """Returns what statvfs(3) tells about the file system that a path lies on.

    CLI Example:

    .. code-block:: bash

        salt '*' file.statvfs /path/to/file
    """
    path = absolute(path, "File path must be absolute.")
    try:
        status = os.statvfs(path)
    except OSError:
        raise CommandExecutionError(f"Could not statvfs '{path}'") from None
    names = ("bavail", "bfree", "blocks", "bsize", "favail", "ffree", "files", "flag", "frsize", "namemax")
    return {f"f_{name}": getattr(status, f"f_{name}") for name in names}


def readlink(path: str, canonicalize: bool = False) -> str:
    """Returns where a symbolic link leads to.

    Args:
        path: the link; `~` and environment variables in it are expanded.
        canonicalize: follow links to the end, and return an absolute path.

    CLI Example:

    .. code-block:: bash

        salt '*' file.readlink /path/to/link
    """
    path = os.path.expandvars(os.path.expanduser(path))
    if not os.path.isabs(path):
        raise SaltInvocationError(f"Path to link must be absolute: {path}")
    if not os.path.islink(path):
        raise SaltInvocationError(f"A valid link was not specified: {path}")
    return os.path.realpath(path) if canonicalize else os.readlink(path)


def readdir(path: str) -> List[str]:
    """Returns the names in a folder, `.` and `..` among them.

    CLI Example:

    .. code-block:: bash

        salt '*' file.readdir /path/to/dir/
    """
    path = absolute(path, "Dir path must be absolute.")
    if not os.path.isdir(path):
        raise SaltInvocationError(f"A valid directory was not specified: {path}")
    return [".", "..", *os.listdir(path)]


def lsattr(path: str) -> Optional[Dict[str, List[str]]]:
    """Returns the attributes of files, as chattr(1) names them; None if lsattr is not installed.

    CLI Example:

    .. code-block:: bash

        salt '*' file.lsattr foo1.txt
    """
    if not shutil.which("lsattr"):
        return None
    if not os.path.exists(path):
        raise SaltInvocationError("File or directory does not exist: " + path)
    output = __salt__["cmd.run"](["lsattr", path], ignore_retcode=True, python_shell=False)
    lines = [line.split(None, 1) for line in output.splitlines() if not line.startswith("lsattr: ")]
    return {parts[1]: re.findall(r"[aAcCdDeijPsStTu]", parts[0]) for parts in lines if len(parts) == 2}


def get_selinux_context(path: str) -> str:
    """Returns the SELinux context of a file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_selinux_context /etc/hosts
    """
    result = __salt__["cmd.run_all"](["stat", "-c", "%C", path], python_shell=False)
    if result["retcode"]:
        return f"No selinux context information is available for {path}"
    return str(result["stdout"])


def diskusage(path: str) -> int:
    """Returns how many bytes the files of a folder hold together; a file of several names counts once.

    CLI Example:

    .. code-block:: bash

        salt '*' file.diskusage /path/to/check
    """
    if os.path.isfile(path):
        return os.stat(path).st_size
    total, seen = 0, set()
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                status = os.stat(os.path.join(folder, name))
            except OSError:
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_size
    return total
