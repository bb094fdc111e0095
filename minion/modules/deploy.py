"""Makes the host it runs on a minion: what `salt-deploy` has each host do, over SSH or on the spot.

A minion lies below `/opt/saltern` as a release for each version, `current` being a link to the one in use. Nothing
of the host's own Python packages is used or changed.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Mapping, Optional

from minion.deploy import facts, places, releases, services, settings, trust, watch
from minion.deploy.places import COMMANDS, CONFIG_DIR, PREFIX, Places
from minion.deploy.releases import Release, Wanted
from minion.deploy.services import Service
from minion.errors import CommandExecutionError

__master__: Any

_STOCK = ("/usr/bin/salt-minion", "/usr/local/bin/salt-minion", "/opt/saltstack/salt/salt-minion")


def probe(prefix: str = PREFIX, config_dir: str = CONFIG_DIR) -> Dict[str, Any]:
    """What a deployment has to know of this host: its Python and system, and what minion there is.

    Args:
        prefix: folder of the releases.
        config_dir: folder of the minion's configuration.

    CLI Example:

    .. code-block:: bash

        salt-ssh '*' deploy.probe
    """
    import sys

    where = Places(prefix, config_dir)
    own = settings.read(where)
    init, current = facts.init_system(), releases.linked(where, where.current)
    state = services.of(init, where, own.pidfile).state() if init != "none" else services.State("", False, 0)
    pem = trust.public_key(own.pki_dir)
    return {
        "uid": os.geteuid(),
        "python": sys.executable,
        "platform": facts.platform(),
        "os": facts.system_name(),
        "init": init,
        "free": facts.free_bytes(prefix),
        "time": time.time(),
        "release": current.to_wire() if current else None,
        "releases": [one.to_wire() for one in releases.every(where)],
        "previous": places.leads_to(where.previous),
        "running": bool(state.pid),
        "enabled": state.enabled,
        "unit": state.defined,
        "id": own.id,
        "master": own.master if os.path.isdir(config_dir) else "",
        "public_key": pem,
        "fingerprint": trust.fingerprint(pem),
        "master_fingerprint": trust.fingerprint(trust.public_key(own.pki_dir, trust.MASTER)),
        "stock": _stock(where),
    }


def _stock(where: Places) -> str:
    """The program of a stock minion, which is not ours."""
    ours = where.current + os.sep
    return next((path for path in _STOCK if os.path.exists(path) and not places.leads_to(path).startswith(ours)), "")


def present(release: Mapping[str, Any], prefix: str = PREFIX) -> Dict[str, Any]:
    """Whether a release is on the disk, and in use.

    Args:
        release: as the wheelhouse of the master describes it.
        prefix: folder of the releases.

    CLI Example:

    .. code-block:: bash

        salt '*' deploy.present '{"version": "0.1.0", "digest": "...", "wheels": []}'
    """
    where = Places(prefix)
    found = releases.with_digest(where, Wanted.from_wire(release).digest)
    if found is None:
        return {"present": False, "current": False, "name": "", "folder": ""}
    in_use = places.leads_to(where.current) == found.name
    return {"present": True, "current": in_use, "name": found.name, "folder": found.folder}


# ---------------------------------------------------------------- preparing


def prepare(
    release: Mapping[str, Any],
    minion_id: str,
    master_key: str,
    options: Optional[Mapping[str, Any]] = None,
    grains: Optional[Mapping[str, Any]] = None,
    replace_master: bool = False,
    bits: int = 0,
    prefix: str = PREFIX,
    config_dir: str = CONFIG_DIR,
    test: bool = False,
) -> Dict[str, Any]:
    """Brings a release, the configuration and the keys to this host; nothing is started.

    Args:
        release: as the wheelhouse of the master describes it.
        minion_id: the id of the minion.
        master_key: the master's public key, PEM text; "" if the option `master_finger` says whom to trust.
        options: options of the minion, `master` among them.
        grains: its static grains.
        replace_master: trust this master even if the host trusts another one.
        bits: of a new key; 0 for what the configuration says.
        prefix: folder of the releases.
        config_dir: folder of the minion's configuration.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt-deploy '*' --master 10.0.0.1
    """
    if master_key:
        trust_master(master_key, replace_master, config_dir, test=True)  # a conflict is told before anything is sent
    laid = lay_down(release, prefix, test)
    configured = configure(minion_id, options, grains, config_dir, test)
    parts = [laid, configured]
    if master_key:
        parts.append(trust_master(master_key, replace_master, config_dir, test))
    made = keys(laid["folder"], bits, prefix, config_dir, test)
    parts.append(made)
    changes = [part["comment"] for part in parts if part["changed"]]
    return {
        "changed": bool(changes),
        "changes": changes,
        "comment": "; ".join(changes) or "everything is as it should be",
        **{name: laid[name] for name in ("name", "folder", "received")},
        **{name: made[name] for name in ("public_key", "fingerprint")},
        "config": configured["path"],
        "backup": configured["backup"],
    }


def lay_down(release: Mapping[str, Any], prefix: str = PREFIX, test: bool = False) -> Dict[str, Any]:
    """Brings a release to this host's disk, unless it is there. It is not switched to.

    Args:
        release: as the wheelhouse of the master describes it.
        prefix: folder of the releases.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt '*' deploy.lay_down '{"version": "0.1.0", "digest": "...", "wheels": []}'
    """
    where, wanted = Places(prefix), Wanted.from_wire(release)
    found = releases.with_digest(where, wanted.digest)
    if test and found is None:
        comment = f"release {wanted.version} would be brought to {prefix}: {wanted.size} bytes"
        return {"changed": True, "comment": comment, "name": "", "folder": "", "received": 0}
    laid, received = (found, 0) if found else releases.lay_down(where, wanted, __master__.request)
    comment = f"release {laid.name} brought to {laid.folder}" if received else f"release {laid.name} is there"
    return {
        "changed": bool(received), "comment": comment, "name": laid.name, "folder": laid.folder, "received": received,
    }  # fmt: skip


def configure(
    minion_id: str,
    options: Optional[Mapping[str, Any]] = None,
    grains: Optional[Mapping[str, Any]] = None,
    config_dir: str = CONFIG_DIR,
    test: bool = False,
) -> Dict[str, Any]:
    """Writes the deployment's own file of the minion's configuration; no other file is touched.

    Args:
        minion_id: the id of the minion.
        options: its options.
        grains: its static grains.
        config_dir: folder of the minion's configuration.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt '*' deploy.configure web1 '{"master": "10.0.0.1"}'
    """
    where = Places(config_dir=config_dir)
    path = settings.path_of(where)
    changed, backup = settings.write(where, minion_id, options or {}, grains or {}, test)
    comment = f"{path} {'would be ' if test else ''}written" if changed else f"{path} is as it should be"
    if backup:
        comment += f", what somebody changed there is kept in {backup}"
    return {"changed": changed, "comment": comment, "path": path, "backup": backup}


def trust_master(
    public_key: str, replace: bool = False, config_dir: str = CONFIG_DIR, test: bool = False
) -> Dict[str, Any]:
    """Has the minion trust one master: whoever has another key is refused, from the first connection on.

    Args:
        public_key: the master's, PEM text.
        replace: even if it trusts another one.
        config_dir: folder of the minion's configuration.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt '*' deploy.trust_master "$(cat master.pub)"
    """
    pki_dir = settings.read(Places(config_dir=config_dir)).pki_dir
    changed, before = trust.trust_master(pki_dir, public_key, replace, test)
    mark = trust.fingerprint(public_key)
    comment = f"the master with the key {mark} {'would be' if test else 'is'} trusted"
    if changed and before:
        comment += f", no longer {before}"
    return {"changed": changed, "comment": comment, "fingerprint": mark, "previous": before}


def keys(
    folder: str, bits: int = 0, prefix: str = PREFIX, config_dir: str = CONFIG_DIR, test: bool = False
) -> Dict[str, Any]:
    """Makes the minion's key pair, if there is none, and gives the public key.

    Args:
        folder: of the release that makes it.
        bits: of a new key; 0 for what the configuration says.
        prefix: folder of the releases.
        config_dir: folder of the minion's configuration.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt '*' deploy.keys /opt/saltern/0.1.0
    """
    own = settings.read(Places(prefix, config_dir))
    if test:
        new = not trust.has_key(own.pki_dir)
    else:
        new = trust.own_key(own.pki_dir, _release(Places(prefix), os.path.basename(folder)), bits or own.keysize)
    pem = trust.public_key(own.pki_dir)
    comment = f"a key pair {'would be ' if test else ''}made in {own.pki_dir}" if new else "there is a key pair"
    return {"changed": new, "comment": comment, "public_key": pem, "fingerprint": trust.fingerprint(pem)}


def _release(where: Places, name: str) -> Release:
    found = releases.find(where, name)
    if found is None:
        raise CommandExecutionError(f"there is no release {name!r} in {where.prefix}, or it is not whole")
    return found


# ----------------------------------------------------------------- starting


def start(
    name: str,
    service: bool = True,
    take_over: bool = False,
    patience: float = 0.0,
    prefix: str = PREFIX,
    config_dir: str = CONFIG_DIR,
    commands: str = COMMANDS,
    test: bool = False,
) -> Dict[str, Any]:
    """Puts a release into use: `current` leads to it, the service is enabled and runs it.

    Args:
        name: of the release's folder.
        service: whether to care for the service.
        take_over: take the place of a stock minion that is installed; its package stays.
        patience: seconds to wait until a master lets it in; if none does, the release before is put back. 0: no wait.
        prefix: folder of the releases.
        config_dir: folder of the minion's configuration.
        commands: folder on PATH that gets links to salt-minion and salt-call.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt '*' deploy.start 0.1.0
    """
    where = Places(prefix, config_dir, commands)
    release, own, init = _release(where, name), settings.read(where), facts.init_system()
    unit = services.of(init, where, own.pidfile) if service else None
    changes = _missing(where, release, unit, own.pki_dir, take_over)
    result: Dict[str, Any] = {
        "changed": bool(changes), "changes": changes, "name": name, "init": init, "connected": None,
        "rolled_back": False, "comment": "; ".join(changes) or f"release {name} is in use",
    }  # fmt: skip
    if changes and not test:
        releases.link_commands(where)
        if unit is None:
            _switch(where, release)
        elif patience > 0:
            result.update(_watched(watch.Change(where, release, unit, _cachedir(own), patience)))
        else:
            _put_into_use(where, release, unit)
    return {**result, "previous": places.leads_to(where.previous)}


def _missing(where: Places, release: Release, unit: Optional[Service], pki_dir: str, take_over: bool) -> List[str]:
    """What has to be done until a release is in use."""
    changes = []
    before = places.leads_to(where.current)
    if before != release.name:
        changes.append(f"release {release.name} in use" + (f" instead of {before}" if before else ""))
    made, foreign = releases.link_commands(where, test=True)
    changes += [f"{path} linked" for path in made]
    if unit is None:
        return changes
    state = unit.state()
    if state.defined == "other" and not (take_over and unit.hides_others):
        raise CommandExecutionError(
            f"a salt-minion service that is not ours is installed here: {unit.how_to_take_over}"
            + (f" (and {', '.join(foreign)})" if foreign else "")
        )
    if not unit.fits(release):
        changes.append(f"{unit.path} written")
    if not state.enabled:
        changes.append("service enabled")
    written = (settings.path_of(where), *(os.path.join(pki_dir, name) for name in (trust.MASTER, trust.PRIVATE)))
    if changes or not services.runs(state.pid, release, written):
        changes.append("service restarted" if state.pid else "service started")
    return changes


def _switch(where: Places, release: Release) -> None:
    places.remove_file(where.trial)  # of one that was cut short: what is asked for now counts
    releases.switch(where, release)
    releases.prune(where)


def _put_into_use(where: Places, release: Release, unit: Service) -> None:
    _switch(where, release)
    unit.define(release)
    unit.restart()


def _watched(change: watch.Change) -> Dict[str, Any]:
    verdict = watch.at_once(change)
    if not verdict["connected"] or verdict["rolled_back"]:
        raise CommandExecutionError(verdict["comment"])
    return verdict


def _cachedir(own: Any) -> str:
    """The minion's cache folder, as the daemon would make it."""
    path = str(own.cachedir)
    if not os.path.isdir(path):
        places.make_folder(os.path.dirname(path))
        os.mkdir(path, 0o700)
    return path


