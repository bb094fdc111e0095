"""What `ps` shows: the command as it was started, and the name of the process."""

from __future__ import annotations

import sys


def set_title(name: str) -> None:
    """Names this process; without the library that can do it, nothing happens."""
    try:
        import setproctitle
    except ImportError:
        return
    setproctitle.setproctitle(f"{sys.executable} {' '.join(sys.argv[:1])} {name}")
