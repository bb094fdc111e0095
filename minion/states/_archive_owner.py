"""To whom the files from an archive belong."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Mapping, Tuple

from minion.states._file import Refused
from minion.states._result import Result


def owner_ids(job: SimpleNamespace, salt: Mapping[str, Callable[..., Any]]) -> Tuple[int, int]:
    """Numbers of user and group; -1 for what is not given."""
    uid = salt["file.user_to_uid"](job.user) if job.user else -1
    gid = salt["file.group_to_gid"](job.group) if job.group else -1
    if uid == "":
        raise Refused(f"User {job.user} does not exist")
    if gid == "":
        raise Refused(f"Group {job.group} does not exist")
    return uid, gid


def enforce_owner(
    job: SimpleNamespace,
    ret: Result,
    contents: Dict[str, List[str]],
    states: Mapping[str, Callable[..., Any]],
    test: bool,
) -> str:
    """Gives what was unpacked to user and group; notes that in the result, and returns what went wrong."""
    if not job.user and not job.group:
        return ""
    only = job.enforce_ownership_on
    dirs, others = contents["top_level_dirs"], contents["top_level_files"] + contents["top_level_links"]
    if only:
        dirs, others = ([only], []) if os.path.isdir(only) else ([], [only])
    missing: List[str] = []
    failures: List[str] = []
    for path in (os.path.join(job.name, each) for each in dirs):
        if not os.path.isdir(path):
            missing.append(path)
            continue
        recurse = [kind for kind in ("user", "group") if getattr(job, kind)]
        done = states["file.directory"](path, user=job.user, group=job.group, recurse=recurse)
        if done["changes"]:
            ret["changes"]["updated ownership"] = True
        if done["result"] is False:
            failures.append(path)
    for path in (os.path.join(job.name, each) for each in others):
        _give(path, job, ret, test, missing, failures)
    return (
        ""
        if test
        else _told("the following paths were missing", missing)
        + _told("Salt was unable to change ownership on the following paths", failures)
    )


def _give(path: str, job: SimpleNamespace, ret: Result, test: bool, missing: List[str], failures: List[str]) -> None:
    try:
        status = os.lstat(path)
        if job.uid in (-1, status.st_uid) and job.gid in (-1, status.st_gid):
            return
        if not test:
            os.lchown(path, job.uid, job.gid)
        ret["changes"]["updated ownership"] = True
    except FileNotFoundError:
        missing.append(path)
    except OSError:
        failures.append(path)


def _told(what: str, paths: List[str]) -> str:
    if not paths:
        return ""
    listed = "".join(f"\n- {path}" for path in paths)
    return f"\n\nWhile trying to enforce user/group ownership, {what}:\n{listed}"
