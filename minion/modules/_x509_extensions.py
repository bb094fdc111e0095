"""Extensions of certificates, requests and revocation lists, made of what people write in states.

A value is text as in OpenSSL's configuration (`critical, CA:true`), a list, or a dictionary.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

from cryptography import x509
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    CRLEntryExtensionOID,
    ExtensionOID,
    SubjectInformationAccessOID,
)

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _x509_names as names

TIME = "%Y-%m-%d %H:%M:%S"
Made = Tuple[x509.ExtensionType, bool]  # an extension, and whether it is critical
Pairs = List[Tuple[str, Any]]

OF_CERTIFICATES: Dict[str, Optional[x509.ObjectIdentifier]] = {
    "basicConstraints": ExtensionOID.BASIC_CONSTRAINTS,
    "keyUsage": ExtensionOID.KEY_USAGE,
    "extendedKeyUsage": ExtensionOID.EXTENDED_KEY_USAGE,
    "subjectKeyIdentifier": ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    "authorityKeyIdentifier": ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    "issuerAltName": ExtensionOID.ISSUER_ALTERNATIVE_NAME,
    "authorityInfoAccess": ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    "subjectAltName": ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    "crlDistributionPoints": ExtensionOID.CRL_DISTRIBUTION_POINTS,
    "certificatePolicies": ExtensionOID.CERTIFICATE_POLICIES,
    "policyConstraints": ExtensionOID.POLICY_CONSTRAINTS,
    "inhibitAnyPolicy": ExtensionOID.INHIBIT_ANY_POLICY,
    "nameConstraints": ExtensionOID.NAME_CONSTRAINTS,
    "noCheck": ExtensionOID.OCSP_NO_CHECK,
    "tlsfeature": ExtensionOID.TLS_FEATURE,
    "nsComment": None,
    "nsCertType": None,
}
NOT_IN_REQUESTS = ("authorityInfoAccess", "authorityKeyIdentifier", "issuerAltName", "crlDistributionPoints")
OF_REVOCATIONS = {
    "authorityKeyIdentifier": ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    "authorityInfoAccess": ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    "cRLNumber": ExtensionOID.CRL_NUMBER,
    "deltaCRLIndicator": ExtensionOID.DELTA_CRL_INDICATOR,
    "freshestCRL": ExtensionOID.FRESHEST_CRL,
    "issuerAltName": ExtensionOID.ISSUER_ALTERNATIVE_NAME,
    "issuingDistributionPoint": ExtensionOID.ISSUING_DISTRIBUTION_POINT,
}
OF_REVOKED = {
    "certificateIssuer": CRLEntryExtensionOID.CERTIFICATE_ISSUER,
    "CRLReason": CRLEntryExtensionOID.CRL_REASON,
    "invalidityDate": CRLEntryExtensionOID.INVALIDITY_DATE,
}
_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
    "encipher_only": "encipherOnly",
    "decipher_only": "decipherOnly",
}
_EXTENDED_USAGES = {
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "OCSPSigning": "1.3.6.1.5.5.7.3.9",
    "msSmartcardLogin": "1.3.6.1.4.1.311.20.2.2",
    "pkInitKDC": "1.3.6.1.5.2.3.5",
    "ipsecIKE": "1.3.6.1.5.5.7.3.17",
    "msCodeInd": "1.3.6.1.4.1.311.2.1.21",
    "msCodeCom": "1.3.6.1.4.1.311.2.1.22",
    "msCTLSign": "1.3.6.1.4.1.311.10.3.1",
    "msEFS": "1.3.6.1.4.1.311.10.3.4",
}
_ACCESS = {
    "OCSP": AuthorityInformationAccessOID.OCSP,
    "caIssuers": AuthorityInformationAccessOID.CA_ISSUERS,
    "caRepository": SubjectInformationAccessOID.CA_REPOSITORY,
}


class Parties(NamedTuple):
    """Whose keys an extension speaks of: the subject's, and those of the certificate authority."""

    subject_key: Any = None
    authority: Optional[x509.Certificate] = None
    authority_key: Any = None


def make(name: str, value: Any, parties: Parties) -> Made:
    """An extension by its OpenSSL name, and whether it is critical."""
    if name not in _MAKERS:
        raise CommandExecutionError(f"Unknown extension {name}")
    try:
        return _MAKERS[name](value, parties)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        if isinstance(exc, CommandExecutionError):
            raise
        raise SaltInvocationError(f"Invalid configuration for {name}: {exc}") from exc


