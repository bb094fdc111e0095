"""Keys, certificates, requests and revocation lists as bytes, text and files."""

from __future__ import annotations

import base64
import os
import re
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _x509_build as build
from minion.modules import _x509_load as load

CERTIFICATE_ENCODINGS = ("der", "pem", "pkcs7_der", "pkcs7_pem", "pkcs12")
KEY_ENCODINGS = ("der", "pem", "pkcs12")
PLAIN_ENCODINGS = ("der", "pem")
_PEM = (
    r"(?P<head>-----BEGIN {kind}-----)\s*"
    r"(?:(?P<process>Proc-Type: 4,ENCRYPTED)\s*)?(?:(?P<cipher>DEK-Info: [0-9A-Z\-]+,[0-9A-F]+)\s*)?"
    r"(?P<body>.+?)\s*(?P<foot>-----END {kind}-----)"
)


def check(what: str, value: str, valid: Tuple[str, ...]) -> None:
    """Refuses an encoding or digest that there is not."""
    if value not in valid:
        raise CommandExecutionError(f"Invalid value '{value}' for {what}. Valid: {', '.join(valid)}")


def new_key(algo: str, size: Optional[int]) -> Any:
    """A fresh private key."""
    if algo == "rsa":
        if size not in (None, 2048, 3072, 4096):
            raise SaltInvocationError("RSA key size must be either 2048, 3072 or 4096 bits.")
        return rsa.generate_private_key(65537, size or 2048)
    if algo == "ec":
        curves: Dict[Optional[int], ec.EllipticCurve] = {
            None: ec.SECP256R1(), 256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1(),
        }  # fmt: skip
        if size not in curves:
            raise SaltInvocationError("EC key size must be either 256, 384, 521 bits.")
        return ec.generate_private_key(curves[size])
    if algo == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algo == "ed448":
        return ed448.Ed448PrivateKey.generate()
    raise SaltInvocationError(
        f"Invalid algorithm specified for generating private key: {algo}. Valid: rsa, ec, ed25519, ed448"
    )


def presented(content: bytes, encoding: str, raw: bool) -> Union[str, bytes]:
    """Encoded content as functions return it: text if it is PEM, base64 of the rest; bytes if these are wanted."""
    if raw:
        return content
    return content.decode() if encoding in ("pem", "pkcs7_pem") else base64.b64encode(content).decode()


def key_bytes(key: Any, encoding: str, passphrase: Any, compatible: bool) -> bytes:
    """A private key, encrypted if there is a passphrase."""
    if encoding == "pkcs12":
        return pkcs12.serialize_key_and_certificates(None, key, None, None, _cipher(passphrase, compatible))
    content: bytes = key.private_bytes(
        getattr(serialization.Encoding, encoding.upper()),
        serialization.PrivateFormat.PKCS8,
        _cipher(passphrase, False),
    )
    return content


def _cipher(passphrase: Any, compatible: bool) -> Any:
    if passphrase is None:
        return serialization.NoEncryption()
    secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
    if not compatible:
        return serialization.BestAvailableEncryption(secret)
    builder = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(50000)
    builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1())  # noqa: S303
    return builder.build(secret)


def certificate_bytes(cert: x509.Certificate, encoding: str, chain: List[x509.Certificate]) -> bytes:
    """A certificate and those appended to it, in any encoding but PKCS12."""
    if encoding == "der" and chain:
        raise SaltInvocationError("Cannot encode a certificate chain in DER")
    if encoding in PLAIN_ENCODINGS:
        return b"\n".join(load.encoded(one, encoding) for one in (cert, *chain))
    form = serialization.Encoding.PEM if encoding == "pkcs7_pem" else serialization.Encoding.DER
    return pkcs7.serialize_certificates([cert, *chain], form)


def container_bytes(
    cert: x509.Certificate, chain: List[x509.Certificate], key: Any, label: Any, passphrase: Any, compatible: bool
) -> bytes:
    """A PKCS12 container of a private key, its certificate and those appended to it."""
    if not key:
        raise SaltInvocationError("Creating a PKCS12-encoded certificate without embedded private key is unsupported")
    name = label.encode() if isinstance(label, str) else label
    return pkcs12.serialize_key_and_certificates(name or None, key, cert, chain, _cipher(passphrase, compatible))


def pem_entry(text: Any, kind: Optional[str] = None) -> str:
    """The first PEM block of a source, laid out as it should be.

    Args:
        text: the source.
        kind: a regular expression that its label must match.
    """
    content = load.raw(text).decode("utf-8", "replace").replace("\\n", "\n")
    match = re.search(_PEM.format(kind="[0-9A-Z ]+" if kind is None else kind), content, re.DOTALL)
    if not match:
        shown = "(not shown)" if "PRIVATE KEY" in content or "\ufffd" in content else content
        about = f"PEM does not contain a single entry of type {kind}" if kind else "PEM text not valid"
        raise SaltInvocationError(f"{about}:\n{shown}")
    head, process, cipher, body, foot = match.group("head", "process", "cipher", "body", "foot")
    body = "".join(body.split())
    lines = [head, *([process] if process else []), *([cipher, ""] if cipher else [])]
    lines += [body[index : index + 64] for index in range(0, len(body), 64)]
    return "\n".join([*lines, foot, ""])


def put(path: str, content: Union[str, bytes], private: bool = True) -> None:
    """Writes a file; a new one can be read by its owner only, if it is private."""
    try:
        atomic.write(path, content, None if os.path.exists(path) else 0o600 if private else 0o644)
    except OSError as exc:
        raise CommandExecutionError(f"{path} can't be written: {exc.strerror}") from exc


def issue(given: Mapping[str, Any]) -> Tuple[x509.Certificate, Any]:
    """Signs a certificate and keeps a copy where `copypath` says; with it, its private key if that is known."""
    digest = given.get("digest") or "sha256"
    check("digest", digest.lower(), build.DIGESTS)
    plan = build.plan_certificate(given)
    cert = build.certificate(plan, digest)
    if given.get("copypath"):
        common = cert.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME) if given.get("prepend_cn") else []
        prefix = f"{common[0].value!s}-".replace(os.sep, "_") if common else ""
        path = os.path.join(given["copypath"], f"{prefix}{cert.serial_number:x}.crt")
        put(path, load.encoded(cert, "pem"))
    return cert, plan.private_key
