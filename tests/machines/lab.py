"""Real machines for tests: Debian with systemd as its first process, sshd and Python, each with its own file system,
host name, network namespace and address.

    python -m tests.machines.lab up 20      boots m1 ... m20 at 10.98.7.11 and following, and leaves them running
    python -m tests.machines.lab down       ends them

All share one read-only root, made once by debootstrap below SALTERN_MACHINES (/var/tmp/machines). One may log in as
root, or as ops (who may sudo with the password `ops`), with the key SALTERN_MACHINES/id. Needs root on Linux.
SALTERN_LAB, a number below 256, is the network's third part (7) where two labs are wanted at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

BASE = Path(os.environ.get("SALTERN_MACHINES", "/var/tmp/machines"))
ROOT, KEY = BASE / "root", BASE / "id"
LAB = int(os.environ.get("SALTERN_LAB", "7"))
RUNNING = BASE / f"saltern{LAB}"
BRIDGE, NET = f"saltlab{LAB}", f"10.98.{LAB}"
TOOLS = ("systemd-nspawn", "ip", "ssh-keygen")
PACKAGES = (
    "systemd,systemd-sysv,dbus,openssh-server,python3,iproute2,procps,sudo,cron,ca-certificates"  # what a server has
)
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
BOOT_SECONDS = 60.0
_started: dict[int, subprocess.Popen[bytes]] = {}


def why_not() -> str:
    """Why machines can't be booted here; "" if they can."""
    if os.geteuid() != 0:
        return "needs root to boot machines"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"needs {', '.join(missing)} to boot machines"
    if not (ROOT / ".done").exists() and not shutil.which("debootstrap"):
        return f"needs debootstrap to make {ROOT}"
    return ""


