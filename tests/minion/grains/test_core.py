"""The core grains: of distributions that lie here as files, and of this very host."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

from minion.facts import collect_grains
from minion.grains import _hardware, _network, _os, _process

# What Salt 3008.3 makes of the release files of these distributions.
DISTRIBUTIONS: Dict[str, Any] = json.loads((Path(__file__).parent / "distributions.json").read_text())


@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS))
def test_distribution(name: str, tmp_path: Path) -> None:
    for path, text in DISTRIBUTIONS[name]["files"].items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    found = _os.distribution(str(tmp_path))
    if found.get("osrelease"):
        found.update(_os.release_parts(found["os"], found["osfullname"], found["osrelease"]))
    assert json.loads(json.dumps(found)) == DISTRIBUTIONS[name]["grains"]


@pytest.fixture(scope="module")
def grains() -> Dict[str, Any]:
    return collect_grains({"id": "box", "master": "salt.example"}, [])


def test_this_host(grains: Dict[str, Any]) -> None:
    assert grains["id"] == "box"
    assert grains["master"] == "salt.example"
    assert grains["kernel"] == os.uname().sysname
    assert grains["nodename"] == grains["localhost"] == socket.gethostname()
    assert grains["fqdn"].partition(".")[::2] == (grains["host"], grains["domain"])
    assert grains["pid"] == os.getpid()
    assert grains["ip_interfaces"]["lo"][0] == "127.0.0.1"
    assert "127.0.0.1" in grains["ipv4"]
    assert grains["num_cpus"] == os.cpu_count() or grains["num_cpus"] > 0
    assert grains["mem_total"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    assert grains["saltversioninfo"] == [int(part) for part in grains["saltversion"].split(".")]


@pytest.mark.skipif(not os.path.exists("/usr/bin/dpkg"), reason="not a Debian system")
def test_architecture_is_that_of_the_package_manager(grains: Dict[str, Any]) -> None:
    assert grains["os_family"] == "Debian"
    architecture = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, text=True, check=True)
    assert grains["osarch"] == architecture.stdout.strip()


def test_server_id_is_what_salt_computes(grains: Dict[str, Any]) -> None:
    assert _process.identity("vm")["server_id"] == 2067164805
    assert grains["server_id"] == _process.identity("box")["server_id"]


def test_all_values_can_be_sent(grains: Dict[str, Any]) -> None:
    json.dumps(grains)


def test_processor_of_x86() -> None:
    text = "processor\t: 0\nvendor_id\t: A\nmodel name\t: Fast CPU\nflags\t\t: fpu sse\n\nprocessor\t: 1\n"
    assert _hardware.processor(text) == {"num_cpus": 2, "cpu_model": "Fast CPU", "cpu_flags": ["fpu", "sse"]}


@pytest.mark.parametrize(
    ("text", "count", "model"),
    [
        ("vendor_id       : IBM/S390\n# processors    : 4\n", 4, "IBM/S390"),
        ("Processor\t: ARMv6-compatible processor rev 7 (v6l)\nFeatures\t: swp half\n", 1, "ARMv6"),
        ("processor\t: 0\ncpu\t\t: POWER9 (architected)\nprocessor\t: 1\n", 2, "POWER9 (architected)"),
        ("processor\t: 0\nFeatures\t: fp asimd\n", 1, "Unknown"),
        ("", 0, "Unknown"),
    ],
)
def test_processor_of_others(text: str, count: int, model: str) -> None:
    found = _hardware.processor(text)
    assert (found["num_cpus"], found["cpu_model"]) == (count, model)


def test_names_of_graphics_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = tmp_path / "pci.ids"
    names.write_text("# list\n10de  NVIDIA Corporation\n\t1eb8  TU104GL [Tesla T4]\n\t\t10de 12a2  x\n1234  Other\n")
    monkeypatch.setattr(_hardware, "_PCI_IDS", (str(tmp_path / "none"), str(names)))
    assert _hardware._pci_names([("10de", "1eb8"), ("10de", "ffff"), ("abcd", "0001")]) == [
        ("NVIDIA Corporation", "TU104GL [Tesla T4]"),
        ("NVIDIA Corporation", "Device ffff"),
        ("Vendor abcd", "Device 0001"),
    ]
    assert _hardware._gpu_vendor("NVIDIA Corporation") == "nvidia"


def test_kernel_parameters() -> None:
    assert _process.kernel_parameters('quiet a=b c="d e" root=UUID=1') == [
        ("quiet", None),
        ("a", "b"),
        ("c", "d e"),
        ("root", None),
    ]


def test_resolv_conf() -> None:
    text = """
nameserver 192.0.2.53 # first
nameserver 2001:db8::53
nameserver nonsense
; comment
search a.example b.example
domain example.org
sortlist 130.155.160.0/255.255.240.0 130.155.0.0
options timeout:2
options
"""
    assert _network.parse_resolv_conf(text) == {
        "nameservers": ["192.0.2.53", "2001:db8::53"],
        "ip4_nameservers": ["192.0.2.53"],
        "ip6_nameservers": ["2001:db8::53"],
        "sortlist": ["130.155.160.0/255.255.240.0", "130.155.0.0/255.255.0.0"],
        "domain": "example.org",
        "search": ["a.example", "b.example"],
        "options": ["timeout:2"],
    }


def test_a_resolver_that_hangs_does_not_hang_us() -> None:
    reading, _writing = os.pipe()

    def hang() -> List[str]:
        os.read(reading, 1)
        return []

    begin = time.monotonic()
    answers = _network.ask({"slow": hang, "quick": lambda: "a"}, 0.3)
    assert answers == {"quick": "a"}
    assert time.monotonic() - begin < 2
    os.close(_writing)
    os.close(reading)


def test_questions_that_fail_are_missing() -> None:
    def fail() -> None:
        raise OSError("no such name")

    assert _network.ask({"bad": fail, "good": lambda: ["x"]}, 5) == {"good": ["x"]}
