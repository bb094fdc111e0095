"""Which operating system this is, read from the files distributions ship.

Every function takes the root of a file system, so that a test can show it another distribution.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Optional, Tuple

from minion.grains._distros import os_family, os_name
from minion.grains._probe import read, read_line, run, which

Grains = Dict[str, Any]

_LSB_LINE = re.compile(r"""^DISTRIB_(ID|RELEASE|CODENAME|DESCRIPTION)=["']?([\w .\-]+)""", re.M)
_RELEASE_LINE = re.compile(r"^(?P<name>.+?)\s+(?:[Rr]elease\s+)?(?P<version>\d[\d.]*)(?:[^(]*\((?P<codename>[^)]*)\))?")
_QUOTED = re.compile(r""""((?:\\.|[^"\\])*)"|'([^']*)'|["']?(\S*)""")
_IN_BRACKETS = re.compile(r"\(([^)]*)\)")
_RELEASE_FILES = ("centos-release", "redhat-release", "fedora-release", "system-release", "SuSE-release")
_NAMED_BY_ITSELF = ("Debian", "Raspbian", "AlmaLinux", "FreeBSD", "OpenBSD", "NetBSD", "Mac")
_FULL_RELEASE_IN_FINGER = ("Ubuntu", "Pop", "NixOS")


def distribution(root: str = "/") -> Grains:
    """os, os_family, osfullname, osrelease, oscodename and the lsb_distrib_* grains."""
    release = os_release(root)
    grains = lsb_release(root)
    if grains.get("lsb_distrib_description", "").lower().startswith("antergos"):
        grains["osfullname"] = "Antergos Linux"  # its lsb-release says that it is Arch
    elif "lsb_distrib_id" not in grains:
        grains.update(_lsb_from_os_release(release) if release else _lsb_from_old_files(root))
    _set_names(grains, release)
    _set_release(grains, release, root)
    _correct_suse(grains, release)
    grains["os_family"] = os_family(grains["os"])
    return grains


def os_release(root: str = "/") -> Dict[str, str]:
    """The fields of os-release; {} on systems from before it existed."""
    text = read(os.path.join(root, "etc/os-release")) or read(os.path.join(root, "usr/lib/os-release"))
    if text is None:
        return {}
    fields = {"NAME": "Linux", "ID": "linux", "PRETTY_NAME": "Linux"}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        match = _QUOTED.match(value)
        if equals and match and not key.startswith("#"):
            fields[key] = re.sub(r"\\(.)", r"\1", match.group(1) or match.group(3) or "") or match.group(2) or ""
    return fields


def lsb_release(root: str = "/") -> Grains:
    """The fields of /etc/lsb-release as lsb_distrib_* grains."""
    text = read(os.path.join(root, "etc/lsb-release")) or ""
    return {f"lsb_distrib_{key.lower()}": value.strip() for key, value in _LSB_LINE.findall(text)}


def _lsb_from_os_release(release: Dict[str, str]) -> Grains:
    grains: Grains = {"lsb_distrib_id": release["NAME"].strip()}
    if "VERSION_ID" in release:
        grains["lsb_distrib_release"] = release["VERSION_ID"]
    grains["lsb_distrib_codename"] = release.get("VERSION_CODENAME", release["PRETTY_NAME"])
    vendor, version = _cpe_vendor_and_version(release.get("CPE_NAME", ""))
    if vendor in ("suse", "opensuse"):
        grains["os"] = "SUSE"
        if release["NAME"] == "openSUSE Leap":
            grains["osfullname"] = "Leap"
        elif release.get("VERSION") == "Tumbleweed":
            grains["osfullname"] = "Tumbleweed"
        if version and vendor == "opensuse":
            grains["lsb_distrib_release"] = version
    if release["ID"] == "mendel" and len(release["PRETTY_NAME"].split()) > 2:
        grains["lsb_distrib_release"] = release["PRETTY_NAME"].split()[2]
    return grains


def _cpe_vendor_and_version(cpe: str) -> Tuple[str, str]:
    """From both spellings: cpe:/o:vendor:product:version and cpe:2.3:o:vendor:product:version."""
    parts = cpe.split(":")
    if len(parts) > 4 and parts[1].startswith("/"):
        return parts[2].lower(), parts[4]
    if len(parts) > 5 and parts[1] == "2.3":
        return parts[3].lower(), parts[5].replace("*", "")
    return "", ""


