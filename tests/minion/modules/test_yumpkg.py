"""The pkg module on RPM-based systems: what real programs printed, and where they are installed, the real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _rpm, _yum

NAME = "saltern-rpm"


@pytest.fixture
def salt(salt: Loader) -> Loader:
    salt.dunders["__grains__"].update(os="Rocky", os_family="RedHat", osarch="x86_64", osmajorrelease=9)
    return salt


class Programs:
    """Programs on PATH that print what was captured from real ones, and tell how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "calls"
        folder.mkdir()
        self.log.write_text("")

    def add(self, name: str, cases: Dict[str, Any]) -> None:
        """`cases` maps words that the call must hold to the output, or to (exit code, output)."""
        script = [f'#!/bin/sh\necho "{name} $*" >> {self.log}\ncase "$*" in']
        for number, (words, answer) in enumerate(cases.items()):
            code, text = answer if isinstance(answer, tuple) else (0, answer)
            (self.folder / f"{name}.{number}").write_text(text)
            pattern = "*".join(f"'{word}'" for word in words.split())
            script.append(f"*{pattern}*) cat {self.folder}/{name}.{number}; exit {code};;")
        script.append("*) exit 0;; esac\n")
        (self.folder / name).write_text("\n".join(script))
        (self.folder / name).chmod(0o755)

    def calls(self, name: str) -> List[str]:
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return [line[len(name) + 1 :] for line in lines if line.startswith(f"{name} ")]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(_yum, "program", lambda: "dnf")
    return found


def row(*fields: str) -> str:
    return "\x1f".join(fields) + "\n"


RPM_QA = (
    row("bash", "(none)", "5.1.8", "6.el9_1", "x86_64", "1700000000")
    + row("kernel", "(none)", "5.14.0", "362.el9", "x86_64", "1700000000")
    + row("kernel", "(none)", "5.14.0", "70.el9", "x86_64", "1600000000")
    + row("vim-minimal", "2", "8.2.2637", "20.el9_1", "x86_64", "1700000000")
    + row("glibc", "0", "2.34", "83.el9", "i686", "1700000000")
    + row("python3-dnf-plugin-versionlock", "(none)", "4.3.0", "11.el9", "noarch", "1700000000")
    + row("gpg-pubkey", "(none)", "350d275d", "6279464b", "(none)", "1700000000")
)


def test_list_pkgs(salt: Loader, programs: Programs) -> None:
    programs.add("rpm", {"-qa": RPM_QA})
    assert salt["pkg.list_pkgs"]() == {
        "bash": "5.1.8-6.el9_1",
        "kernel": "5.14.0-362.el9,5.14.0-70.el9",
        "vim-minimal": "2:8.2.2637-20.el9_1",
        "glibc.i686": "2.34-83.el9",
        "python3-dnf-plugin-versionlock": "4.3.0-11.el9",
    }
    assert salt["pkg.list_pkgs"](versions_as_list=True)["kernel"] == ["5.14.0-362.el9", "5.14.0-70.el9"]
    assert salt["pkg.list_pkgs"](attr=["epoch", "install_date"])["vim-minimal"] == [
        {"epoch": "2", "version": "8.2.2637", "arch": "x86_64", "install_date": "2023-11-14T22:13:20Z"}
    ]
    assert salt["pkg.list_pkgs"](removed=True) == {}
    assert salt["pkg.version"]("bash", "nothing") == {"bash": "5.1.8-6.el9_1", "nothing": ""}
    assert len(programs.calls("rpm")) == 1


def test_names(salt: Loader, programs: Programs) -> None:
    assert salt["pkg.normalize_name"]("zsh.x86_64") == "zsh"
    assert salt["pkg.normalize_name"]("zsh.noarch") == "zsh"
    assert salt["pkg.normalize_name"]("zsh.i686") == "zsh.i686"
    assert salt["pkg.normalize_name"]("python3.11") == "python3.11"
    assert salt["pkg.parse_arch"]("zsh.i686") == {"name": "zsh", "arch": "i686"}
    assert salt["pkg.parse_arch"]("python3.11") == {"name": "python3.11", "arch": None}
    assert salt["pkg.version_cmp"]("1.0~rc1-1", "1.0-1") == -1


