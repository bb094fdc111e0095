"""Where imported templates come from."""

from __future__ import annotations

from typing import Any, Callable, Optional, Protocol, Tuple

import jinja2


class FileSource(Protocol):
    """The part of a file client that templates need."""

    def cache_file(self, path: str, saltenv: str = "base") -> str:
        """A local copy of a file of the file roots; "" if there is none."""


class FileClientLoader(jinja2.BaseLoader):
    """Loads `salt://` files by a file client."""

    def __init__(self, files: FileSource, saltenv: str) -> None:
        self._files, self._saltenv = files, saltenv

    def get_source(self, environment: Any, template: str) -> Tuple[str, str, Optional[Callable[[], bool]]]:
        path = self._files.cache_file(f"salt://{template}", self._saltenv)
        if not path:
            raise jinja2.TemplateNotFound(template)
        with open(path, encoding="utf-8") as source:
            return source.read(), path, None
