"""The runner `manage` against a running control socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from master.config import load
from master.keys import KeyStore, State
from master.runner import RunnerClient
from tests.master.conftest import MakeLab
from tests.master.lab import Failed, Lab, obedient
from transports import SALT_VERSION, crypto
from transports.messages import Job


def cmd(lab: Lab, fun: str, *args: Any, **kwargs: Any) -> Any:
    with RunnerClient(load(str(lab.conf_dir / "master")).opts()) as client:
        run = client.run(fun, args, kwargs)
        assert run.success, run.value
        return run.value


def with_keys(lab: Lab, *names: str) -> KeyStore:
    store = KeyStore(str(lab.root / "pki"))
    store.prepare()
    pem = crypto.public_pem(crypto.generate_key(2048).public_key())
    for name in names:
        store.store(name, pem, State.ACCEPTED)
    return store


def test_who_answers(make_lab: MakeLab) -> None:
    lab = make_lab("b", "a", absent=["gone"])
    assert cmd(lab, "manage.status") == {"up": ["a", "b"], "down": ["gone"]}
    assert cmd(lab, "manage.up") == ["a", "b"]
    assert cmd(lab, "manage.up", tgt="a", timeout=3, gather_job_timeout=2) == ["a"]
    assert cmd(lab, "manage.down", tgt="a,gone", tgt_type="list") == ["gone"]
    assert cmd(lab, "manage.status", tgt="nobody") == {"up": [], "down": []}


def test_a_minion_whose_ping_fails_is_up(make_lab: MakeLab) -> None:
    assert cmd(make_lab(a=lambda job, name: Failed("no")), "manage.up") == ["a"]


def test_keys_of_those_who_do_not_answer_can_be_deleted(make_lab: MakeLab) -> None:
    lab = make_lab("a", absent=["gone"])
    keys = with_keys(lab, "a", "gone")
    assert cmd(lab, "manage.down", removekeys=True) == ["gone"]
    assert keys.ids(State.ACCEPTED) == ["a"]
    assert "salt/key" in lab.events


def test_who_is_connected(make_lab: MakeLab) -> None:
    lab = make_lab("b", "a", absent=["gone"])
    with_keys(lab, "a", "b", "gone")
    lab.data.store_grains("a", {"ipv4": ["127.0.0.1", "10.0.0.7"]})
    for name in ("present", "joined", "allowed", "alived", "reaped", "list_state"):
        assert cmd(lab, f"manage.{name}") == ["a", "b"]
    for name in ("not_present", "not_joined", "not_allowed", "not_alived", "not_reaped", "list_not_state"):
        assert cmd(lab, f"manage.{name}") == ["gone"]
    assert cmd(lab, "manage.present", show_ip=True) == {"a": "10.0.0.7", "b": ""}
    assert cmd(lab, "manage.present", subset=["b", "gone"]) == ["b"]
    assert cmd(lab, "manage.not_present", subset="a,b") == []


def test_versions(make_lab: MakeLab) -> None:
    def says(version: str) -> Any:
        return lambda job, name: version

    lab = make_lab(
        same=says(SALT_VERSION), old=says("0.0.1"), new=says("9999.1"), bad=lambda j, n: Failed("x"), absent=["off"]
    )
    assert cmd(lab, "manage.versions") == {
        "Master": SALT_VERSION,
        "Up to date": {"same": SALT_VERSION},
        "Minion requires update": {"old": "0.0.1"},
        "Minion newer than master": {"new": "9999.1"},
        "Minion offline": {"bad": False, "off": False},
    }


def test_key_regen_deletes_all_keys(make_lab: MakeLab) -> None:
    asked: list[str] = []

    def behave(job: Job, name: str) -> Any:
        asked.append(job.fun[0])
        return obedient(job, name)

    lab = make_lab(a=behave)
    keys = with_keys(lab, "a")
    (Path(lab.root) / "pki" / "master.pem").write_text("key")
    assert "Restart the master now" in cmd(lab, "manage.key_regen")
    assert asked == ["saltutil.regen_keys"] and keys.ids(State.ACCEPTED) == []
    assert not (Path(lab.root) / "pki" / "master.pem").exists()