AVAILABLE = """\
Last metadata expiration check: 0:00:01 ago on Fri 20 Nov 2026 05:00:00 PM UTC.
Available Packages
bash.x86_64                                5.1.8-9.el9                   baseos
a-package-with-a-very-long-name-indeed.noarch
                                           1:2.0-1.el9                   epel
glibc.i686                                 2.34-100.el9                  baseos
nginx.x86_64                               1:1.20.1-14.el9               appstream
nginx.x86_64                               1:1.22.1-3.el9                appstream
"""


def test_what_is_on_offer(salt: Loader, programs: Programs) -> None:
    programs.add("rpm", {"-qa": RPM_QA})
    programs.add("dnf", {"list --available": AVAILABLE, "list --upgrades": AVAILABLE, "check-update": (100, "")})
    latest = salt["pkg.latest_version"]
    assert latest("nginx", refresh=False) == "1:1.22.1-3.el9"
    assert latest("bash", "nginx", "nothing", "glibc.i686", refresh=False, fromrepo="baseos") == {
        "bash": "5.1.8-9.el9",
        "nginx": "1:1.22.1-3.el9",
        "nothing": "",
        "glibc.i686": "2.34-100.el9",
    }
    assert programs.calls("dnf")[-1] == (
        "--quiet --disablerepo=* --enablerepo=baseos list --available bash nginx nothing glibc.i686"
    )
    assert salt["pkg.upgrade_available"]("bash", refresh=False)
    assert salt["pkg.list_upgrades"](refresh=False)["a-package-with-a-very-long-name-indeed"] == "1:2.0-1.el9"
    assert salt["pkg.list_repo_pkgs"]("nginx") == {"nginx": ["1:1.22.1-3.el9", "1:1.20.1-14.el9"]}
    assert salt["pkg.list_repo_pkgs"]("bash", byrepo=True) == {"baseos": {"bash": ["5.1.8-9.el9"]}}
    assert salt["pkg.refresh_db"]() is True


def test_install(salt: Loader, programs: Programs) -> None:
    programs.add("rpm", {"-qa": RPM_QA})
    programs.add("dnf", {"list --available": AVAILABLE, "versionlock list": ""})
    install = salt["pkg.install"]

    def asked(**kwargs: Any) -> List[str]:
        programs.calls("dnf")
        install(**kwargs)
        return [call for call in programs.calls("dnf") if call.startswith("-y")]

    assert asked(name="nginx") == ["-y install --best --allowerasing nginx"]
    assert asked(pkgs=["nginx", {"bash": "5.0-1"}], skip_verify=True, enablerepo="a,b") == [
        "-y install --best --allowerasing --enablerepo=a --enablerepo=b --nogpgcheck nginx",
        "-y downgrade --enablerepo=a --enablerepo=b --nogpgcheck bash-5.0-1",
    ]
    assert asked(name="nginx", version="1.20*") == ["-y install --best --allowerasing nginx-1.20.1-14.el9"]
    assert asked(name="nginx", version=">=1:1.21") == ["-y install --best --allowerasing nginx-1.22.1-3.el9"]
    assert asked(name="bash", reinstall=True) == ["-y reinstall bash"]
    assert asked(name="glibc.i686", version="2.35-1") == ["-y install --best --allowerasing glibc-2.35-1.i686"]
    assert asked(name="kernel", version="5.0-1") == ["-y install --best --allowerasing kernel-5.0-1"]
    with pytest.raises(CommandExecutionError) as caught:
        install("nginx", version=">9:9")
    info: Any = caught.value.info
    assert info["errors"][0].startswith("No version matching 'nginx>9:9' could be found (available: 1:1.22.1")
    salt["pkg.remove"](pkgs=["bash", {"kernel": "5.14.0-70.el9"}, "nothing", "vim*"])
    assert programs.calls("dnf")[-1] == "-y remove bash kernel-5.14.0-70.el9 vim-minimal"
    salt["pkg.upgrade"](refresh=False, security=True, obsoletes=False)
    assert programs.calls("dnf")[-1] == "--quiet -y --setopt=obsoletes=False --security upgrade"


