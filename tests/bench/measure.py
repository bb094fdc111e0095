"""What the benchmarks share: times, processor seconds and memory of process trees, tables of ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.processes import ROOT, SALT, Daemon, Lab

# The peers were compiled when they were installed; what runs from a checkout is compiled by its first run.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

TICK = os.sysconf("SC_CLK_TCK")


def tree(daemon: Daemon) -> list[int]:
    """The processes of a daemon."""
    return [daemon.process.pid, *daemon.children()]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor seconds that these processes have used."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total / TICK


def pss_mib(pids: Iterable[int]) -> float:
    """Memory of these processes, shared pages counted in shares."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def wall(act: Callable[[], object]) -> float:
    """Seconds that something takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def median_wall(act: Callable[[], object], runs: int) -> float:
    """Median of several runs after one that does not count."""
    act()
    return statistics.median(wall(act) for _ in range(runs))


def make_master(stock: bool, **options: object) -> Lab:
    """A running master, ours or Salt's."""
    lab = Lab(auto_accept=True, **options)
    if stock:
        lab.start_stock_master()
    else:
        lab.start_master()
    return lab


def start_swarm(lab: Lab, count: int) -> subprocess.Popen[str]:
    """Simulated minions of a master; returns when all are signed in."""
    swarm = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/bench/swarm.py"), "--port", str(lab.ret_port), "--count", str(count)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert swarm.stdout is not None
    line = swarm.stdout.readline().split()
    assert line == ["ready", str(count)], line
    return swarm


def peers() -> list[tuple[str, bool]]:
    """Whom to measure: ours, and Salt where it is installed."""
    if SALT is None:
        print("No real Salt here (bin/test installs it into .venv-salt): only ours is measured.", file=sys.stderr)
    return [("Saltern", False)] + ([("Salt", True)] if SALT else [])


def report(title: str, rows: dict[str, dict[str, float]], budgets: dict[str, float] | None = None) -> None:
    """Prints a table: a line for each figure, ours, Salt's, the ratio, the budget."""
    print(f"\n{title}")
    print(f"{'':44}{'Saltern':>10}{'Salt':>10}{'ratio':>8}{'budget':>8}")
    for figure in rows["Saltern"]:
        ours = rows["Saltern"][figure]
        theirs = rows.get("Salt", {}).get(figure)
        ratio = f"{ours / theirs:8.2f}" if theirs else f"{'':8}"
        budget = (budgets or {}).get(figure)
        verdict = ""
        if budget is not None:
            verdict = f"{budget:8.2f}" + (" MISSED" if theirs and ours / theirs > budget else "")
        print(f"{figure:44}{ours:10.3f}{theirs if theirs is not None else float('nan'):10.3f}{ratio}{verdict}")
