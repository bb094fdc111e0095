"""The options of salt-ssh that say how hosts are found and reached; their values go into the configuration."""

from __future__ import annotations

import dataclasses
import functools
import resource
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from master.config import MasterSettings
from minion.cli.common import with_options

if TYPE_CHECKING:
    from ssh.connection import Client

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class Reaching:
    """How hosts are found and reached, as the command line says."""

    roster: str | None
    roster_file: str | None
    ssh_max_procs: int | None
    ssh_priv: str | None
    ssh_priv_passwd: str | None
    ignore_host_keys: bool
    no_host_keys: bool
    ssh_passwd: str | None
    askpass: bool
    key_deploy: bool
    ssh_identities_only: bool
    ssh_sudo: bool
    ssh_timeout: float | None
    ssh_job_timeout: float | None
    ssh_option: tuple[str, ...]
    remote_port_forwards: str
    disable_keepalive: bool
    ssh_keepalive_interval: float | None
    ssh_keepalive_count_max: int | None
    ssh_scan_ports: str | None
    ssh_scan_timeout: float | None

    def overrides(self) -> dict[str, Any]:
        """What these set in the master's configuration."""
        named = (
            "roster", "roster_file", "ssh_max_procs", "ssh_priv", "ssh_priv_passwd", "ssh_passwd", "ssh_timeout",
            "ssh_job_timeout", "ssh_keepalive_interval", "ssh_keepalive_count_max", "ssh_scan_ports",
            "ssh_scan_timeout",
        )  # fmt: skip
        values = {name: getattr(self, name) for name in named}
        values["ssh_identities_only"] = self.ssh_identities_only or None
        values["ssh_sudo"] = self.ssh_sudo or None
        if self.askpass:
            values["ssh_passwd"] = click.prompt("Password", hide_input=True, err=True)
        if self.disable_keepalive:
            values["ssh_keepalive_interval"] = 0.0
        return values


def options(function: Function) -> Function:
    """Gives a command these options; its function gets them as `reaching`."""
    declared = [
        click.option("--roster", help="Kind of roster: flat, ansible, sshconfig, sshknownhosts, scan, cache, dir."),
        click.option("--roster-file", help="The roster; default: `roster` beside the configuration."),
        click.option("--max-procs", "ssh_max_procs", type=click.IntRange(1), help="Hosts at the same time."),
        click.option("--priv", "ssh_priv", help="Private key file."),
        click.option("--priv-passwd", "ssh_priv_passwd", help="Passphrase of the private key."),
        click.option("-i", "--ignore-host-keys", "ignore_host_keys", is_flag=True,
                     help="Accept and note host keys that were never seen; changed ones are refused all the same."),
        click.option("--no-host-keys", is_flag=True, help="Do not look at host keys. No password is sent then."),
        click.option("--passwd", "ssh_passwd", help="Password (others may see it among the processes: --askpass)."),
        click.option("--askpass", is_flag=True, help="Ask for the password."),
        click.option("--key-deploy", is_flag=True, help="Put our public key on the hosts, so that no password is "
                     "needed afterwards."),
        click.option("--identities-only", "ssh_identities_only", is_flag=True, help="Offer the named key alone."),
        click.option("--sudo", "ssh_sudo", is_flag=True, help="Become root by sudo."),
        click.option("--connect-timeout", "ssh_timeout", type=float, help="Seconds until a connection must stand."),
        click.option("--timeout", "ssh_job_timeout", type=float, help="Seconds that the job may take on a host."),
        click.option("--ssh-option", multiple=True, help="Option of the SSH client, `Keyword=value`."),
        click.option("--remote-port-forwards", default="", help="Ports of the hosts that lead here, as ssh -R."),
        click.option("--disable-keepalive", is_flag=True, help="Send no signs of life."),
        click.option("--keepalive-interval", "ssh_keepalive_interval", type=float, help="Seconds between these."),
        click.option("--keepalive-count-max", "ssh_keepalive_count_max", type=int,
                     help="Unanswered ones that end a connection."),
        click.option("--scan-ports", "ssh_scan_ports", help="Ports for the roster `scan`, separated by commas."),
        click.option("--scan-timeout", "ssh_scan_timeout", type=float, help="Seconds that it waits."),
    ]  # fmt: skip
    return with_options(function, declared, Reaching, "reaching")


@functools.cache
def forwards(text: str) -> tuple[tuple[str, int, str, int], ...]:
    """What `--remote-port-forwards` says: `[bind:]port:host:hostport`, separated by commas.

    Raises:
        click.UsageError: it is written in another way.
    """
    found = []
    for item in filter(None, map(str.strip, text.split(","))):
        parts = item.split(":")
        bind, rest = (parts[0], parts[1:]) if len(parts) == 4 else ("localhost", parts)
        try:
            port, host, host_port = rest
            found.append((bind, int(port), host, int(host_port)))
        except ValueError:
            raise click.UsageError(f"--remote-port-forwards: {item!r} is not [bind:]port:host:hostport") from None
    return tuple(found)


def client(settings: MasterSettings, reaching: Reaching, scratch: str) -> Client:
    """How hosts are connected to.

    Args:
        settings: the configuration.
        reaching: what the command line says.
        scratch: folder for files that the SSH library wants to read.

    Raises:
        click.UsageError: an option of the SSH client is not allowed.
    """
    from roster import checks
    from ssh.hostkeys import Policy
    from ssh.reach import client_of

    policy = Policy.ACCEPT_NEW if reaching.ignore_host_keys else Policy.STRICT
    if reaching.no_host_keys:
        policy = Policy.NONE
        print("WARNING: host keys are not checked (--no-host-keys): anybody may answer in a host's place, and no "
              "password is sent", file=sys.stderr)  # fmt: skip
    try:
        options = checks.ssh_options([*settings.ssh_options, *reaching.ssh_option])
    except ValueError as exc:
        raise click.UsageError(f"--ssh-option must be {exc}") from None
    return client_of(settings, scratch, policy, options=options, forwards=forwards(reaching.remote_port_forwards))


def allow_open_files() -> None:
    """Each connection is an open file; the usual limit of a shell is far below what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
