from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _systemd

pytestmark = pytest.mark.skipif(
    not os.path.exists("/usr/share/zoneinfo/Europe/Paris"), reason="there are no zones here"
)


@pytest.fixture
def etc(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = salt["timezone.get_zone"].__globals__
    for name in ("_LOCALTIME", "_TIMEZONE", "_ADJTIME"):
        monkeypatch.setitem(names, name, str(tmp_path / name))
    monkeypatch.setattr(_systemd, "booted", lambda: False)
    return tmp_path


def test_the_zone_is_where_the_link_points(salt: Loader, etc: Path) -> None:
    (etc / "_LOCALTIME").symlink_to("../usr/share/zoneinfo/America/Argentina/Ushuaia")
    assert salt["timezone.get_zone"]() == "America/Argentina/Ushuaia"


def test_the_zone_of_a_copy(salt: Loader, etc: Path) -> None:
    shutil.copy("/usr/share/zoneinfo/Asia/Kathmandu", etc / "_LOCALTIME")
    assert salt["timezone.get_zone"]() in ("Asia/Kathmandu", "Asia/Katmandu")
    assert salt["timezone.zone_compare"]("Asia/Kathmandu") is True
    assert salt["timezone.zone_compare"]("Europe/Paris") is False
    (etc / "_LOCALTIME").write_text("no zone")
    with pytest.raises(CommandExecutionError, match="Unable to determine timezone"):
        salt["timezone.get_zone"]()
    (etc / "_TIMEZONE").write_text("Europe/Rome\n")
    assert salt["timezone.get_zone"]() == "Europe/Rome"


def test_no_zone_is_utc(salt: Loader, etc: Path) -> None:
    assert salt["timezone.get_zone"]() == "UTC"
    assert salt["timezone.zone_compare"]("UTC") is True


def test_set_zone(salt: Loader, etc: Path) -> None:
    assert salt["timezone.set_zone"]("Europe/Paris") is True
    assert os.readlink(etc / "_LOCALTIME") == "/usr/share/zoneinfo/Europe/Paris"
    assert (etc / "_TIMEZONE").read_text() == "Europe/Paris\n"
    assert salt["timezone.set_zone"]("Asia/Tokyo") is True
    assert salt["timezone.get_zone"]() == "Asia/Tokyo"
    assert salt["timezone.zone_compare"]("Asia/Tokyo") is True
    assert salt["timezone.zone_compare"]("Europe/Paris") is False


@pytest.mark.parametrize("name", ["Nowhere/Land", "../../../etc/passwd", "/etc/passwd", "Europe", "", "Europe/../UTC"])
def test_zones_that_are_none(salt: Loader, etc: Path, name: str) -> None:
    with pytest.raises(SaltInvocationError, match="Zone does not exist"):
        salt["timezone.set_zone"](name)
    with pytest.raises(SaltInvocationError, match="Can't find a local timezone"):
        salt["timezone.zone_compare"](name)
    assert list(etc.glob("_*")) == []


def test_code_and_offset(salt: Loader) -> None:
    said = subprocess.run(["date", "+%Z %z"], check=True, capture_output=True, text=True).stdout.split()
    assert [salt["timezone.get_zonecode"](), salt["timezone.get_offset"]()] == said


def test_hardware_clock(salt: Loader, etc: Path) -> None:
    assert salt["timezone.get_hwclock"]() == "UTC"
    assert salt["timezone.set_hwclock"]("localtime") is True
    assert (etc / "_ADJTIME").read_text() == "0.0 0 0.0\n0\nLOCAL\n"
    assert salt["timezone.get_hwclock"]() == "localtime"
    (etc / "_ADJTIME").write_text("0.5 17 0.0\n17\nLOCAL\n")
    assert salt["timezone.set_hwclock"]("UTC") is True
    assert (etc / "_ADJTIME").read_text() == "0.5 17 0.0\n17\nUTC\n"
    with pytest.raises(SaltInvocationError, match="Only 'UTC' and 'localtime'"):
        salt["timezone.set_hwclock"]("moon")