LOCKS = "Last metadata expiration check: ...\nbash-0:5.1.8-6.el9_1.*\nvim-minimal-2:8.2.2637-20.el9_1.*\n"


def test_holds(salt: Loader, programs: Programs) -> None:
    programs.add("rpm", {"-qa": RPM_QA})
    programs.add("dnf", {"versionlock list": LOCKS, "versionlock add broken": (1, "")})
    assert salt["pkg.list_holds"]() == ["bash-0:5.1.8-6.el9_1.*", "vim-minimal-2:8.2.2637-20.el9_1.*"]
    assert salt["pkg.get_locked_packages"](full=False) == ["bash", "vim-minimal"]
    assert salt["pkg.hold"]("bash")["bash"]["comment"] == "Package bash is already set to be held."
    assert salt["pkg.hold"](pkgs=["zsh"])["zsh"]["changes"] == {"new": "hold", "old": ""}
    assert salt["pkg.hold"]("broken")["broken"]["result"] is False
    assert salt["pkg.unhold"]("bash")["bash"]["changes"] == {"new": "", "old": "hold"}
    assert programs.calls("dnf")[-1] == "versionlock delete bash"
    assert salt["pkg.unhold"]("zsh")["zsh"]["comment"] == "Package zsh is not being held."
    with pytest.raises(CommandExecutionError) as caught:
        salt["pkg.install"]("bash")
    info: Any = caught.value.info
    assert "because they are being held: bash" in info["errors"][0]
    programs.calls("dnf")
    salt["pkg.install"]("bash", update_holds=True)
    changing = [call for call in programs.calls("dnf") if " list" not in call]
    assert changing == ["versionlock delete bash", "-y install --best --allowerasing bash"]


def test_holds_need_their_plugin(salt: Loader, programs: Programs) -> None:
    programs.add("rpm", {"-qa": row("bash", "(none)", "5", "1", "x86_64", "1")})
    programs.add("dnf", {})
    with pytest.raises(SaltInvocationError, match="python3-dnf-plugin-versionlock is not installed"):
        salt["pkg.hold"]("bash")


GROUP_LIST = """\
Available Environment Groups:
   Server with GUI
   Minimal Install
Installed Groups:
   Container Management
Available Groups:
   Security Tools
Available Language Groups:
   Arabic Support [ar]
Done
"""
GROUP_INFO = """\

Group: Security Tools
 Group-Id: security-tools
 Description: Security tools for integrity and trust verification.
 Default Packages:
   =scap-security-guide
 Optional Packages:
   aide
   hmaccalc
"""
ENVIRONMENT = """\
Environment Group: Server
 Environment-Id: server-product-environment
 Description: An integrated server.
 Mandatory Groups:
   Security Tools
"""


def test_groups(salt: Loader, programs: Programs) -> None:
    programs.add("rpm", {"-qa": row("aide", "(none)", "1", "1", "x86_64", "1")})
    programs.add("dnf", {"grouplist": GROUP_LIST, "groupinfo Security": GROUP_INFO, "groupinfo Server": ENVIRONMENT})
    groups = salt["pkg.group_list"]()
    assert groups["installed"] == ["Container Management"]
    assert groups["available environments"] == ["Server with GUI", "Minimal Install"]
    assert groups["available languages"] == {"Arabic Support [ar]": {"name": "Arabic Support", "language": "ar"}}
    info = salt["pkg.group_info"]("Security Tools")
    assert (info["type"], info["id"], info["default"], info["optional"]) == (
        "package group",
        "security-tools",
        ["scap-security-guide"],
        ["aide", "hmaccalc"],
    )
    assert salt["pkg.group_info"]("Server", expand=True)["optional"] == ["aide", "hmaccalc"]
    assert salt["pkg.group_diff"]("Security Tools")["optional"] == {
        "installed": ["aide"],
        "not installed": ["hmaccalc"],
    }
    salt["pkg.group_install"]("Security Tools", include="aide,extra")
    assert programs.calls("dnf")[-1] == "-y install --best --allowerasing scap-security-guide extra"
    with pytest.raises(CommandExecutionError, match="not found"):
        salt["pkg.group_info"]("Nothing")


