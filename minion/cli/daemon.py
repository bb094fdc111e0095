"""salt-minion: the daemon of a managed host.

The command line and the configuration are read in a process of their own, which hands over what they amount to: so
the daemon does not carry for the rest of its life what only they need.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, Dict, NoReturn, Optional, Sequence

from minion import logs
from minion.config import MinionSettings
from minion.daemon import daemonize
from minion.errors import ConfigError
from minion.settings import build, report_undeclared
from transports import codec

log = logging.getLogger(__name__)


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """The program."""
    if arguments is not None:
        sys.argv[1:] = arguments
    os.umask(0o077)
    plan = _read_options()
    settings = build(MinionSettings, plan["settings"], "")
    _become(settings.user)
    logs.start(settings, settings.log_file, limited=True)
    if plan["daemon"]:
        daemonize.detach("")
    sys.exit(_serve(settings, plan["settings"]))


def _read_options() -> Dict[str, Any]:
    """What another process made of the command line; ends this one if there is nothing to do."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os._exit(_write_options(write))
    os.close(write)
    with open(read, "rb") as source:
        data = source.read()
    _pid, status = os.waitpid(pid, 0)
    if not data:
        sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)
    plan: Dict[str, Any] = codec.unpack(data)
    return plan


def _write_options(handle: int) -> int:
    from minion.cli.common import outcome
    from minion.cli.daemon_options import command

    with open(handle, "wb") as target:
        code = outcome(command(lambda plan: _hand_over(plan, target)), "salt-minion")
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _hand_over(plan: Dict[str, Any], target: Any) -> None:
    target.write(codec.pack(plan))


def _become(user: str) -> None:
    """The user was checked already."""
    import pwd

    entry = pwd.getpwnam(user or "root")
    if user and entry.pw_uid != os.geteuid():
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.environ.update(HOME=entry.pw_dir, USER=user, LOGNAME=user)


def _serve(settings: MinionSettings, opts: Dict[str, Any]) -> int:
    from minion.daemon.supervisor import Supervisor

    log.info("Starting the minion %s", opts["id"])
    report_undeclared(settings, settings.conf_file)
    try:
        supervisor = Supervisor(settings, opts)
        daemonize.write_pid(settings.pidfile)
        return supervisor.run()
    except ConfigError as exc:
        print(f"Error: {exc}", file=sys.stderr)
        log.critical("%s", exc)
        return 1
    finally:
        daemonize.remove_pid(settings.pidfile)
