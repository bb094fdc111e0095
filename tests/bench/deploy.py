"""salt-deploy on bare booted machines: seconds from nothing to `salt '*' test.ping` answered by all, bytes on each
machine's cable, processor seconds of the command and of the master; then the same command again.

deploy.py [COUNT ...]           1, 5 and 20 machines if nothing is said
"""

from __future__ import annotations

import os
import resource
import sys
import time

from tests.bench.measure import cpu_seconds, tree
from tests.machines.deployer import Site
from tests.machines.lab import Machine, lab
from tests.processes import until

BUDGET = 20.0


def measure(site: Site, machines: list[Machine]) -> float:
    """Deploys machines that were bare and prints what it took; returns the seconds."""
    site.fresh(machines)
    names = {machine.name: True for machine in machines}
    received = machines[0].received
    master, client, start = _master(site), _client(), time.perf_counter()
    told, code = site.deploy("*")
    assert code == 0, told
    until("all answer", lambda: site.lab.results("*", "test.ping") == names)
    first = time.perf_counter() - start
    used, sent = (_client() - client, _master(site) - master), machines[0].received - received
    start = time.perf_counter()
    told, _ = site.deploy("*")
    again = time.perf_counter() - start
    assert not any(host["changed"] for host in told.values())
    print(
        f"{len(machines):3} machines  {first:6.1f} s   again {again:5.1f} s   {sent / 1e6:5.1f} MB each   "
        f"processor: command {used[0]:5.1f} s, master {used[1]:4.1f} s   load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return first


def _master(site: Site) -> float:
    return cpu_seconds(tree(site.lab.daemons["master"]))


def _client() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """The command."""
    counts = [int(word) for word in sys.argv[1:]] or [1, 5, 20]
    with lab(max(counts)) as machines:
        site = Site()
        try:
            measure(site, machines[:1])  # fills the wheelhouse and packs the bundle, which counts for nothing
            for count in counts:
                seconds = measure(site, machines[:count])
        finally:
            site.close()
    if counts[-1] == 20:
        print(f"budget for 20: {BUDGET:.0f} s, taken {seconds:.1f} s")


if __name__ == "__main__":
    main()
