"""The SSHRoad process: serves the hosts of the roster, see `ssh.daemon`."""

from __future__ import annotations

from master.config import MasterSettings
from master.parts import Parts


def run(settings: MasterSettings, parts: Parts) -> None:
    """Serves until the process is ended."""
    from ssh.daemon import run as serve  # what it needs is loaded here and in no other process of the master

    serve(settings, parts)
