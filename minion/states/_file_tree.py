"""What of the master's folders `file.recurse` puts into a folder of the minion."""

from __future__ import annotations

import dataclasses
import os
import posixpath
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from minion.errors import CommandExecutionError
from minion.files import urls
from minion.files.client import check_include_exclude
from minion.states._file import Salt, texts_of


@dataclasses.dataclass
class Tree:
    """Paths on the minion."""

    files: Dict[str, str] = dataclasses.field(default_factory=dict)  # path -> URL
    folders: Set[str] = dataclasses.field(default_factory=set)
    links: Dict[str, str] = dataclasses.field(default_factory=dict)  # path -> where it leads
    kept: Set[str] = dataclasses.field(default_factory=set)  # what `clean` must not remove


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which of the master's files are wanted; the fields are arguments of `file.recurse`."""

    keep_symlinks: bool = False
    include_pat: Any = None
    exclude_pat: Any = None
    maxdepth: Optional[int] = None
    include_empty: bool = False
    merge: bool = False


def sources_present(salt: Salt, source: Any, saltenv: str) -> List[str]:
    """Those of the sources that are folders of the master's.

    Raises:
        CommandExecutionError: none is, or one is no `salt://` URL.
    """
    sources = [each.rstrip("/") for each in texts_of(source)]
    folders: Dict[str, Set[str]] = {}
    found = []
    for each in sources:
        if not each.startswith(urls.SCHEME):
            raise CommandExecutionError(f"Invalid source '{each}' (must be a salt:// URI)")
    for each in sources:
        path, own_env = urls.parse(each)
        env = own_env or saltenv
        if env not in folders:
            folders[env] = set(salt["cp.list_master_dirs"](saltenv=env))
        if path in folders[env]:
            found.append(each)
    if not found:
        raise CommandExecutionError("none of the specified sources were found")
    return found


def tree_of(salt: Salt, name: str, sources: List[str], saltenv: str, selection: Selection) -> Tree:
    """What the folder `name` gets from the sources: from the first, or from all if they are to be merged."""
    builder = _Builder(salt, name, selection)
    for source in sources if selection.merge else sources[:1]:
        path, own_env = urls.parse(source)
        builder.add(path.rstrip("/") + "/", own_env or saltenv)
    return builder.tree


class _Builder:
    """Collects the tree, source by source; what an earlier source has put at a place stays there."""

    def __init__(self, salt: Salt, name: str, selection: Selection) -> None:
        self._salt, self._name, self._selection = salt, name, selection
        self.tree = Tree()
        self._above: Set[str] = set()  # all folders above files
        self._under_links: Set[str] = set()  # folders whose place a link takes that was left out

    def add(self, root: str, saltenv: str) -> None:
        paths = list(self._salt["cp.list_master"](saltenv, root))
        if self._selection.keep_symlinks:
            paths = self._add_links(paths, root, saltenv)
        for path in paths:
            dest = self._destination(path, root)
            if dest and not self._is_occupied(dest):
                self.tree.kept.add(dest)
                self.tree.folders.add(os.path.dirname(dest))
                self._above.update(_parents(dest))
                self.tree.files[dest] = urls.create(path, saltenv)
        if self._selection.include_empty:
            self._add_folders(root, saltenv)
        elif self._selection.keep_symlinks:
            self._drop_links_to_empty_folders(root, saltenv)

    def _destination(self, path: str, root: str) -> str:
        """Where a file of the master's goes; "" if it is not wanted."""
        relative = posixpath.relpath(path, root) if path.strip() else ".."
        selection = self._selection
        too_deep = selection.maxdepth is not None and relative.strip("/").count("/") > selection.maxdepth
        if too_deep or ".." in relative.split("/"):
            return ""
        wanted = check_include_exclude(relative, selection.include_pat, selection.exclude_pat)
        return os.path.join(self._name, os.path.normpath(relative)) if wanted else ""

    def _is_occupied(self, dest: str) -> bool:
        tree = self.tree
        return dest in self._above or any(path in tree.files or path in tree.links for path in (dest, *_parents(dest)))

    def _add_links(self, paths: List[str], root: str, saltenv: str) -> List[str]:
        """Adds the master's links; the paths of files that remain, which do not lie behind one."""
        for link, target in self._salt["cp.list_master_symlinks"](saltenv, root).items():
            is_folder = any(path.startswith(f"{link}/") for path in paths)
            paths = [path for path in paths if path != link and not path.startswith(f"{link}/")]
            dest = self._destination(link, root)
            if not dest or self._is_occupied(dest):
                continue
            leads_to = _followed(dest, target)
            if is_folder and leads_to in self.tree.files:
                self._under_links.add(dest)
            elif is_folder or leads_to not in self.tree.folders:
                self.tree.links[dest] = target
                self.tree.kept.add(dest)
        return paths

    def _add_folders(self, root: str, saltenv: str) -> None:
        for path in self._salt["cp.list_master_dirs"](saltenv, root):
            dest = self._destination(path, root)
            if dest and dest not in self._under_links and not self._is_occupied(dest):
                self.tree.folders.add(dest)
                self._above.add(dest)
                self.tree.kept.add(dest)

    def _drop_links_to_empty_folders(self, root: str, saltenv: str) -> None:
        folders = set(self._salt["cp.list_master_dirs"](saltenv, root))
        links = self.tree.links
        dropped: List[str] = [""]
        while dropped:
            dropped = [link for link, target in links.items() if self._leads_nowhere(target, root, folders)]
            for link in dropped:
                del links[link]

    def _leads_nowhere(self, target: str, root: str, folders: Set[str]) -> bool:
        if posixpath.normpath(posixpath.join(root, target)) not in folders:
            return False
        dest = os.path.normpath(os.path.join(self._name, target))
        return dest not in self.tree.files and dest not in self._above and dest not in self.tree.links


def _parents(path: str) -> Iterator[str]:
    """The folders above a path."""
    while os.path.dirname(path) != path:
        path = os.path.dirname(path)
        yield path


def _followed(link: str, target: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(link), target))


def in_order(links: Dict[str, str]) -> List[Tuple[str, str]]:
    """Links and where they lead; one that leads to another comes after it."""
    ordered: Dict[str, str] = {}

    def add(link: str, chain: Tuple[str, ...] = ()) -> None:
        behind = _followed(link, links[link])
        if behind in links and behind not in ordered and behind not in chain:
            add(behind, (*chain, link))
        ordered[link] = links[link]

    for link in links:
        if link not in ordered:
            add(link)
    return list(ordered.items())
