"""SELinux: contexts of files and types of ports, as the local policy has them."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional

from minion.errors import SaltInvocationError
from minion.modules import _selinux, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "selinux"

# as restorecon says it: of today, and of old
_RELABELLED = (r"^Would relabel (.*) from (.*) to (.*)$", r"^restorecon reset (.*) context (.*)->(.*)$")


def __virtual__() -> Any:
    return _selinux.usable(__grains__.get("kernel"))


def filetype_id_to_string(filetype: str = "a") -> str:
    """What a letter for a kind of files stands for.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.filetype_id_to_string f
    """
    return _selinux.file_type(filetype)


def fcontext_get_policy(
    name: str,
    filetype: Optional[str] = None,
    sel_type: Optional[str] = None,
    sel_user: Optional[str] = None,
    sel_level: Optional[str] = None,
) -> Optional[Dict[str, str]]:
    """The context that files are to have; None if the policy has no such entry.

    Args:
        name: the regular expression of the entry.
        filetype: a letter: a (all), f (regular), d (directory), c, b, s, l, p.
        sel_type, sel_user, sel_level: only if they are so.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.fcontext_get_policy my-policy
    """
    kind = _selinux.file_type(filetype) if filetype else None
    for entry in _entries(name):
        if _selinux.fits(entry, filetype=kind, sel_type=sel_type, sel_user=sel_user, sel_level=sel_level):
            return entry
    return None


def _entries(name: str) -> List[Dict[str, str]]:
    """The entries for a regular expression; files without a context (<<None>>) are left out."""
    found = []
    kinds = "|".join(_selinux.FILE_TYPES.values())
    pattern = re.compile(rf"^{re.escape(name)}\s+({kinds})\s+([^:\s]+:[^:]+:[^:]+:\S+)\s*$")
    for line in _tools.lines(__salt__, ["semanage", "fcontext", "--list"]):
        match = pattern.match(line)
        if match:
            found.append({"filespec": name, "filetype": match.group(1), **_selinux.context(match.group(2))})
    return found


def fcontext_add_policy(
    name: str,
    filetype: Optional[str] = None,
    sel_type: Optional[str] = None,
    sel_user: Optional[str] = None,
    sel_level: Optional[str] = None,
) -> Dict[str, Any]:
    """Adds an entry, or changes the one there is; what `cmd.run_all` says.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.fcontext_add_policy '/srv/www(/.*)?' sel_type=httpd_sys_content_t
    """
    kind = _selinux.file_type(filetype) if filetype else None
    known = any(_selinux.fits(entry, filetype=kind) for entry in _entries(name))
    return _change_entry("modify" if known else "add", name, filetype, sel_type, sel_user, sel_level)


def fcontext_delete_policy(
    name: str,
    filetype: Optional[str] = None,
    sel_type: Optional[str] = None,
    sel_user: Optional[str] = None,
    sel_level: Optional[str] = None,
) -> Dict[str, Any]:
    """Removes an entry; what `cmd.run_all` says.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.fcontext_delete_policy '/srv/www(/.*)?'
    """
    return _change_entry("delete", name, filetype, sel_type, sel_user, sel_level)


def _change_entry(
    action: str,
    name: str,
    filetype: Optional[str],
    sel_type: Optional[str],
    sel_user: Optional[str],
    sel_level: Optional[str],
) -> Dict[str, Any]:
    words = ["semanage", "fcontext", f"--{action}"]
    if filetype is not None and filetype != "a":
        _selinux.file_type(filetype)
        words += ["--ftype", filetype]
    for option, value in (("--type", sel_type), ("--seuser", sel_user), ("--range", sel_level)):
        words += [option, value] if value is not None else []
    return _tools.result(__salt__, [*words, "--", name])


def _restorecon(name: str, recursive: bool, *flags: str) -> Dict[str, Any]:
    return _tools.result(__salt__, ["restorecon", "-v", *flags, *(["-R"] if recursive else []), "--", name])


def fcontext_policy_is_applied(name: str, recursive: bool = False) -> str:
    """What would be relabelled; "" if all is as the policy has it.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.fcontext_policy_is_applied my-policy
    """
    return str(_restorecon(name, recursive, "-n")["stdout"])


def fcontext_apply_policy(name: str, recursive: bool = False) -> Dict[str, Any]:
    """Gives files the contexts of the policy; what `cmd.run_all` says, and the `changes`.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.fcontext_apply_policy my-policy
    """
    expected = fcontext_policy_is_applied(name, recursive)
    done = _restorecon(name, recursive, "-F")
    if done["retcode"]:
        return done
    found = [match for pattern in _RELABELLED for match in re.findall(pattern, expected, re.M)]
    if expected and not found:
        return {**done, "retcode": 1, "error": "Unrecognized response from restorecon command."}
    changes = {path: _selinux.difference(old, new) for path, old, new in found}
    return {**done, "changes": changes} if changes else done


def port_get_policy(
    name: str, sel_type: Optional[str] = None, protocol: Optional[str] = None, port: Any = None
) -> Optional[Dict[str, str]]:
    """The type of a port; None if the policy has no such entry.

    Args:
        name: protocol and port or ports, as tcp/8080 or udp/100-200; or anything, if the next two are given.
        sel_type: only if it is this.
        protocol, port: if they are not in the name.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.port_get_policy tcp/80
    """
    protocol, port = _selinux.port(name, protocol, port)
    for line in _tools.lines(__salt__, ["semanage", "port", "--list"]):
        words = line.split(None, 2)
        if len(words) < 3 or words[1] != protocol or (sel_type and words[0] != sel_type):
            continue
        if port in [part.strip() for part in words[2].split(",")]:
            return {"sel_type": words[0], "protocol": protocol, "port": words[2].strip()}
    return None


def port_add_policy(
    name: str,
    sel_type: Optional[str] = None,
    protocol: Optional[str] = None,
    port: Any = None,
    sel_range: Optional[str] = None,
) -> Dict[str, Any]:
    """Gives a port a type; what `cmd.run_all` says.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.port_add_policy tcp/8080 http_port_t
    """
    if not sel_type:
        raise SaltInvocationError("SELinux Type is required to add a policy")
    return _change_port("add", name, sel_type, protocol, port, sel_range)


def port_modify_policy(
    name: str,
    sel_type: Optional[str] = None,
    protocol: Optional[str] = None,
    port: Any = None,
    sel_range: Optional[str] = None,
) -> Dict[str, Any]:
    """Gives a port another type; what `cmd.run_all` says.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.port_modify_policy tcp/8080 http_port_t
    """
    return _change_port("modify", name, sel_type, protocol, port, sel_range)


def port_delete_policy(name: str, protocol: Optional[str] = None, port: Any = None) -> Dict[str, Any]:
    """Takes its type from a port; what `cmd.run_all` says.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.port_delete_policy tcp/8080
    """
    return _change_port("delete", name, None, protocol, port, None)


def _change_port(
    action: str, name: str, sel_type: Optional[str], protocol: Optional[str], port: Any, sel_range: Optional[str]
) -> Dict[str, Any]:
    protocol, port = _selinux.port(name, protocol, port)
    words = ["semanage", "port", f"--{action}", "--proto", protocol]
    for option, value in (("--type", sel_type), ("--range", sel_range)):
        words += [option, value] if value else []
    return _tools.result(__salt__, [*words, "--", port])
