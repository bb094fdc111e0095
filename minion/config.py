"""The options of a minion, under Salt's names."""

from __future__ import annotations

import dataclasses
import os
import socket
from typing import Any, Dict, List, Mapping, Optional, Union

from minion.errors import ConfigError
from minion.settings import below_root, build, option, read_files
from minion.settings_git import GitSettings

CONFIG_DIR = "/etc/salt"
_PATHS = ("pki_dir", "cachedir", "log_file", "pidfile", "sock_dir", "extension_modules")


@dataclasses.dataclass(frozen=True, init=False, repr=False, eq=False)  # see BaseSettings
class MinionSettings(GitSettings):
    """Everything that /etc/salt/minion and /etc/salt/minion.d/*.conf may set."""

    # who and where
    id: str = option("", "Minion id; default: the cached `minion_id` file, then the host's fully qualified name")
    minion_id_caching: bool = option(True, "Keep a generated id in the `minion_id` file beside the configuration")
    minion_id_lowercase: bool = option(False, "Lower-case a generated id")
    append_domain: str = option("", "Appended to a generated id that has no domain")
    master: Union[str, List[Any]] = option("salt", "Host of the master, or a list; `host:port` sets the port")
    master_type: str = option("str", "`str`: all listed masters at once; `failover`: one at a time; `disable`: none")
    master_shuffle: bool = option(False, "Try the listed masters in random order")
    random_master: bool = option(False, "Old name of master_shuffle")
    master_alive_interval: int = option(30, "Seconds between checks that the current master is alive (failover)")
    master_failback: bool = option(False, "Return to the first master of the list when it is back (failover)")
    master_failback_interval: int = option(30, "Seconds between looks for the first master (failback)")
    master_port: int = option(4506, "Port on which the master takes requests")
    publish_port: int = option(0, "Port on which the master publishes; 0: the one the master names when signing in")
    source_address: str = option("", "Local address for connections to the master")
    ipv6: bool = option(False, "Prefer IPv6 when resolving the master's name")
    user: str = option("root", "User to run as")
    root_dir: str = option("/", "Prefix of all absolute default paths")
    conf_dir: str = option(CONFIG_DIR, "Folder of the configuration file")
    conf_file: str = option("", "The configuration file that was read")
    default_include: str = option("minion.d/*.conf", "Further configuration files, relative to the main one")
    pki_dir: str = option("/etc/salt/pki/minion", "Folder of the minion's key pair and of the master's public key")
    cachedir: str = option("/var/cache/salt/minion", "Folder of cached files, jobs and spooled returns")
    sock_dir: str = option("/var/run/salt/minion", "Accepted for Salt's sake; the minion opens no socket of its own")
    pidfile: str = option("/var/run/salt-minion.pid", "File with the process id of a daemonised minion")
    extension_modules: str = option("", "Folder of synced modules; default: `extmods` below cachedir")
    # keys and crypto
    keysize: int = option(3072, "Bits of a newly generated key, 2048 to 4096")
    master_finger: str = option("", "Fingerprint of the master's key; anything else is refused")
    verify_master_pubkey_sign: bool = option(False, "Accept a master only if master_sign.pub vouches for its key")
    master_sign_key_name: str = option("master_sign", "Name of the signing key's file, without .pub")
    encryption_algorithm: str = option("OAEP-SHA224", "RSA encryption; OAEP-SHA1 for masters before 3006.9")
    signing_algorithm: str = option("PKCS1v15-SHA224", "RSA signatures; PKCS1v15-SHA1 for masters before 3006.9")
    require_signed_publications: bool = option(True, "Ignore publications that the master did not sign")
    autosign_grains: List[Any] = option([], "Grains sent along when signing in, for autosign_grains_dir of the master")
    # signing in and staying connected
    acceptance_wait_time: float = option(10, "Seconds between attempts while the key is not accepted")
    acceptance_wait_time_max: float = option(0, "Upper bound that acceptance_wait_time grows to; 0: it does not grow")
    rejected_retry: bool = option(False, "Keep trying after the master rejected the key, instead of exiting")
    auth_timeout: float = option(5, "Seconds to wait for an answer to one sign-in")
    auth_tries: int = option(7, "Sign-ins sent before waiting acceptance_wait_time")
    auth_safemode: bool = option(True, "Accepted for Salt's sake; a minion never gives up on an unreachable master")
    recon_default: int = option(1000, "First bound of the delay before reconnecting, milliseconds")
    recon_max: int = option(10000, "Longest delay before reconnecting, milliseconds")
    recon_randomize: bool = option(True, "Draw reconnection delays at random")
    request_timeout: float = option(60, "Seconds to wait for the reply to one request")
    return_retry_timer: float = option(5, "First bound of the delay before a return is sent again, seconds")
    return_retry_timer_max: float = option(60, "Longest delay before a return is sent again, seconds")
    return_keep: int = option(86400, "Seconds that undelivered returns are kept on disk")
    heartbeat: float = option(10, "Seconds between heartbeats on both connections; three missed ones end them")
    zmq_filtering: bool = option(False, "Subscribe by topic; must be set alike on a stock master")
    tcp_keepalive: bool = option(True, "TCP keepalive on both connections")
    ping_interval: int = option(0, "Minutes between `minion_ping` events; 0: none")
    start_event_grains: List[Any] = option([], "Grains that the start event carries")
    enable_legacy_startup_events: bool = option(True, "Also send the old `minion_start` event")
    # jobs and modules
    multiprocessing: bool = option(True, "Accepted for Salt's sake; each job has a process of its own")
    process_count_max: int = option(0, "Jobs at the same time; further ones wait. 0: no limit")
    job_memory: int = option(1000, "Job ids that are remembered so that none runs twice")
    disable_modules: List[Any] = option([], "Execution modules that are not loaded")
    disable_returners: List[Any] = option([], "Returners that are not loaded")
    whitelist_modules: List[Any] = option([], "If set, the only execution modules that are loaded")
    providers: Dict[str, Any] = option({}, "Virtual module name -> file that provides it")
    module_dirs: List[Any] = option([], "Further folders of execution modules")
    states_dirs: List[Any] = option([], "Further folders of states")
    grains_dirs: List[Any] = option([], "Further folders of grains modules")
    returner_dirs: List[Any] = option([], "Further folders of returners")
    render_dirs: List[Any] = option([], "Further folders of renderers")
    utils_dirs: List[Any] = option([], "Further folders of `__utils__` modules")
    cmd_whitelist_glob: List[Any] = option([], "If set, the only shell commands that `cmd.*` runs (globs)")
    cmd_blacklist_glob: List[Any] = option([], "Shell commands that `cmd.*` refuses (globs)")
    autoload_dynamic_modules: bool = option(True, "Sync custom modules before each state run")
    clean_dynamic_modules: bool = option(True, "Remove synced modules that the master has no more")
    grains: Dict[str, Any] = option({}, "Static grains")
    grains_blacklist: List[Any] = option([], "Grains that are dropped (globs)")
    grains_deep_merge: bool = option(False, "Merge maps of custom grains instead of replacing them")
    grains_refresh_every: int = option(0, "Minutes between refreshes of the grains; 0: only when asked")
    # files, states, pillar
    file_client: str = option("remote", "`remote`: files come from the master; `local`: from file_roots here")
    use_master_when_local: bool = option(False, "Keep the connection to the master with file_client: local")
    fileserver_backend: List[Any] = option(["roots"], "Where files come from, for file_client: local: roots, git")
    file_roots: Dict[str, Any] = option({"base": ["/srv/salt"]}, "Environment -> folders, for file_client: local")
    pillar_roots: Dict[str, Any] = option({"base": ["/srv/pillar"]}, "Environment -> folders, for file_client: local")
    fileserver_followsymlinks: bool = option(True, "Serve links below file_roots, if they stay below a root")
    fileserver_ignoresymlinks: bool = option(False, "Leave links out of file lists")
    file_ignore_regex: List[Any] = option([], "Paths that file lists leave out (regular expressions)")
    file_ignore_glob: List[Any] = option([], "Paths that file lists leave out (globs)")
    file_recv_max_size: int = option(100, "Megabytes of a pushed file")
    hash_type: str = option("sha256", "Hash for files and fingerprints")
    saltenv: Optional[str] = option(None, "Environment for states, if not given")
    pillarenv: Optional[str] = option(None, "Environment for the pillar, if not given")
    pillarenv_from_saltenv: bool = option(False, "Use saltenv as pillarenv")
    default_top: str = option("base", "Environment whose top file is used by merging strategy `same`")
    state_top: str = option("top.sls", "Name of the top file")
    state_top_saltenv: Optional[str] = option(None, "Use only this environment's top file")
    top_file_merging_strategy: str = option("merge", "merge, same or merge_all")
    env_order: List[Any] = option([], "Order of environments when top files are merged")
    pillar_source_merging_strategy: str = option("smart", "smart, recurse, aggregate, overwrite or none")
    pillar_merge_lists: bool = option(False, "Merge lists when pillars are merged recursively")
    pillar_includes_override_sls: bool = option(False, "Included pillar overrides the including one")
    pillar_opts: bool = option(False, "Put the master's options into the pillar")
    pillar_safe_render_error: bool = option(True, "Hide the text of pillar errors from minions")
    pillar_raise_on_missing: bool = option(False, "pillar.get of a missing key is an error")
    ext_pillar: List[Any] = option([], "External pillars, for file_client: local")
    ext_pillar_first: bool = option(False, "External pillars before pillar_roots")
    exclude_ext_pillar: List[Any] = option([], "External pillars that are not called, though they are configured")
    postgres: Dict[str, Any] = option({}, "`host`, `port`, `user`, `pass` and `db` of the external pillar postgres")
    pass_to_ext_pillars: List[Any] = option([], "Options that the master's external pillars get, as `key:subkey`")
    on_demand_ext_pillar: List[Any] = option(["libvirt", "virtkey"], "External pillars that pillar.ext may ask for")
    renderer: str = option("jinja|yaml", "Renderers of SLS files without a shebang")
    renderer_blacklist: List[Any] = option([], "Renderers that are refused")
    renderer_whitelist: List[Any] = option([], "If set, the only renderers")
    failhard: bool = option(False, "Stop a state run at the first failure")
    state_auto_order: bool = option(True, "Run states in the order of the files")
    state_aggregate: Union[bool, List[Any]] = option(False, "Combine states that can be (packages)")
    state_events: bool = option(False, "Send an event for each finished state")
    state_verbose: bool = option(True, "Show states without changes as well")
    state_output: str = option("full", "full, terse, mixed, changes, filter, or one of them with `_id`")
    state_output_diff: bool = option(False, "Show only states with changes, in full")
    state_output_profile: bool = option(True, "Show start time and duration of each state")
    state_tabular: Union[bool, str] = option(False, "One line for each state")
    state_compress_ids: bool = option(False, "One line for states that differ in their names only")
    state_queue: Union[bool, int] = option(False, "Queue state runs while another one is going on")
    state_max_parallel: int = option(0, "Parallel states at the same time; 0: as many as there are processors")
    jinja_env: Dict[str, Any] = option({}, "Options of the Jinja environment of templates")
    jinja_sls_env: Dict[str, Any] = option({}, "Options of the Jinja environment of SLS files")
    jinja_lstrip_blocks: bool = option(False, "Jinja's lstrip_blocks")
    jinja_trim_blocks: bool = option(False, "Jinja's trim_blocks")
    nodegroups: Dict[str, Any] = option({}, "Names for targets")
    startup_states: str = option("", "`highstate`, `sls` or `top`: run when the minion starts")
    sls_list: List[Any] = option([], "For startup_states: sls")
    top_file: str = option("", "For startup_states: top")
    test: bool = option(False, "Run all states in test mode")
    backup_mode: str = option("", "`minion`: keep copies of files that states change")
    master_tops: Dict[str, Any] = option({}, "Sources of top data besides the top files, for file_client: local")
    master_tops_first: bool = option(False, "States of master_tops before those of the top file")
    # mine, schedule, returns
    mine_functions: Dict[str, Any] = option({}, "Functions whose results go to the mine")
    mine_interval: int = option(60, "Minutes between updates of the mine")
    mine_enabled: bool = option(True, "Send mine_functions at start and every mine_interval")
    mine_return_job: bool = option(False, "Accepted for Salt's sake")
    schedule: Dict[str, Any] = option({}, "Jobs that run by themselves")
    beacons: Dict[str, Any] = option({}, "Things to watch")
    # logs and output
    log_file: str = option("/var/log/salt/minion", "Log file")
    log_level: str = option("warning", "Level of console messages")
    log_level_logfile: str = option("", "Level of the log file; default: log_level")
    log_fmt_console: str = option("[%(levelname)-8s] %(message)s", "Format of console messages")
    log_fmt_logfile: str = option(
        "%(asctime)s,%(msecs)03d [%(name)-17s:%(lineno)-4d][%(levelname)-8s][%(process)d] %(message)s",
        "Format of the log file",
    )
    log_datefmt: str = option("%H:%M:%S", "Format of times on the console")
    log_datefmt_logfile: str = option("%Y-%m-%d %H:%M:%S", "Format of times in the log file")
    log_granular_levels: Dict[str, Any] = option({}, "Logger name -> level")
    output: str = option("", "Outputter of salt-call")
    color: bool = option(True, "Colours on a terminal")
    local: bool = option(False, "Set while salt-call runs without a master")
    thin_dir: str = option("", "Set on hosts that are driven by salt-ssh")


