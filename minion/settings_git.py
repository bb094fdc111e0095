"""Options of files and pillars that come from git, which masters have, and minions that are their own master."""

from __future__ import annotations

import dataclasses
from typing import Any, List

from minion.settings import BaseSettings, option

REFSPECS = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
REF_TYPES = ["branch", "tag", "sha"]


@dataclasses.dataclass(frozen=True, init=False, repr=False, eq=False)  # see BaseSettings
class GitSettings(BaseSettings):
    """`gitfs_*` for the file server, `git_pillar_*` for the external pillar git; remotes may set their own."""

    gitfs_remotes: List[Any] = option([], "Repositories of the file server backend git")
    gitfs_base: str = option("master", "Branch or tag that is the environment `base`")
    gitfs_fallback: str = option("", "Branch or tag of environments that a repository does not have")
    gitfs_root: str = option("", "Folder of the repositories that is served")
    gitfs_mountpoint: str = option("", "Where the files appear, below salt://")
    gitfs_saltenv: List[Any] = option([], "Environment -> `ref`, `root`, `mountpoint`")
    gitfs_saltenv_whitelist: List[Any] = option([], "If set, the only environments (globs, regular expressions)")
    gitfs_saltenv_blacklist: List[Any] = option([], "Branches and tags that are no environments")
    gitfs_disable_saltenv_mapping: bool = option(False, "Only `base` and what gitfs_saltenv names are environments")
    gitfs_ref_types: List[Any] = option(REF_TYPES, "What may be an environment: branch, tag, sha")
    gitfs_refspecs: List[Any] = option(REFSPECS, "What is fetched")
    gitfs_depth: int = option(0, "Commits of history that are fetched; 0: all")
    gitfs_update_interval: int = option(60, "Seconds between updates")
    gitfs_user: str = option("", "User for http and https")
    gitfs_password: str = option("", "Password of this user")
    gitfs_insecure_auth: bool = option(False, "Send the password even over http")
    gitfs_pubkey: str = option("", "File of the public SSH key; not needed for most keys")
    gitfs_privkey: str = option("", "File of the private SSH key; default: the keys in ~/.ssh")
    gitfs_passphrase: str = option("", "Passphrase of the private key")
    gitfs_ssl_verify: bool = option(True, "Check the certificates of https servers")
    gitfs_proxy: str = option("", "URL of a proxy for https; default: as git finds it")
    gitfs_provider: str = option("pygit2", "Accepted for Salt's sake; pygit2 it is")
    git_pillar_base: str = option("master", "Branch that is the pillar environment `base`")
    git_pillar_branch: str = option("master", "Branch of remotes that name none")
    git_pillar_env: str = option("", "Pillar environment of all remotes; default: the branch")
    git_pillar_fallback: str = option("", "Branch of pillar environments that a repository does not have")
    git_pillar_root: str = option("", "Folder of the repositories that the pillar lies in")
    git_pillar_includes: bool = option(True, "Remotes of one section see each other's files of the same environment")
    git_pillar_ref_types: List[Any] = option(REF_TYPES, "What may be an environment: branch, tag, sha")
    git_pillar_disable_saltenv_mapping: bool = option(False, "Accepted for Salt's sake")
    git_pillar_refspecs: List[Any] = option(REFSPECS, "What is fetched")
    git_pillar_depth: int = option(0, "Commits of history that are fetched; 0: all")
    git_pillar_update_interval: int = option(60, "Seconds between updates")
    git_pillar_user: str = option("", "User for http and https")
    git_pillar_password: str = option("", "Password of this user")
    git_pillar_insecure_auth: bool = option(False, "Send the password even over http")
    git_pillar_pubkey: str = option("", "File of the public SSH key; not needed for most keys")
    git_pillar_privkey: str = option("", "File of the private SSH key; default: the keys in ~/.ssh")
    git_pillar_passphrase: str = option("", "Passphrase of the private key")
    git_pillar_ssl_verify: bool = option(True, "Check the certificates of https servers")
    git_pillar_proxy: str = option("", "URL of a proxy for https; default: as git finds it")
    git_pillar_provider: str = option("pygit2", "Accepted for Salt's sake; pygit2 it is")
