"""Many simulated minions of one master: test.ping to all of them, the master's processor time and memory, and the time
until all are back after the master was killed.

    fleet.py [COUNT ...]        default: 200 1000 2000
"""

from __future__ import annotations

import json
import select
import statistics
import subprocess
import sys
import time

from tests.bench.measure import cpu_seconds, make_master, peers, pss_mib, report, start_swarm, tree, wall
from tests.processes import Lab

PINGS = 3


def measure(stock: bool, count: int) -> dict[str, float]:
    """The figures of one master."""
    lab = make_master(stock)
    master = lab.daemons["master"]
    lost = 0
    walls, cpus = [], []
    try:
        swarm = start_swarm(lab, count)
        try:
            signed_in = pss_mib(tree(master))
            for _ in range(PINGS):
                before, start = cpu_seconds(tree(master)), time.perf_counter()
                lost += ping(lab, count)
                walls.append(time.perf_counter() - start)
                cpus.append(cpu_seconds(tree(master)) - before)
            figures = {
                "test.ping to all, wall s": statistics.median(walls),
                "the master's processor time, s": statistics.median(cpus),
                "returns lost": float(lost),
                "master signed in, PSS MiB": signed_in,
                "master after three pings, PSS MiB": pss_mib(tree(master)),
            }
            if not stock:
                figures["all back after kill -9 of the master, s"] = wall(lambda: kill_and_wait(lab, swarm, count))
            return figures
        finally:
            swarm.kill()
            swarm.wait()
    finally:
        lab.close()


def ping(lab: Lab, count: int) -> int:
    """How many did not answer."""
    done = lab.salt("--static", "--out=json", "*", "test.ping", timeout=300)
    try:
        return count - sum(value is True for value in json.loads(done.stdout).values())
    except ValueError:
        return count


def kill_and_wait(lab: Lab, swarm: subprocess.Popen[str], count: int) -> None:
    """Kills the master, starts another one, waits until each minion has signed in again.

    Stock minions notice a new master by the first publication that they can't read, so there must be publications.
    """
    lab.daemons["master"].kill()
    lab.daemons["master"].stop()
    lab.start_master()
    assert swarm.stdout is not None
    while not select.select([swarm.stdout], [], [], 0.5)[0]:
        lab.salt("--async", "*", "test.ping")
    assert swarm.stdout.readline().split() == ["again", str(count)]


def main() -> None:
    """The command."""
    counts = [int(word) for word in sys.argv[1:]] or [200, 1000, 2000]
    budgets = {
        "test.ping to all, wall s": 0.3,
        "the master's processor time, s": 0.1,
        "master signed in, PSS MiB": 0.35,
        "master after three pings, PSS MiB": 0.35,
    }
    for count in counts:
        rows = {name: measure(stock, count) for name, stock in peers()}
        report(f"{count} simulated minions, median of {PINGS} pings", rows, budgets)


if __name__ == "__main__":
    main()
