"""How our processes are called in `ps`."""

from __future__ import annotations

_base = ""


def set_title(name: str) -> None:
    """Shows this process as the program it belongs to and what it does there; without the library it stays as it is."""
    global _base
    try:
        import setproctitle
    except ImportError:
        return
    if not _base:
        _base = setproctitle.getproctitle()
    setproctitle.setproctitle(f"{_base} {name}".rstrip())
