"""What a process that runs functions works with: options, grains, pillar, loaders, the way to the master."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Protocol, Tuple

from minion.executor import Executor, Progress
from minion.loader import Loader
from minion.loaders import Loaders, build_loaders, module_folders

_KINDS = ("modules", "states", "renderers", "returners", "utils")
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))


class Master(Protocol):
    """Whoever answers for the master: the master itself over a link, or this host (`--local`)."""

    def request(self, cmd: str, **load: Any) -> Any:
        """Asks and returns the reply.

        Raises:
            MasterUnreachable: no reply.
        """
        ...


class Runtime:
    """Everything that functions see.

    Args:
        opts: the minion's options; completed by what modules look for there.
        grains: facts about the host.
        pillar: what the master keeps for the minion.
        master: answers requests.
    """

    def __init__(self, opts: Dict[str, Any], grains: Dict[str, Any], pillar: Dict[str, Any], master: Master) -> None:
        self.opts, self.grains, self.pillar, self.master = opts, grains, pillar, master
        opts.setdefault("configured_grains", opts.get("grains"))
        opts.update(grains=grains, pillar=pillar, config_dir=opts["conf_dir"], __role="minion")
        self.loaders: Loaders = build_loaders(opts, grains, pillar, master)
        self.ways = Loader("executors", _executor_folders(opts), self.loaders.dunders)

    def executor(self, progress: Progress) -> Executor:
        """Runs jobs with these modules."""
        return Executor(
            self.opts["id"],
            self.loaders.modules,
            self.ways,
            self.opts,
            self.grains,
            self.pillar,
            self.loaders.dunders["__context__"],
            progress,
        )

    def preload(self, modules: Iterable[str]) -> None:
        """Loads some of our own modules ahead of need; a user's module of that name waits until it is called."""
        for loader in self.loaders.kinds:
            loader.look()
        self.loaders.modules.preload(modules, below=_OWN_FOLDER)
        self.ways.preload(["direct_call"], below=_OWN_FOLDER)


def signature(opts: Mapping[str, Any]) -> Tuple[int, ...]:
    """Changes when module files appear or go in a folder of the user's."""
    folders = [folder for kind in _KINDS for folder in module_folders(kind, opts)[:-1]]
    return tuple(_changed(folder) for folder in [*folders, *_executor_folders(opts)[:-1]])


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _executor_folders(opts: Mapping[str, Any]) -> List[str]:
    synced = os.path.join(str(opts["extension_modules"]), "executors")
    return [*map(str, opts.get("executor_dirs") or ()), synced, os.path.join(_OWN_FOLDER, "executors")]
