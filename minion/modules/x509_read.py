"""What is in keys, certificates, requests and revocation lists, and whether they fit each other."""

from __future__ import annotations

import glob
import sys
from datetime import timedelta
from typing import Any, Dict, Optional

from minion.errors import CommandExecutionError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    from minion.modules import _x509_build as build
    from minion.modules import _x509_load as load
    from minion.modules import _x509_names as names
    from minion.modules import _x509_render as render
    from minion.modules._x509_extensions import TIME

    LOADED = True
except ImportError:  # SSH hosts get no compiled packages
    LOADED = False

__opts__: Dict[str, Any]
__virtualname__ = "x509"


def __virtual__() -> Any:
    return True if LOADED else (False, "Could not load cryptography")


def read_certificate(certificate: Any) -> Dict[str, Any]:
    """What is in a certificate.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.read_certificate /etc/pki/mycert.crt
    """
    cert = load.certificate(certificate)
    digests = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303
    if not __opts__.get("fips_mode"):
        digests["md5"] = hashes.MD5()  # noqa: S303
    return {
        "version": cert.version.value + 1,
        **_key(cert.public_key()),
        "serial_number": names.hexadecimal(cert.serial_number),
        "fingerprints": {name: names.hexadecimal(cert.fingerprint(digest)) for name, digest in digests.items()},
        **_name("subject", cert.subject),
        **_name("issuer", cert.issuer),
        "not_before": build.ends(cert, "not_valid_before").strftime(TIME),
        "not_after": build.ends(cert).strftime(TIME),
        "public_key": get_public_key(cert),
        "extensions": render.render(cert.extensions),
        "signature_algorithm": render.oid_name(cert.signature_algorithm_oid),
    }


def _key(key: Any) -> Dict[str, Any]:
    kind = load.key_type(key)
    return {"key_size": key.key_size if kind in ("ec", "rsa") else None, "key_type": kind or None}


def _name(role: str, name: x509.Name) -> Dict[str, Any]:
    digest = hashes.Hash(hashes.SHA1())  # noqa: S303
    digest.update(name.public_bytes())
    short = digest.finalize()[:4]
    if sys.byteorder == "little":
        short = short[::-1]
    return {
        role: names.attributes(name),
        f"{role}_hash": names.hexadecimal(short),
        f"{role}_str": name.rfc4514_string(),
    }


def read_certificates(glob_path: str) -> Dict[str, Any]:
    """What is in all certificates whose paths match a pattern; other files are left out.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.read_certificates '/etc/pki/*.crt'
    """
    found = {}
    for path in filter(load.is_file, glob.glob(glob_path)):
        try:
            found[path] = read_certificate(path)
        except load.Unreadable:
            continue
    return found


def read_csr(csr: Any) -> Dict[str, Any]:
    """What is in a request.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.read_csr /etc/pki/mycert.csr
    """
    request = load.request(csr)
    key = request.public_key()
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key)
    return {
        **_key(key),
        **_name("subject", request.subject),
        "public_key_hash": names.hexadecimal(subject_key.digest),
        "extensions": render.render(request.extensions),
    }


def read_crl(crl: Any) -> Dict[str, Any]:
    """What is in a list of revoked certificates.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.read_crl /etc/pki/my.crl
    """
    found = load.revocations(crl)
    revoked = {
        names.hexadecimal(entry.serial_number).replace(":", ""): {
            "revocation_date": build.ends(entry, "revocation_date").strftime(TIME),
            "extensions": render.render_revoked(entry.extensions),
        }
        for entry in found
    }
    return {
        "issuer": names.attributes(found.issuer),
        "last_update": build.ends(found, "last_update").strftime(TIME),
        "next_update": build.ends(found, "next_update").strftime(TIME),
        "revoked_certificates": revoked,
        "extensions": render.render(found.extensions),
        "signature_algorithm": render.oid_name(found.signature_algorithm_oid),
    }


def expires(certificate: Any, days: int = 0) -> bool:
    """Whether a certificate will have ended in so many days.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.expires /etc/pki/my.crt days=7
    """
    return build.ends(load.certificate(certificate)) <= build.now() + timedelta(days=days)


def expired(certificate: Any) -> Dict[str, Any]:
    """Whether a certificate has ended, with its common name.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.expired /etc/pki/mycert.crt
    """
    return {**_who(certificate), "expired": expires(certificate)}


def will_expire(certificate: Any, days: int) -> Dict[str, Any]:
    """Whether a certificate will have ended in so many days, with its common name.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.will_expire /etc/pki/mycert.crt days=30
    """
    return {"check_days": days, **_who(certificate), "will_expire": expires(certificate, days)}


def _who(certificate: Any) -> Dict[str, Any]:
    common = names.attributes(load.certificate(certificate).subject).get("CN")
    path = {"path": certificate} if load.is_file(certificate) else {}
    return {**path, "cn": common} if common is not None else path


def get_private_key_size(private_key: Any, passphrase: Optional[str] = None) -> Optional[int]:
    """The size of a private key in bits; None for Edwards curves.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.get_private_key_size /etc/pki/my.key
    """
    return getattr(load.private_key(private_key, passphrase), "key_size", None)


def get_public_key(key: Any, passphrase: Optional[str] = None, asObj: Any = None) -> str:  # noqa: N803
    """The public key (PEM) of a certificate, a private key or a request.

    Args:
        key: the source.
        passphrase: of a private key.
        asObj: ignored.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.get_public_key /etc/pki/my.key
    """
    for find in (
        lambda: load.public_key(key),
        lambda: load.certificate(key, passphrase).public_key(),
        lambda: load.private_key(key, passphrase).public_key(),
        lambda: load.request(key).public_key(),
    ):
        try:
            return load.encoded(find(), "pem").decode()
        except load.PassphraseError as exc:
            raise CommandExecutionError(str(exc)) from exc
        except CommandExecutionError:
            continue
    raise CommandExecutionError("Could not load key as certificate, public key, private key or CSR")


def verify_crl(crl: Any, cert: Any) -> bool:
    """Whether a list of revoked certificates was signed with the key of a certificate.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.verify_crl /etc/pki/my.crl /etc/pki/myca.crt
    """
    return load.revocations(crl).is_signature_valid(load.public_key(get_public_key(cert)))


def verify_private_key(private_key: Any, public_key: Any, passphrase: Optional[str] = None) -> bool:
    """Whether a private key belongs to a public key, certificate or request.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.verify_private_key /etc/pki/my.key /etc/pki/my.crt
    """
    own = load.private_key(private_key, passphrase).public_key()
    return load.same_key(load.public_key(get_public_key(public_key)), own)


def verify_signature(
    certificate: Any, signing_pub_key: Any = None, signing_pub_key_passphrase: Optional[str] = None
) -> bool:
    """Whether a certificate was signed with a key; its own, if none is given.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.verify_signature /etc/pki/mycert.pem signing_pub_key=/etc/pki/myca.crt
    """
    cert = load.certificate(certificate)
    return load.signs(load.public_key(get_public_key(signing_pub_key or cert, signing_pub_key_passphrase)), cert)
