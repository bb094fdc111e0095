"""Python packages, by pip."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Set

from minion.errors import CommandExecutionError
from minion.modules import _pep440, _pip
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str
__virtualname__ = "pip"

_DONE = re.compile(r"^Successfully installed (.*)$", re.M)
_OWN = ("name", "pkgs", "pip_bin", "repo", "kwargs")  # arguments that pip.install has not
_GONE = "The '{}' option is only supported in pip between 1.4 and 9.0.3. The version of pip detected was {}."


def __virtual__() -> Any:
    return __virtualname__ if "pip.list" in __salt__ else (False, "the module pip can't be loaded")


class _Where(NamedTuple):
    """Which Python the packages are for."""

    bin_env: Optional[str]
    user: Optional[str]
    cwd: Optional[str]
    env_vars: Optional[Mapping[str, Any]] = None

    def packages(self) -> Dict[str, str]:
        """Installed packages and their versions."""
        found: Dict[str, str] = __salt__["pip.list"](**self._asdict())
        return found


def installed(
    name: str,
    pkgs: Any = None,
    pip_bin: Optional[str] = None,
    requirements: Any = None,
    bin_env: Optional[str] = None,
    use_wheel: bool = False,
    no_use_wheel: bool = False,
    log: Optional[str] = None,
    proxy: Any = None,
    timeout: Any = None,
    repo: Any = None,
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
    install_options: Any = None,
    global_options: Any = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    pre_releases: bool = False,
    cert: Optional[str] = None,
    allow_all_external: bool = False,
    allow_external: Any = None,
    allow_unverified: Any = None,
    process_dependency_links: bool = False,
    env_vars: Optional[Mapping[str, Any]] = None,
    use_vt: bool = False,
    trusted_host: Any = None,
    no_cache_dir: bool = False,
    cache_dir: Optional[str] = None,
    no_binary: Any = None,
    extra_args: Any = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that packages are installed.

    Args:
        name: the package, also with versions that will do (`django >= 4.2, < 5`), a URL or the path of a file.
        pkgs: list of packages in its place.
        requirements: files of requirements, also as `salt://` URLs; names don't count then.
        editable: sources to install so that they can be edited; names don't count then.
        bin_env, pip_bin: a virtual environment, or the path of a python or pip; by default the Python that the minion
            runs on.
        upgrade: to the newest version that will do.
        force_reinstall, ignore_installed: install also what is there.
        user: who runs pip.
        cwd: the folder it runs in.
        env_vars: environment variables.
        log, proxy, timeout, find_links, index_url, extra_index_url, no_index, build, target, download_cache, source,
            exists_action, no_deps, install_options, global_options, pre_releases, cert, use_vt, trusted_host,
            no_cache_dir, cache_dir, no_binary, extra_args: see `pip.install`.
        use_wheel, no_use_wheel, repo, mirrors, download, no_install, no_download, allow_all_external, allow_external,
            allow_unverified, process_dependency_links: of versions of pip that are long gone.
    """
    given = dict(locals())
    where = _Where(bin_env or pip_bin, user, cwd, env_vars)
    if pkgs and not isinstance(pkgs, list):
        return failed(begun(name), "pkgs argument must be formatted as a list")
    wanted = [" ".join(map(str, *pkg.items())) if isinstance(pkg, dict) else str(pkg) for pkg in pkgs or [name]]
    ret = begun(";".join(wanted))
    call = {key: value for key, value in given.items() if key not in _OWN}
    call.update(bin_env=where.bin_env, saltenv=__env__, disable_version_check=True, **kwargs)
    try:
        for option in ("use_wheel", "no_use_wheel"):
            number = __salt__["pip.version"](where.bin_env) if given[option] else "0"
            if _pep440.key(number) > _pep440.key("9.0.3"):
                return failed(ret, _GONE.format(option, number))
        if user and "user.info" in __salt__ and not __salt__["user.info"](user):
            return failed(ret, f"User {user} does not exist")
        if requirements or editable:
            return _from_sources(ret, requirements, editable, call)
        return _by_name(ret, wanted, where, call)
    except CommandExecutionError as exc:
        return failed(ret, f"Error installing '{name}': {exc}")


