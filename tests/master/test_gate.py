"""The gate lets in what holds, and nothing else; each refusal is a rule of the protocol."""

from __future__ import annotations

import time

import msgpack
import pytest

from master.gate import Gate, Refusal, ReplayWindow, Session, parse
from transports import codec, crypto
from transports.crypto import SymmetricKey

NOW = 1_790_000_000.0


class Keys:
    def __init__(self):
        self.private = crypto.generate_key(2048)
        self.known = {"web1": self.private.public_key()}

    def accepted(self, minion_id):
        return self.known.get(minion_id)


class Sessions:
    def __init__(self, keys):
        self.sessions = {"web1": Session(SymmetricKey.generate(), None, crypto.fingerprint(keys.known["web1"]))}
        self.offsets = {}

    def find(self, minion_id):
        return self.sessions.get(minion_id)

    def clock_offset(self, minion_id):
        return self.offsets.get(minion_id)

    def learn_clock(self, minion_id, offset):
        self.offsets[minion_id] = offset


@pytest.fixture(scope="module")
def keys():
    return Keys()


@pytest.fixture
def sessions(keys):
    return Sessions(keys)


@pytest.fixture
def gate(keys, sessions):
    return Gate(keys, sessions, window=300, since=NOW - 1000, now=lambda: NOW)


@pytest.fixture
def envelope(keys, sessions):
    token = crypto.x931_sign(keys.private, b"salt")

    def make(outer=None, key=None, drop=(), **inner):
        load = {"cmd": "_mine", "id": "web1", "nonce": crypto.new_nonce(), "ts": int(NOW), "tok": token, "data": {}}
        load = {name: value for name, value in {**load, **inner}.items() if name not in drop}
        sealed = (key or sessions.sessions["web1"].key).seal(load)
        return codec.pack({"enc": "aes", "version": 3, "id": "web1", "load": sealed, **(outer or {})})

    return make


def test_a_good_request(gate, envelope):
    opened = gate.open(parse(envelope()))
    assert opened.peer.id == "web1" and opened.peer.road == "zeromq" and opened.peer.fingerprint
    assert opened.request.cmd == "_mine" and opened.request.load == {"data": {}}
    assert not opened.repeat
    nonce, reply = opened.key.open_packed(codec.to_bytes(codec.unpack(opened.seal({"x": 1}))), with_nonce=True)
    assert nonce == opened.nonce and codec.unpack(reply) == {"x": 1}


def test_the_same_bytes_again_are_known_for_a_repeat(gate, envelope):
    frame = envelope()
    assert not gate.open(parse(frame)).repeat
    assert gate.open(parse(frame)).repeat
    assert not gate.open(parse(envelope())).repeat


