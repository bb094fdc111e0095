"""The file server over git repositories: branches and tags are environments."""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import logging
import os
import re
from collections import OrderedDict
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from minion.errors import CommandExecutionError
from minion.files import git_tree
from minion.files.git_mirror import Mirror
from minion.files.git_remotes import Remote, is_commit, parse
from minion.files.roots import RootsOptions
from minion.files.urls import is_saltenv, path_parts

log = logging.getLogger(__name__)

_MAX_HASHES = 20_000
_MAX_LISTINGS = 64


class GitFS:
    """Serves files straight from copies of the repositories of `gitfs_remotes`; earlier remotes win.

    Args:
        opts: the options.
        fetch: bring the copies up to date at the first question, as a host that is its own master must.

    Raises:
        ConfigError: the remotes are not described as they should be.
    """

    def __init__(self, opts: Mapping[str, Any], fetch: bool = False) -> None:
        folder = os.path.join(str(opts["cachedir"]), "gitfs")
        self.mirrors = [Mirror(folder, remote) for remote in parse(opts, "gitfs", opts.get("gitfs_remotes"))]
        self._options = RootsOptions.of(opts)
        self._ignored = [re.compile(pattern) for pattern in self._options.ignore_regex]
        self._hashes: OrderedDict[Tuple[str, str], str] = OrderedDict()
        self._listings: OrderedDict[str, git_tree.Listing] = OrderedDict()
        self._open: Optional[Tuple[str, Any]] = None
        self._to_fetch = fetch

    # environments

    def envs(self) -> List[str]:
        """The names of the environments."""
        return sorted({saltenv for mirror in self._current() for saltenv in mirror.envs()})

    def _current(self) -> List[Mirror]:
        if self._to_fetch:
            self._to_fetch = False
            update(self.mirrors)
        return self.mirrors

    def _served(self, saltenv: str) -> Iterator[Tuple[Remote, Any]]:
        """(remote, folder that it serves) of all that have an environment."""
        if not is_saltenv(saltenv):
            return
        known = is_commit(saltenv) or any(saltenv in mirror.envs() for mirror in self._current())
        for mirror in self._current():
            remote = mirror.remote
            ref = remote.ref(saltenv) if (known or remote.fallback) and remote.exposes(saltenv) else None
            tree = mirror.tree(ref, remote.ref_types) if ref else None
            if tree is None and ref and remote.fallback:
                tree = mirror.tree(remote.fallback, remote.ref_types)
            top = git_tree.subfolder(tree, remote.root_of(saltenv)) if tree is not None else None
            if top is not None:
                yield remote, top

    # finding and reading

    def find(self, path: str, saltenv: str) -> Dict[str, Any]:
        """`path` (for messages), `rel`, `stat` (the mode alone) and `back` of a file; empty paths if there is none."""
        found = self._find(path, saltenv)
        if found is None:
            return {"path": "", "rel": ""}
        relative, blob = found
        return {"path": f"{saltenv}:{relative}", "rel": relative, "stat": [int(blob.filemode)], "back": "gitfs"}

    def _find(self, path: str, saltenv: str) -> Optional[Tuple[str, Any]]:
        parts = path_parts(path)
        if parts is None or self._is_ignored("/".join(parts)):
            return None
        for remote, top in self._served(saltenv):
            mount = _parts(remote.mountpoint_of(saltenv))
            if parts[: len(mount)] == mount:
                blob = git_tree.find(top, parts[len(mount) :], self._options.follow_links)
                if blob is not None:
                    return "/".join(parts), blob
        return None

    def _is_ignored(self, path: str) -> bool:
        return any(pattern.search(path) for pattern in self._ignored) or any(
            fnmatch.fnmatch(path, pattern) for pattern in self._options.ignore_glob
        )

    def hash(self, path: str, saltenv: str) -> Any:
        """`hsum` and `hash_type` of a file; "" if there is none."""
        return self.hash_and_stat(path, saltenv)[0]

    def hash_and_stat(self, path: str, saltenv: str) -> Tuple[Any, Optional[List[int]]]:
        """The hash of a file and its mode."""
        found = self._find(path, saltenv)
        if found is None:
            return "", None
        kind, blob = self._options.hash_type, found[1]
        key = (str(blob.id), kind)
        if key not in self._hashes:
            self._hashes[key] = hashlib.new(kind, memoryview(blob)).hexdigest()
            if len(self._hashes) > _MAX_HASHES:
                self._hashes.popitem(last=False)
        return {"hsum": self._hashes[key], "hash_type": kind}, [int(blob.filemode)]

    def serve(self, path: str, saltenv: str, loc: int, gzip_level: Optional[int] = None) -> Dict[str, Any]:
        """A piece of a file from `loc` on: `data`, `dest` (its relative path), and `gzip` if it is compressed."""
        found = self._find(path, saltenv)
        if found is None or loc < 0:
            return {"data": b"", "dest": ""}
        relative, blob = found
        data = bytes(self._content(blob)[loc : loc + self._options.buffer_size])
        if not data:
            self._open = None
        if gzip_level and data:
            return {"data": gzip.compress(data, int(gzip_level)), "dest": relative, "gzip": gzip_level}
        return {"data": data, "dest": relative}

    def _content(self, blob: Any) -> Any:
        """The content of the file that is asked for piece by piece is unpacked once."""
        if self._open is None or self._open[0] != str(blob.id):
            self._open = str(blob.id), memoryview(blob)
        return self._open[1]

    # lists

    def file_list(self, saltenv: str, prefix: str = "") -> List[str]:
        """Relative paths of the files."""
        return self._paths(saltenv, prefix, lambda listing: listing.files)

    def dir_list(self, saltenv: str, prefix: str = "") -> List[str]:
        """Relative paths of the folders."""
        mounts = {
            "/".join(mount[: count + 1])
            for remote, _ in self._served(saltenv)
            for mount in [_parts(remote.mountpoint_of(saltenv))]
            for count in range(len(mount))
        }
        found = {*self._paths(saltenv, "", lambda listing: listing.folders), *mounts}
        return sorted(path for path in found if path.startswith(prefix.strip("/")))

    def file_list_emptydirs(self, saltenv: str, prefix: str = "") -> List[str]:
        """Git knows no empty folders."""
        return []

    def symlink_list(self, saltenv: str, prefix: str = "") -> Dict[str, str]:
        """Links that stay below the folder that is served, and where they point."""
        links: Dict[str, str] = {}
        for mount, listing in self._listed(saltenv):
            for path, target in listing.links.items():
                links.setdefault(mount + path, target)
        return {link: target for link, target in links.items() if self._is_shown(link, prefix)}

    def _paths(self, saltenv: str, prefix: str, of: Any) -> List[str]:
        found = {mount + path for mount, listing in self._listed(saltenv) for path in of(listing)}
        return sorted(path for path in found if self._is_shown(path, prefix))

    def _is_shown(self, path: str, prefix: str) -> bool:
        return path.startswith(prefix.strip("/")) and not self._is_ignored(path)

    def _listed(self, saltenv: str) -> Iterator[Tuple[str, git_tree.Listing]]:
        """(mountpoint, what is there) of all remotes that have an environment."""
        for remote, top in self._served(saltenv):
            mount = "".join(f"{part}/" for part in _parts(remote.mountpoint_of(saltenv)))
            key = str(top.id)
            if key not in self._listings:
                self._listings[key] = git_tree.listing(top, self._options.follow_links)
                if len(self._listings) > _MAX_LISTINGS:
                    self._listings.popitem(last=False)
            self._listings.move_to_end(key)
            listing = self._listings[key]
            if self._options.ignore_links:
                kept = [path for path in listing.files if path not in listing.links]
                listing = listing._replace(files=kept, links={})
            yield mount, listing


def update(mirrors: List[Mirror]) -> bool:
    """Brings copies up to date; whether something changed. A remote that fails is logged, the others go on."""
    changed = False
    for mirror in mirrors:
        try:
            changed = mirror.fetch() or changed
        except CommandExecutionError as exc:
            log.error("%s", exc)
    return changed


def _parts(path: str) -> List[str]:
    return [part for part in path.split("/") if part]
