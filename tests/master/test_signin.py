"""Signing in, seen by a minion and by those who pretend to be one."""

from __future__ import annotations

import base64
import logging
import os
from dataclasses import replace

import pytest

from master import signin
from master.autosign import Autosign, Rules
from master.config import MasterSettings
from master.gate import BAD_LOAD
from master.keypair import MasterKeys
from master.keys import KeyStore, Limits, State
from master.sessions import PublishKey, Sessions
from master.signin import Options, SignIn
from master.throttle import Throttle
from tests.master.rsa_keys import pem, private, public
from transports import codec, crypto

NOW = 1_790_000_000.0
MASTER, SIGNER = 100, 101
NONCE = "0123456789abcdef0123456789abcdef"
SHA224 = {"enc_algo": "OAEP-SHA224", "sig_algo": "PKCS1v15-SHA224"}


class Lab:
    """A master's side with real files."""

    def __init__(self, tmp_path, auto_accept=False, limits=None, master=None, options=None, rate=1e6):
        self.keys = KeyStore(str(tmp_path / "pki"), limits or Limits())
        self.sessions = Sessions(str(tmp_path / "auth"))
        self.publish_key = PublishKey(str(tmp_path / "auth"), private(MASTER))
        self.clock = 0.0
        self.sign_in = SignIn(
            master or MasterKeys(private(MASTER), pem(MASTER)),
            self.keys,
            Autosign(Rules(str(tmp_path / "pki"), auto_accept)),
            self.sessions,
            self.publish_key,
            options or Options(),
            Throttle(rate, lambda: self.clock),
            lambda: NOW,
        )

    def ask(self, load, source="10.0.0.1"):
        return self.sign_in.handle(load, source)

    def told(self, load, source="10.0.0.1"):
        """What a minion learns from the reply: its signature is checked as the minion does."""
        return opened(self.ask(load, source).reply, load.get("sig_algo", "PKCS1v15-SHA1"))


def opened(reply, algorithm):
    outer = codec.unpack(reply)
    assert set(outer) == {"enc", "load", "sig"}
    assert outer["enc"] == "clear"
    packed = codec.to_bytes(outer["load"])
    assert crypto.verify(public(MASTER), packed, codec.to_bytes(outer["sig"]), algorithm)
    return codec.unpack(packed)


def load(number=0, minion_id="web1", **fields):
    sent = {"cmd": "_auth", "id": minion_id, "nonce": NONCE, "pub": pem(number), **SHA224, **fields}
    return {name: value for name, value in sent.items() if value is not None}


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


@pytest.fixture
def open_lab(tmp_path):
    return Lab(tmp_path, auto_accept=True)


class TestVerdicts:
    def test_a_new_key_waits(self, lab):
        assert lab.told(load()) == {"ret": True, "nonce": NONCE}
        assert lab.told(load()) == {"ret": True, "nonce": NONCE}
        assert lab.keys.ids(State.PENDING) == ["web1"]

    def test_a_rejected_one_is_refused(self, lab):
        lab.ask(load())
        lab.keys.reject("web1")
        assert lab.told(load()) == {"ret": False, "nonce": NONCE}

    def test_another_key_for_a_known_id_is_refused(self, lab):
        lab.ask(load(0))
        assert lab.told(load(1)) == {"ret": False, "nonce": NONCE}
        lab.keys.accept("web1")
        assert lab.told(load(1)) == {"ret": False, "nonce": NONCE}
        assert lab.keys.accepted("web1") == public(0)

    def test_full(self, tmp_path):
        lab = Lab(tmp_path, auto_accept=True, limits=Limits(max_minions=1))
        lab.ask(load(minion_id="web1"))
        assert lab.told(load(minion_id="web2")) == {"ret": "full", "nonce": NONCE}

    @pytest.mark.parametrize("source", ["10.0.0.", "2001:db8:0:1::", "::ffff:10.0.0."])
    def test_a_network_may_not_fill_the_list_of_pending_keys(self, tmp_path, source):
        lab = Lab(tmp_path, limits=Limits(max_pending_per_source=16))
        told = [lab.told(load(minion_id=f"m{n}"), f"{source}{n + 1}")["ret"] for n in range(17)]
        assert told == [True] * 16 + ["full"]
        assert lab.told(load(minion_id="other"), "10.0.1.1")["ret"] is True

    def test_accepted_after_an_operator_said_so(self, lab):
        lab.ask(load())
        lab.keys.accept("web1")
        assert lab.told(load())["enc"] == "pub"

    def test_one_time_autosign_binds_to_the_first_key(self, lab, tmp_path):
        lab.keys.prepare()
        (tmp_path / "pki" / "minions_autosign" / "web1").touch(mode=0o600)
        assert lab.told(load(0))["enc"] == "pub"
        assert lab.told(load(1)) == {"ret": False, "nonce": NONCE}

    def test_a_pending_key_of_somebody_else_does_not_use_up_the_autosign_file(self, lab, tmp_path):
        lab.ask(load(0))
        path = tmp_path / "pki" / "minions_autosign" / "web1"
        path.touch(mode=0o600)
        assert lab.told(load(1)) == {"ret": False, "nonce": NONCE}
        assert path.exists()
        assert lab.told(load(0))["enc"] == "pub"


