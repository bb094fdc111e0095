"""What a certificate, request or revocation list is to be; how it is made, and how one that exists differs from it."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from minion.errors import SaltInvocationError
from minion.modules import _x509_extensions as extensions
from minion.modules import _x509_load as load
from minion.modules import _x509_names as names

Extensions = List[x509.Extension[Any]]
DIGESTS = (
    *("sha1", "sha224", "sha256", "sha384", "sha512", "sha512_224", "sha512_256"),
    *("sha3_224", "sha3_256", "sha3_384", "sha3_512"),
)
_NOT_A_PAIR = "Signing private key does not match the certificate's public key"


class Certificate(NamedTuple):
    """What a certificate is to be, and whose keys take part."""

    subject: x509.Name
    issuer: x509.Name
    public_key: Any
    serial_number: int
    begins: datetime
    ends: datetime
    extensions: Extensions
    signing_key: Any  # None if another host signs
    private_key: Any  # that of the certificate, if it is known
    authority: Optional[x509.Certificate]  # None if it signs itself


class Request(NamedTuple):
    """What a request is to be."""

    subject: x509.Name
    extensions: Extensions
    private_key: Any


class Revocations(NamedTuple):
    """What a revocation list is to be."""

    issuer: Optional[x509.Name]
    revoked: List[x509.RevokedCertificate]
    extensions: Extensions
    ends: datetime
    signing_key: Any


def now() -> datetime:
    """The time that certificates count in."""
    return datetime.now(tz=timezone.utc)


def moment(text: str) -> datetime:
    """A moment as states write it."""
    return datetime.strptime(text, extensions.TIME).replace(tzinfo=timezone.utc)


def ends(thing: Any, attribute: str = "not_valid_after") -> datetime:
    """When a certificate ends, or another of its moments."""
    if hasattr(thing, f"{attribute}_utc"):
        found: datetime = getattr(thing, f"{attribute}_utc")
        return found
    naive: datetime = getattr(thing, attribute)  # cryptography before release 42
    return naive.replace(tzinfo=timezone.utc)


def with_policy(policy: Mapping[str, Any], arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """Arguments with those of a signing policy, which win."""
    if not policy:
        return dict(arguments)
    rules, given = copy.deepcopy(dict(policy)), names.short(dict(arguments))
    wanted, rule = given.get("subject"), rules.get("subject")
    if any(attribute in rules for attribute in names.ATTRIBUTES):
        given.pop("subject", None)
    elif isinstance(rule, dict) and isinstance(wanted, dict):
        rules["subject"] = {**wanted, **rule}
    elif isinstance(rule, list) and isinstance(wanted, list):
        rules["subject"] = rule + wanted
    return {**given, **rules}


def plan_certificate(given: Mapping[str, Any], remote: bool = False) -> Certificate:
    """What a certificate is to be.

    Args:
        given: the arguments of `x509.create_certificate`.
        remote: another host signs it, with a key we do not have.
    """
    signing_key = None
    if not remote:
        if not given.get("signing_private_key"):
            raise SaltInvocationError("Creating a certificate locally at least requires a signing private key.")
        signing_key = load.private_key(given["signing_private_key"], given.get("signing_private_key_passphrase"))
    serial = names.serial_number(given.get("serial_number"))
    request = load.request(given["csr"]) if given.get("csr") else None
    authority = load.certificate(given["signing_cert"]) if given.get("signing_cert") else None
    if authority is None and signing_key is None:
        raise SaltInvocationError("The signing policy names no signing_cert: nobody can tell who signs")
    private_key, public_key = _keys(given, request, signing_key if authority is None else None)
    if authority and signing_key and not load.same_key(authority.public_key(), signing_key.public_key()):
        raise SaltInvocationError(_NOT_A_PAIR)
    subject = names.distinguished(given.get("subject") or dict(given))
    parties = extensions.Parties(public_key, authority, public_key if authority is None else None)
    began = moment(given["not_before"]) if given.get("not_before") else now()
    return Certificate(
        subject=subject,
        issuer=subject if authority is None else authority.subject,
        public_key=public_key,
        serial_number=serial,
        begins=began,
        ends=moment(given["not_after"]) if given.get("not_after") else now() + timedelta(days=given["days_valid"]),
        extensions=_extensions(given, extensions.OF_CERTIFICATES, parties) + _of_request(request, given),
        signing_key=signing_key,
        private_key=private_key,
        authority=authority,
    )


def _keys(given: Mapping[str, Any], request: Optional[x509.CertificateSigningRequest], own_key: Any) -> Any:
    """The private key of a certificate, if it is known, and the public one."""
    if own_key is not None:
        return own_key, own_key.public_key()
    if given.get("private_key"):
        private_key = load.private_key(given["private_key"], given.get("private_key_passphrase"))
        return private_key, private_key.public_key()
    if given.get("public_key"):
        return None, load.public_key(given["public_key"])
    if request is not None:
        return None, request.public_key()
    raise SaltInvocationError(
        "This certificate is not self-signed (signing_cert is set) and thus "
        "needs public_key, private_key or csr to derive public key to sign"
    )


def _extensions(given: Mapping[str, Any], wanted: Iterable[str], parties: extensions.Parties) -> Extensions:
    found = []
    for name in wanted:
        if given.get(name) is not None:  # a signing policy forbids an extension by giving it no value
            value, critical = extensions.make(name, given[name], parties)
            found.append(x509.Extension(value.oid, critical, value))
    return found


def _of_request(request: Optional[x509.CertificateSigningRequest], given: Mapping[str, Any]) -> Extensions:
    """The extensions a request asks for, of which nothing else is said."""
    if request is None:
        return []
    allowed = {
        oid
        for name, oid in extensions.OF_CERTIFICATES.items()
        if name not in given and name not in extensions.NOT_IN_REQUESTS
    }
    return [extension for extension in request.extensions if extension.oid in allowed]


def _digest(key: Any, name: str) -> Any:
    """The digest to sign with; Edwards curves have their own."""
    return None if load.key_type(key) in load.WITHOUT_DIGEST else load.digest_of(name)


def certificate(plan: Certificate, digest: str) -> x509.Certificate:
    """Signs a certificate."""
    builder = x509.CertificateBuilder(
        issuer_name=plan.issuer,
        subject_name=plan.subject,
        public_key=plan.public_key,
        serial_number=plan.serial_number,
    )
    builder = builder.not_valid_before(plan.begins).not_valid_after(plan.ends)
    for extension in plan.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(plan.signing_key, _digest(plan.signing_key, digest))


def plan_request(given: Mapping[str, Any]) -> Request:
    """What a request is to be, from the arguments of `x509.create_csr`."""
    key = load.private_key(given["private_key"], given.get("private_key_passphrase"))
    wanted = [name for name in extensions.OF_CERTIFICATES if name not in extensions.NOT_IN_REQUESTS]
    subject = names.distinguished(given.get("subject") or dict(given))
    return Request(subject, _extensions(given, wanted, extensions.Parties(key.public_key())), key)


def request(plan: Request, digest: str) -> x509.CertificateSigningRequest:
    """Signs a request."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(plan.subject)
    for extension in plan.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(plan.private_key, _digest(plan.private_key, digest))


