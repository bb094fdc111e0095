"""What iptables and nftables share: arguments of states that are no part of a rule."""

from __future__ import annotations

from typing import Any, Dict, Mapping

_REQUISITES = ("require", "watch", "prereq", "onchanges", "onfail", "use", "listen")
_OF_STATES = {
    *_REQUISITES,
    *(f"{name}_in" for name in _REQUISITES),
    *(f"{name}_any" for name in _REQUISITES),
    *(f"{name}_all" for name in _REQUISITES),
    *("aggregate", "check_cmd", "failhard", "fire_event", "fun", "id", "names", "onlyif", "order", "parallel"),
    *("prerequired", "reload_grains", "reload_modules", "reload_pillar", "retry", "runas", "runas_password"),
    *("saltenv", "sfun", "state", "unless", "umask", "creates", "no_log", "onfail_stop", "cmd_opts_exclude"),
    *("chain", "name", "save", "table"),
}


def of_rule(kwargs: Mapping[str, Any]) -> Dict[str, Any]:
    """The arguments that belong to a rule; `target` is another word for `jump`."""
    found = {key: value for key, value in kwargs.items() if key not in _OF_STATES and not key.startswith("__")}
    if "target" in found:
        found["jump"] = found.pop("target")
    return found