def test_patches(salt: Loader, programs: Programs) -> None:
    text = (
        "  RHSA-2023:1 Important/Sec. a-1-1.x86_64\ni RHBA-2023:2 bugfix b-1-1.x86_64\ni RHSA-2023:1 x c-1-1.noarch\n"
    )
    programs.add("dnf", {"updateinfo": text})
    assert salt["pkg.list_patches"]() == {
        "RHSA-2023:1": {"installed": False, "summary": ["a-1-1.x86_64", "c-1-1.noarch"]},
        "RHBA-2023:2": {"installed": True, "summary": ["b-1-1.x86_64"]},
    }
    assert list(salt["pkg.list_installed_patches"]()) == ["RHBA-2023:2"]


VERIFY = "S.5....T.  c /etc/a.conf\nmissing     /usr/bin/b\n.M.......    /usr/bin/with space\nmissing   d /doc\n"


def test_verify(salt: Loader, programs: Programs) -> None:
    programs.add("rpm", {"-V": (1, VERIFY)})
    assert salt["pkg.verify"]("x", ignore_types="doc") == {
        "/etc/a.conf": {"mismatch": ["size", "md5sum", "mtime"], "type": "config"},
        "/usr/bin/b": {"missing": True},
        "/usr/bin/with space": {"mismatch": ["mode"]},
    }
    assert salt["pkg.modified"]("x", size=True) == {"/etc/a.conf": ["size", "checksum", "time", "config"]}


# Repositories


@pytest.fixture
def repos(tmp_path: Path, programs: Programs) -> str:
    folder = tmp_path / "repos"
    folder.mkdir()
    (folder / "a.repo").write_text(
        "# of the image\n[base]\nname=Base - $releasever\n# why\nbaseurl=http://a.example/$basearch\n  http://b.example\n"
        "Enabled=1\n\n[extra]\nname=Extra\nmirrorlist=http://m.example\nenabled=0\n"
    )
    return str(folder)


def test_repositories(salt: Loader, repos: str) -> None:
    path = f"{repos}/a.repo"
    assert salt["pkg.list_repos"](repos) == {
        "base": {
            "name": "Base - $releasever",
            "comments": ["why"],
            "baseurl": "http://a.example/$basearch\nhttp://b.example",
            "enabled": "1",
            "file": path,
        },
        "extra": {"name": "Extra", "mirrorlist": "http://m.example", "enabled": "0", "file": path},
    }
    assert salt["pkg.get_repo"]("extra", repos)["name"] == "Extra"
    assert salt["pkg.get_repo"]("nothing", repos) == {}
    mod = salt["pkg.mod_repo"]
    changed = mod("extra", repos, baseurl="http://e.example", enabled=True, gpgcheck=0)
    assert changed[path]["extra"] == {"name": "Extra", "baseurl": "http://e.example", "enabled": "1", "gpgcheck": "0"}
    assert Path(path).read_text() == (
        "# of the image\n\n[base]\nname=Base - $releasever\n# why\nbaseurl=http://a.example/$basearch\n"
        "  http://b.example\nEnabled=1\n\n[extra]\nname=Extra\nenabled=1\nbaseurl=http://e.example\ngpgcheck=0\n"
    )
    assert mod("new", repos, name="New", metalink="http://n.example") == {
        f"{repos}/new.repo": {"new": {"name": "New", "metalink": "http://n.example"}}
    }
    for wrong in (
        {"name": ""},
        {"baseurl": "http://x", "metalink": "http://y"},
        {"metalink": ""},
    ):
        with pytest.raises(SaltInvocationError):
            mod("new", repos, **wrong)
    with pytest.raises(SaltInvocationError, match="a name was not given"):
        mod("other", repos, baseurl="http://x")
    assert salt["pkg.del_repo"]("extra", repos) == f"Repo extra has been removed from {path}"
    assert salt["pkg.del_repo"]("base", repos) == f"File {path} containing repo base has been removed"
    assert salt["pkg.del_repo"]("base", repos) == f"Error: the base repo does not exist in ['{repos}']"
    assert os.listdir(repos) == ["new.repo"]


