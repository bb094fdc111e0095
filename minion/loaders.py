"""The loaders of one job: execution modules, states, renderers, returners, utils, and the names they share."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Mapping, Optional, cast

from minion.loader import Loader
from minion.rendering import Renderers
from transports.records import Record

if TYPE_CHECKING:
    from minion.files.client import FileClient

_HERE = os.path.dirname(os.path.abspath(__file__))

# kind -> the option that names further folders of the user's
_FOLDER_OPTIONS = {
    "modules": "module_dirs",
    "states": "states_dirs",
    "renderers": "render_dirs",
    "returners": "returner_dirs",
    "utils": "utils_dirs",
    "grains": "grains_dirs",
    "pillar": "pillar_dirs",
    "tops": "tops_dirs",
    "sdb": "sdb_dirs",
}
_OWN_FOLDERS = {"pillar": "ext_pillars"}  # minion/pillar/compiler.py is the compiler


class Loaders(Record):
    """Modules of all kinds; they share `dunders`, so that `__salt__` is the same everywhere."""

    modules: Loader
    states: Loader
    renderers: Renderers
    returners: Loader
    utils: Loader
    files: FileClient
    dunders: Dict[str, Any]
    kinds: List[Loader]

    def inject(self, name: str, value: Any) -> None:
        """Sets one dunder in all modules, loaded or not."""
        for loader in self.kinds:
            loader.inject(name, value)

    @contextlib.contextmanager
    def replaced(self, **dunders: Any) -> Iterator[None]:
        """Other values of dunders, given without their underscores, for a while: `replaced(pillar={...})`."""
        names = {f"__{name}__": value for name, value in dunders.items()}
        before = {name: self.dunders.get(name) for name in names}
        try:
            for name, value in names.items():
                self.inject(name, value)
            yield
        finally:
            for name, value in before.items():
                self.inject(name, value)

    def refresh(self) -> None:
        """Forgets loaded modules and looks at the folders again, after a sync or `reload_modules`."""
        for loader in self.kinds:
            loader.refresh()


class _Files:
    """The file client, made when somebody needs it: most jobs don't, and it takes longer to load than they to run."""

    def __init__(self, opts: Mapping[str, Any], master: Any) -> None:
        self._opts, self._master = opts, master
        self._made: Optional[FileClient] = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            from minion.files.client import FileClient

            self._made = FileClient(self._opts, self._master)
        return getattr(self._made, name)


def module_folders(kind: str, opts: Mapping[str, Any]) -> List[str]:
    """Where modules of a kind lie: the user's configured folders, then synced ones, then our own."""
    synced = opts.get("extension_modules") or os.path.join(opts.get("cachedir") or "", "extmods")
    configured = [*(opts.get(_FOLDER_OPTIONS[kind]) or []), *_below(opts.get("module_dirs") or [], kind)]
    return [*map(str, configured), os.path.join(synced, kind), os.path.join(_HERE, _OWN_FOLDERS.get(kind, kind))]


def _below(folders: Iterable[Any], kind: str) -> List[str]:
    """Folders of one kind below folders that have modules of all kinds."""
    return [os.path.join(str(folder), name) for folder in folders for name in (kind, f"_{kind}")]


def build_loaders(opts: Dict[str, Any], grains: Dict[str, Any], pillar: Dict[str, Any], master: Any) -> Loaders:
    """The loaders for one job; nothing is loaded yet.

    Args:
        opts: the minion's options.
        grains: facts about the host.
        pillar: what the master keeps for the minion.
        master: answers `request(cmd, **load)`.
    """
    files = cast("FileClient", _Files(opts, master))
    dunders: Dict[str, Any] = {
        "__opts__": opts,
        "__grains__": grains,
        "__pillar__": pillar,
        "__context__": {},
        "__proxy__": {},
        "__master__": master,
        "__file_client__": files,
        "__salt_system_encoding__": "utf-8",
    }
    utils = Loader("utils", module_folders("utils", opts), dunders, disabled=opts.get("disable_utils") or ())
    modules = Loader(
        "modules",
        module_folders("modules", opts),
        dunders,
        disabled=opts.get("disable_modules") or (),
        only=opts.get("whitelist_modules") or None,
        providers=opts.get("providers") or {},
    )
    states = Loader("states", module_folders("states", opts), dunders, disabled=opts.get("disable_states") or ())
    renderers = Loader("renderers", module_folders("renderers", opts), dunders)
    returners = Loader(
        "returners", module_folders("returners", opts), dunders, disabled=opts.get("disable_returners") or ()
    )
    dunders.update(__salt__=modules, __states__=states, __utils__=utils)
    loaders = Loaders(
        modules=modules,
        states=states,
        renderers=Renderers(renderers),
        returners=returners,
        utils=utils,
        files=files,
        dunders=dunders,
        kinds=[modules, states, renderers, returners, utils],
    )
    dunders["__loaders__"] = loaders
    return loaders