class TestWelcome:
    @pytest.mark.parametrize("enc", crypto.ENCRYPTION)
    @pytest.mark.parametrize("sig", crypto.SIGNING)
    def test_the_keys_are_for_the_minion_and_vouched_for(self, open_lab, enc, sig):
        told = open_lab.told(load(enc_algo=enc, sig_algo=sig))
        assert set(told) == {"enc", "pub_key", "publish_port", "aes", "session", "sig", "nonce", "saltern"}
        assert (told["enc"], told["nonce"], told["publish_port"]) == ("pub", NONCE, 4505)
        assert told["pub_key"] == pem(MASTER)
        aes = crypto.decrypt(private(0), codec.to_bytes(told["aes"]), enc).decode()
        assert aes == open_lab.publish_key.key().text
        assert crypto.x931_recover(public(MASTER), codec.to_bytes(told["sig"])) == crypto.key_digest(aes)
        session = crypto.decrypt(private(0), codec.to_bytes(told["session"]), enc).decode()
        assert session == open_lab.sessions.find("web1").key.text
        assert open_lab.sessions.find("web1").fingerprint == crypto.fingerprint(public(0))

    def test_a_minion_that_names_no_algorithms_gets_the_old_ones(self, open_lab):
        sent = load(enc_algo=None, sig_algo=None)
        told = open_lab.told(sent)
        assert crypto.decrypt(private(0), codec.to_bytes(told["aes"]), "OAEP-SHA1")

    def test_signing_in_again_changes_nothing_for_an_accepted_key(self, open_lab, tmp_path):
        open_lab.ask(load())
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        session = open_lab.sessions.find("web1")
        for _ in range(3):
            assert open_lab.told(load())["enc"] == "pub"
        assert open_lab.sessions.find("web1") is session
        assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    def test_the_token_comes_back(self, open_lab):
        token = crypto.encrypt(public(MASTER), b"secret of the minion", SHA224["enc_algo"])
        told = open_lab.told(load(token=token))
        assert crypto.decrypt(private(0), codec.to_bytes(told["token"]), SHA224["enc_algo"]) == b"secret of the minion"

    @pytest.mark.parametrize(
        "token", [b"x", b"x" * 256, os.urandom(256), crypto.encrypt(public(MASTER), b"x" * 190, "OAEP-SHA1")]
    )
    def test_a_token_that_cannot_be_read_looks_like_one_that_can(self, open_lab, token):
        answers = [
            crypto.decrypt(private(0), codec.to_bytes(open_lab.told(load(token=token))["token"]), SHA224["enc_algo"])
            for _ in range(2)
        ]
        assert answers[0] != answers[1]
        assert [len(base64.b64decode(answer, validate=True)) for answer in answers] == [56, 56]

    def test_a_minion_of_ours_learns_the_time_and_that_we_are_ours(self, open_lab):
        told = open_lab.told(load(saltern=1))
        assert (told["saltern"], told["time"]) == (1, NOW)
        told = open_lab.told(load())
        assert told["saltern"] == 0 and "time" not in told

    def test_a_minion_without_an_accepted_key_learns_nothing(self, lab):
        assert lab.told(load(saltern=1)) == {"ret": True, "nonce": NONCE}

    def test_the_public_key_is_signed_if_asked_for(self, tmp_path):
        lab = Lab(tmp_path, True, master=MasterKeys(private(MASTER), pem(MASTER), sign_key=private(SIGNER)))
        for algorithm in crypto.SIGNING:
            told = lab.told(load(sig_algo=algorithm))
            assert told["pub_sig"].endswith("\n")
            signature = base64.b64decode(told["pub_sig"])
            assert crypto.verify(public(SIGNER), told["pub_key"].encode(), signature, algorithm)

    def test_or_with_a_signature_made_elsewhere(self, tmp_path):
        lab = Lab(tmp_path, True, master=MasterKeys(private(MASTER), pem(MASTER), signature="abcd\n"))
        assert lab.told(load())["pub_sig"] == "abcd\n"