def run(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def build() -> None:
    """Makes the shared root, once."""
    if (ROOT / ".done").exists():
        return
    BASE.mkdir(parents=True, exist_ok=True)
    if not KEY.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(KEY))
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", release["VERSION_CODENAME"], str(ROOT))
    run("chroot", str(ROOT), "useradd", "-m", "-s", "/bin/bash", "ops")
    subprocess.run(["chroot", str(ROOT), "chpasswd"], input="ops:ops\n", text=True, check=True)
    (ROOT / "etc/sudoers.d/ops").write_text("ops ALL=(ALL) ALL\n")
    for home in ("root", "home/ops"):
        folder = ROOT / home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(f"{KEY}.pub", folder / "authorized_keys")
    run("chroot", str(ROOT), "chown", "-R", "ops:", "/home/ops")
    (ROOT / "etc/ssh/sshd_config.d/lab.conf").write_text("PermitRootLogin yes\nMaxStartups 100\nUseDNS no\n")
    for key in (ROOT / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (ROOT / ".done").touch()


@dataclass(frozen=True)
class Machine:
    """One machine."""

    number: int

    @property
    def name(self) -> str:
        return f"m{self.number}"

    @property
    def address(self) -> str:
        return f"{NET}.{10 + self.number}"

    @property
    def folder(self) -> Path:
        return RUNNING / self.name

    @property
    def fs(self) -> Path:
        """Its file system, as it sees it but for what it mounts itself."""
        return self.folder / "fs"

    @property
    def pid(self) -> int:
        """Its first process, seen from here."""
        nspawn = int((self.folder / "pid").read_text())
        return int(Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()[0])

    @property
    def host_key(self) -> str:
        """The line of its host key for known_hosts."""
        kind, text = (self.fs / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
        return f"{self.address} {kind} {text}\n"

    @property
    def received(self) -> int:
        """Bytes that came to it over its cable."""
        return int(Path(f"/sys/class/net/{self.cable}/statistics/tx_bytes").read_text())

    def boot(self) -> None:
        """Starts it, and waits until its sshd answers."""
        for name in ("upper", "work", "fs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir={ROOT},upperdir={self.folder}/upper,workdir={self.folder}/work"
        run("mount", "-t", "overlay", "overlay", "-o", layers, str(self.fs))
        (self.fs / "etc/hostname").write_text(f"{self.name}\n")
        (self.fs / "etc/machine-id").write_text("")
        (self.fs / "etc/hosts").write_text(f"127.0.0.1 localhost\n{NET}.1 salt\n{self.address} {self.name}\n")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.fs / "etc/ssh/ssh_host_ed25519_key"))
        run("ip", "netns", "add", self._namespace)
        run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self._namespace)
        run("ip", "link", "set", self.cable, "master", BRIDGE, "up")
        inside = ("ip", "-n", self._namespace)
        run(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "route", "add", "default", "via", f"{NET}.1")
        self._start()

    def _start(self) -> None:
        with (self.folder / "boot.log").open("wb") as log:
            process = _started[self.number] = subprocess.Popen(
                ["systemd-nspawn", "-q", "-b", "-D", str(self.fs), "-M", self._namespace, "--register=no",
                 "--keep-unit", "--console=passive", f"--network-namespace-path=/run/netns/{self._namespace}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        (self.folder / "pid").write_text(str(process.pid))
        self.wait()

    def wait(self) -> None:
        """Returns once its sshd answers."""
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection((self.address, 22), 1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not boot: {(self.folder / 'boot.log').read_text()[-500:]}")
            time.sleep(0.1)  # nothing tells us from outside when a port opens

    def sh(self, command: str, check: bool = True) -> str:
        """Runs a command of a shell inside, as root."""
        return run(
            "nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "--", "/bin/sh", "-c", command, check=check
        )

    def cut(self) -> None:
        """Pulls the cable: packets vanish."""
        run("ip", "link", "set", self.cable, "down")

    def mend(self) -> None:
        """Puts it back."""
        run("ip", "link", "set", self.cable, "up")

    def power_cut(self) -> None:
        """Power off, at once, and on again: what was written to its disk is all that it has."""
        self._off()
        self._start()

    def renew(self) -> None:
        """Another machine in its place, which knows nothing of this one."""
        self.end()
        run("ip", "neigh", "flush", "dev", BRIDGE, "to", self.address, check=False)  # its cable has another address
        self.boot()

    def end(self) -> None:
        """Power off, at once; nothing of it is kept."""
        self._off()
        run("umount", "-l", str(self.fs), check=False)
        run("ip", "link", "del", self.cable, check=False)
        run("ip", "netns", "del", self._namespace, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _off(self) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
        if self.number in _started:
            _started.pop(self.number).wait()

    @property
    def cable(self) -> str:
        return f"salt{LAB}m{self.number}"

    @property
    def _namespace(self) -> str:
        return f"saltern{LAB}-{self.name}"


def up(count: int) -> list[Machine]:
    """Boots machines, several at a time."""
    build()
    RUNNING.mkdir(parents=True, exist_ok=True)
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "addr", "add", f"{NET}.1/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
    machines = [Machine(number) for number in range(1, count + 1)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Machine.boot, [machine for machine in machines if not (machine.folder / "pid").exists()]))
    return machines


def down() -> None:
    """Ends all machines and removes what `up` made."""
    for folder in RUNNING.glob("m*"):
        Machine(int(folder.name[1:])).end()
    run("ip", "link", "del", BRIDGE, check=False)


@contextlib.contextmanager
def lab(count: int) -> Iterator[list[Machine]]:
    """Machines for a while; one lab at a time on this host."""
    BASE.mkdir(parents=True, exist_ok=True)
    with (BASE / f"saltern{LAB}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        down()
        before = INOTIFY.read_text()
        INOTIFY.write_text(str(max(int(before), 50 * count + 128)))  # a machine's systemd needs some, all of one user
        try:
            yield up(count)
        finally:
            down()
            INOTIFY.write_text(before)


if __name__ == "__main__":
    if sys.argv[1:2] == ["up"]:
        for each in up(int(sys.argv[2])):
            print(each.name, each.address)
    elif sys.argv[1:] == ["down"]:
        down()
    else:
        print(__doc__)