@pytest.mark.parametrize(
    "inner",
    [
        {"id": "web2"}, {"id": None}, {"id": ["web1"]}, {"drop": ("id",)},
        {"tok": b"\0" * 256}, {"tok": b""}, {"tok": None}, {"tok": 7}, {"drop": ("tok",)},
        {"nonce": "A" * 32}, {"nonce": "a" * 31}, {"nonce": ""}, {"nonce": 5}, {"drop": ("nonce",)},
        {"ts": int(NOW) - 301}, {"ts": int(NOW) + 301}, {"ts": str(int(NOW))}, {"ts": True}, {"ts": NOW},
        {"drop": ("ts",)}, {"cmd": None}, {"cmd": ["_mine"]}, {"drop": ("cmd",)}, {"sig": b"\1" * 256}, {"sig": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_inside_is_refused(gate, sessions, envelope, inner):
    sessions.offsets["web1"] = 0.0
    drop = inner.pop("drop", ())
    with pytest.raises(Refusal):
        gate.open(parse(envelope(drop=drop, **inner)))


@pytest.mark.parametrize(
    "outer",
    [
        {"version": 2}, {"version": 4}, {"version": "3"}, {"version": True}, {"version": None}, {"version": 3.0},
        {"enc": "AES"}, {"enc": b"\xff"}, {"enc": 1}, {"enc": "clear"}, {"enc": None},
        {"id": "../x"}, {"id": ""}, {"id": "web1\0"}, {"id": "a/b"}, {"id": 5}, {"id": None}, {"id": "minions_pre"},
        {"load": {}}, {"load": 5}, {"load": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_outside_is_refused(envelope, outer):
    with pytest.raises(Refusal):
        parse(envelope(outer=outer))


def test_another_key_another_id_no_session_no_accepted_key(gate, keys, sessions, envelope):
    for frame in (
        envelope(key=SymmetricKey.generate()),
        envelope(outer={"id": "web2"}),
        envelope(outer={"load": b"\xff" * 128}),
        envelope(outer={"load": b""}),
    ):
        with pytest.raises(Refusal):
            gate.open(parse(frame))
    frame = envelope()
    public = keys.known.pop("web1")
    try:
        with pytest.raises(Refusal):
            gate.open(parse(frame))
        keys.known["web1"] = crypto.generate_key(2048).public_key()  # a rebuilt host whose new key was accepted
        with pytest.raises(Refusal):
            gate.open(parse(frame))
    finally:
        keys.known["web1"] = public
    assert gate.open(parse(frame)).peer.id == "web1"


def test_a_session_of_an_earlier_key_does_not_count(gate, sessions, envelope):
    session = sessions.sessions["web1"]
    sessions.sessions["web1"] = Session(session.key, None, "another")
    with pytest.raises(Refusal):
        gate.open(parse(envelope()))


def test_the_previous_session_key_is_good_while_it_is_kept(gate, sessions, envelope):
    old = sessions.sessions["web1"]
    frame = envelope()
    sessions.sessions["web1"] = Session(SymmetricKey.generate(), old.key, old.fingerprint)
    opened = gate.open(parse(frame))
    assert opened.key is old.key, "and the reply is sealed with the key of the request"


def test_a_wrong_clock_is_learned_once_and_then_held_to(gate, sessions, envelope):
    assert gate.open(parse(envelope(ts=int(NOW) - 3600))).peer.id == "web1"
    assert sessions.offsets["web1"] == -3600
    with pytest.raises(Refusal):
        gate.open(parse(envelope(ts=int(NOW))))


def test_requests_from_before_the_gate_was_started_are_refused(keys, sessions, envelope):
    gate = Gate(keys, sessions, window=300, since=NOW, now=lambda: NOW)
    with pytest.raises(Refusal):
        gate.open(parse(envelope(ts=int(NOW) - 1)))
    assert gate.open(parse(envelope(ts=int(NOW))))


def test_signed_requests_of_stock_minions(gate, keys, envelope):
    load = {"cmd": "_mine", "id": "web1", "ts": int(NOW), "data": {"a": 1}}
    signature = crypto.sign(keys.private, msgpack.packb(load, use_bin_type=True), "PKCS1v15-SHA1")
    token = crypto.x931_sign(keys.private, b"salt")
    key = gate._sessions.sessions["web1"].key
    for data, good in (({"a": 1}, True), ({"a": 2}, False)):
        sealed = key.seal({**load, "data": data, "sig": signature, "nonce": crypto.new_nonce(), "tok": token})
        frame = codec.pack({"enc": "aes", "version": 3, "id": "web1", "load": sealed})
        if good:
            assert gate.open(parse(frame)).request.load == {"data": {"a": 1}}
        else:
            with pytest.raises(Refusal):
                gate.open(parse(frame))


def test_clear_requests(envelope):
    def clear(load, **outer):
        return codec.pack({"enc": "clear", "version": 3, "load": load, **outer})

    assert parse(clear({"cmd": "_auth", "id": "web1"})).clear == {"cmd": "_auth", "id": "web1"}
    for frame in (
        clear({"cmd": "x"}, id="web1"),
        clear([1]),
        clear("x"),
        clear({"pub": "x" * 70000}),
        b"",
        b"\xc1",
        b"\x93",
    ):
        with pytest.raises(Refusal):
            parse(frame)


def test_the_replay_window_forgets_nothing_too_early_and_is_bounded():
    window = ReplayWindow(600, per_id=3)
    assert not window.add("a", "1", 0.0)
    assert window.add("a", "1", 599.0)
    assert window.add("a", "1", 1100.0), "two generations: what is new is remembered for at least the span"
    assert not window.add("b", "1", 1100.0), "each id has its own"
    for nonce in ("2", "3", "4"):
        window.add("c", nonce, 1100.0)
    with pytest.raises(Refusal):
        window.add("c", "5", 1100.0)
    assert not window.add("c", "5", 1100.0 + 700)


def test_opening_is_fast(gate, envelope):
    frames = [envelope() for _ in range(300)]
    gate.open(parse(frames[0]))
    start = time.process_time()
    for frame in frames[1:]:
        gate.open(parse(frame))
    assert (time.process_time() - start) / 299 < 0.001, "a request costs well below a millisecond"