def _text(value: str) -> Tuple[Pairs, bool]:
    """`key:value` pairs of a text, and whether it begins with `critical`."""
    critical = value.startswith("critical")
    if critical:
        value = value[len("critical") :].strip(",").strip()
    pairs = []
    for item in value.split(","):
        key, colon, rest = item.strip().partition(":")
        pairs.append((key.strip(), rest.strip() if colon else "__present__"))
    return pairs, critical


def _pairs(value: Any) -> Tuple[Pairs, bool]:
    """`key:value` pairs of a text or a list."""
    if isinstance(value, str):
        return _text(value)
    found: Pairs = []
    for item in value:
        if isinstance(item, dict):
            found.extend(item.items())
        elif isinstance(item, str) and ":" in item:
            found.append(_pair(item))
    return found, "critical" in value


def _pair(item: str) -> Tuple[str, str]:
    key, _, rest = item.partition(":")
    return key.strip(), rest.strip()


def _names(items: Iterable[Any]) -> List[x509.GeneralName]:
    return names.general(_pair(item) if isinstance(item, str) else item for item in items)


def _basic_constraints(value: Any, parties: Parties) -> Made:
    if not isinstance(value, str):
        return x509.BasicConstraints(value["ca"], value.get("pathlen")), bool(value.get("critical", False))
    pairs, critical = _text(value.lower())
    given = dict(pairs)
    length = int(given["pathlen"]) if "pathlen" in given else None
    return x509.BasicConstraints(given["ca"] == "true", length), critical


def _key_usage(value: Any, parties: Parties) -> Made:
    return x509.KeyUsage(**{key: name in value for key, name in _USAGES.items()}), "critical" in value


def _extended_key_usage(value: Any, parties: Parties) -> Made:
    critical = "critical" in value
    if isinstance(value, str):
        pairs, critical = _text(value)
        value = [key for key, _ in pairs]
    usages = [usage for usage in (value if isinstance(value, list) else [value]) if usage != "critical"]
    return x509.ExtendedKeyUsage([names.object_id(_EXTENDED_USAGES.get(usage, usage)) for usage in usages]), critical


def _subject_key_identifier(value: Any, parties: Parties) -> Made:
    if "critical" in value:
        raise SaltInvocationError("subjectKeyIdentifier must be marked as non-critical")
    if value == "hash":
        return x509.SubjectKeyIdentifier.from_public_key(parties.subject_key), False
    if isinstance(value, str):
        try:
            value = bytes.fromhex(value.replace(":", ""))
        except ValueError:
            raise SaltInvocationError("Value must be precomputed hash") from None
    return x509.SubjectKeyIdentifier(value), False


def _authority_key_identifier(value: Any, parties: Parties) -> Made:
    if "critical" in value:
        raise SaltInvocationError("authorityKeyIdentifier must be marked as non-critical")
    wanted: Dict[str, Any] = dict(_text(value)[0]) if isinstance(value, str) else value
    key = _authority_key(parties) if "keyid" in wanted else None
    if wanted.get("keyid") == "always" and key is None:
        raise CommandExecutionError("Could not retrieve authorityKeyIdentifier keyid, but it was set to always")
    issuer, serial = None, None
    if wanted.get("issuer") == "always" or ("issuer" in wanted and key is None):
        if parties.authority is not None:
            issuer = [x509.DirectoryName(parties.authority.issuer)]
            serial = parties.authority.serial_number
        elif wanted["issuer"] == "always":
            raise CommandExecutionError(
                "Could not add authority_cert_issuer and authority_cert_serial_number, but was set to always."
            )
    return x509.AuthorityKeyIdentifier(key, issuer, serial), False


def _authority_key(parties: Parties) -> Optional[bytes]:
    """The identifier of the authority's key."""
    key = parties.authority_key
    if parties.authority is not None:
        try:
            return parties.authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except x509.ExtensionNotFound:
            key = parties.authority.public_key()
    return None if key is None else x509.AuthorityKeyIdentifier.from_issuer_public_key(key).key_identifier


def _issuer_names(value: Any, parties: Parties) -> Tuple[List[x509.GeneralName], bool]:
    """Names, and those of the authority for `issuer:copy`."""
    pairs, critical = _pairs(value)
    copied: List[x509.GeneralName] = []
    if ("issuer", "copy") in pairs:
        if parties.authority is None:
            raise SaltInvocationError("Need CA certificate to copy to issuerAltName")
        try:
            extension = parties.authority.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound as exc:
            raise CommandExecutionError(str(exc)) from exc
        copied = list(extension.value)
    return copied + names.general(pair for pair in pairs if pair[0] != "issuer"), critical


