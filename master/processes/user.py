"""Starting as root and running as somebody else (`user:`)."""

from __future__ import annotations

import ctypes
import os
import pwd

from master.config import MasterSettings
from master.errors import ConfigError

_PR_SET_NO_NEW_PRIVS = 38
_SHARED = ("/", "/var", "/var/log", "/var/run", "/run", "/tmp", "/etc")  # noqa: S108 - never given away


def become(settings: MasterSettings) -> None:
    """Gives the master's folders to the user that it is to run as, and becomes that user for good.

    Raises:
        ConfigError: there is no such user, or this process may not become it.
    """
    from master.cli.common import switch_user

    if os.geteuid() == 0 and settings.user != "root":
        try:
            entry = pwd.getpwnam(settings.user)
        except KeyError:
            raise ConfigError(f"{settings.conf_file}: there is no user {settings.user} (option user)") from None
        os.umask(0o022)  # missing parents of the folders must let the user through
        for folder in _folders(settings):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        switch_user(settings.user)
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    else:
        switch_user(settings.user)


def _folders(settings: MasterSettings) -> list[str]:
    logs = os.path.dirname(settings.log_file)
    wanted = [settings.pki_dir, settings.cachedir, settings.sock_dir, logs]
    return [folder for folder in wanted if folder and os.path.normpath(folder) not in _SHARED]
