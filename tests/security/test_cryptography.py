"""Rule 4: what is sealed stays sealed, nothing counts twice, and nobody can make it weaker."""

from __future__ import annotations

import os
import time
import zlib
from typing import Any

import pytest

from tests.security import peer as wire
from tests.security.peer import DROP, SHA1, SHA224, Listener, NoReply, Peer, Wire, key, proof, told, until
from tests.security.running import Master
from transports import codec, crypto
from transports.crypto import SymmetricKey

OPTIONS = {"allow_sha1": False}


@pytest.fixture(scope="module")
def modern(master: Master) -> Peer:
    """An accepted minion that uses what this master serves."""
    return master.minion("modern", algorithms=SHA224)


@pytest.fixture(scope="module")
def other(master: Master) -> Peer:
    """Another one, with a key of its own."""
    return master.minion("other", 1, algorithms=SHA224)


def fired(master: Master, act: Any) -> list[str]:
    """The custom events that an act causes; the last one is ours and marks the end."""
    marker = master.minion("marker", algorithms=SHA224)
    with master.events() as bus:
        act()
        marker.send_event("custom/end")
        tags: list[str] = []
        while "custom/end" not in tags:
            tags.append(bus.get_event(tag="custom/", full=True)["tag"])
    return tags[:-1]


# ------------------------------------------------------------- no way down


@pytest.mark.parametrize(
    "algorithms",
    [
        {"enc_algo": SHA1[0]}, {"sig_algo": SHA1[1]}, {"enc_algo": DROP}, {"sig_algo": DROP},
        {"enc_algo": "PKCS1v15-SHA1"},
        {"enc_algo": "none"}, {"enc_algo": ""}, {"sig_algo": "MD5"}, {"sig_algo": ""}, {"enc_algo": "OAEP-SHA224\0"},
        {"enc_algo": "OAEP-SHA224", "sig_algo": "OAEP-SHA224"},
    ],
    ids=str,
)  # fmt: skip
def test_a_sign_in_can_not_choose_less(master: Master, algorithms: dict[str, Any]):
    before = set(master.files())
    stranger = master.peer("weak", algorithms=SHA224)
    stranger.wire.send(stranger.introduction(**algorithms))
    reply = codec.unpack(stranger.wire.receive())
    assert reply == {"enc": "clear", "load": {"ret": reply["load"]["ret"]}}
    assert reply["load"]["ret"] in ("bad enc algo", "bad sig algo")
    assert set(master.files()) == before


@pytest.mark.parametrize(
    "algorithms", [{"enc_algo": "none", "sig_algo": "none"}, {"enc_algo": 7}, {"sig_algo": ["x"]}], ids=str
)
def test_an_envelope_can_not_choose_less(modern: Peer, algorithms: dict[str, Any]):
    assert modern.ask_load(modern.load("_pillar", grains={}), **algorithms) == {}


# ----------------------------------------------------------- what is signed


def test_a_signed_reply_has_the_keys_of_its_kind_and_nothing_of_the_peer_but_its_nonce(master: Master):
    stranger = master.peer("marked", algorithms=SHA224)
    mark = os.urandom(8).hex()
    stranger.wire.send(stranger.introduction(extra=mark, token=mark.encode(), autosign_grains={mark: mark}))
    outer = codec.unpack(stranger.wire.receive())
    inner = told(codec.pack(outer))
    assert set(inner) == {"enc", "pub_key", "publish_port", "aes", "session", "sig", "token", "saltern", "nonce"}
    assert mark.encode() not in codec.to_bytes(outer["load"])
    master_key = crypto.load_public(inner["pub_key"].strip())
    signature = codec.to_bytes(outer["sig"])
    assert crypto.verify(master_key, codec.to_bytes(outer["load"]), signature, SHA224[1])
    digest = crypto.x931_recover(master_key, codec.to_bytes(inner["sig"]))
    shared = crypto.decrypt(key(0), codec.to_bytes(inner["aes"]), SHA224[0])
    assert digest == crypto.key_digest(shared.decode())


def test_a_token_that_can_not_be_read_looks_like_one_that_can(master: Master, modern: Peer):
    assert modern.master_key is not None
    for token in (crypto.encrypt(modern.master_key, b"x" * 40, SHA224[0]), os.urandom(256), b"\xff", b"\0" * 256):
        inner = modern.show(token=token)
        assert len(codec.to_bytes(inner["token"])) == 256


def test_the_session_key_is_sealed_for_the_accepted_key_alone(master: Master, modern: Peer):
    inner = modern.show()
    for field in ("aes", "session"):
        with pytest.raises(crypto.CryptoError):
            crypto.decrypt(key(1), codec.to_bytes(inner[field]), SHA224[0])


# -------------------------------------------------------------- requests


