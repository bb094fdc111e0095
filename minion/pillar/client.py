"""Asks the master to render a pillar."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Protocol

from minion.data import chosen_parts
from minion.errors import CommandExecutionError


class Master(Protocol):
    """Whoever takes requests for the master."""

    def request(self, cmd: str, **load: Any) -> Any: ...


def fetch_pillar(
    master: Master,
    opts: Mapping[str, Any],
    grains: Mapping[str, Any],
    saltenv: Optional[str] = None,
    pillarenv: Optional[str] = None,
    override: Optional[Mapping[str, Any]] = None,
    ext: Optional[Mapping[str, Any]] = None,
) -> Dict[str, Any]:
    """A fresh pillar of this minion.

    Args:
        master: takes the request.
        opts: the minion's options; they give the environments that are not named here.
        grains: facts about the host, which pillar files may use.
        saltenv: environment of the files that the pillar refers to.
        pillarenv: the only environment of the pillar to render; all of them if there is none.
        override: values that win over the pillar's.
        ext: one more external pillar, if the master allows it.

    Raises:
        CommandExecutionError: the master's answer is no pillar.
    """
    if pillarenv is None:
        pillarenv = opts.get("pillarenv")
        if opts.get("pillarenv_from_saltenv"):
            pillarenv = saltenv or opts.get("saltenv")
    load: Dict[str, Any] = {"ext": ext} if ext else {}
    pillar = master.request(
        "_pillar",
        grains=dict(grains),
        saltenv=saltenv or opts.get("saltenv"),
        pillarenv=pillarenv,
        pillar_override=dict(override or {}),
        extra_minion_data=chosen_parts(opts, opts.get("pass_to_ext_pillars") or ()),
        ver="2",
        **load,
    )
    if not isinstance(pillar, dict):
        raise CommandExecutionError(
            f"The master gave no pillar for {opts.get('id')!r} but {type(pillar).__name__}; its log says why"
        )
    return pillar
