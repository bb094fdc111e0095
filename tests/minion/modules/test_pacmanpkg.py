"""The pkg module on Arch Linux: real pacman on a root folder where it is installed, and what it printed elsewhere."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader

NAME = "saltern-pac"


@pytest.fixture
def salt(salt: Loader) -> Loader:
    salt.dunders["__grains__"].update(os="Arch", os_family="Arch", osarch="x86_64")
    return salt


OUTPUTS = {
    "-Q": "bash 5.2.026-2\nvim 9.1.0-1\n",
    "-Sp": "vim 9.1.1-1\n",
    "-Sup": "vim 9.1.1-1\nzlib 1:1.3.1-1\n",
    "-Sl": "core bash 5.2.026-2 [installed]\nextra vim 9.1.1-1\nextra vim-airline 0.11-2\n",
    "-Sy": ":: Synchronizing package databases...\n core is up to date\n extra downloading...\n",
    "-Ql": "bash /usr/\nbash /usr/bin/bash\nbash /usr/share/a b\n",
    "-Sgg": "base-devel gcc\nbase-devel make\nxorg xorg-server\n",
    "-Qg": "base-devel gcc\n",
    "-Qi": "Name            : bash\nVersion         : 5.2.026-2\nURL             : None\nLicenses        : GPL3\n",
}


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for word, text in OUTPUTS.items():
        (folder / f"{word}.out").write_text(text)
    (folder / "pacman").write_text(
        f'#!/bin/sh\necho "$*" >> {folder}/calls\n[ ! -f {folder}/"$1.out" ] || cat {folder}/"$1.out"\n'
        'case "$*" in *broken*) echo "error: target not found: broken" >&2; exit 1;; esac\n'
    )
    (folder / "pacman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def last(fake: Path) -> str:
    changing = [line for line in (fake / "calls").read_text().splitlines() if line not in ("-Q", "-Sl")]
    return changing[-1]


def test_reading(salt: Loader, fake: Path) -> None:
    assert salt["pkg.list_pkgs"]() == {"bash": "5.2.026-2", "vim": "9.1.0-1"}
    assert salt["pkg.version"]("vim") == "9.1.0-1"
    assert salt["pkg.latest_version"]("vim", "bash") == {"vim": "9.1.1-1", "bash": ""}
    assert salt["pkg.upgrade_available"]("vim") is True
    assert salt["pkg.list_upgrades"]() == {"vim": "9.1.1-1", "zlib": "1:1.3.1-1"}
    assert salt["pkg.list_repo_pkgs"]("vim*") == {"vim": ["9.1.1-1"], "vim-airline": ["0.11-2"]}
    assert salt["pkg.list_repo_pkgs"](fromrepo="core", byrepo=True) == {"core": {"bash": ["5.2.026-2"]}}
    assert salt["pkg.refresh_db"]() == {"core": False, "extra": True}
    assert salt["pkg.file_dict"]("bash")["packages"] == {"bash": ["/usr/", "/usr/bin/bash", "/usr/share/a b"]}
    assert salt["pkg.group_list"]() == {"installed": [], "partially_installed": ["base-devel"], "available": ["xorg"]}
    assert salt["pkg.group_info"]("xorg")["default"] == ["xorg-server"]
    assert salt["pkg.info_installed"]("bash") == {"bash": {"name": "bash", "version": "5.2.026-2", "licenses": "GPL3"}}


def test_changing(salt: Loader, fake: Path) -> None:
    assert salt["pkg.install"](pkgs=["a", {"b": ">=1.2"}, {"c": "1"}], refresh=True, sysupgrade=True) == {}
    assert last(fake) == "-S -y -u --noprogressbar --noconfirm --needed a b>=1.2 c=1"
    salt["pkg.install"]("vim", version="9.1*")
    assert last(fake) == "-S --noprogressbar --noconfirm --needed vim=9.1.1-1"
    with pytest.raises(CommandExecutionError) as caught:
        salt["pkg.install"]("vim", version="8*")
    info: Any = caught.value.info
    assert info["errors"] == ["No version matching '8*' found for package 'vim' (available: 9.1.1-1)"]
    with pytest.raises(CommandExecutionError) as caught:
        salt["pkg.install"]("broken")
    info = caught.value.info
    assert info["errors"] == ["error: target not found: broken"]
    salt["pkg.remove"]("vim,nothing")
    assert last(fake) == "-R --noprogressbar --noconfirm vim"
    salt["pkg.purge"](pkgs=["b*"])
    assert last(fake) == "-Rsc --noprogressbar --noconfirm bash"
    salt["pkg.upgrade"](refresh=True)
    assert last(fake) == "-Su -y --noprogressbar --noconfirm"


def build(folder: Path, version: str) -> str:
    path = folder / f"{NAME}-{version}-any.pkg.tar.gz"
    info = f"pkgname = {NAME}\npkgver = {version}\npkgdesc = x\nbuilddate = 1\npackager = Me\nsize = 4\narch = any\n"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in ((".PKGINFO", info), (f"opt/{NAME}", version)):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return str(path)


@pytest.mark.skipif(not shutil.which("pacman") or os.geteuid() != 0, reason="needs pacman, and root")
def test_real_pacman(salt: Loader, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    os.makedirs(f"{root}/var/lib/pacman")
    os.makedirs(f"{root}/var/cache/pacman/pkg")
    os.makedirs(f"{root}/var/log")
    install = salt["pkg.install"]
    assert install(sources=[{NAME: build(tmp_path, "1.0-1")}], root=root) == {NAME: {"old": "", "new": "1.0-1"}}
    assert install(sources=[{NAME: build(tmp_path, "1.1-1")}], root=root) == {NAME: {"old": "1.0-1", "new": "1.1-1"}}
    assert Path(root, "opt", NAME).read_text() == "1.1-1"
    assert salt["pkg.file_list"](NAME, root=root)["files"][-1].endswith(f"/opt/{NAME}")
    assert salt["pkg.file_list"]("nothing", root=root)["errors"]
    assert salt["pkg.owner"](f"{root}/opt/{NAME}", "/bin/sh", root=root) == {f"{root}/opt/{NAME}": NAME, "/bin/sh": ""}
    assert salt["pkg.info_installed"](NAME, root=root)[NAME]["version"] == "1.1-1"
    assert salt["pkg.remove"](NAME, root=root) == {NAME: {"old": "1.1-1", "new": ""}}
    assert salt["pkg.list_pkgs"](root=root) == {}
    if shutil.which("vercmp"):
        assert salt["pkg.version_cmp"]("1.0a-1", "1.0-1") == -1
        assert salt["pkg.version_cmp"]("2:1-1", "1:1-1", ignore_epoch=True) == 0


def test_holds(salt: Loader, tmp_path: Path) -> None:
    config = tmp_path / "pacman.conf"
    config.write_text("# top\n[options]\nIgnorePkg = linux\n#IgnorePkg =\n[core]\nInclude = x\n")
    module = salt.modules()["pkg"]
    vars(module)["_CONFIG"] = str(config)
    assert salt["pkg.hold"]("linux")["linux"]["comment"] == "Package linux is already set to be held."
    assert salt["pkg.hold"](pkgs=["vim"])["vim"]["changes"] == {"old": "", "new": "hold"}
    assert config.read_text() == "# top\n[options]\nIgnorePkg = linux vim\n#IgnorePkg =\n[core]\nInclude = x\n"
    salt.dunders["__opts__"]["test"] = True
    assert salt["pkg.unhold"]("vim")["vim"]["result"] is None
    salt.dunders["__opts__"]["test"] = False
    assert salt["pkg.unhold"](pkgs=["vim", "linux"])["vim"]["result"] is True
    assert salt["pkg.list_holds"]() == []
    assert config.read_text() == "# top\n[options]\n#IgnorePkg =\n[core]\nInclude = x\n"
