from __future__ import annotations

import os
from pathlib import Path

from minion.loader import Loader


def test_cpus(salt: Loader) -> None:
    stats = salt["status.cpustats"]()
    assert set(stats["cpu"]) == {"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}
    assert stats["intr"]["total"] >= sum(stats["intr"]["irqs"][:1])
    assert isinstance(stats["ctxt"], int) and "softirqs" in stats["softirq"]
    info = salt["status.cpuinfo"]()
    assert info and isinstance(info.get("flags", []), list)


def test_memory(salt: Loader) -> None:
    assert salt["status.meminfo"]()["MemTotal"]["unit"] == "kB"
    assert int(salt["status.meminfo"]()["MemTotal"]["value"]) > 0
    assert salt["status.vmstats"]()["nr_free_pages"] > 0


def test_disks(salt: Loader, tmp_path: Path) -> None:
    for device, stats in salt["status.diskstats"]().items():
        assert stats["device"] == device
        assert {"major", "minor", "reads_issued", "weighted_ms_spent_in_io"} < set(stats)
    found = salt["status.diskusage"](str(tmp_path), "/no such path", "proc")
    space = os.statvfs(tmp_path)
    assert found[str(tmp_path)]["total"] == space.f_blocks * space.f_frsize
    assert "/proc" in found and "/" not in found and "/no such path" not in found
    assert {"/", "/proc"} <= set(salt["status.diskusage"]())
    assert "/proc" in salt["status.diskusage"]("pr?c")


def test_network(salt: Loader) -> None:
    loopback = salt["status.netdev"]()["lo"]
    assert loopback["iface"] == "lo"
    assert loopback["rx_bytes"] == loopback["tx_bytes"]
    assert len(loopback) == 17
    assert "TCPPureAcks" in salt["status.netstats"]()["TcpExt"]
