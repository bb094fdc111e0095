"""The minion's own upgrade, from the wheels of its master."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional, Tuple

import minion
from minion.deploy import facts, places, releases, services, watch
from minion.deploy.places import Places
from minion.deploy.releases import Release, Wanted
from minion.errors import CommandExecutionError

__opts__: Dict[str, Any]
__master__: Any
__virtualname__ = "saltutil"

_RETURN_SECONDS = 120.0


def update(version: Optional[str] = None, patience: float = 90.0, test: Optional[bool] = None) -> Dict[str, Any]:
    """Brings this minion to the release that its master has, and goes back by itself when the new one does not work.

    The job returns before the minion is restarted. How it ended is told by the event `salt/minion/<id>/update`.

    Args:
        version: the version to expect; any if not given.
        patience: seconds in which the master must have let the new release in.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.update
        salt '*' saltutil.update 1.2.0
    """
    where, running = _own_release()
    wanted = _offered(version)
    result = {"changed": False, "from": running.name, "comment": f"release {running.name} is what the master has"}
    if wanted.digest == running.digest:
        return result
    if test or (test is None and __opts__.get("test")):
        comment = f"release {running.name} would be replaced by version {wanted.version} of the master"
        return {**result, "changed": True, "comment": comment}
    unit = services.of(facts.init_system(), where, str(__opts__["pidfile"]))
    if unit.state().defined != "ours":
        raise CommandExecutionError("the service of this minion was not made by salt-deploy: upgrade it as it came")
    laid, received = releases.lay_down(where, wanted, __master__.request)
    change = watch.Change(where, laid, unit, str(__opts__["cachedir"]), float(patience))
    ended = _Ended(str(__opts__["cachedir"]), str(__opts__["id"]), running.name, laid.name)
    watch.afterwards(change, ended.tell, _RETURN_SECONDS)
    comment = f"the minion restarts as release {laid.name}; if it is not let in within {patience:g} s it goes back"
    return {"changed": True, "from": running.name, "to": laid.name, "received": received, "comment": comment}


def _own_release() -> Tuple[Places, Release]:
    """The release that runs this."""
    lib = os.path.dirname(os.path.dirname(os.path.abspath(minion.__file__)))
    folder = os.path.dirname(lib)
    where = Places(os.path.dirname(folder), str(__opts__["conf_dir"]))
    found = releases.find(where, os.path.basename(folder)) if os.path.basename(lib) == "lib" else None
    if found is None or places.leads_to(where.current) != found.name:
        raise CommandExecutionError(
            f"this minion was not brought here by salt-deploy, but lies in {lib}: upgrade it as it came"
        )
    return where, found


def _offered(version: Optional[str]) -> Wanted:
    """What the master has for a host like this."""
    reply = __master__.request("_release", platform=facts.platform(), timeout=300.0)
    if not isinstance(reply, dict) or not reply:
        raise CommandExecutionError("the master has no releases of minions: it is none of ours, or an older one")
    if "missing" in reply:
        raise CommandExecutionError(f"the master has no release for this host: {reply['missing']}")
    wanted = Wanted.from_wire(reply)
    if version is not None and str(version) != wanted.version:
        raise CommandExecutionError(f"the master has version {wanted.version}, not {version}")
    return wanted


class _Ended:
    """Tells the master how the update ended, through the daemon that runs then."""

    def __init__(self, cachedir: str, minion_id: str, before: str, wanted: str) -> None:
        self._cachedir, self._tag = cachedir, f"salt/minion/{minion_id}/update"
        self._names = {"from": before, "to": wanted}

    def tell(self, verdict: watch.Verdict) -> None:
        from minion import mailbox

        ok = verdict["connected"] and not verdict["rolled_back"]
        data = {**self._names, "success": ok, "rolled_back": verdict["rolled_back"], "comment": verdict["comment"]}
        mailbox.post(self._cachedir, "fire_master", {"tag": self._tag, "data": data, "events": None, "pretag": None})
