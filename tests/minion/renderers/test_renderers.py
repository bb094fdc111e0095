"""Renderers, called through files of the master.

py, json, yaml, yamlex and stateconf are compared with a real Salt in state/cases/renderers.yaml.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from minion.errors import SaltRenderError
from tests.minion.box import Box


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def render(box: Box, text: str, **context: Any) -> Any:
    box.write({"srv/x.sls": text})
    found = box.call("slsutil.renderer", "salt://x.sls", **context)
    return found.read() if hasattr(found, "read") else found


def test_yaml_in_order(box: Box) -> None:
    assert list(render(box, "z: 1\na: 2\n")) == ["z", "a"]
    with pytest.raises(SaltRenderError, match="tab character"):
        render(box, "a: b\n\tc: d\n")
    with pytest.raises(SaltRenderError, match="found conflicting ID 'a'"):
        render(box, "a: 1\na: 2\n")


def test_text(box: Box) -> None:
    assert render(box, "#!jinja|text\n{{ 1 + 1 }}\n") == "2\n"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="reads TOML with the standard library")
def test_toml(box: Box) -> None:
    assert render(box, '#!toml\n[a]\nb = ["c", 1]\n') == {"a": {"b": ["c", 1]}}


def test_mako(box: Box) -> None:
    pytest.importorskip("mako")
    assert render(box, "#!mako|yaml\n% for i in range(2):\nk${i}: ${grains['id']}\n% endfor\n") == {
        "k0": "box-one",
        "k1": "box-one",
    }
    with pytest.raises(SaltRenderError, match="nope"):
        render(box, "#!mako|yaml\n${nope}\n")


def test_pyobjects(box: Box) -> None:
    box.write({"srv/lib.sls": "#!pyobjects\nclass Names(Map):\n    class Debian:\n        pkg = 'found'\nvalue = 5\n"})
    text = """#!pyobjects
import salt://lib.sls
from salt://lib.sls import Names, value as number
include('other')
with Test.nop('a', name=Names.pkg):
    Test.succeed_with_changes('b', changes=[number, lib.value], require=Test('z'))
Test.nop('c', grains=grains('id'), salt=salt.test.echo('said'))
"""
    assert render(box, text) == {
        "include": ["other"],
        "a": {"test.nop": [{"name": "found"}]},
        "b": {"test.succeed_with_changes": [{"changes": [5, 5]}, {"require": [{"test": "z"}, {"test": "a"}]}]},
        "c": {"test.nop": [{"grains": "box-one"}, {"salt": "said"}]},
    }
    with pytest.raises(NameError, match="Nosuch"):
        render(box, "#!pyobjects\nNosuch.state('a')\n")


def test_stateconf_errors(box: Box) -> None:
    with pytest.raises(SaltRenderError, match="Invalid use of stateconf renderer"):
        render(box, "#!stateconf -x\na: b\n")
    with pytest.raises(SaltRenderError, match="Renderer: 'nosuch' is not available!"):
        render(box, "#!stateconf nosuch . jinja\na: b\n")


@pytest.mark.skipif(shutil.which("gpg") is None, reason="needs gpg")
def test_gpg(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)

    def gpg(*arguments: str, text: str = "") -> str:
        command = ["gpg", "--homedir", str(keys), "--batch", "--no-tty", *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout

    box = Box(tmp_path, {"gpg_keydir": str(keys)})
    try:
        gpg("--passphrase", "", "--quick-generate-key", "box@example", "rsa2048", "encr")
        message = gpg("--armor", "--trust-model", "always", "-r", "box@example", "-e", text="top secret")
        block = "\n".join(f"  {line}" for line in message.splitlines())
        assert render(box, f"#!yaml|gpg\na: |\n{block}\nb: [plain]\n") == {"a": "top secret", "b": ["plain"]}
        with pytest.raises(SaltRenderError, match="Could not decrypt cipher"):
            render(box, "#!yaml|gpg\na: |\n  -----BEGIN PGP MESSAGE-----\n\n  x\n  -----END PGP MESSAGE-----\n")
    finally:
        subprocess.run(["gpgconf", "--homedir", str(keys), "--kill", "all"], check=False)