def test_options() -> None:
    assert _yum.options(repo="a") == ["--disablerepo=*", "--enablerepo=a"]
    assert _yum.options(disablerepo=["a", "b"], setopt="x=1,y=2", disableexcludes="main", branch="z") == [
        "--disablerepo=a",
        "--disablerepo=b",
        "--disableexcludes=main",
        "--branch=z",
        "--setopt=x=1",
        "--setopt=y=2",
    ]
    assert _yum.options(extra=True, security=True, cve="1", other=3, __pub_x="y") == ["--cve=1", "--security"]


# The real programs


def build(folder: Path, version: str) -> str:
    """A package with a file and a configuration file."""
    spec = folder / "t.spec"
    spec.write_text(
        f"Name: {NAME}\nEpoch: 1\nVersion: {version}\nRelease: 1\nSummary: for tests\nLicense: MIT\nVendor: Me\n"
        f"Group: Misc\nURL: https://example.org\nBuildArch: noarch\n%description\nA package.\n\nFor tests.\n%install\n"
        f"mkdir -p %{{buildroot}}/opt/{NAME}\necho {version} > %{{buildroot}}/opt/{NAME}/file\n"
        f"echo {version} > %{{buildroot}}/opt/{NAME}/conf\n"
        f"%files\n/opt/{NAME}/file\n%config(noreplace) /opt/{NAME}/conf\n"
    )
    words = ["rpmbuild", "-bb", "--define", f"_topdir {folder}/build", str(spec)]
    subprocess.run(words, check=True, capture_output=True)
    return f"{folder}/build/RPMS/noarch/{NAME}-{version}-1.noarch.rpm"


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A database of packages of our own: Debian's rpm keeps it in the home folder."""
    for program in ("rpm", "rpmbuild"):
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
    if os.geteuid() != 0:
        pytest.skip("needs root to install packages")
    monkeypatch.setenv("HOME", str(tmp_path))
    database = subprocess.run(["rpm", "--eval", "%_dbpath"], capture_output=True, text=True, check=True).stdout
    if not database.startswith(str(tmp_path)):
        pytest.skip("this rpm would use the database of the system")
    yield tmp_path
    shutil.rmtree(f"/opt/{NAME}", ignore_errors=True)


