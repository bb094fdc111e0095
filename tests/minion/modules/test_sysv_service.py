from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader
from minion.modules import _scripts, _systemd, _tools

NAME = "sltn-script"
SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          {name}
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
### END INIT INFO
case "$1" in
  start) touch {flag} ;;
  stop) rm -f {flag} ;;
  restart|reload|force-reload) echo "$1" >{flag} ;;
  status) test -e {flag} ;;
  *) exit 2 ;;
esac
"""


@pytest.fixture
def script(salt: Loader, tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or not _systemd.scripts_are_used() or not _tools.which("update-rc.d"):
        pytest.skip("needs root on a system of the Debian family whose services are init scripts")
    flag = tmp_path / "flag"
    path = Path("/etc/init.d") / NAME
    path.write_text(SCRIPT.format(name=NAME, flag=flag))
    path.chmod(0o755)
    yield flag
    path.unlink()
    _tools.succeeds(salt, ["update-rc.d", NAME, "remove"])


def test_run(salt: Loader, script: Path) -> None:
    assert salt["service.available"](NAME) is True
    assert salt["service.missing"]("nonesuch") is True
    assert salt["service.status"](NAME) is False
    assert salt["service.start"](NAME) is True
    assert salt["service.status"](NAME) is True
    assert salt["service.status"]("sltn-*") == {NAME: True}
    for action in ("restart", "reload", "force_reload"):
        assert salt[f"service.{action}"](NAME) is True
        assert script.read_text().strip() == action.replace("_", "-")
    assert salt["service.stop"](NAME) is True
    assert not script.exists()
    assert salt["service.start"]("nonesuch") is False
    assert salt["service.status"]("nonesuch") is False


def test_boot(salt: Loader, script: Path) -> None:
    assert salt["service.enabled"](NAME) is False
    assert NAME in salt["service.get_disabled"]()
    assert salt["service.enable"](NAME) is True
    assert salt["service.enabled"](NAME) is True
    assert NAME in salt["service.get_enabled"]()
    assert NAME in salt["service.get_all"]()
    assert salt["service.disable"](NAME) is True
    assert salt["service.disabled"](NAME) is True
    assert salt["service.enable"](NAME) is True


@pytest.mark.parametrize("name", ["../../bin/true", "", "-f", "/bin/true"])
def test_names_stay_in_their_folder(name: str) -> None:
    with pytest.raises(SaltInvocationError, match="not the name of a service"):
        _scripts.command(name, "start")
    with pytest.raises(SaltInvocationError, match="not the name of a service"):
        _scripts.boot_commands(name, True, [])


def test_run_levels_of_openrc() -> None:
    output = """\
             bootmisc | boot
                sshd |      default
           local.d |
             netmount | default nonetwork
"""
    assert _scripts.parse_run_levels(output) == {
        "bootmisc": ["boot"],
        "sshd": ["default"],
        "netmount": ["default", "nonetwork"],
    }
