"""Git repositories that files or pillars come from, as the configuration describes them."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from minion.data import check_whitelist_blacklist, repack_dictlist
from minion.errors import ConfigError
from minion.files.urls import SCHEME
from minion.settings_git import REF_TYPES, REFSPECS

_AUTH = ("user", "password", "pubkey", "privkey", "passphrase", "insecure_auth")
_SHARED = (
    "base", "fallback", "root", "ssl_verify", "refspecs", "disable_saltenv_mapping", "ref_types", "proxy", "depth",
    *_AUTH,
)  # fmt: skip
# role -> (parameters that have a global option ROLE_PARAMETER, parameters of single remotes)
_PARAMETERS = {
    "gitfs": (
        (*_SHARED, "mountpoint", "saltenv_whitelist", "saltenv_blacklist", "update_interval"),
        ("all_saltenvs", "name", "saltenv"),
    ),
    "git_pillar": ((*_SHARED, "env"), ("all_saltenvs", "name", "mountpoint")),
}
_URL = re.compile(r"(https?|ssh|git)://[^/\s]+/\S+|file:///\S+|/\S+|[^\s/@]+@[^\s/:]+:\S+")
_HEX = re.compile(r"[0-9a-fA-F]{7,40}")


@dataclasses.dataclass(frozen=True)
class Access:
    """How to get into a repository; its values appear in no message.

    Attributes:
        user, password: for http and https.
        pubkey, privkey, passphrase: files of an SSH key, and what opens it.
        insecure_auth: send the password even over http.
        ssl_verify: check the server's certificate.
        proxy: URL of a proxy.
    """

    user: str = ""
    password: str = ""
    pubkey: str = ""
    privkey: str = ""
    passphrase: str = ""
    insecure_auth: bool = False
    ssl_verify: bool = True
    proxy: str = ""

    def __repr__(self) -> str:
        return f"<Access of {self.user or 'nobody'}>"


@dataclasses.dataclass(frozen=True)
class Remote:
    """One repository, and which of its branches and tags are which environments.

    Attributes:
        url: without user and password of http URLs.
        access: how to get in.
        name: tells it from others; by default its URL.
        branch: of a pillar: the branch or tag, or `__env__`.
        base: the branch or tag that is the environment `base`.
        fallback: the branch or tag of environments that the repository does not have.
        env: of a pillar: its environment, whatever the branch.
        all_saltenvs: the branch or tag that is all environments.
        root: the folder of the repository that is served.
        mountpoint: where it appears.
        saltenv: environment -> its own `ref`, `root` and `mountpoint`.
        whitelist, blacklist: environments that alone, or never, are served.
        ref_types: of `branch`, `tag` and `sha`, in the order in which they are tried.
        mapped: whether branches and tags are environments of their names at all.
        refspecs: what is fetched.
        depth: commits of history that are fetched; 0: all.
        update_interval: seconds between updates.
    """

    url: str
    access: Access
    name: str
    branch: str
    base: str
    fallback: str
    env: str
    all_saltenvs: str
    root: str
    mountpoint: str
    saltenv: Mapping[str, Mapping[str, str]]
    whitelist: Tuple[str, ...]
    blacklist: Tuple[str, ...]
    ref_types: Tuple[str, ...]
    mapped: bool
    refspecs: Tuple[str, ...]
    depth: int
    update_interval: int

    @property
    def folder(self) -> str:
        """The name of its folder in the cache; those that fetch the same share one."""
        fetched = repr((self.url, self.refspecs, self.depth))
        return hashlib.sha256(fetched.encode()).hexdigest()[:32]

    def exposes(self, saltenv: str) -> bool:
        """Whether the whitelist and the blacklist let an environment through."""
        return check_whitelist_blacklist(saltenv, self.whitelist, self.blacklist)

    def ref(self, saltenv: str) -> Optional[str]:
        """The branch, tag or commit that is an environment, if it exists; None if there can be none."""
        if self.all_saltenvs:
            return self.all_saltenvs
        own = self.saltenv.get(saltenv, {}).get("ref")
        return own or (self.base if saltenv == "base" else saltenv if self.mapped else None)

    def root_of(self, saltenv: str) -> str:
        """The folder of the repository that is served in an environment."""
        return self.saltenv.get(saltenv, {}).get("root", self.root)

    def mountpoint_of(self, saltenv: str) -> str:
        """Where it appears in an environment."""
        return self.saltenv.get(saltenv, {}).get("mountpoint", self.mountpoint)

    def envs(self, refs: Iterable[Tuple[str, str]]) -> List[str]:
        """The environments that branches and tags, given as (kind, name), make."""
        mapped_by_ref: Dict[str, List[str]] = {}
        for saltenv, settings in self.saltenv.items():
            if "ref" in settings:
                mapped_by_ref.setdefault(settings["ref"], []).append(saltenv)
        found = {saltenv for names in mapped_by_ref.values() for saltenv in names}
        if is_commit(self.base):
            found.add("base")
        base = self.saltenv.get("base", {}).get("ref") or self.base
        for name in (name for kind, name in refs if kind in self.ref_types and name not in mapped_by_ref):
            if name == base:
                found.add("base")
            elif self.mapped:
                found.add(name)
        return sorted(filter(self.exposes, found))


def is_commit(name: str) -> bool:
    """Can it be the (perhaps shortened) id of a commit?"""
    return bool(_HEX.fullmatch(name))


def parse(opts: Mapping[str, Any], role: str, remotes: Any) -> List[Remote]:
    """The remotes of `gitfs_remotes`, or of one `git` section of `ext_pillar`.

    Args:
        opts: the options, with the global ones of the role.
        role: gitfs or git_pillar.
        remotes: URLs (`BRANCH URL` for pillars), or mappings from them to parameters.

    Raises:
        ConfigError: something in it is wrong; says what, without passwords.
    """
    found: List[Remote] = []
    for given in remotes or ():
        if isinstance(given, str):
            found.append(_remote(opts, role, given, {}))
        elif isinstance(given, dict):
            for text, parameters in given.items():
                found.append(_remote(opts, role, str(text), _parameters(role, str(text), parameters)))
        else:
            raise ConfigError(f"{role}: a remote is a URL, or a mapping from a URL to its parameters, not {given!r}")
    return found


def _parameters(role: str, text: str, given: Any) -> Dict[str, Any]:
    parameters = dict(given) if isinstance(given, dict) else repack_dictlist(given, recurse=True)
    known = [name for names in _PARAMETERS[role] for name in names]
    if not parameters:
        raise ConfigError(f"{role}: {_shown(text)} has a colon behind it, but no parameters below")
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise ConfigError(f"{role}: {_shown(text)} can't have {', '.join(unknown)}; it may have {', '.join(known)}")
    return parameters


def _remote(opts: Mapping[str, Any], role: str, text: str, own: Mapping[str, Any]) -> Remote:
    branch, url = _split_branch(opts, text) if role == "git_pillar" else ("", text.strip())
    plain, user, password = _split_user(url)
    if not _URL.fullmatch(plain):
        raise ConfigError(f"{role}: {_shown(url)} is no URL that git can clone from: http, https, ssh, git, file")
    conf = {name: opts[f"{role}_{name}"] for name in _PARAMETERS[role][0] if f"{role}_{name}" in opts}
    conf.update(own)
    if role == "git_pillar" and branch != "__env__" and "base" in own:
        raise ConfigError(f"{role}: {_shown(text)} can have base only if its branch is __env__")
    ref_types = tuple(kind.lower() for kind in _strings(conf.get("ref_types", REF_TYPES)))
    if not set(ref_types) <= set(REF_TYPES):
        raise ConfigError(f"{role}: {_shown(text)} may have the ref_types {', '.join(REF_TYPES)}, not {ref_types}")
    remote = Remote(
        url=plain,
        access=_access(role, plain, {**conf, **{k: v for k, v in (("user", user), ("password", password)) if v}}),
        name=str(conf.get("name") or plain),
        branch=branch,
        base=str(conf.get("base") or "master"),
        fallback=str(conf.get("fallback") or ""),
        env=str(conf.get("env") or ""),
        all_saltenvs=str(conf.get("all_saltenvs") or ""),
        root=_path(conf.get("root")),
        mountpoint=_path(conf.get("mountpoint")),
        saltenv=_by_saltenv(opts.get(f"{role}_saltenv"), conf.get("saltenv")),
        whitelist=_strings(conf.get("saltenv_whitelist")),
        blacklist=_strings(conf.get("saltenv_blacklist")),
        ref_types=ref_types,
        mapped=not conf.get("disable_saltenv_mapping"),
        refspecs=_strings(conf.get("refspecs", REFSPECS)),
        depth=int(conf.get("depth") or 0),
        update_interval=int(conf.get("update_interval") or opts.get(f"{role}_update_interval") or 60),
    )
    return remote


def _split_branch(opts: Mapping[str, Any], text: str) -> Tuple[str, str]:
    branch, _, url = text.strip().partition(" ")
    return (branch, url.strip()) if url else (str(opts.get("git_pillar_branch") or "master"), branch)


def _split_user(url: str) -> Tuple[str, str, str]:
    """An http URL without its user and password, and these."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ssh") or "@" not in parts.netloc:
        return url, "", ""
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    if parts.scheme == "ssh":
        return parts._replace(netloc=f"{user}@{host}").geturl(), "", ""
    return parts._replace(netloc=host).geturl(), unquote(user), unquote(password)


