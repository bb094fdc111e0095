"""Extensions as `x509.read_certificate` and its kin show them."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from cryptography import x509

from minion.modules import _x509_extensions as extensions
from minion.modules._x509_names import hexadecimal, shown

_ORDER = {**extensions.OF_CERTIFICATES, **extensions.OF_REVOCATIONS}


def render(found: Iterable[x509.Extension[Any]]) -> Dict[str, Any]:
    """OpenSSL's name of an extension -> what it says."""
    return _render(found, _ORDER)


def render_revoked(found: Iterable[x509.Extension[Any]]) -> Dict[str, Any]:
    """The same for an entry of a revocation list."""
    return _render(found, extensions.OF_REVOKED)


def _render(
    found: Iterable[x509.Extension[Any]], known: Mapping[str, Optional[x509.ObjectIdentifier]]
) -> Dict[str, Any]:
    by_id = {extension.oid: extension for extension in found}
    return {name: _one(by_id[oid]) for name, oid in known.items() if oid is not None and oid in by_id}


def _one(extension: x509.Extension[Any]) -> Dict[str, Any]:
    show = _SHOW.get(type(extension.value), _plain)
    return {"critical": extension.critical, **show(extension.value)}


def _plain(value: Any) -> Dict[str, Any]:
    return {"value": str(value)}


def oid_name(oid: x509.ObjectIdentifier) -> str:
    """What an object identifier stands for; its numbers if nobody knows."""
    name: str = oid._name
    return oid.dotted_string if name == "Unknown OID" else name


def _names(found: Optional[Iterable[x509.GeneralName]]) -> List[str]:
    return [shown(name) for name in found or ()]


def _key_usage(value: Any) -> Dict[str, Any]:
    agrees = value.key_agreement
    return {
        "cRLSign": value.crl_sign,
        "dataEncipherment": value.data_encipherment,
        "decipherOnly": value.decipher_only if agrees else False,
        "digitalSignature": value.digital_signature,
        "encipherOnly": value.encipher_only if agrees else False,
        "keyAgreement": agrees,
        "keyCertSign": value.key_cert_sign,
        "keyEncipherment": value.key_encipherment,
        "nonRepudiation": value.content_commitment,
    }


def _authority_key_identifier(value: Any) -> Dict[str, Any]:
    serial = value.authority_cert_serial_number
    return {
        "keyid": hexadecimal(value.key_identifier) if value.key_identifier else None,
        "issuer": _names(value.authority_cert_issuer) or None,
        "issuer_sn": hexadecimal(serial) if serial else None,
    }


def _access(value: Any) -> Dict[str, Any]:
    return {"value": [{oid_name(one.access_method): str(one.access_location.value)} for one in value]}


def _reasons(value: Any) -> List[str]:
    return sorted(reason.value for reason in value or ())


def _relative(value: Any) -> Optional[str]:
    return value.rfc4514_string() if value else None


def _points(value: Any) -> Dict[str, Any]:
    shown_points = [
        {
            "crlissuer": _names(point.crl_issuer),
            "fullname": _names(point.full_name),
            "reasons": _reasons(point.reasons),
            "relativename": _relative(point.relative_name),
        }
        for point in value
    ]
    return {"value": shown_points}


def _issuing_point(value: Any) -> Dict[str, Any]:
    return {
        "fullname": _names(value.full_name),
        "onysomereasons": _reasons(value.only_some_reasons),  # spelled as users know it
        "relativename": _relative(value.relative_name),
        "onlyuser": value.only_contains_user_certs,
        "onlyCA": value.only_contains_ca_certs,
        "onlyAA": value.only_contains_attribute_certs,
        "indirectCRL": value.indirect_crl,
    }


def _policies(value: Any) -> Dict[str, Any]:
    return {
        "value": [
            {oid_name(policy.policy_identifier): [_qualifier(one) for one in policy.policy_qualifiers or ()]}
            for policy in value
        ]
    }


def _qualifier(value: Any) -> Dict[str, Any]:
    if isinstance(value, str):
        return {"practice_statement": value}
    reference = value.notice_reference
    return {
        "organizataion": reference.organization if reference else None,  # spelled as users know it
        "notice_numbers": reference.notice_numbers if reference else None,
        "explicit_text": value.explicit_text,
    }


_SHOW: Dict[Any, Callable[[Any], Dict[str, Any]]] = {
    x509.BasicConstraints: lambda value: {"ca": value.ca, "pathlen": value.path_length},
    x509.KeyUsage: _key_usage,
    x509.ExtendedKeyUsage: lambda value: {"value": [oid_name(usage) for usage in value]},
    x509.SubjectKeyIdentifier: lambda value: {"value": hexadecimal(value.digest)},
    x509.AuthorityKeyIdentifier: _authority_key_identifier,
    x509.IssuerAlternativeName: lambda value: {"value": _names(value)},
    x509.CertificateIssuer: lambda value: {"value": _names(value)},
    x509.AuthorityInformationAccess: _access,
    x509.SubjectAlternativeName: lambda value: {"value": _names(value)},
    x509.CRLDistributionPoints: _points,
    x509.FreshestCRL: _points,
    x509.IssuingDistributionPoint: _issuing_point,
    x509.CertificatePolicies: _policies,
    x509.PolicyConstraints: lambda value: {
        "inhibitPolicyMapping": value.inhibit_policy_mapping,
        "requireExplicitPolicy": value.require_explicit_policy,
    },
    x509.InhibitAnyPolicy: lambda value: {"value": value.skip_certs},
    x509.NameConstraints: lambda value: {
        "excluded": _names(value.excluded_subtrees),
        "permitted": _names(value.permitted_subtrees),
    },
    x509.OCSPNoCheck: lambda value: {"value": True},
    x509.TLSFeature: lambda value: {"value": [feature.name for feature in value]},
    x509.CRLNumber: lambda value: {"value": value.crl_number},
    x509.DeltaCRLIndicator: lambda value: {"value": value.crl_number},
    x509.CRLReason: lambda value: {"value": value.reason.value},
    x509.InvalidityDate: lambda value: {"value": value.invalidity_date.strftime(extensions.TIME)},
}