def _from_sources(ret: Result, requirements: Any, editable: Any, call: Dict[str, Any]) -> Result:
    """Installs what files of requirements name, and sources."""
    if __opts__["test"]:
        lines = [f"Requirements file '{requirements}' will be processed."] if requirements else []
        mode = 'Package will be installed in editable mode (i.e. setuptools "develop mode")'
        lines += [f"{mode} from {editable}."] if editable else []
        return predicted(ret, " ".join(lines))
    done = __salt__["pip.install"](pkgs="", **call)
    if done["retcode"]:
        lines = [f'Unable to process requirements file "{requirements}"'] if requirements else []
        lines += [f"Unable to install from VCS checkout {editable}."] if editable else []
        return failed(ret, " ".join([*lines, _error(done)]))
    lines = []
    if requirements and "Successfully installed" in done["stdout"]:
        ret["changes"]["requirements"] = True
        lines.append(f"Successfully processed requirements file {requirements}.")
    elif requirements:
        lines.append("Requirements were already installed.")
    if editable:
        ret["changes"]["editable"] = True
        lines.append(f"Package successfully installed from VCS checkout {editable}.")
    return {**ret, "comment": " ".join(lines)}


def _error(done: Mapping[str, Any]) -> str:
    return f"Error: {done.get('stdout', '')} {done.get('stderr', '')}"


def _by_name(ret: Result, wanted: List[str], where: _Where, call: Dict[str, Any]) -> Result:
    """Installs the packages that are not there as they should."""
    parsed, problems = {}, []
    for line in wanted:
        try:
            parsed[line] = _pep440.requirement(line)
        except ValueError as exc:
            problems.append(_not_understood(line, exc))
    if problems:
        return failed(ret, "\n".join(problems))
    there = where.packages()
    comments = {line: _why_not(line, found, there, call) for line, found in parsed.items()}
    missing = [line for line in wanted if not comments[line]]
    already = [comments[line] for line in wanted if comments[line]]
    if not missing:
        end = "All specified packages are already installed" + (" and up-to-date" if call["upgrade"] else "")
        return {**ret, "comment": "\n".join([*already, end])}
    if __opts__["test"]:
        several = "\n".join(["Python package(s) set to be installed:", *wanted])
        return predicted(ret, several if len(wanted) > 1 else f"Python package {missing[0]} is set to be installed")
    done = __salt__["pip.install"](pkgs=[line.replace(",", ";") for line in missing], **call)
    if done["retcode"]:
        names = ", ".join(line.replace(",", ";") for line in missing)
        return failed(ret, "\n".join([*already, f"Failed to install packages: {names}. {_error(done)}"]))
    after = where.packages()
    changed = _installed_by(done["stdout"]) | {name for name, version in after.items() if there.get(name) != version}
    lines = _report(ret, {line: _pip.normalize(parsed[line].name) for line in missing}, after, changed)
    return {**ret, "comment": "\n".join([*already, *(lines or ["All packages were successfully installed"])])}


def _installed_by(output: str) -> Set[str]:
    """The packages of which pip says that it installed them."""
    match = _DONE.search(output)
    return {_pip.normalize(word.rpartition("-")[0]) for word in match.group(1).split()} if match else set()


def _not_understood(line: str, exc: ValueError) -> str:
    if "=" in line and "==" not in line:
        return f"Invalid version specification in package {line}. '=' is not supported, use '==' instead."
    return f"pip raised an exception while parsing '{line}': {exc}"


def _why_not(line: str, wanted: _pep440.Requirement, there: Dict[str, str], call: Mapping[str, Any]) -> str:
    """Why a package need not be installed; empty if it has to be."""
    version = there.get(_pip.normalize(wanted.name)) if wanted.name else None
    if version is None or call["ignore_installed"] or call["force_reinstall"]:
        return ""
    already = f"Python package {line} was already installed"
    if not call["upgrade"]:
        return already if _pep440.fulfils(version, wanted.specifiers) else ""
    newest = _newest(wanted, call)
    if newest is None:
        rest = "already installed and\nthe available upgrade doesn't fulfills the version requirements"
        return f"Python package {_pip.normalize(wanted.name)} was {rest}"
    return already if _pep440.key(version) == _pep440.key(newest) else ""


