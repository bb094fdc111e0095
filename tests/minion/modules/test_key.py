from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader
from tests.minion.conftest import make_modules

PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\nBBBB\n-----END PUBLIC KEY-----\n"


@pytest.fixture
def salt(tmp_path: Path) -> Loader:
    return make_modules(tmp_path, pki_dir=str(tmp_path))


def _pairs(digest: str) -> str:
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def test_fingerprints_are_those_of_salt_key(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "minion.pub").write_text(PEM)
    (tmp_path / "minion_master.pub").write_text(PEM.replace("\n", "\r\n").replace("BBBB", "CCCC").rstrip())
    assert salt["key.finger"]() == _pairs(hashlib.sha256(b"AAAA\nBBBB\n").hexdigest())
    assert salt["key.finger"]("md5") == _pairs(hashlib.md5(b"AAAA\nBBBB\n").hexdigest())
    assert salt["key.finger_master"]() == _pairs(hashlib.sha256(b"AAAA\nCCCC\n").hexdigest())


def test_no_key_no_fingerprint(salt: Loader) -> None:
    assert salt["key.finger"]() == salt["key.finger_master"]() == ""


def test_unknown_hash(salt: Loader) -> None:
    with pytest.raises(SaltInvocationError, match="'crc' is no hash"):
        salt["key.finger"]("crc")
