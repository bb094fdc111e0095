"""`salt one test.ping`, the whole command, with one real minion: wall time and the memory of an idle minion.

ping.py [RUNS]
"""

from __future__ import annotations

import sys

from tests.bench.measure import make_master, median_wall, peers, pss_mib, report, tree
from tests.processes import BIN, SALT, run, until


def measure(stock: bool, runs: int) -> dict[str, float]:
    """The figures of one master with one minion."""
    lab = make_master(stock)
    call = [str((SALT if stock and SALT else BIN) / "salt-call"), "-c", str(lab.root / "one"), "--local", "test.ping"]
    try:
        master_idle = pss_mib(tree(lab.daemons["master"]))
        lab.start_minion("one", stock=stock, wait=not stock)
        until("the first answer", lambda: "True" in lab.salt("one", "test.ping").stdout, seconds=60)
        return {
            "salt one test.ping, s": median_wall(lambda: lab.salt("one", "test.ping"), runs),
            "salt-key -L, s": median_wall(lambda: lab.key("-L"), runs),
            "salt-call --local test.ping, s": median_wall(lambda: run(call), 3),
            "idle minion, PSS MiB": pss_mib(tree(lab.daemons["one"])),
            "idle master, PSS MiB": master_idle,
        }
    finally:
        lab.close()


def main() -> None:
    """The command."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    rows = {name: measure(stock, runs) for name, stock in peers()}
    budgets = {"salt one test.ping, s": 0.25, "idle minion, PSS MiB": 0.45, "idle master, PSS MiB": 0.35}
    report(f"One minion, median of {runs} runs", rows, budgets)


if __name__ == "__main__":
    main()
