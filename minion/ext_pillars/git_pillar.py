"""Pillar files from git repositories; needs the Python library pygit2.

    ext_pillar:
      - git:
          - master https://git.example.com/pillar.git
          - production git@git.example.com:pillar.git:
              - env: prod
              - root: pillar
              - privkey: /etc/salt/keys/pillar

Each remote is `BRANCH URL` and has a top file of its own. Its environment is its branch (`base` for git_pillar_base),
or what `env` says; the branch `__env__` is that of the minion's pillarenv or saltenv. Remotes of one section that
belong to one environment see each other's files; those with a `mountpoint` are only there for the others.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import tempfile
import time
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from minion.errors import CommandExecutionError
from minion.files import git_tree
from minion.files.git_mirror import Mirror, library
from minion.files.git_remotes import Access, Remote, parse
from minion.merging import merge
from minion.pillar.compiler import PillarCompiler
from minion.pillar.request import PillarRequest

__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__loaders__: Any
__virtualname__ = "git"

log = logging.getLogger(__name__)

_GRACE = 60  # seconds after which a copy that the master should have updated is updated by whoever needs it
_UNUSED = 86400  # seconds after which files that were read from a commit are removed

_mirrors: Dict[Tuple[str, str, Access], Mirror] = {}
_brought: Set[str] = set()  # paths of copies that this process has brought up to date


class _Source(NamedTuple):
    """The files of one remote, for one environment."""

    folder: str
    saltenv: str
    mounted: bool


def __virtual__() -> Any:
    try:
        library()
    except CommandExecutionError as exc:
        return False, str(exc)
    return True


def ext_pillar(minion_id: str, pillar: Dict[str, Any], *repos: Any) -> Dict[str, Any]:
    """What the top files of the remotes assign to the minion.

    Raises:
        CommandExecutionError: a remote can't be fetched, or lacks the branch.
        ConfigError: a remote is not described as it should be.
    """
    cache = os.path.join(str(__opts__["cachedir"]), "git_pillar")
    found = [_source(cache, remote) for remote in parse(__opts__, "git_pillar", repos)]
    sources = list(dict.fromkeys(source for source in found if source is not None))
    strategy = str(__opts__.get("pillar_source_merging_strategy") or "smart")
    result: Dict[str, Any] = {}
    errors: List[str] = []
    for source in sources:
        if source.mounted or __opts__.get("pillarenv") not in (None, "", source.saltenv):
            continue
        compiled = _compile(source, sources, minion_id)
        errors.extend(compiled.pop("_errors", ()))
        result = merge(result, compiled, strategy, "yaml", bool(__opts__.get("pillar_merge_lists")))
    return {**result, **({"_errors": errors} if errors else {})}


def _compile(source: _Source, sources: List[_Source], minion_id: str) -> Dict[str, Any]:
    folders = [source.folder]
    if __opts__.get("git_pillar_includes", True):
        folders += [other.folder for other in sources if other.saltenv == source.saltenv and other != source]
    compiler = PillarCompiler({**__opts__, "pillar_roots": {source.saltenv: folders}}, __loaders__)
    request = PillarRequest(minion_id, __grains__, source.saltenv, __opts__.get("pillarenv"), with_ext=False)
    return compiler.compile(request)


def _source(cache: str, remote: Remote) -> Optional[_Source]:
    """The files of a remote, on disk; None if it has none for the environment that the minion asks for."""
    mirror = _mirrors.setdefault((cache, remote.folder, remote.access), Mirror(cache, remote))
    _refresh(mirror)
    asked = str(__opts__.get("pillarenv") or __opts__.get("saltenv") or "base")
    ref = remote.branch
    if ref == "__env__":
        ref = remote.all_saltenvs or (remote.base if asked == "base" else asked)
    tree = mirror.tree(ref, remote.ref_types)
    if tree is None and remote.fallback:
        tree = mirror.tree(remote.fallback, remote.ref_types)
    if tree is None and remote.branch == "__env__":
        log.debug("%s has nothing for the environment %s", remote.url, asked)
        return None
    top = git_tree.subfolder(tree, remote.root) if tree is not None else None
    if top is None:
        missing = f"folder {remote.root}" if tree is not None else f"branch, tag or commit {ref}"
        raise CommandExecutionError(f"{remote.url} has no {missing}")
    if remote.branch == "__env__" and remote.all_saltenvs:
        saltenv = asked
    elif remote.env:
        saltenv = asked if remote.env == "__env__" else remote.env
    else:
        saltenv = "base" if ref == remote.base else ref
    return _Source(_exported(os.path.join(cache, "files"), top, remote.mountpoint), saltenv, bool(remote.mountpoint))


def _refresh(mirror: Mirror) -> None:
    """Updates a copy that nobody else keeps up to date; an old copy is better than none."""
    if __opts__.get("__role") == "master":
        needed = mirror.age() > 2 * mirror.remote.update_interval + _GRACE
    else:
        needed = mirror.path not in _brought
    try:
        if needed:
            mirror.fetch()
            _brought.add(mirror.path)
        elif mirror.repository is None:
            mirror.wait()
    except CommandExecutionError as exc:
        log.error("%s", exc)
    if mirror.repository is None:
        raise CommandExecutionError(f"{mirror.remote.url} could not be fetched; the log says why")


def _exported(place: str, top: Any, mountpoint: str) -> str:
    """The folder where the files of a commit lie; written at the first time."""
    name = f"{top.id}-{hashlib.sha256(mountpoint.encode()).hexdigest()[:8]}"
    folder = os.path.join(place, name)
    try:
        os.utime(folder)
        return folder
    except FileNotFoundError:
        os.makedirs(place, mode=0o700, exist_ok=True)
    _remove_unused(place)
    scratch = tempfile.mkdtemp(prefix=".", dir=place)
    try:
        git_tree.export(top, os.path.join(scratch, mountpoint))
        os.rename(scratch, folder)
    except OSError as exc:
        shutil.rmtree(scratch)
        if exc.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # somebody else was faster
            raise
    return folder


def _remove_unused(place: str) -> None:
    for name in os.listdir(place):
        folder = os.path.join(place, name)
        if time.time() - os.lstat(folder).st_mtime > _UNUSED:
            shutil.rmtree(folder, ignore_errors=True)
