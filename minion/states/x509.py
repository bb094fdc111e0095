"""Private keys, certificates, requests for them, and lists of those that were revoked, in files.

Arguments are those of the `x509` execution functions, and those of `file.managed` that tell about the file (`user`,
`mode`, `makedirs`, `backup`, ...; its `encoding` is `file_encoding` here).

.. code-block:: yaml

    /etc/pki/www.key:
      x509.private_key_managed:
        - algo: ec

    /etc/pki/www.crt:
      x509.certificate_managed:
        - ca_server: ca
        - signing_policy: www
        - private_key: /etc/pki/www.key
        - CN: www.example.com
        - days_remaining: 7
        - require:
          - x509: /etc/pki/www.key
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.states import _x509
from minion.states._result import Result, begun, failed

try:
    from cryptography import x509

    from minion.modules import _x509_build as build
    from minion.modules import _x509_load as load
    from minion.modules import _x509_names as names

    LOADED = True
except ImportError:  # SSH hosts get no compiled packages
    LOADED = False

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__low__: Dict[str, Any]

_CRL_DAYS_VALID, _CRL_DAYS_REMAINING = 100, 30
_KEY_SIZES = {"rsa": 2048, "ec": 256}


def __virtual__() -> Any:
    return _x509.usable(LOADED, __opts__)


def private_key_managed(
    name: str,
    algo: str = "rsa",
    keysize: Optional[int] = None,
    passphrase: Optional[str] = None,
    encoding: str = "pem",
    new: bool = False,
    overwrite: bool = False,
    pkcs12_encryption_compat: bool = False,
    **kwargs: Any,
) -> Result:
    """Sees to it that there is a private key.

    Args:
        name: the file; only its owner can read it (0400), unless `mode` says otherwise.
        algo: rsa, ec, ed25519 or ed448.
        keysize: 2048, 3072 or 4096 for rsa; 256, 384 or 521 for ec.
        passphrase: encrypts it.
        encoding: pem, der or pkcs12.
        new: make a new one each time.
        overwrite: replace a file that can't be read with this passphrase, or that is no key.
        pkcs12_encryption_compat: encrypt a PKCS12 container as old systems understand it.
        kwargs: arguments of file.managed.
    """
    keysize = kwargs.pop("bits", keysize)
    file = _only_file(kwargs)
    file["mode"] = file.get("mode") or "0400"
    if keysize and algo in load.WITHOUT_DIGEST:
        return failed(begun(name), f"keysize is an invalid parameter for {algo}")
    current: List[Any] = []

    def inspect(path: str) -> _x509.Found:
        if new:
            return _x509.Found({"replaced": name})
        changes, key = _look_at_key(path, passphrase, overwrite)
        if key is None:
            return _x509.Found({**changes, "created": name})
        current.append(key.thing)
        return _x509.Found({**changes, **_key_changes(key, algo, keysize, encoding)})

    def make(changes: Dict[str, Any]) -> str:
        compatible = {"pkcs12_encryption_compat": pkcs12_encryption_compat}
        if current and not set(changes) - {"encoding", "passphrase"}:
            content = __salt__["x509.encode_private_key"](current[0], encoding, passphrase, **compatible)
        else:
            content = __salt__["x509.create_private_key"](algo, keysize, passphrase, encoding, **compatible)
        return str(content)

    return _managed(name, "private key", encoding, file, inspect, make)


def _look_at_key(path: str, passphrase: Optional[str], overwrite: bool) -> Any:
    """What the passphrase changes, and the key that is there; None if it can't be read and may be overwritten."""
    try:
        return {}, load.read_private_key(path, passphrase)
    except load.NeedlessPassphrase:
        return {"passphrase": True}, load.read_private_key(path)
    except load.WrongPassphrase:
        wrong = "The provided passphrase cannot decrypt the private key. Pass overwrite: true to force regeneration"
        changes = {"passphrase": True}
    except load.MissingPassphrase:
        wrong = "The existing file is encrypted. Pass overwrite: true to force regeneration without passphrase"
        changes = {"passphrase": True}
    except load.Unreadable:
        wrong = (
            "The existing file does not seem to be a private key formatted as DER, PEM or embedded in PKCS12. "
            "Pass overwrite: true to force regeneration"
        )
        changes = {}
    if not overwrite:
        raise CommandExecutionError(wrong)
    return changes, None


def _key_changes(key: Any, algo: str, keysize: Optional[int], encoding: str) -> Dict[str, Any]:
    changes: Dict[str, Any] = {}
    size = keysize or _KEY_SIZES.get(algo)
    if load.key_type(key.thing) != algo:
        changes["algo"] = algo
    elif size and key.thing.key_size != size:
        changes["keysize"] = size
    if encoding != key.encoding:
        changes["encoding"] = encoding
    return changes


