"""State runs of `salt-call --local`: 500 unchanged files in a chain, 100 commands, 50 SLS files with maps.

states.py [RUNS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measure import peers, report
from tests.processes import BIN, SALT, run

FILES, COMMANDS, SLS = 500, 100, 50


def write_tree(root: Path) -> None:
    """The state tree and the minion's configuration."""
    srv, target = root / "srv", root / "target"
    srv.mkdir()
    target.mkdir()
    lines = []
    for number in range(FILES):
        lines += [f"{target}/f{number}:", "  file.managed:", f"    - contents: text of {number}", "    - mode: '0644'"]
        if number:
            lines += ["    - require:", f"      - file: {target}/f{number - 1}"]
    (srv / "files.sls").write_text("\n".join(lines) + "\n")
    (srv / "commands.sls").write_text(
        "".join(f"true {number}:\n  cmd.run:\n    - name: 'true'\n" for number in range(COMMANDS))
    )
    (srv / "map.jinja").write_text(
        "{% set families = {'default': {'mode': '0644'}, 'Debian': {'owner': 'root'}} %}\n"
        "{% set defaults = salt['grains.filter_by'](families, base='default') %}\n"
    )
    for number in range(SLS):
        (srv / f"s{number}.sls").write_text(
            "{% from 'map.jinja' import defaults with context %}\n"
            f"s{number}-nop:\n  test.nop:\n    - mode: {{{{ defaults.mode }}}}\n"
            f"s{number}-file:\n  file.managed:\n    - name: {target}/s{number}\n"
            "    - contents: {{ grains['id'] }}\n"
        )
    (srv / "top.sls").write_text("base:\n  '*':\n" + "".join(f"    - s{number}\n" for number in range(SLS)))
    (root / "minion").write_text(
        f"id: bench\nfile_client: local\nroot_dir: {root}\nfile_roots: {{base: [{srv}]}}\nlog_file: /dev/null\n"
    )


def measure(stock: bool, runs: int) -> dict[str, float]:
    """Median wall seconds of each run, after a first one that makes the changes."""
    program = str((SALT if stock and SALT else BIN) / "salt-call")
    figures = {}
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        write_tree(Path(folder))
        base = [program, "-c", folder, "--local", "--out=quiet", "-l", "quiet"]
        for title, call in (
            (f"{FILES} unchanged files, s", ["state.apply", "files"]),
            (f"{COMMANDS} commands, s", ["state.apply", "commands"]),
            (f"highstate of {SLS} SLS files with maps, s", ["state.highstate"]),
            ("test.ping, s", ["test.ping"]),
        ):
            run([*base, *call], timeout=600)
            walls = []
            for _ in range(runs):
                start = time.perf_counter()
                done = run([*base, *call], timeout=600)
                walls.append(time.perf_counter() - start)
                assert done.returncode == 0, done.stderr[-500:]
            figures[title] = statistics.median(walls)
    return figures


def main() -> None:
    """The command."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows = {name: measure(stock, runs) for name, stock in peers()}
    report(f"salt-call --local, median of {runs} runs", rows, {f"{FILES} unchanged files, s": 0.35})


if __name__ == "__main__":
    main()
