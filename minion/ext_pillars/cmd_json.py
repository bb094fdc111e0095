"""Pillar data that a command prints as JSON.

ext_pillar:
  - cmd_json: /usr/local/bin/pillar-of %s
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict

from minion.ext_pillars._command import parsed_output

__salt__: Dict[str, Callable[..., Any]]


def ext_pillar(minion_id: str, pillar: Dict[str, Any], command: str) -> Any:
    """What the command prints; `%s` in it becomes the minion id. No shell is involved: pipes need `sh -c '...'`."""
    return parsed_output(__salt__, command, minion_id, json.loads, "JSON", in_shell=False)
