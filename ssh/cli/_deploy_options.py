"""The options of salt-deploy that say what is to be done with the hosts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from master.config import MasterSettings
from minion.cli.common import with_options

if TYPE_CHECKING:
    from ssh.deploy.plan import Plan

Function = TypeVar("Function", bound=Callable[..., Any])

_REQUEST_PORT = 4506


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is to be done, as the command line says."""

    master: tuple[str, ...]
    minion_config: tuple[str, ...]
    grains: tuple[str, ...]
    prefix: str
    minion_config_dir: str
    upgrade: bool
    remove: bool
    dry_run: bool
    pending: bool
    replace_key: bool
    take_over: bool
    no_service: bool
    highstate: bool
    apply: str | None
    patience: float
    fail_after: str | None
    resume: bool
    local: bool
    master_finger: str | None

    def plan(self, settings: MasterSettings) -> Plan:
        """The same as a plan.

        Raises:
            click.UsageError: options exclude each other, or make no sense.
        """
        from ssh.deploy.plan import Action, Plan

        self._check()
        action = Action.UPGRADE if self.upgrade else Action.REMOVE if self.remove else Action.DEPLOY
        apply = ("state.highstate",) if self.highstate else ("state.apply", self.apply) if self.apply else ()
        return Plan(
            action=action,
            options=self._options(settings) if action is Action.DEPLOY else {},
            prefix=_path("--prefix", self.prefix),
            config_dir=_path("--minion-config-dir", self.minion_config_dir),
            service=not self.no_service,
            pending=self.pending,
            replace_key=self.replace_key,
            take_over=self.take_over,
            dry_run=self.dry_run,
            master_finger=self.master_finger or "",
            patience=self.patience,
            seconds=settings.ssh_job_timeout,
            apply=apply,
        )

    def check_trust(self, host_keys: bool) -> None:
        """What is to be trusted because it came over SSH must have come over a connection that proves something.

        Args:
            host_keys: whether host keys are looked at.

        Raises:
            click.UsageError: they are not, and keys of minions would be accepted or deleted.
        """
        if not host_keys and not (self.pending or self.dry_run or self.upgrade):
            raise click.UsageError(
                "--no-host-keys: such a connection does not prove whose key comes over it. Accept new host keys with "
                "-i, or leave the minions' keys to salt-key with --pending"
            )

    def most_failures(self, count: int) -> float:
        """How many of so many hosts may fail before no further ones are begun.

        Raises:
            click.UsageError: --fail-after is no number.
        """
        if self.fail_after is None:
            return float("inf")
        text = self.fail_after.strip()
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            raise click.UsageError(f"--fail-after {text}: give a number of hosts, or a percentage as 10%") from None
        return number / 100 * count if text.endswith("%") else number

    def _check(self) -> None:
        for one, other in (("upgrade", "remove"), ("highstate", "apply"), ("no_service", "pending")):
            if getattr(self, one) and getattr(self, other):
                raise click.UsageError(f"--{one} and --{other} exclude each other".replace("_", "-"))
        if self.master_finger and not self.local:
            raise click.UsageError("--master-finger belongs to --local: over SSH the master's key itself is sent")

    def _options(self, settings: MasterSettings) -> Mapping[str, Any]:
        """The minion's options, those of the command line after those of files."""
        from ssh.deploy.plan import read_options

        options = read_options("--minion-config", self.minion_config)
        masters = [name for text in self.master for name in text.split(",") if name]
        if masters:
            options["master"] = masters[0] if len(masters) == 1 else masters
        if settings.ret_port != _REQUEST_PORT:
            options.setdefault("master_port", settings.ret_port)
        if self.master_finger:
            options["master_finger"] = self.master_finger
        grains = {**(options.get("grains") or {}), **read_options("--grains", self.grains)}
        return {**options, "grains": grains} if grains else options


def options(function: Function) -> Function:
    """Gives a command these options; its function gets them as `wanted`."""
    declared = [
        click.option("--master", multiple=True, metavar="ADDRESS", help="Where the hosts reach the master."),
        click.option("--minion-config", multiple=True, metavar="FILE|NAME=VALUE", help="Options of the minions."),
        click.option("--grains", multiple=True, metavar="FILE|NAME=VALUE", help="Grains of the minions."),
        click.option("--prefix", default="/opt/saltern", show_default=True, help="Folder of releases on the hosts."),
        click.option("--minion-config-dir", default="/etc/salt", show_default=True,
                     help="Folder of the minion's configuration on the hosts."),
        click.option("--upgrade", is_flag=True, help="Bring minions of ours to this version; nothing else is changed."),
        click.option("--remove", is_flag=True, help="Remove service, files and keys."),
        click.option("--dry-run", is_flag=True, help="Only say what would be done."),
        click.option("--pending", is_flag=True, help="Leave the keys to salt-key."),
        click.option("--replace-key", is_flag=True, help="Accept a host's key instead of another that has its id."),
        click.option("--take-over", is_flag=True, help="Put our minion in the place of a stock Salt minion."),
        click.option("--no-service", is_flag=True, help="Lay the minion down and configure it, but start nothing."),
        click.option("--highstate", is_flag=True, help="Apply the highstate once a minion answers."),
        click.option("--apply", metavar="SLS", help="Apply these states once a minion answers."),
        click.option("--patience", type=click.FloatRange(1), default=60.0, show_default=True,
                     help="Seconds in which a started minion must answer."),
        click.option("--fail-after", metavar="N|N%", help="Begin no further hosts once more than so many have failed."),
        click.option("--resume", is_flag=True,
                     help="Leave out hosts that the run before is done with; without TARGET, repeat that run."),
        click.option("--local", is_flag=True, help="Make the machine that this runs on a minion."),
        click.option("--master-finger", metavar="FINGERPRINT",
                     help="With --local: of a master that is not on this machine (salt-key -F shows it)."),
    ]  # fmt: skip
    return with_options(function, declared, Wanted, "wanted")


def _path(name: str, text: str) -> str:
    from roster import checks

    try:
        return str(checks.remote_path(text))
    except ValueError as exc:
        raise click.UsageError(f"{name} must be {exc}") from None
