"""The part of a minion's configuration that a deployment writes: one file among those of `minion.d`."""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import Any, Dict, Mapping, Tuple

from minion import config
from minion.deploy import places
from minion.deploy.places import Places
from minion.errors import CommandExecutionError, ConfigError
from minion.safety import check_folder

NAME = "saltern-deploy.conf"
_HEAD = "# Written by salt-deploy, which replaces it; put your own options into other files. sha256 {}\n"
_FIRST = re.compile(r"# Written by salt-deploy.* sha256 ([0-9a-f]{64})\n")


def path_of(where: Places) -> str:
    """The file."""
    return os.path.join(where.config_dir, "minion.d", NAME)


def read(where: Places) -> config.MinionSettings:
    """The minion's configuration.

    Raises:
        CommandExecutionError: it is wrong, or somebody else could change it: it says what root removes and runs.
    """
    folder = os.path.dirname(path_of(where))
    try:
        if os.path.lexists(folder):
            check_folder(folder)
        return config.load(os.path.join(where.config_dir, "minion"))
    except ConfigError as exc:
        raise CommandExecutionError(f"the minion's configuration can't be used: {exc}") from None


def write(
    where: Places, minion_id: str, options: Mapping[str, Any], grains: Mapping[str, Any], test: bool
) -> Tuple[bool, str]:
    """Writes the file if it is not what it should be; returns whether, and where what somebody changed in it is kept.

    Args:
        where: places.
        minion_id: the minion's.
        options: minion options.
        grains: static grains, beside those that other files set.
        test: only say what would be done.

    Raises:
        CommandExecutionError: another file contradicts it.
    """
    from transports.names import minion_id as checked

    path = path_of(where)
    wanted: Dict[str, Any] = {**options, "id": checked(minion_id)}
    if not test:
        places.make_folder(os.path.dirname(path))  # nothing that is found there counts if others can change it
    if grains:
        wanted["grains"] = {**_own_grains(where), **(wanted.get("grains") or {}), **grains}
    text = _text(wanted)
    old = (places.read(path) or b"").decode("utf-8", "replace")
    if old == text:
        return False, ""
    if test:
        return True, ""
    backup = _keep(path, old)
    places.write(path, text.encode(), 0o600)
    try:
        _check(where, wanted)
    except CommandExecutionError:
        if old:
            places.write(path, old.encode(), 0o600)
        else:
            places.remove_file(path)
        raise
    return True, backup


def remove(where: Places) -> bool:
    """Removes the file; with changes that somebody made it is kept under another name."""
    path = path_of(where)
    _keep(path, (places.read(path) or b"").decode("utf-8", "replace"))
    return places.remove_file(path)


def _text(options: Mapping[str, Any]) -> str:
    import yaml

    body = yaml.safe_dump(dict(options), default_flow_style=False, allow_unicode=True)
    return _HEAD.format(hashlib.sha256(body.encode()).hexdigest()) + body


def _keep(path: str, old: str) -> str:
    """Keeps a file that somebody changed since it was written here."""
    head = _FIRST.match(old)
    if not old or (head and hashlib.sha256(old[head.end() :].encode()).hexdigest() == head[1]):
        return ""
    kept = f"{path}.{time.strftime('%Y%m%dT%H%M%S')}.{os.urandom(2).hex()}.old"
    places.write(kept, old.encode("utf-8", "replace"), 0o600)
    return kept


def _own_grains(where: Places) -> Dict[str, Any]:
    """The grains that other files set, which ours would hide."""
    from minion.settings import included_files

    main = os.path.join(where.config_dir, "minion")
    found: Dict[str, Any] = {}
    options = _map_in(main)
    for path in [main, *included_files(main, options, "minion.d/*.conf")]:
        if path != path_of(where):
            grains = _map_in(path).get("grains")
            found = grains if isinstance(grains, dict) else found
    return found


def _map_in(path: str) -> Dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(places.read(path) or b"")
    except yaml.YAMLError as exc:
        raise CommandExecutionError(f"{path} can't be read: {exc}") from None
    return content if isinstance(content, dict) else {}


def _check(where: Places, wanted: Mapping[str, Any]) -> None:
    """Whether what we wrote is what counts."""
    told = read(where).opts()
    if told["user"] not in ("", "root"):
        raise CommandExecutionError(
            f"the minion is to run as {told['user']!r} (option `user`): a deployed minion runs as root, remove it"
        )
    for name, value in wanted.items():
        if told.get(name) != value and not _as_text(told.get(name), value):
            raise CommandExecutionError(
                f"another file below {where.config_dir} sets {name} to {told.get(name)!r}, where the deployment wants "
                f"{value!r}: remove it there (files in minion.d count in the order of their names)"
            )


def _as_text(told: Any, value: Any) -> bool:
    """Options are brought to their types when they are read: 4506 and "4506" are the same."""
    return isinstance(value, (str, int, float)) and str(told).lower() == str(value).lower()