class TestAlgorithms:
    @pytest.mark.parametrize("name", ["none", "PKCS1v15-MD5", "", "OAEP-SHA1"])
    def test_an_unknown_signature_is_refused_without_one(self, open_lab, name):
        answer = open_lab.ask(load(sig_algo=name))
        assert codec.unpack(answer.reply) == {"enc": "clear", "load": {"ret": "bad sig algo"}}
        assert open_lab.keys.state_of("web1") is None

    @pytest.mark.parametrize("name", ["none", "OAEP-MD5", "PKCS1v15-SHA1"])
    def test_an_unknown_encryption_is_refused(self, open_lab, name):
        answer = open_lab.ask(load(enc_algo=name))
        assert codec.unpack(answer.reply) == {"enc": "clear", "load": {"ret": "bad enc algo"}}

    def test_sha1_can_be_switched_off(self, tmp_path):
        lab = Lab(tmp_path, True, options=Options(allow_sha1=False))
        for fields in ({"enc_algo": "OAEP-SHA1"}, {"enc_algo": None}):
            assert codec.unpack(lab.ask(load(**fields)).reply)["load"] == {"ret": "bad enc algo"}
        for fields in ({"sig_algo": "PKCS1v15-SHA1"}, {"sig_algo": None}):
            assert codec.unpack(lab.ask(load(**fields)).reply)["load"] == {"ret": "bad sig algo"}
        assert lab.told(load())["enc"] == "pub"