def _issuer_alt_name(value: Any, parties: Parties) -> Made:
    found, critical = _issuer_names(value, parties)
    return x509.IssuerAlternativeName(found), critical


def _certificate_issuer(value: Any, parties: Parties) -> Made:
    found, critical = _issuer_names(value, parties)
    return x509.CertificateIssuer(found), critical


def _authority_info_access(value: Any, parties: Parties) -> Made:
    if isinstance(value, str):
        items: Iterable[Any] = [item.strip().split(";") for item in value.split(",") if item.strip() != "critical"]
    else:
        parts = value if isinstance(value, list) else [value]
        items = [pair for part in parts if part != "critical" for pair in part.items() if pair[0] != "critical"]
    found = []
    for method, where in items:
        try:
            oid = _ACCESS.get(method) or names.object_id(method)
        except CommandExecutionError as exc:
            raise CommandExecutionError(f"Unknown access OID: {method}") from exc
        found.append(x509.AccessDescription(oid, _names([where])[0]))
    return x509.AuthorityInformationAccess(found), False


def _subject_alt_name(value: Any, parties: Parties) -> Made:
    pairs, critical = _pairs(value)
    return x509.SubjectAlternativeName(names.general(pairs)), critical


def _points(value: Any) -> Tuple[List[x509.DistributionPoint], bool]:
    """Where revocation lists are: names, or dictionaries."""
    critical = "critical" in value
    if isinstance(value, str):
        value, critical = _text(value)
    return [_point(item) for item in value if item != "critical"], critical


def _point(item: Any) -> x509.DistributionPoint:
    given: Dict[str, Any] = item if isinstance(item, dict) else {"fullname": [item]}
    full, relative, issuer = given.get("fullname"), given.get("relativename"), given.get("crlissuer")
    return x509.DistributionPoint(
        full_name=_names(_list(full)) if full else None,
        relative_name=names.relative(relative) if relative else None,
        reasons=_reasons(given.get("reasons")),
        crl_issuer=_names(_list(issuer)) if issuer else None,
    )


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value]


def _reasons(value: Any) -> Optional[FrozenSet[x509.ReasonFlags]]:
    return frozenset(map(x509.ReasonFlags, value)) if value else None


def _crl_distribution_points(value: Any, parties: Parties) -> Made:
    found, critical = _points(value)
    return x509.CRLDistributionPoints(found), critical


def _freshest_crl(value: Any, parties: Parties) -> Made:
    return x509.FreshestCRL(_points(value)[0]), False


def _issuing_distribution_point(value: Any, parties: Parties) -> Made:
    if not isinstance(value, dict):
        raise SaltInvocationError("issuingDistributionPoint must be a dictionary")
    full, relative = value.get("fullname"), value.get("relativename")
    point = x509.IssuingDistributionPoint(
        full_name=_names(_list(full)) if full else None,
        relative_name=names.relative(relative) if relative else None,
        only_contains_user_certs=value.get("onlyuser", False),
        only_contains_ca_certs=value.get("onlyCA", False),
        only_some_reasons=_reasons(value.get("onlysomereasons")),
        indirect_crl=value.get("indirectCRL", False),
        only_contains_attribute_certs=value.get("onlyAA", False),
    )
    return point, bool(value.get("critical", False))


def _certificate_policies(value: Any, parties: Parties) -> Made:
    if isinstance(value, str):
        ids = [item.strip() for item in value.split(",") if item.strip() != "critical"]
        policies = [x509.PolicyInformation(names.object_id(item), None) for item in ids]
        return x509.CertificatePolicies(policies), value.startswith("critical")
    policies = [
        x509.PolicyInformation(names.object_id(policy), [_qualifier(item) for item in qualifiers])
        for policy, qualifiers in value.items()
        if policy != "critical"
    ]
    return x509.CertificatePolicies(policies), bool(value.get("critical", False))


def _qualifier(item: Any) -> Any:
    """Where the authority states its practices, or a notice for the user."""
    if isinstance(item, str):
        return item
    numbers = item.get("noticeNumbers")
    reference = x509.NoticeReference(item.get("organization"), numbers) if numbers else None
    return x509.UserNotice(reference, item.get("text"))


