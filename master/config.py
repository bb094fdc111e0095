"""The options of a master, under Salt's names."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from minion.settings import below_root, build, option, read_files
from minion.settings_git import GitSettings

CONFIG_DIR = "/etc/salt"
_PATHS = (
    "pki_dir", "cachedir", "log_file", "pidfile", "sock_dir", "extension_modules", "autosign_file", "autoreject_file",
    "autosign_grains_dir", "key_logfile", "ssh_log_file", "token_dir", "wheel_dir",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, init=False, repr=False, eq=False)  # see BaseSettings
class MasterSettings(GitSettings):
    """Everything that /etc/salt/master and /etc/salt/master.d/*.conf may set."""

    # where it listens and runs
    interface: str = option("0.0.0.0", "Address to listen on")  # noqa: S104 - as Salt
    ipv6: bool = option(False, "Listen on IPv6 as well (then interface is usually `::`)")
    publish_port: int = option(4505, "Port on which jobs are published")
    ret_port: int = option(4506, "Port on which minions make requests")
    user: str = option("root", "User to run as")
    root_dir: str = option("/", "Prefix of all absolute default paths")
    conf_dir: str = option(CONFIG_DIR, "Folder of the configuration file")
    conf_file: str = option("", "The configuration file that was read")
    default_include: str = option("master.d/*.conf", "Further configuration files, relative to the main one")
    pki_dir: str = option("/etc/salt/pki/master", "Folder of the master's keys and of the minions' public keys")
    cachedir: str = option("/var/cache/salt/master", "Folder of jobs, minion data and session keys")
    sock_dir: str = option("/var/run/salt/master", "Folder of the control socket and the internal sockets")
    pidfile: str = option("/var/run/salt-master.pid", "File with the process id of a daemonised master")
    extension_modules: str = option("", "Folder of custom runners and other modules; default: `extmods` below cachedir")
    worker_threads: int = option(5, "Worker processes that answer requests")
    max_open_files: int = option(100000, "Descriptors that the master asks the system for")
    max_memory: int = option(
        2048, "Megabytes that each process of the master may use; one that needs more is ended and restarted; 0: any"
    )
    id: str = option("", "Name of the master; default: the host's name and `_master`")
    # keys
    keysize: int = option(3072, "Bits of a newly generated master key, 2048 to 4096")
    key_pass: str = option("", "Passphrase of the master's private key")
    auto_accept: bool = option(False, "Accept every new key. Whoever reaches the port becomes a minion")
    autosign_timeout: int = option(120, "Minutes that a key in minions_autosign stays valid")
    autosign_file: str = option("/etc/salt/autosign.conf", "Ids (globs, or regular expressions) accepted at once")
    autoreject_file: str = option("/etc/salt/autoreject.conf", "Ids rejected at once; wins over autosign")
    autosign_grains_dir: str = option("", "Folder with a file of accepted values for each grain")
    permissive_pki_access: bool = option(False, "Let the group read the pki folder")
    max_minions: int = option(0, "Accepted keys at the most; 0: no limit")
    max_pending: int = option(1000, "Pending keys at the most; further new minions are told that the master is full")
    max_pending_per_source: int = option(256, "Pending keys from one /24 (IPv6: /64) at the most: all of its hosts")
    auth_rate: int = option(
        1000, "Sign-ins a second that the master computes in the long run; ten seconds' worth at once"
    )
    master_sign_pubkey: bool = option(False, "Sign the master's public key with the key `master_sign_key_name`")
    master_sign_key_name: str = option("master_sign", "Name of the signing key's files, without suffix")
    signing_key_pass: str = option("", "Passphrase of that key")
    minimum_auth_version: int = option(3, "Oldest protocol version; below 3 is not supported")
    rotate_aes_key: bool = option(True, "Rotate the publication key whenever a key is deleted or rejected")
    publish_session: int = option(86400, "Seconds until a session key is replaced")
    ping_on_rotate: bool = option(False, "Publish test.ping after the publication key was rotated")
    allow_minion_key_revoke: bool = option(False, "Let a minion revoke its own key")
    allow_sha1: bool = option(True, "Serve stock minions, which use SHA-1 in RSA padding and signatures by default")
    publish_signing_algorithm: str = option("PKCS1v15-SHA224", "Signature of publications")
    request_server_ttl: int = option(300, "Seconds by which a request's time may differ from the minion's clock")
    # publishing
    zmq_filtering: bool = option(False, "Publish by topic to stock minions; must be set alike on them")
    pub_hwm: int = option(1000, "Publications that are queued for a slow minion before it loses some")
    heartbeat: float = option(10, "Seconds between heartbeats to minions; three missed ones end a connection")
    delivery_ttl: int = option(300, "Seconds that a job waits for a minion that is away; 0: it is not delivered late")
    max_request: int = option(32 * 1024 * 1024, "Bytes of one request at the most")
    max_event_size: int = option(1048576, "Bytes of one event at the most; larger data is left out")
    # waiting for answers
    timeout: float = option(5, "Seconds that `salt` waits before it asks the missing minions whether they still work")
    gather_job_timeout: float = option(10, "Seconds that `salt` waits for the answer to that question")
    # jobs and data
    job_cache: bool = option(True, "Keep jobs and returns")
    keep_jobs_seconds: int = option(86400, "Seconds that jobs are kept; 0: for ever")
    keep_jobs: int = option(0, "Hours that jobs are kept (old name); 0: see keep_jobs_seconds")
    keep_jobs_megabytes: int = option(4096, "Size of the job store, above which the oldest jobs go")
    master_job_cache: str = option("local_cache", "Where jobs are kept; local_cache is a database below cachedir")
    minion_data_cache: bool = option(True, "Keep grains and mine of the minions, for targets")
    loop_interval: float = option(60, "Seconds between rounds of maintenance")
    presence_events: bool = option(False, "Send salt/presence/* events")
    unique_jid: bool = option(False, "Accepted for Salt's sake; job ids are always unique")
    start_event: bool = option(False, "Minions announce that they begin a job")
    nodegroups: dict[str, Any] = option({}, "Names for targets")
    # operators and peers
    publisher_acl: dict[str, Any] = option({}, "User -> functions (or target -> functions) that he may run")
    publisher_acl_blacklist: dict[str, Any] = option({}, "`users` and `modules` that are always refused")
    sudo_acl: bool = option(False, "Apply publisher_acl to users of sudo")
    client_acl_verify: bool = option(True, "Accepted for Salt's sake")
    external_auth: dict[str, Any] = option({}, "External authentication; not supported yet")
    peer: dict[str, Any] = option({}, "Minion id pattern -> functions that it may publish")
    peer_run: dict[str, Any] = option({}, "Minion id pattern -> runners that it may call")
    mine_get: dict[str, Any] = option({}, "Minion id pattern -> mine functions that it may read; empty: all")
    # files
    fileserver_backend: list[Any] = option(["roots"], "Where files come from, the most important first: roots, git")
    fileserver_events: bool = option(False, "Fire an event after each update of a repository")
    file_roots: dict[str, Any] = option({"base": ["/srv/salt"]}, "Environment -> folders")
    fileserver_followsymlinks: bool = option(True, "Serve links below file_roots, if they stay below a root")
    fileserver_ignoresymlinks: bool = option(False, "Leave links out of file lists")
    file_ignore_regex: list[Any] = option([], "Paths that file lists leave out (regular expressions)")
    file_ignore_glob: list[Any] = option([], "Paths that file lists leave out (globs)")
    file_buffer_size: int = option(1048576, "Bytes of one chunk of a file")
    hash_type: str = option("sha256", "Hash for files and fingerprints")
    salt_cp_chunk_size: int = option(98304, "Bytes of a file that salt-cp puts into one job")
    file_recv: bool = option(False, "Let minions push files with cp.push")
    file_recv_max_size: int = option(100, "Megabytes of a pushed file")
    file_recv_quota: int = option(1000, "Megabytes that one minion may have pushed")
    default_top: str = option("base", "Environment whose top file is used by merging strategy `same`")
    state_top: str = option("top.sls", "Name of the top file")
    state_top_saltenv: str | None = option(None, "Use only this environment's top file")
    top_file_merging_strategy: str = option("merge", "merge, same or merge_all")
    env_order: list[Any] = option([], "Order of environments when top files are merged")
    master_tops: dict[str, Any] = option({}, "Sources of top data besides the top files: source -> its settings")
    renderer: str = option("jinja|yaml", "Renderers of SLS files without a shebang")
    renderer_blacklist: list[Any] = option([], "Renderers that are refused")
    renderer_whitelist: list[Any] = option([], "If set, the only renderers")
    failhard: bool = option(False, "Stop state runs at the first failure")
    state_auto_order: bool = option(True, "Run states in the order of the files")
    state_aggregate: Any = option(False, "Combine states that can be")
    state_events: bool = option(False, "Minions send an event for each finished state")
    jinja_env: dict[str, Any] = option({}, "Options of the Jinja environment of templates")
    jinja_sls_env: dict[str, Any] = option({}, "Options of the Jinja environment of SLS files")
    jinja_lstrip_blocks: bool = option(False, "Jinja's lstrip_blocks")
    jinja_trim_blocks: bool = option(False, "Jinja's trim_blocks")
    # pillar
    pillar_roots: dict[str, Any] = option({"base": ["/srv/pillar"]}, "Environment -> folders")
    pillar_opts: bool = option(False, "Put the master's options into the pillar")
    pillar_safe_render_error: bool = option(True, "Hide the text of pillar errors from minions")
    pillar_source_merging_strategy: str = option("smart", "smart, recurse, aggregate, overwrite or none")
    pillar_merge_lists: bool = option(False, "Merge lists when pillars are merged recursively")
    pillar_includes_override_sls: bool = option(False, "Included pillar overrides the including one")
    pillar_unsafe_functions: bool = option(False, "Let pillar files call functions that run commands on the master")
    ext_pillar: list[Any] = option([], "External pillars")
    ext_pillar_first: bool = option(False, "External pillars before pillar_roots")
    exclude_ext_pillar: list[Any] = option([], "External pillars that are not called, though they are configured")
    on_demand_ext_pillar: list[Any] = option(
        ["libvirt", "virtkey"], "External pillars that minions may ask for with pillar.ext; the arguments are theirs"
    )
    postgres: dict[str, Any] = option({}, "`host`, `port`, `user`, `pass` and `db` of the external pillar postgres")
    pillar_cache: bool = option(
        False, "Keep pillars for pillar_cache_ttl though they depend on external pillars, the mine, chance or the clock"
    )
    pillar_cache_ttl: int = option(3600, "Seconds that such a pillar is kept")
    pillar_timeout: float = option(60, "Seconds that the pillar of one minion may take")
    # deployment of minions
    wheel_dir: str = option("", "Folder of the wheels that minions are made of; default: `wheels` below cachedir")
    # modules of the master
    runner_dirs: list[Any] = option([], "Further folders of runners")
    outputter_dirs: list[Any] = option([], "Accepted for Salt's sake")
    module_dirs: list[Any] = option([], "Further folders of modules of all kinds (`modules`, `runners`, ... below)")
    # logs and output
    log_file: str = option("/var/log/salt/master", "Log file")
    key_logfile: str = option("/var/log/salt/key", "Log file of salt-key")
    log_level: str = option("warning", "Level of console messages")
    log_level_logfile: str = option("", "Level of the log file; default: log_level")
    log_fmt_console: str = option("[%(levelname)-8s] %(message)s", "Format of console messages")
    log_fmt_logfile: str = option(
        "%(asctime)s,%(msecs)03d [%(name)-17s:%(lineno)-4d][%(levelname)-8s][%(process)d] %(message)s",
        "Format of the log file",
    )
    log_datefmt: str = option("%H:%M:%S", "Format of times on the console")
    log_datefmt_logfile: str = option("%Y-%m-%d %H:%M:%S", "Format of times in the log file")
    log_granular_levels: dict[str, Any] = option({}, "Logger name -> level")
    output: str = option("", "Outputter of the commands")
    color: bool = option(True, "Colours on a terminal")
    cli_summary: bool = option(False, "Print a summary after each job")
    show_timeout: bool = option(True, "Name the minions that did not answer")
    state_output: str = option("full", "full, terse, mixed, changes, filter, or one of them with `_id`")
    state_verbose: bool = option(True, "Show states without changes as well")
    state_output_diff: bool = option(False, "Show only states with changes, in full")
    state_output_profile: bool = option(True, "Show start time and duration of each state")
    state_compress_ids: bool = option(False, "One line for states that differ in their names only")
    # the agentless road
    ssh_minions: bool = option(False, "Serve the hosts of the roster as minions, over SSH")
    enable_ssh_minions: bool = option(False, "Salt's name for `ssh_minions`")
    ssh_keepalive: Any = option(
        300, "Seconds that the master keeps a connection to such a host when it has no work; True: 300, False: 0"
    )
    roster: str = option("flat", "Kind of roster")
    roster_file: str = option("", "The roster; default: `roster` beside the configuration")
    roster_defaults: dict[str, Any] = option({}, "Fields of all hosts of the roster that do not set them")
    roster_domain: str = option("", "Appended to the names of a roster folder, to make host names")
    roster_dir: str = option("", "Folder of the roster `dir`; default: `roster.d` beside the configuration")
    ansible_inventory: str = option("/etc/ansible/hosts", "Inventory of the roster `ansible`")
    ssh_user: str = option("", "User to log in as, where neither the roster nor ~/.ssh/config says it")
    ssh_port: int = option(0, "Port, where neither the roster nor ~/.ssh/config says it")
    ssh_passwd: str = option("", "Password, where the roster has none")
    ssh_priv: str = option("", "Private key file, where the roster has none")
    ssh_priv_passwd: str = option("", "Passphrase of that key")
    ssh_identities_only: bool = option(False, "Offer that key alone")
    ssh_sudo: bool = option(False, "Become root by sudo, where the roster does not say")
    ssh_sudo_user: str = option("", "Become this user by sudo, where the roster does not say")
    ssh_timeout: float = option(60, "Seconds until a connection must stand")
    ssh_job_timeout: float = option(0, "Seconds that a job may take on a host; 0: no limit")
    ssh_max_procs: int = option(25, "Hosts that salt-ssh works on at the same time; thousands are possible")
    ssh_keepalive_interval: float = option(15, "Seconds between signs of life on an SSH connection; 0: none")
    ssh_keepalive_count_max: int = option(3, "Signs of life without an answer that end a connection")
    ssh_known_hosts_file: str = option("~/.ssh/known_hosts", "Known host keys; those accepted with -i are added")
    ssh_config_file: str = option("~/.ssh/config", "Client configuration that the roster `sshconfig` reads")
    ssh_options: list[Any] = option([], "Options of the SSH client for all hosts, `Keyword=value`")
    ssh_minion_opts: dict[str, Any] = option({}, "Options of the minion on all hosts")
    ssh_scan_ports: Any = option("22", "Ports that the roster `scan` knocks at")
    ssh_scan_timeout: float = option(0.5, "Seconds that it waits")
    ssh_log_file: str = option("/var/log/salt/ssh", "Log file of salt-ssh")

    @property
    def agentless(self) -> bool:
        """Whether the master serves the hosts of the roster."""
        return self.ssh_minions or self.enable_ssh_minions


def load(path: str, overrides: Mapping[str, Any] | None = None) -> MasterSettings:
    """Reads the master's configuration.

    Args:
        path: the main file, usually /etc/salt/master; it may be missing.
        overrides: what the command line sets.

    Raises:
        ConfigError: a file or an option is wrong.
    """
    values = {**read_files(path, "master.d/*.conf"), **(overrides or {})}
    values.setdefault("conf_dir", os.path.dirname(os.path.abspath(path)))
    values["conf_file"] = path
    root = str(values.get("root_dir") or "/")
    defaults = {f.name: f.default for f in dataclasses.fields(MasterSettings) if f.name in _PATHS and f.default}
    values = below_root({**defaults, **{k: v for k, v in values.items() if v is not None}, "root_dir": root}, _PATHS)
    if not values.get("extension_modules"):
        values["extension_modules"] = os.path.join(str(values["cachedir"]), "extmods")
    return build(MasterSettings, values, path)
