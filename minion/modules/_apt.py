"""Runs APT's programs: without questions, in English, patient with a lock that another process holds."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Sequence

from minion.modules import _pkg, _tools

ENVIRONMENT = {
    "APT_LISTBUGS_FRONTEND": "none",
    "APT_LISTCHANGES_FRONTEND": "none",
    "DEBIAN_FRONTEND": "noninteractive",
    "UCF_FORCE_CONFFOLD": "1",
}
_LOCKED = ("Could not get lock", "is another process using it")
_LOCK_WAITS = (1, 2, 4, 8, 16, 32, 60, 60, 60, 60)

Salt = Mapping[str, Callable[..., Any]]


def run(salt: Salt, argv: Sequence[str], scope: bool = False, **options: Any) -> Dict[str, Any]:
    """What `cmd.run_all` says of a program of APT; `scope` for those that change packages."""
    words = (_pkg.scope(salt) if scope else []) + list(argv)
    options["env"] = {**ENVIRONMENT, **(options.get("env") or {})}
    options.setdefault("output_loglevel", "debug")
    for wait in (*_LOCK_WAITS, 0):
        done = _tools.result(salt, words, **options)
        if not done["retcode"] or not wait or not any(text in done["stderr"] for text in _LOCKED):
            break
        time.sleep(wait)
    return done


def environment(env: Any) -> Dict[str, str]:
    """Environment variables from a mapping, a list of mappings, or text."""
    if not env:
        return {}
    pairs = env if isinstance(env, list) else [env]
    found: Dict[str, str] = {}
    for pair in pairs:
        if isinstance(pair, Mapping):
            found.update((str(key), str(value)) for key, value in pair.items())
        else:
            key, _, value = str(pair).partition("=")
            found[key] = value
    return found


def changing(action: str, **kwargs: Any) -> List[str]:
    """The words of an `apt-get` that changes packages, up to the names."""
    words = ["apt-get", "-q", "-y"]
    if kwargs.get("force_yes"):
        words.append("--force-yes")
    conffiles = ["--force-confnew"] if kwargs.get("force_conf_new") else ["--force-confold", "--force-confdef"]
    for option in conffiles:
        words += ["-o", f"DPkg::Options::={option}"]
    if "install_recommends" in kwargs:
        words.append("--install-recommends" if kwargs["install_recommends"] else "--no-install-recommends")
    flags = (
        ("only_upgrade", "--only-upgrade"),
        ("skip_verify", "--allow-unauthenticated"),
        ("allow_downgrades", "--allow-downgrades"),
        ("downloadonly", "--download-only"),
        ("download_only", "--download-only"),
        ("reinstall", "--reinstall"),
    )
    words += [flag for name, flag in flags if kwargs.get(name)]
    if kwargs.get("fromrepo"):
        words += ["-t", kwargs["fromrepo"]]
    return [*words, action]
