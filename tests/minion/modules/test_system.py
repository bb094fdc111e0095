"""The clock is only read, and the system stays up: programs that would end it are replaced by ones that say so."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _systemd


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("halt", "init", "poweroff", "shutdown"):
        (folder / name).write_text(f'#!/bin/sh\necho {name} "$@"\n[ "$2" != bad ]\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def test_ending_the_system(salt: Loader, programs: Path) -> None:
    assert salt["system.halt"]() == "halt"
    assert salt["system.init"](3) == "init 3"
    assert salt["system.poweroff"]() == "poweroff"
    assert salt["system.reboot"]() == "shutdown -r now"
    assert salt["system.reboot"](5) == "shutdown -r +5"
    assert salt["system.shutdown"]("12:30") == "shutdown -h 12:30"
    with pytest.raises(CommandExecutionError, match="shutdown -h bad failed with return code 1"):
        salt["system.shutdown"]("bad")


def test_reading_the_clock(salt: Loader) -> None:
    now = datetime.datetime.now(datetime.UTC)
    ahead = salt["system.get_system_date_time"]("+0530")
    parsed = datetime.datetime.strptime(ahead, "%Y-%m-%d %H:%M:%S")
    assert abs((parsed - now.replace(tzinfo=None)).total_seconds() - 5.5 * 3600) < 5
    assert salt["system.get_system_date_time"]("-0530") < salt["system.get_system_date_time"]("0000")
    datetime.datetime.strptime(salt["system.get_system_time"](), "%I:%M:%S %p")
    datetime.datetime.strptime(salt["system.get_system_date"]("+0000"), "%a %m/%d/%Y")
    for offset in ("5", "+5:30", "+530", "x"):
        with pytest.raises(SaltInvocationError, match="Invalid UTC offset"):
            salt["system.get_system_time"](offset)


@pytest.fixture
def clock(salt: Loader, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock was set to."""
    seen: list[float] = []
    monkeypatch.setattr(time, "clock_settime", lambda _, moment: seen.append(moment))
    monkeypatch.setitem(salt["system.halt"].__globals__, "has_settable_hwclock", lambda: False)
    return seen


def test_setting_the_clock(salt: Loader, clock: list[float]) -> None:
    assert salt["system.set_system_date_time"](2015, 5, 12, 11, 37, 53, "-0500") is True
    assert clock.pop() == datetime.datetime(2015, 5, 12, 16, 37, 53, tzinfo=datetime.UTC).timestamp()
    assert salt["system.set_system_date"]("03/28/13", "+0000") is True
    set_to = datetime.datetime.fromtimestamp(clock.pop(), datetime.UTC)
    assert (set_to.date(), set_to.microsecond) == (datetime.date(2013, 3, 28), 0)
    assert salt["system.set_system_time"]("11:20:01 PM") is True
    assert datetime.datetime.fromtimestamp(clock.pop()).time() == datetime.time(23, 20, 1)
    assert salt["system.set_system_time"]("half past") is False
    with pytest.raises(SaltInvocationError, match="Invalid date format"):
        salt["system.set_system_date"]("tomorrow")
    with pytest.raises(SaltInvocationError, match="month"):
        salt["system.set_system_date_time"](months=13)
    assert clock == []


def test_a_clock_that_refuses(salt: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(time, "clock_settime", refuse)
    with pytest.raises(CommandExecutionError, match="Operation not permitted"):
        salt["system.set_system_date_time"](2015)


def test_description(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "machine-info"
    monkeypatch.setitem(salt["system.halt"].__globals__, "_MACHINE_INFO", str(path))
    monkeypatch.setattr(_systemd, "booted", lambda: False)
    assert salt["system.get_computer_desc"]() == ""
    for text in ("Plain", 'Ann\'s "big" box', "C:\\new\ttab", "two\nlines", "$HOME `x`", ""):
        assert salt["system.set_computer_desc"](text) is True
        assert salt["system.get_computer_desc"]() == text
    path.write_text("ICON_NAME=computer\n PRETTY_HOSTNAME='single quoted'\nCHASSIS=vm\n")
    assert salt["system.get_computer_desc"]() == "single quoted"
    salt["system.set_computer_desc"]("new")
    assert path.read_text() == 'ICON_NAME=computer\nCHASSIS=vm\nPRETTY_HOSTNAME="new"\n'


def test_reboot_witness(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    witness = tmp_path / "run/salt/reboot_witnessed"
    monkeypatch.setitem(salt["system.halt"].__globals__, "_REBOOT_WITNESS", str(witness))
    assert salt["system.get_reboot_required_witnessed"]() is False
    assert salt["system.set_reboot_required_witnessed"]() is True
    assert salt["system.get_reboot_required_witnessed"]() is True


def test_names(salt: Loader) -> None:
    assert salt["system.get_computer_name"]() == salt["network.get_hostname"]()