MALFORMED = [
    {"id": None},
    {"id": 5},
    {"id": ""},
    {"id": "../../etc"},
    {"id": "a/b"},
    {"id": "web1\0"},
    {"id": "x" * 300},
    {"id": ["web1"]},
    {"pub": None},
    {"pub": b"\xff\xfe"},
    {"pub": "garbage"},
    {"pub": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
    {"pub": "x" * 5000},
    {"pub": {}},
    {"nonce": None},
    {"nonce": 1},
    {"nonce": "0" * 31},
    {"nonce": "G" * 32},
    {"nonce": "A" * 32},
    {"nonce": "0" * 32 + "\n"},
    {"nonce": b"\xff" * 32},
    {"token": 5},
    {"token": ["x"]},
    {"token": b"x" * 1025},
    {"autosign_grains": "uuid"},
    {"autosign_grains": ["uuid"]},
    {"autosign_grains": {str(n): n for n in range(65)}},
    {"sig_algo": 5},
    {"enc_algo": ["OAEP-SHA1"]},
]


class TestHostileLoads:
    @pytest.mark.parametrize("fields", MALFORMED, ids=repr)
    def test_nothing_malformed_is_signed_stored_or_told_of(self, open_lab, monkeypatch, fields):
        monkeypatch.setattr(crypto, "sign", None)
        monkeypatch.setattr(crypto, "decrypt", None)
        answer = open_lab.ask({**load(), **fields} if None not in fields.values() else load(**fields))
        assert answer.reply == BAD_LOAD
        assert answer.events == ()
        assert answer.note
        assert not os.path.exists(open_lab.keys.folder)

    def test_weak_and_odd_keys_are_no_keys(self, open_lab):
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        for key in (
            rsa.generate_private_key(65537, 1024),
            rsa.generate_private_key(3, 2048),
            ec.generate_private_key(ec.SECP256R1()),
        ):
            text = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            assert open_lab.ask(load(pub=text)).reply == BAD_LOAD

    def test_a_key_in_another_form_is_the_same_key(self, open_lab):
        open_lab.ask(load())
        assert open_lab.told(load(pub=pem(0).replace("\n", "\r\n") + "\n\n"))["enc"] == "pub"
        assert open_lab.keys.text("web1", State.ACCEPTED) == [pem(0)]

    def test_text_before_or_after_the_key_is_refused(self, open_lab):
        assert open_lab.ask(load(pub=pem(0) + "\n" + pem(1))).reply == BAD_LOAD
        assert open_lab.ask(load(pub="x" + pem(0))).reply == BAD_LOAD

    def test_what_is_signed_has_no_room_for_bytes_of_the_peer(self, open_lab):
        told = open_lab.told(load(saltern=1, extra="x" * 1000, autosign_grains={"a": "b" * 1000}))
        assert "extra" not in told
        assert told["nonce"] == NONCE


class TestEvents:
    def event(self, lab, sent):
        (event,) = lab.ask(sent).events
        assert event.tag == "salt/auth"
        return dict(event.data)

    def test_each_outcome_is_told(self, lab):
        known = {"id": "web1", "pub": pem(0)}
        assert self.event(lab, load()) == {"result": True, "act": "pend", **known}
        assert self.event(lab, load(1)) == {"result": False, "act": "denied", "id": "web1", "pub": pem(1)}
        lab.keys.accept("web1")
        assert self.event(lab, load()) == {"result": True, "act": "accept", **known}
        lab.keys.reject("web1", include_accepted=True)
        assert self.event(lab, load()) == {"result": False, "act": "reject", **known}

    def test_full_is_told(self, tmp_path):
        lab = Lab(tmp_path, limits=Limits(max_pending=0))
        assert self.event(lab, load())["act"] == "full"

    def test_the_key_is_told_in_our_own_words(self, lab):
        assert self.event(lab, load(pub=pem(0).replace("\n", "\r\n")))["pub"] == pem(0)


class TestRates:
    def test_above_the_ceiling_nothing_is_computed(self, tmp_path, monkeypatch):
        lab = Lab(tmp_path, True, rate=1)
        for number in range(10):
            assert lab.told(load(), f"10.0.{number}.1")["enc"] == "pub"
        monkeypatch.setattr(crypto, "sign", None)
        answer = lab.ask(load(), "10.1.0.1")
        assert (answer.reply, answer.events) == (BAD_LOAD, ())
        monkeypatch.undo()
        lab.clock += 1
        assert lab.told(load(), "10.1.0.1")["enc"] == "pub"

    def test_malformed_loads_do_not_use_it_up(self, tmp_path):
        lab = Lab(tmp_path, True, rate=0.1)
        for _ in range(50):
            lab.ask(load(nonce="x"))
        assert lab.told(load())["enc"] == "pub"


class Bus:
    def __init__(self):
        self.fired = []

    def fire(self, tag, data):
        self.fired.append((tag, data["act"]))


class Parts:
    def __init__(self, tmp_path, **settings):
        self.settings = replace(MasterSettings(pki_dir=str(tmp_path / "pki"), keysize=2048), **settings)
        self.keys = KeyStore(self.settings.pki_dir)
        self.sessions = Sessions(str(tmp_path / "auth"))
        self.publish_key = PublishKey(str(tmp_path / "auth"), private(MASTER))


def test_the_desk_of_a_worker_answers_fires_and_logs(tmp_path, caplog):
    parts, bus = Parts(tmp_path, autosign_file="", autoreject_file="", master_sign_pubkey=True), Bus()
    desk = signin.build(parts, bus)
    with caplog.at_level(logging.INFO, "master.signin"):
        reply = codec.unpack(desk.answer(load(), "10.0.0.1"))
        assert desk.answer(load(nonce="x"), "10.0.0.1") == BAD_LOAD
    assert codec.unpack(codec.to_bytes(reply["load"])) == {"ret": True, "nonce": NONCE}
    assert bus.fired == [("salt/auth", "pend")]
    assert "salt-key -a web1" in caplog.text
    assert "no nonce" in caplog.text
    assert {"master.pem", "master.pub", "master_sign.pem", "master_sign.pub"} <= set(os.listdir(tmp_path / "pki"))
    assert NONCE not in caplog.text
