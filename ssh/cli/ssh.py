"""`salt-ssh`: runs functions on hosts that have nothing but sshd and Python, and prints what they answer."""

from __future__ import annotations

import asyncio
import dataclasses
import getpass
import os
import sys
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from master.cli import _targets, common
from master.cli._live import Live
from master.cli._outcome import EX_NO_MINIONS, EX_OK, retcode_of
from master.cli._targets import Targeting
from master.cli.common import CONTEXT, EX_INTERRUPTED, Common, Printer, Printing
from master.config import MasterSettings
from master.control_client import Verdict
from minion.arguments import parse_functions
from minion.errors import SaltInvocationError
from ssh.cli import _options
from ssh.cli._options import Reaching
from ssh.cli._summary import Summary
from transports import names
from transports.errors import NameRefused
from transports.messages import Job, Return

if TYPE_CHECKING:
    from ssh.connection import Client
    from ssh.run import Inventory, Item, Store

EX_INCOMPLETE = 42


@dataclasses.dataclass(frozen=True)
class Showing:
    """What is printed beside the results."""

    verbose: bool
    static: bool


class Screen:
    """Prints what comes, and counts it."""

    def __init__(self, printer: Printer, showing: Showing) -> None:
        self._printer, self._showing = printer, showing
        self._live, self._results = Live(), dict[str, Any]()
        self._proposed = ""
        self.summary = Summary()

    async def show(self, items: AsyncIterator[Item], minions: Sequence[str]) -> None:
        """Prints each item as it comes; in moments of silence on a terminal, who is waited for."""
        waiting = set(minions)
        coming = asyncio.ensure_future(anext(items, None))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=self._live.patience)
                if not done:
                    self._live.draw(self.summary.told, waiting)
                    continue
                self._live.clear()
                item = coming.result()
                if item is None:
                    return
                waiting.discard(item.id)
                self.take(item)
                coming = asyncio.ensure_future(anext(items, None))
        finally:
            coming.cancel()
            self._live.clear()
            self._print_static()

    def take(self, item: Item) -> None:
        """Counts and prints one item."""
        self.summary.add(item)
        value = item.value if isinstance(item, Return) else item.text
        if self._showing.static:
            self._results[item.id] = value
            self._proposed = self._proposed or (item.out if isinstance(item, Return) else "")
        elif isinstance(item, Verdict):
            self._printer.show({item.id: value}, "no_return", 1)
        else:
            self._printer.show({item.id: value}, item.out, retcode_of(item), item.fun_args)

    def _print_static(self) -> None:
        if self._showing.static and self._results:
            self._printer.show(self._results, self._proposed, self.summary.exit_code())
            self._results = {}


@click.command(context_settings=CONTEXT)
@common.options(user_help="User to log in as, where the roster does not say it.")
@_targets.options()
@_options.options
@click.option("-r", "--raw", "--raw-shell", "raw", is_flag=True, help="Run a command of the hosts' shells.")
@click.option("-H", "--hosts", "list_hosts", is_flag=True, help="Print the hosts of the roster.")
@click.option("--refresh", "--refresh-cache", "refresh", is_flag=True, help="Trust no grains of earlier runs.")
@click.option("--no-parse", default="", help="Keyword arguments whose values stay text, comma separated.")
@click.option("--update-roster", is_flag=True, help="Add a host that only the target names to the roster.")
@click.option("-v", "--verbose", is_flag=True, help="Print the job id.")
@click.option("-s", "--static", is_flag=True, help="Print all results together, at the end.")
@click.option("--jid", help="The job id to use.")
@click.option("-w", "--wipe", is_flag=True, help="Remove what was put on the hosts, afterwards.")
@click.option(
    "-W",
    "--rand-thin-dir",
    "rand_thin_dir",
    is_flag=True,
    help="Use a folder with a random name on the hosts, which goes afterwards.",
)
@click.option("--pre-flight", is_flag=True, help="Run the roster's ssh_pre_flight script in any case.")
@click.option("--thin-info", is_flag=True, help="Print what is sent to the hosts.")
@click.option("-t", "--thin", "--regen-thin", is_flag=True, expose_value=False, help="Accepted for Salt's sake.")
@click.option("--extra-filerefs", expose_value=False, help="Accepted for Salt's sake; hosts ask for what they need.")
@click.option("--min-extra-modules", "--thin-extra-modules", expose_value=False, help="Accepted for Salt's sake.")
@click.option(
    "--python2-bin", "--python3-bin", expose_value=False, help="Accepted for Salt's sake; see `python` of the roster."
)
@common.output_options
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="TARGET FUNCTION [ARGUMENTS]")
def command(
    common: Common, printing: Printing, targeting: Targeting, reaching: Reaching, words: tuple[str, ...], **given: Any
) -> int:  # fmt: skip
    """Runs a function on all hosts of the roster that TARGET means, and prints what they answer."""
    settings = _settings(common, reaching)
    printer = printing.to(settings.opts())
    from ssh.run import Inventory, Store

    store = Store(settings)
    if given["thin_info"]:
        from ssh import bundle

        printer.show(bundle.description(bundle.build(os.path.join(store.settings.cachedir, "thin"))), "nested")
        return EX_OK
    inventory = Inventory(store, words[0] if words else "*")
    if given["list_hosts"]:
        printer.show({name: host.address for name, host in sorted(inventory.hosts.items())}, "nested")
        return EX_OK
    if len(words) < 2 and not reaching.key_deploy:
        print(click.get_current_context().get_help())
        print("\nIncomplete options passed.\n", file=sys.stderr)
        return EX_INCOMPLETE
    return _Command(store, inventory, reaching, targeting, printer, given).run(words)


