"""Machines for tests have no real disks, so what is taken apart was printed elsewhere."""

from __future__ import annotations

import shutil
from typing import Any, Callable

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader

# sysstat 12.6, two reports; older ones write "Device:"
IOSTAT = """\
Linux 6.1.0 (vm) 	11/20/26 	_x86_64_	(2 CPU)

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
          16.46    0.00    8.64    0.27    0.01   74.63

Device            r/s     rkB/s  %util
sda              1.00      8.00   0.10
dm-0             0.01      0.08   0.00


avg-cpu:  %user   %nice %system %iowait  %steal   %idle
          10.00    0.00    2.00    0.00    0.00   88.00

Device:           r/s     rkB/s  %util
sda              3.00      0,50   0.30
dm-0             0.03      0.02   0.00

"""
# smartctl 7.3
SMART = """\
smartctl 7.3 2022-02-28 r5338 [x86_64-linux-6.1.0] (local build)

=== START OF READ SMART DATA SECTION ===
SMART Attributes Data Structure revision number: 16
Vendor Specific SMART Attributes with Thresholds:
ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE
  5 Reallocated_Sector_Ct   0x0033   100   100   010    Pre-fail  Always       -       0
190 Airflow_Temperature_Cel 0x0032   071   050   000    Old_age   Always       -       29 (Min/Max 21/33)
194 Temperature_Celsius     0x0022   029   045   000    Old_age   Always       -       29 21 33

"""
HDPARM = """

/dev/sda:
 multcount     = 16 (on)
 readonly      =  0 (off)
 geometry      = 30401/255/63, sectors = 488397168, start = 0
 max sectors   = 488397168/488397168, HPA is disabled
 drive state is:  active/idle
 look-ahead    =  1 (on)
"""


@pytest.fixture
def inner(salt: Loader) -> Callable[[str], Any]:
    return salt["disk.iostat"].__globals__.__getitem__


def test_iostat(inner: Callable[[str], Any]) -> None:
    assert inner("_parse_iostat")(IOSTAT) == {
        "sys": {"%user": 13.23, "%nice": 0.0, "%system": 5.32, "%iowait": 0.14, "%steal": 0.01, "%idle": 81.31},
        "sda": {"r/s": 2.0, "rkB/s": 4.25, "%util": 0.2},
        "dm-0": {"r/s": 0.02, "rkB/s": 0.05, "%util": 0.0},
    }
    assert inner("_parse_iostat")("") == {}


@pytest.mark.skipif(shutil.which("iostat") is None, reason="iostat is not installed")
def test_real_iostat(salt: Loader) -> None:
    assert "%idle" in salt["disk.iostat"](1, 1)["sys"]


def test_smart(inner: Callable[[str], Any]) -> None:
    found = inner("_parse_smart")(SMART)
    assert list(found) == [5, 190, 194]
    assert found[5] == {
        "attribute_name": "Reallocated_Sector_Ct",
        "flag": "0x0033",
        "value": 100,
        "worst": 100,
        "thresh": 10,
        "type": "Pre-fail",
        "updated": "Always",
        "when_failed": "-",
        "raw_value": 0,
    }
    assert found[190]["raw_value"] == "29 (Min/Max 21/33)"
    assert found[194]["raw_value"] == [29, 21, 33]


@pytest.mark.skipif(shutil.which("smartctl") is None, reason="smartctl is not installed")
def test_what_is_no_disk_has_no_smart(salt: Loader) -> None:
    with pytest.raises(CommandExecutionError, match="smartctl --attributes /dev/null failed"):
        salt["disk.smart_attributes"]("null")


def test_hdparm(inner: Callable[[str], Any]) -> None:
    assert inner("_parse_hdparm")(HDPARM, "/dev/sda") == {
        "multcount": [16, "on"],
        "readonly": [0, "off"],
        "geometry": [30401, 255, 63, {"sectors": "488397168", "start": "0"}],
        "max_sectors": [488397168, 488397168, "HPA is disabled"],
        "drive_state": ["active", "idle"],
        "look-ahead": [1, "on"],
    }
