"""What minions are made of, as wheels for each Python and platform, and how a target gets them.

`platform` says what a target is, `own` makes the wheel of this project, `requirements` finds out which others belong
to it, `download` has pip fetch those, and `house` keeps and serves them all. Nothing here runs on a target.
"""

from __future__ import annotations

from master.wheelhouse.house import Release, Wheel, Wheelhouse
from master.wheelhouse.platform import Platform

__all__ = ["Platform", "Release", "Wheel", "Wheelhouse"]
