"""The pkg module on SUSE: real zypper on a root folder where it is installed, and what it printed elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader

NAME = "saltern-zyp"


@pytest.fixture
def salt(salt: Loader) -> Loader:
    salt.dunders["__grains__"].update(os="SUSE", os_family="Suse", osarch="x86_64")
    return salt


@pytest.fixture
def fake(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zypper that prints what lies beside it, and tells how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "zypper").write_text(
        f'#!/bin/sh\necho "$*" >> {folder}/calls\nfor word; do [ ! -f "{folder}/$word.out" ] || '
        f'{{ cat "{folder}/$word.out"; exit $(cat "{folder}/$word.rc" 2>/dev/null || echo 0); }}; done\n'
    )
    (folder / "rpm").write_text(f"#!/bin/sh\ncat {folder}/rpm.out 2>/dev/null || true\n")
    for name in ("zypper", "rpm"):
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    salt.refresh()
    return folder


def calls(fake: Path) -> str:
    text = (fake / "calls").read_text()
    (fake / "calls").write_text("")
    return text


INFO = """\
Loading repository data...

Information for package vim:
----------------------------
Repository     : Main Repository
Name           : vim
Version        : 9.0.1443-150500.20.6.1
Vendor         : SUSE LLC
Installed      : Yes (automatically)
Status         : out-of-date (version 8.0-1 installed)
Summary        : Vi IMproved: a text editor

Information for package zsh:
----------------------------
Name           : zsh
Version        : 5.6-5.17
Installed      : No
Status         : not installed

Information for package bash:
-----------------------------
Name           : bash
Version        : 4.4-150400.25.22
Installed      : Yes
Status         : up-to-date
"""


def test_what_is_on_offer(salt: Loader, fake: Path) -> None:
    (fake / "info.out").write_text(INFO)
    assert salt["pkg.latest_version"]("vim", "zsh", "bash", "nothing", refresh=False) == {
        "vim": "9.0.1443-150500.20.6.1",
        "zsh": "5.6-5.17",
        "bash": "",
        "nothing": "",
    }
    assert salt["pkg.latest_version"]("vim", refresh=False) == "9.0.1443-150500.20.6.1"
    info = salt["pkg.info_available"]("vim", refresh=False)["vim"]
    assert (info["installed"], info["summary"]) == (True, "Vi IMproved: a text editor")
    assert salt["pkg.upgrade_available"]("bash", refresh=False) is False


def test_refresh_db(salt: Loader, fake: Path) -> None:
    (fake / "refresh.out").write_text(
        "Repository 'a' is up to date.\nRetrieving repository 'b' metadata [.done]\n"
        "Building repository 'b' cache [....done]\nAll repositories have been refreshed.\n"
    )
    assert salt["pkg.refresh_db"](gpgautoimport=True, repos="a,b") == {"a": False, "b": True}
    assert calls(fake) == "--non-interactive --gpg-auto-import-keys refresh --force a b\n"
    salt.dunders["__pillar__"]["zypper"] = {"refreshdb_force": False}
    salt["pkg.refresh_db"]()
    assert calls(fake) == "--non-interactive refresh\n"


def test_calls_that_change_packages(salt: Loader, fake: Path) -> None:
    (fake / "rpm.out").write_text("bash\x1f(none)\x1f4.4\x1f1\x1fx86_64\x1f1\n")
    salt["pkg.install"]("a,b", no_recommends=True, skip_verify=True)
    assert calls(fake).endswith(
        "--no-refresh --no-gpg-checks install --auto-agree-with-licenses --oldpackage --name --no-recommends a b\n"
    )
    salt["pkg.install"](pkgs=[{"a": ">=1.2"}, {"b": "3"}], fromrepo="x")
    assert calls(fake).endswith("--name --force --force-resolution --from x a>=1.2 b=3\n")
    salt["pkg.upgrade"](refresh=False, dist_upgrade=True, fromrepo=["x"], novendorchange=True)
    assert calls(fake).endswith("dist-upgrade --auto-agree-with-licenses --from x --no-allow-vendor-change\n")
    salt["pkg.remove"]("bash,nothing")
    assert calls(fake).endswith("remove bash\n")


def test_failures(salt: Loader, fake: Path) -> None:
    (fake / "install.out").write_text("No provider of 'nothing' found.\n")
    (fake / "install.rc").write_text("104")
    with pytest.raises(CommandExecutionError, match="Problem encountered installing") as caught:
        salt["pkg.install"]("nothing")
    info: Any = caught.value.info
    assert info["errors"] == ["No provider of 'nothing' found."]
    (fake / "install.rc").write_text("103")
    assert salt["pkg.install"]("something") == {}


PRODUCTS = """<?xml version='1.0'?><stream><product-list><product name="SLES" version="15.5" isbase="true"
 installed="true" arch="x86_64" release=""><endoflife time_t="1785448800" text="2026-07-31T00:00:00+0200"/>
