"""The copies that `backup: minion` keeps of files before they are changed."""

from __future__ import annotations

import logging
import os
from typing import Any, Dict, List, Optional, Tuple

from minion import atomic
from minion.modules._file_common import back_up, backup_folder, backup_time

__opts__: Dict[str, Any]
__virtualname__ = "file"

log = logging.getLogger(__name__)


def list_backups(path: str, limit: Any = None) -> Dict[int, Dict[str, Any]]:
    """Returns the backups of a file, the latest first: number -> when it was made, its size, where it is.

    Args:
        path: the file.
        limit: at most that many.

    CLI Example:

    .. code-block:: bash

        salt '*' file.list_backups /foo/bar/baz.txt
    """
    path = os.path.expanduser(path)
    folder = backup_folder(path, __opts__)
    names = [name for name in _names(folder) if os.path.isfile(os.path.join(folder, name))]
    return _numbered(folder, names, os.path.basename(path), limit)


def list_backup(path: str, limit: Any = None) -> Dict[int, Dict[str, Any]]:
    """Another name of `file.list_backups`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.list_backup /foo/bar/baz.txt
    """
    return list_backups(path, limit)


def list_backups_dir(path: str, limit: Any = None) -> Dict[str, Dict[int, Dict[str, Any]]]:
    """Returns the backups of the files of a folder: name -> what `file.list_backups` returns.

    Args:
        path: the folder, with a slash at the end.
        limit: at most that many of each file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.list_backups_dir /foo/bar/baz/
    """
    folder = backup_folder(os.path.expanduser(path), __opts__)
    names = _names(folder)
    originals = {name.split("_")[0] for name in names}
    return {original: _numbered(folder, names, original, limit) for original in sorted(originals)}


def _names(folder: str) -> List[str]:
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _numbered(folder: str, names: List[str], original: str, limit: Any) -> Dict[int, Dict[str, Any]]:
    times = {backup_time(name, original): os.path.join(folder, name) for name in names}
    latest = sorted((when for when in times if when is not None), reverse=True)[: _count(limit)]
    return {
        number: {
            "Backup Time": when.strftime("%a %b %d %Y %H:%M:%S.%f"),
            "Size": os.stat(times[when]).st_size,
            "Location": times[when],
        }
        for number, when in enumerate(latest)
    }


def _count(limit: Any) -> Optional[int]:
    try:
        return None if limit is None else int(limit)
    except ValueError:
        log.error("'limit' value must be numeric")
        return None


def restore_backup(path: str, backup_id: Any) -> Dict[str, Any]:
    """Restores a file from a backup; the file as it is now is backed up before.

    Args:
        path: the file.
        backup_id: the number that `file.list_backups` shows.

    CLI Example:

    .. code-block:: bash

        salt '*' file.restore_backup /foo/bar/baz.txt 0
    """
    path = os.path.expanduser(path)
    backup, ret = _chosen(path, backup_id)
    if not backup:
        return ret
    try:
        if os.path.exists(path):
            back_up(path, __opts__)
        atomic.copy(backup, path)
    except OSError as exc:
        ret["comment"] = f"Unable to restore {backup} to {path}: {exc}"
        return ret
    return {"result": True, "comment": f"Successfully restored {backup} to {path}"}


def delete_backup(path: str, backup_id: Any) -> Dict[str, Any]:
    """Deletes a backup of a file.

    Args:
        path: the file.
        backup_id: the number that `file.list_backups` shows.

    CLI Example:

    .. code-block:: bash

        salt '*' file.delete_backup /var/cache/salt/minion/file_backup/home/foo/bar/baz.txt 0
    """
    backup, ret = _chosen(os.path.expanduser(path), backup_id)
    if not backup:
        return ret
    try:
        os.remove(backup)
    except OSError as exc:
        ret["comment"] = f"Unable to remove {backup}: {exc}"
        return ret
    return {"result": True, "comment": f"Successfully removed {backup}"}


def remove_backup(path: str, backup_id: Any) -> Dict[str, Any]:
    """Another name of `file.delete_backup`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.remove_backup /foo/bar/baz.txt 0
    """
    return delete_backup(path, backup_id)


def _chosen(path: str, backup_id: Any) -> Tuple[str, Dict[str, Any]]:
    """Where a backup is, and what to return if there is none of that number."""
    ret: Dict[str, Any] = {"result": False, "comment": f"Invalid backup_id '{backup_id}'"}
    text = str(backup_id)
    if not text.isdigit() or text != str(int(text)):
        return "", ret
    backups = list_backups(path)
    if int(text) not in backups:
        ret["comment"] = f"backup_id '{backup_id}' does not exist for {path}"
        return "", ret
    return str(backups[int(text)]["Location"]), ret
