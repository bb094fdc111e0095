"""Puts a run together: from the configuration, the plan and the hosts to what works."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from master import safety
from master.deployments import HostRecord, Journal, folder_of
from master.services import services_of
from master.wheelhouse import Wheelhouse
from minion.logs import LEVELS
from roster.host import Host
from ssh import bundle
from ssh.bus import MasterBus
from ssh.connection import Client
from ssh.deploy.home import Home
from ssh.deploy.local import local
from ssh.deploy.plan import Action, Plan
from ssh.deploy.run import Limits, Reach, Run
from ssh.deploy.target import Crew, Desk, remote
from ssh.held import Way
from ssh.reach import minion_options
from ssh.run import Store
from transports.stream_road import StreamRoad


class _NoJobs:
    """While hosts are deployed they have no jobs of the job store."""

    def expects(self, jid: str, minion_id: str) -> bool:
        return False


@asynccontextmanager
async def prepared(
    store: Store,
    plan: Plan,
    hosts: Mapping[str, Host],
    client: Client | None,
    limits: Limits,
    words: Sequence[str],
    done: Sequence[HostRecord] = (),
) -> AsyncIterator[Run]:
    """A run that is ready to begin, for as long as the context lasts.

    Args:
        store: configuration and stores.
        plan: what is to be done.
        hosts: whom it is for.
        client: how they are connected to; None for the host that we are on.
        limits: how far it goes.
        words: the command line, to be remembered.
        done: what an earlier run, which this one goes on with, is done with.

    Raises:
        MasterDown: minions are to answer, and no master runs here.
    """
    settings = store.settings
    bus, house = MasterBus(settings.sock_dir), Wheelhouse.of(settings)
    home = Home(settings, house)
    services = replace(services_of(settings, store.data, list, store.jobs, bus, _NoJobs()), wheels=house)
    desk = Desk(services, store.jobs.new_jid)
    streams = StreamRoad(desk)
    try:
        if plan.answers:
            home.watch()
        journal = Journal(settings.cachedir, plan.name, words, sorted(hosts))
        for record in done:
            journal.end(record)
        lock_folder = safety.private_folder(os.path.join(folder_of(settings.cachedir), "locks"))
        reach: Reach = lambda host: local(host.id, services, plan)  # noqa: E731 - chosen here
        if client is not None:
            crew = Crew(_way(store, plan, client, limits), desk, streams)
            reach = lambda host: remote(host, crew, plan)  # noqa: E731
        run = Run(hosts, plan, reach, home, journal, bus, desk.sent, limits, lock_folder)
        try:
            yield run
        finally:
            journal.close(run.finished)
    finally:
        await streams.close()
        home.close()
        await asyncio.to_thread(bus.close)
        store.jobs.close()


def _way(store: Store, plan: Plan, client: Client, limits: Limits) -> Way:
    """How hosts are made minions for as long as it takes; a dry run leaves nothing there, and no removal."""
    settings = store.settings
    return Way(
        client=client,
        bundle=bundle.build(os.path.join(settings.cachedir, "thin")),
        opts=minion_options(settings),
        max_procs=limits.at_once,
        fresh=plan.dry_run,
        wipe=plan.action is Action.REMOVE,
        log_level=LEVELS.get(settings.log_level, 30),
    )