def _newest(wanted: _pep440.Requirement, call: Mapping[str, Any]) -> Optional[str]:
    """The newest version that will do; one before a release only if one is asked for."""
    asked = " ".join(version for _, version in wanted.specifiers)
    stages = {name: mark in asked for name, mark in (("alpha", "a"), ("beta", "b"), ("rc", "rc"))}
    how = {key: call[key] for key in ("bin_env", "user", "cwd", "index_url", "extra_index_url")}
    flags = {f"include_{name}": chosen or bool(call["pre_releases"]) for name, chosen in stages.items()}
    offered = __salt__["pip.list_all_versions"](_pip.normalize(wanted.name), **how, **flags) or []
    return next((version for version in reversed(offered) if _pep440.fulfils(version, wanted.specifiers)), None)


def _report(ret: Result, names: Mapping[str, str], there: Mapping[str, str], changed: Set[str]) -> List[str]:
    """Notes what was installed; the lines about what was not."""
    lines = []
    for line, name in names.items():
        if not name:
            ret["changes"][f"{line}==???"] = "Installed"
        elif name not in there:
            what = "although it does not show when calling 'pip.freeze'."
            lines.append(f"There was no error installing package '{line}' {what}")
        elif name in changed:
            ret["changes"][f"{name}=={there[name]}"] = "Installed"
    return lines


def removed(
    name: str,
    requirements: Any = None,
    bin_env: Optional[str] = None,
    log: Optional[str] = None,
    proxy: Any = None,
    timeout: Any = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    use_vt: bool = False,
) -> Result:
    """Sees to it that a package is not installed.

    Args:
        name: the package.
        requirements: files that name further packages to remove.
        bin_env: a virtual environment, or the path of a python or pip.
        user: who runs pip.
        cwd: the folder it runs in.
        log, proxy, timeout, use_vt: see `pip.uninstall`.
    """
    ret = begun(name)
    try:
        there = _Where(bin_env, user, cwd).packages()
        if _pip.normalize(name) not in there:
            return {**ret, "comment": "Package is not installed."}
        if __opts__["test"]:
            return predicted(ret, f"Package {name} is set to be removed")
        how = {"bin_env": bin_env, "log": log, "proxy": proxy, "timeout": timeout, "user": user, "cwd": cwd}
        done = __salt__["pip.uninstall"](pkgs=name, requirements=requirements, saltenv=__env__, use_vt=use_vt, **how)
    except CommandExecutionError as exc:
        return failed(ret, f"Error uninstalling '{name}': {exc}")
    if done["retcode"]:
        return failed(ret, f"Could not remove package. {_error(done)}")
    ret["changes"][name] = "Removed"
    return {**ret, "comment": "Package was successfully removed."}


def uptodate(
    name: str,
    bin_env: Optional[str] = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    use_vt: bool = False,
) -> Result:
    """Sees to it that all packages have their newest versions.

    Args:
        name: says nothing.
        bin_env: a virtual environment, or the path of a python or pip.
        user: who runs pip.
        cwd: the folder it runs in.
        use_vt: see `pip.upgrade`.
    """
    ret = begun(name)
    try:
        if not __salt__["pip.list_upgrades"](bin_env=bin_env, user=user, cwd=cwd):
            return {**ret, "comment": "System is already up-to-date."}
        if __opts__["test"]:
            return predicted(ret, "System update will be performed")
        done = __salt__["pip.upgrade"](bin_env=bin_env, user=user, cwd=cwd, use_vt=use_vt)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    ret["changes"] = done["changes"]
    return {**ret, "comment": "Upgrade successful."} if done["result"] else failed(ret, done["comment"])
