"""The command line and the configuration of salt-minion: checked, prepared, and handed over as plain values."""

from __future__ import annotations

import logging
import os
from typing import Any, Callable, Dict, Optional

import click

from minion import atomic, config
from minion.cli.common import CONTEXT, Common, options, switch_user
from minion.config import MinionSettings
from minion.errors import ConfigError
from minion.safety import private_folder

log = logging.getLogger(__name__)

Plan = Dict[str, Any]


def command(hand_over: Callable[[Plan], None]) -> click.Command:
    """The click command, which ends by handing over what the daemon is to do.

    Args:
        hand_over: gets `settings`, all options by name, and `daemon`, whether to go to the background.
    """

    @click.command(context_settings=CONTEXT)
    @options()
    @click.option("-d", "--daemon", is_flag=True, help="Go to the background.")
    @click.option("--pid-file", help="File for the process id.")
    @click.option("--disable-keepalive", is_flag=True, expose_value=False, help="Accepted for Salt's sake.")
    def salt_minion(common: Common, daemon: bool, pid_file: Optional[str]) -> None:
        """The Salt minion: receives commands from a remote master."""
        settings = _settings(common, pid_file)
        _prepare_folders(settings)
        if settings.user:
            switch_user(settings.user)
        private_folder(settings.cachedir)
        minion_id = config.find_id(settings)
        _cache_id(settings, minion_id)
        hand_over({"settings": {**settings.opts(), "id": minion_id}, "daemon": daemon})

    return salt_minion


def _settings(common: Common, pid_file: Optional[str]) -> MinionSettings:
    folder = common.folder()
    overrides: Dict[str, Any] = {**common.given(), "conf_dir": folder}
    if pid_file:
        overrides["pidfile"] = os.path.abspath(pid_file)
    return config.load(os.environ.get("SALT_MINION_CONFIG") or os.path.join(folder, "minion"), overrides)


def _prepare_folders(settings: MinionSettings) -> None:
    """Makes what is missing, as the user we were started as, for the user we run as: private, on a way that is open."""
    before = os.umask(0o022)
    try:
        for folder in (settings.pki_dir, settings.cachedir, os.path.dirname(settings.log_file)):
            if folder and not os.path.isdir(folder):
                os.makedirs(os.path.dirname(folder), 0o755, exist_ok=True)
                os.mkdir(folder, 0o700)
                _give_to(folder, settings.user)
        os.makedirs(os.path.dirname(settings.pidfile), 0o755, exist_ok=True)
    finally:
        os.umask(before)


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
