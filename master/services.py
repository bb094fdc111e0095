"""What answers minions' requests, put together for whoever answers them: the workers of a master, or `salt-ssh`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from master.config import MasterSettings
from master.files import MasterFiles
from master.jobstore import JobStore
from master.mine import MasterMine
from master.miniondata import MinionData
from master.peers import Jobs as PeerJobs
from master.peers import MasterJobs, MasterPeers
from master.pillars import MasterPillars
from master.requests import Bus, Jobs, Services, Wheels

_MASTER_OPTS = (
    "top_file_merging_strategy", "env_order", "default_top", "renderer", "failhard", "state_top", "state_top_saltenv",
    "nodegroups", "state_auto_order", "state_events", "state_aggregate", "jinja_env", "jinja_sls_env",
    "jinja_lstrip_blocks", "jinja_trim_blocks",
)  # fmt: skip


def services_of(
    settings: MasterSettings,
    data: MinionData,
    accepted: Callable[[], list[str]],
    store: JobStore,
    bus: Bus,
    jobs: Jobs,
    revoke: Callable[[str], bool] | None = None,
    fetch: bool = False,
    peer_jobs: PeerJobs | None = None,
) -> Services:
    """What handlers work with.

    Args:
        settings: the master's configuration.
        data: what is kept of minions.
        accepted: the ids of all minions.
        store: where jobs and returns are kept.
        bus: where events go.
        jobs: what was asked of whom.
        revoke: takes the key of a minion away that wishes it; None if it may not.
        fetch: bring repositories up to date when they are first needed, because no master daemon does.
        peer_jobs: makes the jobs that minions publish; None if a master does.
    """
    opts = settings.opts()
    mine = MasterMine(data, accepted, settings.mine_get, settings.nodegroups)
    return Services(
        files=MasterFiles(
            opts,
            os.path.join(settings.cachedir, "by_minion"),
            settings.file_recv,
            settings.file_recv_max_size * 10**6,
            settings.file_recv_quota * 10**6,
            fetch,
        ),
        pillars=MasterPillars(opts, data, mine.get),
        mine=mine,
        peers=MasterPeers(
            peer_jobs or MasterJobs(settings.sock_dir), store, settings.peer, settings.peer_run, settings.conf_file
        ),
        bus=bus,
        jobs=jobs,
        facts=data,
        master_opts={name: opts[name] for name in _MASTER_OPTS},
        tops=lambda minion_id, claimed: _tops(opts, data, minion_id, claimed),
        wheels=_Wheels(settings),
        revoke=revoke,
    )


class _Wheels:
    """The wheelhouse. It takes long to load, and only deployments ask for it."""

    def __init__(self, settings: MasterSettings) -> None:
        self._settings = settings

    @functools.cached_property
    def _house(self) -> Wheels:
        from master.wheelhouse import Wheelhouse

        return Wheelhouse.of(self._settings)

    def answer(self, minion_id: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """See `master.requests.Wheels`."""
        return self._house.answer(minion_id, facts)

    def chunk(self, minion_id: str, sha256: str, offset: int) -> dict[str, Any]:
        """See `master.requests.Wheels`."""
        return self._house.chunk(minion_id, sha256, offset)


def _tops(opts: Mapping[str, Any], data: MinionData, minion_id: str, claimed: Mapping[str, Any]) -> dict[str, Any]:
    """What `master_tops` assigns to a minion that claims to have these options."""
    if not opts.get("master_tops"):
        return {}
    from minion.pillar.master_tops import assigned

    own = claimed.get("grains")
    grains = {**(data.grains(minion_id) or {}), **(own if isinstance(own, dict) else {}), "id": minion_id}
    return assigned(opts, minion_id, claimed, grains)
