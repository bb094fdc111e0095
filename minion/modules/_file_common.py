"""What the parts of the `file` module share: modes, digests, temporary files, backups."""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import shutil
import tempfile
from typing import Any, Mapping, Optional

from minion import atomic
from minion.errors import SaltInvocationError

HASH_LENGTHS = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}
HASH_TYPES = {length: name for name, length in HASH_LENGTHS.items()}
REMOTE_SCHEMES = ("http", "https", "ftp", "swift", "s3")
SCHEMES = ("salt", "file", *REMOTE_SCHEMES)
SCRATCH_PREFIX = "__salt.tmp."  # temporary files of that name may be removed by whoever used them last

_BACKUP_STAMP = "_%a_%b_%d_%H:%M:%S_%f_%Y"


def absolute(path: str, complaint: str) -> str:
    """A path with `~` expanded; an error if it is not absolute."""
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        raise SaltInvocationError(complaint)
    return path


def normalize_mode(mode: Any) -> Optional[str]:
    """Permissions as four octal digits; None stays None, and `keep` stays what it is."""
    if mode is None:
        return None
    return str(mode).replace("0o", "0").strip("\"'").lstrip("0").zfill(4)


def enterable(mode: Any) -> Any:
    """Permissions of a folder: those of a file, and the right to enter for whom they give any right."""
    if mode is None:
        return None
    return "".join(digit if digit == "0" else str(int(digit) | 1) for digit in str(mode)[-3:])


def mode_bits(mode: Any) -> int:
    """Permissions as a number."""
    return int(str(mode).lstrip("0Oo") or "0", 8)


def current_umask() -> int:
    """The umask of this process."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


def digest(path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """The digest of a file's content."""
    if form not in hashlib.algorithms_guaranteed:
        raise ValueError(f"Invalid hash type: {form}")
    state = hashlib.new(form)
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(chunk_size), b""):
            state.update(chunk)
    return state.hexdigest()


def supported_hashes() -> str:
    """The types of digests and their lengths, as error messages tell them."""
    return ", ".join(f"{HASH_TYPES[length]} ({length})" for length in sorted(HASH_TYPES))


def redact(url: str) -> str:
    """A URL without user and password."""
    return re.sub("(https?)://.*@", r"\1://<redacted>@", str(url), flags=re.IGNORECASE)


def encoded(contents: Any, encoding: Optional[str] = None, errors: str = "strict") -> bytes:
    """Contents as bytes."""
    if isinstance(contents, bytes):
        return contents
    return str(contents).encode(encoding, errors) if encoding else str(contents).encode("utf-8", "surrogateescape")


def scratch_file(content: bytes = b"") -> str:
    """The path of a new temporary file."""
    handle, path = tempfile.mkstemp(prefix=SCRATCH_PREFIX)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return path


def remove_scratch(path: Any, opts: Mapping[str, Any]) -> None:
    """Removes a file if it is a temporary one that `scratch_file` may have made; anything else is left alone."""
    if not isinstance(path, str) or not path:
        return
    folder, name = os.path.split(path)
    roots = [root for roots in (opts.get("file_roots") or {}).values() for root in roots]
    is_served = any(path.startswith(os.path.join(str(root), "")) for root in roots)
    if folder == tempfile.gettempdir() and name.startswith(SCRATCH_PREFIX) and not is_served and os.path.exists(path):
        os.remove(path)


def backup_folder(path: str, opts: Mapping[str, Any]) -> str:
    """Where the backups of a file lie."""
    return os.path.join(opts["cachedir"], "file_backup", os.path.dirname(path)[1:])


def back_up(path: str, opts: Mapping[str, Any]) -> None:
    """Keeps a copy of a file, with owner and mode, where `file.list_backups` finds it."""
    folder = backup_folder(path, opts)
    os.makedirs(folder, exist_ok=True)
    stamp = datetime.datetime.now().strftime(_BACKUP_STAMP)
    keep_copy(path, os.path.join(folder, os.path.basename(path) + stamp))


def backup_time(name: str, original: str) -> Optional[datetime.datetime]:
    """When the backup `name` of the file `original` was made; None if it is not one."""
    try:
        return datetime.datetime.strptime(name, original.replace("%", "%%") + _BACKUP_STAMP)
    except ValueError:
        return None


def keep_copy(path: str, copy: str) -> None:
    """Copies a file with owner, mode and times."""
    status = os.stat(path)
    handle, scratch = tempfile.mkstemp(prefix=f".{os.path.basename(copy)}.", dir=os.path.dirname(copy))
    os.close(handle)
    try:
        shutil.copyfile(path, scratch)
        os.chown(scratch, status.st_uid, status.st_gid)
        shutil.copystat(path, scratch)
        os.replace(scratch, copy)
    except BaseException:
        os.unlink(scratch)
        raise


def backup_mode(backup: Any, opts: Mapping[str, Any]) -> str:
    """The kind of backup that was asked for, or else configured."""
    return str(backup or opts.get("backup_mode") or "")


def rewrite(path: str, content: bytes) -> None:
    """Writes a file at one blow; one that has several names, in place, so that it stays the same under all of them."""
    target = os.path.realpath(path)
    if not os.path.exists(target):
        atomic.write(target, content, mode=0o666 & ~current_umask())
    elif os.stat(target).st_nlink == 1:
        atomic.write(target, content)
    else:
        with open(target, "rb+") as file:
            file.write(content)
            file.truncate()
