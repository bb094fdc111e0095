"""Python packages, by pip.

`bin_env` is a virtual environment, or the path of a python or pip; without it, the Python that the minion runs on is
meant. `user` is the user that runs pip, `cwd` the folder it runs in.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Callable, Dict, List, Mapping, Optional

from minion import data
from minion.errors import CommandExecutionError, CommandNotFoundError
from minion.modules import _pep440, _pip

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]
__func_alias__ = {"list_": "list"}

_FLAGS = {
    "no_index": "--no-index",
    "upgrade": "--upgrade",
    "force_reinstall": "--force-reinstall",
    "ignore_installed": "--ignore-installed",
    "no_deps": "--no-deps",
    "no_cache_dir": "--no-cache-dir",
    "pre_releases": "--pre",
    "disable_version_check": "--disable-pip-version-check",
}
_VALUES = {
    "build": "--build",
    "target": "--target",
    "cache_dir": "--cache-dir",
    "source": "--src",
    "exists_action": "--exists-action",
    "cert": "--cert",
}
_LISTS = {
    "global_options": "--global-option",
    "install_options": "--install-option",
    "trusted_host": "--trusted-host",
}
_EGG = re.compile(r"(?:#|#.*?&)egg=([^&]+)")


def normalize(name: str) -> str:
    """The name of a package as indexes compare it.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.normalize Zope.Interface
    """
    return _pip.normalize(name)


def install(
    pkgs: Any = None,
    requirements: Any = None,
    bin_env: Optional[str] = None,
    use_wheel: bool = False,
    no_use_wheel: bool = False,
    log: Optional[str] = None,
    proxy: Any = None,
    timeout: Any = None,
    editable: Any = None,
    find_links: Any = None,
    index_url: Optional[str] = None,
    extra_index_url: Optional[str] = None,
    no_index: bool = False,
    mirrors: Any = None,
    build: Optional[str] = None,
    target: Optional[str] = None,
    download: Optional[str] = None,
    download_cache: Optional[str] = None,
    source: Optional[str] = None,
    upgrade: bool = False,
    force_reinstall: bool = False,
    ignore_installed: bool = False,
    exists_action: Optional[str] = None,
    no_deps: bool = False,
    no_install: bool = False,
    no_download: bool = False,
    global_options: Any = None,
    install_options: Any = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    pre_releases: bool = False,
    cert: Optional[str] = None,
    allow_all_external: bool = False,
    allow_external: Any = None,
    allow_unverified: Any = None,
    process_dependency_links: bool = False,
    saltenv: str = "base",
    env_vars: Optional[Mapping[str, Any]] = None,
    use_vt: bool = False,
    trusted_host: Any = None,
    no_cache_dir: bool = False,
    extra_args: Any = None,
    cache_dir: Optional[str] = None,
    no_binary: Any = None,
    disable_version_check: bool = False,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Installs packages; returns what pip said, as `cmd.run_all` does.

    Args:
        pkgs: packages, as a list or with commas between.
        requirements: files of requirements, also as `salt://` URLs.
        editable: sources to install so that they can be edited, as a list or with commas between.
        index_url, extra_index_url, no_index, find_links, trusted_host, proxy, cert: where packages come from.
        upgrade, force_reinstall, ignore_installed, pre_releases, no_deps, no_binary: which ones.
        target, source, build, log, timeout, cache_dir (or download_cache), no_cache_dir, exists_action,
            global_options, install_options, disable_version_check: options of pip.
        extra_args: further options: texts, or one-element mappings of an option to its value.
        saltenv: environment of `salt://` requirements.
        env_vars: environment variables.
        use_wheel, no_use_wheel, mirrors, download, no_install, no_download, allow_all_external, allow_external,
            allow_unverified, process_dependency_links: of versions of pip that are long gone; not used.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.install <package name>,<package2 name>
        salt '*' pip.install requirements=/path/to/requirements.txt bin_env=/path/to/virtualenv
        salt '*' pip.install <package name> upgrade=True
    """
    given = dict(locals())
    if not (pkgs or requirements or editable):
        return {"retcode": 0, "stdout": "No packages to install."}
    if no_index and (index_url or extra_index_url):
        raise CommandExecutionError("'no_index' and ('index_url' or 'extra_index_url') are mutually exclusive.")
    if exists_action and exists_action.lower() not in ("s", "i", "w", "b"):
        raise CommandExecutionError(
            f"The exists_action pip option only supports the values s, i, w, and b. '{exists_action}' is not valid."
        )
    arguments = _pip.common(log, timeout) + _options(given) + _pip.more_options(extra_args)
    arguments += [package.replace(";", ",") for package in _pip.words(pkgs)]
    arguments += _editable(editable)
    settings = {
        "index-url": _pip.url(index_url),
        "extra-index-url": _pip.url(extra_index_url),
        "proxy": _pip.proxy(__opts__, proxy),
    }
    with _pip.requirements(__salt__, requirements, saltenv, user, cwd) as (files, missing):
        if missing:
            return {"result": False, "retcode": 1, "stdout": "", "stderr": missing, "comment": missing}
        _forget(bin_env)
        words = ["install", *files, *arguments]
        return _pip.run(__salt__, words, bin_env, user, cwd, env_vars, settings, use_vt=use_vt)


