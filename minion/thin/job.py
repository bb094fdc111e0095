"""What the process of one job does on a host that is driven by SSH: like `minion.job`, but grains and pillar wait.

`minion_blackout` is not looked at: as with Salt, whoever logs in by SSH is not kept out by the host's own pillar.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from minion import running
from minion.executor import Executor, Progress
from minion.master import MasterPipe
from minion.reports import Reporter, call_returners
from minion.runtime import Runtime
from transports.messages import Job

log = logging.getLogger(__name__)

_BY_NAME = ("glob", "list", "pcre")  # decided by whoever publishes


class Lazy(Dict[str, Any]):
    """A map that is filled when it is first looked at: grains and pillar cost more than many a job.

    Args:
        load: returns what is in it.
    """

    def __init__(self, load: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__({"": None})  # json looks at the size of a map before it asks for what is in it
        self._load: Optional[Callable[[], Mapping[str, Any]]] = load

    def fill(self) -> None:
        """Looks, if nobody did."""
        if self._load is not None:
            load, self._load = self._load, None
            super().clear()
            super().update(load())

    def __reduce__(self) -> Tuple[Any, ...]:
        return dict, (dict(self.items()),)


def _filled(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    def call(self: Lazy, *args: Any, **kwargs: Any) -> Any:
        self.fill()
        return method(self, *args, **kwargs)

    call.__name__ = name
    return call


for _name in (
    "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__len__", "__eq__", "__ne__", "__repr__",
    "get", "keys", "values", "items", "copy", "pop", "popitem", "setdefault", "update", "clear", "__reversed__",
    "__or__", "__ror__", "__ior__",
):  # fmt: skip
    if hasattr(dict, _name):
        setattr(Lazy, _name, _filled(_name))


class _View:
    """What a target may ask of this host."""

    data: Mapping[str, Any] = {}

    def __init__(self, minion_id: str, grains: Mapping[str, Any], pillar: Mapping[str, Any]) -> None:
        self.id, self.grains, self.pillar = minion_id, grains, pillar


def run_job(job: Job, opts: Dict[str, Any], extmods: str, master: MasterPipe) -> None:
    """Runs a job from its target to the returners, in this process.

    Args:
        job: what to do.
        opts: the minion's options.
        extmods: digest of the user's own modules on the master; "" if there are none.
        master: the way to the master.
    """
    if extmods and not os.path.isdir(opts["extension_modules"]):
        _fetch_modules(opts, master)
    configured = opts.get("grains")
    grains = Lazy(lambda: _grains(opts, configured))
    pillar = Lazy(lambda: _pillar(opts, grains, master))
    if not _is_meant(job, opts, grains, pillar, master):
        master.request("_unmatched", jid=job.jid)
        return
    runtime = Runtime(opts, grains, pillar, master)
    path = running.enter(running.folder_of(opts["cachedir"]), job.to_wire())
    try:
        reporter = Reporter(job, runtime)
        if job.options.get("start_event"):
            reporter.started()
        result = _executor(runtime, reporter.progress).execute(job)
        master.request("_return", **result.to_wire())
        call_returners(job, result, runtime)
    finally:
        running.leave(path)


def _executor(runtime: Runtime, progress: Progress) -> Executor:
    opts, loaders = runtime.opts, runtime.loaders
    return Executor(opts["id"], loaders.modules, runtime.ways, opts, {}, {}, loaders.dunders["__context__"], progress)


def _is_meant(job: Job, opts: Mapping[str, Any], grains: Lazy, pillar: Mapping[str, Any], master: MasterPipe) -> bool:
    """Whether a target that looks at grains or pillar means this host; the master learns the grains for next time."""
    if job.tgt_type in _BY_NAME:
        return True
    from minion.matchers import match

    grains.fill()
    master.request("_minion_event", grains=dict(grains))
    return match(job.tgt, job.tgt_type, _View(opts["id"], grains, pillar), job.delimiter)


def _grains(opts: Mapping[str, Any], configured: Any) -> Dict[str, Any]:
    from minion.facts import collect_grains
    from minion.loaders import module_folders

    return collect_grains({**opts, "grains": configured}, module_folders("grains", opts)[:-1])


def _pillar(opts: Mapping[str, Any], grains: Mapping[str, Any], master: MasterPipe) -> Dict[str, Any]:
    from minion.pillar.client import fetch_pillar

    return fetch_pillar(master, opts, grains)


def _fetch_modules(opts: Mapping[str, Any], master: MasterPipe) -> None:
    """Brings the user's own modules, all or none: the folder's name is their digest."""
    import shutil

    from minion.extmods import KINDS, Syncer
    from minion.files.client import FileClient

    folder = str(opts["extension_modules"])
    scratch = f"{folder}.{os.getpid()}"
    os.makedirs(scratch, 0o700)
    try:
        syncer = Syncer(FileClient(opts, master), scratch, master.request("_file_envs") or ["base"], False, {}, {})
        for kind in KINDS:
            syncer.sync(kind)
        if not os.path.isdir(folder):
            os.rename(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
