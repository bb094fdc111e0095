"""`salt-master`: starts the master."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from master.cli import common
from master.cli.common import CONTEXT, Common, run
from master.config import MasterSettings
from master.errors import ConfigError
from minion import logs


@click.command(context_settings=CONTEXT)
@common.options()
@click.option("-d", "--daemon", is_flag=True, help="Run as a daemon.")
@click.option("--pid-file", help="File with the process id.")
@click.option("--disable-keepalive", is_flag=True, expose_value=False, help="Accepted for Salt's sake.")
def command(common: Common, daemon: bool, pid_file: str | None) -> int:
    """Start the Saltern master."""
    if tuple(sys.version_info) < (3, 11):
        raise ConfigError("salt-master needs Python 3.11 or newer")
    from master.processes import master
    from master.processes.user import become
    from minion.daemon import daemonize
    from minion.settings import report_undeclared

    settings = common.settings(limited_log=True, pidfile=pid_file)
    become(settings)
    _open_log(settings)
    report_undeclared(settings, settings.conf_file)
    os.umask(0o077)
    parts = master.prepare(settings)
    if daemon:
        daemonize.detach(settings.pidfile)
    else:
        daemonize.write_pid(settings.pidfile)
    try:
        return master.run(settings, parts)
    finally:
        daemonize.remove_pid(settings.pidfile)


def _open_log(settings: MasterSettings) -> None:
    """Starts the log once more, now that its folder can be made: a daemon without one would be mute."""
    folder = os.path.dirname(settings.log_file)
    try:
        if folder:
            os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"the folder of the log file {settings.log_file} can't be made: {exc.strerror}") from None
    logs.start(settings, settings.log_file, limited=True)


def main() -> NoReturn:
    """Entry point of the command."""
    run(command, "salt-master")


if __name__ == "__main__":
    main()
