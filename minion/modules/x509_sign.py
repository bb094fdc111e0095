"""Certificates that one minion signs for others, by a policy."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List

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
__context__: Dict[str, Any]
__virtualname__ = "x509"

log = logging.getLogger(__name__)

_OWN = ("signing_private_key", "signing_private_key_passphrase")  # never leave the host that signs


def __virtual__() -> Any:
    return True if LOADED else (False, "Could not load cryptography")


def get_signing_policy(signing_policy: Any, ca_server: Any = None) -> Dict[str, Any]:
    """What a signing policy fixes.

    Args:
        signing_policy: its name.
        ca_server: ask this minion.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.get_signing_policy www
    """
    if ca_server is None:
        return names.short(_own_policy(signing_policy))
    known = __context__.setdefault("x509_policies", {})
    if (ca_server, signing_policy) not in known:
        known[ca_server, signing_policy] = _x509_remote.ask(__salt__, ca_server, signing_policy, {}, True)
    policy = names.short(known[ca_server, signing_policy])
    if "signing_cert" in policy:
        policy["signing_cert"] = load.encoded(load.certificate(policy["signing_cert"]), "pem").decode()
    return policy


def _own_policy(name: Any) -> Dict[str, Any]:
    """A policy of this host: from its pillar, or else from its configuration."""
    if name is None:
        return {}
    for policies in (
        __salt__["pillar.get"]("x509_signing_policies", {}, unmask=True),
        __salt__["config.get"]("x509_signing_policies", {}),
    ):
        policy = (policies or {}).get(name)
        if policy:
            items: List[Dict[str, Any]] = policy if isinstance(policy, list) else [policy]
            return {key: value for item in items for key, value in item.items()}
    return {}


def sign_remote_certificate(
    signing_policy: str, kwargs: Dict[str, Any], get_signing_policy_only: bool = False, **more_kwargs: Any
) -> Dict[str, Any]:
    """Signs a certificate for another minion, which asks through the master: `data` (DER) and `errors`.

    Args:
        signing_policy: the policy; it must exist here.
        kwargs: the arguments of `x509.create_certificate`.
        get_signing_policy_only: just say what the policy fixes.
        more_kwargs: facts about the job; `__pub_id` is the minion that asks.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.sign_remote_certificate kwargs="{'public_key': '/etc/pki/www.key'}" signing_policy=www
    """
    try:
        policy = names.short(_own_policy(signing_policy))
        error = _refusal(policy, more_kwargs.get("__pub_id"))
        if error:
            return {"data": None, "errors": [error]}
        if get_signing_policy_only:
            return {"data": _public(policy), "errors": []}
        arguments = build.with_policy({key: value for key, value in policy.items() if key != "minions"}, kwargs)
        cert, _ = write.issue({"days_valid": 365, **_without_paths(arguments, policy)})
    except Exception as exc:  # noqa: BLE001 - the minion that asks waits for an answer
        log.error("Signing by the policy %s failed: %s", signing_policy, exc)
        return {"data": None, "errors": [str(exc)]}
    return {"data": load.encoded(cert, "der"), "errors": []}


def _refusal(policy: Dict[str, Any], minion: Any) -> str:
    """Why a minion may not use a policy; "" if it may."""
    if not policy:
        return "signing_policy must be specified and defined on signing minion"
    if "minions" not in policy:
        return ""
    if minion is None:
        return "minion sending this request could not be identified"
    return "" if _matches(policy["minions"], minion) else "minion not permitted to use specified signing policy"


def _matches(target: str, minion: str) -> bool:
    if "@" not in target:
        return bool(__salt__["match.glob"](target, minion))
    answer = __salt__["publish.runner"]("match.compound_matches", arg=[target, minion])
    if answer is None:
        raise CommandExecutionError(
            "Could not check minion match for compound expression. "
            "Is this minion allowed to run `match.compound_matches` on the master?"
        )
    if not isinstance(answer, dict) or "res" not in answer:
        raise CommandExecutionError("Invalid return value of match.compound_matches.")
    return bool(answer["res"] == minion)


def _public(policy: Dict[str, Any]) -> Dict[str, Any]:
    """What others may know of a policy."""
    shown = {key: value for key, value in policy.items() if key not in ("minions", *_OWN)}
    if "signing_cert" in shown:
        shown["signing_cert"] = load.encoded(load.certificate(shown["signing_cert"]), "der")
    return shown


def _without_paths(arguments: Dict[str, Any], policy: Dict[str, Any]) -> Dict[str, Any]:
    """Another minion neither chooses which of our files sign nor which are read or written."""
    own = {*_OWN, "signing_cert", "copypath", "prepend_cn", "private_key", "private_key_passphrase"}
    kept = {key: value for key, value in arguments.items() if key not in own or key in policy}
    for source in ("public_key", "csr"):
        if source not in policy and load.is_file(kept.get(source)):
            raise SaltInvocationError(f"{source} must be the thing itself, not a path on the signing minion")
    return kept
