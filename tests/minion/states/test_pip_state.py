from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from tests.minion.states.calls import State
from tests.pip_lab import make_venv, make_wheels


@pytest.fixture(scope="module", autouse=True)
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where pip finds packages."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheels(folder, "1.0", "2.0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def shared_venv(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("venv") / "v"
    make_venv(path)
    return str(path)


@pytest.fixture
def venv(shared_venv: str) -> Dict[str, Any]:
    """An environment without the package."""
    for path in Path(shared_venv).glob("lib/python*/site-packages/tiny*"):
        shutil.rmtree(path)
    return {"bin_env": shared_venv}


def test_a_package_comes_and_goes(host: State, venv: Dict[str, Any]) -> None:
    predicted, first, second = host.converge("pip.installed", "Tiny.pkg < 2", **venv)
    assert predicted["comment"] == "Python package Tiny.pkg < 2 is set to be installed"
    assert (first["comment"], first["changes"]) == (
        "All packages were successfully installed",
        {"tiny-pkg==1.0": "Installed"},
    )
    already = "Python package Tiny.pkg < 2 was already installed\nAll specified packages are already installed"
    assert second["comment"] == already
    assert host("pip.installed", "tiny-pkg", upgrade=True, **venv)["changes"] == {"tiny-pkg==2.0": "Installed"}
    again = host("pip.installed", "tiny-pkg", upgrade=True, **venv)
    assert again["comment"].endswith("All specified packages are already installed and up-to-date")
    predicted, first, second = host.converge("pip.removed", "Tiny_Pkg", **venv)
    assert predicted["comment"] == "Package Tiny_Pkg is set to be removed"
    assert (first["comment"], first["changes"]) == ("Package was successfully removed.", {"Tiny_Pkg": "Removed"})
    assert second["comment"] == "Package is not installed."


def test_several_packages(host: State, venv: Dict[str, Any], wheels: Path) -> None:
    pkgs = [{"tiny-pkg": "==1.0"}, f"file://{wheels}/tiny_pkg-1.0-py3-none-any.whl"]
    result = host("pip.installed", "x", pkgs=pkgs, test=True, **venv)
    lines = ["Python package(s) set to be installed:", "tiny-pkg ==1.0", pkgs[1]]
    assert (result["result"], result["comment"].splitlines()) == (None, lines)
    result = host("pip.installed", "x", pkgs=pkgs, **venv)
    assert result["changes"] == {"tiny-pkg==1.0": "Installed", f"{pkgs[1]}==???": "Installed"}
    assert host.fails("pip.installed", "x", pkgs="tiny-pkg", **venv) == "pkgs argument must be formatted as a list"


def test_uptodate(host: State, venv: Dict[str, Any]) -> None:
    host.functions["pip.install"]("tiny-pkg==1.0", **venv)
    predicted, done = (host("pip.uptodate", "x", test=test, **venv) for test in (True, False))
    assert (predicted["result"], predicted["comment"]) == (None, "System update will be performed")
    assert (done["comment"], done["changes"]) == ("Upgrade successful.", {"tiny-pkg": {"old": "1.0", "new": "2.0"}})
    assert host("pip.uptodate", "x", **venv)["comment"] == "System is already up-to-date."


def test_requirements(host: State, venv: Dict[str, Any]) -> None:
    host.box.write({"srv/needs.txt": "tiny-pkg==1.0\n"})
    options = {"requirements": "salt://needs.txt", **venv}
    result = host("pip.installed", "x", test=True, **options)
    assert (result["result"], result["comment"]) == (None, "Requirements file 'salt://needs.txt' will be processed.")
    result = host("pip.installed", "x", **options)
    assert result["comment"] == "Successfully processed requirements file salt://needs.txt."
    assert result["changes"] == {"requirements": True}
    result = host("pip.installed", "x", **options)
    assert (result["comment"], result["changes"]) == ("Requirements were already installed.", {})
    comment = host.fails("pip.installed", "x", **{**options, "requirements": "salt://nosuch"})
    assert comment.startswith('Unable to process requirements file "salt://nosuch" Error: ')


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("a=1", {}, "Invalid version specification in package a=1. '=' is not supported, use '==' instead."),
        ("a b", {}, "pip raised an exception while parsing 'a b': Invalid requirement: 'a b'"),
        ("tiny-pkg==9", {}, "Failed to install packages: tiny-pkg==9. Error: "),
        ("tiny-pkg", {"user": "nosuch"}, "User nosuch does not exist"),
        ("tiny-pkg", {"bin_env": "/nosuch"}, "Error installing 'tiny-pkg': "),
        ("tiny-pkg", {"use_wheel": True}, "The 'use_wheel' option is only supported in pip between 1.4 and 9.0.3."),
    ],
)
def test_failures(host: State, shared_venv: str, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("pip.installed", name, **{"bin_env": shared_venv, **arguments}).startswith(comment)


def test_no_pip_to_remove_with(host: State) -> None:
    assert host.fails("pip.removed", "x", bin_env="/nosuch").startswith("Error uninstalling 'x': ")
