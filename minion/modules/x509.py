"""Private keys, certificates, requests for them, and lists of those that were revoked: made here.

Wherever a key, certificate, request or list is asked for, a path will do, or its text (PEM, hexadecimal or base64).
Extensions have OpenSSL's names: `basicConstraints`, `keyUsage`, `extendedKeyUsage`, `subjectKeyIdentifier`,
`authorityKeyIdentifier`, `issuerAltName`, `authorityInfoAccess`, `subjectAltName`, `crlDistributionPoints`,
`certificatePolicies`, `policyConstraints`, `inhibitAnyPolicy`, `nameConstraints`, `noCheck`, `tlsfeature`. So have the
parts of a subject: `CN`, `C`, `ST`, `L`, `STREET`, `O`, `OU`, `GN`, `SN`, `MAIL`, `UID`, `SERIALNUMBER`.

A signing policy (`x509_signing_policies` in the pillar or configuration of the host that signs) fixes arguments. Other
minions may use one through the master, if its `peer` setting permits `x509.sign_remote_certificate`:

.. code-block:: yaml

    x509_signing_policies:
      www:
        - minions: 'www*'
        - signing_private_key: /etc/pki/ca.key
        - signing_cert: /etc/pki/ca.crt
        - basicConstraints: "critical, CA:false"
        - days_valid: 90
        - copypath: /etc/pki/issued_certs/
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _x509_remote

try:
    from minion.modules import _x509_build as build
    from minion.modules import _x509_load as load
    from minion.modules import _x509_names as names
    from minion.modules import _x509_write as write

    LOADED = True
except ImportError:  # SSH hosts get no compiled packages
    LOADED = False

__salt__: Dict[str, Callable[..., Any]]

_DAYS_VALID, _CRL_DAYS_VALID = 365, 100
_IGNORED = {"text", "version", "serial_bits", "cipher", "verbose"}  # of older releases


def __virtual__() -> Any:
    return True if LOADED else (False, "Could not load cryptography")


def create_certificate(
    ca_server: Optional[str] = None,
    signing_policy: Optional[str] = None,
    encoding: str = "pem",
    append_certs: Any = None,
    pkcs12_passphrase: Optional[str] = None,
    pkcs12_encryption_compat: bool = False,
    pkcs12_friendlyname: Optional[str] = None,
    path: Optional[str] = None,
    overwrite: bool = True,
    raw: bool = False,
    **kwargs: Any,
) -> Any:
    """Makes a certificate: its text, or base64 of a binary encoding.

    Args:
        ca_server: the minion that signs it, by its signing policy.
        signing_policy: a policy that fixes arguments.
        encoding: pem, der, pkcs7_pem, pkcs7_der or pkcs12.
        append_certs: certificates to add.
        pkcs12_passphrase, pkcs12_encryption_compat, pkcs12_friendlyname: of a PKCS12 container.
        path: write it there.
        overwrite: False leaves a file that exists.
        raw: return bytes.
        kwargs: `signing_private_key`, `signing_private_key_passphrase`, `signing_cert` (without it the certificate
            signs itself), one of `private_key` (with `private_key_passphrase`), `public_key` and `csr`, `digest`,
            `serial_number`, `days_valid` (365), `not_before`, `not_after`, `subject`, its parts, extensions, and
            `copypath` (with `prepend_cn`), a folder in which a copy is kept.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.create_certificate signing_private_key=/etc/pki/myca.key csr=/etc/pki/my.csr
    """
    given = _arguments(kwargs)
    if not given.get("not_after"):
        given.setdefault("days_valid", _DAYS_VALID)
    write.check("encoding", encoding, write.CERTIFICATE_ENCODINGS)
    if path and not overwrite and load.is_file(path):
        return f"The file at {path} exists and overwrite was set to false"
    if ca_server:
        if signing_policy is None:
            raise SaltInvocationError(
                "signing_policy must be specified to request a certificate from a remote ca_server"
            )
        cert, key = _from_remote(ca_server, signing_policy, given)
    else:
        cert, key = write.issue(build.with_policy(__salt__["x509.get_signing_policy"](signing_policy), given))
    container = {}
    if encoding == "pkcs12":
        container = {
            "private_key": key,
            "pkcs12_passphrase": pkcs12_passphrase,
            "pkcs12_encryption_compat": pkcs12_encryption_compat,
            "pkcs12_friendlyname": pkcs12_friendlyname,
        }
    content = encode_certificate(cert, encoding, append_certs, raw=bool(path) or raw, **container)
    if path is None:
        return content
    return _written(content, path, encoding, "Certificate")


def create_certificate_ssh(*args: Any, **kwargs: Any) -> Any:
    """Makes a certificate, as `x509.create_certificate`.

    CLI Example:

    .. code-block:: bash

        salt-ssh '*' x509.create_certificate_ssh signing_private_key=/etc/pki/myca.key csr=/etc/pki/my.csr
    """
    return create_certificate(*args, **kwargs)


def _arguments(kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """Arguments by their present names, without facts about the job."""
    given = names.short({key: value for key, value in kwargs.items() if not key.startswith("_")})
    if "algorithm" in given:
        given["digest"] = given.pop("algorithm")
    return {key: value for key, value in given.items() if key not in _IGNORED}


def _from_remote(ca_server: str, signing_policy: str, given: Dict[str, Any]) -> Any:
    """A certificate that another minion signs, and its private key; only the public one travels."""
    asked, key = dict(given), None
    private_key, passphrase = asked.pop("private_key", None), asked.pop("private_key_passphrase", None)
    if private_key:
        key = load.private_key(private_key, passphrase)
        asked["public_key"] = load.encoded(key.public_key(), "der")
    elif asked.get("public_key"):
        asked["public_key"] = load.encoded(load.public_key(asked["public_key"]), "der")
    if asked.get("csr"):
        asked["csr"] = load.encoded(load.request(asked["csr"]), "der")
    answer = _x509_remote.ask(__salt__, ca_server, signing_policy, asked)
    try:
        return load.certificate(answer), key
    except CommandExecutionError as exc:
        raise CommandExecutionError(f"ca_server did not return a certificate: {answer}") from exc


def encode_certificate(
    certificate: Any,
    encoding: str = "pem",
    append_certs: Any = None,
    private_key: Any = None,
    private_key_passphrase: Optional[str] = None,
    pkcs12_passphrase: Optional[str] = None,
    pkcs12_encryption_compat: bool = False,
    pkcs12_friendlyname: Optional[str] = None,
    raw: bool = False,
) -> Any:
    """A certificate in another encoding: text, or base64 of a binary one.

    Args:
        certificate: the certificate.
        encoding: pem, der, pkcs7_pem, pkcs7_der or pkcs12.
        append_certs: certificates to add.
        private_key, private_key_passphrase: its key, for a PKCS12 container.
        pkcs12_passphrase, pkcs12_encryption_compat, pkcs12_friendlyname: of the container.
        raw: return bytes.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.encode_certificate /etc/pki/my.crt pem /etc/pki/ca.crt
    """
    write.check("encoding", encoding, write.CERTIFICATE_ENCODINGS)
    if encoding != "pkcs12" and private_key:
        raise SaltInvocationError("Embedding private keys is only supported for pkcs12 encoding")
    cert = load.certificate(certificate)
    chain = [load.certificate(one) for one in _list(append_certs)]
    if encoding == "pkcs12":
        key = load.private_key(private_key, private_key_passphrase) if private_key else None
        how = (pkcs12_friendlyname, pkcs12_passphrase, pkcs12_encryption_compat)
        return write.presented(write.container_bytes(cert, chain, key, *how), encoding, raw)
    return write.presented(write.certificate_bytes(cert, encoding, chain), encoding, raw)


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value] if value else []


def create_csr(
    private_key: Any,
    private_key_passphrase: Optional[str] = None,
    digest: str = "sha256",
    encoding: str = "pem",
    path: Optional[str] = None,
    raw: bool = False,
    **kwargs: Any,
) -> Any:
    """Makes a request for a certificate: its text, or base64 of DER.

    Args:
        private_key, private_key_passphrase: the key of the certificate; it signs the request.
        digest: sha256 and the like.
        encoding: pem or der.
        path: write it there.
        raw: return bytes.
        kwargs: `subject`, its parts, and extensions.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.create_csr private_key=/etc/pki/myca.key CN=www.example.com
    """
    given = _arguments(kwargs)
    digest = given.pop("digest", digest)
    write.check("encoding", encoding, write.PLAIN_ENCODINGS)
    write.check("digest", digest.lower(), build.DIGESTS)
    plan = build.plan_request({**given, "private_key": private_key, "private_key_passphrase": private_key_passphrase})
    content = encode_csr(build.request(plan, digest), encoding, raw=bool(path) or raw)
    return content if path is None else _written(content, path, encoding, "CSR")


def _written(content: bytes, path: str, encoding: str, noun: str) -> str:
    """Writes a file that its owner can read, or everybody if it is binary and holds no key; the sentence about it."""
    write.put(path, content, private=encoding in ("pem", "pkcs12") or noun == "Private key")
    return f"{'PEM' if encoding == 'pem' else noun} written to {path}"


def encode_csr(csr: Any, encoding: str = "pem", raw: bool = False) -> Any:
    """A request in another encoding: text, or base64 of DER.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.encode_csr /etc/pki/my.csr der
    """
    write.check("encoding", encoding, write.PLAIN_ENCODINGS)
    return write.presented(load.encoded(load.request(csr), encoding), encoding, raw)


def create_crl(
    signing_private_key: Any,
    revoked: List[Dict[str, Any]],
    signing_cert: Any = None,
    signing_private_key_passphrase: Optional[str] = None,
    include_expired: bool = False,
    days_valid: Optional[int] = None,
    digest: str = "sha256",
    encoding: str = "pem",
    extensions: Optional[Dict[str, Any]] = None,
    path: Optional[str] = None,
    raw: bool = False,
    **kwargs: Any,
) -> Any:
    """Makes a list of revoked certificates: its text, or base64 of DER.

    Args:
        signing_private_key, signing_private_key_passphrase: the key of the authority.
        revoked: for each `certificate` or `serial_number`; and `revocation_date`, `not_after`, `extensions`
            (`CRLReason`, `certificateIssuer`, `invalidityDate`).
        signing_cert: the certificate of the authority.
        include_expired: list those too that have ended by themselves.
        days_valid: for how long the list holds; 100.
        digest: sha256 and the like.
        encoding: pem or der.
        extensions: of the list, as `cRLNumber`.
        path: write it there.
        raw: return bytes.
        kwargs: none but facts about the job.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.create_crl signing_private_key=/etc/pki/ca.key signing_cert=/etc/pki/ca.crt \\
            revoked='[{certificate: /etc/pki/bad.crt}]'
    """
    _refuse(kwargs)
    write.check("encoding", encoding, write.PLAIN_ENCODINGS)
    write.check("digest", digest.lower(), build.DIGESTS)
    given = {
        "signing_private_key": signing_private_key,
        "signing_private_key_passphrase": signing_private_key_passphrase,
        "signing_cert": signing_cert,
        "revoked": build.entries(revoked),
        "include_expired": include_expired,
        "days_valid": _CRL_DAYS_VALID if days_valid is None else days_valid,
        "extensions": extensions,
    }
    content = encode_crl(build.revocations(build.plan_revocations(given), digest), encoding, raw=bool(path) or raw)
    return content if path is None else _written(content, path, encoding, "CRL")


def _refuse(kwargs: Dict[str, Any]) -> None:
    unknown = [key for key in kwargs if not key.startswith("_") and key not in _IGNORED]
    if unknown:
        raise SaltInvocationError(f"Unrecognized keyword arguments: {unknown}")


def encode_crl(crl: Any, encoding: str = "pem", raw: bool = False) -> Any:
    """A list of revoked certificates in another encoding: text, or base64 of DER.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.encode_crl /etc/pki/my.crl der
    """
    write.check("encoding", encoding, write.PLAIN_ENCODINGS)
    return write.presented(load.encoded(load.revocations(crl), encoding), encoding, raw)


def create_private_key(
    algo: str = "rsa",
    keysize: Optional[int] = None,
    passphrase: Optional[str] = None,
    encoding: str = "pem",
    pkcs12_encryption_compat: bool = False,
    path: Optional[str] = None,
    raw: bool = False,
    **kwargs: Any,
) -> Any:
    """Makes a private key: its text, or base64 of a binary encoding.

    Args:
        algo: rsa, ec, ed25519 or ed448.
        keysize: 2048, 3072 or 4096 for rsa; 256, 384 or 521 for ec.
        passphrase: encrypts it.
        encoding: pem, der or pkcs12.
        pkcs12_encryption_compat: encrypt a PKCS12 container as old systems understand it.
        path: write it there.
        raw: return bytes.
        kwargs: none but facts about the job.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.create_private_key algo=ec keysize=384
    """
    keysize = kwargs.pop("bits", keysize)
    _refuse(kwargs)
    write.check("encoding", encoding, write.KEY_ENCODINGS)
    key = write.new_key(algo, keysize)
    compatible = pkcs12_encryption_compat
    content = encode_private_key(key, encoding, passphrase, None, compatible, raw=bool(path) or raw)
    if path is None:
        return content
    return _written(content, path, encoding, "Private key")


def encode_private_key(
    private_key: Any,
    encoding: str = "pem",
    passphrase: Optional[str] = None,
    private_key_passphrase: Optional[str] = None,
    pkcs12_encryption_compat: bool = False,
    raw: bool = False,
) -> Any:
    """A private key in another encoding: text, or base64 of a binary one.

    Args:
        private_key, private_key_passphrase: the key.
        encoding: pem, der or pkcs12.
        passphrase: encrypts it.
        pkcs12_encryption_compat: encrypt a PKCS12 container as old systems understand it.
        raw: return bytes.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.encode_private_key /etc/pki/my.key der
    """
    write.check("encoding", encoding, write.KEY_ENCODINGS)
    key = load.private_key(private_key, private_key_passphrase)
    return write.presented(write.key_bytes(key, encoding, passphrase, pkcs12_encryption_compat), encoding, raw)
