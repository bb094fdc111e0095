"""A file client without copies: pillar is read where it lies, so that no secret is left in a cache."""

from __future__ import annotations

from typing import Dict, List, Optional

from minion.files import urls
from minion.files.roots import Roots
from minion.inputs import depends_on


class DirectClient:
    """Gives the paths of files below roots."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def cache_file(self, path: str, saltenv: str = "base", cachedir: Optional[str] = None) -> str:
        """Where a `salt://` file lies; "" if there is none."""
        relative, own_env = urls.parse(path)
        path = str(self._roots.find(relative, own_env or saltenv)["path"])
        if path:
            depends_on(path)
        return path

    def get_state(self, sls: str, saltenv: str) -> Dict[str, str]:
        """`source` (URL) and `dest` (path) of an SLS file; {} if there is none."""
        base = sls.replace(".", "/")
        for name in (f"{base}.sls", f"{base}/init.sls"):
            path = self.cache_file(urls.create(name), saltenv)
            if path:
                return {"source": urls.create(name), "dest": path}
        return {}

    def envs(self) -> List[str]:
        """The names of the environments."""
        return self._roots.envs()

    def file_list(self, saltenv: str = "base", prefix: str = "") -> List[str]:
        """Relative paths of all files."""
        return self._roots.file_list(saltenv, prefix)

    def list_states(self, saltenv: str = "base") -> List[str]:
        """Dotted names of all SLS files."""
        return states_among(self.file_list(saltenv))


def states_among(paths: List[str]) -> List[str]:
    """Dotted names of the SLS files in a list of paths."""
    found = set()
    for path in paths:
        if path.endswith(".sls"):
            found.add((path[: -len("/init.sls")] if path.endswith("/init.sls") else path[:-4]).replace("/", "."))
    return sorted(found)
