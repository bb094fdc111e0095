"""Starting as root and running as somebody else (`user:`)."""

from __future__ import annotations

import ctypes
import os
import pwd

from master import safety
from master.config import MasterSettings
from master.errors import ConfigError

_PR_SET_NO_NEW_PRIVS = 38
_SHARED = ("/", "/var", "/var/log", "/var/run", "/run", "/tmp", "/etc")  # noqa: S108 - never given away


def become(settings: MasterSettings) -> None:
    """Gives the master's folders to the user that it is to run as, and becomes that user for good.

    Raises:
        ConfigError: there is no such user, or this process may not become it.
        UnsafePath: a folder could lead anywhere.
    """
    from master.cli.common import switch_user

    if os.geteuid() == 0 and settings.user != "root":
        try:
            entry = pwd.getpwnam(settings.user)
        except KeyError:
            raise ConfigError(f"{settings.conf_file}: there is no user {settings.user} (option user)") from None
        os.umask(0o022)  # missing parents of the folders must let the user through
        for folder in _folders(settings):
            _give(folder, entry.pw_uid, entry.pw_gid)
        switch_user(settings.user)
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    else:
        switch_user(settings.user)


def _give(folder: str, uid: int, gid: int) -> None:
    """Gives root's folder to the user, made if it is missing; what lies in the user's own folders he makes himself.

    Root must not follow a link that the user, or whoever took over his processes, has put there.
    """
    above = folder
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if os.lstat(above).st_uid == uid and not os.path.islink(above):
        return
    safety.check_way(above)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    os.fchown(handle, uid, gid)
    os.close(handle)


def _folders(settings: MasterSettings) -> list[str]:
    logs = os.path.dirname(settings.log_file)
    wanted = [settings.pki_dir, settings.cachedir, settings.sock_dir, logs]
    return [folder for folder in wanted if folder and os.path.normpath(folder) not in _SHARED]
