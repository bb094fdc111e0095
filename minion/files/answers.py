"""The file requests of the request table, answered by a file server."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Protocol

Answer = Callable[[Mapping[str, Any]], Any]


class FileServer(Protocol):
    """`Roots`, or several such behind one another."""

    def envs(self) -> Any: ...
    def find(self, path: str, saltenv: str) -> Any: ...
    def hash(self, path: str, saltenv: str) -> Any: ...
    def hash_and_stat(self, path: str, saltenv: str) -> Any: ...
    def serve(self, path: str, saltenv: str, loc: int, gzip_level: Any = None) -> Any: ...
    def file_list(self, saltenv: str, prefix: str = "") -> Any: ...
    def dir_list(self, saltenv: str, prefix: str = "") -> Any: ...
    def file_list_emptydirs(self, saltenv: str, prefix: str = "") -> Any: ...
    def symlink_list(self, saltenv: str, prefix: str = "") -> Any: ...


def answers(server: FileServer) -> Dict[str, Answer]:
    """Command -> the function that answers a load; loads have been checked for their types before."""

    def env(load: Mapping[str, Any]) -> str:
        return str(load.get("saltenv") or "base")

    def listing(of: Callable[[str, str], Any]) -> Answer:
        return lambda load: of(env(load), str(load.get("prefix") or ""))

    def by_path(of: Callable[[str, str], Any]) -> Answer:
        return lambda load: of(load["path"], env(load))

    return {
        "_file_envs": lambda _: server.envs(),
        "_file_list": listing(server.file_list),
        "_dir_list": listing(server.dir_list),
        "_file_list_emptydirs": listing(server.file_list_emptydirs),
        "_symlink_list": listing(server.symlink_list),
        "_file_hash": by_path(server.hash),
        "_file_hash_and_stat": by_path(lambda path, saltenv: list(server.hash_and_stat(path, saltenv))),
        "_file_find": by_path(server.find),
        "_serve_file": lambda load: server.serve(load["path"], env(load), int(load.get("loc") or 0), load.get("gzip")),
    }


class Answerer:
    """Takes the file requests of a client in the same process."""

    def __init__(self, server: FileServer) -> None:
        self._answers = answers(server)

    def request(self, cmd: str, **load: Any) -> Any:
        """The answer to a request."""
        return self._answers[cmd](load)