def _lsb_from_old_files(root: str) -> Grains:
    """Systems without os-release: old SUSE, ALT, CentOS, Synology."""
    if os.path.isfile(os.path.join(root, "etc/SuSE-release")):
        return _lsb_from_suse_release(read(os.path.join(root, "etc/SuSE-release")) or "")
    alt = read_line(os.path.join(root, "etc/altlinux-release")).split()
    if alt[:1] == ["ALT"] and len(alt) > 3:
        return {
            "lsb_distrib_id": "altlinux",
            "lsb_distrib_release": alt[2],
            "lsb_distrib_codename": alt[3].strip("()"),
        }
    centos = read_line(os.path.join(root, "etc/centos-release"))
    if centos:
        return _lsb_from_centos_release(centos)
    synology = read(os.path.join(root, "etc.defaults/VERSION"))
    if synology and os.path.isfile(os.path.join(root, "etc.defaults/synoinfo.conf")):
        fields = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', synology, re.M))
        version = "{majorversion}.{minorversion}-{buildnumber}".format_map(fields)
        return {"osfullname": "Synology", "osrelease": version}
    return {}


def _lsb_from_suse_release(text: str) -> Grains:
    fields = dict(re.findall(r"^(\w+)\s*=\s*(\S+)", text, re.M))
    grains: Grains = {"lsb_distrib_id": "SUSE", "lsb_distrib_release": fields.get("VERSION", "")}
    codename = "n.a"
    first = text.splitlines()[0] if text else ""
    if "enterprise" in first.lower():
        grains["lsb_distrib_id"] = "SLES"
        codename = re.sub(r"\(.+\)", "", first).strip()
    if fields.get("PATCHLEVEL"):
        grains["lsb_distrib_release"] += "." + fields["PATCHLEVEL"]
        pack = "SP" + fields["PATCHLEVEL"]
        codename += "" if pack in codename else " " + pack
    grains["lsb_distrib_codename"] = codename
    return grains


def _lsb_from_centos_release(line: str) -> Grains:
    grains: Grains = {"lsb_distrib_id": "CentOS"}
    version, codename = re.search(r"\d+\.\d+", line), _IN_BRACKETS.search(line)
    if version:
        grains["lsb_distrib_release"] = version.group()
    if codename:
        grains["lsb_distrib_codename"] = codename.group(1)
    return grains


def _set_names(grains: Grains, release: Dict[str, str]) -> None:
    if release:
        grains.setdefault("osfullname", release["NAME"].strip())
        grains.setdefault("os", os_name(release["NAME"], release["ID"]))
        return
    lsb_id = grains.get("lsb_distrib_id", "")
    grains.setdefault("osfullname", "nilrt" if lsb_id.lower().startswith("nilrt") else lsb_id.strip() or "Linux")
    grains.setdefault("os", os_name(grains["osfullname"]))


def _set_release(grains: Grains, release: Dict[str, str], root: str) -> None:
    codename = grains.get("lsb_distrib_codename", "").strip()
    if "osrelease" not in grains:
        if "CentOS Linux 7" in codename or "CentOS Linux 8" in codename:
            grains.pop("lsb_distrib_release", None)  # os-release lacks the minor release there
        grains["osrelease"] = grains.get("lsb_distrib_release") or _most_exact_version(release, root)
    in_brackets = _IN_BRACKETS.search(codename)
    if in_brackets and grains["os"] in ("Rocky", "AlmaLinux", "AstraLinuxSE"):
        codename = in_brackets.group(1)
        if grains["os"] == "AstraLinuxSE":
            codename = codename.split()[0].lower()
        grains["lsb_distrib_codename"] = codename
    if not codename or "Red Hat" in codename:
        codename = _codename(release, root)
    grains["oscodename"] = codename


def _most_exact_version(release: Dict[str, str], root: str) -> str:
    """The version with the most parts among those the system's files tell."""
    candidates = [release.get("VERSION_ID", ""), _release_file(root)[0]]
    if release.get("ID") == "debian":
        candidates.append(read_line(os.path.join(root, "etc/debian_version")))
    pretty = re.search(r"\d[\d.]*", release.get("PRETTY_NAME", ""))
    candidates.append(pretty.group().rstrip(".") if pretty else "")
    return max(candidates, key=lambda version: (version.count("."), bool(version)))


