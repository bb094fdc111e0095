from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader

PACKAGE = "sltn-test"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("debconf-get-selections") is None, reason="needs root and debconf-utils"
)


@pytest.fixture
def debconf(salt: Loader) -> Iterator[Loader]:
    yield salt
    subprocess.run(["debconf-communicate", PACKAGE], input=b"PURGE\n", check=True, stdout=subprocess.DEVNULL)


def test_set_and_show(debconf: Loader) -> None:
    assert debconf["debconf.show"](PACKAGE) is None
    assert debconf["debconf.set"](PACKAGE, f"{PACKAGE}/name", "string", "some", "more") is True
    assert debconf["debconf.set"](PACKAGE, f"{PACKAGE}/flag", "boolean", True) is True
    assert debconf["debconf.set"](PACKAGE, f"{PACKAGE}/empty", "string", "") is True
    assert sorted(debconf["debconf.show"](PACKAGE)) == [
        [f"{PACKAGE}/empty", "string", ""],
        [f"{PACKAGE}/flag", "boolean", "true"],
        [f"{PACKAGE}/name", "string", "some more"],
    ]
    assert len(debconf["debconf.get_selections"](fetchempty=False)[PACKAGE]) == 2


def test_refusals_tell_no_secret(debconf: Loader) -> None:
    with pytest.raises(SaltInvocationError) as caught:
        debconf["debconf.set"](PACKAGE, f"{PACKAGE}/p", "password", "se\ncret")
    assert "cret" not in str(caught.value)
    with pytest.raises(CommandExecutionError, match="refused") as refused:
        debconf["debconf.set"](PACKAGE, f"{PACKAGE}/p", "nosuchtype", "secret")
    assert "secret" not in str(refused.value)


def test_files(debconf: Loader, tmp_path: Path) -> None:
    path = tmp_path / "selections"
    path.write_text(f"# comment\n{PACKAGE} {PACKAGE}/name string  two  words\n")
    debconf.inject("__salt__", {"cmd.run_all": debconf["cmd.run_all"], "cp.cache_file": lambda *_: str(path)})
    assert debconf["debconf.set_file"]("salt://x") is True
    assert debconf["debconf.show"](PACKAGE) == [[f"{PACKAGE}/name", "string", " two  words"]]
    debconf.inject("__salt__", {"cp.cache_file": lambda *_: False})
    assert debconf["debconf.set_file"]("salt://x") is False
