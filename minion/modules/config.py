"""Looks a setting up wherever it may stand: the minion's options, grains, pillar, the master's options."""

from __future__ import annotations

import copy
import fnmatch
import logging
import urllib.parse
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

from minion import masking, merging
from minion.data import DEFAULT_DELIMITER, traverse
from minion.modules._file_common import normalize_mode

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]

log = logging.getLogger(__name__)

_PROTOCOLS = ("salt", "file", "http", "https", "ftp", "swift", "s3")
_NOTHING = object()

# What a setting is if it stands nowhere.
DEFAULTS: Dict[str, Any] = {
    "aliases.file": "/etc/aliases",
    "ca.cert_base_path": "/etc/pki",
    "docker.compare_container_networks": {
        "static": ["Aliases", "Links", "IPAMConfig"],
        "automatic": ["IPAddress", "Gateway", "GlobalIPv6Address", "IPv6Gateway"],
    },
    "docker.exec_driver": "docker-exec",
    "hosts.file": "/etc/hosts",
    "ldap.anonymous": True,
    "ldap.attrs": None,
    "ldap.binddn": "",
    "ldap.bindpw": "",
    "ldap.no_verify": False,
    "ldap.port": "389",
    "ldap.scope": 2,
    "ldap.server": "localhost",
    "ldap.tls": False,
    "ldap.uri": "",
    "mongo.db": "salt",
    "mongo.password": "",
    "mongo.port": 27017,
    "mongo.user": "",
    "poudriere.config": "/usr/local/etc/poudriere.conf",
    "poudriere.config_dir": "/usr/local/etc/poudriere.d",
    "redis.db": "0",
    "redis.host": "salt",
    "redis.port": 6379,
    "solr.backup_path": None,
    "solr.baseurl": "/solr",
    "solr.cores": [],
    "solr.dih.import_options": {"clean": False, "optimize": True, "commit": True, "verbose": False},
    "solr.host": "localhost",
    "solr.init_script": "/etc/rc.d/solr",
    "solr.num_backups": 1,
    "solr.port": "8983",
    "solr.request_timeout": None,
    "solr.type": "master",
    "test.foo": "unconfigured",
    "virt": {"tunnel": False, "images": "/srv/salt-images"},
}


def backup_mode(backup: str = "") -> Any:
    """The backup mode: the given one, else what is configured.

    Args:
        backup: a mode.

    CLI Example:

    .. code-block:: bash

        salt '*' config.backup_mode
    """
    return backup or option("backup_mode")


def manage_mode(mode: Any) -> Optional[str]:
    """Permissions as text of four digits.

    Args:
        mode: permissions as a number or as text.

    CLI Example:

    .. code-block:: bash

        salt '*' config.manage_mode 644
    """
    return normalize_mode(mode)


def valid_fileproto(uri: str) -> bool:
    """Whether files can be fetched from addresses of this kind.

    Args:
        uri: an address.

    CLI Example:

    .. code-block:: bash

        salt '*' config.valid_fileproto salt://path/to/file
    """
    return urllib.parse.urlparse(uri).scheme in _PROTOCOLS


def option(
    value: str,
    default: Any = None,
    omit_opts: bool = False,
    omit_grains: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_all: bool = False,
    wildcard: bool = False,
) -> Any:
    """A setting by its whole name, from the minion's options, grains, pillar, the master's options or the defaults.

    Args:
        value: its name; with `wildcard` a glob.
        default: returned if it is nowhere; "" if not given, {} with `wildcard`.
        omit_opts: leave out the minion's options.
        omit_grains: leave out grains.
        omit_pillar: leave out the pillar.
        omit_master: leave out the master's options.
        omit_all: nothing but the defaults.
        wildcard: return all settings whose names match, as a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' config.option redis.host
        salt '*' config.option 'redis.*' wildcard=True
    """
    places = [] if omit_all else list(_places(omit_opts, omit_grains, omit_pillar, omit_master))
    if wildcard:
        found: Dict[str, Any] = {}
        for place in reversed([*places, DEFAULTS]):
            found.update({name: place[name] for name in fnmatch.filter(place, value)})
        return found or ({} if default is None else default)
    for place in [*places, DEFAULTS]:
        if value in place:
            return place[value]
    return "" if default is None else default


