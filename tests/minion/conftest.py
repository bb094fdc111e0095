"""A loader of the real execution modules over a scratch root that is its own master, as a job process has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest

import minion
from minion.files.client import FileClient
from minion.loader import Loader
from minion.local import LocalMaster
from tests.minion.pillar_lab import PillarLab

FOLDER = Path(minion.__file__).parent


def make_modules(root: Path, **opts: Any) -> Loader:
    """Execution modules with an empty pillar, few grains and every path below `root`."""
    dunders: Dict[str, Any] = {
        "__opts__": {
            "id": "box",
            "root_dir": str(root),
            "cachedir": str(root / "cache"),
            "file_roots": {"base": [str(root / "srv")]},
            "pillar_roots": {"base": [str(root / "pillar")]},
            "file_client": "local",
            "hash_type": "sha256",
            "renderer": "jinja|yaml",
            "saltenv": None,
            "pillarenv": None,
            "test": False,
            **opts,
        },
        "__grains__": {
            "id": "box",
            "kernel": "Linux",
            "os": "Debian",
            "os_family": "Debian",
            "osrelease": "12",
            "osmajorrelease": 12,
            "oscodename": "bookworm",
            "init": "systemd",
        },
        "__pillar__": {},
        "__context__": {},
        "__utils__": {},
    }
    modules = Loader("modules", [str(FOLDER / "modules")], dunders)
    modules.inject("__salt__", modules)
    master = LocalMaster(dunders["__opts__"], dunders["__grains__"])
    modules.inject("__master__", master)
    modules.inject("__file_client__", FileClient(dunders["__opts__"], master))
    return modules


@pytest.fixture
def salt(tmp_path: Path) -> Iterator[Loader]:
    """`salt["file.touch"](...)` calls the real function."""
    (tmp_path / "srv").mkdir()
    (tmp_path / "cache").mkdir()
    yield make_modules(tmp_path)


Caller = Callable[..., Any]


@pytest.fixture
def pillars(tmp_path: Path) -> PillarLab:
    """`pillars.compile([{"nodegroups": None}])` gives the pillar of a minion."""
    return PillarLab(tmp_path)
