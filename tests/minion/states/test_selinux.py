from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.box import Box
from tests.minion.selinux_lab import Tools
from tests.minion.states.calls import State

BOOLEAN = "httpd_can_network_connect"


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    return Tools(tmp_path, monkeypatch)


def test_mode(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: Dict[str, Any] = state.names("selinux.getenforce")
    monkeypatch.setitem(names, "_FILESYSTEMS", (str(tmp_path),))
    monkeypatch.setitem(names, "_CONFIG", str(tmp_path / "config"))
    (tmp_path / "enforce").write_text("0")
    (tmp_path / "config").write_text("SELINUX=permissive\n")
    predicted = state("selinux.mode", "enforcing", test=True)
    assert (predicted["result"], predicted["changes"]) == (None, {"old": "Permissive", "new": "Enforcing"})
    first = state.converge("selinux.mode", "enforcing")[1]
    assert first["comment"] == "SELinux has been set to Enforcing mode"
    assert state.fails("selinux.mode", "strange") == "strange is not an accepted mode"
    (tmp_path / "config").unlink()
    (tmp_path / "enforce").unlink()
    assert "Could not read SELinux config file" in state.fails("selinux.mode", "permissive")


def test_boolean(state: State, tools: Tools) -> None:
    predicted, first, second = state.converge("selinux.boolean", BOOLEAN, value=True, persist=True)
    changes = {BOOLEAN: {"old": ("off", "off"), "new": ("on", "on")}}
    assert (predicted["comment"], predicted["changes"]) == (
        f"The following booleans would be changed: {BOOLEAN}",
        changes,
    )
    assert (first["comment"], first["changes"]) == (f"The following booleans have been changed: {BOOLEAN}", changes)
    assert second["comment"] == f"The following booleans were in the correct state: {BOOLEAN}"
    now = state("selinux.boolean", "now", booleans=[{BOOLEAN: "off"}, "allow_cvs_read_shadow"], value=0)
    assert now["changes"] == {BOOLEAN: {"old": "on", "new": "off"}}
    assert tools.policy["booleans"][BOOLEAN] == ["off", "on"]
    assert state.fails("selinux.boolean", "nosuch", value=True) == "Boolean nosuch is not available"
    wrong = state.fails("selinux.boolean", BOOLEAN, value="maybe")
    assert wrong == f"maybe is not a valid value for the boolean {BOOLEAN}"
    failed = state.fails("selinux.boolean", "allow_cvs_read_shadow", value="on")
    assert failed == "Failed to set the following booleans: {'allow_cvs_read_shadow': 'on'}"


def test_booleans_that_are_combined(tools: Tools, tmp_path: Path) -> None:
    state = State(Box(tmp_path, {"state_aggregate": True}))
    each = "selinux.boolean: [{value: %s}, {persist: true}]"
    sls = f"{BOOLEAN}:\n  {each % 'on'}\nallow_cvs_read_shadow:\n  {each % 'maybe'}\n"
    state.box.write({"srv/booleans.sls": sls})
    results = list(state.functions["state.apply"]("booleans").values())
    assert results[0]["comment"] == "maybe is not a valid value for the boolean allow_cvs_read_shadow"
    assert tools.policy["booleans"][BOOLEAN] == ["off", "off"], "all or none"


def test_module(state: State, tools: Tools, tmp_path: Path) -> None:
    first = state.converge("selinux.module", "zabbix", module_state="enabled")[1]
    assert (first["comment"], first["changes"]) == (
        "Module zabbix has been set to enabled",
        {"zabbix": {"old": "disabled", "new": "enabled"}},
    )
    assert state.fails("selinux.module", "nosuch") == "Module nosuch is not available"
    assert "is not a valid state" in state.fails("selinux.module", "afs", module_state="strange")
    assert "does not match the desired version" in state.fails("selinux.module", "afs", version="1")
    both = state.fails("selinux.module", "afs", install=True, remove=True)
    assert both == "Cannot install and remove at the same time"
    (tmp_path / "mine.pp").write_text("x")
    state.converge("selinux.module", "mine", install=True, source=str(tmp_path / "mine.pp"))
    removed = state("selinux.module", "mine", remove=True)
    assert (removed["comment"], removed["changes"]) == ("Module mine has been removed", {"mine": "Removed"})
    assert "mine" not in tools.policy["modules"]


def test_installing_and_removing_modules(state: State, tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "mine.pp"
    path.write_text("x")
    assert state("selinux.module_install", str(path), test=True)["result"] is None
    assert "mine" not in tools.policy["modules"]
    assert state("selinux.module_install", str(path))["comment"] == f"Module {path} has been installed"
    assert state.fails("selinux.module_install", "/none") == "Failed to install module /none"
    assert state("selinux.module_remove", "mine", test=True)["result"] is None
    assert state("selinux.module_remove", "mine")["comment"] == "Module mine has been removed"
    assert state.fails("selinux.module_remove", "mine") == "Module mine is not available"


def test_contexts(state: State, tools: Tools) -> None:
    name, kind = "/srv/www(/.*)?", "httpd_sys_content_t"
    first, second = state.converge("selinux.fcontext_policy_present", name, sel_type=kind)[1:]
    assert first["changes"] == {"old": {}, "new": {name: {"filetype": "all files", "sel_type": kind}}}
    assert second["comment"] == (
        f'SELinux policy for "{name}" already present with specified filetype "all files" and sel_type "{kind}".'
    )
    state.converge("selinux.fcontext_policy_present", name, sel_type="etc_t")
    failed = state.fails("selinux.fcontext_policy_present", name, sel_type="strange")
    assert failed.startswith("Error adding new rule: {")
    first, second = state.converge("selinux.fcontext_policy_absent", name)[1:]
    assert first["changes"]["old"][name]["sel_type"] == "etc_t"
    assert second["comment"] == (
        f'SELinux policy for "{name}" already absent with specified filetype "a" and sel_type "None".'
    )
    assert "Invalid file type code" in state.fails("selinux.fcontext_policy_absent", name, filetype="x")


def test_labels(state: State, tools: Tools) -> None:
    first, second = state.converge("selinux.fcontext_policy_applied", "/srv")[1:]
    assert first["changes"]["/srv"]["new"]["sel_type"] == "var_t"
    assert second["comment"] == 'SElinux policies are already applied for filespec "/srv"'
    state("selinux.fcontext_policy_present", "/bad", sel_type="etc_t", sel_level="s9")
    assert "Invalid argument" in state.fails("selinux.fcontext_policy_applied", "/bad")


def test_ports(state: State, tools: Tools) -> None:
    first, second = state.converge("selinux.port_policy_present", "tcp/8081", sel_type="http_port_t")[1:]
    port = {"sel_type": "http_port_t", "protocol": "tcp", "port": "8081"}
    assert first["changes"] == {"old": None, "new": port}
    assert second["comment"] == (
        'SELinux policy for "tcp/8081" already present with specified sel_type "http_port_t", '
        'protocol "None" and port "None".'
    )
    first = state.converge("selinux.port_policy_present", "x", sel_type="smtp_port_t", protocol="tcp", port=8081)[1]
    assert first["changes"] == {"old": port, "new": {**port, "sel_type": "smtp_port_t"}}
    failed = state.fails("selinux.port_policy_present", "tcp/1", sel_type="strange")
    assert failed.startswith("Error adding new policy: {")
    assert "Invalid name" in state.fails("selinux.port_policy_present", "nonsense", sel_type="x_t")
    first = state.converge("selinux.port_policy_absent", "tcp/8081")[1]
    assert first["changes"] == {"old": {**port, "sel_type": "smtp_port_t"}, "new": None}
    assert state.fails("selinux.port_policy_absent", "tcp/443").startswith("Error deleting policy: {")
