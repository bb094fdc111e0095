from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from tests.minion.states.calls import State
from tests.pip_lab import make_venv, make_wheels

VERSION = f"Python {sys.version.split()[0]}"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that makes environments, fast."""
    path = tmp_path_factory.mktemp("bin") / "virtualenv"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m venv --without-pip "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_an_environment(host: State, tmp_path: Path, program: str) -> None:
    folder = tmp_path / "made"
    predicted, first, second = host.converge("virtualenv.managed", str(folder), venv_bin=program)
    assert predicted["comment"] == f"Virtualenv {folder} is set to be created"
    assert (first["comment"], first["changes"]) == ("Created new virtualenv", {"new": VERSION})
    assert second["comment"] == "virtualenv exists" and os.access(folder / "bin/python", os.X_OK)


@pytest.fixture(scope="module", autouse=True)
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where pip finds packages."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheels(folder, "1.0", "2.0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        yield folder


@pytest.fixture
def there(tmp_path: Path) -> str:
    """An environment that exists."""
    make_venv(tmp_path / "v")
    return str(tmp_path / "v")


def test_packages(host: State, there: str) -> None:
    result = host("virtualenv.managed", there, pip_pkgs=["tiny-pkg==1.0"])
    assert result["changes"] == {"packages": {"new": ["Tiny.Pkg==1.0"], "old": ""}}
    assert host("virtualenv.managed", there, pip_pkgs=["tiny-pkg==1.0"])["changes"] == {}
    host.box.write({"srv/needs.txt": "tiny-pkg\n"})
    options: Dict[str, Any] = {"requirements": "salt://needs.txt", "pip_upgrade": True}
    result = host("virtualenv.managed", there, **options)
    assert result["changes"] == {"packages": {"new": ["Tiny.Pkg==2.0"], "old": ["Tiny.Pkg==1.0"]}}
    assert host("virtualenv.managed", there, **options)["changes"] == {}


def test_an_environment_that_is_cleared(host: State, there: str, program: str) -> None:
    host.functions["pip.install"]("tiny-pkg", bin_env=there)
    options: Dict[str, Any] = {"clear": True, "venv_bin": program}
    result = host("virtualenv.managed", there, test=True, **options)
    assert (result["result"], result["comment"]) == (None, f"Virtualenv {there} is set to be cleared")
    result = host("virtualenv.managed", there, **options)
    assert (result["result"], result["comment"]) == (True, "Cleared existing virtualenv")
    assert "Tiny.Pkg==2.0" in result["changes"]["cleared_packages"]
    assert (result["changes"]["old"], result["changes"]["new"]) == (VERSION, VERSION)


def test_failures(host: State, there: str, tmp_path: Path) -> None:
    new = str(tmp_path / "new")
    comment = host.fails("virtualenv.managed", new, requirements="salt://nosuch")
    assert comment == "Failed to create virtualenv: pip requirements file 'salt://nosuch' not found"
    comment = host.fails("virtualenv.managed", new, venv_bin="venv", python="/nosuch")
    assert comment == "Failed to create virtualenv: Cannot find requested python (/nosuch)."
    assert not os.path.exists(new)
    assert "No matching distribution found" in host.fails("virtualenv.managed", there, pip_pkgs=["nosuch"])
    assert host.fails("virtualenv.managed", there, use_wheel=True).startswith("The 'use_wheel' option is only")
