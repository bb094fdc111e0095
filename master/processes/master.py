"""The master as a whole: what is checked and made before it starts, and the tree of its processes."""

from __future__ import annotations

import gc
import importlib.util
import os
import socket
from functools import partial

from master import safety
from master.config import MasterSettings
from master.errors import MasterError
from master.parts import Parts, build
from master.processes import event_publisher, maintenance, publisher, request_server, ssh_road
from master.processes.limits import set_limits
from master.processes.manager import Manager
from master.processes.sockets import FOLDER
from minion import logs
from minion.settings import included_files
from transports.crypto import (
    ENCRYPTION,
    SIGNING,
    SymmetricKey,
    decrypt,
    encrypt,
    sign,
    verify,
    x931_recover,
    x931_sign,
)


def prepare(settings: MasterSettings) -> Parts:
    """Makes and checks folders and keys, and sees that the ports are free.

    Raises:
        UnsafePath: something that the master relies on could be changed by somebody else.
        MasterError: a port is taken, a key can't be read.
    """
    _check_files(settings)
    if settings.agentless and importlib.util.find_spec("asyncssh") is None:
        raise MasterError("ssh_minions needs the Python package asyncssh: pip install asyncssh")
    set_limits(settings.max_open_files, settings.max_memory)
    safety.private_folder(settings.cachedir)
    above = os.path.dirname(settings.sock_dir)
    if not os.path.isdir(above):
        safety.private_folder(above, 0o755)  # on the way to the control socket, which may be for others
    safety.private_folder(settings.sock_dir)
    safety.private_folder(os.path.join(settings.sock_dir, FOLDER))
    if settings.publisher_acl:
        os.chmod(settings.sock_dir, 0o711)  # noqa: S103 - the control socket is for others too; the kernel names them
    for port in (settings.publish_port, settings.ret_port):
        _see_that_free(settings.interface, port)
    return build(settings)


def run(settings: MasterSettings, parts: Parts) -> int:
    """Runs until SIGTERM; returns the exit code."""
    _warm_up(parts)
    gc.collect()
    gc.freeze()  # what is there now is shared with all children and never collected
    manager = Manager("ProcessManager", logs.reopen)
    manager.add("EventPublisher", partial(event_publisher.run, settings, parts))
    manager.add("Publisher", partial(publisher.run, settings, parts))
    manager.add("ReqServer_ProcessManager", partial(request_server.run, settings, parts, logs.reopen))
    manager.add("Maintenance", partial(maintenance.run, settings, parts))
    if settings.agentless:
        manager.add("SSHRoad", partial(ssh_road.run, settings, parts))
    return manager.run()


def _warm_up(parts: Parts) -> None:
    """Uses the cryptography once, so that what the library builds at first use is shared with the children."""
    key, public = parts.master_key, parts.master_key.public_key()
    for encryption, signing in zip(ENCRYPTION, SIGNING, strict=True):
        decrypt(key, encrypt(public, b"warm", encryption), encryption)
        verify(public, b"up", sign(key, b"up", signing), signing)
    symmetric = SymmetricKey.generate()
    symmetric.open(symmetric.seal({"warm": "up"}))
    x931_recover(public, x931_sign(key, b"warm"))


def _check_files(settings: MasterSettings) -> None:
    """What the master reads its orders from, and what it writes in place."""
    included = included_files(settings.conf_file, settings.opts(), settings.default_include)
    for path in filter(os.path.exists, [settings.conf_file, *included]):
        safety.check_way(path)
    for path in filter(None, (settings.log_file, settings.pidfile)):
        safety.check_written(path)


def _see_that_free(interface: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((interface, port))
        except OSError as exc:
            raise MasterError(
                f"port {port} of {interface} can't be used: {exc.strerror}; is a master running?"
            ) from None