def _policy_constraints(value: Any, parties: Parties) -> Made:
    critical = "critical" in value
    if isinstance(value, str):
        pairs, critical = _text(value)
        value = dict(pairs)
    numbers = [int(value[key]) if key in value else None for key in ("requireExplicitPolicy", "inhibitPolicyMapping")]
    return x509.PolicyConstraints(*numbers), critical


def _inhibit_any_policy(value: Any, parties: Parties) -> Made:
    if isinstance(value, int):
        return x509.InhibitAnyPolicy(value), False
    if isinstance(value, str):
        pairs, critical = _text(value)
        return x509.InhibitAnyPolicy(int(pairs[0][0])), critical
    return x509.InhibitAnyPolicy(value["value"]), "critical" in value


def _name_constraints(value: Any, parties: Parties) -> Made:
    critical = "critical" in value
    scopes: Dict[str, List[Any]] = {"permitted": [], "excluded": []}
    if isinstance(value, str):
        items = [tuple(item.strip().split(";", 1)) for item in value.split(",") if ";" in item]
    else:
        items = [(scope, item) for scope in scopes for item in value.get(scope, ()) if item != "critical"]
    for scope, item in items:
        if scope in scopes:
            scopes[scope].append(item)
    if not any(scopes.values()):
        raise SaltInvocationError("nameConstraints needs at least one definition")
    permitted, excluded = (_names(items) or None for items in scopes.values())
    return x509.NameConstraints(permitted, excluded), critical


def _no_check(value: Any, parties: Parties) -> Made:
    return x509.OCSPNoCheck(), "critical" in str(value)


def _tlsfeature(value: Any, parties: Parties) -> Made:
    items = [item.strip() for item in value.split(",")] if isinstance(value, str) else value
    features = [getattr(x509.TLSFeatureType, item) for item in items if item != "critical"]
    return x509.TLSFeature(features), "critical" in items


def _crl_number(value: Any, parties: Parties) -> Made:
    try:
        return x509.CRLNumber(int(value)), False
    except ValueError:
        raise SaltInvocationError("cRLNumber must be an integer and must be marked as non-critical") from None


def _delta_crl_indicator(value: Any, parties: Parties) -> Made:
    numbers = re.findall(r"\d+", str(value))
    if len(numbers) != 1:
        raise SaltInvocationError("deltaCRLIndicator must contain a single integer pointing to a cRLNumber")
    return x509.DeltaCRLIndicator(int(numbers[0])), "critical" in str(value)


def _crl_reason(value: Any, parties: Parties) -> Made:
    if isinstance(value, str):
        pairs, critical = _text(value)
        return x509.CRLReason(x509.ReasonFlags(pairs[0][0])), critical
    (reason,) = (item for item in value if item != "critical")
    return x509.CRLReason(x509.ReasonFlags(reason)), "critical" in value


def _invalidity_date(value: Any, parties: Parties) -> Made:
    if not isinstance(value, str):
        raise SaltInvocationError("invalidityDate must be a string")
    critical = value.startswith("critical")
    moment = value.split(" ", 1)[1] if critical else value
    return x509.InvalidityDate(datetime.strptime(moment, TIME)), critical


def _not_implemented(name: str) -> Callable[[Any, Parties], Made]:
    def refuse(value: Any, parties: Parties) -> Made:
        raise SaltInvocationError(f"{name} is currently not implemented.")

    return refuse


_MAKERS: Dict[str, Callable[[Any, Parties], Made]] = {
    "basicConstraints": _basic_constraints,
    "keyUsage": _key_usage,
    "extendedKeyUsage": _extended_key_usage,
    "subjectKeyIdentifier": _subject_key_identifier,
    "authorityKeyIdentifier": _authority_key_identifier,
    "issuerAltName": _issuer_alt_name,
    "certificateIssuer": _certificate_issuer,
    "authorityInfoAccess": _authority_info_access,
    "subjectAltName": _subject_alt_name,
    "crlDistributionPoints": _crl_distribution_points,
    "freshestCRL": _freshest_crl,
    "issuingDistributionPoint": _issuing_distribution_point,
    "certificatePolicies": _certificate_policies,
    "policyConstraints": _policy_constraints,
    "inhibitAnyPolicy": _inhibit_any_policy,
    "nameConstraints": _name_constraints,
    "noCheck": _no_check,
    "tlsfeature": _tlsfeature,
    "nsComment": _not_implemented("nsComment"),
    "nsCertType": _not_implemented("nsCertType"),
    "cRLNumber": _crl_number,
    "deltaCRLIndicator": _delta_crl_indicator,
    "CRLReason": _crl_reason,
    "invalidityDate": _invalidity_date,
}
