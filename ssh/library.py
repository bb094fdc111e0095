"""asyncssh, loaded without the programs that it would run for it.

It looks for two optional libraries in C, by `ctypes.util.find_library`, which runs ldconfig, and then a compiler and
a linker where there are some: that takes longer than to connect to a host. Here the folders of libraries are looked at.
"""

from __future__ import annotations

import ctypes.util
import glob

from master.errors import ConfigError

_FOLDERS = ("/usr/local/lib*", "/usr/lib*", "/usr/lib/*-linux-*", "/lib*")


def _find_library(name: str) -> str | None:
    """The path of a shared library, as `ctypes` takes it."""
    for folder in _FOLDERS:
        for path in glob.iglob(f"{folder}/lib{name}.so.[0-9]*"):
            return path
    return None


_usual = ctypes.util.find_library
ctypes.util.find_library = _find_library
try:
    import asyncssh
except ModuleNotFoundError as exc:
    if exc.name != "asyncssh":
        raise
    raise ConfigError("asyncssh is not installed, which SSH needs here: pip install 'saltern[ssh]'") from None
finally:
    ctypes.util.find_library = _usual

__all__ = ["asyncssh"]
