from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

pytest.importorskip("cryptography", reason="SSH hosts get no compiled packages")

from minion.modules import _x509_load as load


@pytest.fixture
def pki(host: State, tmp_path: Path) -> Path:
    """A folder with an authority (ca.key, ca.crt) and a key (www.key)."""
    for name in ("ca", "www"):
        host("x509.private_key_managed", str(tmp_path / f"{name}.key"), algo="ec")
    ca = {"CN": "ca", "basicConstraints": "critical, CA:true", "subjectKeyIdentifier": "hash"}
    host("x509.certificate_managed", str(tmp_path / "ca.crt"), signing_private_key=str(tmp_path / "ca.key"), **ca)
    return tmp_path


def signed(pki: Path) -> Dict[str, Any]:
    return {
        "signing_private_key": str(pki / "ca.key"),
        "signing_cert": str(pki / "ca.crt"),
        "private_key": str(pki / "www.key"),
    }


def test_private_key(host: State, tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.key"
    options = {"algo": "ec", "makedirs": True}
    predicted, first, second = host.converge("x509.private_key_managed", str(path), **options)
    assert predicted["comment"] == "The private key would have been created"
    assert (first["comment"], first["changes"]) == ("The private key has been created", {"created": str(path)})
    assert second["comment"] == "The private key is in the correct state"
    assert os.stat(path).st_mode & 0o777 == 0o400
    again = host("x509.private_key_managed", str(path), new=True, **options)
    assert (again["comment"], again["changes"]) == ("The private key has been recreated", {"replaced": str(path)})
    content = path.read_bytes()
    encoded = host("x509.private_key_managed", str(path), encoding="der", **options)
    assert encoded["changes"] == {"encoding": "der"}
    assert load.same_key(load.private_key(content).public_key(), load.private_key(str(path)).public_key())
    larger = host.converge("x509.private_key_managed", str(path), keysize=384, encoding="der", algo="ec")[1]
    assert larger["changes"] == {"keysize": 384}
    other = host.converge("x509.private_key_managed", str(path), algo="ed25519", encoding="der")[1]
    assert other["changes"] == {"algo": "ed25519"}
    assert os.stat(path).st_mode & 0o777 == 0o400


def test_private_key_with_a_passphrase(host: State, tmp_path: Path) -> None:
    path = str(tmp_path / "a.key")
    options = {"algo": "ec", "passphrase": "hidden"}
    host.converge("x509.private_key_managed", path, **options)
    assert "Pass overwrite: true" in host.fails("x509.private_key_managed", path, algo="ec")
    wrong = host.fails("x509.private_key_managed", path, algo="ec", passphrase="other")
    assert wrong.startswith("The provided passphrase cannot decrypt the private key.")
    forced = host("x509.private_key_managed", path, algo="ec", overwrite=True)
    assert forced["changes"] == {"passphrase": True, "created": path}
    assert host("x509.private_key_managed", path, **options)["changes"] == {"passphrase": True}
    load.private_key(path, "hidden")


def test_private_key_failures(host: State, tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    assert host.fails("x509.private_key_managed", str(path), algo="x").startswith("Invalid algorithm specified")
    assert host.fails("x509.private_key_managed", str(path), algo="ed448", keysize=5) == (
        "keysize is an invalid parameter for ed448"
    )
    missing = host.fails("x509.private_key_managed", str(tmp_path / "none" / "a.key"))
    assert missing == "Problem while testing file.managed changes, see its output" or "Could not create" in missing
    path.write_text("something else")
    assert "does not seem to be a private key" in host.fails("x509.private_key_managed", str(path), algo="ec")
    assert path.read_text() == "something else"
    assert host("x509.private_key_managed", str(tmp_path / "b"), create=False)["changes"] == {}
    assert "Unrecognized keyword" in host.fails("x509.private_key_managed", str(path), nonsense=1)


def test_certificate(host: State, pki: Path) -> None:
    path, options = str(pki / "www.crt"), {**signed(pki), "CN": "www", "mode": "0640"}
    predicted, first, second = host.converge("x509.certificate_managed", path, **options)
    assert predicted["comment"] == "The certificate would have been created"
    assert (first["comment"], first["changes"]) == ("The certificate has been created", {"created": path})
    assert second["comment"] == "The certificate is in the correct state"
    assert os.stat(path).st_mode & 0o777 == 0o640
    changed = host.converge(
        "x509.certificate_managed",
        path,
        **{**options, "CN": "other", "digest": "sha512", "serial_number": "AB:CD", "subjectAltName": "DNS:other"},
    )[1]
    assert changed["comment"] == "The certificate has been recreated"
    assert changed["changes"] == {
        "digest": "sha512",
        "serial_number": "AB:CD",
        "subject_name": "CN=other",
        "extensions": {"added": ["subjectAltName"], "changed": [], "removed": []},
    }
    renewed = host("x509.certificate_managed", path, **{**options, "CN": "other", "days_valid": 10})
    assert "expiration" not in renewed["changes"]
    again = host("x509.certificate_managed", path, **{**options, "CN": "other"}, days_remaining=20)
    assert again["changes"] == {"expiration": True}


def test_certificate_signed_by_another(host: State, pki: Path) -> None:
    path = str(pki / "www.crt")
    host("x509.certificate_managed", path, CN="www", **signed(pki))
    host("x509.private_key_managed", str(pki / "ca.key"), algo="ec", new=True)
    ca = {"CN": "ca", "basicConstraints": "critical, CA:true", "subjectKeyIdentifier": "hash"}
    renewed = host("x509.certificate_managed", str(pki / "ca.crt"), signing_private_key=str(pki / "ca.key"), **ca)
    assert renewed["changes"]["private_key"] is True
    assert host.converge("x509.certificate_managed", path, CN="www", **signed(pki))[1]["changes"] == {
        "signing_private_key": True
    }


def test_form_of_a_certificate(host: State, pki: Path) -> None:
    path, options = str(pki / "www.crt"), {**signed(pki), "CN": "www"}
    host("x509.certificate_managed", path, **options)
    number = load.certificate(path).serial_number
    for changes in (
        {"append_certs": [str(pki / "ca.crt")]},
        {"append_certs": [str(pki / "ca.crt")], "encoding": "pkcs7_der"},
        {"append_certs": [str(pki / "ca.crt")], "encoding": "pkcs12", "pkcs12_passphrase": "hidden"},
        {"append_certs": [str(pki / "ca.crt")], "encoding": "pkcs12", "pkcs12_passphrase": "hidden",
         "pkcs12_friendlyname": "me"},
    ):  # fmt: skip
        host.converge("x509.certificate_managed", path, **options, **changes)
        assert load.certificate(path, "hidden").serial_number == number, "the certificate is the same"
    host.converge("x509.certificate_managed", path, **options, encoding="der")
    assert load.certificate(path).serial_number != number, "without the passphrase a new one was needed"


def test_certificate_by_policy(host: State, pki: Path) -> None:
    host.loaders.modules.dunders["__opts__"]["x509_signing_policies"] = {
        "www": {"signing_private_key": str(pki / "ca.key"), "signing_cert": str(pki / "ca.crt"), "CN": "by policy"}
    }
    path = str(pki / "www.crt")
    options = {"signing_policy": "www", "private_key": str(pki / "www.key"), "CN": "mine"}
    host.converge("x509.certificate_managed", path, **options)
    assert load.certificate(path).subject.rfc4514_string() == "CN=by policy"


def test_certificate_failures(host: State, pki: Path) -> None:
    path = str(pki / "www.crt")
    no_key = host.fails("x509.certificate_managed", path, CN="x")
    assert no_key == "Creating a certificate locally at least requires a signing private key."
    other = {**signed(pki), "signing_private_key": str(pki / "www.key")}
    assert "does not match" in host.fails("x509.certificate_managed", path, **other)
    assert host.fails("x509.certificate_managed", path, **signed(pki), basicConstraints="x") == (
        "Invalid configuration for basicConstraints: 'ca'"
    )
    assert not os.path.exists(path)
    Path(path).write_text("something else")
    replaced = host.converge("x509.certificate_managed", path, **signed(pki))[1]
    assert replaced["changes"] == {"replaced": path}


def test_links(host: State, pki: Path) -> None:
    (pki / "real.crt").write_text("x")
    (pki / "link.crt").symlink_to(pki / "real.crt")
    host.converge("x509.certificate_managed", str(pki / "link.crt"), **signed(pki))
    assert (pki / "link.crt").is_symlink()
    load.certificate(str(pki / "real.crt"))
    options = {**signed(pki), "follow_symlinks": False}
    assert host("x509.certificate_managed", str(pki / "link.crt"), test=True, **options)["result"] is None
    assert (pki / "link.crt").is_symlink()
    host("x509.certificate_managed", str(pki / "link.crt"), **options)
    assert not (pki / "link.crt").is_symlink()


def test_request(host: State, pki: Path) -> None:
    path = str(pki / "www.csr")
    options = {"private_key": str(pki / "www.key"), "CN": "www", "subjectAltName": "DNS:www"}
    first = host.converge("x509.csr_managed", path, **options)[1]
    assert (first["comment"], first["changes"]) == (
        "The certificate signing request has been created",
        {"created": path},
    )
    changed = host.converge("x509.csr_managed", path, private_key=str(pki / "ca.key"), CN="x", encoding="der")[1]
    assert changed["changes"] == {
        "encoding": "der",
        "private_key": True,
        "subject_name": "CN=x",
        "extensions": {"added": [], "changed": [], "removed": ["subjectAltName"]},
    }
    assert "Could not load provided source" in host.fails("x509.csr_managed", path, private_key="/none")


def test_revocations(host: State, pki: Path) -> None:
    path, auto = str(pki / "ca.crl"), {"extensions": {"cRLNumber": "auto"}}
    signer = {"signing_private_key": str(pki / "ca.key"), "signing_cert": str(pki / "ca.crt")}
    first = host.converge("x509.crl_managed", path, revoked=[{"serial_number": "AA"}], **signer, **auto)[1]
    assert first["comment"] == "The certificate revocation list has been created"
    revoked = [{"certificate": str(pki / "ca.crt"), "extensions": {"CRLReason": "keyCompromise"}}]
    number = host.functions["x509.read_certificate"](str(pki / "ca.crt"))["serial_number"]
    changed = host.converge("x509.crl_managed", path, revoked=revoked, **signer, **auto)[1]
    assert changed["changes"] == {"revocations": {"added": [number], "changed": [], "removed": ["AA"]}}
    assert host.functions["x509.read_crl"](path)["extensions"]["cRLNumber"]["value"] == 2
    soon = host("x509.crl_managed", path, revoked=revoked, days_remaining=200, **signer, **auto)
    assert soon["changes"] == {"expiration": True}
    der = host("x509.crl_managed", path, revoked=revoked, encoding="der", **signer, **auto)
    assert der["changes"] == {"encoding": "der"}
    wrong = host.fails("x509.crl_managed", path, revoked=[{"foo": "bar"}], **signer)
    assert wrong == "Need serial_number or certificate"


def test_pem(host: State, pki: Path) -> None:
    text = (pki / "ca.crt").read_text()
    host.converge("x509.pem_managed", str(pki / "copy.crt"), text=text.replace("\n", " "))
    assert (pki / "copy.crt").read_text() == text
    assert host.fails("x509.pem_managed", str(pki / "copy.crt"), text="AAAA").startswith("PEM text not valid")
