"""Services that are init scripts; systemd takes the same way through these states."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, List

import pytest

from minion.modules import _systemd, _tools
from tests.minion.states.calls import State

NAME = "sltn-state"
SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          {name}
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
### END INIT INFO
echo "$1" >>{log}
case "$1" in
  start) test ! -e {broken} && touch {flag} ;;
  stop) rm -f {flag} ;;
  restart|reload|force-reload) ;;
  status) test -e {flag} ;;
esac
"""


class Script:
    """The init script: whether it runs, and what it was told."""

    def __init__(self, folder: Path) -> None:
        self.flag, self.log, self.broken = folder / "flag", folder / "log", folder / "broken"
        self.path = Path("/etc/init.d") / NAME
        self.path.write_text(SCRIPT.format(name=NAME, flag=self.flag, log=self.log, broken=self.broken))
        self.path.chmod(0o755)

    def told(self) -> List[str]:
        """What it was told since the last question, but to say whether it runs."""
        said = [word for word in self.log.read_text().split() if word != "status"]
        self.log.write_text("")
        return said


@pytest.fixture
def script(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    if os.geteuid() != 0 or not _systemd.scripts_are_used() or not _tools.which("update-rc.d"):
        pytest.skip("needs root on a system of the Debian family whose services are init scripts")
    monkeypatch.setattr(_systemd, "offline", lambda: False)  # as on a system that knows no systemd
    made = Script(tmp_path)
    yield made
    made.path.unlink()
    _tools.succeeds(state.box.loaders().modules, ["update-rc.d", NAME, "remove"])


def test_running(state: State, script: Script) -> None:
    predicted, first, second = state.converge("service.running", NAME)
    assert predicted["comment"] == f"Service {NAME} is set to start"
    assert (first["comment"], first["changes"]) == (f"Started service {NAME}", {NAME: True})
    assert second["comment"] == f"The service {NAME} is already running"
    assert script.told() == ["start"]


def test_dead(state: State, script: Script) -> None:
    script.flag.touch()
    predicted, first, second = state.converge("service.dead", NAME)
    assert predicted["comment"] == f"Service {NAME} is set to be killed"
    assert (first["comment"], first["changes"]) == (f"Service {NAME} was killed", {NAME: False})
    assert second["comment"] == f"The service {NAME} is already dead"
    assert script.told() == ["stop"]


def test_start_and_boot_together(state: State, script: Script) -> None:
    _, first, _ = state.converge("service.running", NAME, enable=True)
    assert (first["comment"], first["changes"]) == (f"Service {NAME} has been enabled, and is running", {NAME: True})
    assert state.box.call("service.enabled", NAME) is True
    predicted, first, _ = state.converge("service.running", NAME, enable="False")
    assert predicted["comment"] == f"Service {NAME} set to be disabled"
    assert first["comment"] == f"Service {NAME} has been disabled, and is in the desired state"
    _, first, _ = state.converge("service.dead", NAME, enable=True)
    assert first["comment"] == f"Service {NAME} has been enabled, and is dead"


def test_enabled_and_disabled(state: State, script: Script) -> None:
    predicted, first, second = state.converge("service.enabled", NAME)
    assert predicted["comment"] == f"Service {NAME} set to be enabled"
    assert first["comment"] == f"Service {NAME} has been enabled, and is in the desired state"
    assert second["comment"] == f"Service {NAME} is already enabled, and is in the desired state"
    _, first, second = state.converge("service.disabled", NAME)
    assert first["comment"] == f"Service {NAME} has been disabled, and is in the desired state"
    assert second["comment"] == f"Service {NAME} is already disabled, and is in the desired state"


def test_a_service_that_does_not_start_fails(state: State, script: Script) -> None:
    script.broken.touch()
    assert state.fails("service.running", NAME) == f"Service {NAME} failed to start"
    result = state("service.running", NAME, enable=True)
    assert result["result"] is False
    assert result["comment"] == f"Service {NAME} has been enabled, and is dead"


def test_missing_services(state: State, script: Script) -> None:
    missing = "The named service sltn-none is not available"
    assert state.fails("service.running", "sltn-none") == missing
    assert state.fails("service.enabled", "sltn-none") == missing
    for function, word in (("running", "started"), ("dead", "stopped"), ("enabled", "enabled")):
        result = state(f"service.{function}", "sltn-none", test=True)
        assert result["result"] is None
        assert result["comment"].endswith(f"if created in this state run, it would have been {word}")
    for function in ("dead", "disabled"):
        result = state(f"service.{function}", "sltn-none")
        assert (result["result"], result["comment"]) == (True, missing)


def test_enabled_is_no_option(state: State, script: Script) -> None:
    comment = state.fails("service.running", NAME, enabled=True)
    assert comment == f'Service {NAME} uses non-existent option "enabled".  Perhaps "enable" option was intended?'


@pytest.mark.parametrize(
    ("options", "done", "told"),
    [
        ([], "restarted", ["restart"]),
        ([{"reload": True}], "reloaded", ["reload"]),
        ([{"reload": True}, {"force": True}], "forcefully reloaded", ["force-reload"]),
    ],
)
def test_a_watched_change_restarts_or_reloads(
    state: State, script: Script, options: List[object], done: str, told: List[str]
) -> None:
    script.flag.touch()
    high = {
        "change": {"test": ["succeed_with_changes"]},
        NAME: {"service": ["running", {"watch": [{"test": "change"}]}, *options]},
    }
    tag = f"service_|-{NAME}_|-{NAME}_|-running"
    predicted = state.box.call("state.high", high, test=True)[tag]
    assert (predicted["result"], predicted["comment"]) == (None, f"Service is set to be {done}")
    result = state.box.call("state.high", high)[tag]
    assert (result["comment"], result["changes"]) == (f"Service {done}", {NAME: True})
    assert script.told() == told


def test_a_watched_change_stops_what_shall_be_dead(state: State, script: Script) -> None:
    result = state("service.mod_watch", NAME, sfun="dead")
    assert (result["result"], result["comment"]) == (True, "Service is already stopped")
    script.flag.touch()
    result = state("service.mod_watch", NAME, sfun="dead")
    assert (result["comment"], result["changes"]) == ("Service stopped", {NAME: True})
    assert state.fails("service.mod_watch", NAME, sfun="enabled") == "Unable to trigger watch for service.enabled"


def test_init_scripts_have_no_masks(state: State, script: Script) -> None:
    assert state.fails("service.masked", NAME) == "Service masking not available on this minion"


def test_where_systemd_does_not_run_nothing_is_started(
    state: State, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_systemd, "offline", lambda: True)
    for function in ("running", "dead"):
        result = state(f"service.{function}", NAME, enable=True)
        assert (result["result"], result["changes"]) == (True, {})
        assert result["comment"] == "Running in OFFLINE mode. Nothing to do"
    assert not script.log.exists()