def test_real_rpm(salt: Loader, scratch: Path) -> None:
    path = build(scratch, "1.0")
    about = salt["lowpkg.bin_pkg_info"](path)
    assert (about["name"], about["version"], about["arch"]) == (NAME, "1:1.0-1", "noarch")
    (scratch / "bad.rpm").write_text("no package")
    assert salt["lowpkg.bin_pkg_info"](str(scratch / "bad.rpm")) is None
    subprocess.run(["rpm", "-i", path], check=True)
    assert salt["lowpkg.list_pkgs"]() == {NAME: "1.0"}
    assert salt["lowpkg.file_list"](NAME) == {"errors": [], "files": [f"/opt/{NAME}/conf", f"/opt/{NAME}/file"]}
    assert salt["lowpkg.file_dict"]("nothing") == {"errors": ["package nothing is not installed"], "packages": {}}
    assert salt["lowpkg.owner"](f"/opt/{NAME}/file", "/bin/sh") == {f"/opt/{NAME}/file": NAME, "/bin/sh": ""}
    info = salt["lowpkg.info"](NAME)[NAME]
    assert (info["version"], info["epoch"], info["vendor"], info["license"]) == ("1.0", "1", "Me", "MIT")
    assert info["description"] == "A package.\n\nFor tests."
    assert "edition" not in info
    assert salt["lowpkg.info"](NAME, attr="version") == {NAME: {"version": "1.0"}}
    assert salt["lowpkg.info"](NAME, all_versions=True)[NAME][0]["edition"] == "1:1.0-1"
    assert salt["lowpkg.checksum"](path, str(scratch / "bad.rpm")) == {path: True, str(scratch / "bad.rpm"): False}
    assert salt["lowpkg.verify"](NAME) == {}
    with open(f"/opt/{NAME}/conf", "a") as file:
        file.write("changed\n")
    os.unlink(f"/opt/{NAME}/file")
    found = salt["lowpkg.verify"](NAME)
    assert found[f"/opt/{NAME}/file"] == {"missing": True}
    assert found[f"/opt/{NAME}/conf"]["type"] == "config"
    assert salt["lowpkg.modified"](NAME, checksum=True)[f"/opt/{NAME}/conf"][-1] == "config"
    if shutil.which("cpio"):
        assert "+changed" in salt["lowpkg.diff"](path, f"/opt/{NAME}/conf")


@pytest.mark.skipif(not shutil.which("dnf") or not shutil.which("createrepo_c"), reason="needs dnf and createrepo_c")
def test_real_dnf(salt: Loader, scratch: Path) -> None:
    folder = scratch / "repo"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        shutil.move(build(scratch, version), folder)
    subprocess.run(["createrepo_c", "-q", str(folder)], check=True)
    (scratch / "repos.d").mkdir()
    (scratch / "repos.d" / "l.repo").write_text(f"[local]\nname=L\nbaseurl=file://{folder}\ngpgcheck=0\n")
    places = {"reposdir": "repos.d", "cachedir": "cache", "logdir": "log", "persistdir": "state"}
    only: Dict[str, Any] = {"setopt": [f"{name}={scratch}/{place}" for name, place in places.items()]}
    assert salt["pkg.install"](NAME, version="1.0-1", **only) == {NAME: {"old": "", "new": "1:1.0-1"}}
    assert salt["pkg.list_upgrades"](refresh=False, **only) == {NAME: "1:2.0-1"}
    assert salt["pkg.latest_version"](NAME, refresh=False, **only) == "1:2.0-1"
    assert salt["pkg.list_repo_pkgs"](NAME, byrepo=True, **only) == {"local": {NAME: ["1:2.0-1", "1:1.0-1"]}}
    assert salt["pkg.install"](NAME, version=">1:1.5", **only) == {NAME: {"old": "1:1.0-1", "new": "1:2.0-1"}}
    assert salt["pkg.install"](NAME, version="1:1.0-1", **only) == {NAME: {"old": "1:2.0-1", "new": "1:1.0-1"}}
    assert salt["pkg.upgrade"](refresh=False, **only) == {NAME: {"old": "1:1.0-1", "new": "1:2.0-1"}}
    assert salt["pkg.info_installed"](NAME)[NAME]["source"] == f"{NAME}-2.0-1.src.rpm"
    with pytest.raises(CommandExecutionError, match="Error occurred installing"):
        salt["pkg.install"]("nothing-of-that-name", **only)
    subprocess.run(["rpm", "-e", NAME], check=True)
    assert salt["pkg.list_pkgs"](use_context=False) == {}


def test_rows_that_are_none() -> None:
    assert _rpm.parse("nonsense", "x86_64") is None
    assert _rpm.resolve_name("a", "i386", "i686") == "a"
