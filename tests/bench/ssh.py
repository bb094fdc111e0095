"""salt-ssh on booted machines, next to bare asyncssh, real Salt's salt-ssh, ansible and pyinfra: seconds cold and warm,
of test.ping and of a state of many files; bytes and round trips; the client's memory for many names.

ssh.py [MACHINES [NAMES]]       NAMES: how many names for these machines one command is run on

Salt is found as the tests find it. ansible and pyinfra are found on PATH or below SALTERN_PEERS (/opt/peers):
python3 -m venv /opt/peers && /opt/peers/bin/pip install ansible-core pyinfra
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
PEERS = Path(os.environ.get("SALTERN_PEERS", "/opt/peers")) / "bin"
PLAY = "- {hosts: all, gather_facts: false, tasks: [{copy: {content: x, dest: '/srv/bench{{ item }}'}, loop: FILES}]}"
_PYINFRA = f"""
import io
from pyinfra.operations import files
for number in range({FILES}):
    files.put(src=io.StringIO("x"), dest=f"/srv/bench{{number}}")
"""
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
        known = "".join(machine.host_key for machine in machines)
        (folder / "known_hosts").write_text(known)
        (folder / ".ssh").mkdir(mode=0o700)  # the other tools look at home
        (folder / ".ssh" / "known_hosts").write_text(known)
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

    def ansible(self, *words: str) -> None:
        """`ansible`, or `ansible-playbook` for a file of tasks."""
        inventory = ",".join(machine.address for machine in self.machines) + ","
        options = ["-i", inventory, "-u", "root", "--private-key", str(KEY), "-f", "20"]
        command = [peer("ansible-playbook" if words[-1].endswith(".yml") else "ansible"), *options, *words]
        self._run(command, ANSIBLE_HOST_KEY_CHECKING="False")

    def pyinfra(self, *words: str) -> None:
        inventory = ",".join(machine.address for machine in self.machines)
        self._run([peer("pyinfra"), inventory, "--user", "root", "--key", str(KEY), "-y", *words])

    def write(self, name: str, text: str) -> str:
        """A file for another tool."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def forget(self) -> None:
        """Makes the machines as they were before anybody came."""
        for machine in self.machines:
            machine.sh("rm -rf /root/.saltern /root/.ansible /var/tmp/.root_* /srv/bench*")

    def traffic(self, kind: str, *words: str) -> int:
        """Bytes that one machine gets for a run of ours."""
        before = self.machines[0].received
        self.ours(*words)
        received = self.machines[0].received - before
        print(f"{f'one machine received, {kind}':36} {received:8} bytes", flush=True)
        return received

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


def peer(name: str) -> str:
    """The program of another tool; "" if it is not installed."""
    return shutil.which(name) or shutil.which(name, path=str(PEERS)) or ""


class Figures(dict[str, float]):
    """Figures by name; each is printed as it comes."""

    def __setitem__(self, name: str, value: float) -> None:
        print(f"{name:36} {value:8.2f} s   load {os.getloadavg()[0]:.0f}", flush=True)
        super().__setitem__(name, value)


def median(act: Callable[[], object], runs: int = RUNS) -> float:
    return statistics.median(wall(act) for _ in range(runs))


def main() -> None:
    """The command."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    names = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    with lab(count) as machines, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        bench, figures = Bench(Path(folder), machines, names), Figures()
        _measure_ours(bench, figures)
        if SALT is None:
            print("no real Salt here: bin/test installs it")
        else:
            _measure(bench, figures, "Salt", lambda: bench.stock("*", "test.ping"),
                     lambda: bench.stock("*", "state.apply", "files"))  # fmt: skip
        if peer("ansible"):
            play = bench.write("files.yml", PLAY.replace("FILES", str(list(range(FILES)))))
            _measure(bench, figures, "ansible", lambda: bench.ansible("-m", "ping", "all"), lambda: bench.ansible(play))
        if peer("pyinfra"):
            deploy = bench.write("files.py", _PYINFRA)
            _measure(bench, figures, "pyinfra", lambda: bench.pyinfra("exec", "--", "true"),
                     lambda: bench.pyinfra(deploy))  # fmt: skip
        if not (peer("ansible") and peer("pyinfra")):
            print(f"ansible or pyinfra is missing: see {__file__}")
        seconds, mib = bench.many()
    print(f"{f'{names} names':36} {seconds:8.2f} s, client {mib:.0f} MiB")
    _ratios(figures)


def _measure_ours(bench: Bench, figures: Figures) -> None:
    """Ours and bare asyncssh by turns, so that a busy moment of this machine meets both."""
    bench.ours("--thin-info")
    bench.forget()
    figures["Saltern, ping, cold"] = wall(lambda: bench.ours("*", "test.ping"))
    pairs = [(wall(bench.bare), wall(lambda: bench.ours("*", "test.ping"))) for _ in range(RUNS)]
    figures["bare asyncssh, python3 -c pass"] = statistics.median(bare for bare, _ in pairs)
    figures["Saltern, ping, warm"] = statistics.median(ours for _, ours in pairs)
    bench.traffic("warm", "*", "test.ping")
    figures[f"Saltern, {FILES} files, first"] = wall(lambda: bench.ours("*", "state.apply", "files"))
    figures[f"Saltern, {FILES} files, again"] = median(lambda: bench.ours("*", "state.apply", "files"), 3)
    bench.forget()
    bench.traffic("cold", "*", "test.ping")


def _measure(bench: Bench, figures: Figures, who: str, ping: Callable[[], None], files: Callable[[], None]) -> None:
    bench.forget()
    figures[f"{who}, ping, cold"] = wall(ping)
    figures[f"{who}, ping, warm"] = median(ping, 3)
    figures[f"{who}, {FILES} files, first"] = wall(files)
    figures[f"{who}, {FILES} files, again"] = median(files, 2)


def _ratios(figures: dict[str, float]) -> None:
    bare = figures["bare asyncssh, python3 -c pass"]
    print(f"warm / bare                          {figures['Saltern, ping, warm'] / bare:8.2f}    budget 1.5")
    for kind, budget in (("warm", 0.12), ("cold", 0.06)):
        stock = figures.get(f"Salt, ping, {kind}")
        if stock:
            ratio = figures[f"Saltern, ping, {kind}"] / stock
            print(f"{kind} / Salt's {kind}                   {ratio:8.3f}    budget {budget}")


if __name__ == "__main__":
    main()
