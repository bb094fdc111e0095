"""The pkg module on Debian: real dpkg, and tiny packages that are installed and removed again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _apt_sources

pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="needs APT")
changes_packages = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to install packages")

NAME = "saltern-test-package"


@pytest.fixture
def salt(salt: Loader) -> Loader:
    salt.dunders["__grains__"]["osarch"] = subprocess.run(
        ["dpkg", "--print-architecture"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    return salt


def build(folder: Path, version: str) -> str:
    """A package with one file and one configuration file."""
    root = folder / f"{NAME}-{version}"
    for path, text in {
        "DEBIAN/control": f"Package: {NAME}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\n"
        "Section: misc\nHomepage: https://example.org\nDescription: for tests\n of packages\n",
        "DEBIAN/conffiles": f"/etc/{NAME}.conf\n",
        f"etc/{NAME}.conf": "x\n",
        f"usr/share/{NAME}/file": version,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    target = folder / f"{NAME}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(root), str(target)], check=True, stdout=subprocess.PIPE)
    return str(target)


@pytest.fixture
def clean() -> Iterator[None]:
    yield
    subprocess.run(["dpkg", "--purge", "--force-all", NAME], check=False, capture_output=True)


def test_list_pkgs_is_what_dpkg_has(salt: Loader) -> None:
    rows = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"], capture_output=True, text=True
    ).stdout.splitlines()
    expected = {row.split()[1]: row.split()[2] for row in rows if row.startswith("installed ")}
    found = salt["pkg.list_pkgs"]()
    assert {name: version for name, version in found.items() if ":" not in name} == expected
    assert salt["pkg.list_pkgs"](versions_as_list=True)["dpkg"] == [expected["dpkg"]]
    assert salt["pkg.version"]("dpkg") == expected["dpkg"]
    assert salt["pkg.version"]("dpkg", "nothing-of-that-name") == {"dpkg": expected["dpkg"], "nothing-of-that-name": ""}
    assert set(salt["pkg.version"]("dp*")) >= {"dpkg"}


def test_names(salt: Loader) -> None:
    own = salt.dunders["__grains__"]["osarch"]
    assert salt["pkg.normalize_name"](f"zsh:{own}") == "zsh"
    assert salt["pkg.normalize_name"]("zsh:any") == "zsh"
    assert salt["pkg.normalize_name"]("zsh:s390x") == "zsh:s390x"
    assert salt["pkg.normalize_name"]("zsh") == "zsh"
    assert salt["pkg.parse_arch"]("zsh:i386") == {"name": "zsh", "arch": "i386"}
    assert salt["pkg.parse_arch"]("zsh") == {"name": "zsh", "arch": None}
    assert salt["pkg.version_cmp"]("1:1", "2") == 1


@changes_packages
def test_the_life_of_a_package(salt: Loader, tmp_path: Path, clean: None) -> None:
    install = salt["pkg.install"]
    assert install(sources=[{NAME: build(tmp_path, "1.1")}]) == {NAME: {"old": "", "new": "1.1"}}
    assert install(sources=[{NAME: build(tmp_path, "1.0")}]) == {NAME: {"old": "1.1", "new": "1.0"}}
    again = install(sources=[{NAME: build(tmp_path, "1.0")}], reinstall=True)
    assert again == {NAME: {"old": "1.0", "new": "1.0"}}
    assert salt["pkg.owner"](f"/usr/share/{NAME}/file") == NAME
    assert salt["pkg.which"](f"/usr/share/{NAME}/file") == NAME
    assert f"/usr/share/{NAME}/file" in salt["pkg.file_list"](NAME)["files"]
    assert f"/usr/share/{NAME}/file" in salt["pkg.file_dict"](NAME)["packages"][NAME]
    about = salt["pkg.info_installed"](NAME)[NAME]
    assert (about["name"], about["version"], about["group"]) == (NAME, "1.0", "misc")
    assert about["description"].startswith("for tests\n of packages")
    check_hold(salt)
    assert salt["pkg.remove"](NAME) == {NAME: {"old": "1.0", "new": ""}}
    assert salt["pkg.remove"](NAME) == {}
    assert salt["pkg.list_pkgs"](removed=True)[NAME] == "1.0"
    assert salt["pkg.purge"](pkgs=[NAME]) == {"installed": {}, "removed": {NAME: {"old": "1.0", "new": ""}}}
    assert salt["pkg.purge"](NAME) == {}


def check_hold(salt: Loader) -> None:
    held = salt["pkg.hold"](NAME)[NAME]
    assert (held["result"], held["changes"]) == (True, {"old": "install", "new": "hold"})
    assert held["comment"] == f"Package {NAME} is now being held."
    assert salt["pkg.hold"](pkgs=[NAME])[NAME]["comment"] == f"Package {NAME} is already set to be held."
    assert salt["pkg.get_selections"](NAME) == {"hold": [NAME]}
    salt.dunders["__opts__"]["test"] = True
    assert salt["pkg.unhold"](NAME)[NAME]["result"] is None
    salt.dunders["__opts__"]["test"] = False
    assert salt["pkg.unhold"](NAME)[NAME]["changes"] == {"old": "hold", "new": "install"}
    assert salt["pkg.unhold"](NAME)[NAME]["comment"] == f"Package {NAME} is already set not to be held."
    with pytest.raises(SaltInvocationError):
        salt["pkg.hold"]()
    with pytest.raises(SaltInvocationError):
        salt["pkg.set_selections"](selection={"nonsense": [NAME]})


@changes_packages
def test_failures_tell_what_is_wrong(salt: Loader) -> None:
    with pytest.raises(CommandExecutionError) as caught:
        salt["pkg.install"]("nothing-of-that-name")
    info: Any = caught.value.info
    assert info["changes"] == {}
    assert "nothing-of-that-name" in info["errors"][0]
    with pytest.raises(CommandExecutionError) as caught:
        salt["pkg.install"]("nothing-of-that-name", version=">=3")
    info = caught.value.info
    assert info["errors"] == ["No version matching 'nothing-of-that-name>=3' could be found (available: None)"]


def test_bin_pkg_info(salt: Loader, tmp_path: Path) -> None:
    assert salt["lowpkg.bin_pkg_info"](build(tmp_path, "2")) == {"name": NAME, "version": "2", "arch": "all"}
    (tmp_path / "bad.deb").write_text("no package")
    with pytest.raises(CommandExecutionError, match=r"bad\.deb"):
        salt["lowpkg.bin_pkg_info"](str(tmp_path / "bad.deb"))


def test_lowpkg(salt: Loader) -> None:
    assert salt["lowpkg.list_pkgs"]("dpkg") == {"dpkg": salt["pkg.version"]("dpkg")}
    assert salt["lowpkg.list_pkgs"]("nothing-of-that-name").startswith("Error:  ")
    assert salt["lowpkg.info"]("dpkg")["dpkg"]["package"] == "dpkg"
    assert salt["lowpkg.info"]("nothing-of-that-name", failhard=False) == {}
    with pytest.raises(CommandExecutionError):
        salt["lowpkg.info"]("nothing-of-that-name")


def test_list_downloaded(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "var/cache/apt/archives").mkdir(parents=True)
    path = build(tmp_path / "var/cache/apt/archives", "3")
    found = salt["pkg.list_downloaded"](root=str(tmp_path))[NAME]["3"]
    assert (found["path"], found["size"]) == (path, os.path.getsize(path))


def outputs(salt: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, programs: Dict[str, str]) -> None:
    """Puts programs on PATH that print what real ones printed elsewhere."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in programs.items():
        (folder / f"{name}.out").write_text(text)
        (folder / name).write_text(f"#!/bin/sh\ncat {folder}/{name}.out\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


POLICY = """\
bash:
  Installed: 5.2.15-2+b8
  Candidate: 99:5.2.15-2+b9
  Version table:
     5.2.15-2+b9 500
nano:
  Installed: (none)
  Candidate: 7.2-1
virtual:
  Installed: (none)
  Candidate: (none)
wine32:i386:
  Installed: (none)
  Candidate: 8.0
"""


def test_latest_version(salt: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outputs(salt, monkeypatch, tmp_path, {"apt-cache": POLICY})
    latest = salt["pkg.latest_version"]
    assert latest("bash", refresh=False) == "99:5.2.15-2+b9"
    assert latest("bash", "nano", "virtual", "wine32", refresh=False) == {
        "bash": "99:5.2.15-2+b9",
        "nano": "7.2-1",
        "virtual": "",
        "wine32": "8.0",
    }
    assert salt["pkg.upgrade_available"]("bash", refresh=False)
    assert salt["pkg.available_version"]("nano", refresh=False) == "7.2-1"


def test_what_is_installed_is_no_upgrade(salt: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = salt["pkg.version"]("bash")
    outputs(salt, monkeypatch, tmp_path, {"apt-cache": f"bash:\n  Installed: {own}\n  Candidate: {own}\n"})
    assert salt["pkg.latest_version"]("bash", refresh=False) == ""
    assert salt["pkg.latest_version"]("bash", refresh=False, show_installed=True) == own
    assert not salt["pkg.upgrade_available"]("bash", refresh=False)


JUST_PRINT = """\
NOTE: This is only a simulation!
Inst libc6 [2.36-9] (2.36-10 Debian:12/stable [amd64])
Conf libc6 (2.36-10 Debian:12/stable [amd64])
Conf libxfont1:i386 (1:1.4.5-1 Debian:testing [i386])
"""

UPDATE = """\
Hit:1 http://deb.example.org/debian bookworm InRelease
Get:2 http://deb.example.org/debian bookworm-updates InRelease [55.4 kB]
Ign:3 http://other.example.org/x stable InRelease
Err:4 http://other.example.org/x stable Release
  Could not resolve
Reading package lists...
"""

SHOW = """\
Package: gawk
Version: 1:5.2
Section: interpreters
Description: GNU awk
 a pattern scanning language

Package: gawk
Version: 1:5.1
Section: interpreters
"""


def test_parsing_of_apt(salt: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outputs(salt, monkeypatch, tmp_path, {"apt-get": JUST_PRINT, "apt-cache": SHOW})
    assert salt["pkg.list_upgrades"](refresh=False) == {"libc6": "2.36-10", "libxfont1:i386": "1:1.4.5-1"}
    assert salt["pkg.list_repo_pkgs"]("gawk") == {"gawk": ["1:5.2", "1:5.1"]}
    assert salt["pkg.show"]("gawk", filter="Section") == {
        "gawk": {"1:5.2": {"Section": "interpreters"}, "1:5.1": {"Section": "interpreters"}}
    }
    with pytest.raises(SaltInvocationError):
        salt["pkg.show"]("gawk", nonsense=1)


def test_refresh_db(salt: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outputs(salt, monkeypatch, tmp_path, {"apt-get": UPDATE})
    assert salt["pkg.refresh_db"]() == {
        "http://deb.example.org/debian bookworm InRelease": None,
        "http://deb.example.org/debian bookworm-updates InRelease": True,
        "http://other.example.org/x stable InRelease": False,
        "http://other.example.org/x stable Release": False,
    }
    with pytest.raises(CommandExecutionError, match=r"Error getting repos: http://other\.example\.org"):
        salt["pkg.refresh_db"](failhard=True)
    assert salt["pkg.refresh_db"](cache_valid_time=10**10) == {}


# Repositories


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "apt"
    (folder / "sources.list.d").mkdir(parents=True)
    (folder / "sources.list").write_text(
        "# main\ndeb [arch=amd64,i386 signed-by=/x/y.gpg trusted=yes] http://a.example/x stable main contrib # note\n"
        "# deb http://b.example/ ./\n#a comment\n"
    )
    (folder / "sources.list.d" / "debian.sources").write_text(
        "# of the image\nTypes: deb deb-src\nURIs: http://c.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By: /usr/share/keyrings/k.gpg\n\n# only words\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://d.example/\nSuites: ./\nSigned-By:\n -----BEGIN PGP\n .\n x\n"
    )
    monkeypatch.setattr(_apt_sources, "ETC", str(folder))
    return folder


def test_list_repos(salt: Loader, etc: Path) -> None:
    repos = salt["pkg.list_repos"]()
    assert sorted(repos) == ["http://a.example/x", "http://b.example/", "http://c.example/debian", "http://d.example/"]
    assert repos["http://a.example/x"] == [
        {
            "file": str(etc / "sources.list"),
            "comps": ["main", "contrib"],
            "disabled": False,
            "enabled": True,
            "dist": "stable",
            "suites": ["stable"],
            "type": "deb",
            "types": ["deb"],
            "uri": "http://a.example/x",
            "uris": ["http://a.example/x"],
            "line": "deb [arch=amd64,i386 signed-by=/x/y.gpg trusted=yes] http://a.example/x stable main contrib # note",  # noqa: E501
            "architectures": ["amd64", "i386"],
            "signedby": "/x/y.gpg",
        }
    ]
    assert repos["http://b.example/"][0]["disabled"] is True
    assert repos["http://d.example/"][0]["disabled"] is True
    assert [(r["type"], r["dist"]) for r in repos["http://c.example/debian"]] == [
        ("deb", "bookworm"),
        ("deb-src", "bookworm"),
        ("deb", "bookworm-updates"),
        ("deb-src", "bookworm-updates"),
    ]
    assert repos["http://c.example/debian"][0]["line"] == (
        "deb [signed-by=/usr/share/keyrings/k.gpg] http://c.example/debian bookworm main"
    )


def test_get_repo(salt: Loader, etc: Path) -> None:
    assert salt["pkg.get_repo"]("deb http://a.example/x/ stable contrib")["dist"] == "stable"
    assert salt["pkg.get_repo"]("deb http://c.example/debian bookworm-updates main")["dist"] == "bookworm-updates"
    assert salt["pkg.get_repo"]("deb http://a.example/x other main") == {}
    with pytest.raises(SaltInvocationError, match="is not valid"):
        salt["pkg.get_repo"]("nonsense")


def mod(salt: Loader, repo: str, **kwargs: Any) -> Any:
    return salt["pkg.mod_repo"](repo, refresh=False, **kwargs)[repo]


def test_a_repository_is_added_changed_and_deleted(salt: Loader, etc: Path) -> None:
    path = etc / "sources.list.d" / "new.list"
    repo = "deb [signed-by=/k.gpg] http://n.example/ bookworm main"
    assert mod(salt, repo, file=str(path), comps="main,contrib")["comps"] == ["main", "contrib"]
    assert path.read_text() == "deb [signed-by=/k.gpg] http://n.example/ bookworm main contrib\n"
    assert mod(salt, repo, architectures="amd64", disabled=True)["enabled"] is False
    assert path.read_text() == "# deb [signed-by=/k.gpg arch=amd64] http://n.example/ bookworm main\n"
    deleted = salt["pkg.del_repo"]("deb [arch=amd64] http://n.example/ bookworm main", refresh=False)
    assert deleted == (
        f"File {path} containing repo 'deb [arch=amd64] http://n.example/ bookworm main' has been removed."
    )
    assert not path.exists()
    with pytest.raises(CommandExecutionError, match="doesn't exist"):
        salt["pkg.del_repo"]("deb http://n.example/ bookworm main", refresh=False)


def test_what_is_not_changed_stays_as_it_was(salt: Loader, etc: Path) -> None:
    before = (etc / "sources.list").read_text()
    mod(salt, "deb [trusted=yes] http://n.example/ bookworm main", comments="why")
    assert (etc / "sources.list").read_text() == before + ("deb [trusted=yes] http://n.example/ bookworm main # why\n")
    salt["pkg.del_repo"]("deb [arch=amd64,i386] http://a.example/x stable contrib", refresh=False)
    assert (etc / "sources.list").read_text().splitlines()[:4] == [
        "# main",
        "deb [arch=amd64,i386 signed-by=/x/y.gpg trusted=yes] http://a.example/x stable main # note",
        "# deb http://b.example/ ./",
        "#a comment",
    ]


def test_deb822(salt: Loader, etc: Path) -> None:
    path = etc / "sources.list.d" / "debian.sources"
    mod(salt, "deb http://c.example/debian bookworm main", comps="main,contrib", architectures="amd64")
    first, words, second = path.read_text().split("\n\n")
    assert first == (
        "Types: deb deb-src\nURIs: http://c.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main contrib\nSigned-By: /usr/share/keyrings/k.gpg\nArchitectures: amd64"
    )
    assert words == "# only words"
    assert second.endswith("Signed-By:\n -----BEGIN PGP\n .\n x\n")
    salt["pkg.del_repo"]("deb [arch=amd64] http://c.example/debian bookworm main contrib", refresh=False)
    assert "Suites: bookworm-updates\n" in path.read_text()
    new = etc / "sources.list.d" / "new.sources"
    mod(salt, "deb [signed-by=/k.gpg] http://n.example/ sid main", file=str(new), enabled=False)
    assert new.read_text() == (
        "Enabled: no\nTypes: deb\nURIs: http://n.example/\nSuites: sid\nComponents: main\nSigned-By: /k.gpg\n"
    )


def test_expand_repo_def_tells_what_mod_repo_will_do(salt: Loader, etc: Path) -> None:
    repo = "deb [signed-by=/k.gpg] http://n.example/ bookworm main"
    path = str(etc / "sources.list.d" / "n.list")
    expected = salt["pkg.expand_repo_def"](repo=repo, file=path, comps="a,b", disabled=False)
    assert mod(salt, repo, file=path, comps="a,b", disabled=False) == expected


def test_consolidate(salt: Loader, etc: Path) -> None:
    for comp in ("one", "two"):
        (etc / "sources.list.d" / f"{comp}.list").write_text(f"deb http://m.example/ sid {comp}\n")
    mod(salt, "deb [trusted=yes] http://n.example/ sid main", consolidate=True)
    assert "deb http://m.example/ sid one two\n" in (etc / "sources.list").read_text()
    assert os.listdir(etc / "sources.list.d") == []


def test_ppa(salt: Loader, etc: Path) -> None:
    with pytest.raises(CommandExecutionError, match="ppa"):
        salt["pkg.get_repo"]("ppa:owner/name")
    salt.dunders["__grains__"].update(os="Ubuntu", oscodename="jammy")
    entry = salt["pkg.expand_repo_def"](repo="ppa:owner/name")
    assert entry["line"] == "deb http://ppa.launchpad.net/owner/name/ubuntu jammy main"
    assert entry["file"] == str(etc / "sources.list.d" / "owner-name-jammy.list")


# Keys


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> List[str]:
    """[fingerprint, armored key] of a fresh key."""
    if not shutil.which("gpg"):
        pytest.skip("needs gpg")
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-gen-key", "test@example.org", "ed25519"], check=True, capture_output=True)
    text = subprocess.run([*gpg, "--export", "--armor"], check=True, capture_output=True, text=True).stdout
    listed = subprocess.run([*gpg, "--list-keys", "--with-colons"], check=True, capture_output=True, text=True).stdout
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    return [next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr")), text]


def test_keys_in_files(salt: Loader, tmp_path: Path, key: List[str]) -> None:
    folder = tmp_path / "keyrings"
    fingerprint, text = key
    place = {"aptkey": False, "keydir": str(folder)}
    assert salt["pkg.get_repo_keys"](**place) is False
    assert salt["pkg.add_repo_key"](text=text, keyfile="a.gpg", **place)
    assert salt["pkg.add_repo_key"](text=text, keyfile="b.asc", **place)
    assert (folder / "b.asc").read_text() == text
    assert not (folder / "a.gpg").read_bytes().startswith(b"-----")
    assert [oct(path.stat().st_mode & 0o777) for path in folder.iterdir()] == ["0o644", "0o644"]
    keys = salt["pkg.get_repo_keys"](**place)
    assert keys[fingerprint[-16:]]["fingerprint"] == fingerprint
    assert keys[fingerprint[-16:]]["uid"] == "test@example.org"
    assert salt["pkg.add_repo_key"](keyserver="none.invalid", keyid=fingerprint[-8:], keyfile="c.gpg", **place)
    assert salt["pkg.del_repo_key"](keyid=fingerprint[-8:], **place) == fingerprint[-8:]
    assert sorted(path.name for path in folder.iterdir()) == ["b.asc"]
    with pytest.raises(SaltInvocationError):
        salt["pkg.add_repo_key"](text=text, keyfile="../out.asc", **place)
    with pytest.raises(SaltInvocationError):
        salt["pkg.add_repo_key"](**place)
