"""What of that which arrives on the publication socket becomes a job."""

from __future__ import annotations

import time
from typing import Any

import msgpack
import pytest

from tests.transports.keys import private
from tests.transports.stand_in import StandIn
from transports import crypto
from transports.codec import pack
from transports.crypto import SymmetricKey
from transports.signin import Session
from transports.zeromq.publications import Reader, Refused, Serials, Unreadable


@pytest.fixture(params=[True, False], ids=["own", "stock"])
def master(request: pytest.FixtureRequest) -> StandIn:
    made = StandIn(private("master"))
    made.desk.own = request.param
    return made


def reader(master: StandIn, serials: Serials | None = None, signed_only: bool = True, **session: Any) -> Reader:
    desk = master.desk
    given = {"own": desk.own, "shared": desk.shared, "key": desk.session, **session}
    made = Session(desk.key.public_key(), publish_port=1, **given)
    return Reader(made, serials or Serials({}, lambda known: None), signed_only)


def test_job(master: StandIn):
    job = reader(master).read(master.frame(master.job("test.echo", "hi")))
    assert (job.fun, job.arg, job.user) == (("test.echo",), (("hi",),), "root")


def test_same_publication_twice_is_refused(master: StandIn):
    made, frame = reader(master), master.frame(master.job())
    made.read(frame)
    with pytest.raises(Refused, match="sent again"):
        made.read(frame)


def test_older_serial_is_refused_gaps_are_fine(master: StandIn):
    made = reader(master)
    frames = [master.frame(master.job()) for _ in range(5)]
    made.read(frames[0])
    made.read(frames[4])
    with pytest.raises(Refused):
        made.read(frames[2])


def test_serials_are_kept_and_outlive_a_restart(master: StandIn):
    kept: dict[str, int] = {}
    frame = master.frame(master.job())
    reader(master, Serials({}, kept.update)).read(frame)
    assert list(kept.values()) == [1]
    with pytest.raises(Refused):
        reader(master, Serials(kept, kept.update)).read(frame)


def test_serials_of_a_new_key_start_over():
    master = StandIn(private("master"))
    master.desk.own = False
    serials = Serials({}, lambda known: None)
    for _ in range(3):
        reader(master, serials).read(master.frame(master.job()))
    master.desk.shared, master._serial = SymmetricKey.generate(), 0
    reader(master, serials).read(master.frame(master.job()))


def test_serials_of_an_own_master_go_on_under_a_new_session_key():
    master = StandIn(private("master"))
    serials = Serials({}, lambda known: None)
    old = [master.frame(master.job()) for _ in range(2)]
    reader(master, serials).read(old[1])
    master.desk.session, master._serial = SymmetricKey.generate(), 1
    with pytest.raises(Refused):
        reader(master, serials).read(master.frame(master.job()))


@pytest.mark.parametrize("serial", [None, True, "7", -1, 0, 1.5])
def test_serial_that_is_none(serial: Any):
    with pytest.raises(Refused):
        Serials({}, lambda known: None).advance("k", serial)


def test_signature_of_somebody_else_is_refused(master: StandIn):
    with pytest.raises(Refused, match="signature"):
        reader(master).read(master.frame(master.job(), sign_with=private("thief")))


def test_signature_of_somebody_else_is_refused_even_if_none_is_demanded():
    master = StandIn(private("master"))
    master.desk.own = False
    with pytest.raises(Refused, match="signature"):
        reader(master, signed_only=False).read(master.frame(master.job(), sign_with=private("thief")))


def stock(key: SymmetricKey, load: Any, **outer: Any) -> bytes:
    return pack({"enc": "aes", "load": key.seal(load), **outer})


def test_unsigned_stock_publication_only_if_allowed():
    master = StandIn(private("master"))
    master.desk.own = False
    frame = stock(master.desk.shared, {**master.job(), "serial": 1})
    with pytest.raises(Refused, match="did not sign"):
        reader(master).read(frame)
    assert reader(master, signed_only=False).read(frame).fun == ("test.ping",)


def test_unknown_signature_algorithm_is_refused():
    master = StandIn(private("master"))
    master.desk.own = False
    sealed = master.desk.shared.seal({**master.job(), "serial": 1})
    signature = crypto.sign(master.desk.key, sealed, crypto.SIGNING[0])
    frame: bytes = msgpack.packb(
        {"enc": "aes", "load": sealed, "sig": signature, "sig_algo": "none"}, use_bin_type=False
    )
    with pytest.raises(Refused):
        reader(master).read(frame)


def test_another_key_is_unreadable(master: StandIn):
    frame = master.frame(master.job())
    other = SymmetricKey.generate()
    with pytest.raises(Unreadable):
        reader(master, shared=other, key=other).read(frame)


def test_old_job_of_an_own_master_is_refused():
    master = StandIn(private("master"))
    with pytest.raises(Refused, match="old"):
        reader(master).read(master.frame(master.job(jid="20200101000000000000")))


def test_age_goes_by_the_clock_of_an_own_master():
    master = StandIn(private("master"))
    wrong = Session(private("master").public_key(), master.desk.shared, master.desk.session, 1, own=True, skew=86400.0)
    made = Reader(wrong, Serials({}, lambda known: None), now=lambda: time.time() - 86400)
    assert made.read(master.frame(master.job())).fun == ("test.ping",)


def test_shared_publication_is_nothing_for_a_minion_of_an_own_master():
    master = StandIn(private("master"))
    master.desk.own = False
    frame = master.frame(master.job())
    master.desk.own = True
    with pytest.raises((Refused, Unreadable)):
        reader(master).read(frame)


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x80", pack("x"), pack({"enc": "clear", "load": b""}), pack({"enc": "aes"})]
)
def test_garbage_is_refused(master: StandIn, data: bytes):
    with pytest.raises((Refused, Unreadable)):
        reader(master).read(data)


@pytest.mark.parametrize(
    "change", [{"jid": "1"}, {"fun": None}, {"arg": "x"}, {"tgt": 5}, {"tgt_type": "odd"}, {"fun": "x"}]
)
def test_publication_that_is_no_job_is_refused(master: StandIn, change: dict[str, Any]):
    with pytest.raises(Refused):
        reader(master).read(master.frame({**master.job(), **change}))