def _settings(given: Common, reaching: Reaching) -> MasterSettings:
    """The configuration; `--user` is the one to log in as."""
    overrides = {**reaching.overrides(), "ssh_user": given.user}
    return dataclasses.replace(given, user=None).settings(log_file_option="ssh_log_file", **overrides)


class _Command:
    """One run of the command."""

    def __init__(
        self,
        store: Store,
        inventory: Inventory,
        reaching: Reaching,
        targeting: Targeting,
        printer: Printer,
        given: dict[str, Any],
    ) -> None:
        self._store, self._inventory, self._reaching, self._targeting = store, inventory, reaching, targeting
        self._given = given
        self._screen = Screen(printer, Showing(given["verbose"], given["static"]))

    def run(self, words: Sequence[str]) -> int:
        """Runs it; returns the exit code."""
        from ssh.hosts import to_scan
        from ssh.run import scratch_folder

        tgt = "*" if to_scan(self._store.settings) else self._targeting.read(words[0])
        kind = "glob" if to_scan(self._store.settings) else self._targeting.kind
        if kind == "glob" and isinstance(tgt, str):
            tgt = self._inventory.name(tgt, self._given["update_roster"])
        resolved = self._inventory.resolve(tgt, kind, self._targeting.delimiter, self._given["refresh"])
        for name in resolved.missing:
            print(f"{name}: no host of the roster has this name", file=sys.stderr)
        if not resolved.minions:
            print(f"No hosts found with target {words[0]} of type {kind}", file=sys.stderr)
            return EX_NO_MINIONS
        _options.allow_open_files()
        with scratch_folder() as scratch:
            client = _options.client(self._store.settings, self._reaching, scratch)
            try:
                asyncio.run(self._work(client, words, tgt, kind, resolved.minions))
            except KeyboardInterrupt:
                self._interrupted(resolved.minions)
                return EX_INTERRUPTED
        return self._end(resolved.minions, bool(resolved.missing))

    async def _work(self, client: Client, words: Sequence[str], tgt: Any, kind: str, minions: tuple[str, ...]) -> None:
        if self._reaching.key_deploy:
            minions = await self._deploy_keys(client, minions)
        if len(words) < 2 or not minions:
            return
        if self._given["raw"]:
            from ssh.run import raw

            hosts, at_once = self._inventory.hosts, self._store.settings.ssh_max_procs
            await self._screen.show(raw(hosts, minions, client, " ".join(words[1:]), at_once), minions)
            return
        from ssh.run import Run

        job = self._job(words, *self._inventory.decidable(tgt, kind, minions))
        given = self._given
        options = {"fresh": given["rand_thin_dir"], "wipe": given["wipe"], "pre_flight": given["pre_flight"]}
        run = Run(self._store, self._inventory, client, **options)
        try:
            await self._screen.show(run.follow(job, minions), minions)
        finally:
            await run.close()

    async def _deploy_keys(self, client: Client, minions: tuple[str, ...]) -> tuple[str, ...]:
        """Puts our key on the hosts; those where it can't be done are told of and left out."""
        from ssh.keys import deploy

        left = []
        async for name, verdict in deploy(self._inventory.hosts, minions, client, self._store.settings):
            if verdict is None:
                left.append(name)
            else:
                self._screen.take(verdict)
        return tuple(sorted(left))

    def _job(self, words: Sequence[str], tgt: str | tuple[str, ...], kind: str) -> Job:
        no_parse = tuple(filter(None, self._given["no_parse"].split(",")))
        try:
            fun, arg = parse_functions(words[1], words[2:], ",", no_parse)
            jid = names.jid(self._given["jid"]) if self._given["jid"] else self._store.jobs.new_jid()
        except (SaltInvocationError, NameRefused) as exc:
            raise click.UsageError(str(exc)) from None
        load = {"fun": fun, "arg": arg, "jid": jid, "tgt": tgt, "tgt_type": kind, "user": _user()}
        if self._given["verbose"]:
            title = f"Executing job with jid {jid}"
            print(f"{title}\n{'-' * len(title)}\n", flush=True)
        job = Job.from_wire(load)
        return job.but(delimiter=self._targeting.delimiter)

    def _interrupted(self, minions: Sequence[str]) -> None:
        summary = self._screen.summary
        open_hosts = len(minions) - summary.told
        print(f"\nInterrupted: {summary.line()}, {open_hosts} ended before they answered", file=sys.stderr)

    def _end(self, minions: Sequence[str], missing: bool) -> int:
        summary = self._screen.summary
        if not summary.told and not self._reaching.key_deploy:
            print("No hosts matched the target.", file=sys.stderr)
            return EX_NO_MINIONS
        if len(minions) > 1 or not summary.fine:
            print(summary.line(), file=sys.stderr)
        return summary.exit_code() or (EX_NO_MINIONS if missing else EX_OK)


def _user() -> str:
    name = getpass.getuser()
    real = os.environ.get("SUDO_USER", "")
    return f"sudo_{real}" if real and name == "root" else name


def main() -> NoReturn:
    """The program `salt-ssh`."""
    common.run(command, "salt-ssh")


if __name__ == "__main__":
    main()