def roll_back(prefix: str = PREFIX, config_dir: str = CONFIG_DIR, test: bool = False) -> Dict[str, Any]:
    """Puts the release before into use again, and restarts the minion. Without one the minion is switched off.

    Args:
        prefix: folder of the releases.
        config_dir: folder of the minion's configuration.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt '*' deploy.roll_back
    """
    where = Places(prefix, config_dir)
    release, before = releases.linked(where, where.previous), places.leads_to(where.current)
    if release is None and not before:
        raise CommandExecutionError(f"there is no release in {prefix} to go back to")
    init = facts.init_system()
    unit = services.of(init, where, settings.read(where).pidfile) if init != "none" else None
    if unit is not None and unit.state().defined != "ours":
        unit = None
    will = "would be" if test else "is"
    if release is None:
        if not test:
            watch.switch_off(where, unit)
        return {"changed": True, "comment": f"the minion {will} switched off", "name": "", "previous": before}
    if not test:
        if unit is not None:
            _put_into_use(where, release, unit)
        else:
            _switch(where, release)
    comment = f"release {release.name} {will} in use instead of {before}"
    return {"changed": True, "comment": comment, "name": release.name, "previous": before}


def remove(
    keys: bool = True,
    prefix: str = PREFIX,
    config_dir: str = CONFIG_DIR,
    commands: str = COMMANDS,
    test: bool = False,
) -> Dict[str, Any]:
    """Removes the minion that was deployed here: service, commands, releases, its own configuration, keys and caches.

    Args:
        keys: remove the keys and caches as well; they stay if a stock minion is installed.
        prefix: folder of the releases.
        config_dir: folder of the minion's configuration.
        commands: folder on PATH with the links to salt-minion and salt-call.
        test: only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt-deploy --remove '*'
    """
    from minion.deploy.removal import remove as removed

    where = Places(prefix, config_dir, commands)
    gone = removed(where, settings.read(where), keys and not _stock(where), test)
    comment = f"{'would be ' if test else ''}removed: {', '.join(gone)}" if gone else "there is nothing to remove"
    return {"changed": bool(gone), "comment": comment, "changes": gone}
