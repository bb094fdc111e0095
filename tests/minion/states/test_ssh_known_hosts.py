from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State
from tests.minion.states.test_ssh_auth import ONE, TWO

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs ssh-keygen")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "known"
    path.write_text(f"known.example ssh-ed25519 {ONE}\n")
    return path


def test_a_host(host: State, file: Path) -> None:
    options: Dict[str, Any] = {"key": TWO, "enc": "ssh-ed25519", "config": str(file), "hash_known_hosts": False}
    predicted, first, second = host.converge("ssh_known_hosts.present", "new.example", **options)
    assert predicted["comment"] == f"Key for new.example is set to be added to {file}"
    assert first["comment"] == f"new.example's key saved to {file} (key: {TWO})"
    assert (first["changes"]["old"], first["changes"]["new"][0]["key"]) == (None, TWO)
    assert second["comment"] == f"new.example already exists in {file}"
    assert f"new.example ssh-ed25519 {TWO}" in file.read_text()
    predicted, first, second = host.converge("ssh_known_hosts.absent", "new.example", config=str(file))
    assert predicted["comment"] == f"Key for new.example is set to be removed from {file}"
    assert first["changes"]["new"] is None
    assert second["comment"] == "Host is already absent"
    assert file.read_text() == f"known.example ssh-ed25519 {ONE}\n"


def test_another_key(host: State, file: Path) -> None:
    options: Dict[str, Any] = {"key": TWO, "enc": "ssh-ed25519", "config": str(file)}
    predicted, first, _ = host.converge("ssh_known_hosts.present", "known.example", **options)
    assert predicted["comment"] == f"Key for known.example is set to be updated in {file}"
    assert first["changes"]["old"][0]["key"] == ONE


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"config": "rel"}, 'If not specifying a "user", specify an absolute "config".'),
        ({"key": ONE, "fingerprint": "a"}, 'Specify either "key" or "fingerprint", not both.'),
        ({"key": ONE}, 'Required argument "enc" if using "key" argument.'),
    ],
)
def test_what_is_refused(host: State, file: Path, arguments: Dict[str, Any], comment: str) -> None:
    options = {"config": str(file), **arguments}
    assert host.fails("ssh_known_hosts.present", "known.example", test=True, **options) == comment


def test_absent_from_no_file(host: State) -> None:
    comment = host.fails("ssh_known_hosts.absent", "x", config="rel")
    assert comment == 'If not specifying a "user", specify an absolute "config".'
