"""The arguments of `archive.extracted`, checked and brought into their form."""

from __future__ import annotations

import os
import urllib.parse
from types import SimpleNamespace
from typing import Any

from minion.modules._archive import guess_format
from minion.modules._file_common import redact
from minion.states._archive_owner import owner_ids
from minion.states._file import Refused, Salt
from minion.states._result import Result

_FORMATS = ("tar", "rar", "zip")


class Done(Exception):
    """There is nothing more to do; carries the result."""

    def __init__(self, ret: Result) -> None:
        super().__init__(ret["comment"])
        self.ret = ret


def keeps_source(job: SimpleNamespace, ret: Result) -> bool:
    """Whether the archive stays in the cache; takes that, and what the compiler adds, from the other arguments."""
    given = {key: job.kwargs.pop(key) for key in ("keep_source", "keep") if key in job.kwargs}
    job.kwargs = {key: value for key, value in job.kwargs.items() if not key.startswith("__")}
    if len(given) == 2:
        ret["warnings"] = [
            "Both 'keep_source' and 'keep' were used. Since these both do the same thing, 'keep' was ignored."
        ]
    return bool(next(iter(given.values()), True))


def _is_absolute(path: Any) -> bool:
    return path is None or (isinstance(path, str) and os.path.isabs(path))


def check_paths(job: SimpleNamespace, ret: Result, salt: Salt) -> None:
    """Looks at paths and owner; stops if there is what must be missing."""
    if job.skip_files_list_verify and job.skip_verify:
        raise Refused('Only one of "skip_files_list_verify" and "skip_verify" can be set to True')
    if not _is_absolute(job.name):
        raise Refused(f"{job.name} is not an absolute path")
    job.name = job.name.rstrip("/")
    if os.path.isfile(job.name):
        raise Refused(f"{job.name} exists and is not a directory")
    job.name += "/"
    for option in ("if_missing", "enforce_ownership_on"):
        if not _is_absolute(getattr(job, option)):
            raise Refused(f"Value for '{option}' is not an absolute path")
    if job.enforce_ownership_on and os.path.relpath(job.enforce_ownership_on, job.name).startswith("../"):
        raise Refused(f"Value for 'enforce_ownership_on' must be within {job.name}")
    if job.if_missing is not None and os.path.exists(job.if_missing):
        raise Done({**ret, "result": True, "comment": f"Path {job.if_missing} exists"})
    if job.clean and job.clean_parent:
        raise Refused("Only one of 'clean' and 'clean_parent' can be set to True")
    job.uid, job.gid = owner_ids(job, salt)
    if job.source_hash_update and not job.source_hash:
        ret.setdefault("warnings", []).append(
            "The 'source_hash_update' argument is ignored when 'source_hash' is not also specified."
        )
    if (job.signature or job.source_hash_sig) and f"{job.sig_backend}.verify" not in salt:
        raise Refused(f"Cannot verify signatures because the {job.sig_backend} module was not loaded")


def find_source(job: SimpleNamespace, salt: Salt, saltenv: str) -> None:
    """Chooses the source."""
    job.url = salt["file.source_list"](job.source, job.source_hash, saltenv)[0]
    if not job.url:
        raise Refused(f'Invalid source "{job.source}"')
    parts = urllib.parse.urlparse(job.url)
    path = os.path.join(parts.netloc, parts.path).rstrip("/")
    job.is_local = parts.scheme in ("", "file")
    job.basename = path or parts.netloc
    if job.is_local:
        job.url = os.path.realpath(os.path.expanduser(path))
        if not os.path.isfile(job.url):
            raise Refused(f"Source file '{redact(job.url)}' does not exist")


def check_format(job: SimpleNamespace, ret: Result) -> None:
    """Finds out of what kind the archive is, and how to unpack it."""
    formats = ", ".join(_FORMATS)
    kind = job.archive_format or guess_format(job.basename)
    if kind is None:
        raise Refused(
            "Could not guess archive_format from the value of the 'source' argument. Please set this archive_format to "
            f"one of the following: {formats}"
        )
    job.kind = str(kind).lower()
    if job.kind not in _FORMATS:
        raise Refused(
            f"Invalid archive_format '{job.kind}'. Either set it to a supported value ({formats}) or remove this "
            "argument and the archive format will be guessed based on file extension."
        )
    job.options = None if job.options is None else str(job.options)
    if job.options and job.kind == "rar":
        raise Refused("The 'options' argument is only compatible with the following archive formats: tar, zip")
    if job.password and job.kind != "zip":
        raise Refused("The 'password' argument is only supported for zip archives")
    if job.kind == "zip":
        _choose_unzip(job, ret)
    try:
        job.trim = 100 if job.trim_output is True else int(job.trim_output or 0)
    except (TypeError, ValueError):
        raise Refused("Invalid value for trim_output, must be True/False or an integer") from None


def _choose_unzip(job: SimpleNamespace, ret: Result) -> None:
    if job.options and job.use_cmd_unzip is False:
        raise Refused(
            "'use_cmd_unzip' cannot be set to False if CLI options are being specified (via the 'options' argument). "
            "Either remove 'use_cmd_unzip', or set it to True."
        )
    if job.password and (job.use_cmd_unzip or job.options):
        ret.setdefault("warnings", []).append(
            "Using a password in combination with setting 'use_cmd_unzip' to True is considered insecure. It is "
            "recommended to remove the 'use_cmd_unzip' argument (or set it to False) and allow Salt to extract the "
            "archive using Python's built-in ZIP file support."
        )
    job.use_cmd_unzip = bool(job.use_cmd_unzip or job.options)
