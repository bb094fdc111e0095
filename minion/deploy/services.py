"""The service `salt-minion` of a deployed minion, under systemd, OpenRC or System V's init.

A definition is ours if its first line says so; others are left alone, but for a stock minion's, which ours hides
(under systemd it lies in /etc, the package's in /usr) when that is asked for.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import List, Tuple

from minion.deploy import places
from minion.deploy.places import Places
from minion.deploy.releases import Release
from minion.errors import CommandExecutionError

NAME = "salt-minion"
_MARK = "# Written by salt-deploy.\n"
_PACKAGED = ("/usr/lib/systemd/system", "/lib/systemd/system")
_PATIENCE = 120.0
_INEXACT = 0.05  # seconds by which the time of a process's start may be wrong
_UNIT = "minion/salt-minion.service"  # in the release
_GUARD = """#!/bin/sh
{mark}# If whoever tried a release is gone (the power was cut), the one before is put back before the service starts.
cd "$(dirname "$0")" && [ -s trial ] && flock -n trial true || exit 0
read -r current previous <trial
ln -sfn "$current" current
if [ -n "$previous" ]; then ln -sfn "$previous" previous; else rm -f previous; fi
rm -f trial
echo "salt-minion: back to release $current, because the trial of another one was cut short" >&2
"""
_OPENRC = """#!/sbin/openrc-run
{mark}name="Saltern minion"
supervisor=supervise-daemon
command={program}
command_args="-c {config_dir}"
respawn_delay=5
respawn_max=0
umask=077

start_pre() {{
    sh {guard}
}}

depend() {{
    use net
}}
"""
_SYSV = """#!/bin/sh
{mark}### BEGIN INIT INFO
# Provides:          salt-minion
# Required-Start:    $remote_fs $network
# Required-Stop:     $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: The Saltern minion
### END INIT INFO
# chkconfig: 2345 95 5
program={program}
pidfile={pidfile}

start() {{ runs || {{ sh {guard}; "$program" -d -c {config_dir}; }}; }}

runs() {{ [ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; }}

stop() {{
    runs || return 0
    pid=$(cat "$pidfile")
    kill "$pid"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 1
    done
    kill -9 "$pid"
}}

case "$1" in
    start) start ;;
    stop) stop ;;
    restart|force-reload) stop; start ;;
    reload) runs && kill -HUP "$(cat "$pidfile")" ;;
    status) if runs; then echo "salt-minion is running"; else echo "salt-minion is not running"; exit 3; fi ;;
    *) echo "Usage: $0 {{start|stop|restart|reload|status}}" >&2; exit 2 ;;