def _access(role: str, url: str, conf: Mapping[str, Any]) -> Access:
    texts = ("user", "password", "pubkey", "privkey", "passphrase", "proxy")
    access = Access(
        **{name: str(conf.get(name) or "") for name in texts},
        insecure_auth=bool(conf.get("insecure_auth")),
        ssl_verify=bool(conf.get("ssl_verify", True)),
    )
    if url.startswith(("http://", "https://")) and bool(access.user) != bool(access.password):
        raise ConfigError(f"{role}: {url} has only one of user and password")
    if url.startswith("http://") and access.password and not access.insecure_auth:
        raise ConfigError(f"{role}: {url} would send the password in the clear; insecure_auth: True allows it")
    return access


def _by_saltenv(*given: Any) -> Dict[str, Dict[str, str]]:
    """`ref`, `root` and `mountpoint` of single environments; what is given later wins."""
    found: Dict[str, Dict[str, str]] = {}
    for each in given:
        for saltenv, settings in (
            each if isinstance(each, dict) else repack_dictlist(each or [], recurse=True)
        ).items():
            for name, value in (settings or {}).items():
                found.setdefault(str(saltenv), {})[str(name)] = str(value) if name == "ref" else _path(value)
    return found


def _path(value: Any) -> str:
    text = str(value or "")
    return (text[len(SCHEME) :] if text.startswith(SCHEME) else text).strip("/")


def _strings(value: Any) -> Tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []
    return tuple(str(item).strip() for item in items)


def _shown(text: str) -> str:
    """A URL without user and password."""
    return re.sub(r"//[^/@\s]*@", "//", text)
