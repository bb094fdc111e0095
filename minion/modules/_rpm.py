"""What modules of RPM-based distributions share: rpm's rows, names with architectures, installed packages."""

from __future__ import annotations

import datetime
import functools
import os
import re
from typing import Any, Callable, Dict, List, Mapping, MutableMapping, NamedTuple, Optional, Sequence

from minion.modules import _pkg, _tools

Salt = Mapping[str, Callable[..., Any]]

_X86_64 = ("x86_64", "x86_64_v2")
_X86_32 = ("i386", "i486", "i586", "i686", "athlon", "geode")
_ARM_32 = ("armv5tel", "armv5tejl", "armv6l", "armv6hl", "armv7l", "armv7hl", "armv7hnl")
ARCHITECTURES = {
    *_X86_64,
    *_X86_32,
    *_ARM_32,
    *("amd64", "ia32e", "ia64", "aarch64", "riscv64", "loongarch64"),
    *("ppc", "ppc64", "ppc64le", "ppc64iseries", "ppc64pseries", "s390", "s390x", "sh3", "sh4", "sh4a"),
    *("alpha", "alphaev4", "alphaev45", "alphaev5", "alphaev56", "alphapca56", "alphaev6", "alphaev67", "alphaev68"),
    *("sparc", "sparcv8", "sparcv9", "sparcv9v", "sparc64", "sparc64v", "mips", "mipsel", "mips64", "mips64el"),
}
# Distributions with rpm whose family has another name.
OTHER_SYSTEMS = ("amazon", "xcp", "xenserver", "virtuozzolinux", "virtuozzo", "openeuler", "vmware photon os")

_SEPARATOR = "\x1f"
_FIELDS = ("NAME", "EPOCH", "VERSION", "RELEASE", "ARCH", "INSTALLTIME")
QUERY = _SEPARATOR.join(f"%{{{field}}}" for field in _FIELDS) + "\n"


class Package(NamedTuple):
    """One row of rpm's database, or of a package file."""

    name: str
    epoch: str
    version: str
    release: str
    arch: str
    install_date: Optional[str]
    install_date_time_t: Optional[int]

    @property
    def full_version(self) -> str:
        """`epoch:version-release`, without an epoch of 0."""
        text = f"{self.version}-{self.release}" if self.release else self.version
        return f"{self.epoch}:{text}" if self.epoch else text


def parse(line: str, own_arch: str) -> Optional[Package]:
    """The row that a line in the form of `QUERY` holds."""
    fields = [field if field != "(none)" else "" for field in line.rstrip("\n").split(_SEPARATOR)]
    if len(fields) != len(_FIELDS):
        return None
    name, epoch, version, release, arch, time = fields
    seconds = int(time) if time.isdigit() and int(time) else None
    return Package(
        name=resolve_name(name, arch, own_arch),
        epoch="" if epoch == "0" else epoch,
        version=version,
        release=release,
        arch=arch,
        install_date=date(seconds) if seconds else None,
        install_date_time_t=seconds,
    )


def date(seconds: int) -> str:
    """A time as text."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def resolve_name(name: str, arch: str, own_arch: str) -> str:
    """The name under which a package is known: with its architecture, if that is not the system's own."""
    is_own = (
        arch in (own_arch, "noarch", "")
        or (arch in _X86_64 and own_arch in _X86_64)
        or (arch in _X86_32 and own_arch in _X86_32)
        or (arch in _ARM_32 and own_arch in _ARM_32)
    )
    return name if is_own else f"{name}.{arch}"


def own_arch(grains: Mapping[str, Any]) -> str:
    """The architecture of the system."""
    return str(grains.get("osarch") or grains.get("cpuarch", ""))


def newest_first(versions: Sequence[str]) -> List[str]:
    """Versions without doubles, in rpm's order."""
    return sorted(set(versions), key=functools.cmp_to_key(_pkg.compare_rpm), reverse=True)


def merged(offers: Mapping[str, Mapping[str, Sequence[str]]], by_repo: bool) -> Dict[str, Any]:
    """Repository -> package -> versions, newest first; or without repositories."""
    if by_repo:
        return {repo: merged({repo: packages}, False) for repo, packages in offers.items()}
    found: Dict[str, List[str]] = {}
    for packages in offers.values():
        for name, versions in packages.items():
            found.setdefault(name, []).extend(versions)
    return {name: newest_first(versions) for name, versions in found.items()}


def split_arch(name: str) -> Dict[str, Optional[str]]:
    """Package and architecture of `zsh.x86_64`."""
    plain, _, arch = name.rpartition(".")
    if plain and (arch in ARCHITECTURES or arch == "noarch"):
        return {"name": plain, "arch": arch}
    return {"name": name, "arch": None}


def normalize(name: str, own_arch: str) -> str:
    """The name without an architecture that is the system's own."""
    parts = split_arch(name)
    return resolve_name(str(parts["name"]), str(parts["arch"] or ""), own_arch)


def installed(
    salt: Salt,
    context: MutableMapping[str, Any],
    own_arch: str,
    root: Optional[str] = None,
    use_context: bool = True,
) -> Dict[str, List[Dict[str, Any]]]:
    """Package -> attributes of each installed version; remembered for the job."""
    key = _pkg.CONTEXT_KEY + (f".{root}" if root else "")
    if key not in context or not use_context:
        words = ["rpm", *(["--root", root] if root else []), "-qa", "--nodigest", "--nosignature"]
        found: Dict[str, List[Dict[str, Any]]] = {}
        for line in _tools.output(salt, [*words, "--queryformat", QUERY]).splitlines():
            package = parse(line, own_arch)
            if package is not None and package.name != "gpg-pubkey":
                attributes = package._asdict()
                found.setdefault(attributes.pop("name"), []).append(attributes)
        for versions in found.values():
            versions.sort(key=lambda entry: (entry["version"], entry["release"]))
        context[key] = found
    known: Dict[str, List[Dict[str, Any]]] = context[key]
    return known


def is_rpm_based(grains: Mapping[str, Any], families: Sequence[str]) -> bool:
    """Whether the host belongs to a family, or is one of the distributions that use rpm without belonging to one."""
    return str(grains.get("os_family", "")).lower() in families or str(grains.get("os", "")).lower() in OTHER_SYSTEMS


VERIFY_LINE = re.compile(r"^(missing|[.?SM5DLUGTP]{8,9})\s+(?:([cdglr])\s+)?(/.*)$", re.M)


def common_names(details: Mapping[str, Any]) -> Dict[str, Any]:
    """What `lowpkg.info` says, under the names of fields that all distributions share."""

    def rename(fields: Mapping[str, Any]) -> Dict[str, Any]:
        return {"source" if key == "source_rpm" else key: value for key, value in fields.items()}

    return {
        name: [rename(version) for version in fields] if isinstance(fields, list) else rename(fields)
        for name, fields in details.items()
    }


def downloaded(salt: Salt, folder: str) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """Package files below a folder: name -> version -> path, size and time."""
    found: Dict[str, Dict[str, Dict[str, Any]]] = {}
    for root, _, files in os.walk(folder):
        for file in sorted(files):
            path = os.path.join(root, file)
            about = salt["lowpkg.bin_pkg_info"](path) if file.endswith(".rpm") else None
            if about:
                state = os.stat(path)
                found.setdefault(about["name"], {})[about["version"]] = {
                    "path": path,
                    "size": state.st_size,
                    "creation_date_time_t": int(state.st_ctime),
                    "creation_date_time": date(int(state.st_ctime)).rstrip("Z"),
                }
    return found
