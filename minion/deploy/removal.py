"""Takes a deployed minion off a host: what the deployment brought and what the minion made, and nothing else."""

from __future__ import annotations

import os
import shutil
from typing import List

from minion.config import MinionSettings
from minion.deploy import facts, places, releases, services, settings, trust
from minion.deploy.places import Places

_CACHE, _LOG = "/var/cache/salt/minion", "/var/log/salt/minion"


def remove(where: Places, own: MinionSettings, with_keys: bool, test: bool) -> List[str]:
    """Removes it; returns what is gone.

    Args:
        where: places.
        own: the minion's configuration.
        with_keys: also its keys and caches.
        test: only say what would go.
    """
    gone: List[str] = []
    init = facts.init_system()
    if init != "none":
        unit = services.of(init, where, own.pidfile)
        if unit.state().defined == "ours":
            gone.append(unit.path)
            if not test:
                unit.remove()
    gone += _releases(where) if test else releases.remove(where)
    path = settings.path_of(where)
    if os.path.lexists(path):  # else the keys and caches are those of a minion that came by other means
        gone.append(path)
        if not test:
            settings.remove(where)
        if with_keys:
            gone += _traces(own, test)
    if not test:
        places.remove_if_empty(os.path.dirname(path), where.config_dir)
    return gone


def _releases(where: Places) -> List[str]:
    links = [path for path in (where.current, where.previous) if places.leads_to(path)]
    return links + [release.folder for release in releases.every(where)]


def _traces(own: MinionSettings, test: bool) -> List[str]:
    """What a minion leaves: keys, caches, log, process id."""
    pair = [os.path.join(own.pki_dir, name) for name in (trust.PRIVATE, trust.PUBLIC, trust.MASTER)]
    log = [own.log_file] if own.log_file.endswith(_LOG) else []  # elsewhere may be what is not ours
    files = [path for path in (*pair, *log, own.pidfile) if path and os.path.lexists(path)]
    cache = [own.cachedir] if own.cachedir.endswith(_CACHE) else []
    folders = [path for path in cache if os.path.isdir(path) and not os.path.islink(path)]
    if not test:
        for path in files:
            places.remove_file(path)
        for path in folders:
            shutil.rmtree(path)
        for path in (own.pki_dir, own.cachedir, own.log_file):
            above = os.path.dirname(path)
            places.remove_if_empty(path, above)
    return files + folders
