"""What salt-ssh and the master's own SSH road have in common: how they connect, and what a host is to be like."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from master.config import MasterSettings
from master.requests import Files
from minion import config as minion_config
from minion.extmods import KINDS
from minion.files import backends
from minion.files.roots import expand
from ssh.connection import Client
from ssh.hostkeys import HostKeys, Policy
from ssh.keys import own_key

_MODULE = re.compile(rf"_({'|'.join(KINDS)})/.*\.(py|so|zip)")


def known_hosts(settings: MasterSettings) -> list[str]:
    """The files of known host keys; new ones go to the first."""
    return [os.path.expanduser(settings.ssh_known_hosts_file), "/etc/ssh/ssh_known_hosts"]


def client_of(settings: MasterSettings, scratch: str, policy: Policy = Policy.STRICT, **more: Any) -> Client:
    """How this side connects, as the configuration says.

    Args:
        settings: the master's configuration.
        scratch: folder for files that the SSH library wants to read.
        policy: what to do with host keys that are not known.
        more: further fields of `Client`.
    """
    return Client(
        HostKeys(known_hosts(settings), policy),
        timeout=settings.ssh_timeout,
        keepalive=settings.ssh_keepalive_interval,
        keepalive_count=settings.ssh_keepalive_count_max,
        own_key=own_key(settings),
        scratch=scratch,
        **more,
    )


def minion_options(settings: MasterSettings) -> dict[str, Any]:
    """The options of a minion on any host: the defaults, and what the master's configuration says."""
    given = {"log_level": settings.log_level, "file_client": "remote", **settings.ssh_minion_opts}
    opts = minion_config.load(os.path.join(os.devnull, "minion"), {"id": "thin", **given}).opts()
    for name in ("conf_file", "conf_dir", "log_file", "pidfile", "pki_dir", "sock_dir"):
        opts.pop(name, None)
    return {**opts, "log_file": "", "pki_dir": "", "sock_dir": ""}


def modules_digest(opts: Mapping[str, Any], files: Files) -> str:
    """Names the user's own modules below `_modules`, `_states`, ... of all environments; "" if there are none.

    Args:
        opts: the master's options.
        files: the file server that they describe.
    """
    only_roots = backends.names(opts) == ["roots"]
    found = sorted(_in_folders(opts["file_roots"]) if only_roots else _served(files))
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if found else ""


def _served(files: Files) -> Iterator[str]:
    """Environment, path and hash of each module, as the file server has them."""
    for saltenv in files.answer("_file_envs", {}):
        for path in files.answer("_file_list", {"saltenv": saltenv}):
            if _MODULE.fullmatch(path):
                yield f"{saltenv} {path} {files.answer('_file_hash', {'saltenv': saltenv, 'path': path})}"


def _in_folders(file_roots: Mapping[str, Any]) -> Iterator[str]:
    """The same where files come from folders alone: there is no need to look at all of them."""
    for saltenv, folders in file_roots.items():
        for folder in expand(folders):
            for kind in KINDS:
                for path in _below(os.path.join(folder, f"_{kind}")):
                    with open(path, "rb") as file:
                        yield f"{saltenv} {path} {hashlib.sha256(file.read()).hexdigest()}"


def _below(folder: str) -> list[str]:
    return [
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.endswith((".py", ".so", ".zip"))
    ]
