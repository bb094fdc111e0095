"""Virtual environments of Python, made by virtualenv or by the venv module of an interpreter."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.errors import CommandExecutionError
from minion.modules import _pip, _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__pillar__: Dict[str, Any]
__virtualname__ = "virtualenv"

_DISTRIBUTION = """
import sys
try:
    from importlib.metadata import distribution
    print(distribution(sys.argv[1]).locate_file(""))
except ImportError:
    import pkg_resources
    print(pkg_resources.get_distribution(sys.argv[1]).location)
"""
_RESOURCE = """
import importlib, os, sys
print(os.path.join(os.path.dirname(importlib.import_module(sys.argv[1]).__file__), sys.argv[2]))
"""


def virtualenv_ver(venv_bin: str, user: Optional[str] = None, **kwargs: Any) -> Tuple[int, ...]:
    """The version of virtualenv.

    CLI Example:

    .. code-block:: bash

        salt '*' virtualenv.virtualenv_ver virtualenv
    """
    done = _tools.result(__salt__, [venv_bin, "--version"], runas=user, redirect_stderr=True)
    match = re.search(r"\d+(?:\.\d+)+", done["stdout"])
    if done["retcode"] or not match:
        raise CommandExecutionError(
            f"Unable to get the virtualenv version output using '{venv_bin} --version'. Returned data: {done}"
        )
    return tuple(int(part) for part in match.group().split("."))


def create(
    path: str,
    venv_bin: Optional[str] = None,
    system_site_packages: bool = False,
    distribute: bool = False,
    clear: bool = False,
    python: Optional[str] = None,
    extra_search_dir: Any = None,
    never_download: Optional[bool] = None,
    prompt: Optional[str] = None,
    pip: bool = False,
    symlinks: Optional[bool] = None,
    upgrade: Optional[bool] = None,
    user: Optional[str] = None,
    use_vt: bool = False,
    saltenv: str = "base",
    **kwargs: Any,
) -> Dict[str, Any]:
    """Makes a virtual environment; returns what the program said, as `cmd.run_all` does.

    Args:
        path: where.
        venv_bin: the program: `virtualenv`, `venv` or an interpreter for its venv module; by default that of the
            pillar or the minion's options, else virtualenv if there is one, else venv.
        system_site_packages: packages of the system can be used in it.
        distribute: of versions of virtualenv that are long gone; not used.
        clear: empty it first.
        python: the interpreter that it is for.
        extra_search_dir: where virtualenv looks for packages, as a list or with commas between.
        never_download: virtualenv shall not fetch packages.
        prompt: what the shell shows.
        pip: make sure that pip is in it.
        symlinks: link the interpreter instead of copying it (venv).
        upgrade: it exists, the interpreter is another one (venv).
        user: the user that it belongs to.

    CLI Example:

    .. code-block:: bash

        salt '*' virtualenv.create /path/to/new/virtualenv
    """
    venv_bin = venv_bin or __pillar__.get("venv_bin") or __opts__.get("venv_bin") or _default_program()
    python = (python or "").strip() or None
    is_interpreter = re.fullmatch(r"(?:python|pypy)[\d.]*", os.path.basename(venv_bin)) is not None
    words = _program(venv_bin, python, is_interpreter)
    if is_interpreter or "venv" in os.path.basename(venv_bin).replace("virtualenv", ""):
        refused = {
            "extra_search_dir": extra_search_dir,
            "never_download": never_download,
            "python": python if words[0] == venv_bin else None,
        }
        words += [f"--{name}" for name, chosen in (("upgrade", upgrade), ("symlinks", symlinks)) if chosen]
    else:
        refused = {"upgrade": upgrade, "symlinks": symlinks}
        words += [f"--python={python}"] if python else []
        words += [f"--extra-search-dir={folder}" for folder in _pip.words(extra_search_dir)]
        words += ["--no-download"] if never_download else []
    for name, value in refused.items():
        if value is not None:
            raise CommandExecutionError(
                f"The `{name}`(`--{name.replace('_', '-')}`) option is not supported by '{venv_bin}'"
            )
    words += ["--prompt", prompt] if (prompt or "").strip() else []  # type: ignore[list-item]
    words += [
        f"--{name}" for name, chosen in (("clear", clear), ("system-site-packages", system_site_packages)) if chosen
    ]
    existed = os.path.exists(path)
    done = _tools.result(__salt__, [*words, path], runas=user, cwd="/", use_vt=use_vt)
    if done["retcode"]:
        if not existed:
            shutil.rmtree(path, ignore_errors=True)
        return done
    return _ensure_pip(done, path, user) if pip and not os.path.exists(os.path.join(path, "bin", "pip")) else done


def _default_program() -> str:
    return "virtualenv" if _tools.which("virtualenv") else "venv"


def _program(venv_bin: str, python: Optional[str], is_interpreter: bool) -> List[str]:
    if python and not _tools.which(python):
        raise CommandExecutionError(f"Cannot find requested python ({python}).")
    if venv_bin == "venv":
        return [python or sys.executable, "-m", "venv"]
    if not is_interpreter:
        return [venv_bin]
    if python:
        raise CommandExecutionError("Pass the target interpreter either as `venv_bin` or as `python`, not both.")
    if not _tools.which(venv_bin):
        raise CommandExecutionError(f"Cannot find requested python ({venv_bin}).")
    return [venv_bin, "-m", "venv"]


def _ensure_pip(done: Dict[str, Any], path: str, user: Optional[str]) -> Dict[str, Any]:
    """Installs the pip that comes with Python."""
    more = _tools.result(__salt__, [_python(path), "-m", "ensurepip", "--default-pip"], runas=user, cwd="/")
    return {
        **done,
        "retcode": more["retcode"],
        "stdout": f"{done['stdout']}\n{more['stdout']}".strip(),
        "stderr": f"{done['stderr']}\n{more['stderr']}".strip(),
    }


def _python(venv: str) -> str:
    path = os.path.join(venv, "bin", "python")
    if not os.path.exists(path):
        raise CommandExecutionError(f"Path '{venv}' does not appear to be a virtualenv: '{path}' not found.")
    return path


def _ask(venv: str, code: str, *arguments: Any) -> str:
    """What a piece of code prints in an environment."""
    return _tools.output(__salt__, [_python(venv), "-c", code, *map(str, arguments)])


def get_site_packages(venv: str) -> str:
    """The folder in which an environment keeps its packages.

    CLI Example:

    .. code-block:: bash

        salt '*' virtualenv.get_site_packages /path/to/my/venv
    """
    return _ask(venv, "import sysconfig; print(sysconfig.get_path('purelib'))")


def get_distribution_path(venv: str, distribution: str) -> str:
    """The folder in which an environment keeps a package.

    CLI Example:

    .. code-block:: bash

        salt '*' virtualenv.get_distribution_path /path/to/my/venv my_distribution
    """
    return _ask(venv, _DISTRIBUTION, distribution)


def get_resource_path(venv: str, package: Optional[str] = None, resource: Optional[str] = None) -> str:
    """The path of a file that a package in an environment brought.

    CLI Example:

    .. code-block:: bash

        salt '*' virtualenv.get_resource_path /path/to/my/venv my_package my/resource.xml
    """
    return _ask(venv, _RESOURCE, package, resource)


def get_resource_content(venv: str, package: Optional[str] = None, resource: Optional[str] = None) -> str:
    """The content of a file that a package in an environment brought.

    CLI Example:

    .. code-block:: bash

        salt '*' virtualenv.get_resource_content /path/to/my/venv my_package my/resource.xml
    """
    with open(get_resource_path(venv, package, resource), encoding="utf-8", errors="replace") as source:
        return source.read()
