"""Keys on a minion's disk: made once, never replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minion.daemon.keyring import KeyRing
from minion.errors import ConfigError
from transports import crypto


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(str(tmp_path / "pki"), 2048)


def test_pair_is_made_once_with_the_right_modes(ring: KeyRing, tmp_path: Path):
    first = crypto.public_pem(ring.own().public_key())
    again = crypto.public_pem(KeyRing(str(tmp_path / "pki")).own().public_key())
    assert first == again == (tmp_path / "pki/minion.pub").read_text().strip()
    modes = {name: os.stat(tmp_path / "pki" / name).st_mode & 0o777 for name in ("minion.pem", "minion.pub", ".")}
    assert modes == {"minion.pem": 0o400, "minion.pub": 0o644, ".": 0o700}
    assert sorted(os.listdir(tmp_path / "pki")) == ["minion.pem", "minion.pub"]


def test_damaged_key_is_named_and_kept(ring: KeyRing, tmp_path: Path):
    (tmp_path / "pki/minion.pem").write_text("broken")
    with pytest.raises(ConfigError, match=r"minion\.pem"):
        ring.own()
    assert (tmp_path / "pki/minion.pem").read_text() == "broken"


def test_master_is_remembered_once(ring: KeyRing, tmp_path: Path):
    assert ring.master() is None
    first, second = crypto.generate_key(2048).public_key(), crypto.generate_key(2048).public_key()
    ring.remember(first)
    ring.remember(second)
    found = ring.master()
    assert found is not None and crypto.public_pem(found) == crypto.public_pem(first)


def test_planted_link_in_place_of_the_masters_key_is_not_written_through(ring: KeyRing, tmp_path: Path):
    (tmp_path / "pki/minion_master.pub").symlink_to(tmp_path / "victim")
    ring.remember(crypto.generate_key(2048).public_key())
    assert not (tmp_path / "victim").exists()


def test_damaged_master_key_trusts_nobody(ring: KeyRing, tmp_path: Path):
    (tmp_path / "pki/minion_master.pub").write_text("broken")
    with pytest.raises(ConfigError, match=r"minion_master\.pub"):
        ring.master()


def test_voucher(ring: KeyRing, tmp_path: Path):
    with pytest.raises(ConfigError, match="copy it from the master"):
        ring.voucher("master_sign")
    pem = crypto.public_pem(crypto.generate_key(2048).public_key())
    (tmp_path / "pki/master_sign.pub").write_text(pem)
    assert crypto.public_pem(ring.voucher("master_sign")) == pem


def test_folder_that_others_can_write_is_refused(tmp_path: Path):
    (tmp_path / "pki").mkdir()
    os.chmod(tmp_path / "pki", 0o777)
    with pytest.raises(ConfigError, match="chmod"):
        KeyRing(str(tmp_path / "pki"))


def test_folder_below_one_that_others_can_write_is_refused(tmp_path: Path):
    (tmp_path / "open").mkdir()
    os.chmod(tmp_path / "open", 0o777)
    with pytest.raises(ConfigError, match="open"):
        KeyRing(str(tmp_path / "open/pki"))


def test_link_in_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "pki").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="not a link"):
        KeyRing(str(tmp_path / "pki"))
