"""Keys of a host that is made a minion: made once, shown as salt-key shows them, never replaced by the way."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from minion.deploy import trust
from minion.deploy.releases import Release
from minion.errors import CommandExecutionError
from tests.master.rsa_keys import private
from transports import crypto

FIRST, SECOND = (crypto.public_pem(private(number).public_key()) for number in (0, 1))


class Own(Release):
    """A release whose modules are those of this checkout."""

    @property
    def lib(self) -> str:
        return str(Path(trust.__file__).parent.parent.parent)


OWN = Own("1.0", "/nowhere", "1.0", "0" * 64, sys.executable)


def test_fingerprints_are_those_of_salt_key():
    for pem in (FIRST, SECOND):
        assert trust.fingerprint(pem) == crypto.fingerprint(crypto.load_public(pem))
        assert trust.fingerprint(f"\n{pem}\n\n") == trust.fingerprint(pem.replace("\n", "\r\n"))
    private_pem = crypto.private_pem(private(0)).decode()
    for text in ("", "x", private_pem, f"{FIRST}\n{SECOND}", FIRST + "x" * 5000):
        assert trust.fingerprint(text) == ""


def test_trust_is_given_once_and_taken_back_on_demand_alone(tmp_path: Path):
    pki = str(tmp_path / "pki/minion")
    assert trust.trust_master(pki, FIRST, False, test=True) == (True, "") and not os.path.exists(pki)
    assert trust.trust_master(pki, FIRST, False, test=False) == (True, "")
    path = Path(pki) / "minion_master.pub"
    assert crypto.load_public(path.read_text().strip()) and stat.S_IMODE(os.stat(pki).st_mode) == 0o700
    assert trust.trust_master(pki, FIRST, False, test=False) == (False, trust.fingerprint(FIRST))
    with pytest.raises(CommandExecutionError) as caught:
        trust.trust_master(pki, SECOND, False, test=False)
    assert trust.fingerprint(FIRST) in str(caught.value) and trust.fingerprint(SECOND) in str(caught.value)
    assert trust.public_key(pki, trust.MASTER) == FIRST
    assert trust.trust_master(pki, SECOND, True, test=False) == (True, trust.fingerprint(FIRST))
    assert trust.public_key(pki, trust.MASTER) == SECOND


def test_only_a_public_key_is_trusted(tmp_path: Path):
    for text in ("", "ssh-ed25519 AAAA", crypto.private_pem(private(0)).decode()):
        with pytest.raises(CommandExecutionError, match="no public key"):
            trust.trust_master(str(tmp_path / "pki"), text, True, test=False)
    assert not (tmp_path / "pki").exists()


def test_links_that_were_planted_lead_nowhere(tmp_path: Path):
    pki, victim = tmp_path / "pki", tmp_path / "victim"
    pki.mkdir(mode=0o700)
    victim.write_text(FIRST)
    (pki / trust.MASTER).symlink_to(victim)
    with pytest.raises(CommandExecutionError, match="trusts another master"):
        trust.trust_master(str(pki), SECOND, False, test=False)
    trust.trust_master(str(pki), SECOND, True, test=False)
    assert victim.read_text() == FIRST and not (pki / trust.MASTER).is_symlink()
    os.chmod(pki, 0o777)
    with pytest.raises(CommandExecutionError, match="writable by other users"):
        trust.trust_master(str(pki), FIRST, True, test=False)


def test_pair_is_made_once(tmp_path: Path):
    pki = str(tmp_path / "etc/pki/minion")
    old = os.umask(0o022)
    try:
        assert trust.own_key(pki, OWN, 2048) is True
    finally:
        os.umask(old)
    key = crypto.load_private((Path(pki) / "minion.pem").read_bytes())
    assert key.key_size == 2048 and trust.public_key(pki) == crypto.public_pem(key.public_key())
    assert stat.S_IMODE(os.stat(f"{pki}/minion.pem").st_mode) == 0o400 and stat.S_IMODE(os.stat(pki).st_mode) == 0o700
    assert trust.own_key(pki, OWN, 2048) is False
    os.unlink(f"{pki}/minion.pub")
    assert trust.own_key(pki, OWN, 2048) is False and trust.public_key(pki) == crypto.public_pem(key.public_key())


def test_pair_that_can_not_be_made(tmp_path: Path):
    (tmp_path / "lib/minion/daemon").mkdir(parents=True)
    (tmp_path / "lib/minion/__init__.py").write_text("")
    (tmp_path / "lib/minion/daemon/__init__.py").write_text("raise ImportError('libzmq.so.5: wrong ELF class')")
    broken = Release("1.0", str(tmp_path), "1.0", "0" * 64, sys.executable)
    with pytest.raises(CommandExecutionError, match="can't be made: ImportError: libzmq"):
        trust.own_key(str(tmp_path / "pki"), broken, 2048)
    gone = Release("1.0", "/nowhere", "1.0", "0" * 64, "/no/python3")
    with pytest.raises(CommandExecutionError, match="can't be made by /no/python3"):
        trust.own_key(str(tmp_path / "pki"), gone, 2048)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others, which takes root")
def test_pair_that_somebody_else_prepared_is_not_taken(tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    assert trust.own_key(str(pki), OWN, 2048) and not trust.own_key(str(pki), OWN, 2048)
    os.chown(pki, 65534, 65534)
    with pytest.raises(CommandExecutionError, match="belongs to another user"):
        trust.own_key(str(pki), OWN, 2048)
