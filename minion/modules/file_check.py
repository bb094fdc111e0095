"""What would change in a managed file."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Callable, Dict, Optional, Tuple

from minion.errors import CommandExecutionError
from minion.modules._file_common import encoded, normalize_mode, remove_scratch
from minion.modules._file_diff import Comparison, Difference, content_of

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__pillar__: Dict[str, Any]
__virtualname__ = "file"


def check_managed(
    name: str,
    source: Any,
    source_hash: Any,
    source_hash_name: Optional[str],
    user: Any,
    group: Any,
    mode: Any,
    attrs: Any,
    template: Optional[str],
    context: Any,
    defaults: Any,
    saltenv: str,
    contents: Any = None,
    skip_verify: bool = False,
    seuser: Optional[str] = None,
    serole: Optional[str] = None,
    setype: Optional[str] = None,
    serange: Optional[str] = None,
    follow_symlinks: bool = False,
    **kwargs: Any,
) -> Tuple[Optional[bool], str]:
    """Tells whether a managed file is as it should be: True, or None if it would change; and what.

    The arguments are those of `file.check_managed_changes`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_managed /etc/httpd/conf.d/httpd.conf salt://http/httpd.conf \\
        '{hash_type: 'md5', 'hsum': <md5sum>}' None root root '755' None jinja True None None base
    """
    options = locals()
    changes = check_managed_changes(**options.pop("kwargs"), **options)
    if isinstance(changes, tuple):
        return changes
    if name.startswith(tempfile.gettempdir()):
        for key in ("user", "group", "mode"):
            changes.pop(key, None)
    if not changes:
        return True, f"The file {name} is in the correct state"
    lines = [f"{key}: {value}\n" for key, value in changes.items()]
    return None, "The following values are set to be changed:\n" + "".join(lines)


def check_managed_changes(
    name: str,
    source: Any,
    source_hash: Any,
    source_hash_name: Optional[str],
    user: Any,
    group: Any,
    mode: Any,
    attrs: Any,
    template: Optional[str],
    context: Any,
    defaults: Any,
    saltenv: str,
    contents: Any = None,
    skip_verify: bool = False,
    keep_mode: bool = False,
    seuser: Optional[str] = None,
    serole: Optional[str] = None,
    setype: Optional[str] = None,
    serange: Optional[str] = None,
    verify_ssl: bool = True,
    follow_symlinks: bool = False,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    new_file_diff: bool = False,
    **kwargs: Any,
) -> Any:
    """Returns what would change in a managed file: a dictionary, or `(False, <what is wrong>)`.

    Args:
        contents: what the file shall hold, if it has no source.
        keep_mode: it shall have the permissions of its source.
        new_file_diff: also tell the content of a file that does not exist yet.
        ignore_ordering, ignore_whitespace, ignore_comment_characters: if any is set, return whether there are
            changes apart from that, and the changes.

    The other arguments are those of `file.get_managed` and `file.check_perms`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_managed_changes /etc/httpd/conf.d/httpd.conf salt://http/httpd.conf \\
        '{hash_type: 'md5', 'hsum': <md5sum>}' None root root '755' None jinja True None None base
    """
    source, source_hash = __salt__["file.source_list"](source, source_hash, saltenv)
    sfn, source_sum = "", None
    if contents is None:
        about = (name, template, source, source_hash, source_hash_name, user, group, mode, attrs, saltenv, context)
        sfn, source_sum, complaint = __salt__["file.get_managed"](
            *about, defaults, skip_verify, verify_ssl=verify_ssl, **kwargs
        )
        if complaint:
            remove_scratch(sfn, __opts__)
            return False, complaint
        if keep_mode and sfn and source:
            mode = __salt__["cp.stat_file"](source, saltenv=saltenv, octal=True) or mode
    try:
        return check_file_meta(
            name,
            sfn,
            source,
            source_sum,
            user,
            group,
            mode,
            attrs,
            saltenv,
            contents,
            seuser,
            serole,
            setype,
            serange,
            verify_ssl,
            follow_symlinks,
            ignore_ordering,
            ignore_whitespace,
            ignore_comment_characters,
            new_file_diff,
        )
    finally:
        remove_scratch(sfn, __opts__)


def check_file_meta(
    name: str,
    sfn: str,
    source: Optional[str],
    source_sum: Optional[Dict[str, str]],
    user: Any,
    group: Any,
    mode: Any,
    attrs: Any,
    saltenv: str,
    contents: Any = None,
    seuser: Optional[str] = None,
    serole: Optional[str] = None,
    setype: Optional[str] = None,
    serange: Optional[str] = None,
    verify_ssl: bool = True,
    follow_symlinks: bool = False,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    new_file_diff: bool = False,
) -> Any:
    """Returns what differs between a file and what it shall be: `diff`, `user`, `group`, `mode`, ...

    Args:
        name: the file.
        sfn: the file that holds what it shall hold; fetched from `source` if empty.
        source: where that comes from.
        source_sum: the digest of that, as `file.get_source_sum` returns it.
        contents: what it shall hold, if it has no source.

    The other arguments are those of `file.check_managed_changes`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_file_meta /etc/httpd/conf.d/httpd.conf None salt://http/httpd.conf \\
        '{hash_type: 'md5', 'hsum': <md5sum>}' root root '755' None base
    """
    expected = source_sum or {}
    status = _status(name, expected.get("hash_type"), follow_symlinks)
    obfuscate = bool(__opts__.get("obfuscate_templates") or __pillar__.get("obfuscate_templates"))
    comparison = Comparison(ignore_ordering, ignore_whitespace, ignore_comment_characters, True, obfuscate)
    if not status and not new_file_diff:
        return (True, {"newfile": name}) if comparison.ignoring else {"newfile": name}
    present = name if status else os.devnull
    changes: Dict[str, Any] = {}
    found = Difference("", False)
    if "hsum" in expected and expected["hsum"].lower() != status.get("sum"):
        if not sfn and source:
            sfn = __salt__["cp.cache_file"](source, saltenv, source_hash=expected["hsum"], verify_ssl=verify_ssl)
        if sfn:
            found = _difference(lambda: comparison.of_files(present, sfn))
        else:
            changes["sum"] = "Checksum differs"
    if contents is not None:
        found = _difference(lambda: comparison.of(content_of(present), encoded(contents)))
    if found.text:
        changes["diff"] = found.text
    if status:
        changes.update(_owner_changes(status, user, group, mode))
        changes.update(_label_changes(name, attrs, seuser, serole, setype, serange))
    return (found.substantial or not status, changes) if comparison.ignoring else changes


def _difference(compare: Callable[[], Difference]) -> Difference:
    try:
        return compare()
    except CommandExecutionError as exc:
        return Difference(str(exc), True)


def _status(name: str, hash_type: Optional[str], follow_symlinks: bool) -> Dict[str, Any]:
    try:
        found: Dict[str, Any] = __salt__["file.stats"](name, hash_type=hash_type, follow_symlinks=follow_symlinks)
    except CommandExecutionError:
        return {}
    return found


def _owner_changes(status: Dict[str, Any], user: Any, group: Any, mode: Any) -> Dict[str, Any]:
    changes = {}
    if user is not None and user not in (status["user"], status["uid"]):
        changes["user"] = user
    if group is not None and group not in (status["group"], status["gid"]):
        changes["group"] = group
    mode = normalize_mode(mode)
    if mode is not None and mode != normalize_mode(status["mode"]):
        changes["mode"] = mode
    return changes


def _label_changes(name: str, attrs: Any, *context: Optional[str]) -> Dict[str, Any]:
    """Attributes and the SELinux context, as `file.check_perms` would change them."""
    changes = {}
    if attrs:
        present = (__salt__["file.lsattr"](name) or {}).get(name)
        if present is not None and set(present) - {"e"} != set(attrs) - {"e"}:
            changes["attrs"] = attrs
    if any(context):
        parts = __salt__["file.get_selinux_context"](name).split(":", 3)
        wanted = dict(zip(("user", "role", "type", "range"), context))
        if len(parts) != 4:
            changes["selinux"] = "Failed to get selinux attributes"
        else:
            differing = {key: value for (key, value), part in zip(wanted.items(), parts) if value and value != part}
            if differing:
                changes["selinux"] = differing
    return changes