def sealed(peer: Peer, load: dict[str, Any]) -> bytes:
    assert peer.session is not None
    return peer.session.seal(load)


def test_cipher_text_that_was_touched(modern: Peer):
    good = sealed(modern, modern.load("_file_envs"))
    broken = [good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :] for at in (0, 15, 16, len(good) // 2, -33, -32, -2)]
    broken += [
        good[:-1],
        good[:-16],
        good[16:],
        good + b"\0" * 16,
        good[:64],
        b"\0" * len(good),
        good[:-32] + good[:32],
    ]
    for load in broken:
        assert modern.refused(wire.clear(load, enc="aes", id="modern"))
    assert modern.ask("_file_envs") == ["base"]


def test_a_plaintext_of_another_form_is_refused(modern: Peer):
    assert modern.session is not None
    load = modern.load("_file_envs")
    for plain in (
        codec.pack([load]),
        codec.pack("x"),
        codec.pack(None),
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        codec.pack(load)[:-1],
    ):
        assert modern.refused(wire.clear(modern.session.seal_packed(plain), enc="aes", id="modern"))
    assert modern.refused(wire.clear(modern.session.seal(load, crypto.new_nonce()), enc="aes", id="modern"))


def test_another_key_another_session(master: Master, modern: Peer, other: Peer):
    load = modern.load("_file_envs")
    assert modern.refused(modern.seal(load, session=SymmetricKey.generate()))
    assert modern.refused(modern.seal(load, session=modern.shared)), "the key that all minions share opens no request"
    assert modern.refused(modern.seal(load, session=other.session))
    assert other.refused(other.seal(other.load("_file_envs", id="modern", tok=proof(0)), id="modern"))
    assert other.refused(other.seal(other.load("_file_envs", id="modern", tok=proof(0)), id="other"))


@pytest.mark.parametrize(
    "change",
    [
        {"tok": DROP}, {"tok": None}, {"tok": b""}, {"tok": b"\0" * 256}, {"tok": b"\xff" * 256}, {"tok": "salt"},
        {"tok": b"\1" * 255},
        {"tok": ["x"]}, {"ts": DROP}, {"ts": None}, {"ts": "0"}, {"ts": True}, {"ts": 1.5}, {"ts": -1}, {"ts": 2**62},
        {"ts": []},
        {"nonce": DROP}, {"nonce": ""}, {"nonce": "a" * 31}, {"nonce": "A" * 32}, {"nonce": b"\xff" * 32}, {"nonce": 7},
        {"nonce": ["a" * 32]}, {"cmd": None}, {"cmd": DROP}, {"cmd": ["_file_envs"]}, {"sig": b"\1" * 256},
        {"sig": "x"},
    ],
    ids=lambda change: str(change)[:40],
)  # fmt: skip
def test_a_request_without_a_proof(master: Master, change: dict[str, Any]):
    fresh = master.minion(f"proof{zlib.crc32(str(change).encode())}", algorithms=SHA224)
    assert fresh.ask("_file_envs") == ["base"]
    assert fresh.refused(fresh.seal(fresh.load("_file_envs", **change)))


def test_the_token_of_another_key(modern: Peer):
    assert modern.refused(modern.seal(modern.load("_file_envs", tok=proof(1))))
    assert modern.ask("_file_envs") == ["base"]


def test_requests_that_are_too_old_or_from_the_future(master: Master):
    for name, offset in (("old", -301), ("older", -86400), ("future", 310), ("far", 10**6)):
        minion = master.minion(name, algorithms=SHA224)
        minion.ask("_file_envs")
        assert minion.refused(minion.seal(minion.load("_file_envs", ts=int(time.time()) + offset)))


# ----------------------------------------------------------------- replay


def test_a_request_with_effect_counts_once(master: Master, modern: Peer):
    load = modern.load("_minion_event", tag="custom/once", data={})
    request = modern.seal(load)

    def replay() -> None:
        attacker = Wire(master.port)
        for _ in range(5):
            attacker.send(request)
            assert modern.opened(attacker.receive(), load) is None

    assert fired(master, replay) == ["custom/once"]


def test_the_same_nonce_in_other_bytes_counts_once(master: Master, modern: Peer):
    load = modern.load("_minion_event", tag="custom/twice", data={})
    assert fired(master, lambda: [modern.ask_load(load) for _ in range(3)]) == ["custom/twice"]


def test_a_question_may_be_repeated(modern: Peer):
    load = modern.load("_file_envs")
    request = modern.seal(load)
    for _ in range(3):
        modern.wire.send(request)
        assert modern.opened(modern.wire.receive(), load) == ["base"]


def test_a_replayed_sign_in_changes_nothing(master: Master, modern: Peer):
    request = modern.introduction()
    before = (master.cache / "auth/sessions/modern").read_bytes()
    attacker = Wire(master.port)
    for _ in range(3):
        attacker.send(request)
        assert told(attacker.receive())["enc"] == "pub"
    assert (master.cache / "auth/sessions/modern").read_bytes() == before
    assert modern.ask("_file_envs") == ["base"]


def test_a_replay_after_a_worker_was_killed(master: Master):
    victim = master.minion("victim", algorithms=SHA224)
    ahead = master.minion("ahead", algorithms=SHA224)
    ahead.ask("_file_envs", ts=int(time.time()) + 200)
    loads = [victim.load("_minion_event", tag="custom/replayed", data={})]
    loads.append(ahead.load("_minion_event", tag="custom/replayed", data={}, ts=int(time.time()) + 200))
    requests = [victim.seal(loads[0]), ahead.seal(loads[1])]
    assert fired(master, lambda: [victim.ask_load(loads[0]), ahead.ask_load(loads[1])]) == ["custom/replayed"] * 2
    sessions = {name: (master.cache / "auth/sessions" / name).read_bytes() for name in ("victim", "ahead")}
    for number in range(master.options["worker_threads"]):
        master.kill(f"MWorker-{number}")
    master.wait_until_serving()

    def replay() -> None:
        attacker = Wire(master.port)
        attacker.send(*requests)
        assert set(attacker.replies(2)) == {wire.BAD_LOAD}

    assert fired(master, replay) == []
    for name, before in sessions.items():
        assert (master.cache / "auth/sessions" / name).read_bytes() == before, "a replay costs nobody his session"
    assert victim.ask("_file_envs") == ["base"]
    assert ahead.ask("_file_envs", ts=int(time.time()) + 200) == ["base"]


def test_a_reply_is_for_one_request(master: Master, modern: Peer):
    load = modern.load("_file_envs")
    modern.wire.send(modern.seal(load))
    reply = modern.wire.receive()
    with pytest.raises(AssertionError, match="nonce"):
        modern.opened(reply, modern.load("_file_envs"))
    sealed_reply = codec.to_bytes(codec.unpack(reply))
    assert modern.refused(wire.clear(sealed_reply, enc="aes", id="modern")), "nor is it a request"


# ----------------------------------------------------------- publications


def test_publications_are_signed_and_numbered(master: Master, modern: Peer):
    listener = Listener(master.publish_port, modern.shared)
    until(lambda: master.control.ask("present")["stock"] >= 1)
    serials = []
    for _ in range(3):
        master.publish(["modern"])
        outer = codec.unpack(listener.receive())
        assert set(outer) == {"enc", "load", "sig", "sig_algo"} and outer["enc"] == "aes"
        sealed_job, signature = codec.to_bytes(outer["load"]), codec.to_bytes(outer["sig"])
        assert modern.master_key is not None and outer["sig_algo"] == SHA224[1]
        assert crypto.verify(modern.master_key, sealed_job, signature, SHA224[1])
        assert modern.shared is not None
        serials.append(modern.shared.open(sealed_job)["serial"])
    assert serials == sorted(set(serials))


def test_private_topics_can_not_be_guessed_or_forged(master: Master, modern: Peer, other: Peer):
    from transports.zeromq import private

    assert other.session is not None and modern.session is not None
    forged = other.session.topic("modern")
    for topic in (forged, "modern:" + "0" * 32, ":" + "0" * 40, "../x:" + "0" * 32):
        Listener(master.publish_port, topic=private.prefix(topic))
    own = Listener(master.publish_port, topic=private.prefix(modern.session.topic("modern")))
    until(lambda: master.control.ask("present")["present"].get("modern", {}).get("up"))
    assert list(master.control.ask("present")["present"]) == ["modern"]
    jid = master.publish(["modern"])
    inner = private.opened(modern.session, own.receive())
    assert codec.unpack(codec.to_bytes(inner["job"]))["jid"] == jid
    own.close()
    until(lambda: not master.control.ask("present")["present"]["modern"]["up"])


def test_a_pillar_is_for_the_accepted_key(master: Master, modern: Peer):
    (master.root / "srv/pillar/top.sls").write_text("base: {'*': [secret]}")
    (master.root / "srv/pillar/secret.sls").write_text("word: hidden")
    load = modern.load("_pillar", grains={})
    modern.wire.send(modern.seal(load))
    reply = modern.wire.receive()
    assert modern.opened(reply, load)["word"] == "hidden"
    with pytest.raises(crypto.CryptoError):
        crypto.decrypt(key(1), codec.to_bytes(codec.unpack(reply)["key"]), SHA224[0])
    with pytest.raises(NoReply):
        modern.opened(codec.pack(codec.to_bytes(codec.unpack(reply)["pillar"])), modern.load("_file_envs"))
