"""Names in certificates: of subjects and issuers, of hosts, of object identifiers; and numbers as people read them."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, Iterable, List, Tuple
from urllib.parse import urlparse, urlunparse

from cryptography import x509
from cryptography.x509.oid import NameOID

from minion.errors import CommandExecutionError, SaltInvocationError

# In the order in which they stand in a subject.
ATTRIBUTES = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "STREET": NameOID.STREET_ADDRESS,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
    "MAIL": NameOID.EMAIL_ADDRESS,
    "SN": NameOID.SURNAME,
    "GN": NameOID.GIVEN_NAME,
    "UID": NameOID.USER_ID,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
}
_LONG = {
    "CN": ("commonName",),
    "L": ("localityName",),
    "ST": ("stateOrProvinceName",),
    "O": ("organizationName",),
    "OU": ("organizationUnitName",),
    "GN": ("givenName",),
    "SN": ("surname",),
    "MAIL": ("Email", "emailAddress"),
    "SERIALNUMBER": ("serialNumber",),
    "basicConstraints": ("X509v3 Basic Constraints",),
    "keyUsage": ("X509v3 Key Usage",),
    "extendedKeyUsage": ("X509v3 Extended Key Usage",),
    "subjectKeyIdentifier": ("X509v3 Subject Key Identifier",),
    "authorityKeyIdentifier": ("X509v3 Authority Key Identifier",),
    "issuerAltName": ("X509v3 Issuer Alternative Name", "issuserAltName"),
    "authorityInfoAccess": ("Authority Information Access",),
    "subjectAltName": ("X509v3 Subject Alternative Name",),
    "crlDistributionPoints": ("X509v3 CRL Distribution Points",),
    "issuingDistributionPoint": ("X509v3 Issuing Distribution Point",),
    "certificatePolicies": ("X509v3 Certificate Policies",),
    "policyConstraints": ("X509v3 Policy Constraints",),
    "inhibitAnyPolicy": ("X509v3 Inhibit Any Policy",),
    "nameConstraints": ("X509v3 Name Constraints",),
    "noCheck": ("OCSP No Check",),
    "tlsfeature": ("TLS Feature",),
    "nsComment": ("Netscape Comment",),
    "nsCertType": ("Netscape Certificate Type",),
    "cRLNumber": ("X509v3 CRLNumber",),
    "deltaCRLIndicator": ("X509v3 Delta CRL Indicator",),
    "freshestCRL": ("x509v3 Freshest CRL",),
}
_SHORT = {long: short for short, longs in _LONG.items() for long in longs}
_LABEL = re.compile(r"[^A-Za-z\d\-.]")


def short(arguments: Dict[str, Any]) -> Dict[str, Any]:
    """Arguments by their short names; older states use long ones."""
    return {_SHORT.get(name, name): value for name, value in arguments.items()}


def distinguished(name: Any) -> x509.Name:
    """A distinguished name: an RFC 4514 text, a list of such parts, or attribute -> value."""
    if isinstance(name, str):
        try:
            return x509.Name.from_rfc4514_string(name)
        except ValueError as exc:
            raise CommandExecutionError("Failed parsing rfc4514 dirName string") from exc
    if isinstance(name, list):
        return x509.Name([relative(part) for part in name])
    if isinstance(name, dict):
        try:
            return x509.Name([x509.NameAttribute(ATTRIBUTES[key], name[key]) for key in ATTRIBUTES if key in name])
        except (TypeError, ValueError) as exc:
            raise SaltInvocationError(f"Wrong subject: {exc}") from exc
    raise SaltInvocationError("Need string, list or dict to parse distinguished names")


def relative(part: str) -> x509.RelativeDistinguishedName:
    """One part of a distinguished name."""
    try:
        parts = x509.Name.from_rfc4514_string(part).rdns
    except ValueError as exc:
        raise CommandExecutionError(f"Failed parsing rdn string: {part}") from exc
    if len(parts) > 1:
        raise SaltInvocationError("Specified string is not a Relative Distinguished Name, but a Distinguished Name.")
    return parts[0]


def attributes(name: x509.Name) -> Dict[str, Any]:
    """Attribute -> value of a distinguished name."""
    found = ((key, name.get_attributes_for_oid(oid)) for key, oid in ATTRIBUTES.items())
    return {key: values[0].value for key, values in found if values}


def object_id(text: Any) -> x509.ObjectIdentifier:
    """An object identifier, as 1.2.3."""
    if not re.fullmatch(r"[012][0-9.]*", str(text)):
        raise CommandExecutionError(f"Invalid oid: {text}")
    try:
        return x509.ObjectIdentifier(str(text))
    except ValueError:
        raise CommandExecutionError(f"Invalid oid: {text}") from None


def general(names: Iterable[Tuple[str, Any]]) -> List[x509.GeneralName]:
    """General names of (kind, value) pairs; the kinds are dns, ip, email, uri, rid and dirname."""
    return [_general(kind.lower(), value) for kind, value in names]


def _general(kind: str, value: Any) -> x509.GeneralName:
    if kind == "othername":
        raise SaltInvocationError("otherName is currently not implemented")
    if kind not in _GENERAL:
        raise CommandExecutionError(f"GeneralName type {kind} is invalid")
    try:
        name: x509.GeneralName = _GENERAL[kind](value)
    except (ValueError, TypeError) as exc:
        if isinstance(exc, CommandExecutionError):
            raise
        raise CommandExecutionError(str(exc)) from exc
    return name


def _address(value: str) -> x509.IPAddress:
    for parse in (ipaddress.ip_address, ipaddress.ip_network):
        try:
            return x509.IPAddress(parse(value))
        except ValueError:
            continue
    raise CommandExecutionError(f"Provided value {value} does not seem to be an IP address or network range.")


def _email(value: str) -> x509.RFC822Name:
    user, at, domain = value.rpartition("@")
    return x509.RFC822Name(f"{user}@{_domain(domain)}" if at else _domain(domain, dot=True))


def _uri(value: str) -> x509.UniformResourceIdentifier:
    url = urlparse(value)
    if url.netloc:
        host, colon, port = url.netloc.partition(":")
        value = urlunparse(url._replace(netloc=f"{_domain(host)}{colon}{port}"))
    return x509.UniformResourceIdentifier(value)


_GENERAL: Dict[str, Any] = {
    "dns": lambda value: x509.DNSName(_domain(value, dot=True, wildcard=True)),
    "ip": _address,
    "email": _email,
    "uri": _uri,
    "rid": lambda value: x509.RegisteredID(object_id(value)),
    "dirname": lambda value: x509.DirectoryName(distinguished(value)),
}


def _domain(name: Any, dot: bool = False, wildcard: bool = False) -> str:
    """A name of a host in ASCII.

    Args:
        name: the name.
        dot: it may begin with a dot: all below a domain.
        wildcard: it may begin with `*.`.
    """
    if not isinstance(name, str):
        raise SaltInvocationError(f"Expected string value, got {type(name).__name__}: `{name}`")
    prefix = "." if name.startswith(".") else "*." if name.startswith("*.") else ""
    if prefix == "." and not dot:
        raise CommandExecutionError("Leading dots are not allowed in this context")
    if prefix == "*." and not wildcard:
        raise CommandExecutionError("Wildcards are not allowed in this context")
    rest = name[len(prefix) :]
    if not rest:
        raise CommandExecutionError("Empty domain")
    if not all(rest.split(".")):
        raise CommandExecutionError("Empty Label")
    try:
        ascii_name = rest.encode("idna").decode()
    except UnicodeError as exc:
        raise CommandExecutionError(f"{name} is no name of a host: {exc}") from exc
    wrong = _LABEL.search(ascii_name)
    if wrong:
        code = f"U+{ord(wrong.group()):04X}"
        raise CommandExecutionError(f"Codepoint {code} at position {wrong.end()} of {rest!r} not allowed")
    return prefix + ascii_name


def shown(name: x509.GeneralName) -> str:
    """A general name as OpenSSL writes it."""
    if isinstance(name, x509.DirectoryName):
        return f"dirName:{name.value.rfc4514_string()}"
    if isinstance(name, x509.IPAddress):
        return f"IP:{name.value.exploded}"
    if isinstance(name, x509.RegisteredID):
        return f"RID:{name.value.dotted_string}"
    for kind, label in ((x509.DNSName, "DNS"), (x509.RFC822Name, "mail"), (x509.UniformResourceIdentifier, "URI")):
        if isinstance(name, kind):
            return f"{label}:{name.value}"
    return str(name)


def serial_number(given: Any) -> int:
    """A serial number: as it is, or in hexadecimal; a random one if none is given."""
    if given is None:
        return x509.random_serial_number()
    if isinstance(given, int):
        return given
    try:
        return int.from_bytes(bytes.fromhex(given.replace(":", "")), "big")
    except (AttributeError, TypeError, ValueError):
        raise CommandExecutionError(f"Could not parse serial number {given}") from None


def hexadecimal(value: Any) -> str:
    """Bytes or a number, as AB:CD."""
    text = value.hex() if isinstance(value, bytes) else f"{value:x}"
    text = text.zfill(len(text) + len(text) % 2).upper()
    return ":".join(text[index : index + 2] for index in range(0, len(text), 2))
