"""Names: requisites, keywords that are no arguments of a state's function, and the tag of a chunk."""

from __future__ import annotations

from typing import Any, Dict, List

Low = Dict[str, Any]  # one call
High = Dict[str, Any]  # ID -> what is declared for it; also `__extend__` and `__exclude__`
Result = Dict[str, Any]
Running = Dict[str, Result]  # tag -> result
Chunks = List[Low]

# in the order of their weight: of several edges between states, the heaviest decides how `order` is inherited
REQUISITE_KINDS = (
    "onfail",
    "onfail_any",
    "onfail_all",
    "require",
    "require_any",
    "onchanges",
    "onchanges_any",
    "watch",
    "watch_any",
    "prereq",
    "prerequired",
    "listen",
)
REQUISITE_KEYWORDS = frozenset((*REQUISITE_KINDS, "onfail_stop"))

INTERNAL_KEYWORDS = REQUISITE_KEYWORDS | {
    "onchanges_in", "onfail_in", "prereq_in", "watch_in", "require_in", "listen_in", "use", "use_in",
    "fun", "state", "check_cmd", "cmd_opts_exclude", "failhard", "onlyif", "unless", "creates", "retry", "order",
    "parallel", "reload_modules", "reload_grains", "reload_pillar", "runas", "runas_password", "no_log", "fire_event",
    "saltenv", "umask",
    "__env__", "__sls__", "__id__", "__sls_included_from__", "__orchestration_jid__", "__prereq__", "__prerequiring__",
    "__umask__", "__agg__", "__pub_user", "__pub_arg", "__pub_jid", "__pub_fun", "__pub_tgt", "__pub_ret", "__pub_pid",
    "__pub_tgt_type",
}  # fmt: skip


def tag_of(low: Low) -> str:
    """What a result is known by."""
    return f"{low['state']}_|-{low['__id__']}_|-{low['name']}_|-{low['fun']}"


def split_tag(tag: str) -> Dict[str, str]:
    """The parts of a tag."""
    state, state_id, name, fun = tag.split("_|-")
    return {"state": state, "__id__": state_id, "name": name, "fun": fun}
