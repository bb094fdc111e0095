"""The pkg module on Alpine: what apk prints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader

OUTPUTS = {
    "info -v": "WARNING: opening ...\nmusl-1.2.4_git20230717-r4\nbusybox-binsh-1.36.1-r15\nvim-9.0.2127-r0\n",
    "info -L vim": "vim-9.0.2127-r0 contains:\nusr/bin/vim\nusr/share/vim/a b\n\n",
    "info -W /bin/vim": "/bin/vim is owned by vim-9.0.2127-r0\n",
    "info -W /bin/sh": "/bin/sh symlink target is owned by busybox-binsh-1.36.1-r15\n",
    "policy vim nothing": (
        "vim policy:\n  9.0.2130-r0:\n    https://a.example/main\n  9.0.2127-r0:\n    lib/apk/db/installed\n"
    ),
    "policy vim": "vim policy:\n  9.0.2130-r0:\n    https://a.example/main\n  9.0.2127-r0:\n    lib/apk/db/installed\n",
    "search -v": "vim-9.0.2130-r0 - Improved vi-style text editor\nzsh-5.9-r2 - Very advanced shell\n",
    "upgrade --simulate": "(1/2) Upgrading vim (9.0.2127-r0 -> 9.0.2130-r0)\n(2/2) Installing xxd (9.0-r0)\nOK\n",
    "version -t 1.0-r0 1.0_rc1-r0": ">\n",
}


@pytest.fixture
def salt(salt: Loader) -> Loader:
    salt.dunders["__grains__"].update(os="Alpine", os_family="Alpine", osarch="x86_64")
    return salt


@pytest.fixture(autouse=True)
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    cases = []
    for number, (words, text) in enumerate(OUTPUTS.items()):
        (folder / str(number)).write_text(text)
        cases.append(f'"{words}") cat {folder}/{number};;')
    (folder / "apk").write_text(
        f'#!/bin/sh\necho "$*" >> {folder}/calls\ncase "$*" in\n'
        + "\n".join(cases)
        + '\n*broken*) echo "ERROR: unable to select packages:" >&2; exit 1;;\nesac\n'
    )
    (folder / "apk").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "calls"


def test_reading(salt: Loader) -> None:
    assert salt["pkg.list_pkgs"]() == {
        "musl": "1.2.4_git20230717-r4",
        "busybox-binsh": "1.36.1-r15",
        "vim": "9.0.2127-r0",
    }
    assert salt["pkg.version"]("vim") == "9.0.2127-r0"
    assert salt["pkg.latest_version"]("vim", "nothing") == {"vim": "9.0.2130-r0", "nothing": ""}
    assert salt["pkg.upgrade_available"]("vim") is True
    assert salt["pkg.list_upgrades"]() == {"vim": "9.0.2130-r0"}
    assert salt["pkg.list_repo_pkgs"]("vi*") == {"vim": ["9.0.2130-r0", "9.0.2127-r0"]}
    assert salt["pkg.file_dict"]("vim", "nothing") == {
        "errors": ["package nothing is not installed"],
        "packages": {"vim": ["/usr/bin/vim", "/usr/share/vim/a b"]},
    }
    assert salt["pkg.file_list"]("vim")["files"] == ["/usr/bin/vim", "/usr/share/vim/a b"]
    assert salt["pkg.owner"]("/bin/vim", "/bin/sh", "/x") == {"/bin/vim": "vim", "/bin/sh": "busybox-binsh", "/x": ""}
    assert salt["pkg.version_cmp"]("1.0-r0", "1.0_rc1-r0") == 1
    assert salt["pkg.refresh_db"]()["result"] is True


def test_changing(salt: Loader, calls: Path) -> None:
    def last() -> str:
        return [line for line in calls.read_text().splitlines() if line != "info -v"][-1]

    salt["pkg.install"](pkgs=["a", {"b": ">=1.2"}, {"c": "1.0-r0"}, {"d": "1.2.*"}], refresh=True)
    assert last() == "add --update a b>=1.2 c=1.0-r0 d~1.2"
    salt["pkg.install"](sources=[{"a": "/tmp/a.apk"}])
    assert last() == "add --allow-untrusted /tmp/a.apk"
    salt["pkg.remove"]("vim,nothing")
    assert last() == "del vim"
    salt["pkg.purge"](pkgs=["v*"])
    assert last() == "del --purge vim"
    salt["pkg.upgrade"](refresh=False)
    assert last() == "upgrade"
    salt["pkg.upgrade"]("vim", refresh=False)
    assert last() == "add --upgrade vim"
    with pytest.raises(CommandExecutionError) as caught:
        salt["pkg.install"]("broken")
    info: Any = caught.value.info
    assert (info["errors"], info["changes"]) == (["ERROR: unable to select packages:"], {})


def test_holds(salt: Loader, calls: Path, tmp_path: Path) -> None:
    module = salt.modules()["pkg"]
    assert module.__file__ and module.__file__.endswith("apkpkg.py")
    vars(module)["_WORLD"] = str(tmp_path / "world")
    (tmp_path / "world").write_text("musl=1.2.4_git20230717-r4\nvim\n")
    assert salt["pkg.list_holds"]() == ["musl"]
    assert salt["pkg.hold"]("musl")["musl"]["comment"] == "Package musl is already set to be held."
    assert salt["pkg.hold"](pkgs=["vim"])["vim"]["changes"] == {"old": "", "new": "hold"}
    assert calls.read_text().splitlines()[-1] == "add vim=9.0.2127-r0"
    assert salt["pkg.hold"]("nothing")["nothing"]["result"] is False
    assert salt["pkg.unhold"]("musl")["musl"]["changes"] == {"old": "hold", "new": ""}
    assert calls.read_text().splitlines()[-1] == "add musl"
