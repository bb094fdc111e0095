"""pip and virtualenv: a real environment, tiny packages, no network."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from minion.errors import CommandExecutionError, CommandNotFoundError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _pip
from tests.pip_lab import make_venv, make_wheels

NO_NET: Dict[str, Any] = {"no_index": True, "disable_version_check": True}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of a package."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheels(folder, "1.0", "2.0")
    return folder


@pytest.fixture(scope="module")
def shared_venv(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("venv") / "v"
    make_venv(path)
    return str(path)


def test_the_life_of_a_package(salt: Loader, shared_venv: str, wheels: Path, tmp_path: Path) -> None:
    venv: Dict[str, Any] = {"bin_env": shared_venv}
    done = salt["pip.install"]("tiny-pkg<2", find_links=str(wheels), **NO_NET, **venv)
    assert done["retcode"] == 0, done
    assert salt["pip.is_installed"]("Tiny_Pkg", **venv)
    assert not salt["pip.is_installed"]("tiny", **venv)
    assert salt["pip.list"]("tin", **venv) == {"tiny-pkg": "1.0"}
    assert salt["pip.list_freeze_parse"]("tiny.", **venv) == {"tiny-pkg": "1.0"}
    (tmp_path / "requirements.txt").write_text("-r more.txt\n")
    (tmp_path / "more.txt").write_text("tiny-pkg==2.0\n")
    requirements = str(tmp_path / "requirements.txt")
    done = salt["pip.install"](requirements=requirements, find_links=[str(wheels)], **NO_NET, **venv)
    assert done["retcode"] == 0, done
    assert salt["virtualenv.get_distribution_path"](shared_venv, "tiny-pkg") == salt["virtualenv.get_site_packages"](
        shared_venv
    )
    assert salt["virtualenv.get_resource_content"](shared_venv, "tiny", "data.txt") == "data 2.0"
    assert salt["pip.uninstall"]("tiny-pkg", **venv)["retcode"] == 0
    assert "tiny-pkg" not in salt["pip.list"](**venv)


def test_version(salt: Loader, shared_venv: str) -> None:
    expected = subprocess.check_output([f"{shared_venv}/bin/python", "-m", "pip", "--version"], text=True).split()[1]
    assert salt["pip.version"](shared_venv) == expected
    assert salt["pip.version"](f"{shared_venv}/bin/python") == expected


def test_which_pip(tmp_path: Path) -> None:
    assert _pip.command(None) == [os.path.normpath(sys.executable), "-m", "pip"]
    (tmp_path / "bin").mkdir()
    with pytest.raises(CommandNotFoundError, match="virtualenv"):
        _pip.command(str(tmp_path))
    for name in ("pip", "python3.9"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    assert _pip.command(str(tmp_path)) == [str(tmp_path / "bin/python3.9"), "-m", "pip"]
    assert _pip.command(str(tmp_path / "bin/pip")) == [str(tmp_path / "bin/pip")]
    with pytest.raises(CommandNotFoundError):
        _pip.command(str(tmp_path / "nothing"))


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """A pip that tells how it was called, and what its configuration file says."""
    path = tmp_path / "pip"
    path.write_text('#!/bin/sh\necho "$@"\n[ -z "$PIP_CONFIG_FILE" ] || cat "$PIP_CONFIG_FILE"\n')
    path.chmod(0o755)
    return path


def called(salt: Loader, fake: Path, **kwargs: Any) -> List[str]:
    return list(salt["pip.install"]("a", bin_env=str(fake), **kwargs)["stdout"].splitlines())


def test_options(salt: Loader, fake: Path) -> None:
    assert called(
        salt, fake, upgrade=True, pre_releases=True, no_deps=True, timeout=5, extra_args=["-q", {"-x": 1}]
    ) == ["install --timeout 5 --upgrade --no-deps --pre -q -x 1 a"]
    assert called(salt, fake, index_url="https://i.example/s", trusted_host="i.example", cache_dir="/c") == [
        "install --cache-dir /c --trusted-host i.example a --index-url https://i.example/s"
    ]
    assert called(salt, fake, editable="/src,git+https://h/x#egg=x") == [
        "install a --editable /src --editable git+https://h/x#egg=x"
    ]
    assert salt["pip.install"]() == {"retcode": 0, "stdout": "No packages to install."}
    for wrong in ({"editable": "git+https://h/x"}, {"index_url": "nonsense"}, {"exists_action": "x"}):
        with pytest.raises(CommandExecutionError):
            called(salt, fake, **wrong)
    with pytest.raises(CommandExecutionError, match="mutually exclusive"):
        called(salt, fake, no_index=True, index_url="https://i.example")
    with pytest.raises(SaltInvocationError):
        called(salt, fake, timeout=1.5)


def test_a_password_is_on_no_command_line(salt: Loader, fake: Path) -> None:
    salt.dunders["__opts__"].update(proxy_host="p", proxy_port=1, proxy_username="u", proxy_password="s3cret")
    lines = called(salt, fake, index_url="https://me:pw@i.example/s", extra_index_url="https://e.example")
    assert lines == [
        "install a --extra-index-url https://e.example",
        "[global]",
        "index-url = https://me:pw@i.example/s",
        "proxy = http://u:s3cret@p:1",
    ]


def test_outdated(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "pip"
    path.write_text(
        '#!/bin/sh\ncase "$1" in list) echo \'[{"name": "A.b", "version": "1", "latest_version": "2",'
        ' "latest_filetype": "wheel"}]\';; --version) echo pip 24.0 from x;;'
        " index) echo 'a (2.0)'; echo 'Available versions: 2.0, 10.0, 2.0rc1, 2.0b1, 1.0';; esac\n"
    )
    path.chmod(0o755)
    assert salt["pip.list_upgrades"](str(path)) == {"A.b": "2 [wheel]"}
    assert salt["pip.upgrade_available"]("a-b", str(path))
    assert salt["pip.list_all_versions"]("a", str(path)) == ["1.0", "2.0", "10.0"]
    versions = salt["pip.list_all_versions"]("a", str(path), include_rc=True, include_beta=True)
    assert versions == ["1.0", "2.0b1", "2.0rc1", "2.0", "10.0"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run pip as another user")
def test_requirements_can_be_read_by_the_user(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "private/sub").mkdir()
    (tmp_path / "private/r.txt").write_text("-r sub/more.txt\n-c /etc/absolute\n-r ../../outside\na\n")
    (tmp_path / "private/sub/more.txt").write_text("b\n")
    with _pip.requirements(salt, str(tmp_path / "private/r.txt"), "base", "nobody", None) as (options, missing):
        path = Path(options[1])
        assert path.read_text().endswith("a\n")
        assert (path.parent / "sub/more.txt").read_text() == "b\n"
        assert (path.parent / "sub/more.txt").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert sorted(item.name for item in path.parent.iterdir()) == ["r.txt", "sub"]
    assert missing == ""
    assert not path.parent.exists()


def test_requirements_that_are_missing(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "mods").mkdir()
    (tmp_path / "mods" / "cp.py").write_text("def cache_file(path, saltenv='base'):\n    return False\n")
    salt.folders.insert(0, str(tmp_path / "mods"))
    salt.refresh()
    done = salt["pip.install"](requirements="salt://nothing.txt")
    assert (done["result"], done["comment"]) == (False, "pip requirements file 'salt://nothing.txt' not found")


# virtualenv


@pytest.fixture
def interpreter(tmp_path: Path) -> str:
    """A python whose venv module leaves pip out, which would take seconds."""
    path = tmp_path / "python3"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" --without-pip\n')
    path.chmod(0o755)
    return str(path)


def test_create(salt: Loader, tmp_path: Path, interpreter: str) -> None:
    path = str(tmp_path / "new")
    done = salt["virtualenv.create"](path, venv_bin=interpreter, prompt="hello", system_site_packages=True)
    assert done["retcode"] == 0, done
    config = Path(path, "pyvenv.cfg").read_text()
    assert "hello" in config
    assert "include-system-site-packages = true" in config
    assert salt["virtualenv.get_site_packages"](path).startswith(path)
    again = salt["virtualenv.create"](str(tmp_path / "other"), venv_bin="venv", python=interpreter)
    assert again["retcode"] == 0, again
    with pytest.raises(CommandExecutionError, match="does not appear to be a virtualenv"):
        salt["virtualenv.get_site_packages"](str(tmp_path))


def test_what_failed_leaves_nothing(salt: Loader, tmp_path: Path) -> None:
    program = tmp_path / "virtualenv"
    program.write_text('#!/bin/sh\nfor path; do :; done\nmkdir "$path"; exit 3\n')
    program.chmod(0o755)
    assert salt["virtualenv.create"](str(tmp_path / "half"), venv_bin=str(program))["retcode"] == 3
    assert not (tmp_path / "half").exists()


def test_create_refuses_what_the_program_can_not_do(salt: Loader, tmp_path: Path) -> None:
    create = salt["virtualenv.create"]
    with pytest.raises(CommandExecutionError, match="extra-search-dir"):
        create(str(tmp_path / "x"), venv_bin="venv", extra_search_dir="/a")
    with pytest.raises(CommandExecutionError, match="upgrade"):
        create(str(tmp_path / "x"), venv_bin="virtualenv", upgrade=True)
    with pytest.raises(CommandExecutionError, match="not both"):
        create(str(tmp_path / "x"), venv_bin=sys.executable, python=sys.executable)
    with pytest.raises(CommandExecutionError, match="Cannot find requested python"):
        create(str(tmp_path / "x"), venv_bin="venv", python="python0.1")


def test_virtualenv_program(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "virtualenv"
    path.write_text(
        '#!/bin/sh\n[ "$1" != --version ] || { echo virtualenv 20.17.1+ds from x; exit; }\necho "$@"; exit $FAIL\n'
    )
    path.chmod(0o755)
    assert salt["virtualenv.virtualenv_ver"](str(path)) == (20, 17, 1)
    done = salt["virtualenv.create"](
        "/p", venv_bin=str(path), python=sys.executable, extra_search_dir="/a,/b", never_download=True, clear=True
    )
    assert done["stdout"] == (
        f"--python={sys.executable} --extra-search-dir=/a --extra-search-dir=/b --no-download --clear /p"
    )
