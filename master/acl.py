"""Which operator may do what.

An operator is who the kernel says is at the other end of the control socket. Root and the user that the master runs as
may do everything; others what `publisher_acl` allows them, function by function and minion by minion.
"""

from __future__ import annotations

import fnmatch
import grp
import os
import pwd
import re
import socket
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from master.errors import Refused

_CREDENTIALS = struct.Struct("3i")
ANYWHERE = "/"  # stands for a minion of any id; none has this one


@dataclass(frozen=True)
class Operator:
    """Who is asking.

    Attributes:
        name: the user's name.
        full: whether everything is allowed.
        groups: names of the user's groups.
    """

    name: str
    full: bool
    groups: frozenset[str] = frozenset()


def operator_of(connection: socket.socket) -> Operator:
    """The operator at the other end of a Unix socket, as the kernel knows him."""
    _, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    if uid in (0, os.geteuid()):
        return Operator(name, True)
    return Operator(name, False, frozenset(_group_names(name, gid)))


def _group_names(user: str, gid: int) -> list[str]:
    names = []
    for number in os.getgrouplist(user, gid):
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return names


def user_field(operator: Operator, claimed: object) -> str:
    """The `user` of a job: the operator's name; root may add who used sudo, which is for the records only."""
    if operator.full and isinstance(claimed, str) and re.fullmatch(r"sudo_[A-Za-z0-9_.@-]{1,64}", claimed, re.ASCII):
        return claimed
    return operator.name


def rules_of(operator: Operator, publisher_acl: Mapping[str, Any]) -> list[Any]:
    """The rules that apply to an operator: by name, by glob of names, by `%group` or `group%`."""
    rules: list[Any] = []
    for who, allowed in publisher_acl.items():
        group = str(who).strip("%") if str(who).startswith("%") or str(who).endswith("%") else None
        if group in operator.groups if group is not None else fnmatch.fnmatchcase(operator.name, str(who)):
            rules += allowed if isinstance(allowed, list) else [allowed]
    return rules


def authorize_functions(
    operator: Operator, functions: Sequence[str], publisher_acl: Mapping[str, Any], blacklist: Mapping[str, Any]
) -> None:
    """Refuses who may not run one of the functions anywhere; asked before anybody looks at the target.

    Raises:
        Refused: see `authorize`.
    """
    authorize(operator, functions, (ANYWHERE,), publisher_acl, blacklist)


def authorize(
    operator: Operator,
    functions: Sequence[str],
    minions: Collection[str],
    publisher_acl: Mapping[str, Any],
    blacklist: Mapping[str, Any],
) -> None:
    """Lets the operator run all of the functions on all of the minions, or refuses.

    Args:
        operator: who.
        functions: what, every function of the job.
        minions: where, as the target was resolved; nobody is no permission.
        publisher_acl: the rules: lists of function patterns, or of `{id pattern: function patterns}`.
        blacklist: `users` and `modules` patterns that are refused to everybody but root.

    Raises:
        Refused: with a text that names what was refused.
    """
    if operator.full:
        return
    users, modules = blacklist.get("users") or [], blacklist.get("modules") or []
    denied = any(_matches(str(pattern), operator.name) for pattern in users)
    denied = denied or any(_matches(str(pattern), name) for pattern in modules for name in functions)
    rules = rules_of(operator, publisher_acl)
    if tuple(functions) == ("saltutil.find_job",) and rules and not denied:
        return
    allowed = bool(functions) and bool(minions)
    allowed = allowed and all(_allowed(rules, name, minion) for name in functions for minion in minions)
    if denied or not allowed:
        raise Refused(f"user {operator.name} may not run {', '.join(functions)} on this target")


def _allowed(rules: Sequence[Any], function: str, minion_id: str) -> bool:
    for rule in rules:
        if isinstance(rule, str) and _matches(rule, function):
            return True
        if isinstance(rule, dict):
            for pattern, functions in rule.items():
                listed = functions if isinstance(functions, list) else [functions]
                if _matches_id(str(pattern), minion_id) and any(
                    isinstance(name, str) and _matches(name, function) for name in listed
                ):
                    return True
    return False


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False


def _matches_id(pattern: str, minion_id: str) -> bool:
    return minion_id == ANYWHERE or fnmatch.fnmatchcase(minion_id, pattern) or _matches(pattern, minion_id)