def csr_managed(
    name: str,
    private_key: Any,
    private_key_passphrase: Optional[str] = None,
    digest: str = "sha256",
    encoding: str = "pem",
    subject: Any = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that there is a request for a certificate.

    Args:
        name: the file.
        private_key, private_key_passphrase: the key of the certificate; it signs the request.
        digest: sha256 and the like.
        encoding: pem or der.
        subject: the distinguished name: RFC 4514 text, a list of parts, or a dictionary.
        kwargs: parts of the subject, extensions, and arguments of file.managed.
    """
    file, rest = _x509.split(names.short(kwargs))
    given = {key: value for key, value in rest.items() if key not in _x509.IGNORED}
    digest = given.pop("algorithm", digest)
    given.update(private_key=private_key, private_key_passphrase=private_key_passphrase, subject=subject)
    current: List[Any] = []

    def inspect(path: str) -> _x509.Found:
        try:
            loaded = load.read_request(path)
        except x509.InvalidVersion:
            return _x509.Found({"invalid_version": True}, known=False, replace=True)
        except load.Unreadable:
            return _x509.Found({}, known=False, replace=True)
        current.append(loaded.thing)
        changes = _signed_and_encoded(loaded, digest, encoding)
        return _x509.Found({**changes, **build.request_changes(loaded.thing, build.plan_request(given))})

    def make(changes: Dict[str, Any]) -> str:
        if current and not set(changes) - {"encoding"}:
            return str(__salt__["x509.encode_csr"](current[0], encoding=encoding))
        return str(__salt__["x509.create_csr"](digest=digest, encoding=encoding, **given))

    return _managed(name, "certificate signing request", encoding, file, inspect, make)


def _signed_and_encoded(loaded: Any, digest: str, encoding: str) -> Dict[str, Any]:
    changes = {"digest": digest} if build.digest_differs(loaded.thing, digest) else {}
    return {**changes, "encoding": encoding} if encoding != loaded.encoding else changes


def crl_managed(
    name: str,
    signing_private_key: Any,
    revoked: List[Dict[str, Any]],
    days_remaining: Optional[int] = None,
    signing_cert: Any = None,
    signing_private_key_passphrase: Optional[str] = None,
    include_expired: bool = False,
    days_valid: Optional[int] = None,
    digest: str = "sha256",
    encoding: str = "pem",
    extensions: Optional[Dict[str, Any]] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that there is a list of revoked certificates, and that it does not end soon.

    Args:
        name: the file.
        signing_private_key, signing_private_key_passphrase: the key of the authority.
        revoked: for each `certificate` or `serial_number`; and `revocation_date`, `not_after`, `extensions`
            (`CRLReason`, `certificateIssuer`, `invalidityDate`).
        days_remaining: make it anew when so many days are left; 30. 0 for never.
        signing_cert: the certificate of the authority.
        include_expired: list those too that have ended by themselves.
        days_valid: for how long the list holds; 100.
        digest: sha256 and the like.
        encoding: pem or der.
        extensions: of the list; `cRLNumber: auto` counts it up.
        kwargs: arguments of file.managed.
    """
    file = _only_file(kwargs)
    days = _CRL_DAYS_REMAINING if days_remaining is None else days_remaining
    numbered = (extensions or {}).get("cRLNumber") == "auto"
    fixed = {key: value for key, value in (extensions or {}).items() if not (numbered and key == "cRLNumber")}
    given = {
        "signing_private_key": signing_private_key,
        "revoked": build.entries(revoked),
        "signing_cert": signing_cert,
        "signing_private_key_passphrase": signing_private_key_passphrase,
        "include_expired": include_expired,
        "days_valid": _CRL_DAYS_VALID if days_valid is None else days_valid,
        "extensions": fixed,
    }
    current: List[Any] = []

    def inspect(path: str) -> _x509.Found:
        try:
            loaded = load.read_revocations(path)
        except load.Unreadable:
            return _x509.Found({}, known=False, replace=True)
        current.append(loaded.thing)
        changes = _signed_and_encoded(loaded, digest, encoding)
        if days and build.ends(loaded.thing, "next_update") < build.now() + timedelta(days=days):
            changes["expiration"] = True
        plan = build.plan_revocations(given)
        return _x509.Found({**changes, **build.revocation_changes(loaded.thing, plan, numbered)})

    def make(changes: Dict[str, Any]) -> str:
        if current and not set(changes) - {"encoding"}:
            return str(__salt__["x509.encode_crl"](current[0], encoding=encoding))
        if numbered:
            given["extensions"] = {**fixed, "cRLNumber": _number(current) + 1}
        return str(__salt__["x509.create_crl"](digest=digest, encoding=encoding, **given))

    return _managed(name, "certificate revocation list", encoding, file, inspect, make)


def _number(current: List[Any]) -> int:
    """The number of a list; 0 if there is none."""
    try:
        return int(current[0].extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
    except (IndexError, x509.ExtensionNotFound):
        return 0


def pem_managed(name: str, text: Any, **kwargs: Any) -> Result:
    """Sees to it that a file holds a PEM block, with lines as they should be.

    Args:
        name: the file.
        text: the block.
        kwargs: arguments of file.managed.
    """
    file = _only_file(kwargs)
    try:
        contents = __salt__["x509.get_pem_entry"](text=text)
    except CommandExecutionError as exc:
        return failed(begun(name), str(exc))
    result: Result = __states__["file.managed"](name, contents=contents, **file)
    return result


def _only_file(kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments of file.managed; there may be no others."""
    file, rest = _x509.split(kwargs)
    unknown = [key for key in rest if key not in _x509.IGNORED]
    if unknown:
        raise SaltInvocationError(f"Unrecognized keyword arguments: {unknown}")
    return file


def _managed(
    name: str,
    noun: str,
    encoding: str,
    file: Dict[str, Any],
    inspect: Callable[[str], _x509.Found],
    make: Callable[[Dict[str, Any]], str],
) -> Result:
    host = _x509.Host(__states__, __opts__, __low__)
    return _x509.managed(host, _x509.Thing(name, noun, encoding, file, inspect, make))
