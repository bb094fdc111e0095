"""Keys, certificates, requests and revocation lists: found wherever and in whatever encoding they are given.

A source is an object of the cryptography library, the path of a file, text (PEM, hexadecimal or base64) or bytes.
"""

from __future__ import annotations

import base64
import os
from typing import Any, Callable, List, NamedTuple, Optional, Tuple, Type

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from minion.errors import CommandExecutionError, SaltInvocationError

BEGIN, END = b"-----BEGIN", b"-----END"
KEYS = {
    "rsa": (rsa.RSAPrivateKey, rsa.RSAPublicKey),
    "ec": (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
    "ed25519": (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    "ed448": (ed448.Ed448PrivateKey, ed448.Ed448PublicKey),
}
WITHOUT_DIGEST = ("ed25519", "ed448")
_WRONG_PASSPHRASE = ("Bad decrypt", "Incorrect password", "Invalid password")


class Unreadable(SaltInvocationError):
    """The source is not what it should be."""


class PassphraseError(SaltInvocationError):
    """There is a key, but the passphrase does not fit it."""


class WrongPassphrase(PassphraseError):
    """The passphrase does not open it."""

    def __init__(self) -> None:
        super().__init__("Bad decrypt - is the password correct?")


class MissingPassphrase(PassphraseError):
    """It is encrypted, and no passphrase was given."""

    def __init__(self) -> None:
        super().__init__("Private key is encrypted. Please provide a password.")


class NeedlessPassphrase(PassphraseError):
    """It is not encrypted, but a passphrase was given."""

    def __init__(self) -> None:
        super().__init__("Private key is unencrypted. Please remove the password.")


class Loaded(NamedTuple):
    """A thing, the encoding it came in ("" for an object), the certificates that came with it, and its label."""

    thing: Any
    encoding: str = ""
    chain: Tuple[x509.Certificate, ...] = ()
    label: Optional[bytes] = None


def is_file(source: Any) -> bool:
    """Is the source the path of a file? Text that is no path may be too long for one."""
    try:
        return os.path.isfile(source)
    except (TypeError, ValueError):
        return False


def raw(source: Any) -> bytes:
    """The bytes of a source."""
    if is_file(source):
        with open(source, "rb") as file:
            return file.read()
    if isinstance(source, str):
        source = _decoded(source)
    if not isinstance(source, bytes):
        raise SaltInvocationError(
            "Could not load provided source. You need to pass an existing file, "
            "(PEM|hex|base64)-encoded string or raw bytes."
        )
    return source


def _decoded(text: str) -> Any:
    if text.startswith("b64:"):
        return base64.b64decode(text[4:])
    if BEGIN.decode() in text:
        return text.encode()
    for decode in (bytes.fromhex, base64.b64decode):
        try:
            return decode(text)
        except ValueError:
            continue
    return text


def pems(text: bytes) -> List[bytes]:
    """The PEM blocks of a text."""
    found, lines = [], []  # type: List[bytes], List[bytes]
    for line in text.splitlines(True):
        lines = [line] if line.startswith(BEGIN) else [*lines, line]
        if line.startswith(END):
            found.append(b"".join(lines))
            lines = []
    return found


def key_type(key: Any) -> str:
    """rsa, ec, ed25519 or ed448; "" if it is no such key."""
    return next((name for name, kinds in KEYS.items() if isinstance(key, kinds)), "")


def _secret(passphrase: Any) -> Optional[bytes]:
    return passphrase.encode() if isinstance(passphrase, str) else passphrase


def private_key(source: Any, passphrase: Any = None) -> Any:
    """A private key."""
    return read_private_key(source, passphrase).thing


def read_private_key(source: Any, passphrase: Any = None) -> Loaded:
    """A private key (PEM, DER or in a PKCS12 container) and its encoding."""
    if hasattr(source, "private_bytes"):
        if not key_type(source):
            raise SaltInvocationError(f"Passed object is not a known private key, but {type(source).__name__}")
        return Loaded(source)
    content, secret = raw(source), _secret(passphrase)
    if BEGIN in content:
        key = _try_key(serialization.load_pem_private_key, content, secret)
        if key is None and secret is not None and b"ENCRYPTED" in content:
            raise WrongPassphrase  # one in 256 wrong passphrases yields what looks like a key until it is parsed
        if key is None:
            raise Unreadable("Could not load PEM-encoded private key")
        return Loaded(key, "pem")
    container = _try_key(pkcs12.load_pkcs12, content, secret)
    if container is not None:
        if not container.key:
            raise CommandExecutionError("PKCS12-encoded blob does not contain a private key.")
        return Loaded(container.key, "pkcs12")
    key = _try_key(serialization.load_der_private_key, content, secret)
    if key is None:
        raise Unreadable("Could not deserialize binary data, neither as DER nor PKCS#12.")
    return Loaded(key, "der")


def _try_key(load: Callable[..., Any], content: bytes, secret: Optional[bytes]) -> Any:
    """What the library makes of it; None if it is of another encoding."""
    try:
        return load(content, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        said = str(exc)
        if any(sign in said for sign in _WRONG_PASSPHRASE):
            raise WrongPassphrase from None
        if "key is encrypted" in said:
            raise MissingPassphrase from None
        if "key is not encrypted" in said:
            raise NeedlessPassphrase from None
        return None


def public_key(source: Any) -> Any:
    """A public key, in PEM or DER."""
    if hasattr(source, "public_bytes"):
        if not key_type(source):
            raise SaltInvocationError(f"Passed object is not a public key, but {type(source).__name__}")
        return source
    content = raw(source)
    kind = "PEM" if BEGIN in content else "DER"
    load: Any = serialization.load_pem_public_key if kind == "PEM" else serialization.load_der_public_key
    try:
        return load(content)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise Unreadable(f"Could not load {kind}-encoded public key.") from exc


def certificate(source: Any, passphrase: Any = None) -> x509.Certificate:
    """A certificate."""
    found: x509.Certificate = read_certificate(source, passphrase).thing
    return found


def read_certificate(source: Any, passphrase: Any = None) -> Loaded:
    """A certificate (PEM, DER, PKCS7 or PKCS12), its encoding and the certificates that came with it."""
    if isinstance(source, x509.Certificate):
        return Loaded(source)
    content = raw(source)
    if BEGIN in content:
        return _pem_certificate(pems(content))
    try:
        return Loaded(x509.load_der_x509_certificate(content), "der")
    except ValueError:
        pass
    return _pkcs12_certificate(content, passphrase) or _pkcs7_certificate(content)


def _pem_certificate(blocks: List[bytes]) -> Loaded:
    if blocks and blocks[0].startswith(b"-----BEGIN PKCS7"):
        try:
            first, *others = pkcs7.load_pem_pkcs7_certificates(blocks[0])
        except ValueError as exc:
            raise Unreadable("Could not load PEM-encoded PKCS#7 blob") from exc
        return Loaded(first, "pkcs7_pem", tuple(others))
    try:
        first = x509.load_pem_x509_certificate(blocks[0])
    except (ValueError, IndexError) as exc:
        raise Unreadable("Could not load PEM-encoded certificate.") from exc
    others = []
    for block in blocks[1:]:
        try:
            others.append(x509.load_pem_x509_certificate(block))
        except ValueError:
            continue  # a key, for example
    return Loaded(first, "pem", tuple(others))


def _pkcs12_certificate(content: bytes, passphrase: Any) -> Optional[Loaded]:
    try:
        container = pkcs12.load_pkcs12(content, _secret(passphrase))
    except ValueError as exc:
        if any(sign in str(exc) for sign in _WRONG_PASSPHRASE):
            raise WrongPassphrase from None
        return None
    if container.cert is None:
        return None
    chain = tuple(one.certificate for one in container.additional_certs)
    return Loaded(container.cert.certificate, "pkcs12", chain, container.cert.friendly_name)


def _pkcs7_certificate(content: bytes) -> Loaded:
    try:
        first, *others = pkcs7.load_der_pkcs7_certificates(content)
    except ValueError as exc:
        raise Unreadable("Could not deserialize binary data, neither as DER nor PKCS#7, PKCS#12.") from exc
    return Loaded(first, "pkcs7_der", tuple(others))


def request(source: Any) -> x509.CertificateSigningRequest:
    """A certificate signing request."""
    found: x509.CertificateSigningRequest = read_request(source).thing
    return found


def read_request(source: Any) -> Loaded:
    """A certificate signing request, in PEM or DER, and its encoding."""
    kind = x509.CertificateSigningRequest
    return _read(source, kind, x509.load_pem_x509_csr, x509.load_der_x509_csr, "certificate signing request")


def revocations(source: Any) -> x509.CertificateRevocationList:
    """A certificate revocation list."""
    found: x509.CertificateRevocationList = read_revocations(source).thing
    return found


def read_revocations(source: Any) -> Loaded:
    """A certificate revocation list, in PEM or DER, and its encoding."""
    kind = x509.CertificateRevocationList
    return _read(source, kind, x509.load_pem_x509_crl, x509.load_der_x509_crl, "certificate revocation list")


def _read(source: Any, kind: Type[Any], from_pem: Any, from_der: Any, noun: str) -> Loaded:
    if isinstance(source, kind):
        return Loaded(source)
    content = raw(source)
    encoding = "pem" if BEGIN in content else "der"
    try:
        return Loaded((from_pem if encoding == "pem" else from_der)(content), encoding)
    except ValueError as exc:
        if isinstance(exc, x509.InvalidVersion):
            raise
        raise Unreadable(f"Could not load {encoding.upper()}-encoded {noun}.") from exc


def encoded(thing: Any, encoding: str) -> bytes:
    """A public key, certificate, request or revocation list in PEM or DER."""
    form = getattr(serialization.Encoding, encoding.upper())
    if key_type(thing):
        content: bytes = thing.public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)
    else:
        content = thing.public_bytes(form)
    return content


def same_key(one: Any, other: Any) -> bool:
    """Are two public keys the same?"""
    if not key_type(one) or not key_type(other):
        raise SaltInvocationError("Did not recognize key type")
    return encoded(one, "der") == encoded(other, "der")


def digest_of(name: str) -> hashes.HashAlgorithm:
    """An algorithm by its name."""
    try:
        algorithm: hashes.HashAlgorithm = getattr(hashes, name.upper())()
    except AttributeError:
        raise CommandExecutionError(
            "The selected hashing algorithm does not exist in the cryptography python library"
        ) from None
    return algorithm


def signs(key: Any, cert: x509.Certificate) -> bool:
    """Was a certificate signed with the private half of a public key?"""
    kind, signature, content = key_type(key), cert.signature, cert.tbs_certificate_bytes
    if not kind:
        raise SaltInvocationError("Invalid public key type, can only process rsa, ec, ed25519, ed448")
    try:
        if kind in WITHOUT_DIGEST:
            key.verify(signature, content)
            return True
        digest = cert.signature_hash_algorithm
        if digest is None:
            return False
        if kind == "ec":
            key.verify(signature, content, ec.ECDSA(digest))
        else:
            key.verify(signature, content, _padding(cert, digest), digest)
    except InvalidSignature:
        return False
    return True


def _padding(cert: x509.Certificate, digest: hashes.HashAlgorithm) -> Any:
    if cert.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSASSA_PSS:
        return padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
    return padding.PKCS1v15()