def _options(given: Mapping[str, Any]) -> List[str]:
    """The options of pip that some arguments of `install` stand for."""
    found = [flag for name, flag in _FLAGS.items() if given[name]]
    for name, option in _VALUES.items():
        found += [option, str(given[name])] if given[name] else []
    if not given["target"] and given["bin_env"] is None and os.environ.get("VENV_PIP_TARGET"):
        found += ["--target", os.environ["VENV_PIP_TARGET"]]
    if given["download_cache"] and not given["cache_dir"]:
        found += ["--cache-dir", given["download_cache"]]
    if given["no_binary"]:
        found += ["--no-binary", ",".join(_pip.words(given["no_binary"]))]
    for name, option in _LISTS.items():
        for item in _pip.words(given[name]):
            found += [option, item]
    return found + _find_links(given["find_links"])


def _find_links(links: Any) -> List[str]:
    found = []
    for link in _pip.words(links):
        if not os.path.exists(link):
            _pip.url(link, "URL or path")
        found += ["--find-links", link]
    return found


def _editable(sources: Any) -> List[str]:
    found = []
    for entry in _pip.words(sources):
        if not (entry == "." or entry.startswith(("file://", "/")) or _EGG.search(entry)):
            raise CommandExecutionError("You must specify an egg for this editable")
        found += ["--editable", entry]
    return found


def uninstall(
    pkgs: Any = None,
    requirements: Any = None,
    bin_env: Optional[str] = None,
    log: Optional[str] = None,
    proxy: Any = None,
    timeout: Any = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    saltenv: str = "base",
    use_vt: bool = False,
    extra_args: Any = None,
) -> Dict[str, Any]:
    """Uninstalls packages; returns what pip said, as `cmd.run_all` does.

    Args:
        pkgs: packages, as a list or with commas between.
        requirements: files of requirements, also as `salt://` URLs.
        log, proxy, timeout: options of pip.
        extra_args: further options: texts, or one-element mappings of an option to its value.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.uninstall <package name>,<package2 name> bin_env=/path/to/virtualenv
    """
    arguments = _pip.common(log, timeout) + _pip.more_options(extra_args) + _pip.words(pkgs)
    with _pip.requirements(__salt__, requirements, saltenv, user, cwd) as (files, missing):
        if missing:
            return {"result": False, "retcode": 1, "stdout": "", "stderr": missing, "comment": missing}
        _forget(bin_env)
        settings = {"proxy": _pip.proxy(__opts__, proxy)}
        words = ["uninstall", "-y", *files, *arguments]
        return _pip.run(__salt__, words, bin_env, user, cwd, settings=settings, use_vt=use_vt)


def _read(words: List[str], bin_env: Optional[str], user: Optional[str], cwd: Optional[str], **more: Any) -> str:
    """stdout of a call of pip that must succeed."""
    done = _pip.run(__salt__, [*words, "--disable-pip-version-check"], bin_env, user, cwd, **more)
    if done["retcode"]:
        raise CommandExecutionError(done["stderr"] or done["stdout"], info=done)
    return str(done["stdout"])


def freeze(
    bin_env: Optional[str] = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    use_vt: bool = False,
    env_vars: Optional[Mapping[str, Any]] = None,
    **kwargs: Any,
) -> List[str]:
    """The installed packages, as lines of a requirements file.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.freeze bin_env=/home/code/path/to/virtualenv
    """
    return _read(["freeze", "--all"], bin_env, user, cwd, env_vars=env_vars).splitlines()


def list_freeze_parse(
    prefix: Optional[str] = None,
    bin_env: Optional[str] = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    env_vars: Optional[Mapping[str, Any]] = None,
    **kwargs: Any,
) -> Dict[str, str]:
    """The installed packages and their versions, from what `pip freeze` prints.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.list_freeze_parse salt
    """
    found = {"pip": version(bin_env, cwd, user)}
    for line in freeze(bin_env, user, cwd, env_vars=env_vars):
        egg = re.match(r"-e (.*)#egg=(.*)", line)
        pair = re.match(r"(?:-e )?([^=\s]+)===?(\S+)", line)
        if egg:
            found[_pip.normalize(egg.group(2))] = egg.group(1)
        elif pair:
            found[_pip.normalize(pair.group(1))] = pair.group(2)
    return _with_prefix(found, prefix)


def _with_prefix(packages: Dict[str, str], prefix: Optional[str]) -> Dict[str, str]:
    start = _pip.normalize(prefix or "")
    return {name: number for name, number in packages.items() if name.startswith(start)}


