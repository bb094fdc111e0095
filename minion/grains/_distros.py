"""Names of distributions: from what they call themselves to the `os` and `os_family` that Salt's users match on."""

from __future__ import annotations

import re

_LINUX = re.compile(r"\W(?:gnu/)?linux", re.IGNORECASE)

# The first ten letters of NAME, lower case, without spaces and "Linux" -> os.
_OS_BY_SHORT_NAME = {
    "alibabaclo": "Alinux",
    "almalinux": "AlmaLinux",
    "almalinuxk": "AlmaLinux",
    "alt": "ALT",
    "amazonami": "Amazon",
    "antergos": "Antergos",
    "arch": "Arch",
    "archarm": "Arch ARM",
    "chapeau": "Chapeau",
    "cloudlinux": "CloudLinux",
    "cloudserve": "CloudLinux",
    "debian": "Debian",
    "enterprise": "OEL",
    "fedoraremi": "Fedora",
    "gentoobase": "Gentoo",
    "korora": "Korora",
    "linuxmint": "Mint",
    "manjaro": "Manjaro",
    "manjarolin": "Manjaro",
    "mendel": "Mendel",
    "neon": "KDE neon",
    "nilrt": "NILinuxRT",
    "oracleserv": "OEL",
    "photon": "VMware Photon OS",
    "pidora": "Fedora",
    "poky": "Poky",
    "pop": "Pop",
    "raspbian": "Raspbian",
    "redhatente": "RedHat",
    "rocky": "Rocky",
    "scientific": "ScientificLinux",
    "sles": "SUSE",
    "slesexpand": "RES",
    "synology": "Synology",
    "univention": "Univention",
    "virtuozzo": "Virtuozzo",
    "void": "Void",
}

_OS_BY_ID_AND_NAME = {
    ("astra", "Astra Linux (Orel)"): "AstraLinuxCE",
    ("astra", "Astra Linux (Smolensk)"): "AstraLinuxSE",
    ("pop", "Pop!_OS"): "Pop",
}

_FAMILIES = {
    "Arch": ("Antergos", "Arch ARM", "EndeavourOS", "Manjaro", "Manjaro ARM"),
    "Debian": (
        "antiX",
        "AstraLinuxCE",
        "AstraLinuxSE",
        "Cumulus",
        "Deepin",
        "Devuan",
        "elementary",
        "elementary OS",
        "GCEL",
        "IDMS",
        "Kali",
        "KDE neon",
        "Linaro",
        "Mendel",
        "Mint",
        "neon",
        "OSMC",
        "Parrot OS",
        "Pop",
        "Raspbian",
        "Trisquel",
        "TurnKey",
        "Ubuntu",
        "Univention",
    ),
    "Gentoo": ("Funtoo",),
    "Mandriva": ("Mandrake",),
    "RedHat": (
        "Alinux",
        "AlmaLinux",
        "AlmaLinux Kitten",
        "ALT",
        "AlterOS",
        "Amazon",
        "CentOS",
        "CentOS Stream",
        "Chapeau",
        "CloudLinux",
        "FedBerry",
        "Fedora",
        "GoOSe",
        "Korora",
        "OEL",
        "openEuler",
        "OVS",
        "RED OS",
        "RES",
        "Rocky",
        "Sangoma",
        "Scientific",
        "ScientificLinux",
        "Virtuozzo",
        "VMware Photon OS",
        "XCP",
        "XCP-ng",
        "XenServer",
    ),
    "Slackware": ("Slamd64",),
    "Suse": (
        "alfaLinux",
        "alfaLinux Rise",
        "openSUSE",
        "openSUSE Leap",
        "openSUSE Tumbleweed",
        "SLED",
        "SLES",
        "SLES_SAP",
        "SUSE",
        "SUSE Enterprise Server",
    ),
}
_FAMILY_BY_OS = {name: family for family, names in _FAMILIES.items() for name in names}


def os_name(full_name: str, os_id: str = "") -> str:
    """The `os` grain: a short form of the name a distribution gives itself."""
    special = _OS_BY_ID_AND_NAME.get((os_id, full_name))
    if special:
        return special
    plain = _LINUX.sub("", full_name).strip()
    return _OS_BY_SHORT_NAME.get(plain.replace(" ", "").lower()[:10], plain)


def os_family(name: str) -> str:
    """The `os_family` grain; a distribution without known relatives is its own family."""
    return _FAMILY_BY_OS.get(name, name)
