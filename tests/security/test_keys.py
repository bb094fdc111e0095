"""Rule 3: the life of keys over the wire; nobody moves a key but an operator."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from master.errors import KeyChanged
from master.keys import KeyStore, State
from tests.security.peer import BAD_LOAD, DROP, Listener, NoReply, Peer, key, pem, soon, until
from tests.security.running import Master
from transports import codec, crypto


def OPTIONS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {
        "auto_accept": False, "open_mode": True, "max_pending_per_source": 8, "autosign_file": f"{root}/autosign.conf",
        "autoreject_file": f"{root}/autoreject.conf", "autosign_grains_dir": f"{root}/grains",
        "allow_minion_key_revoke": False,
    }  # fmt: skip


def prepare(master: Master) -> None:
    """What the operator wrote about keys."""
    (master.root / "autoreject.conf").write_text("bad*\n")
    (master.root / "grains").mkdir()
    (master.root / "grains/uuid").write_text("the right one\n")


def keys(master: Master) -> KeyStore:
    return KeyStore(str(master.pki))


def folders(master: Master) -> dict[str, str]:
    """Everything in the folders of keys, to see whether it changed."""
    return {
        f"{folder.name}/{path.name}": path.read_text()
        for folder in master.pki.iterdir()
        if folder.is_dir()
        for path in folder.iterdir()
    }


# ------------------------------------------------------------ what is a key


def public(made: Any) -> str:
    content: bytes = made.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return content.decode().strip()


@cache
def no_keys() -> dict[str, Any]:
    good = pem()
    lines = good.splitlines()
    small = rsa.generate_private_key(65537, 1024)
    return {
        "1024 bits": public(small),
        "exponent 3": public(rsa.generate_private_key(3, 2048)),
        "elliptic": public(ec.generate_private_key(ec.SECP256R1())),
        "private": crypto.private_pem(small).decode(),
        "two": good + "\n" + pem(1),
        "something before": "x\n" + good,
        "something behind": good + "\n../../etc",
        "cut off": "\n".join(lines[:-2] + lines[-1:]),
        "not base64": good.replace(lines[1], "!" * 64),
        "huge": good.replace(lines[1], lines[1] + "A" * 8192),
        "a certificate": good.replace("PUBLIC KEY", "CERTIFICATE"),
        "empty": "",
        "None": None,
        "a list": [good],
        "bytes": b"\xff" * 300,
        "missing": DROP,
    }


@pytest.mark.parametrize("kind", no_keys())
def test_what_is_no_key_is_neither_stored_nor_signed(master: Master, kind: str):
    before = folders(master)
    stranger = master.peer("weak")
    assert stranger.refused(stranger.introduction(pub=no_keys()[kind]))
    assert folders(master) == before


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "A" * 32}, {"nonce": "a" * 31}, {"nonce": "a" * 33}, {"nonce": "a" * 32 + "\n"},
        {"nonce": b"\xff" * 32},
        {"nonce": None}, {"nonce": 5}, {"nonce": "../" + "a" * 29}, {"token": b"\xff" * 1025}, {"token": {"x": 1}},
        {"autosign_grains": "uuid"}, {"autosign_grains": {f"g{n}": "x" for n in range(65)}},
        {"enc_algo": ["OAEP-SHA1"]},
    ],
    ids=lambda change: str(change)[:50],
)  # fmt: skip
def test_a_sign_in_that_is_malformed_is_never_signed(master: Master, change: dict[str, Any]):
    before = folders(master)
    stranger = master.peer("malformed")
    assert stranger.refused(stranger.introduction(**change))
    assert folders(master) == before


# --------------------------------------------------------------- who moves it


def test_a_new_key_waits_and_is_not_replaced(master: Master):
    assert master.peer("waiting").show()["ret"] is True
    stored = (master.pki / "minions_pre/waiting").read_text()
    assert stored.strip() == pem(0)
    for again in range(3):
        assert master.peer("waiting", 1).show()["ret"] is False
        assert master.peer("waiting").show()["ret"] is True, again
    assert (master.pki / "minions_pre/waiting").read_text() == stored
    assert keys(master).fingerprint("waiting", State.DENIED) == [crypto.fingerprint(key(1).public_key())]


def test_a_pending_minion_can_do_nothing(master: Master):
    pending = master.peer("waiting")
    pending.show()
    pending.session = crypto.SymmetricKey.generate()
    for cmd in ("_pillar", "_return", "_file_envs", "_minion_event"):
        assert pending.refused(pending.seal(pending.load(cmd, grains={})))


def test_another_key_for_an_accepted_id_changes_nothing(master: Master):
    owner = master.minion("owner")
    before = folders(master)
    session = (master.cache / "auth/sessions/owner").read_bytes()
    thief = master.peer("owner", 1)
    for _ in range(3):
        assert thief.show()["ret"] is False
    after = folders(master)
    assert after.pop("minions_denied/owner").strip() == pem(1)
    assert after == before
    assert (master.cache / "auth/sessions/owner").read_bytes() == session
    assert owner.ask("_file_envs") == ["base"]
    with pytest.raises(NoReply):
        master.peer("owner", 1).sign_in()


def test_the_denied_record_is_bounded(master: Master):
    for _ in range(12):
        stranger = master.peer("owner", 1)
        made = public(rsa.generate_private_key(65537, 2048))
        assert stranger.show(pub=made)["ret"] is False
    assert len(keys(master).text("owner", State.DENIED)) == 8


def test_a_rejected_id_stays_rejected(master: Master):
    for number in (0, 1):
        assert master.peer("bad1", number).show()["ret"] is False
    assert (master.pki / "minions_rejected/bad1").read_text().strip() == pem(0)


def test_showing_an_accepted_key_again_changes_nothing(master: Master):
    owner = master.minion("owner")
    introduction = owner.introduction()
    before = master.files()
    sessions = (master.cache / "auth/sessions/owner").stat()
    with master.events() as bus:
        for _ in range(5):
            owner.wire.send(introduction)
            owner.wire.receive()
        tags = {bus.get_event(full=True)["tag"] for _ in range(5)}
    assert tags == {"salt/auth"}
    assert master.control.ask("present")["present"] == {}
    assert master.files() == before
    assert (master.cache / "auth/sessions/owner").stat() == sessions
    assert owner.ask("_file_envs") == ["base"]


def test_pending_keys_of_one_network_are_limited(master: Master):
    told = [master.peer(f"crowd{number}").show()["ret"] for number in range(12)]
    assert "full" in told and told == sorted(told, key=lambda answer: answer == "full")
    assert len(keys(master).names(State.PENDING)) == 8
    assert "crowd11" not in keys(master).names(State.PENDING)
    assert master.minion("owner").ask("_file_envs") == ["base"]


def test_an_operator_accepts_the_key_that_he_saw(master: Master):
    keys(master).delete("waiting", [State.PENDING])
    assert master.peer("waiting", 1).show()["ret"] is True
    with pytest.raises(KeyChanged):
        keys(master).accept("waiting", crypto.fingerprint(key(0).public_key()))
    assert keys(master).state_of("waiting") is State.PENDING


# ------------------------------------------------------------------- autosign


def test_autosign_files_that_others_can_write_count_for_nothing(master: Master):
    path = master.root / "autosign.conf"
    path.write_text("auto*\n")
    path.chmod(0o666)
    assert master.peer("auto1").show().get("enc") != "pub"
    path.chmod(0o644)
    os.chown(path, 65534, 65534)
    assert master.peer("auto2").show().get("enc") != "pub"
    path.unlink()
    path.symlink_to("/dev/null")
    assert master.peer("auto3").show().get("enc") != "pub"
    path.unlink()
    path.write_text("auto[0-9]\n")
    assert master.peer("auto4x").show().get("enc") != "pub", "patterns match all of an id"
    assert master.peer("auto4").show()["enc"] == "pub"


def test_a_one_time_file_lets_in_one_key(master: Master):
    once = master.pki / "minions_autosign/once"
    once.touch()
    assert master.peer("once").show()["enc"] == "pub"
    assert not once.exists()
    assert master.peer("once", 1).show()["ret"] is False


@pytest.mark.parametrize(
    "grains",
    [
        {"uuid": "wrong"}, {"uuid": "the right one\nx"}, {"uuid": ""}, {"uuid": ["the right one"]},
        {"../uuid": "the right one"},
        {"uuid\0": "the right one"}, {"../../autoreject.conf": "bad*"}, {"": "x"}, {"/etc/hostname": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_grains_that_open_nothing(master: Master, grains: dict[str, Any]):
    assert master.peer("grainy").show(autosign_grains=grains).get("enc") != "pub"


def test_the_right_grain_opens(master: Master):
    assert master.peer("grainy2").show(autosign_grains={"uuid": "the right one"})["enc"] == "pub"


# -------------------------------------------------------------------- deletion


def test_a_deleted_minion_is_out_within_a_second(master: Master):
    gone = master.minion("gone")
    gone.ask("_pillar", grains={"secret": 1})
    gone.ask("_mine", data={"x": 1})
    listener = Listener(master.publish_port, gone.shared)
    until(lambda: master.control.ask("present")["stock"] == 1)
    keys(master).delete("gone", [State.ACCEPTED])
    began = time.monotonic()
    assert master.control.ask("keys_changed", changes=[{"id": "gone", "act": "delete", "state": "minions"}])["ok"]
    assert gone.refused(gone.seal(gone.load("_file_envs")))
    assert not (master.cache / "auth/sessions/gone").exists()
    assert not (master.cache / "by_minion/gone").exists()
    master.minion("owner")
    master.publish(["owner"])
    sealed = codec.to_bytes(codec.unpack(listener.receive())["load"])
    assert gone.shared is not None and not gone.shared.genuine(sealed), "the shared key is another one"
    assert time.monotonic() - began < soon()
    gone.wire.send(gone.introduction())
    assert gone.wire.receive() != BAD_LOAD


def test_a_minion_can_not_revoke_its_key_unless_it_is_allowed(master: Master):
    owner = master.minion("owner")
    assert owner.ask("revoke_auth", preserve_minion_cache=False) is False
    assert (master.pki / "minions/owner").exists()


def test_the_replaced_key_of_a_minion_loses_its_session(master: Master):
    old = master.minion("moved")
    master.accept("moved", 1)
    assert old.refused(old.seal(old.load("_file_envs")))
    new: Peer = master.peer("moved", 1).sign_in()
    assert new.ask("_file_envs") == ["base"]
    assert old.refused(old.seal(old.load("_file_envs")))
