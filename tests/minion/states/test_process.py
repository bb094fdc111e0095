from __future__ import annotations

import subprocess
import sys

from tests.minion.states.calls import State


def test_processes_end(host: State) -> None:
    mark = "process_of_test_process"
    with subprocess.Popen(
        [sys.executable, "-c", f"print({mark!r}, flush=True); input()"], stdin=-1, stdout=-1
    ) as child:
        assert child.stdout is not None and child.stdout.readline()
        predicted, first, second = host.converge("process.absent", mark)
        assert predicted["comment"] == "1 processes will be killed"
        assert (first["comment"], first["changes"]) == ("Killed 1 processes", {"killed": [child.pid]})
        assert second["comment"] == "No matching processes running"
        assert child.wait(10) == -15


def test_a_signal_that_is_none(host: State) -> None:
    with subprocess.Popen(["sleep", "1000.25"]) as child:
        comment = host.fails("process.absent", "1000.25", signal=1000)
        assert comment == "Failed to end processes that match 1000.25: [Errno 22] Invalid argument"
        assert host("process.absent", "1000.25", signal=9)["result"] is True
        assert child.wait(10) == -9
