"""SELinux: contexts of files and types of ports, in the local policy."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "selinux"


def __virtual__() -> Any:
    return True if "selinux.getenforce" in __salt__ else (False, "selinux module could not be loaded")


def fcontext_policy_present(
    name: str, sel_type: str, filetype: str = "a", sel_user: Optional[str] = None, sel_level: Optional[str] = None
) -> Result:
    """Sees to it that the policy knows the context of files. The files get it by `selinux.fcontext_policy_applied`.

    Args:
        name: a regular expression for paths.
        sel_type: the type.
        filetype: a letter: a (all), f (regular), d (directory), c, b, s, l, p.
        sel_user, sel_level: user and level.
    """
    ret, about = begun(name), {"filetype": filetype, "sel_type": sel_type, "sel_user": sel_user, "sel_level": sel_level}
    kind = __salt__["selinux.filetype_id_to_string"](filetype)
    if __salt__["selinux.fcontext_get_policy"](name=name, **about):
        what = f'with specified filetype "{kind}" and sel_type "{sel_type}".'
        return {**ret, "comment": f'SELinux policy for "{name}" already present {what}'}
    if __opts__["test"]:
        return predicted(ret, "")
    done = __salt__["selinux.fcontext_add_policy"](name=name, **about)
    if done["retcode"]:
        return failed(ret, f"Error adding new rule: {done}")
    return {**ret, "changes": {"old": {}, "new": {name: {"filetype": kind, "sel_type": sel_type}}}}


def fcontext_policy_absent(
    name: str,
    filetype: str = "a",
    sel_type: Optional[str] = None,
    sel_user: Optional[str] = None,
    sel_level: Optional[str] = None,
) -> Result:
    """Sees to it that the policy has no such entry for files.

    Args:
        name: a regular expression for paths.
        filetype: a letter: a (all), f (regular), d (directory), c, b, s, l, p.
        sel_type, sel_user, sel_level: only if they are so.
    """
    ret, about = begun(name), {"filetype": filetype, "sel_user": sel_user, "sel_level": sel_level}
    found = __salt__["selinux.fcontext_get_policy"](name=name, sel_type=sel_type, **about)
    if not found:
        what = f'with specified filetype "{filetype}" and sel_type "{sel_type}".'
        return {**ret, "comment": f'SELinux policy for "{name}" already absent {what}'}
    changes = {"old": {name: found}, "new": {}}
    if __opts__["test"]:
        return predicted(ret, "", **changes)
    done = __salt__["selinux.fcontext_delete_policy"](name=name, sel_type=sel_type or found["sel_type"], **about)
    if done["retcode"]:
        return failed(ret, f"Error removing policy: {done}")
    return {**ret, "changes": changes}


def fcontext_policy_applied(name: str, recursive: bool = False) -> Result:
    """Sees to it that files have the context that the policy has for them.

    Args:
        name: a path.
        recursive: and all below it.
    """
    ret = begun(name)
    if not __salt__["selinux.fcontext_policy_is_applied"](name, recursive):
        return {**ret, "comment": f'SElinux policies are already applied for filespec "{name}"'}
    if __opts__["test"]:
        return predicted(ret, "")
    done = __salt__["selinux.fcontext_apply_policy"](name, recursive)
    if done["retcode"]:
        return failed(ret, done.get("error") or done["stderr"] or f"restorecon failed on {name}")
    return {**ret, "changes": done.get("changes") or {}}


def port_policy_present(
    name: str, sel_type: str, protocol: Optional[str] = None, port: Any = None, sel_range: Optional[str] = None
) -> Result:
    """Sees to it that a port has a type.

    Args:
        name: protocol and port or ports, as tcp/8080 or udp/100-200; or anything, if they are given apart.
        sel_type: the type.
        protocol, port: if they are not in the name.
        sel_range: the level.
    """
    ret, where = begun(name), {"protocol": protocol, "port": port}
    try:
        if __salt__["selinux.port_get_policy"](name=name, sel_type=sel_type, **where):
            return {**ret, "comment": _about_port("present", ret, sel_type, where)}
        if __opts__["test"]:
            return predicted(ret, "")
        old = __salt__["selinux.port_get_policy"](name=name, **where)
        verb = "modify" if old else "add"
        change = __salt__[f"selinux.port_{verb}_policy"]
        done = change(name=name, sel_type=sel_type, sel_range=sel_range, **where)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if done["retcode"]:
        return failed(ret, f"Error adding new policy: {done}")
    new = __salt__["selinux.port_get_policy"](name=name, sel_type=sel_type, **where)
    return {**ret, "changes": {"old": old, "new": new}}


def _about_port(how: str, ret: Result, sel_type: Optional[str], where: Dict[str, Any]) -> str:
    what = f'sel_type "{sel_type}", protocol "{where["protocol"]}" and port "{where["port"]}".'
    return f'SELinux policy for "{ret["name"]}" already {how} with specified {what}'


def port_policy_absent(
    name: str, sel_type: Optional[str] = None, protocol: Optional[str] = None, port: Any = None
) -> Result:
    """Sees to it that a port has no type.

    Args:
        name: protocol and port or ports, as tcp/8080 or udp/100-200; or anything, if they are given apart.
        sel_type: only if it is this.
        protocol, port: if they are not in the name.
    """
    ret, where = begun(name), {"protocol": protocol, "port": port}
    try:
        old = __salt__["selinux.port_get_policy"](name=name, sel_type=sel_type, **where)
        if not old:
            return {**ret, "comment": _about_port("absent", ret, sel_type, where)}
        if __opts__["test"]:
            return predicted(ret, "")
        done = __salt__["selinux.port_delete_policy"](name=name, **where)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if done["retcode"]:
        return failed(ret, f"Error deleting policy: {done}")
    new = __salt__["selinux.port_get_policy"](name=name, sel_type=sel_type, **where)
    return {**ret, "changes": {"old": old, "new": new}}
