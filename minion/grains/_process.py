"""The process that looks, its user and its Python; how the kernel was started; who this minion is."""

from __future__ import annotations

import codecs
import grp
import hashlib
import locale
import os
import pwd
import shlex
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

import minion
from minion.grains._probe import read, read_line, which
from transports import SALT_VERSION, __version__

Grains = Dict[str, Any]

# Inside OpenVZ's host, the processes of its containers are hidden.
PS_ON_OPENVZ = (
    'ps -fH -p $(grep -l "^envID:[[:space:]]*0\\$" /proc/[0-9]*/status | sed -e "s=/proc/\\([0-9]*\\)/.*=\\1=")  '
    "| awk '{ $7=\"\"; print }'"
)


def process() -> Grains:
    """Who runs this, where, and with what environment."""
    path = os.environ.get("PATH", "").strip()
    username, groupname = _user_and_group(os.getuid())
    return {
        "pid": os.getpid(),
        "uid": os.getuid(),
        "gid": os.getgid(),
        "username": username,
        "groupname": groupname,
        "cwd": _working_folder(),
        "shell": os.environ.get("SHELL", "/bin/sh"),
        "path": path,
        "systempath": path.split(os.pathsep),
        "locale_info": _locale(),
    }


def _user_and_group(uid: int) -> Tuple[str, str]:
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return str(uid), ""
    try:
        return user.pw_name, grp.getgrgid(user.pw_gid).gr_name
    except KeyError:
        return user.pw_name, ""


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed under our feet
        return "/"


def _locale() -> Dict[str, Optional[str]]:
    try:
        language, encoding = locale.getlocale()
    except ValueError:
        language, encoding = "unknown", "unknown"
    return {
        "defaultlanguage": language,
        "defaultencoding": encoding,
        "detectedencoding": codecs.lookup(locale.getpreferredencoding(False)).name,
        "timezone": time.localtime().tm_zone,
    }


def software() -> Grains:
    """Versions and places of Python and of this software."""
    grains: Grains = {
        "pythonversion": list(sys.version_info),
        "pythonexecutable": sys.executable,
        "pythonpath": list(sys.path),
        "saltpath": os.path.dirname(os.path.abspath(minion.__file__)),
        "saltversion": SALT_VERSION,
        "saltversioninfo": [int(part) if part.isdigit() else part for part in SALT_VERSION.split(".")],
        "salternversion": __version__,
        "package": None,
        "ca_truststore": "os",
    }
    zmq = sys.modules.get("zmq")  # importing it only to ask its version would cost more than all other grains
    if zmq is not None:
        grains["zmqversion"] = zmq.zmq_version()
    return grains


def boot() -> Grains:
    """The kernel's parameters, and whether the system updates itself in transactions."""
    grains: Grains = {"transactional": which("transactional-update") is not None}
    command = read("/proc/cmdline")
    if command is not None:
        grains["kernelparams"] = kernel_parameters(command)
    return grains


def kernel_parameters(command: str) -> List[Tuple[str, Optional[str]]]:
    """(name, value) pairs; a parameter without a value has None."""
    try:
        words = shlex.split(command)
    except ValueError:  # a lone quote
        words = command.split()
    pairs = [word.split("=") for word in words]
    return [(pair[0], pair[1].strip('"') if len(pair) == 2 else None) for pair in pairs]


def identity(minion_id: str) -> Grains:
    """id, server_id and machine_id."""
    digest = int(hashlib.sha256(minion_id.encode()).hexdigest(), 16)
    grains: Grains = {"id": minion_id, "server_id": digest % (1 << 31)}
    machine = read_line("/etc/machine-id") or read_line("/var/lib/dbus/machine-id")
    if machine:
        grains["machine_id"] = machine
    return grains
