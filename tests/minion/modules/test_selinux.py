from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _selinux
from tests.minion.selinux_lab import Tools


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    return Tools(tmp_path, monkeypatch)


@pytest.fixture
def files(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dict[str, Path]:
    """The kernel's file and the configuration, somewhere else."""
    names: Dict[str, Any] = salt["selinux.getenforce"].__globals__
    kernel, config = tmp_path / "selinux", tmp_path / "config"
    kernel.mkdir()
    monkeypatch.setitem(names, "_FILESYSTEMS", (str(kernel),))
    monkeypatch.setitem(names, "_CONFIG", str(config))
    return {"enforce": kernel / "enforce", "config": config}


def test_mode(salt: Loader, files: Dict[str, Path]) -> None:
    assert salt["selinux.getenforce"]() == "Disabled"
    assert salt["selinux.getconfig"]() is None
    with pytest.raises(CommandExecutionError, match="Could not read SELinux config file"):
        salt["selinux.setenforce"]("enforcing")
    files["enforce"].write_text("0")
    files["config"].write_text("# SELINUX= can be\nSELINUX=permissive\nSELINUXTYPE=default\n")
    assert (salt["selinux.getenforce"](), salt["selinux.getconfig"]()) == ("Permissive", "Permissive")
    assert salt["selinux.setenforce"]("Enforcing") == "Enforcing"
    assert files["config"].read_text() == "# SELINUX= can be\nSELINUX=enforcing\nSELINUXTYPE=default\n"
    assert salt["selinux.selinux_fs_path"]() == str(files["enforce"].parent)
    for wrong in ("strange", 1):
        with pytest.raises(SaltInvocationError):
            salt["selinux.setenforce"](wrong)


def test_booleans(salt: Loader, tools: Tools) -> None:
    name = "httpd_can_network_connect"
    about = {"State": "off", "Default": "off", "Description": "Allow httpd can network connect"}
    assert salt["selinux.getsebool"](name) == about
    assert salt["selinux.getsebool"]("nosuch") == {}
    assert salt["selinux.setsebool"](name, True) is True
    assert tools.policy["booleans"][name] == ["true", "off"]
    assert salt["selinux.setsebools"]({name: "on"}, persist=True) is True
    assert tools.policy["booleans"][name] == ["on", "on"]
    assert salt["selinux.setsebool"]("allow_cvs_read_shadow", "on") is False


def test_modules(salt: Loader, tools: Tools, tmp_path: Path) -> None:
    assert salt["selinux.list_semod"]() == {
        "afs": {"Enabled": True, "Version": None},
        "zabbix": {"Enabled": False, "Version": None},
    }
    assert salt["selinux.setsemod"]("zabbix", "Enabled") is True
    assert salt["selinux.getsemod"]("zabbix")["Enabled"] is True
    assert salt["selinux.setsemod"]("base", "disabled") is False
    (tmp_path / "srv" / "mine.pp").write_text("x")
    assert salt["selinux.install_semod"]("salt://mine.pp") is True
    assert salt["selinux.remove_semod"]("mine") is True
    with pytest.raises(CommandExecutionError, match="not on the master"):
        salt["selinux.install_semod"]("salt://none.pp")
    with pytest.raises(SaltInvocationError):
        salt["selinux.setsemod"]("afs", "strange")


def test_contexts(salt: Loader, tools: Tools) -> None:
    name = "/srv/www(/.*)?"
    assert salt["selinux.fcontext_get_policy"](name) is None
    assert salt["selinux.fcontext_add_policy"](name, sel_type="httpd_sys_content_t")["retcode"] == 0
    found = {
        "filespec": name,
        "filetype": "all files",
        "sel_user": "system_u",
        "sel_role": "object_r",
        "sel_type": "httpd_sys_content_t",
        "sel_level": "s0",
    }
    assert salt["selinux.fcontext_get_policy"](name, filetype="a") == found
    assert salt["selinux.fcontext_get_policy"](name, sel_type="etc_t") is None
    assert salt["selinux.fcontext_get_policy"](name, filetype="d") is None
    assert salt["selinux.fcontext_delete_policy"](name)["retcode"] == 0
    assert salt["selinux.fcontext_delete_policy"](name)["retcode"] == 1
    assert salt["selinux.filetype_id_to_string"]("l") == "symbolic link"
    with pytest.raises(SaltInvocationError, match="Invalid file type code 'x'"):
        salt["selinux.fcontext_get_policy"](name, filetype="x")
    with pytest.raises(SaltInvocationError, match="Invalid SELinux context"):
        _selinux.context("a:b")


def test_labels(salt: Loader, tools: Tools) -> None:
    assert salt["selinux.fcontext_policy_is_applied"]("/srv").startswith("Would relabel /srv from ")
    done = salt["selinux.fcontext_apply_policy"]("/srv")
    assert done["changes"] == {
        "/srv": {
            "old": {"sel_user": "unconfined_u", "sel_type": "user_home_t"},
            "new": {"sel_user": "system_u", "sel_type": "var_t"},
        }
    }
    assert salt["selinux.fcontext_policy_is_applied"]("/srv") == ""
    assert "changes" not in salt["selinux.fcontext_apply_policy"]("/srv")


def test_ports(salt: Loader, tools: Tools) -> None:
    assert salt["selinux.port_get_policy"]("tcp/8008-8009")["sel_type"] == "http_port_t"
    assert salt["selinux.port_get_policy"]("web", protocol="udp", port=80)["port"] == "80"
    assert salt["selinux.port_get_policy"]("tcp/44") is None
    assert salt["selinux.port_add_policy"]("tcp/8081", "http_port_t")["retcode"] == 0
    assert salt["selinux.port_modify_policy"]("tcp/8081", "smtp_port_t")["retcode"] == 0
    assert salt["selinux.port_get_policy"]("tcp/8081") == {
        "sel_type": "smtp_port_t",
        "protocol": "tcp",
        "port": "8081",
    }
    assert salt["selinux.port_delete_policy"]("tcp/8081")["retcode"] == 0
    assert salt["selinux.port_delete_policy"]("tcp/8081")["retcode"] == 1
    for arguments in (("nonsense",), ("tcp/x",)):
        with pytest.raises(SaltInvocationError, match="Invalid name"):
            salt["selinux.port_get_policy"](*arguments)
    with pytest.raises(SaltInvocationError, match="Type is required"):
        salt["selinux.port_add_policy"]("tcp/8081")


def test_other_kernels() -> None:
    assert _selinux.usable("FreeBSD") == (False, "Module only works on Linux with selinux installed")
