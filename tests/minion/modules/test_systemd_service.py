"""systemd below a scratch root; what needs it as the booted init is tested on machines."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader
from minion.modules import _systemd

# all captured on Debian 12
UNITS = """\
proc-sys-fs-binfmt_misc.automount loaded active waiting Arbitrary Executable File Formats File System Automount Point
home.mount                                                        not-found inactive dead      home.mount
run-credentials-systemd\\x2dsysusers.service.mount                 loaded    active   mounted   /run/credentials
init.scope                                                        loaded    active   running   System Manager
cron.service                                                      loaded    active   running   Regular background
getty@tty1.service                                                loaded    active   running   Getty on tty1
bad.service                                                       loaded    failed   failed    Broken
dbus.socket                                                       loaded    active   running   D-Bus Socket
apt-daily.timer                                                   loaded    active   waiting   Daily apt activities
"""
UNIT_FILES = """\
sys-kernel-config.mount                static          -
console-getty.service                  enabled-runtime disabled
cron.service                           enabled         enabled
cryptdisks.service                     masked          enabled
debug-shell.service                    disabled        disabled
getty@.service                         enabled         enabled
sshd.service                           alias           -
user.slice                             static          -
ssh.socket                             disabled        enabled
fstrim.timer                           enabled
"""
SHOW = """\
Restart=on-failure
ExecStart={ path=/usr/sbin/cron ; argv[]=/usr/sbin/cron -f $EXTRA_OPTS ; ignore_errors=no ; start_time=[n/a] ; pid=29 }
EnvironmentFiles=/etc/default/cron (ignore_errors=yes)
Id=cron.service
Wants=
After=basic.target sysinit.target remote-fs.target
Description=Regular background program = processing daemon
"""
WANTED = (
    "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nAlias=nick.service\n"
)


def test_units_by_state() -> None:
    assert _systemd.parse_units(UNITS, "running") == {"cron", "getty@tty1", "dbus.socket"}
    assert _systemd.parse_units(UNITS, "mounted") == {"run-credentials-systemd\\x2dsysusers.service.mount"}
    assert _systemd.parse_units("", "running") == set()


def test_unit_files_by_state() -> None:
    assert _systemd.parse_unit_files(UNIT_FILES, "enabled") == {"cron", "getty@", "fstrim.timer"}
    assert _systemd.parse_unit_files(UNIT_FILES, "disabled") == {"debug-shell", "ssh.socket"}
    assert _systemd.parse_unit_files(UNIT_FILES, "static") == {"sys-kernel-config.mount"}


def test_properties() -> None:
    found = _systemd.parse_show(SHOW)
    assert found["ExecStart"]["path"] == "/usr/sbin/cron"
    assert found["ExecStart"]["argv[]"] == "/usr/sbin/cron -f $EXTRA_OPTS"
    assert found["EnvironmentFiles"] == "/etc/default/cron (ignore_errors=yes)"
    assert (found["Wants"], found["After"]) == ([], ["basic.target", "sysinit.target", "remote-fs.target"])
    assert found["Description"] == "Regular background program = processing daemon"
    assert [one["Id"] for one in _systemd.parse_show_many("Id=a\n\nId=b\nExecStart={ path=/x }\n\n")] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("cron", "cron.service"),
        ("cron.service", "cron.service"),
        ("dbus.socket", "dbus.socket"),
        ("my.app", "my.app.service"),
        ("myservice", "myservice.service"),
        ("getty@tty1", "getty@tty1.service"),
        ("user.slice", "user.slice"),
    ],
)
def test_names_of_units(name: str, unit: str) -> None:
    assert _systemd.unit(name) == unit


def test_templates() -> None:
    assert _systemd.is_template("getty@") and _systemd.is_template("getty@.service")
    assert not _systemd.is_template("getty@tty1") and not _systemd.is_template("getty")


@pytest.fixture
def systemd(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """The modules as on a system without init scripts, and a root with a few units."""
    if shutil.which("systemctl") is None:
        pytest.skip("systemctl is not installed")
    monkeypatch.setattr(_systemd, "scripts_are_used", lambda: False)
    units = tmp_path / "lib/systemd/system"
    units.mkdir(parents=True)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    for name in ("web.service", "worker@.service", "web.timer"):
        (units / name).write_text(WANTED if name == "web.service" else WANTED.replace("Alias=nick.service\n", ""))
    (units / "fixed.service").write_text("[Service]\nExecStart=/bin/true\n")
    (units / "README").touch()
    (tmp_path / "etc/init.d").mkdir()
    for script in ("old", "older", "fixed"):
        (tmp_path / "etc/init.d" / script).write_text("#!/bin/sh\n")
        (tmp_path / "etc/init.d" / script).chmod(0o755)
    (tmp_path / "etc/init.d/README").touch()
    (tmp_path / "etc/rc2.d").mkdir()
    (tmp_path / "etc/rc2.d/S01old").symlink_to("../init.d/old")
    return salt


def test_enable_and_disable(systemd: Loader, tmp_path: Path) -> None:
    root = str(tmp_path)
    assert systemd["service.disabled"]("web", root=root) is True
    assert systemd["service.enable"]("web", root=root) is True
    assert os.readlink(tmp_path / "etc/systemd/system/multi-user.target.wants/web.service").endswith("/web.service")
    assert systemd["service.enabled"]("web", root=root) is True
    assert systemd["service.enabled"]("nick", root=root) is True  # an alias
    assert systemd["service.enable"]("worker@7", root=root) is True
    assert systemd["service.enabled"]("worker@7", root=root) is True
    assert systemd["service.disable"]("web.service", root=root) is True
    assert systemd["service.enabled"]("web", root=root) is False
    assert systemd["service.enabled"]("fixed", root=root) is True  # static
    assert systemd["service.enabled"]("nonesuch", root=root) is False
    with pytest.raises(CommandExecutionError, match=r"nonesuch\.service"):
        systemd["service.enable"]("nonesuch", root=root)


def test_masks(systemd: Loader, tmp_path: Path) -> None:
    root = str(tmp_path)
    assert systemd["service.masked"]("web", root=root) is False
    assert systemd["service.unmask"]("web", root=root) is True
    assert systemd["service.mask"]("web", root=root) is True
    assert systemd["service.masked"]("web", root=root) is True
    assert systemd["service.masked"]("web", runtime=True, root=root) is False
    with pytest.raises(CommandExecutionError, match="masked"):
        systemd["service.enable"]("web", root=root)
    assert systemd["service.enable"]("web", root=root, unmask=True) is True
    assert systemd["service.masked"]("web", root=root) is False
    assert systemd["service.mask"]("web", runtime=True, root=root) is True
    assert systemd["service.masked"]("web", runtime=True, root=root) is True
    assert systemd["service.unmask"]("web", runtime=True, root=root) is True
    assert systemd["service.masked"]("web", runtime=True, root=root) is False


def test_lists(systemd: Loader, tmp_path: Path) -> None:
    root = str(tmp_path)
    systemd["service.enable"]("web", root=root)
    assert systemd["service.get_all"](root=root) == ["fixed", "nick", "old", "older", "web", "web.timer", "worker@"]
    assert systemd["service.get_enabled"](root=root) == ["old", "web"]
    assert systemd["service.get_disabled"](root=root) == ["older", "web.timer", "worker@"]
    assert systemd["service.get_static"](root=root) == ["fixed"]


@pytest.mark.parametrize("name", ["-rf", "--version", "--root=/x"])
def test_names_are_never_options(systemd: Loader, tmp_path: Path, name: str) -> None:
    assert systemd["service.enabled"](name, root=str(tmp_path)) is False
    with pytest.raises(CommandExecutionError):
        systemd["service.enable"](name, root=str(tmp_path))


def test_without_a_running_systemd(systemd: Loader) -> None:
    if _systemd.booted():
        pytest.skip("systemd runs here")
    assert systemd["service.offline"]() is True
    assert systemd["service.status"]("web") is False
    for function in ("available", "missing", "start", "restart", "reload", "show"):
        with pytest.raises(CommandExecutionError):
            systemd[f"service.{function}"]("web")
    assert systemd["service.stop"]("web") is False


def test_firstboot(systemd: Loader, tmp_path: Path) -> None:
    if shutil.which("systemd-firstboot") is None:
        pytest.skip("systemd-firstboot is not installed")
    (tmp_path / "usr").mkdir()
    assert systemd["service.firstboot"](hostname="box7", root=str(tmp_path)) is True
    assert (tmp_path / "etc/hostname").read_text() == "box7\n"
    with pytest.raises(CommandExecutionError, match="systemd-firstboot error"):
        systemd["service.firstboot"](hostname="no name", root=str(tmp_path))