def load(path: str, overrides: Optional[Mapping[str, Any]] = None) -> MinionSettings:
    """Reads the minion's configuration.

    Args:
        path: the main file, usually /etc/salt/minion; it may be missing.
        overrides: what the command line sets.

    Raises:
        ConfigError: a file or an option is wrong.
    """
    values = {**read_files(path, "minion.d/*.conf"), **(overrides or {})}
    values.setdefault("conf_dir", os.path.dirname(os.path.abspath(path)))
    values["conf_file"] = path
    root = str(values.get("root_dir") or "/")
    defaults = {f.name: f.default for f in dataclasses.fields(MinionSettings) if f.name in _PATHS and f.default}
    values = below_root({**defaults, **{k: v for k, v in values.items() if v is not None}, "root_dir": root}, _PATHS)
    if not values.get("extension_modules"):
        values["extension_modules"] = os.path.join(str(values["cachedir"]), "extmods")
    return build(MinionSettings, values, path)


def find_id(settings: MinionSettings) -> str:
    """The minion id: configured, cached, or made from the host's name.

    Raises:
        ConfigError: the configured or cached id is not acceptable.
    """
    from transports import names
    from transports.errors import NameRefused

    cache = os.path.join(settings.conf_dir, "minion_id")
    found = settings.id or _first_line(cache)
    try:
        if found:
            return names.minion_id(found)
        made = _from_host_name(settings)
        return names.minion_id(made)
    except NameRefused as exc:
        raise ConfigError(f"{settings.conf_file}: {exc}") from None


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as source:
            return source.readline().strip()
    except OSError:
        return ""


def _from_host_name(settings: MinionSettings) -> str:
    name = socket.getfqdn()
    if name.startswith("localhost") or not name:
        name = socket.gethostname() or "localhost"
    if settings.append_domain and "." not in name:
        name = f"{name}.{settings.append_domain}"
    return name.lower() if settings.minion_id_lowercase else name
