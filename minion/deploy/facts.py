"""What a host is like: its Python, its C library, what starts its services."""

from __future__ import annotations

import glob
import os
import re
import subprocess
import sys
from importlib import machinery, util
from typing import Dict, Tuple

_BITS_32 = {"x86_64": "i686", "aarch64": "armv7l", "armv8l": "armv7l"}


def platform() -> Dict[str, str]:
    """What decides which wheels the Python that runs this can use."""
    libc, version = _libc()
    machine = os.uname().machine
    if sys.maxsize < 2**32:
        machine = _BITS_32.get(machine, machine)
    suffix = machinery.EXTENSION_SUFFIXES[0].split("-")  # .cpython-311-x86_64-linux-gnu.so
    return {
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "implementation": sys.implementation.name,
        "abi": f"cp{suffix[1]}" if len(suffix) > 1 else "",
        "machine": machine,
        "libc": libc,
        "libc_version": version,
        "magic": util.MAGIC_NUMBER.hex(),
    }


def _libc() -> Tuple[str, str]:
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        name = version = ""
    if name == "glibc":
        return name, version
    for loader in glob.glob("/lib/ld-musl-*.so.1"):
        said = subprocess.run([loader], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        found = re.search(rb"Version (\d+\.\d+)", said.stderr)
        if found:
            return "musl", found[1].decode()
    return "unknown", ""


def init_system() -> str:
    """What starts services here: `systemd`, `openrc`, `sysv` or `none`."""
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    if os.path.isdir("/run/openrc"):
        return "openrc"
    return "sysv" if os.path.isdir("/etc/init.d") and os.path.exists("/sbin/init") else "none"


def system_name() -> str:
    """How the system calls itself."""
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
            found = re.search(r"^PRETTY_NAME=[\"']?([^\"'\n]*)", file.read(65536), re.M)
    except OSError:
        return ""
    return found[1] if found else ""


def free_bytes(path: str) -> int:
    """Space for a folder that may not exist yet."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    state = os.statvfs(path)
    return state.f_bavail * state.f_frsize
