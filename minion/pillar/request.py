"""What is asked of whoever compiles pillars."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping, Optional

Pillar = Dict[str, Any]


@dataclasses.dataclass(frozen=True)
class PillarRequest:
    """For whom a pillar is compiled, and how.

    Attributes:
        minion_id: the minion; it has proved who it is.
        grains: what it says of itself.
        saltenv, pillarenv: environments it asked for.
        override: merged over everything, as `pillar=` on the command line.
        ext: one external pillar to compile on demand, as `{name: arguments}`.
        extra_minion_data: passed to external pillars that want it.
        with_ext: compile external pillars at all.
    """

    minion_id: str
    grains: Dict[str, Any]
    saltenv: Optional[str] = None
    pillarenv: Optional[str] = None
    override: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    ext: Optional[Mapping[str, Any]] = None
    extra_minion_data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    with_ext: bool = True
