"""Every way in which a sign-in may end, and every way in which a false master may try."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from tests.transports.keys import private
from tests.transports.stand_in import Desk
from transports import crypto
from transports.codec import pack, unpack
from transports.errors import MasterChanged, MasterFull, Pending, Rejected, SignInError
from transports.signin import Identity, Session, SignIn, Trust


@pytest.fixture
def desk() -> Desk:
    return Desk(private("master"))


WHO = Identity("m1", private("minion"))
KNOWN = Trust(remembered=private("master").public_key())


def sign_in(desk: Desk, trust: Trust = KNOWN, who: Identity = WHO) -> Session:
    attempt = SignIn(who, trust)
    return attempt.judge(desk.answer(unpack(attempt.request)["load"]))


def test_request_says_who_we_are_and_that_we_are_of_the_house():
    envelope = unpack(SignIn(WHO, Trust()).request)
    load = envelope["load"]
    assert (envelope["enc"], envelope["version"], load["cmd"], load["id"], load["saltern"]) == (
        "clear",
        3,
        "_auth",
        "m1",
        1,
    )
    assert crypto.is_nonce(load["nonce"]) and load["pub"] == crypto.public_pem(WHO.key.public_key())
    assert "token" not in load and "autosign_grains" not in load


def test_each_attempt_has_its_own_nonce_and_a_token_for_a_known_master():
    first, second = (unpack(SignIn(WHO, KNOWN).request)["load"] for _ in range(2))
    assert first["nonce"] != second["nonce"] and first["token"] != second["token"]


def test_autosign_grains_go_along():
    who = dataclasses.replace(WHO, autosign_grains={"uuid": "7"})
    assert unpack(SignIn(who, Trust()).request)["load"]["autosign_grains"] == {"uuid": "7"}


@pytest.mark.parametrize("signing", crypto.SIGNING)
@pytest.mark.parametrize("encryption", crypto.ENCRYPTION)
def test_accepted_with_each_algorithm(desk: Desk, encryption: str, signing: str):
    session = sign_in(desk, KNOWN, dataclasses.replace(WHO, encryption=encryption, signing=signing))
    assert (session.shared.text, session.key.text) == (desk.shared.text, desk.session.text)
    assert session.publish_port == 4505 and not session.first_use


def test_first_master_is_trusted_and_to_be_remembered(desk: Desk):
    session = sign_in(desk, Trust())
    assert session.first_use and crypto.public_pem(session.master_key) == crypto.public_pem(desk.key.public_key())


def test_own_master_tells_its_time(desk: Desk):
    desk.skew = 3600
    session = sign_in(desk)
    assert session.own and abs(session.skew - 3600) < 5


def test_stock_master_tells_no_time(desk: Desk):
    desk.own = False
    session = sign_in(desk)
    assert not session.own and session.skew == 0.0


def test_own_master_that_took_us_for_stock_was_lied_to(desk: Desk):
    desk.own = False
    desk.body = lambda body: body.update(saltern=0)
    with pytest.raises(SignInError, match="changed on its way"):
        sign_in(desk)


@pytest.mark.parametrize(
    ("said", "error"), [(True, Pending), (False, Rejected), ("full", MasterFull), ("odd", SignInError)]
)
@pytest.mark.parametrize("trust", [Trust(), KNOWN])
def test_refusals(desk: Desk, trust: Trust, said: Any, error: type[SignInError]):
    desk.verdict = said
    with pytest.raises(error):
        sign_in(desk, trust)


def test_refusal_by_somebody_else_is_no_refusal(desk: Desk):
    desk.verdict, desk.sign_with = False, private("thief")
    with pytest.raises(MasterChanged):
        sign_in(desk)


def test_another_master_key_is_refused(desk: Desk):
    with pytest.raises(MasterChanged, match=r"minion_master\.pub"):
        sign_in(Desk(private("thief")))


def test_known_key_with_a_foreign_signature_is_refused(desk: Desk):
    desk.sign_with = private("thief")
    with pytest.raises(MasterChanged):
        sign_in(desk)


def test_master_that_cannot_read_the_token_is_refused(desk: Desk):
    desk.body = lambda body: body.pop("token")
    with pytest.raises(SignInError):
        sign_in(desk)


def test_wrong_token_is_refused(desk: Desk):
    def exchange(body: dict[str, Any]) -> None:
        body["token"] = crypto.encrypt(WHO.key.public_key(), b"0" * 32, WHO.encryption)

    desk.body = exchange
    with pytest.raises(MasterChanged):
        sign_in(desk)


class TestFinger:
    finger = crypto.fingerprint(private("master").public_key())

    def test_right(self, desk: Desk):
        assert sign_in(desk, Trust(finger=self.finger.upper())).first_use

    def test_of_another_hash(self, desk: Desk):
        finger = crypto.fingerprint(desk.key.public_key(), "md5")
        assert sign_in(desk, Trust(finger=finger, finger_hash="md5")).first_use

    def test_wrong(self, desk: Desk):
        with pytest.raises(MasterChanged, match="master_finger"):
            sign_in(Desk(private("thief")), Trust(finger=self.finger))


class TestVoucher:
    trust = Trust(voucher=private("voucher").public_key())

    def test_vouched_for(self, desk: Desk):
        desk.vouch_with = private("voucher")
        assert sign_in(desk, self.trust).first_use

    def test_another_key_that_is_vouched_for_replaces_the_remembered_one_for_this_session(self):
        other = Desk(private("other master"))
        other.vouch_with = private("voucher")
        session = sign_in(other, dataclasses.replace(KNOWN, voucher=self.trust.voucher))
        assert not session.first_use

    def test_by_somebody_else(self, desk: Desk):
        desk.vouch_with = private("thief")
        with pytest.raises(MasterChanged):
            sign_in(desk, self.trust)

    def test_missing(self, desk: Desk):
        with pytest.raises(SignInError, match="verify_master_pubkey_sign"):
            sign_in(desk, self.trust)

    def test_not_asked_for(self, desk: Desk):
        desk.vouch_with = private("voucher")
        with pytest.raises(SignInError, match="not set on this minion"):
            sign_in(desk, Trust())

    def test_no_signature_at_all(self, desk: Desk):
        desk.body = lambda body: body.update(pub_sig="!")
        with pytest.raises(SignInError):
            sign_in(desk, self.trust)


def test_reply_to_another_request_is_refused(desk: Desk):
    old = SignIn(WHO, KNOWN)
    reply = desk.answer(unpack(old.request)["load"])
    with pytest.raises(SignInError, match="not to our request"):
        SignIn(WHO, KNOWN).judge(reply)


def test_resent_request_takes_the_same_answer(desk: Desk):
    attempt = SignIn(WHO, KNOWN)
    reply = desk.answer(unpack(attempt.request)["load"])
    assert attempt.judge(reply).key.text == attempt.judge(reply).key.text


def _wrong_digest(body: dict[str, Any]) -> None:
    body["sig"] = crypto.x931_sign(private("master"), crypto.key_digest("other"))


def _foreign_digest(body: dict[str, Any]) -> None:
    body["sig"] = crypto.x931_sign(private("thief"), crypto.key_digest("other"))


@pytest.mark.parametrize(
    "bend",
    [
        _wrong_digest,
        _foreign_digest,
        lambda body: body.pop("sig"),
        lambda body: body.pop("aes"),
        lambda body: body.pop("session"),
        lambda body: body.update(session=b"x" * 256),
        lambda body: body.update(publish_port="4505"),
        lambda body: body.update(publish_port=70000),
        lambda body: body.pop("publish_port"),
        lambda body: body.update(pub_key="no key"),
        lambda body: body.update(nonce=None),
        lambda body: body.pop("enc"),
    ],
)
@pytest.mark.parametrize("trust", [Trust(), KNOWN])
def test_bent_acceptance_is_refused(desk: Desk, trust: Trust, bend: Any):
    desk.body = bend
    with pytest.raises(SignInError):
        sign_in(desk, trust)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\xc1",
        pack("bad load"),
        pack([1]),
        pack({"load": 5}),
        pack({"enc": "clear", "load": {"ret": "bad enc algo"}}),
        pack({"enc": "clear", "load": {"ret": "bad sig algo"}}),
        pack({"enc": "clear", "load": pack([])}),
        pack({"enc": "clear", "load": pack({"ret": True})}),
        pack({"enc": "clear", "load": pack({"enc": "pub"}), "sig": b"x"}),
        b"\x81" * 200,
    ],
)
@pytest.mark.parametrize("trust", [Trust(), KNOWN])
def test_anything_else_is_an_ordinary_failure(reply: bytes, trust: Trust):
    with pytest.raises(SignInError) as caught:
        SignIn(WHO, trust).judge(reply)
    assert not isinstance(caught.value, Rejected)


def test_time_is_that_of_the_answer(desk: Desk):
    attempt = SignIn(WHO, KNOWN, now=lambda: time.time() - 500)
    assert abs(attempt.judge(desk.answer(unpack(attempt.request)["load"])).skew - 500) < 5
