"""The versions of this program and of what it depends on."""

from __future__ import annotations

import platform
from typing import Dict

from transports import __version__

_DEPENDENCIES = (
    "asyncssh", "click", "cryptography", "Jinja2", "msgpack", "pygit2", "PyYAML", "pyzmq", "setproctitle",
)  # fmt: skip


def dependencies() -> Dict[str, str]:
    """Version of each distribution that some part of this program uses; "Not Installed" if it is missing."""
    from importlib import metadata

    found = {}
    for name in _DEPENDENCIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "Not Installed"
    return found


def report() -> str:
    """What `--versions-report` prints."""
    lines = ["Salt Version:", f"           Salt: {__version__} (Saltern)", "", "Dependency Versions:"]
    lines += [
        f"{name:>15}: {version}" for name, version in sorted(dependencies().items(), key=lambda item: item[0].lower())
    ]
    lines += [f"{'Python':>15}: {platform.python_version()}", "", "System Versions:"]
    lines += [f"{'machine':>15}: {platform.machine()}", f"{'release':>15}: {platform.release()}"]
    lines += [f"{'system':>15}: {platform.system()}", f"{'version':>15}: {platform.platform()}"]
    return "\n".join(lines)
