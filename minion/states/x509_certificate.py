"""Certificates in files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Callable, Dict, List, Optional

from minion.states import _x509
from minion.states._result import Result

try:
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
__virtualname__ = "x509"

_SAME_CERTIFICATE = {"additional_certs", "encoding", "pkcs12_friendlyname"}  # changes that need no new one
_DAYS_VALID, _DAYS_REMAINING = 365, 90


def __virtual__() -> Any:
    return _x509.usable(LOADED, __opts__)


def certificate_managed(
    name: str,
    days_remaining: Optional[int] = None,
    ca_server: Optional[str] = None,
    signing_policy: Optional[str] = None,
    encoding: str = "pem",
    append_certs: Any = None,
    digest: str = "sha256",
    signing_private_key: Any = None,
    signing_private_key_passphrase: Optional[str] = None,
    signing_cert: Any = None,
    public_key: Any = None,
    private_key: Any = None,
    private_key_passphrase: Optional[str] = None,
    csr: Any = None,
    subject: Any = None,
    serial_number: Any = None,
    not_before: Optional[str] = None,
    not_after: Optional[str] = None,
    days_valid: Optional[int] = None,
    pkcs12_passphrase: Optional[str] = None,
    pkcs12_encryption_compat: bool = False,
    pkcs12_friendlyname: Optional[str] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that there is a certificate, and that it does not end soon.

    Args:
        name: the file.
        days_remaining: make it anew when so many days are left; 90.
        ca_server: the minion that signs it, by its signing policy.
        signing_policy: a policy that fixes arguments.
        encoding: pem, der, pkcs7_pem, pkcs7_der or pkcs12.
        append_certs: certificates to add.
        digest: sha256 and the like.
        signing_private_key, signing_private_key_passphrase: the key that signs.
        signing_cert: its certificate; without it the certificate signs itself.
        public_key, private_key, private_key_passphrase, csr: one of them tells the key of the certificate.
        subject: its distinguished name: RFC 4514 text, a list of parts, or a dictionary.
        serial_number: a number, or hexadecimal text.
        not_before, not_after: from when and until when it holds, as 2030-12-31 23:59:59 in UTC.
        days_valid: for how long it holds; 365.
        pkcs12_passphrase, pkcs12_encryption_compat, pkcs12_friendlyname: of a PKCS12 container.
        kwargs: parts of the subject, extensions, `copypath` and `prepend_cn`, and arguments of file.managed.
    """
    file, rest = _x509.split(names.short(kwargs))
    given = {key: value for key, value in rest.items() if key not in _x509.IGNORED}
    given = {"digest": given.pop("algorithm", digest), **given}
    wanted = {
        "signing_private_key": signing_private_key,
        "signing_private_key_passphrase": signing_private_key_passphrase,
        "signing_cert": signing_cert,
        "public_key": public_key,
        "private_key": private_key,
        "private_key_passphrase": private_key_passphrase,
        "csr": csr,
        "subject": subject,
        "serial_number": serial_number,
        "not_before": not_before,
        "not_after": not_after,
        "days_valid": _DAYS_VALID if days_valid is None and not_after is None else days_valid,
    }
    given.update((key, value) for key, value in wanted.items() if value is not None)
    container = {
        "pkcs12_passphrase": pkcs12_passphrase,
        "pkcs12_encryption_compat": pkcs12_encryption_compat,
        "pkcs12_friendlyname": pkcs12_friendlyname,
    }
    days = _DAYS_REMAINING if days_remaining is None else days_remaining
    job = _Certificate(given, ca_server, signing_policy, encoding, _list(append_certs), container, days)
    host = _x509.Host(__states__, __opts__, __low__)
    return _x509.managed(host, _x509.Thing(name, "certificate", encoding, file, job.inspect, job.make))


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value] if value else []


class _Certificate:
    """A certificate that is to be.

    Args:
        given: the arguments that describe it.
        ca_server, signing_policy: who signs it, and how.
        encoding: of the file.
        append_certs: the certificates after it.
        container: the arguments of a PKCS12 container.
        days_remaining: the least number of days that it must still hold.
    """

    def __init__(
        self,
        given: Dict[str, Any],
        ca_server: Optional[str],
        signing_policy: Optional[str],
        encoding: str,
        append_certs: List[Any],
        container: Dict[str, Any],
        days_remaining: int,
    ) -> None:
        self.given, self.ca_server, self.policy = given, ca_server, signing_policy
        self.encoding, self.append_certs, self.container = encoding, append_certs, container
        self.days_remaining = days_remaining
        self.current: Any = None
        self.key: Any = None

    def inspect(self, path: str) -> _x509.Found:
        """How the certificate in a file differs."""
        try:
            loaded = load.read_certificate(path, self.container["pkcs12_passphrase"])
        except load.WrongPassphrase:
            return _x509.Found({"pkcs12_passphrase": True}, known=False)
        except load.Unreadable:
            return _x509.Found({}, known=False, replace=True)
        self.current = loaded.thing
        changes = self._form(loaded)
        if build.ends(self.current) < build.now() + timedelta(days=self.days_remaining):
            changes["expiration"] = True
        if list(loaded.chain) != [load.certificate(one) for one in self.append_certs]:
            changes["additional_certs"] = True
        policy = __salt__["x509.get_signing_policy"](self.policy, ca_server=self.ca_server)
        final = build.with_policy(policy, self.given)
        plan = build.plan_certificate(final, remote=self.ca_server is not None)
        self.key = plan.private_key
        if build.digest_differs(self.current, final["digest"]):
            changes["digest"] = final["digest"]
        return _x509.Found({**changes, **build.certificate_changes(self.current, plan, self.given)})

    def _form(self, loaded: Any) -> Dict[str, Any]:
        """How the file differs, whatever the certificate is."""
        label = self.container["pkcs12_friendlyname"]
        if self.encoding != loaded.encoding:
            return {"encoding": self.encoding}
        if self.encoding == "pkcs12" and loaded.label != (label.encode() if label else None):
            return {"pkcs12_friendlyname": label}
        return {}

    def make(self, changes: Dict[str, Any]) -> str:
        """The certificate: the present one in another form if that will do, or else a new one."""
        form = {"encoding": self.encoding, "append_certs": self.append_certs}
        if self.current is not None and not set(changes) - _SAME_CERTIFICATE:
            if self.encoding == "pkcs12":
                form.update(self.container, private_key=self.key)
            return str(__salt__["x509.encode_certificate"](self.current, **form))
        who = {"ca_server": self.ca_server, "signing_policy": self.policy}
        return str(__salt__["x509.create_certificate"](**who, **form, **self.container, **self.given))
