"""The ssh module: real keys, and a home that is a scratch folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader
from minion.modules import _ssh

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs ssh-keygen")

USER = "someone"


def make_key(folder: Path, kind: str, *words: str) -> List[str]:
    path = folder / f"id_{kind}"
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me@host", "-f", str(path), *words]
    subprocess.run(argv, check=True)
    return path.with_suffix(".pub").read_text().split()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, List[str]]:
    folder = tmp_path_factory.mktemp("keys")
    return {"ed25519": make_key(folder, "ed25519"), "ecdsa": make_key(folder, "ecdsa")}


@pytest.fixture
def home(salt: Loader, tmp_path: Path) -> Path:
    """The home of a user of whom `user.info` tells."""
    path = tmp_path / "home"
    path.mkdir()
    info = {"name": USER, "home": str(path), "uid": os.getuid(), "gid": os.getgid()}
    (tmp_path / "mods").mkdir()
    (tmp_path / "mods" / "useradd.py").write_text(
        f"__virtualname__ = 'user'\ndef info(name):\n    return {info!r} if name == {USER!r} else {{}}\n"
        f"def list_users():\n    return [{USER!r}]\n"
    )
    (tmp_path / "mods" / "cp.py").write_text("def cache_file(path, saltenv='base'):\n    return path[7:]\n")
    salt.folders.insert(0, str(tmp_path / "mods"))
    salt.refresh()
    return path


def test_the_life_of_a_key(salt: Loader, home: Path, keys: Dict[str, List[str]]) -> None:
    enc, key, comment = keys["ed25519"]
    path = home / ".ssh" / "authorized_keys"
    set_ = salt["ssh.set_auth_key"]
    assert salt["ssh.check_key"](USER, key, enc, comment, []) == "add"
    assert set_(USER, key, enc, comment) == "new"
    assert path.read_text() == f"{enc} {key} {comment}\n"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert set_(USER, key, "ed25519", comment) == "no change"
    assert set_(USER, key, enc, "other", ["no-pty", 'command="a, b"']) == "replace"
    assert salt["ssh.auth_keys"](USER)[key] == {
        "enc": enc,
        "comment": "other",
        "options": ["no-pty", 'command="a, b"'],
        "fingerprint": _ssh.fingerprint(key),
    }
    assert salt["ssh.auth_keys"]([USER]) == {USER: salt["ssh.auth_keys"](USER)}
    with path.open("a") as file:
        file.write("# a comment\n\nnonsense")
    other = keys["ecdsa"]
    assert set_(USER, other[1], other[0]) == "new"
    assert path.read_text().splitlines()[1:] == ["# a comment", "", "nonsense", f"{other[0]} {other[1]}"]
    assert salt["ssh.rm_auth_key"](USER, key) == "Key removed"
    assert salt["ssh.rm_auth_key"](USER, key) == "Key not present"
    assert path.read_text().splitlines() == ["# a comment", "", "nonsense", f"{other[0]} {other[1]}"]


def test_what_is_no_key(salt: Loader, home: Path, keys: Dict[str, List[str]]) -> None:
    assert salt["ssh.set_auth_key"](USER, "two words") == "invalid"
    assert salt["ssh.set_auth_key"](USER, "!!!!") == "Invalid public key"
    assert salt["ssh.set_auth_key"]("nobody-here", keys["ecdsa"][1]) == "fail"
    with pytest.raises(CommandExecutionError, match="Incorrect encryption key type"):
        salt["ssh.set_auth_key"](USER, keys["ecdsa"][1], "nonsense")
    with pytest.raises(CommandExecutionError, match="unknown token"):
        salt["ssh.set_auth_key"](USER, keys["ecdsa"][1], config="%x/keys")
    assert not (home / ".ssh").exists()


def test_other_files(salt: Loader, home: Path, tmp_path: Path, keys: Dict[str, List[str]]) -> None:
    enc, key, _ = keys["ed25519"]
    assert salt["ssh.set_auth_key"](USER, key, enc, config=f"{tmp_path}/etc/%u%%") == "new"
    assert (tmp_path / "etc" / f"{USER}%").exists()
    assert salt["ssh.set_auth_key"](USER, key, enc, config="%h/keys") == "new"
    assert (home / "keys").exists()


def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path, keys: Dict[str, List[str]]) -> None:
    (tmp_path / "k").write_text(" ".join(keys["ecdsa"]))
    words = ["ssh-keygen", "-l", "-E", "md5", "-f", str(tmp_path / "k")]
    expected = subprocess.check_output(words, text=True).split()[1]
    assert f"MD5:{_ssh.fingerprint(keys['ecdsa'][1], 'md5')}" == expected
    with pytest.raises(CommandExecutionError, match="nonsense"):
        _ssh.fingerprint(keys["ecdsa"][1], "nonsense")


def test_keys_from_files(salt: Loader, home: Path, tmp_path: Path, keys: Dict[str, List[str]]) -> None:
    source = tmp_path / "list"
    source.write_text("".join(" ".join(words) + "\n" for words in keys.values()))
    url = f"salt://{source}"
    assert set(salt["ssh.check_key_file"](USER, url).values()) == {"add"}
    assert salt["ssh.set_auth_key_from_file"](USER, url) == "new"
    assert salt["ssh.set_auth_key_from_file"](USER, url) == "no change"
    assert salt["ssh.set_auth_key_from_file"](USER, url, options=["no-pty"]) == "replace"
    assert salt["ssh.rm_auth_key_from_file"](USER, url) == "Key removed"
    assert salt["ssh.rm_auth_key_from_file"](USER, url) == "Key not present"
    source.write_text("no keys\n")
    assert salt["ssh.set_auth_key_from_file"](USER, url) == "fail"
    assert "No keys detected" in salt.dunders["__context__"]["ssh_auth.error"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_links_are_not_followed_to_what_others_own(salt: Loader, tmp_path: Path, keys: Dict[str, List[str]]) -> None:
    entry = pwd.getpwnam("nobody")
    home = tmp_path / "theirs"
    home.mkdir()
    os.chown(home, entry.pw_uid, entry.pw_gid)
    target = tmp_path / "roots"
    target.mkdir()
    (target / "authorized_keys").write_text("")
    (home / ".ssh").symlink_to(target)
    owner = {"name": "nobody", "home": str(home), "uid": entry.pw_uid, "gid": entry.pw_gid}
    with pytest.raises(CommandExecutionError, match="does not belong to nobody"):
        _ssh.write(salt, str(home / ".ssh" / "authorized_keys"), ["x\n"], owner)
    (home / ".ssh").unlink()
    (home / ".ssh").mkdir()
    (home / ".ssh" / "authorized_keys").symlink_to(target / "authorized_keys")
    with pytest.raises(CommandExecutionError, match="does not belong to nobody"):
        _ssh.write(salt, str(home / ".ssh" / "authorized_keys"), ["x\n"], owner)
    assert (target / "authorized_keys").read_text() == ""
    os.chown(target / "authorized_keys", entry.pw_uid, entry.pw_gid)
    _ssh.write(salt, str(home / ".ssh" / "authorized_keys"), ["x\n"], owner)
    assert (target / "authorized_keys").read_text() == "x\n"
    (home / ".ssh" / "authorized_keys").unlink()
    _ssh.write(salt, str(home / ".ssh" / "authorized_keys"), ["y\n"], owner)
    assert (home / ".ssh" / "authorized_keys").stat().st_uid == entry.pw_uid


def test_user_and_host_keys(salt: Loader, home: Path, tmp_path: Path, keys: Dict[str, List[str]]) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ecdsa.pub").write_text("public\n")
    (home / ".ssh" / "id_ecdsa").write_text("private\n")
    assert salt["ssh.user_keys"]() == {USER: {"id_ecdsa.pub": "public", "id_ecdsa": "private"}}
    assert salt["ssh.user_keys"](USER, prvfile=False) == {USER: {"id_ecdsa.pub": "public"}}
    for name in ("ssh_host_rsa_key", "ssh_host_rsa_key.pub", "ssh_host_rsa_key-cert.pub", "sshd_config"):
        (tmp_path / name).write_text(name)
    assert set(salt["ssh.host_keys"](str(tmp_path))) == {"rsa", "rsa.pub", "rsa-cert.pub"}
    assert set(salt["ssh.host_keys"](str(tmp_path), private=False, certs=False)) == {"rsa.pub"}


def test_key_is_encrypted(salt: Loader, tmp_path: Path) -> None:
    make_key(tmp_path, "ed25519")
    assert salt["ssh.key_is_encrypted"](str(tmp_path / "id_ed25519")) is False
    words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(tmp_path / "id_ed25519")]
    subprocess.run(words, check=True, stdout=subprocess.PIPE)
    assert salt["ssh.key_is_encrypted"](str(tmp_path / "id_ed25519")) is True


# Known hosts


def test_the_life_of_a_known_host(salt: Loader, home: Path, keys: Dict[str, List[str]]) -> None:
    enc, key, _ = keys["ed25519"]
    path = home / ".ssh" / "known_hosts"
    set_ = salt["ssh.set_known_host"]
    assert salt["ssh.check_known_host"](USER, "h.example", key=key) == "add"
    done = set_(USER, "h.example", key=key, enc=enc, hash_known_hosts=False)
    assert (done["status"], done["old"]) == ("updated", None)
    assert path.read_text() == f"h.example {enc} {key}\n"
    assert set_(USER, "h.example", key=key, enc=enc) == {"status": "exists", "keys": [key]}
    assert salt["ssh.check_known_host"](USER, "h.example", key=key) == "exists"
    assert salt["ssh.check_known_host"](USER, "h.example", fingerprint=_ssh.fingerprint(key)) == "exists"
    assert salt["ssh.check_known_host"](USER, "h.example", key="AAAA") == "update"
    other = keys["ecdsa"]
    set_(USER, "h.example", key=other[1], enc=other[0], port=2222)
    found = salt["ssh.get_known_host_entries"](USER, "h.example", port=2222)
    assert [(entry["enc"], entry["key"]) for entry in found] == [(other[0], other[1])]
    assert found[0]["hostname"].startswith("|1|")
    keygen = subprocess.run(
        ["ssh-keygen", "-F", "[h.example]:2222", "-f", str(path)], capture_output=True, text=True, check=False
    )
    assert other[1] in keygen.stdout
    assert salt["ssh.rm_known_host"](USER, "h.example")["comment"] == (
        f"# Host h.example found: line 1\n{path} updated."
    )
    assert salt["ssh.get_known_host_entries"](USER, "h.example") is None
    assert salt["ssh.get_known_host_entries"](USER, "h.example", port=2222)


def test_known_hosts_with_patterns(salt: Loader, home: Path, keys: Dict[str, List[str]]) -> None:
    enc, key, _ = keys["ed25519"]
    (home / ".ssh").mkdir()
    path = home / ".ssh" / "known_hosts"
    lines = [
        "# h.example\n",
        f"@cert-authority *.example {enc} {key}\n",
        f"!b.example,*.example,192.0.2.1 {enc} {key}\n",
        f"two.example,192.0.2.2 {enc} {key} comment\n",
    ]
    path.write_text("".join(lines))
    known = salt["ssh.get_known_host_entries"]
    assert known(USER, "a.example")[0]["key"] == key
    assert known(USER, "b.example") is None
    assert known(USER, "192.0.2.2")[0]["enc"] == enc
    assert salt["ssh.hash_known_hosts"](USER)["status"] == "updated"
    after = path.read_text().splitlines(keepends=True)
    assert after[:3] == lines[:3]
    assert len(after) == 5
    assert known(USER, "192.0.2.2")[0]["hostname"].startswith("|1|")
    keygen = subprocess.run(
        ["ssh-keygen", "-F", "192.0.2.2", "-f", str(path)], capture_output=True, text=True, check=False
    )
    assert key in keygen.stdout


def test_what_ssh_keygen_hashed_is_found(salt: Loader, home: Path, keys: Dict[str, List[str]]) -> None:
    (home / ".ssh").mkdir()
    path = home / ".ssh" / "known_hosts"
    path.write_text(f"h.example {keys['ecdsa'][0]} {keys['ecdsa'][1]}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True)
    assert salt["ssh.get_known_host_entries"](USER, "h.example")[0]["key"] == keys["ecdsa"][1]
    assert salt["ssh.get_known_host_entries"](USER, "other.example") is None


def test_asking_the_host(
    salt: Loader, home: Path, tmp_path: Path, keys: Dict[str, List[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in the place of ssh-keyscan tells what a host said."""
    enc, key, _ = keys["ed25519"]
    (tmp_path / "ssh-keyscan").write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/asked\necho "# h.example:22 SSH-2.0"\necho "h.example {enc} {key}"\n'
    )
    (tmp_path / "ssh-keyscan").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    set_: Any = salt["ssh.set_known_host"]
    wrong = set_(USER, "h.example", fingerprint="00:11")
    assert wrong["error"].startswith("Remote host public keys found but none of their fingerprints match")
    assert not (home / ".ssh").exists()
    right = set_(USER, "h.example", fingerprint=_ssh.fingerprint(key), enc="ed25519", port=2222)
    assert right["status"] == "updated"
    assert (tmp_path / "asked").read_text() == "-p 2222 -t ed25519 -T 5 -- h.example\n"
    assert set_(USER, "h.example", port=2222) == {"status": "exists", "keys": [key]}


def test_errors(salt: Loader, home: Path) -> None:
    assert salt["ssh.set_known_host"](USER)["error"] == "hostname argument required"
    assert salt["ssh.rm_known_host"](USER, "h")["error"] == f"Known hosts file {home}/.ssh/known_hosts does not exist"
    assert salt["ssh.get_known_host_entries"]("nobody-here", "h")["error"] == "User nobody-here does not exist"
    assert salt["ssh.check_known_host"](None, "h", config="relative")["error"].startswith("Cannot determine")
