"""File servers behind one another, as the option `fileserver_backend` lists them."""

from __future__ import annotations

import logging
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from minion.errors import CommandExecutionError
from minion.files.answers import FileServer
from minion.files.roots import Roots, RootsOptions

log = logging.getLogger(__name__)

_NAMES = {"roots": "roots", "file_roots": "roots", "git": "gitfs", "gitfs": "gitfs"}


class Backends:
    """Several file servers as one: a file is that of the first server which has it, lists are joined.

    Args:
        servers: (name, file server), the most important first.
    """

    def __init__(self, servers: Sequence[Tuple[str, FileServer]]) -> None:
        self.servers = list(servers)

    def envs(self) -> List[str]:
        """The names of the environments."""
        return sorted({saltenv for _, server in self.servers for saltenv in server.envs()})

    def find(self, path: str, saltenv: str) -> Dict[str, Any]:
        """What the first server that has a file tells of it; empty paths if there is none."""
        found: Dict[str, Any] = {"path": "", "rel": ""}
        for _, server in self.servers:
            found = server.find(path, saltenv)
            if found["path"]:
                break
        return found

    def hash(self, path: str, saltenv: str) -> Any:
        """`hsum` and `hash_type` of a file; "" if there is none."""
        return self.hash_and_stat(path, saltenv)[0]

    def hash_and_stat(self, path: str, saltenv: str) -> Tuple[Any, Optional[List[int]]]:
        """The hash of a file and its `stat` numbers."""
        for _, server in self.servers:
            found, numbers = server.hash_and_stat(path, saltenv)
            if found:
                return found, numbers
        return "", None

    def serve(self, path: str, saltenv: str, loc: int, gzip_level: Optional[int] = None) -> Dict[str, Any]:
        """A piece of a file from `loc` on."""
        served: Dict[str, Any] = {"data": b"", "dest": ""}
        for _, server in self.servers:
            served = server.serve(path, saltenv, loc, gzip_level)
            if served["dest"]:
                break
        return served

    def file_list(self, saltenv: str, prefix: str = "") -> List[str]:
        """Relative paths of the files."""
        return sorted({path for _, server in self.servers for path in server.file_list(saltenv, prefix)})

    def dir_list(self, saltenv: str, prefix: str = "") -> List[str]:
        """Relative paths of the folders."""
        return sorted({path for _, server in self.servers for path in server.dir_list(saltenv, prefix)})

    def file_list_emptydirs(self, saltenv: str, prefix: str = "") -> List[str]:
        """Relative paths of the empty folders."""
        return sorted({path for _, server in self.servers for path in server.file_list_emptydirs(saltenv, prefix)})

    def symlink_list(self, saltenv: str, prefix: str = "") -> Dict[str, str]:
        """Links, and where they point."""
        links: Dict[str, str] = {}
        for _, server in reversed(self.servers):
            links.update(server.symlink_list(saltenv, prefix))
        return links


def build(opts: Mapping[str, Any], fetch: bool = False) -> FileServer:
    """The file server that the options describe; backends that can't work are logged and left out.

    Args:
        opts: the options.
        fetch: bring copies of repositories up to date at the first question, because nobody else does.

    Raises:
        ConfigError: a backend's options are wrong.
    """
    servers = open_all(opts, names(opts), fetch)
    return servers[0][1] if len(servers) == 1 else Backends(servers)


def names(opts: Mapping[str, Any]) -> List[str]:
    """The configured backends, by their proper names, each once."""
    configured = opts.get("fileserver_backend") or ["roots"]
    listed = [configured] if isinstance(configured, str) else list(configured)
    return list(dict.fromkeys(proper_name(str(name)) for name in listed))


def proper_name(name: str) -> str:
    """The name of a backend that may be given by a shorter one."""
    return _NAMES.get(name, name)


def open_all(opts: Mapping[str, Any], wanted: Sequence[str], fetch: bool = False) -> List[Tuple[str, Any]]:
    """(name, file server) of backends; those that can't work are logged and left out."""
    servers: List[Tuple[str, Any]] = []
    for name in wanted:
        if name == "roots":
            servers.append((name, Roots(opts.get("file_roots") or {}, RootsOptions.of(opts))))
        elif name == "gitfs":
            from minion.files import git_mirror, gitfs

            try:
                git_mirror.library()
                servers.append((name, gitfs.GitFS(opts, fetch)))
            except CommandExecutionError as exc:
                log.error("The file server backend git can't work: %s", exc)
        else:
            log.error("There is no file server backend %s; there are roots and git", name)
    return servers