<description>SUSE
 Linux</description></product></product-list></stream>"""
SOLVABLES = """<?xml version='1.0'?><stream><search-result><solvable-list>
<solvable status="installed" name="base" kind="pattern" summary="Base"/>
<solvable status="not-installed" name="kde" kind="pattern" summary="KDE"/></solvable-list></search-result></stream>"""


def test_products_and_patterns(salt: Loader, fake: Path) -> None:
    (fake / "products.out").write_text(PRODUCTS)
    (fake / "search.out").write_text(SOLVABLES)
    (fake / "rpm.out").write_text("pattern() = hidden\npattern() = .none\n")
    assert salt["pkg.list_products"]() == [
        {
            "name": "SLES",
            "version": "15.5",
            "isbase": True,
            "installed": True,
            "arch": "x86_64",
            "eol": "2026-07-31T00:00:00+0200",
            "eol_t": 1785448800,
            "description": "SUSE Linux",
        }
    ]
    assert salt["pkg.list_patterns"]()["kde"] == {"installed": False, "summary": "KDE"}
    assert sorted(salt["pkg.list_installed_patterns"]()) == ["base", "hidden"]
    assert salt["pkg.search"]("base", match="exact", details=True)["base"]["status"] == "installed"
    assert calls(fake).endswith("search --match-exact --details base\n")
    (fake / "search.out").write_text("<stream/>")
    with pytest.raises(CommandExecutionError, match="No packages found"):
        salt["pkg.search"]("nothing")


# The real program


def build(folder: Path, version: str, name: str = NAME) -> str:
    spec = folder / "t.spec"
    spec.write_text(
        f"Name: {name}\nVersion: {version}\nRelease: 1\nSummary: for tests\nLicense: MIT\nBuildArch: noarch\n"
        f"%description\nA package.\n%install\nmkdir -p %{{buildroot}}/opt/{name}\n"
        f"echo {version} > %{{buildroot}}/opt/{name}/file\n%files\n/opt/{name}/file\n"
    )
    words = ["rpmbuild", "-bb", "--define", f"_topdir {folder}/build", str(spec)]
    subprocess.run(words, check=True, capture_output=True)
    return f"{folder}/build/RPMS/noarch/{name}-{version}-1.noarch.rpm"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_real_zypper(salt: Loader, tmp_path: Path) -> None:
    for program in ("zypper", "rpmbuild", "createrepo_c"):
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
    repo, root = tmp_path / "repo", str(tmp_path / "root")
    repo.mkdir()
    os.makedirs(f"{root}/etc/products.d")
    for version in ("1.0", "2.0"):
        shutil.move(build(tmp_path, version), repo)
    subprocess.run(["createrepo_c", "-q", str(repo)], check=True)
    place: Dict[str, Any] = {"root": root}
    with pytest.raises(CommandExecutionError, match="neither 'baseurl' nor"):
        salt["pkg.mod_repo"]("local", **place)
    added = salt["pkg.mod_repo"]("local", url=f"file:{repo}", gpgcheck=False, name="Our own", priority=50, **place)
    assert (added["alias"], added["name"], added["enabled"], added["gpgcheck"]) == ("local", "Our own", True, False)
    with pytest.raises(CommandExecutionError, match="already exists as 'local'"):
        salt["pkg.mod_repo"]("other", url=f"file:{repo}", **place)
    assert salt["pkg.refresh_db"](**place) == {"Our own": True}
    assert salt["pkg.install"](NAME, version="1.*", **place) == {NAME: {"old": "", "new": "1.0-1"}}
    assert salt["pkg.list_upgrades"](refresh=False, **place) == {NAME: "2.0-1"}
    assert salt["pkg.latest_version"](NAME, refresh=False, **place) == "2.0-1"
    assert salt["pkg.list_repo_pkgs"](NAME, **place) == {NAME: ["2.0-1", "1.0-1"]}
    held = salt["pkg.hold"](NAME, **place)[NAME]
    assert (held["result"], held["changes"]) == (True, {"new": "hold", "old": ""})
    assert salt["pkg.hold"](NAME, **place)[NAME]["comment"] == f"Package {NAME} is already set to be held."
    assert list(salt["pkg.list_locks"](**place)) == [NAME]
    assert salt["pkg.list_holds"](**place) == [f"{NAME}-0:1.0-1.*"]
    assert salt["pkg.unhold"](NAME, **place)[NAME]["comment"] == f"Package {NAME} is no longer held."
    assert salt["pkg.unhold"](NAME, **place)[NAME]["comment"] == f"Package {NAME} was already unheld."
    assert salt["pkg.upgrade"](refresh=False, **place) == {NAME: {"old": "1.0-1", "new": "2.0-1"}}
    other = build(tmp_path, "3", "saltern-other")
    assert salt["pkg.install"](sources=[{"saltern-other": other}], skip_verify=True, **place) == {
        "saltern-other": {"old": "", "new": "3-1"}
    }
    assert salt["pkg.remove"](NAME, **place) == {NAME: {"old": "2.0-1", "new": ""}}
    with pytest.raises(CommandExecutionError, match="Problem encountered"):
        salt["pkg.install"]("nothing-of-that-name", **place)
    assert salt["pkg.del_repo"]("local", root)["local"] is True
    assert salt["pkg.list_repos"](root) == {}
