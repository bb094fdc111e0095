"""The facts every host has: operating system, hardware, network, and the process that looks."""

from __future__ import annotations

import os
from typing import Any, Dict

from minion.grains import _hardware, _network, _os, _process, _virtual

__opts__: Dict[str, Any]

Grains = Dict[str, Any]


def os_data() -> Grains:
    """The operating system, its kernel, and the machine it runs on."""
    kernel, nodename, release, version, machine = os.uname()
    grains: Grains = {
        "kernel": kernel,
        "nodename": nodename,
        "kernelrelease": release,
        "kernelversion": version,
        "cpuarch": machine,
        "init": _os.init_system(),
        "ps": "ps -efHww",
    }
    for name, value in (("selinux", _os.selinux()), ("systemd", _os.systemd())):
        if value is not None:
            grains[name] = value
    grains.update(_os.distribution())
    grains["osarch"] = _os.architecture(grains["os_family"], machine)
    if grains.get("osrelease"):
        grains.update(_os.release_parts(grains["os"], grains["osfullname"], grains["osrelease"]))
    return grains


def hardware() -> Grains:
    """Processor, memory, disks, firmware, graphics cards, and whether all that is virtual."""
    grains = _hardware.processor()
    grains.update(_hardware.memory())
    grains.update(_hardware.firmware())
    grains.update(_hardware.disks())
    grains.update(_hardware.software_raid())
    grains.update(_hardware.logical_volumes())
    grains.update(_hardware.secure_boot())
    grains.update({"num_gpus": 0, "gpus": []})
    if __opts__.get("enable_lspci", True) and __opts__.get("enable_gpu_grains", True):
        grains.update(_hardware.graphics_cards())
    grains["fibre_channel_host"] = os.path.isdir("/sys/class/fc_host")
    grains.update(_virtual.virtual(grains.get("productname", "")))
    if "xen" in grains["virtual"]:
        grains.update(_virtual.hypervisor())
    if grains["virtual"] == "openvzhn":
        grains["ps"] = _process.PS_ON_OPENVZ
    return grains


def network() -> Grains:
    """Interfaces, addresses, gateways, names and name servers."""
    grains = _network.addresses()
    grains.update(_network.names(grains["ipv4"], grains["ipv6"], __opts__.get("enable_fqdns_grains", True)))
    grains.update(_network.resolver())
    return grains


def process() -> Grains:
    """The process that looks, its user, its Python, and this software."""
    grains = _process.process()
    grains.update(_process.software())
    grains.update(_process.boot())
    return grains


def identity() -> Grains:
    """What the configuration says of this minion."""
    grains = _process.identity(__opts__.get("id", ""))
    grains["master"] = __opts__.get("master", "")
    if __opts__.get("append_domain"):
        grains["append_domain"] = __opts__["append_domain"]
    return grains
