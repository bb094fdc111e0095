"""salt-ssh on booted machines: wall time cold and warm, a state run, bytes and round trips; next to bare asyncssh, real
Salt's salt-ssh, and ansible and pyinfra where they are installed.

ssh.py [MACHINES [NAMES]]       NAMES: how many names for these machines one command is run on, for the client's memory
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.bench.measure import wall
from tests.machines.lab import KEY, Machine, lab
from tests.processes import ROOT, SALT

RUNS = 5
FILES = 100
BARE = """
import asyncio, sys, asyncssh

async def one(address):
    keys = dict(client_keys=[sys.argv[1]], known_hosts=sys.argv[2], config=[])
    async with asyncssh.connect(address, username="root", **keys) as connection:
        await connection.run("python3 -c pass", check=True)

async def main():
    await asyncio.gather(*map(one, sys.argv[3:]))

asyncio.run(main())
"""


class Bench:
    """Commands with one configuration, for the same machines."""

    def __init__(self, folder: Path, machines: list[Machine], names: int) -> None:
        self.folder, self.machines = folder, machines
        (folder / "srv").mkdir()
        (folder / "known_hosts").write_text("".join(machine.host_key for machine in machines))
        config = {
            "root_dir": str(folder), "file_roots": {"base": [str(folder / "srv")]}, "ssh_log_file": str(folder / "log"),
            "ssh_known_hosts_file": str(folder / "known_hosts"), "ssh_max_procs": 25,
        }  # fmt: skip
        (folder / "master").write_text(yaml.safe_dump(config))
        hosts = {machine.name: self._fields(machine) for machine in machines}
        (folder / "roster").write_text(yaml.safe_dump(hosts))
        many = {f"n{number}": self._fields(machines[number % len(machines)]) for number in range(names)}
        (folder / "many").write_text(yaml.safe_dump(many))
        states = {f"/srv/bench/{n}": {"file.managed": [{"contents": f"{n}"}, {"makedirs": True}]} for n in range(FILES)}
        (folder / "srv" / "files.sls").write_text(yaml.safe_dump(states))

    def _fields(self, machine: Machine) -> dict[str, object]:
        return {"host": machine.address, "user": "root", "priv": str(KEY)}

    def ours(self, *words: str) -> None:
        self._run([sys.executable, "-m", "ssh.cli.ssh", "-c", str(self.folder), *words], cwd=ROOT)

    def stock(self, *words: str) -> None:
        assert SALT is not None
        command = [str(SALT / "salt-ssh"), "-c", str(self.folder), "-i", "--max-procs", "25", *words]
        self._run(command, check=False)  # it loses a host now and then when the machine is busy

    def bare(self) -> None:
        addresses = [machine.address for machine in self.machines]
        self._run([sys.executable, "-c", BARE, str(KEY), str(self.folder / "known_hosts"), *addresses])

    def ansible(self) -> None:
        inventory = ",".join(machine.address for machine in self.machines) + ","
        login = ["-u", "root", "--private-key", str(KEY)]
        self._run(
            ["ansible", "-i", inventory, *login, "-f", "20", "-m", "ping", "all"], ANSIBLE_HOST_KEY_CHECKING="False"
        )

    def pyinfra(self) -> None:
        inventory = ",".join(machine.address for machine in self.machines)
        self._run(["pyinfra", inventory, "--user", "root", "--key", str(KEY), "-y", "exec", "--", "true"])

    def forget(self) -> None:
        """Makes the machines as they were before anybody came."""
        for machine in self.machines:
            machine.sh("rm -rf /root/.saltern /var/tmp/.root_* /srv/bench")

    def traffic(self) -> int:
        """Bytes that one machine has received."""
        return self.machines[0].received

    def many(self) -> tuple[float, float]:
        """Seconds and MiB at the most of one command for many names."""
        command = [sys.executable, "-m", "ssh.cli.ssh", "-c", str(self.folder), "--roster-file",
                   str(self.folder / "many"), "--static", "--out", "quiet", "*", "test.ping"]  # fmt: skip
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=-1, stderr=-1, env={**os.environ, "HOME": str(self.folder)}
        )
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, process.stderr and process.stderr.read().decode()[-500:]
        return time.perf_counter() - start, usage.ru_maxrss / 1024

    def _run(self, command: list[str], cwd: Path | None = None, check: bool = True, **further: str) -> None:
        environment = {**os.environ, "HOME": str(self.folder), "SSH_AUTH_SOCK": "", **further}
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=cwd, env=environment, stdin=subprocess.DEVNULL
        )
        assert not check or done.returncode == 0, f"{command[:4]}: {done.stdout[-500:]}{done.stderr[-500:]}"


class Figures(dict[str, float]):
    """Figures by name; each is printed as it comes."""

    def __setitem__(self, name: str, value: float) -> None:
        print(f"{name:36} {value:8.2f} s", flush=True)
        super().__setitem__(name, value)


def median(act: Callable[[], object], runs: int = RUNS) -> float:
    return statistics.median(wall(act) for _ in range(runs))


def main() -> None:
    """The command."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    names = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    with lab(count) as machines, tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), machines, names)
        figures = Figures()
        figures["bare asyncssh, python3 -c pass"] = median(bench.bare)
        bench.forget()
        before = bench.traffic()
        figures["ours, test.ping, cold"] = wall(lambda: bench.ours("*", "test.ping"))
        cold = bench.traffic() - before
        figures["ours, test.ping, warm"] = median(lambda: bench.ours("*", "test.ping"))
        before = bench.traffic()
        bench.ours("*", "test.ping")
        warm = bench.traffic() - before
        figures[f"ours, {FILES} files, first"] = wall(lambda: bench.ours("*", "state.apply", "files"))
        figures[f"ours, {FILES} files, again"] = median(lambda: bench.ours("*", "state.apply", "files"), 3)
        if SALT is not None:
            bench.forget()
            figures["Salt, test.ping, cold"] = wall(lambda: bench.stock("*", "test.ping"))
            figures["Salt, test.ping, warm"] = median(lambda: bench.stock("*", "test.ping"), 3)
            figures[f"Salt, {FILES} files, first"] = wall(lambda: bench.stock("*", "state.apply", "files"))
            figures[f"Salt, {FILES} files, again"] = wall(lambda: bench.stock("*", "state.apply", "files"))
        for tool, act in (("ansible", bench.ansible), ("pyinfra", bench.pyinfra)):
            if shutil.which(tool):
                figures[f"{tool}, ping, first"] = wall(act)
                figures[f"{tool}, ping, again"] = median(act, 3)
        seconds, mib = bench.many()
    print(f"one machine received                 {cold:8} bytes cold, {warm} warm")
    print(f"{names} names                            {seconds:8.2f} s, client {mib:.0f} MiB")
    _ratios(figures)


def _ratios(figures: dict[str, float]) -> None:
    bare = figures["bare asyncssh, python3 -c pass"]
    print(f"warm / bare                          {figures['ours, test.ping, warm'] / bare:8.2f}    budget 1.5")
    for kind, budget in (("warm", 0.12), ("cold", 0.06)):
        stock = figures.get(f"Salt, test.ping, {kind}")
        if stock:
            ratio = figures[f"ours, test.ping, {kind}"] / stock
            print(f"{kind} / Salt's {kind}                   {ratio:8.3f}    budget {budget}")


if __name__ == "__main__":
    main()
