"""Pillar data that a command prints as YAML.

ext_pillar:
  - cmd_yaml: /usr/local/bin/pillar-of %s
"""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion import yamlio
from minion.ext_pillars._command import parsed_output

__salt__: Dict[str, Callable[..., Any]]


def ext_pillar(minion_id: str, pillar: Dict[str, Any], command: str) -> Any:
    """What the command, a line for the shell, prints; `%s` in it becomes the minion id."""
    return parsed_output(__salt__, command, minion_id, yamlio.load, "YAML", in_shell=True)