def list_(
    prefix: Optional[str] = None,
    bin_env: Optional[str] = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    env_vars: Optional[Mapping[str, Any]] = None,
    **kwargs: Any,
) -> Dict[str, str]:
    """The installed packages and their versions.

    Args:
        prefix: only packages whose name begins so.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.list salt
    """
    rows = _rows(_read(["list", "--format=json"], bin_env, user, cwd, env_vars=env_vars))
    return _with_prefix({_pip.normalize(row["name"]): row["version"] for row in rows}, prefix)


def _rows(text: str) -> List[Dict[str, str]]:
    try:
        return list(json.loads(text, strict=False))
    except ValueError as exc:
        raise CommandExecutionError(f"pip did not print valid JSON: {text[:200]}") from exc


def version(bin_env: Optional[str] = None, cwd: Optional[str] = None, user: Optional[str] = None) -> str:
    """The version of pip.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.version
    """
    key = f"pip.version.{bin_env}"
    if key not in __context__:
        done = _pip.run(__salt__, ["--version"], bin_env, user, cwd)
        match = re.match(r"pip (\S+)", done["stdout"])
        if done["retcode"] or not match:
            raise CommandNotFoundError("Could not find a `pip` binary")
        __context__[key] = match.group(1)
    return str(__context__[key])


def _forget(bin_env: Optional[str]) -> None:
    """pip itself may be another after this."""
    __context__.pop(f"pip.version.{bin_env}", None)


def list_upgrades(
    bin_env: Optional[str] = None, user: Optional[str] = None, cwd: Optional[str] = None
) -> Dict[str, str]:
    """Packages of which there is a newer version, and that version.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.list_upgrades
    """
    rows = _rows(_read(["list", "--outdated", "--format=json"], bin_env, user, cwd))
    return {row["name"]: f"{row['latest_version']} [{row['latest_filetype']}]" for row in rows}


def is_installed(
    pkgname: str, bin_env: Optional[str] = None, user: Optional[str] = None, cwd: Optional[str] = None
) -> bool:
    """Whether a package is installed.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.is_installed salt
    """
    return _pip.normalize(pkgname) in list_(pkgname, bin_env, user, cwd)


def upgrade_available(
    pkg: str, bin_env: Optional[str] = None, user: Optional[str] = None, cwd: Optional[str] = None
) -> bool:
    """Whether there is a newer version of a package.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.upgrade_available <package name>
    """
    return _pip.normalize(pkg) in map(_pip.normalize, list_upgrades(bin_env, user, cwd))


def upgrade(
    bin_env: Optional[str] = None, user: Optional[str] = None, cwd: Optional[str] = None, use_vt: bool = False
) -> Dict[str, Any]:
    """Upgrades all packages; returns what changed, and what pip complained about.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.upgrade
    """
    old = list_(None, bin_env, user, cwd)
    complaints, succeeded = "", True
    for package in list_upgrades(bin_env, user, cwd):
        words = ["install", "-U", "--disable-pip-version-check", package]
        done = _pip.run(__salt__, words, bin_env, user, cwd, use_vt=use_vt)
        succeeded = succeeded and not done["retcode"]
        complaints += done["stderr"]
    _forget(bin_env)
    changes = data.compare_dicts(old, list_(None, bin_env, user, cwd))
    return {"changes": changes, "result": succeeded, "comment": complaints}


def list_all_versions(
    pkg: str,
    bin_env: Optional[str] = None,
    include_alpha: bool = False,
    include_beta: bool = False,
    include_rc: bool = False,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    index_url: Optional[str] = None,
    extra_index_url: Optional[str] = None,
) -> Optional[List[str]]:
    """All versions of a package that the index offers, oldest first; None if it offers none.

    Args:
        include_alpha, include_beta, include_rc: also versions before a release.
        index_url, extra_index_url: other indexes.

    CLI Example:

    .. code-block:: bash

        salt '*' pip.list_all_versions <package name>
    """
    words = ["index", "versions", "--pre", pkg]
    if _pep440.key(version(bin_env, cwd, user)) < _pep440.key("21.2"):
        words = ["install", f"{pkg}==versions"]  # fails, and tells which ones there are
    settings = {"index-url": _pip.url(index_url), "extra-index-url": _pip.url(extra_index_url)}
    words.append("--disable-pip-version-check")
    done = _pip.run(__salt__, words, bin_env, user, cwd, settings=settings, redirect_stderr=True, ignore_retcode=True)
    match = re.search(r"(?:Available versions: |from versions: )([^)\n]*)", done["stdout"])
    versions = [number.strip() for number in match.group(1).split(",")] if match else []
    for kept, mark in ((include_alpha, "a"), (include_beta, "b"), (include_rc, "rc")):
        versions = [number for number in versions if number and number != "none" and (kept or mark not in number)]
    return sorted(versions, key=_pep440.key) or None
