"""The master's own keys: in Salt's layouts, for nobody else to read, never replaced."""

from __future__ import annotations

import base64
import os
import stat

import pytest

from master import keypair
from master.config import MasterSettings
from master.errors import KeyStoreError, UnsafePath
from tests.master.rsa_keys import pem, private
from transports import crypto


@pytest.fixture
def pki(tmp_path):
    folder = tmp_path / "pki"
    folder.mkdir(mode=0o700)
    return folder


def settings(pki, **options):
    return MasterSettings(pki_dir=str(pki), keysize=2048, **options)


def put(pki, name, number=0, mode=0o400, passphrase=None):
    path = pki / name
    path.write_bytes(crypto.private_pem(private(number), passphrase))
    path.chmod(mode)
    return path


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_they_are_made_once(tmp_path):
    pki = tmp_path / "new" / "pki"
    first = keypair.load(settings(pki))
    assert first.private.key_size == 2048
    assert (pki / "master.pub").read_text() == first.public_pem + "\n"
    assert (mode_of(pki), mode_of(pki / "master.pem"), mode_of(pki / "master.pub")) == (0o700, 0o400, 0o644)
    assert b"BEGIN RSA PRIVATE KEY" in (pki / "master.pem").read_bytes()
    assert keypair.load(settings(pki)).public_pem == first.public_pem


def test_by_default_they_have_3072_bits():
    assert MasterSettings().keysize == crypto.KEY_BITS == 3072


@pytest.mark.parametrize("target", ["mm.pem", "{pki}/mm.pem", "/where/it/was/before/mm.pem"])
def test_salts_links_to_the_masters_id(pki, target):
    put(pki, "mm.pem")
    (pki / "master.pem").symlink_to(target.format(pki=pki))
    assert keypair.load(settings(pki)).public_pem == pem(0)
    assert (pki / "mm.pub").read_text().strip() == pem(0)


def test_a_pair_that_bears_the_masters_id_alone(pki):
    put(pki, "mm.pem")
    assert keypair.load(settings(pki, id="mm_master")).public_pem == pem(0)
    assert not (pki / "master.pem").exists()


def test_no_link_leads_out_of_the_folder(pki, tmp_path):
    put(tmp_path, "elsewhere.pem")
    (pki / "master.pem").symlink_to(tmp_path / "elsewhere.pem")
    assert keypair.load(settings(pki)).public_pem != pem(0)


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o620])
def test_a_private_key_that_others_may_read_is_refused(pki, mode):
    put(pki, "master.pem", mode=mode)
    with pytest.raises(UnsafePath, match=r"master.pem.*chmod 600"):
        keypair.load(settings(pki))


def test_a_passphrase(pki):
    keypair.load(settings(pki, key_pass="secret"))
    assert b"ENCRYPTED" in (pki / "master.pem").read_bytes()
    keypair.load(settings(pki, key_pass="secret"))
    for wrong in ("wrong", ""):
        with pytest.raises(KeyStoreError, match=r"master.pem.*key_pass") as caught:
            keypair.load(settings(pki, key_pass=wrong))
        assert "wrong passphrase" in str(caught.value)


def test_damage_is_no_reason_for_a_new_key(pki):
    (pki / "master.pem").write_text("garbage")
    (pki / "master.pem").chmod(0o400)
    with pytest.raises(KeyStoreError):
        keypair.load(settings(pki))
    assert (pki / "master.pem").read_text() == "garbage"


def test_a_public_key_that_does_not_belong_to_it_is_put_right(pki, caplog):
    put(pki, "master.pem", 0)
    (pki / "master.pub").write_text(pem(1))
    keypair.load(settings(pki))
    assert (pki / "master.pub").read_text().strip() == pem(0)
    assert "master.pub" in caplog.text


class TestSigning:
    def test_the_signing_pair_is_made_and_used(self, pki):
        keys = keypair.load(settings(pki, master_sign_pubkey=True))
        signer = keypair.read_private(str(pki / "master_sign.pem"))
        for algorithm in crypto.SIGNING:
            text = keys.public_signature(algorithm)
            assert text == keys.public_signature(algorithm)
            assert crypto.verify(signer.public_key(), keys.public_pem.encode(), base64.b64decode(text), algorithm)

    def test_without_the_option_there_is_none(self, pki):
        put(pki, "master_sign.pem", 1)
        assert keypair.load(settings(pki)).public_signature("PKCS1v15-SHA224") is None

    def test_its_name_and_passphrase_are_options(self, pki):
        options = {"master_sign_pubkey": True, "master_sign_key_name": "notary", "signing_key_pass": "secret"}
        keypair.load(settings(pki, **options))
        assert b"ENCRYPTED" in (pki / "notary.pem").read_bytes()
        assert b"ENCRYPTED" not in (pki / "master.pem").read_bytes()

    def test_a_signature_stands_in_for_a_key_that_is_kept_elsewhere(self, pki):
        before = keypair.load(settings(pki))
        assert keypair.sign_public_key(settings(pki), None, None, None, auto_create=True) is True
        os.rename(pki / "master_sign.pem", pki.parent / "kept.pem")
        keys = keypair.load(settings(pki, master_sign_pubkey=True))
        assert not (pki / "master_sign.pem").exists()
        signer = keypair.read_private(str(pki.parent / "kept.pem")).public_key()
        signature = base64.b64decode(keys.public_signature("PKCS1v15-SHA1") or "")
        assert crypto.verify(signer, before.public_pem.encode(), signature, "PKCS1v15-SHA224")
