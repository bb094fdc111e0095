"""What the `file` states share."""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from minion.modules._file_common import normalize_mode
from minion.modules._file_diff import diff_lines, is_text_file
from minion.states._result import Result, begun, failed

Salt = Mapping[str, Callable[..., Any]]
Sources = List[Tuple[str, Any]]

log = logging.getLogger(__name__)


class Refused(Exception):
    """The state can't be brought about; the text says why."""


@dataclasses.dataclass
class Accumulator:
    """What `file.accumulated` has gathered for one file."""

    texts: Dict[str, List[Any]] = dataclasses.field(default_factory=dict)  # name of the state -> its texts
    takers: Dict[str, List[Any]] = dataclasses.field(default_factory=dict)  # name of the state -> IDs that require it


def accumulators(context: Dict[str, Any], run: str) -> Dict[str, Accumulator]:
    """File -> what was gathered for it in this state run."""
    found: Dict[str, Accumulator] = context.setdefault("file.accumulated", {}).setdefault(run, {})
    return found


def owner_given(user: Any, kwargs: Mapping[str, Any]) -> Any:
    """The user a file shall belong to; many write `owner` for it."""
    return user or kwargs.get("owner", user)


def unknown_owner(salt: Salt, test: bool, user: Any, group: Any) -> str:
    """What is wrong with user and group. In test mode nothing is: an earlier state may be going to make them."""
    complaint = ""
    if user and salt["file.user_to_uid"](user) == "":
        complaint += f"User {user} is not available "
    if group and salt["file.group_to_gid"](group) == "":
        complaint += f"Group {group} is not available"
    if complaint and test:
        log.warning(complaint)
        return ""
    return complaint


def default_owner(salt: Salt, opts: Mapping[str, Any], user: Any, group: Any) -> Tuple[Any, Any]:
    """User and group; if not given, the minion's user and the user's own group."""
    if user is None:
        user = opts.get("user") or salt["file.uid_to_user"](os.geteuid())
    if group is None:
        about = salt["user.info"](user) if "user.info" in salt else {"gid": salt["file.user_to_uid"](user)}
        group = salt["file.gid_to_group"](about.get("gid", 0))
    return user, group


def octal_mode(mode: Any) -> Optional[str]:
    """Permissions as four octal digits; None stays None."""
    digits = normalize_mode(mode)
    if digits is not None and not re.fullmatch("[0-7]+", digits):
        raise Refused(f"The mode '{mode}' is not a number in octal, as 0644 is")
    return digits


def missing_file(path: str) -> str:
    """Why a file can't be edited; empty if it can."""
    if not os.path.isabs(path):
        return f"Specified file {path} is not an absolute path"
    return "" if os.path.exists(path) else f"{path}: file not found"


def texts_of(value: Any) -> List[str]:
    """One text or several, as a list of texts."""
    if isinstance(value, (str, bytes)):
        return [value.decode("utf-8") if isinstance(value, bytes) else value]
    if hasattr(value, "__iter__") and not isinstance(value, Mapping):
        return [item if isinstance(item, str) else str(item) for item in value]
    return [str(value)]


def text_lines(path: str, keepends: bool = False) -> List[str]:
    """The lines of a file."""
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape").splitlines(keepends)


def told_difference(path: str, old: List[str], new: List[str], show_changes: bool = True, glue: str = "") -> str:
    """How the lines of a file have changed, or as much as may be told."""
    if not is_text_file(path):
        return "Replace binary file"
    return glue.join(diff_lines(old, new)) if show_changes else "<show_changes=False>"


def paired_sources(source: Any, source_hash: Any, sources: Any, source_hashes: Any) -> Sources:
    """Sources, each with its digest."""
    if source and sources:
        raise Refused("source and sources are mutually exclusive")
    if source_hash and source_hashes:
        raise Refused("source_hash and source_hashes are mutually exclusive")
    if source:
        return [(source, source_hash)]
    hashes = list(source_hashes or [])
    return [(each, hashes[index] if index < len(hashes) else None) for index, each in enumerate(sources or [])]


def rendered_sources(
    salt: Salt,
    sources: Sources,
    saltenv: str,
    template: str,
    defaults: Optional[Dict[str, Any]],
    context: Optional[Dict[str, Any]],
) -> Tuple[List[str], Result]:
    """The texts that the sources make, or a failed result."""
    texts = []
    variables = {**(defaults or {}), **(context or {})}
    for source, _ in sources:
        ret = {**begun(source), "data": []}
        path = salt["cp.get_template"](source, "", template=template, saltenv=saltenv, context=variables)
        if not path:
            return [], failed(ret, f"Failed to load template file {source}")
        text = "".join(text_lines(path, keepends=True))
        if not text:
            return [], failed(ret, f"Failed to read rendered template file {path} ({source})")
        texts.append(text)
    return texts, {}
