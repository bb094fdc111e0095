from __future__ import annotations

import base64
import getpass
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.minion.states.calls import State


def key(number: int) -> str:
    """Something of the form of a public key."""
    kind = b"ssh-ed25519"
    return base64.b64encode(len(kind).to_bytes(4, "big") + kind + b"\0\0\0\x20" + bytes([number]) * 32).decode()


ONE, TWO, THREE = key(1), key(2), key(3)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"# comment\nssh-ed25519 {ONE} one\nno-pty ssh-ed25519 {TWO} two\n")
    return path


def where(path: Path) -> Dict[str, Any]:
    return {"user": getpass.getuser(), "config": str(path)}


@pytest.mark.parametrize(
    ("name", "arguments", "line"),
    [
        (THREE, {"enc": "ssh-ed25519"}, f"ssh-ed25519 {THREE}"),
        (f"{THREE} c d", {"enc": "ed25519", "options": ["no-pty"]}, f"no-pty ssh-ed25519 {THREE} c d"),
        (f'from="x",no-pty ssh-ed25519 {THREE} c d', {"comment": "x"}, f'from="x",no-pty ssh-ed25519 {THREE} c d'),
    ],
)
def test_a_new_key(host: State, keys: Path, name: str, arguments: Dict[str, Any], line: str) -> None:
    before, user = keys.read_text(), getpass.getuser()
    predicted, first, second = host.converge("ssh_auth.present", name, **arguments, **where(keys))
    assert predicted["comment"] == f"Key {THREE} for user {user} is set to be added"
    assert first["comment"] == f"The authorized host key {THREE} for user {user} was added"
    assert (first["name"], first["changes"]) == (name, {THREE: "New"})
    assert second["comment"] == f"The authorized host key {THREE} is already present for user {user}"
    assert keys.read_text().replace(before, "").strip() == line


def test_a_key_changes(host: State, keys: Path) -> None:
    name = f"ssh-ed25519 {TWO} new"
    predicted, first, _ = host.converge("ssh_auth.present", name, **where(keys))
    assert predicted["comment"].endswith("is set to be updated")
    assert first["changes"] == {TWO: "Updated"}
    assert f"\nssh-ed25519 {TWO} new\n" in keys.read_text()


def test_a_key_goes(host: State, keys: Path) -> None:
    predicted, first, second = host.converge("ssh_auth.absent", f"ssh-ed25519 {ONE} any", **where(keys))
    assert predicted["comment"] == f"Key {ONE} for user {getpass.getuser()} is set for removal"
    assert (first["comment"], first["changes"]) == ("Key removed", {ONE: "Removed"})
    assert second["comment"] == "Key not present"
    assert ONE not in keys.read_text()


def test_keys_from_a_file(host: State, keys: Path) -> None:
    host.box.write({"srv/keys.pub": f"ssh-ed25519 {ONE} one\nssh-ed25519 {THREE} three\n", "srv/none.pub": "no key\n"})
    options = {"source": "salt://keys.pub", **where(keys)}
    predicted, first, _ = host.converge("ssh_auth.present", "any", **options)
    assert predicted["comment"] == f"Set to add: {THREE}\n"
    assert first["changes"] == {"any": "New"}
    predicted, first, _ = host.converge("ssh_auth.absent", "any", **options)
    assert predicted["comment"] == f"Set to remove: {ONE}\nSet to remove: {THREE}\n"
    assert keys.read_text() == f"# comment\nno-pty ssh-ed25519 {TWO} two\n"
    for function in ("present", "absent"):
        missing = host.fails(f"ssh_auth.{function}", "any", source="salt://nosuch", **where(keys))
        assert missing.endswith("Source file salt://nosuch is missing")
        comment = host.fails(f"ssh_auth.{function}", "any", source="salt://none.pub", **where(keys))
        assert comment == "No keys detected in salt://none.pub. Is file properly formatted?"


def test_just_these_keys(host: State, keys: Path) -> None:
    lines: List[str] = [f"no-pty ssh-ed25519 {TWO} two", f"ssh-ed25519 {THREE} three"]
    predicted, first, _ = host.converge("ssh_auth.manage", "any", ssh_keys=lines, **where(keys))
    assert f"{ONE} Key set for removal" in predicted["comment"]
    assert first["changes"] == {ONE: "Key removed", THREE: "New"}
    assert keys.read_text() == "# comment\n" + "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", ["garbage", "ssh-ed25519 garbage"])
def test_no_key(host: State, keys: Path, name: str) -> None:
    before = keys.read_text()
    comment = host.fails("ssh_auth.present", name, **where(keys))
    assert comment == "Invalid public ssh key, most likely has spaces or invalid syntax"
    assert host.fails("ssh_auth.present", ONE, user="nosuchuser").startswith("Failed to add the ssh key.")
    assert keys.read_text() == before