def _codename(release: Dict[str, str], root: str) -> str:
    if "VERSION_CODENAME" in release:  # it may say, with an empty value, that there is none
        return release["VERSION_CODENAME"]
    version = release.get("VERSION", "")
    in_brackets = _IN_BRACKETS.search(version)
    if in_brackets:
        return in_brackets.group(1)
    return _release_file(root)[1]


def _release_file(root: str) -> Tuple[str, str]:
    """(version, codename) of /etc/centos-release and its like."""
    for name in _RELEASE_FILES:
        match = _RELEASE_LINE.match(read_line(os.path.join(root, "etc", name)))
        if match:
            return match.group("version"), match.group("codename") or ""
    return "", ""


def _correct_suse(grains: Grains, release: Dict[str, str]) -> None:
    """SL Micro 6.2 says that it is SLES 16 and names the product it is built from elsewhere."""
    product, version = release.get("SUSE_SUPPORT_PRODUCT"), release.get("SUSE_SUPPORT_PRODUCT_VERSION")
    if not product or not version:
        return
    grains["oscodename"] = release.get("SUSE_PRETTY_NAME", f"{product} {version}")
    grains["osrelease"] = version
    if product == "SUSE Linux Micro":
        grains["osfullname"] = "SL-Micro"


def release_parts(name: str, full_name: str, release: str) -> Grains:
    """osrelease_info, osmajorrelease and osfinger."""
    info = tuple(int(part) if part.isdigit() else part for part in release.split("."))
    grains: Grains = {"osrelease_info": info}
    if isinstance(info[0], int):
        grains["osmajorrelease"] = info[0]
    shown = name if name in _NAMED_BY_ITSELF else full_name
    grains["osfinger"] = f"{shown}-{release if name in _FULL_RELEASE_IN_FINGER else info[0]}"
    return grains


def architecture(family: str, machine: str) -> Any:
    """The architecture in the words of the package manager."""
    if family == "Debian":
        return run("dpkg", "--print-architecture")[1]
    if family in ("RedHat", "Suse"):
        macro = re.search(r"^%_host_cpu\s+(\S+)", read("/usr/lib/rpm/macros") or "", re.M)
        return macro.group(1) if macro else machine
    if family in ("NILinuxRT", "Poky"):
        lines = [line.split() for line in run("opkg", "print-architecture")[1].splitlines()]
        priorities = {line[1]: int(line[2]) for line in lines if len(line) == 3 and line[0] == "arch"}
        return sorted(priorities, key=lambda arch: priorities[arch], reverse=True)
    return machine


def systemd() -> Optional[Dict[str, str]]:
    """Version and features of systemd; None where it is not installed."""
    if not which("systemctl") or not which("localectl"):
        return None
    lines = run("systemctl", "--version")[1].splitlines()
    if lines and lines[0].startswith("systemd "):
        return {"version": lines[0].split()[1], "features": lines[1] if len(lines) > 1 else ""}
    return {"version": "UNDEFINED", "features": ""}


def selinux() -> Optional[Dict[str, Any]]:
    """Whether SELinux is on, as the kernel says; None where its tools are not installed."""
    if not which("selinuxenabled"):
        return None
    enforce = read("/sys/fs/selinux/enforce")
    grain: Dict[str, Any] = {"enabled": enforce is not None}
    if which("getenforce"):
        grain["enforced"] = "Disabled" if enforce is None else ("Enforcing" if enforce.strip() == "1" else "Permissive")
    return grain


def init_system() -> str:
    """What runs as process 1."""
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    command = (read("/proc/1/cmdline") or "").replace("\0", " ").split()
    if not command:
        return "unknown"
    program = which(command[0])
    if program and program.endswith("bin/init"):
        return _init_by_its_text(program)
    for name in ("supervisord", "dumb-init", "tini"):
        path = which(name)
        if path and path in command:
            return name
    if command == ["runit"] or "/sbin/my_init" in command:
        return "runit"
    return "unknown"


def _init_by_its_text(program: str) -> str:
    """An /sbin/init names the system it belongs to somewhere in its text."""
    try:
        with open(program, "rb") as source:
            text = source.read().lower()
    except OSError:
        return "unknown"
    found: List[Tuple[int, str]] = [
        (text.find(name.encode()), name) for name in ("upstart", "sysvinit", "systemd") if name.encode() in text
    ]
    return min(found)[1] if found else "unknown"
