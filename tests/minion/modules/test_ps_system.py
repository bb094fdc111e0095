from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader


def test_cpu(salt: Loader) -> None:
    assert salt["ps.num_cpus"]() == os.cpu_count()
    each = salt["ps.cpu_times"](per_cpu=True)
    assert len(each) == len(salt["ps.cpu_percent"](interval=0.01, per_cpu=True)) >= 1
    assert list(salt["ps.cpu_times"]())[:5] == ["user", "nice", "system", "idle", "iowait"]
    assert salt["ps.cpu_times"]()["idle"] > 0
    assert 0 <= salt["ps.cpu_percent"](interval=0.01) <= 100


def test_busy_share(salt: Loader) -> None:
    busy = salt["ps.cpu_percent"].__globals__["_busy"]
    before = {"user": 10.0, "system": 1.0, "idle": 50.0, "iowait": 4.0, "guest": 9.0}
    after = {"user": 12.0, "system": 2.0, "idle": 55.0, "iowait": 6.0, "guest": 11.0}
    assert busy(before, after) == 30.0
    assert busy(before, before) == 0.0


def test_memory(salt: Loader) -> None:
    memory = salt["ps.virtual_memory"]()
    assert memory["total"] == salt["ps.total_physical_memory"]() > memory["available"] > 0
    assert memory["used"] + memory["available"] == memory["total"]
    assert set(salt["ps.swap_memory"]()) == {"total", "used", "free", "percent", "sin", "sout"}


def test_disks(salt: Loader, tmp_path: Path) -> None:
    every = salt["ps.disk_partitions"](all=True)
    assert "/proc" in [one["mountpoint"] for one in every]
    assert "/proc" not in [one["mountpoint"] for one in salt["ps.disk_partitions"]()]
    assert set(every[0]) == {"device", "mountpoint", "fstype", "opts"}
    usage = salt["ps.disk_usage"](str(tmp_path))
    assert usage["total"] == shutil.disk_usage(tmp_path).total
    assert 0 <= usage["percent"] <= 100
    assert all("percent" in one for one in salt["ps.disk_partition_usage"]())
    with pytest.raises(CommandExecutionError, match="/nonexistent: No such file"):
        salt["ps.disk_usage"]("/nonexistent")


def test_counters(salt: Loader) -> None:
    total, loopback = salt["ps.network_io_counters"](), salt["ps.network_io_counters"]("lo")
    assert list(total) == list(loopback)
    assert total["bytes_recv"] >= loopback["bytes_recv"] == loopback["bytes_sent"]
    assert salt["ps.network_io_counters"]("nonesuch0") is False
    assert salt["ps.disk_io_counters"]("nonesuch0") is False
    disks = salt["ps.disk_io_counters"]()
    assert not disks or disks["read_bytes"] >= 0


def test_boot_time(salt: Loader) -> None:
    seconds = salt["ps.boot_time"]()
    assert salt["ps.boot_time"]("%s") == str(seconds)


def test_users(salt: Loader) -> None:
    assert isinstance(salt["ps.get_users"](), list)