def merge(
    value: str, default: Any = "", omit_opts: bool = False, omit_master: bool = False, omit_pillar: bool = False
) -> Any:
    """A setting merged from the minion's options, the master's options and the pillar; mappings and lists are joined.

    Args:
        value: its name.
        default: returned if it is nowhere.
        omit_opts: leave out the minion's options.
        omit_master: leave out the master's options.
        omit_pillar: leave out the pillar.

    CLI Example:

    .. code-block:: bash

        salt '*' config.merge schedule
    """
    omitted = ((omit_opts, __opts__), (omit_master, _master_options()), (omit_pillar, __pillar__))
    result: Any = None
    for omit, place in omitted:
        if omit or value not in place:
            continue
        found = place[value]
        if result is None:
            result = found
        elif isinstance(result, dict) and isinstance(found, dict):
            result = {**found, **result}
        elif isinstance(result, (list, tuple)) and isinstance(found, (list, tuple)):
            result = [*result, *found]
        if isinstance(result, str):
            return result
    return DEFAULTS.get(value, default) if result is None else result


def get(
    key: str,
    default: Any = "",
    delimiter: str = DEFAULT_DELIMITER,
    merge: Optional[str] = None,
    omit_opts: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_grains: bool = False,
) -> Any:
    """A setting, also from within nested ones: from the minion's options, grains, pillar, or the master's options.

    The first place that has it counts. Values that begin with `sdb://` are looked up there.

    Args:
        key: its name, or several joined by the delimiter.
        default: returned if it is nowhere.
        delimiter: what joins the names.
        merge: `recurse` or `overwrite` to merge all places first: pillar over the master's options, grains over
            that, the minion's options over all.
        omit_opts: leave out the minion's options.
        omit_pillar: leave out the pillar.
        omit_master: leave out the master's options.
        omit_grains: leave out grains.

    CLI Example:

    .. code-block:: bash

        salt '*' config.get pkg:apache
        salt '*' config.get lxc.container_profile:centos merge=recurse
    """
    if merge is None:
        places = [*_places(omit_opts, omit_grains, omit_pillar, omit_master), DEFAULTS]
    else:
        places = [_all_merged(merge)]
    for place in places:
        found = traverse(place, key, _NOTHING, delimiter)
        if found is not _NOTHING:
            return _from_sdb(found)
    return default


def dot_vals(value: str) -> Dict[str, Any]:
    """The settings whose names begin with a word and a dot.

    Args:
        value: the word.

    CLI Example:

    .. code-block:: bash

        salt '*' config.dot_vals host
    """
    together = {**_master_options(), **__opts__}
    return {name: setting for name, setting in together.items() if name.startswith(f"{value}.")}


def items() -> Dict[str, Any]:
    """All options of the minion, defaults included; values of the pillar are masked.

    CLI Example:

    .. code-block:: bash

        salt '*' config.items
    """
    return {name: masking.masked(setting) if name == "pillar" else setting for name, setting in __opts__.items()}


def _master_options() -> Mapping[str, Any]:
    """They come with the pillar if the option `pillar_opts` is on."""
    options: Mapping[str, Any] = __pillar__.get("master") or {}
    return options


def _places(omit_opts: bool, omit_grains: bool, omit_pillar: bool, omit_master: bool) -> Iterator[Mapping[str, Any]]:
    places: Tuple[Tuple[bool, Mapping[str, Any]], ...] = (
        (omit_opts, __opts__),
        (omit_grains, __grains__),
        (omit_pillar, __pillar__),
        (omit_master, _master_options()),
    )
    return (place for omit, place in places if not omit)


def _all_merged(strategy: str) -> Any:
    if strategy not in ("recurse", "overwrite"):
        log.warning("Unsupported merge strategy '%s'. Falling back to 'recurse'.", strategy)
        strategy = "recurse"
    data: Any = copy.deepcopy(DEFAULTS)
    for place in (_master_options(), __pillar__, __grains__, __opts__):
        data = merging.merge(data, place, strategy, merge_lists=bool(__opts__.get("pillar_merge_lists")))
    return data


def _from_sdb(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("sdb://") and "sdb.get" in __salt__:
        return __salt__["sdb.get"](value)
    return value
