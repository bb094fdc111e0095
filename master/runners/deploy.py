"""What became of bulk deployments (`salt-deploy`)."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from master import deployments
from master.deployments import HostRecord, RunRecord

__opts__: dict[str, Any]

__func_alias__ = {"list_": "list"}


def status(run: str = "", failed: bool = False) -> dict[str, Any]:
    """How far a deployment is: how many hosts came to what, and where each one is.

    Args:
        run: which one, as `deploy.list` names it; the latest if it is not given. A number, quoted or not.
        failed: show only the hosts that are not as they should be.

    CLI Example:

    .. code-block:: bash

        salt-run deploy.status
        salt-run deploy.status failed=True
        salt-run deploy.status 20261120204651000000
    """
    found = deployments.read(str(__opts__["cachedir"]), str(run or ""))
    hosts = {name: host for name, host in found.hosts.items() if not failed or not host.fine}
    counts = Counter(host.outcome or (f"at {host.step}" if host.step else "waiting") for host in found.hosts.values())
    return {**_head(found), "outcomes": dict(counts), "hosts": {name: _host(hosts[name]) for name in sorted(hosts)}}


def list_() -> dict[str, Any]:
    """The deployments that are remembered, the latest first.

    CLI Example:

    .. code-block:: bash

        salt-run deploy.list
    """
    cachedir = str(__opts__["cachedir"])
    return {run: _head(deployments.read(cachedir, run)) for run in deployments.runs(cachedir)}


def _head(run: RunRecord) -> dict[str, Any]:
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.begun))
    seconds = {"seconds": round(run.ended - run.begun, 1)} if run.ended else {}
    done = sum(host.fine for host in run.hosts.values())
    return {
        "run": run.id, "action": run.action, "state": run.state, "begun": begun, "done": done, "of": len(run.hosts),
        **seconds,
    }  # fmt: skip


def _host(host: HostRecord) -> dict[str, Any]:
    told = {"step": host.step, "outcome": host.outcome, "changed": host.changed, "comment": host.text,
            "seconds": host.seconds, "sent": host.sent}  # fmt: skip
    return {name: value for name, value in told.items() if value not in ("", 0.0)}
