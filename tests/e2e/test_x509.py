"""A minion that signs certificates for others, by a policy; also when one of the two is stock Salt's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes import SALT, Lab

STATE = """
{root}/{minion}.key:
  x509.private_key_managed:
    - algo: ec

{root}/{minion}.crt:
  x509.certificate_managed:
    - ca_server: {ca}
    - signing_policy: www
    - private_key: {root}/{minion}.key
    - CN: {minion}
    - days_remaining: 1
    - require:
      - x509: {root}/{minion}.key
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A master that lets minions ask each other for certificates; an authority, `ca`, and a minion, `www`."""
    made = Lab(
        auto_accept=True,
        peer={".*": ["x509.sign_remote_certificate"]},
        peer_run={"ca.*": ["match.compound_matches"]},
    )
    policies = {
        name: [
            {"minions": minions},
            {"signing_private_key": str(made.root / "ca.key")},
            {"signing_cert": str(made.root / "ca.crt")},
            {"O": "by policy"},
            {"days_valid": 5},
        ]
        for name, minions in (("www", "www*"), ("others", "db*"), ("compound", "G@role:web"))
    }
    try:
        made.start_master()
        made.start_minion("ca", x509_signing_policies=policies)
        made.start_minion("www", grains={"role": "web"})
        made.results("ca", "x509.create_private_key", "algo=ec", f"path={made.root}/ca.key")
        how = (f"signing_private_key={made.root}/ca.key", "CN=ca", "basicConstraints=critical, CA:true")
        made.results("ca", "x509.create_certificate", f"path={made.root}/ca.crt", *how)
        made.policies = policies  # type: ignore[attr-defined]
        yield made
    finally:
        made.close()


def apply(lab: Lab, minion: str, ca: str) -> list[dict[str, Any]]:
    text = STATE.format(root=lab.root, minion=minion, ca=ca)
    (lab.root / "srv/salt/cert.sls").write_text(text)
    results = lab.results(minion, "state.apply", "cert")[minion]
    assert isinstance(results, dict), results
    return [result for tag, result in results.items() if tag.startswith("x509_")]


def check(lab: Lab, minion: str, ca: str) -> None:
    first = apply(lab, minion, ca)
    assert [result["result"] for result in first] == [True, True], first
    assert [result["changes"] for result in apply(lab, minion, ca)] == [{}, {}]
    about = lab.results("ca", "x509.read_certificate", str(lab.root / f"{minion}.crt"))["ca"]
    assert about["subject"] == {"O": "by policy", "CN": minion}
    verified = lab.results("ca", "x509.verify_signature", f"{lab.root}/{minion}.crt", f"{lab.root}/ca.crt")
    assert verified == {"ca": True}


def test_certificate_of_another_minion(lab: Lab) -> None:
    check(lab, "www", "ca")


def test_policies_that_are_not_for_this_minion(lab: Lab) -> None:
    arguments = ("ca_server=ca", "CN=x", f"private_key={lab.root}/www.key")
    refused = lab.results("www", "x509.create_certificate", "signing_policy=others", *arguments)["www"]
    assert "minion not permitted to use specified signing policy" in refused
    unknown = lab.results("www", "x509.create_certificate", "signing_policy=none", *arguments)["www"]
    assert "signing_policy must be specified and defined on signing minion" in unknown
    nobody = lab.results("www", "x509.create_certificate", "signing_policy=www", "ca_server=none", arguments[1])["www"]
    assert "ca_server did not respond" in nobody


def test_policies_by_compound_targets(lab: Lab) -> None:
    arguments = ("ca_server=ca", "CN=x", "signing_policy=compound", f"private_key={lab.root}/www.key")
    assert lab.results("www", "x509.create_certificate", *arguments)["www"].startswith("-----BEGIN CERTIFICATE-----")
    refused = lab.results("ca", "x509.create_certificate", *arguments)["ca"]
    assert "minion not permitted to use specified signing policy" in refused


@pytest.mark.interop
@pytest.mark.skipif(SALT is None, reason="needs a real Salt")
def test_stock_minions_on_either_side(lab: Lab) -> None:
    lab.start_minion("www-stock", stock=True)
    check(lab, "www-stock", "ca")
    lab.start_minion("ca-stock", stock=True, x509_signing_policies=lab.policies)  # type: ignore[attr-defined]
    (lab.root / "www.crt").unlink()
    check(lab, "www", "ca-stock")
