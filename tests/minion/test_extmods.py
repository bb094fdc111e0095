"""The user's own modules: brought, changed, removed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from minion.extmods import Syncer, kinds_below
from minion.files.client import FileClient
from minion.local import LocalMaster


class Tree:
    """File roots of two environments and the folder that modules are synced to."""

    def __init__(self, root: Path) -> None:
        self.root, self.target = root, root / "extmods"
        opts = {
            "id": "box",
            "cachedir": str(root / "cache"),
            "file_roots": {"base": [str(root / "base")], "dev": [str(root / "dev")]},
            "hash_type": "sha256",
        }
        for saltenv in ("base", "dev"):
            (root / saltenv).mkdir()
        self.files = FileClient(opts, LocalMaster(opts, {}))

    def write(self, path: str, text: str, saltenv: str = "base") -> None:
        place = self.root / saltenv / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def syncer(self, saltenvs: Any = ("base",), clean: bool = True, only: Any = None, never: Any = None) -> Syncer:
        return Syncer(self.files, str(self.target), saltenvs, clean, only or {}, never or {})

    def there(self, kind: str = "modules") -> dict[str, str]:
        folder = self.target / kind
        return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_brings_what_is_new_or_changed(tree: Tree):
    tree.write("_modules/a.py", "1")
    tree.write("_modules/deep/b.py", "2")
    tree.write("_modules/readme.txt", "no module")
    tree.write("_states/c.py", "3")
    assert tree.syncer().sync("modules") == (["modules.a", "modules.deep.b"], True)
    assert tree.there() == {"a.py": "1", "deep/b.py": "2"}
    assert tree.syncer().sync("modules") == ([], False)
    tree.write("_modules/a.py", "one")
    assert tree.syncer().sync("modules") == (["modules.a"], True)
    assert tree.there()["a.py"] == "one"


def test_removes_what_is_gone_with_its_folder(tree: Tree):
    tree.write("_modules/deep/b.py", "2")
    tree.syncer().sync("modules")
    (tree.root / "base/_modules/deep/b.py").unlink()
    assert tree.syncer(clean=False).sync("modules") == ([], False)
    assert tree.there() == {"deep/b.py": "2"}
    assert tree.syncer().sync("modules") == ([], True)
    assert list((tree.target / "modules").iterdir()) == []


def test_keeps_the_bytecode_of_what_stays(tree: Tree):
    tree.write("_modules/a.py", "1")
    tree.syncer().sync("modules")
    cache = tree.target / "modules/__pycache__"
    cache.mkdir()
    (cache / "a.pyc").write_text("x")
    assert tree.syncer().sync("modules") == ([], False)
    assert (cache / "a.pyc").exists()


def test_later_environment_wins(tree: Tree):
    tree.write("_modules/a.py", "base")
    tree.write("_modules/a.py", "dev", "dev")
    tree.syncer(["base", "dev"]).sync("modules")
    assert tree.there() == {"a.py": "dev"}


def test_only_and_never(tree: Tree):
    for name in "abc":
        tree.write(f"_modules/{name}.py", name)
    tree.syncer(only={"modules": ["a", "b"]}, never={"modules": ["b"]}).sync("modules")
    assert list(tree.there()) == ["a.py"]


def test_modules_are_private(tree: Tree):
    tree.write("_modules/deep/a.py", "1")
    tree.syncer().sync("modules")
    assert os.stat(tree.target / "modules/deep/a.py").st_mode & 0o777 == 0o600
    assert os.stat(tree.target / "modules/deep").st_mode & 0o077 == 0


def test_master_that_names_a_path_outside(tree: Tree):
    class Liar:
        def file_list(self, saltenv: str = "base", prefix: str = "") -> list[str]:
            return ["_modules/../../../evil.py"]

        def cache_file(self, path: str, saltenv: str = "base") -> str:
            return __file__

    assert Syncer(Liar(), str(tree.target), ["base"], True, {}, {}).sync("modules") == ([], False)


def test_list_of_what_is_here(tree: Tree):
    assert kinds_below(str(tree.target)) == {}
    tree.write("_modules/a.py", "1")
    tree.write("_grains/g.py", "1")
    for kind in ("modules", "grains"):
        tree.syncer().sync(kind)
    assert kinds_below(str(tree.target)) == {"grains": ["g"], "modules": ["a"]}
