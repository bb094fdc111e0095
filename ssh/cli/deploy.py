"""`salt-deploy`: makes the hosts of a roster minions of the master on this host; upgrades and removes them."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from master.cli import _targets, common
from master.cli._outcome import EX_FAILED, EX_NO_MINIONS, EX_OK
from master.cli._targets import Targeting
from master.cli.common import CONTEXT, EX_INTERRUPTED, Common, Printing
from master.config import MasterSettings
from master.deployments import HostRecord
from ssh.cli import _deploy_options, _options
from ssh.cli._deploy_options import Wanted
from ssh.cli._deployment import Lines, Report, Table, Tally
from ssh.cli._options import Reaching

if TYPE_CHECKING:
    from roster.host import Host
    from ssh.connection import Client
    from ssh.run import Inventory, Store

_BY_NAME = ("glob", "list", "pcre")
_SECRET = ("--passwd", "--priv-passwd")


@click.command(context_settings=CONTEXT, options_metavar="[options]")
@common.options(user_help="User to log in as, where the roster does not say it.")
@_targets.options()
@_options.options
@_deploy_options.options
@click.option("--fetch-wheels", is_flag=True, help="Fetch the wheels for the named PLATFORMs, and do nothing else.")
@common.output_options
@click.argument("words", nargs=-1, metavar="TARGET")
def command(
    common: Common,
    printing: Printing,
    targeting: Targeting,
    reaching: Reaching,
    wanted: Wanted,
    fetch_wheels: bool,
    words: tuple[str, ...],
) -> int:
    """Makes all hosts of the roster that TARGET means minions of the master on this host."""
    overrides = {**reaching.overrides(), "ssh_user": common.user}
    settings = dataclasses.replace(common, user=None).settings(log_file_option="ssh_log_file", **overrides)
    if fetch_wheels:
        return _fetch(settings, words)
    if wanted.resume and not words:
        return _repeat(settings)
    if len(words) != 1 and not (wanted.local and not words):
        raise click.UsageError("name the hosts: salt-deploy [options] TARGET")
    deployment = _Command(settings, reaching, wanted, printing)
    return deployment.locally(*words) if wanted.local else deployment.run(targeting, words[0])


def _fetch(settings: MasterSettings, words: Sequence[str]) -> int:
    """Fills the wheelhouse."""
    from master.errors import NoWheels
    from master.wheelhouse import Platform, Wheelhouse
    from master.wheelhouse.platform import FORM

    if not words:
        raise click.UsageError(f"name the platforms: {FORM}")
    house, code = Wheelhouse.of(settings), EX_OK
    for word in words:
        try:
            release = house.fetch(Platform.parse(word))
            print(f"{word}: {release.version}, {len(release.wheels)} wheels, {release.size} bytes")
        except (NoWheels, ValueError) as exc:
            print(f"{word}: {exc}", file=sys.stderr)
            code = EX_FAILED
    return code


def _repeat(settings: MasterSettings) -> int:
    """The command line of the latest run again, for the hosts that it left over."""
    from master import deployments

    words = list(deployments.read(settings.cachedir).words)
    print(f"salt-deploy {shlex.join(words)}", file=sys.stderr)
    with command.make_context("salt-deploy", ["--resume", *words], obj=words) as context:
        return int(command.invoke(context))


class _Command:
    """One run of the command."""

    def __init__(self, settings: MasterSettings, reaching: Reaching, wanted: Wanted, printing: Printing) -> None:
        self._settings, self._reaching, self._wanted, self._printing = settings, reaching, wanted, printing
        self._plan = wanted.plan(settings)

    def run(self, targeting: Targeting, target: str) -> int:
        """Runs it over the roster; returns the exit code."""
        from ssh.run import Inventory, Store, scratch_folder

        self._wanted.check_trust(not self._reaching.no_host_keys)
        store = Store(self._settings)
        inventory = Inventory(store, target)
        names, missing = _meant(store, inventory, targeting, target)
        for name in missing:
            print(f"{name}: no host of the roster has this name", file=sys.stderr)
        if not names:
            print(f"No hosts found with target {target} of type {targeting.kind}", file=sys.stderr)
            return EX_NO_MINIONS
        hosts = {name: inventory.hosts[name] for name in names}
        self._check_master(hosts)
        _options.allow_open_files()
        with scratch_folder() as scratch:
            code = self._on(store, hosts, _options.client(store.settings, self._reaching, scratch))
        return code or (EX_NO_MINIONS if missing else EX_OK)

    def locally(self, minion_id: str = "") -> int:
        """Runs it for the host that we are on; returns the exit code."""
        from minion import config
        from roster.host import Host
        from ssh.run import Store

        name = minion_id or config.find_id(config.load(os.path.join(self._plan.config_dir, "minion")))
        hosts = {name: Host(name, host="localhost")}
        self._check_master(hosts)
        return self._on(Store(self._settings), hosts, None)

    def _check_master(self, hosts: Mapping[str, Host]) -> None:
        """A minion without the address of its master is of no use."""
        from ssh.deploy.plan import Action

        without = [name for name, host in hosts.items() if not self._plan.options_of(host).get("master")]
        if without and self._plan.action is Action.DEPLOY:
            raise click.UsageError(f"--master ADDRESS: say where {without[0]} reaches the master")

    def _on(self, store: Store, hosts: Mapping[str, Host], client: Client | None) -> int:
        report = self._report(list(hosts))
        done = self._done(store) if self._wanted.resume else {}
        done = {name: record for name, record in done.items() if name in hosts}
        for record in done.values():
            report.ended(dataclasses.replace(record, outcome="done before", changed=False, seconds=0.0, sent=0))
        try:
            if len(done) < len(hosts):
                asyncio.run(self._work(store, hosts, done, client, report))
        except KeyboardInterrupt:
            report.close()
            print(f"Interrupted: {report.tally.summary()}. To go on: salt-deploy --resume", file=sys.stderr)
            return EX_INTERRUPTED
        report.close()
        print(report.tally.summary(), file=sys.stderr)
        if report.tally.fine:
            return EX_OK
        print("To try again what failed: salt-deploy --resume", file=sys.stderr)
        return EX_FAILED

    async def _work(
        self,
        store: Store,
        hosts: Mapping[str, Host],
        done: Mapping[str, HostRecord],
        client: Client | None,
        report: Report,
    ) -> None:
        """Shows what comes, and draws in moments of silence."""
        from ssh.deploy.run import Limits
        from ssh.deploy.setup import prepared

        hosts = {name: host for name, host in hosts.items() if name not in done}
        if client is not None and self._reaching.key_deploy:
            hosts = await self._with_our_key(hosts, client, report)
        if not hosts:
            return
        limits = Limits(min(self._settings.ssh_max_procs, len(hosts)), self._wanted.most_failures(len(hosts)))
        async with prepared(store, self._plan, hosts, client, limits, _words(), list(done.values())) as run:
            report.tally.sent = run.sent.total
            items = run.follow(list(hosts))
            coming = asyncio.ensure_future(anext(items, None))
            try:
                while True:
                    ready, _ = await asyncio.wait({coming}, timeout=report.patience)
                    if not ready:
                        report.tick()
                        continue
                    item = coming.result()
                    if item is None:
                        return
                    report.take(item)
                    coming = asyncio.ensure_future(anext(items, None))
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
                await items.aclose()

    async def _with_our_key(self, hosts: Mapping[str, Host], client: Client, report: Report) -> dict[str, Host]:
        """Puts our SSH key on hosts; those where it can't be done have failed."""
        from ssh.keys import deploy

        left = {}
        async for name, verdict in deploy(hosts, list(hosts), client, self._settings):
            if verdict is None:
                left[name] = hosts[name]
            else:
                report.ended(HostRecord(name, "key", "failed", text=verdict.text))
        return left

    def _done(self, store: Store) -> dict[str, HostRecord]:
        """What the latest run of this kind has finished."""
        from master import deployments

        cachedir, kind = store.settings.cachedir, self._plan.name
        known = (deployments.read(cachedir, run) for run in deployments.runs(cachedir))
        last = next((run for run in known if run.action == kind), None)
        if last is None:
            raise click.UsageError(f"--resume: there is no {kind} to go on with")
        return {name: record for name, record in last.hosts.items() if record.fine}

    def _report(self, hosts: list[str]) -> Report:
        tally, printer = Tally(hosts), self._printing.to(self._settings.opts())
        if self._printing.output or self._printing.output_file:
            return Report(tally, printer)
        if sys.stdout.isatty():
            return Table(tally, printer, colors=not self._printing.no_color)
        return Lines(tally, printer)


def _meant(store: Store, inventory: Inventory, targeting: Targeting, target: str) -> tuple[list[str], tuple[str, ...]]:
    """Whom a target means, and who is missing; a target that asks for data means no hosts whose data nobody knows."""
    tgt = targeting.read(target)
    resolved = inventory.resolve(tgt, targeting.kind, targeting.delimiter)
    by_name = inventory.decidable(tgt, targeting.kind, resolved.minions)[1] in _BY_NAME
    names = [name for name in resolved.minions if by_name or store.data.grains(name) is not None]
    return sorted(names), resolved.missing


def _words() -> list[str]:
    """The command line without passwords, to repeat it; of a repeated run that of the first one."""
    repeated = click.get_current_context().obj
    words: list[str] = []
    given = iter(sys.argv[1:] if repeated is None else repeated)
    for word in given:
        if word in _SECRET:
            next(given, None)
        elif word != "--resume" and not word.startswith(tuple(f"{name}=" for name in _SECRET)):
            words.append(word)
    return words


def main() -> NoReturn:
    """The program `salt-deploy`."""
    common.run(command, "salt-deploy")


if __name__ == "__main__":
    main()
