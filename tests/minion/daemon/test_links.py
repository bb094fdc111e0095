"""From the configuration to masters."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from minion import config
from minion.daemon.keyring import KeyRing
from minion.daemon.links import LinkMemory, identity, masters, name_of, parse_master
from minion.errors import ConfigError
from transports.errors import SignInError


def settings(tmp_path: Path, **options: Any) -> config.MinionSettings:
    return config.load(str(tmp_path / "minion"), {"id": "m1", "root_dir": str(tmp_path), **options})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("salt", ("salt", 4506)),
        ("salt.example.com:5000", ("salt.example.com", 5000)),
        ("10.0.0.1", ("10.0.0.1", 4506)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("::1", ("::1", 4506)),
        ("fe80::1%eth0", ("fe80::1%eth0", 4506)),
        ("[2001:db8::1]", ("2001:db8::1", 4506)),
        ("[2001:db8::1]:77", ("2001:db8::1", 77)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]):
    assert parse_master(text, 4506) == address


@pytest.mark.parametrize("text", ["", "a:b", "a:1:2x", "[::1", "http://x"])
def test_no_addresses(text: str):
    with pytest.raises(ConfigError, match="option master"):
        parse_master(text, 4506)


def test_one_and_several(tmp_path: Path):
    assert [m.host for m in masters(settings(tmp_path, master="a"))] == ["a"]
    several = masters(settings(tmp_path, master=["a", "b:99"], master_port=5))
    assert [(m.host, m.port) for m in several] == [("a", 5), ("b", 99)]


def test_none(tmp_path: Path):
    assert masters(settings(tmp_path, master_type="disable")) == []


def test_shuffled(tmp_path: Path):
    named = [f"m{n}" for n in range(30)]
    found = [m.host for m in masters(settings(tmp_path, master=named, master_shuffle=True))]
    assert sorted(found) == sorted(named) and found != named


def test_options_reach_the_link(tmp_path: Path):
    (made,) = masters(
        settings(tmp_path, acceptance_wait_time=3, heartbeat=7, ipv6=True, zmq_filtering=True, recon_default=500)
    )
    assert (made.timing.pending, made.tuning.heartbeat, made.tuning.ipv6, made.filtering) == (3.0, 7.0, True, True)
    assert made.timing.unreachable == 0.5


def test_names_are_folders(tmp_path: Path):
    (made,) = masters(settings(tmp_path, master="[2001:db8::1]:77"))
    assert name_of(made) == "2001_db8__1_77"


def test_identity(tmp_path: Path):
    made = settings(tmp_path, autosign_grains=["uuid", "none"])
    who = identity(made.opts(), KeyRing(str(tmp_path / "pki"), 2048), {"uuid": "7", "os": "x"})
    assert (who.id, who.autosign_grains) == ("m1", {"uuid": "7", "none": None})


def test_unknown_algorithm(tmp_path: Path):
    with pytest.raises(ConfigError, match="signing_algorithm"):
        identity(settings(tmp_path, signing_algorithm="MD5").opts(), KeyRing(str(tmp_path / "pki"), 2048), {})


class TestMemory:
    def memory(self, tmp_path: Path, **options: Any) -> LinkMemory:
        ring = KeyRing(str(tmp_path / "pki"), 2048)
        return LinkMemory(settings(tmp_path, **options), ring, str(tmp_path / "serials"))

    def test_serials(self, tmp_path: Path):
        made = self.memory(tmp_path)
        assert made.serials() == {}
        made.store_serials({"k": 5})
        assert self.memory(tmp_path).serials() == {"k": 5}
        assert os.stat(tmp_path / "serials").st_mode & 0o777 == 0o600

    def test_damaged_serials(self, tmp_path: Path):
        (tmp_path / "serials").write_text("[1")
        assert self.memory(tmp_path).serials() == {}
        (tmp_path / "serials").write_text("[1]")
        assert self.memory(tmp_path).serials() == {}

    def test_disk_that_takes_nothing(self, tmp_path: Path):
        made = self.memory(tmp_path)
        (tmp_path / "serials.tmp").mkdir()
        made.store_serials({"k": 5})

    def test_missing_voucher_trusts_nobody(self, tmp_path: Path):
        with pytest.raises(SignInError, match=r"master_sign\.pub"):
            self.memory(tmp_path, verify_master_pubkey_sign=True).trust()

    def test_finger(self, tmp_path: Path):
        trust = self.memory(tmp_path, master_finger="aa:bb", hash_type="md5").trust()
        assert (trust.finger, trust.finger_hash, trust.remembered) == ("aa:bb", "md5", None)
