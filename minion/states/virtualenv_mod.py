"""Virtual environments of Python."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Mapping, Optional

from minion.errors import CommandExecutionError
from minion.modules import _pep440
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str
__virtualname__ = "virtualenv"

_GONE = "The '{}' option is only supported in pip between 1.4 and 9.0.3. The version of pip detected was {}."

# argument -> what pip.install calls it
_PIP = {
    "index_url": "index_url",
    "extra_index_url": "extra_index_url",
    "pip_download": "download",
    "pip_download_cache": "download_cache",
    "pre_releases": "pre_releases",
    "pip_exists_action": "exists_action",
    "pip_ignore_installed": "ignore_installed",
    "pip_upgrade": "upgrade",
    "no_deps": "no_deps",
    "proxy": "proxy",
    "use_vt": "use_vt",
    "env_vars": "env_vars",
    "pip_no_cache_dir": "no_cache_dir",
    "pip_cache_dir": "cache_dir",
    "process_dependency_links": "process_dependency_links",
    "no_binary": "no_binary",
    "user": "user",
}
_CREATE = (
    "venv_bin", "system_site_packages", "distribute", "clear", "python", "extra_search_dir", "never_download", "prompt",
    "user", "use_vt",
)  # fmt: skip


def __virtual__() -> Any:
    if "virtualenv.create" in __salt__:
        return __virtualname__
    return False, "virtualenv module could not be loaded"


def managed(
    name: str,
    venv_bin: Optional[str] = None,
    requirements: Any = None,
    system_site_packages: bool = False,
    distribute: bool = False,
    use_wheel: bool = False,
    clear: bool = False,
    python: Optional[str] = None,
    extra_search_dir: Any = None,
    never_download: Optional[bool] = None,
    prompt: Optional[str] = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    index_url: Optional[str] = None,
    extra_index_url: Optional[str] = None,
    pre_releases: bool = False,
    no_deps: bool = False,
    pip_download: Optional[str] = None,
    pip_download_cache: Optional[str] = None,
    pip_exists_action: Optional[str] = None,
    pip_ignore_installed: bool = False,
    proxy: Any = None,
    use_vt: bool = False,
    env_vars: Optional[Mapping[str, Any]] = None,
    no_use_wheel: bool = False,
    pip_upgrade: bool = False,
    pip_pkgs: Any = None,
    pip_no_cache_dir: bool = False,
    pip_cache_dir: Optional[str] = None,
    process_dependency_links: bool = False,
    no_binary: Any = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that there is a virtual environment, with packages in it.

    Args:
        name: its folder.
        venv_bin, system_site_packages, distribute, python, extra_search_dir, never_download, prompt, kwargs: how it is
            made, see `virtualenv.create`.
        clear: empty it first, in each run.
        pip_pkgs: packages to install, as a list or with commas between.
        requirements: files of requirements to install, also as `salt://` URLs.
        user: who makes it and runs pip.
        cwd: the folder that pip runs in.
        pip_upgrade: to the newest versions.
        index_url, extra_index_url, pre_releases, no_deps, pip_download_cache, pip_exists_action, pip_ignore_installed,
            proxy, use_vt, env_vars, pip_no_cache_dir, pip_cache_dir, no_binary: see `pip.install`.
        use_wheel, no_use_wheel, pip_download, process_dependency_links: of versions of pip that are long gone.
    """
    given = dict(locals())
    ret = begun(name)
    exists = os.path.exists(_python(name))
    try:
        requirements = _fetched(requirements)
        if exists and clear:
            ret["changes"].update(cleared_packages=__salt__["pip.freeze"](bin_env=name), old=_version(name))
        if __opts__["test"]:
            return _predict(ret, exists, clear)
        if exists and not clear:
            ret["comment"] = "virtualenv exists"
        else:
            done = __salt__["virtualenv.create"](name, **{key: given[key] for key in _CREATE}, **kwargs)
            if done["retcode"]:
                return failed(ret, done["stdout"] + done["stderr"])
            ret["changes"]["new"] = _version(name)
            ret["comment"] = "Cleared existing virtualenv" if clear else "Created new virtualenv"
    except CommandExecutionError as exc:
        return failed(ret, f"Failed to create virtualenv: {exc}")
    try:
        _check_options(given)
        if requirements or pip_pkgs:
            _populate(ret, requirements, given)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    return ret


def manage(name: str, **kwargs: Any) -> Result:
    """The older name of `virtualenv.managed`."""
    return managed(name, **kwargs)


def _predict(ret: Result, exists: bool, clear: bool) -> Result:
    if exists and not clear:
        return {**ret, "comment": f"Virtualenv {ret['name']} is already created"}
    return predicted(ret, f"Virtualenv {ret['name']} is set to be {'cleared' if exists else 'created'}")


def _python(name: str) -> str:
    return os.path.join(name, "bin", "python")


def _version(name: str) -> str:
    """What the interpreter of an environment says of its version."""
    return str(__salt__["cmd.run"]([_python(name), "-V"], python_shell=False))


def _fetched(requirements: Any) -> Any:
    """The path of a file from the master."""
    if not isinstance(requirements, str) or not requirements.startswith("salt://"):
        return requirements
    path = __salt__["cp.cache_file"](requirements, __env__)
    if not path:
        raise CommandExecutionError(f"pip requirements file '{requirements}' not found")
    return path


def _check_options(given: Mapping[str, Any]) -> None:
    for option in ("use_wheel", "no_use_wheel"):
        number = __salt__["pip.version"](bin_env=given["name"]) if given[option] else "0"
        if _pep440.key(number) > _pep440.key("9.0.3"):
            raise CommandExecutionError(_GONE.format(option, number))


def _populate(ret: Result, requirements: Any, given: Mapping[str, Any]) -> None:
    """Installs packages, and notes which ones have come or gone."""
    name, user, cwd = given["name"], given["user"], given["cwd"]
    before = __salt__["pip.freeze"](bin_env=name, user=user)
    first: Any = requirements.split(",")[0] if isinstance(requirements, str) else (requirements or [None])[0]
    if first is not None and not os.path.isabs(first):
        cwd = os.path.dirname(os.path.abspath(first))
    how = {option: given[argument] for argument, option in _PIP.items()}
    done = __salt__["pip.install"](
        pkgs=given["pip_pkgs"], requirements=requirements, bin_env=name, cwd=cwd, saltenv=__env__, **how
    )
    if done["retcode"]:
        failed(ret, f"{ret['comment']}\n{done['stdout']}\n{done['stderr']}")
    after = __salt__["pip.freeze"](bin_env=name, user=user)
    new, old = _missing(after, before), _missing(before, after)
    if new or old:
        ret["changes"]["packages"] = {"new": new or "", "old": old or ""}


def _missing(lines: List[str], others: List[str]) -> List[str]:
    return [line for line in lines if line not in others]
