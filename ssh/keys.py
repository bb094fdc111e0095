"""Our own key for hosts: Salt's, below `pki_dir`, offered after all others; and putting it on hosts."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Collection, Mapping

from master import safety
from master.config import MasterSettings
from master.control_client import Verdict
from roster.host import Host
from ssh.connection import Client, Connection
from ssh.errors import SSHError, StartFailed
from ssh.library import asyncssh

_BITS = 3072
# Appends a line, unless it is there; $k is the line.
_DEPLOY = (
    'umask 077; mkdir -p "$HOME/.ssh" && f="$HOME/.ssh/authorized_keys" && touch "$f" && '
    '{ grep -qxF -- "$k" "$f" || { [ -z "$(tail -c 1 "$f")" ] || echo >>"$f"; printf "%s\\n" "$k" >>"$f"; }; }'
)


def _path(settings: MasterSettings) -> str:
    return os.path.join(settings.pki_dir, "ssh", "salt-ssh.rsa")


def own_key(settings: MasterSettings) -> str:
    """The private key file, if there is one that this user can read."""
    path = _path(settings)
    return path if os.access(path, os.R_OK) else ""


def _public_key(settings: MasterSettings) -> str:
    """The public key to put on hosts: that of the configured private key, else our own, made if it is missing."""
    path = os.path.expanduser(settings.ssh_priv) or _path(settings)
    if not os.path.exists(path):
        key = asyncssh.generate_private_key("ssh-rsa", comment="salt-ssh", key_size=_BITS)
        safety.private_folder(os.path.dirname(path))
        safety.write(path + ".pub", key.export_public_key(), mode=0o644)
        safety.write(path, key.export_private_key())
    if os.path.exists(path + ".pub"):
        with open(path + ".pub", encoding="ascii") as file:
            return file.read().strip()
    return asyncssh.read_private_key(path, settings.ssh_priv_passwd or None).export_public_key().decode().strip()


async def deploy(
    hosts: Mapping[str, Host], minions: Collection[str], client: Client, settings: MasterSettings
) -> AsyncIterator[tuple[str, Verdict | None]]:
    """Puts our public key on hosts; yields each with what went wrong, if anything did."""
    from ssh.run import verdict_of

    command = f"k={shlex.quote(_public_key(settings))}; {_DEPLOY}"
    slots = asyncio.Semaphore(settings.ssh_max_procs)

    async def one(host: Host) -> tuple[str, Verdict | None]:
        connection = Connection(host, client)
        try:
            async with slots:
                await connection.open()
                _, err, code = await connection.run(f"/bin/sh -c {shlex.quote(command)}")
            if code:
                raise StartFailed(f"the key could not be put on {host.address}: {err.decode('utf-8', 'replace')}")
        except SSHError as exc:
            return host.id, verdict_of(host.id, exc)
        finally:
            await connection.close()
        return host.id, None

    for done in asyncio.as_completed([one(hosts[minion_id]) for minion_id in minions]):
        yield await done
