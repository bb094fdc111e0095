"""Top data from an external node classifier, a command that prints YAML:

classes: [basepackages, database]     # or a mapping whose keys count
environment: base

master_tops:
  ext_nodes: cobbler-ext-nodes
"""

from __future__ import annotations

import shlex
import subprocess
from typing import Any, Dict, List

from minion import yamlio
from minion.errors import CommandExecutionError

__opts__: Dict[str, Any]

_PATIENCE = 60  # seconds that the command may take


def __virtual__() -> Any:
    return bool(__opts__["master_tops"].get("ext_nodes")), "master_tops has no ext_nodes"


def top(**kwargs: Any) -> Dict[str, List[str]]:
    """What the command says of the minion, whose id is its last argument.

    Raises:
        CommandExecutionError: it failed, or printed something else.
    """
    command = shlex.split(__opts__["master_tops"]["ext_nodes"])
    try:
        ran = subprocess.run(
            [*command, kwargs["opts"]["id"]], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise CommandExecutionError(f"{command[0]} can't be run: {exc}") from None
    if ran.returncode:
        raise CommandExecutionError(f"{command[0]} ended with exit code {ran.returncode}")
    try:
        node = yamlio.load(ran.stdout) or {}
        classes = node.get("classes")
        saltenv = str(node.get("environment", "base"))
    except (yamlio.YAMLError, ValueError, AttributeError):
        raise CommandExecutionError(f"{command[0]} did not print a mapping in YAML") from None
    return {saltenv: list(classes)} if isinstance(classes, (dict, list)) else {}
