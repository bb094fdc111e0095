"""salt-minion: the daemon of a managed host."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, Dict, NoReturn, Optional, Sequence

import click

from minion import atomic, config, logs
from minion.cli.common import CONTEXT, Common, options, run, switch_user
from minion.config import MinionSettings
from minion.errors import ConfigError
from minion.safety import private_folder

log = logging.getLogger(__name__)


@click.command(context_settings=CONTEXT)
@options()
@click.option("-d", "--daemon", is_flag=True, help="Go to the background.")
@click.option("--pid-file", help="File for the process id.")
@click.option("--disable-keepalive", is_flag=True, expose_value=False, help="Accepted for Salt's sake.")
def command(common: Common, daemon: bool, pid_file: Optional[str]) -> int:
    """The Salt minion: receives commands from a remote master."""
    folder = common.folder()
    overrides: Dict[str, Any] = {**common.given(), "conf_dir": folder}
    if pid_file:
        overrides["pidfile"] = os.path.abspath(pid_file)
    settings = config.load(os.environ.get("SALT_MINION_CONFIG") or os.path.join(folder, "minion"), overrides)
    os.umask(0o077)
    _prepare_folders(settings)
    if settings.user:
        switch_user(settings.user)
    private_folder(settings.cachedir)
    logs.start(settings, settings.log_file, limited=True)
    opts = {**settings.opts(), "id": config.find_id(settings)}
    _cache_id(settings, opts["id"])
    if daemon:
        _daemonize()
    return _serve(settings, opts)


def _serve(settings: MinionSettings, opts: Dict[str, Any]) -> int:
    from minion.supervisor import Supervisor

    _write_pid(settings.pidfile)
    log.info("Starting the minion %s", opts["id"])
    try:
        return Supervisor(settings, opts).run()
    finally:
        _remove_pid(settings.pidfile)


def _prepare_folders(settings: MinionSettings) -> None:
    """Makes what is missing, as the user we were started as, for the user we run as."""
    for folder in (settings.pki_dir, settings.cachedir, os.path.dirname(settings.log_file)):
        if folder and not os.path.isdir(folder):
            os.makedirs(folder, 0o700)
            _give_to(folder, settings.user)


def _give_to(path: str, user: str) -> None:
    import pwd

    if os.geteuid() != 0 or not user:
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ConfigError(f"there is no user {user}, as which the configuration (option `user`) wants to run") from None
    os.chown(path, entry.pw_uid, entry.pw_gid)


def _cache_id(settings: MinionSettings, minion_id: str) -> None:
    """A generated id stays, whatever becomes of the host's name."""
    path = os.path.join(settings.conf_dir, "minion_id")
    if settings.id or not settings.minion_id_caching or os.path.exists(path):
        return
    try:
        atomic.write(path, minion_id, mode=0o644)
    except OSError as exc:
        log.warning("The minion id can't be kept in %s: %s", path, exc)


def _daemonize() -> None:
    """Leaves the terminal and whoever started us."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(null, handle)
    os.close(null)


def _write_pid(path: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        atomic.write(path, f"{os.getpid()}\n", mode=0o644)
    except OSError as exc:
        log.warning("The process id can't be written to %s: %s", path, exc)


def _remove_pid(path: str) -> None:
    try:
        with open(path, encoding="ascii") as file:
            ours = file.read().strip() == str(os.getpid())
        if ours:
            os.unlink(path)
    except OSError:
        pass


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """The program."""
    if arguments is not None:
        sys.argv[1:] = arguments
    run(command, "salt-minion")
