"""A host that is its own master; functions are called as salt-call calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from minion import config
from minion.arguments import condense, parse_args
from minion.caller import Caller, options_of
from minion.executor import Outcome
from minion.loaders import Loaders
from minion.local import LocalMaster

GRAINS: Dict[str, Any] = {
    "id": "box-one",
    "kernel": "Linux",
    "os": "Debian",
    "os_family": "Debian",
    "osrelease": "12",
    "osmajorrelease": 12,
    "oscodename": "bookworm",
    "init": "systemd",
    "path": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


class Box:
    """The host.

    Args:
        root: everything lies below: the master's files in `srv`, pillar in `pillar`.
        opts: differ from the defaults.
    """

    def __init__(self, root: Path, opts: Optional[Mapping[str, Any]] = None) -> None:
        self.root = root
        self.grains = dict(GRAINS)
        self._overrides: Dict[str, Any] = {
            "id": "box-one",
            "root_dir": str(root / "host"),
            "conf_dir": str(root / "host/etc/salt"),
            "file_client": "local",
            "local": True,
            "file_roots": {"base": [str(root / "srv")]},
            "pillar_roots": {"base": [str(root / "pillar")]},
            **(opts or {}),
        }
        for name in ("srv", "pillar", "host/etc/salt"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def write(self, files: Mapping[str, str]) -> None:
        """Writes files, by paths below the root."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def opts(self) -> Dict[str, Any]:
        """Fresh options."""
        return options_of(config.load(str(self.root / "host/etc/salt/minion"), self._overrides))

    def caller(self) -> Caller:
        """Calls functions in one process; pillar is compiled now."""
        opts, grains = self.opts(), dict(self.grains)
        return Caller(opts, grains, LocalMaster(opts, grains))

    def loaders(self) -> Loaders:
        """All modules."""
        return self.caller().runtime.loaders

    def run(self, fun: str, *words: str) -> Outcome:
        """Calls a function with words of a command line, in a new process as it were."""
        return self.caller().call(fun, condense(*parse_args(words))).outcome

    def call(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a function with values; raises what it raises."""
        return self.loaders().modules[fun](*args, **kwargs)
