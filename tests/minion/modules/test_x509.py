"""Keys, certificates, requests and revocation lists; OpenSSL has the last word."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader

pytest.importorskip("cryptography", reason="SSH hosts get no compiled packages")

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from minion.modules import _x509_build, _x509_extensions, _x509_load, _x509_names, _x509_render, _x509_write

KEY = ec.generate_private_key(ec.SECP256R1())
CA_KEY = ec.generate_private_key(ec.SECP256R1())


def openssl(*words: str) -> str:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    return subprocess.run(["openssl", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def pki(salt: Loader, tmp_path: Path) -> Path:
    """A folder with an authority (ca.key, ca.crt) and a key (www.key)."""
    for name in ("ca", "www"):
        assert salt["x509.create_private_key"](algo="ec", path=str(tmp_path / f"{name}.key")) == (
            f"PEM written to {tmp_path / name}.key"
        )
    salt["x509.create_certificate"](
        signing_private_key=str(tmp_path / "ca.key"),
        CN="ca",
        basicConstraints="critical, CA:true",
        subjectKeyIdentifier="hash",
        path=str(tmp_path / "ca.crt"),
    )
    return tmp_path


# What real Salt 3008.3 makes of these values.
EXTENSIONS = [
    ("basicConstraints", "critical, CA:true, pathlen:1", {"critical": True, "ca": True, "pathlen": 1}),
    ("basicConstraints", {"ca": False}, {"critical": False, "ca": False, "pathlen": None}),
    ("extendedKeyUsage", "serverAuth, clientAuth", {"critical": False, "value": ["serverAuth", "clientAuth"]}),
    ("extendedKeyUsage", ["critical", "1.2.3.4"], {"critical": True, "value": ["1.2.3.4"]}),
    ("subjectKeyIdentifier", "AB:CD", {"critical": False, "value": "AB:CD"}),
    (
        "subjectAltName",
        "critical,DNS:a.example,IP:10.0.0.1,email:me@a.example,URI:https://b.example:80/x",
        {
            "critical": True,
            "value": ["DNS:a.example", "IP:10.0.0.1", "mail:me@a.example", "URI:https://b.example:80/x"],
        },
    ),
    (
        "subjectAltName",
        ["DNS:*.a.example", {"IP": "10.0.0.0/8"}, "RID:1.2.3", "dirName:CN=x"],
        {"critical": False, "value": ["DNS:*.a.example", "IP:10.0.0.0/8", "RID:1.2.3", "dirName:CN=x"]},
    ),
    ("subjectAltName", "DNS:bücher.example", {"critical": False, "value": ["DNS:xn--bcher-kva.example"]}),
    (
        "authorityInfoAccess",
        "OCSP;URI:http://o.example,caIssuers;URI:http://c.example",
        {"critical": False, "value": [{"OCSP": "http://o.example"}, {"caIssuers": "http://c.example"}]},
    ),
    (
        "crlDistributionPoints",
        [{"fullname": "URI:http://c.example", "crlissuer": "dirName:CN=x", "reasons": ["keyCompromise"]}],
        {
            "critical": False,
            "value": [
                {
                    "crlissuer": ["dirName:CN=x"],
                    "fullname": ["URI:http://c.example"],
                    "reasons": ["keyCompromise"],
                    "relativename": None,
                }
            ],
        },
    ),
    ("certificatePolicies", "1.2.4.5", {"critical": False, "value": [{"1.2.4.5": []}]}),
    (
        "certificatePolicies",
        {"1.2.3": ["http://p.example", {"organization": "o", "noticeNumbers": [1], "text": "t"}], "critical": True},
        {
            "critical": True,
            "value": [
                {
                    "1.2.3": [
                        {"practice_statement": "http://p.example"},
                        {"organizataion": "o", "notice_numbers": [1], "explicit_text": "t"},
                    ]
                }
            ],
        },
    ),
    (
        "policyConstraints",
        "requireExplicitPolicy:3,inhibitPolicyMapping:1",
        {"critical": False, "inhibitPolicyMapping": 1, "requireExplicitPolicy": 3},
    ),
    ("inhibitAnyPolicy", "critical, 2", {"critical": True, "value": 2}),
    (
        "nameConstraints",
        "critical,permitted;IP:192.168.0.0/16,excluded;DNS:.a.example",
        {"critical": True, "excluded": ["DNS:.a.example"], "permitted": ["IP:192.168.0.0/16"]},
    ),
    ("noCheck", "yes", {"critical": False, "value": True}),
    ("tlsfeature", "status_request", {"critical": False, "value": ["status_request"]}),
    ("cRLNumber", 7, {"critical": False, "value": 7}),
    ("deltaCRLIndicator", "critical 6", {"critical": True, "value": 6}),
    ("CRLReason", "keyCompromise", {"critical": False, "value": "keyCompromise"}),
    ("invalidityDate", "critical 2022-10-18 13:37:00", {"critical": True, "value": "2022-10-18 13:37:00"}),
    (
        "issuingDistributionPoint",
        {"fullname": "URI:http://c.example", "onlyCA": True},
        {
            "critical": False,
            "fullname": ["URI:http://c.example"],
            "onysomereasons": [],
            "relativename": None,
            "onlyuser": False,
            "onlyCA": True,
            "onlyAA": False,
            "indirectCRL": False,
        },
    ),
]


@pytest.mark.parametrize(("name", "value", "shown"), EXTENSIONS)
def test_extensions(name: str, value: Any, shown: Dict[str, Any]) -> None:
    made, critical = _x509_extensions.make(name, value, _x509_extensions.Parties(KEY.public_key()))
    extension = x509.Extension(made.oid, critical, made)
    assert _x509_render._one(extension) == shown


WRONG = [
    ("basicConstraints", "critical", "Invalid configuration for basicConstraints: 'ca'"),
    ("subjectKeyIdentifier", "critical, hash", "subjectKeyIdentifier must be marked as non-critical"),
    ("subjectAltName", "DNS:foo_bar", "Codepoint U+005F at position 4 of 'foo_bar' not allowed"),
    ("subjectAltName", "DNS:", "Empty domain"),
    ("subjectAltName", "foo:bar", "GeneralName type foo is invalid"),
    ("subjectAltName", "IP:a", "Provided value a does not seem to be an IP address or network range."),
    ("subjectAltName", "otherName:x", "otherName is currently not implemented"),
    ("extendedKeyUsage", "nonsense", "Invalid oid: nonsense"),
    ("nameConstraints", "critical", "nameConstraints needs at least one definition"),
    ("nsComment", "x", "nsComment is currently not implemented."),
    ("none", "x", "Unknown extension none"),
    ("cRLNumber", "x", "cRLNumber must be an integer and must be marked as non-critical"),
    ("keyUsage", "encipherOnly", "Invalid configuration for keyUsage: "),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_wrong_extensions(name: str, value: Any, message: str) -> None:
    with pytest.raises(CommandExecutionError) as caught:
        _x509_extensions.make(name, value, _x509_extensions.Parties(KEY.public_key()))
    assert str(caught.value).startswith(message)


def test_names() -> None:
    ordered = _x509_names.distinguished({"CN": "a", "C": "US", "MAIL": "x@y"})
    assert ordered.rfc4514_string() == "1.2.840.113549.1.9.1=x@y,CN=a,C=US"
    assert _x509_names.distinguished(["C=US", "CN=a"]) == _x509_names.distinguished("CN=a,C=US")
    assert _x509_names.short({"commonName": "a", "X509v3 Key Usage": "b"}) == {"CN": "a", "keyUsage": "b"}
    assert _x509_names.serial_number("00:AB:CD") == 0xABCD
    assert _x509_names.hexadecimal(0xABC) == "0A:BC"
    for wrong in (5, "nonsense", ["CN=a,C=b"], {"C": "too long"}):
        with pytest.raises(CommandExecutionError):
            _x509_names.distinguished(wrong)


def test_signing_policies_win() -> None:
    merge = _x509_build.with_policy
    assert merge({"CN": "p"}, {"subject": "CN=a", "O": "o", "commonName": "a"}) == {"CN": "p", "O": "o"}
    assert merge({"subject": {"CN": "p"}}, {"subject": {"CN": "a", "O": "o"}})["subject"] == {"CN": "p", "O": "o"}
    assert merge({"subject": ["CN=p"]}, {"subject": ["O=o"]})["subject"] == ["CN=p", "O=o"]
    assert merge({"subject": "CN=p"}, {"subject": ["O=o"]})["subject"] == "CN=p"
    assert merge({}, {"subject": "CN=a"}) == {"subject": "CN=a"}


@pytest.mark.parametrize("algo", ["rsa", "ec", "ed25519", "ed448"])
@pytest.mark.parametrize("encoding", ["pem", "der", "pkcs12"])
def test_private_keys(salt: Loader, tmp_path: Path, algo: str, encoding: str) -> None:
    path = str(tmp_path / "key")
    salt["x509.create_private_key"](algo=algo, encoding=encoding, passphrase="hidden", path=path)
    assert os.stat(path).st_mode & 0o777 == 0o600
    found = _x509_load.read_private_key(path, "hidden")
    assert (_x509_load.key_type(found.thing), found.encoding) == (algo, encoding)
    for wrong in ("other", None):
        with pytest.raises(_x509_load.PassphraseError):
            _x509_load.read_private_key(path, wrong)
    bare = salt["x509.encode_private_key"](path, private_key_passphrase="hidden")
    assert salt["x509.get_public_key"](bare) == salt["x509.get_public_key"](found.thing)
    with pytest.raises(_x509_load.NeedlessPassphrase):
        _x509_load.private_key(bare, "hidden")
    assert salt["x509.get_private_key_size"](bare) == {"rsa": 2048, "ec": 256}.get(algo)


def test_certificate(salt: Loader, pki: Path) -> None:
    path = pki / "www.crt"
    done = salt["x509.create_certificate"](
        signing_private_key=str(pki / "ca.key"),
        signing_cert=str(pki / "ca.crt"),
        private_key=str(pki / "www.key"),
        CN="www.example.com",
        subjectAltName="DNS:www.example.com",
        authorityKeyIdentifier="keyid:always",
        days_valid=10,
        copypath=str(pki),
        prepend_cn=True,
        serial_number=0xABCD,
        path=str(path),
    )
    assert done == f"PEM written to {path}"
    assert openssl("verify", "-CAfile", str(pki / "ca.crt"), str(path)).endswith("OK\n")
    assert (pki / "www.example.com-abcd.crt").read_text() == path.read_text()
    about = salt["x509.read_certificate"](str(path))
    assert about["subject"] == {"CN": "www.example.com"}
    assert about["issuer_str"] == "CN=ca"
    assert about["serial_number"] == "AB:CD"
    sha = openssl("x509", "-in", str(path), "-noout", "-fingerprint", "-sha256").strip().split("=")[1]
    assert about["fingerprints"]["sha256"] == sha
    assert salt["x509.verify_signature"](str(path), str(pki / "ca.crt")) is True
    assert salt["x509.verify_signature"](str(path)) is False
    assert salt["x509.verify_private_key"](str(pki / "www.key"), str(path)) is True
    assert salt["x509.verify_private_key"](str(pki / "ca.key"), str(path)) is False
    assert salt["x509.expired"](str(path)) == {"path": str(path), "cn": "www.example.com", "expired": False}
    assert salt["x509.will_expire"](str(path), 11)["will_expire"] is True
    assert set(salt["x509.read_certificates"](f"{pki}/www.*")) == {str(path)} | {f"{pki}/www.example.com-abcd.crt"}
    again = salt["x509.create_certificate"](signing_private_key=str(pki / "ca.key"), path=str(path), overwrite=False)
    assert again == f"The file at {path} exists and overwrite was set to false"


@pytest.mark.parametrize("encoding", ["pem", "der", "pkcs7_pem", "pkcs7_der", "pkcs12"])
def test_encodings(salt: Loader, pki: Path, encoding: str) -> None:
    chain = [] if encoding == "der" else [str(pki / "ca.crt")]
    path = pki / "out"
    salt["x509.create_certificate"](
        signing_private_key=str(pki / "www.key"),
        CN="x",
        encoding=encoding,
        append_certs=chain,
        pkcs12_passphrase="hidden",
        pkcs12_encryption_compat=True,
        pkcs12_friendlyname="label",
        path=str(path),
    )
    found = _x509_load.read_certificate(str(path), "hidden")
    assert found.encoding == encoding
    assert found.label == (b"label" if encoding == "pkcs12" else None)
    assert list(found.chain) == [_x509_load.certificate(one) for one in chain]


def test_requests(salt: Loader, pki: Path) -> None:
    path = str(pki / "www.csr")
    salt["x509.create_csr"](str(pki / "www.key"), CN="www", subjectAltName="DNS:www", keyUsage="keyCertSign", path=path)
    assert (
        "self-signature verify OK"
        in subprocess.run(
            ["openssl", "req", "-in", path, "-verify", "-noout"], check=True, capture_output=True, text=True
        ).stderr
    )
    about = salt["x509.read_csr"](path)
    assert (about["key_type"], about["key_size"], about["subject"]) == ("ec", 256, {"CN": "www"})
    cert = salt["x509.create_certificate"](
        signing_private_key=str(pki / "ca.key"), signing_cert=str(pki / "ca.crt"), csr=path, CN="x", keyUsage=None
    )
    shown = salt["x509.read_certificate"](cert)
    assert shown["public_key"] == salt["x509.get_public_key"](str(pki / "www.key"))
    assert list(shown["extensions"]) == ["subjectAltName"], "what is forced to be absent is not taken from the request"


def test_revocations(salt: Loader, pki: Path) -> None:
    path = str(pki / "ca.crl")
    salt["x509.create_crl"](
        str(pki / "ca.key"),
        [
            {"certificate": str(pki / "ca.crt"), "revocation_date": "2022-11-01 00:00:00", "reason": "keyCompromise"},
            {"old": [{"serial_number": "AA:BB"}, {"not_after": "2020-01-01 00:00:00"}]},
            {"serial_number": "AA:CC", "extensions": {"CRLReason": "superseded"}},
        ],
        signing_cert=str(pki / "ca.crt"),
        extensions={"cRLNumber": 4},
        path=path,
    )
    text = openssl("crl", "-in", path, "-noout", "-text", "-CAfile", str(pki / "ca.crt"))
    assert "Superseded" in text and "AACC" in text and "AABB" not in text
    assert salt["x509.verify_crl"](path, str(pki / "ca.crt")) is True
    about = salt["x509.read_crl"](path)
    assert about["extensions"] == {"cRLNumber": {"critical": False, "value": 4}}
    assert about["revoked_certificates"]["AACC"]["extensions"]["CRLReason"]["value"] == "superseded"
    for wrong in ([{"foo": "bar"}], [{"serial_number": "nonsense"}]):
        with pytest.raises(CommandExecutionError):
            salt["x509.create_crl"](str(pki / "ca.key"), wrong, signing_cert=str(pki / "ca.crt"))
    with pytest.raises(SaltInvocationError, match="names who issued it"):
        salt["x509.create_crl"](str(pki / "ca.key"), [])


def test_pem(salt: Loader, pki: Path) -> None:
    text = (pki / "ca.crt").read_text()
    assert salt["x509.get_pem_entry"](text.replace("\n", " ")) == text
    assert salt["x509.get_pem_entry"](text.replace("\n", "\\n")) == text
    assert salt["x509.get_pem_entries"](f"{pki}/ca.c*") == {str(pki / "ca.crt"): text}
    with pytest.raises(SaltInvocationError, match="PEM text not valid") as caught:
        salt["x509.get_pem_entry"]((pki / "ca.key").read_text().replace("-----END", ""))
    assert "(not shown)" in str(caught.value)
    both = pki / "both.pem"
    both.write_text((pki / "ca.key").read_text() + text)
    salt["x509.write_pem"](text, str(both), overwrite=False, pem_type="CERTIFICATE")
    assert both.read_text() == (pki / "ca.key").read_text() + text
    salt["x509.write_pem"](text, str(both), pem_type="CERTIFICATE")
    assert both.read_text() == text


def test_policies_are_for_those_they_name(salt: Loader, pki: Path) -> None:
    salt.dunders["__pillar__"]["x509_signing_policies"] = {
        "www": [
            {"minions": "www*"},
            {"signing_private_key": str(pki / "ca.key")},
            {"signing_cert": str(pki / "ca.crt")},
            {"CN": "by policy"},
            {"days_valid": 5},
        ]
    }
    sign = salt["x509.sign_remote_certificate"]
    public = _x509_load.encoded(_x509_load.private_key(str(pki / "www.key")).public_key(), "der")
    asked = {"public_key": public, "CN": "mine", "O": "o", "copypath": str(pki), "signing_cert": "/etc/passwd"}
    answer = sign("www", asked, __pub_id="www1")
    assert answer["errors"] == []
    about = salt["x509.read_certificate"](answer["data"])
    assert about["subject"] == {"O": "o", "CN": "by policy"}
    assert about["public_key"] == salt["x509.get_public_key"](str(pki / "www.key"))
    assert not list(pki.glob(f"{about['serial_number'].replace(':', '').lower()}*")), "no file that others choose"
    end = datetime.datetime.strptime(about["not_after"], "%Y-%m-%d %H:%M:%S")
    assert (end - datetime.datetime.utcnow()).days in (4, 5)
    assert sign("www", asked, __pub_id="db")["errors"] == ["minion not permitted to use specified signing policy"]
    assert sign("www", asked)["errors"] == ["minion sending this request could not be identified"]
    assert sign("none", asked, __pub_id="www")["errors"] == [
        "signing_policy must be specified and defined on signing minion"
    ]
    path = {**asked, "public_key": str(pki / "www.key")}
    assert "not a path on the signing minion" in sign("www", path, __pub_id="www1")["errors"][0]
    policy = sign("www", {}, True, __pub_id="www1")["data"]
    assert set(policy) == {"signing_cert", "CN", "days_valid"}
    assert _x509_load.certificate(policy["signing_cert"]) == _x509_load.certificate(str(pki / "ca.crt"))


def test_errors(salt: Loader, pki: Path) -> None:
    create = salt["x509.create_certificate"]
    with pytest.raises(SaltInvocationError, match="at least requires a signing private key"):
        create(CN="x")
    with pytest.raises(SaltInvocationError, match="does not match the certificate's public key"):
        create(signing_private_key=str(pki / "www.key"), signing_cert=str(pki / "ca.crt"), private_key=KEY)
    with pytest.raises(SaltInvocationError, match="needs public_key, private_key or csr"):
        create(signing_private_key=str(pki / "ca.key"), signing_cert=str(pki / "ca.crt"))
    with pytest.raises(CommandExecutionError, match="Invalid value 'x' for encoding"):
        create(signing_private_key=str(pki / "ca.key"), encoding="x")
    with pytest.raises(CommandExecutionError, match="Invalid value 'md5' for digest"):
        create(signing_private_key=str(pki / "ca.key"), digest="md5")
    with pytest.raises(SaltInvocationError, match="chain in DER"):
        create(signing_private_key=CA_KEY, encoding="der", append_certs=str(pki / "ca.crt"))
    with pytest.raises(SaltInvocationError, match="signing_policy must be specified"):
        create(ca_server="ca")
    with pytest.raises(CommandExecutionError, match="can't be written: No such file"):
        create(signing_private_key=CA_KEY, path=str(pki / "none" / "x"))
    with pytest.raises(SaltInvocationError, match="Could not load provided source"):
        _x509_load.certificate("no such thing!")
    with pytest.raises(SaltInvocationError, match="2048, 3072 or 4096"):
        salt["x509.create_private_key"](keysize=1024)
    with pytest.raises(SaltInvocationError, match="Unrecognized keyword"):
        salt["x509.create_private_key"](nonsense=1024)
    with pytest.raises(CommandExecutionError, match="Could not load key as certificate"):
        salt["x509.get_public_key"]("AAAA")
    assert _x509_write.new_key("ec", 521).key_size == 521