def plan_revocations(given: Mapping[str, Any]) -> Revocations:
    """What a revocation list is to be, from the arguments of `x509.create_crl`."""
    authority = load.certificate(given["signing_cert"]) if given.get("signing_cert") else None
    key = load.private_key(given["signing_private_key"], given.get("signing_private_key_passphrase"))
    if authority and not load.same_key(authority.public_key(), key.public_key()):
        raise SaltInvocationError(_NOT_A_PAIR)
    revoked = [_revoked(entry, bool(given.get("include_expired"))) for entry in given["revoked"]]
    parties = extensions.Parties(authority=authority)
    return Revocations(
        issuer=None if authority is None else authority.subject,
        revoked=[entry for entry in revoked if entry is not None],
        extensions=_extensions(given.get("extensions") or {}, extensions.OF_REVOCATIONS, parties),
        ends=now() + timedelta(days=given["days_valid"]),
        signing_key=key,
    )


def entries(revoked: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Entries of a revocation list; older states write `ID: [{key: value}, ...]` and `reason`."""
    found = []
    for given in revoked:
        (first, *others) = given.values()
        entry: Dict[str, Any] = dict(given)
        if not others and isinstance(first, list):
            entry = {key: value for part in first for key, value in part.items()}
        if "reason" in entry:
            reason = entry.pop("reason")
            entry["extensions"] = {**(entry.get("extensions") or {}), "CRLReason": reason}
        found.append(entry)
    return found


def _revoked(entry: Mapping[str, Any], include_expired: bool) -> Optional[x509.RevokedCertificate]:
    """An entry of a revocation list; None if its certificate has ended by itself."""
    number, ended = entry.get("serial_number"), entry.get("not_after")
    end = moment(ended) if ended else None
    if "certificate" in entry:
        cert = load.certificate(entry["certificate"])
        number, end = cert.serial_number, ends(cert)
    if not number:
        raise SaltInvocationError("Need serial_number or certificate")
    if end and end < now() and not include_expired:
        return None
    date = moment(entry["revocation_date"]) if "revocation_date" in entry else now()
    builder = x509.RevokedCertificateBuilder(names.serial_number(number), date)
    for extension in _extensions(entry.get("extensions") or {}, extensions.OF_REVOKED, extensions.Parties()):
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.build()


def revocations(plan: Revocations, digest: str) -> x509.CertificateRevocationList:
    """Signs a revocation list."""
    if plan.issuer is None:
        raise SaltInvocationError("signing_cert has to be given: a revocation list names who issued it")
    builder = x509.CertificateRevocationListBuilder(plan.issuer, now(), plan.ends)
    for entry in plan.revoked:
        builder = builder.add_revoked_certificate(entry)
    for extension in plan.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(plan.signing_key, _digest(plan.signing_key, digest))


def digest_differs(current: Any, digest: str) -> bool:
    """Was it signed with another digest?"""
    try:
        algorithm = current.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False  # the library does not know it; nothing can be said
    return algorithm is not None and not isinstance(algorithm, type(load.digest_of(digest)))


def certificate_changes(current: x509.Certificate, plan: Certificate, given: Mapping[str, Any]) -> Dict[str, Any]:
    """In what a certificate differs from what it is to be."""
    changes: Dict[str, Any] = {}
    if given.get("serial_number") is not None and plan.serial_number != current.serial_number:
        changes["serial_number"] = given["serial_number"]
    if not load.same_key(plan.public_key, current.public_key()):
        changes["private_key"] = True
    if plan.authority is not None and not load.signs(plan.authority.public_key(), current):
        changes["signing_private_key"] = True
    if plan.subject != current.subject:
        changes["subject_name"] = plan.subject.rfc4514_string()
    if plan.issuer != current.issuer:
        changes["issuer_name"] = plan.issuer.rfc4514_string()
    return {**changes, **_extension_changes(current.extensions, plan.extensions)}


def request_changes(current: x509.CertificateSigningRequest, plan: Request) -> Dict[str, Any]:
    """In what a request differs from what it is to be."""
    changes: Dict[str, Any] = {}
    if not load.same_key(current.public_key(), plan.private_key.public_key()):
        changes["private_key"] = True
    if plan.subject != current.subject:
        changes["subject_name"] = plan.subject.rfc4514_string()
    return {**changes, **_extension_changes(current.extensions, plan.extensions)}


def revocation_changes(current: x509.CertificateRevocationList, plan: Revocations, numbered: bool) -> Dict[str, Any]:
    """In what a revocation list differs from what it is to be.

    Args:
        current: the list.
        plan: what it is to be.
        numbered: its number is counted up whenever it is made anew, so there is none in the plan.
    """
    changes: Dict[str, Any] = {}
    if plan.issuer is not None and plan.issuer != current.issuer:
        changes["issuer_name"] = plan.issuer.rfc4514_string()
    if not current.is_signature_valid(plan.signing_key.public_key()):
        changes["public_key"] = True
    revoked = _entry_changes(current, plan.revoked)
    if any(revoked.values()):
        changes["revocations"] = revoked
    ignored = extensions.OF_REVOCATIONS["cRLNumber"] if numbered else None
    there = [extension for extension in current.extensions if extension.oid != ignored]
    return {**changes, **_extension_changes(there, plan.extensions)}


def _entry_changes(
    current: x509.CertificateRevocationList, wanted: Sequence[x509.RevokedCertificate]
) -> Dict[str, List[str]]:
    numbers: Dict[str, List[int]] = {"added": [], "changed": [], "removed": []}
    for entry in wanted:
        known = current.get_revoked_certificate_by_serial_number(entry.serial_number)
        if known is None:
            numbers["added"].append(entry.serial_number)
        elif any(_differences(known.extensions, entry.extensions).values()):
            numbers["changed"].append(entry.serial_number)
    kept = {entry.serial_number for entry in wanted}
    numbers["removed"] = [entry.serial_number for entry in current if entry.serial_number not in kept]
    return {kind: [names.hexadecimal(number) for number in found] for kind, found in numbers.items()}


def _differences(current: Iterable[x509.Extension[Any]], wanted: Iterable[x509.Extension[Any]]) -> Dict[str, List[str]]:
    old, new = ({extension.oid: extension for extension in found} for found in (current, wanted))
    return {
        "added": [oid._name for oid in new if oid not in old],
        "changed": [
            oid._name
            for oid in new
            if oid in old and (new[oid].critical, new[oid].value) != (old[oid].critical, old[oid].value)
        ],
        "removed": [oid._name for oid in old if oid not in new],
    }


def _extension_changes(
    current: Iterable[x509.Extension[Any]], wanted: Iterable[x509.Extension[Any]]
) -> Dict[str, Dict[str, List[str]]]:
    found = _differences(current, wanted)
    return {"extensions": found} if any(found.values()) else {}
