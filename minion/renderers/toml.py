"""Reads TOML; needs Python 3.11 or the library tomli."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any, Tuple, Union

from minion.renderers._text import read_text, without_shebang

_LIBRARY = "tomllib" if sys.version_info >= (3, 11) else "tomli"


def __virtual__() -> Union[bool, Tuple[bool, str]]:
    return importlib.util.find_spec(_LIBRARY) is not None or (False, "The 'toml' library is missing")


def render(source: Any, saltenv: str = "base", sls: str = "", **options: Any) -> Any:
    """The data."""
    return importlib.import_module(_LIBRARY).loads(without_shebang(read_text(source)))