esac
"""


@dataclass(frozen=True)
class State:
    """What there is of the service.

    Attributes:
        defined: whose the definition is: `ours`, `other` or "" if there is none.
        enabled: whether it is started at boot.
        pid: of the daemon; 0 if it does not run.
    """

    defined: str
    enabled: bool
    pid: int


class Service:
    """The service under one kind of init.

    Args:
        where: places.
        pidfile: of a daemon that systemd did not start.
    """

    path = ""
    hides_others = False  # whether ours can take the place of another definition that stays where it is
    how_to_take_over = "remove its package first"

    def __init__(self, where: Places, pidfile: str) -> None:
        self._where, self._pidfile = where, pidfile

    def state(self) -> State:
        """What there is now."""
        raise NotImplementedError

    def text(self, release: Release) -> str:
        """The definition as it should be."""
        program = os.path.join(self._where.current, "bin", NAME)
        return self._template(release).format(
            mark=_MARK,
            program=program,
            config_dir=self._where.config_dir,
            pidfile=shlex.quote(self._pidfile),
            guard=self._where.guard,
        )

    def fits(self, release: Release) -> bool:
        """Whether the definition is as it should be."""
        return places.read(self.path) == self.text(release).encode() and places.read(self._where.guard) == self._guard()

    def write(self, release: Release) -> None:
        """Writes the definition."""
        places.write(self._where.guard, self._guard(), 0o755)
        places.make_folder(os.path.dirname(self.path))
        places.write(self.path, self.text(release).encode(), self._mode)

    def define(self, release: Release) -> None:
        """Sees to it that the definition is as it should be, and that it is started at boot."""
        if not self.fits(release):
            self.write(release)
            self.enable()
        elif not self.state().enabled:
            self.enable()

    def enable(self) -> None:
        """Has it started at boot; whatever starts services reads the definition anew."""
        raise NotImplementedError

    def restart(self) -> None:
        """Starts it, or starts it anew."""
        raise NotImplementedError

    def remove(self) -> None:
        """Stops it and removes our definition."""
        raise NotImplementedError

    _mode = 0o755

    def _template(self, release: Release) -> str:
        raise NotImplementedError

    def _guard(self) -> bytes:
        return _GUARD.format(mark=_MARK).encode()

    def _defined(self) -> str:
        content = places.read(self.path)
        if content is None:
            return "other" if os.path.lexists(self.path) else ""
        return "ours" if _MARK.encode() in content[:200] else "other"

    def _pid_in_file(self) -> int:
        found = (places.read(self._pidfile) or b"").strip()
        return int(found) if found.isdigit() and os.path.isdir(f"/proc/{int(found)}") else 0


class Systemd(Service):
    """Under systemd."""

    hides_others = True
    how_to_take_over = "deploy with --take-over to have ours take its place, or remove it"
    _mode = 0o644

    def __init__(self, where: Places, pidfile: str) -> None:
        super().__init__(where, pidfile)
        self.path = os.path.join(where.units, f"{NAME}.service")

    def state(self) -> State:
        shown = _run("systemctl", "show", "-p", "ActiveState,MainPID,UnitFileState", NAME, check=False)
        values = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        pid = int(values.get("MainPID") or 0)
        defined = self._defined()
        if not defined and _is_packaged():
            defined = "other"
        return State(defined, values.get("UnitFileState") == "enabled", pid)

    def enable(self) -> None:
        _run("systemctl", "enable", "--quiet", NAME)

    def restart(self) -> None:
        _run("systemctl", "restart", NAME)

    def remove(self) -> None:
        _run("systemctl", "disable", "--quiet", "--now", NAME, check=False)
        places.remove_file(self.path)
        _run("systemctl", "daemon-reload")
        _run("systemctl", "reset-failed", NAME, check=False)
        if _is_packaged():  # the one whose place ours took
            _run("systemctl", "enable", "--quiet", "--now", NAME)

    def text(self, release: Release) -> str:
        packaged = (places.read(os.path.join(release.lib, _UNIT)) or b"").decode()
        if "\nExecStart=" not in packaged:
            raise CommandExecutionError(f"the release {release.name} brings no unit file")
        program = os.path.join(self._where.current, "bin", NAME)
        command = f"\nExecStartPre=-/bin/sh {self._where.guard}\nExecStart={program} -c {self._where.config_dir}"
        return _MARK + re.sub(r"\nExecStart=[^\n]*", lambda _: command, packaged)


class OpenRC(Service):
    """Under OpenRC."""

    def __init__(self, where: Places, pidfile: str) -> None:
        super().__init__(where, pidfile)
        self.path = os.path.join(where.scripts, NAME)

    def state(self) -> State:
        pid = self._pid_in_file() or _pid_of(self._where)
        return State(self._defined(), os.path.lexists(f"/etc/runlevels/default/{NAME}"), pid)

    def enable(self) -> None:
        _run("rc-update", "add", NAME, "default")

    def restart(self) -> None:
        _run("rc-service", NAME, "restart")

    def remove(self) -> None:
        _run("rc-service", NAME, "stop", check=False)
        _run("rc-update", "del", NAME, check=False)
        places.remove_file(self.path)

    def _template(self, release: Release) -> str:
        return _OPENRC


class SystemV(Service):
    """Under System V's init."""

    def __init__(self, where: Places, pidfile: str) -> None:
        super().__init__(where, pidfile)
        self.path = os.path.join(where.scripts, NAME)

    def state(self) -> State:
        levels = [f"/etc/rc{level}.d" for level in "2345"] + [f"/etc/rc.d/rc{level}.d" for level in "2345"]
        started = [name for folder in levels for name in _names(folder) if re.fullmatch(f"S[0-9]+{NAME}", name)]
        return State(self._defined(), bool(started), self._pid_in_file())

    def enable(self) -> None:
        if shutil.which("update-rc.d"):
            _run("update-rc.d", NAME, "defaults")
        else:
            _run("chkconfig", "--add", NAME)

    def restart(self) -> None:
        _run(self.path, "restart")

    def remove(self) -> None:
        _run(self.path, "stop", check=False)
        if not shutil.which("update-rc.d"):
            _run("chkconfig", "--del", NAME, check=False)
        places.remove_file(self.path)
        if shutil.which("update-rc.d"):
            _run("update-rc.d", NAME, "remove", check=False)

    def _template(self, release: Release) -> str:
        return _SYSV


def of(init: str, where: Places, pidfile: str) -> Service:
    """The service under this init.

    Raises:
        CommandExecutionError: there is none.
    """
    kinds = {"systemd": Systemd, "openrc": OpenRC, "sysv": SystemV}
    if init not in kinds:
        raise CommandExecutionError(
            "nothing is known here that starts services (systemd, OpenRC, init scripts): deploy with --no-service, "
            f"and have {os.path.join(where.current, 'bin', NAME)} started by other means"
        )
    return kinds[init](where, pidfile)


def runs(pid: int, release: Release, newer_than: Tuple[str, ...] = ()) -> bool:
    """Whether a process runs this release, and was started after these files were written."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
            if not any(f" {release.lib}/" in line for line in maps):
                return False
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            ticks = int(stat.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return False
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    begun = time.time() - age + _INEXACT
    return all(_time_of(path) <= begun for path in newer_than)


def _is_packaged() -> bool:
    """Whether a package brings the service."""
    return any(os.path.lexists(os.path.join(folder, f"{NAME}.service")) for folder in _PACKAGED)


def _time_of(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0


def _pid_of(where: Places) -> int:
    """The daemon that OpenRC's supervisor started, which writes no file."""
    program = os.path.join(where.current, "bin", NAME).encode()
    for name in _names("/proc"):
        if name.isdigit() and program in (places.read(f"/proc/{name}/cmdline") or b"").split(b"\0")[:4]:
            return int(name)
    return 0


def _names(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _run(*command: str, check: bool = True) -> str:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise CommandExecutionError(f"{' '.join(command)}: {exc}") from None
    if check and done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise CommandExecutionError(f"{' '.join(command)} failed: {said or f'exit code {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")
