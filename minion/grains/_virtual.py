"""Whether the machine is virtual, and of which kind."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Tuple

from minion.grains._hardware import DMI
from minion.grains._probe import read, read_line, run, which

Grains = Dict[str, Any]

_DETECTED: Dict[str, Tuple[str, str]] = {  # what systemd-detect-virt says -> (virtual, virtual_subtype)
    **{name: (name, "") for name in ("qemu", "kvm", "oracle", "xen", "bochs", "chroot", "uml", "systemd-nspawn")},
    "vmware": ("VMware", ""),
    "microsoft": ("VirtualPC", ""),
    "parallels": ("Parallels", ""),
    "bhyve": ("bhyve", ""),
    "lxc": ("container", "LXC"),
    "lxc-libvirt": ("container", "LXC"),
    "podman": ("container", "Podman"),
    "docker": ("container", "Docker"),
    "amazon": ("Nitro", "Amazon EC2"),
}
# (pattern in the firmware's words, virtual, virtual_subtype), where systemd-detect-virt is missing
_FIRMWARE: Tuple[Tuple[str, str, str], ...] = (
    ("BHYVE", "bhyve", ""),
    ("oVirt", "kvm", "ovirt"),
    ("RHEV Hypervisor", "kvm", "rhev"),
    ("VirtualBox", "VirtualBox", ""),
    ("VMware", "VMware", ""),
    ("Microsoft Corporation.*Virtual Machine", "VirtualPC", ""),
    ("Parallels", "Parallels", ""),
    ("Nutanix.*AHV", "kvm", "Nutanix AHV"),
    ("QEMU|Bochs|Google|SeaBIOS", "kvm", ""),
)
_PRODUCTS = (
    ("VirtualBox", "VirtualBox", ""),
    ("RHEV Hypervisor", "kvm", "rhev"),
    ("oVirt Node", "kvm", "ovirt"),
    ("Google", "gce", ""),
    ("BHYVE", "bhyve", ""),
)
_XEN_FEATURES = (
    (0, "writable_page_tables"),
    (1, "writable_descriptor_tables"),
    (2, "auto_translated_physmap"),
    (3, "supervisor_mode_kernel"),
    (4, "pae_pgdir_above_4gb"),
    (5, "mmu_pt_update_preserve_ad"),
    (7, "gnttab_map_avail_bits"),
    (8, "hvm_callback_vector"),
    (9, "hvm_safe_pvclock"),
    (10, "hvm_pirqs"),
    (11, "dom0"),
    (12, "grant_map_identity"),
    (13, "memory_op_vnode_supported"),
    (14, "ARM_SMCCC_supported"),
)


def virtual(product: str = "") -> Grains:
    """The virtual and virtual_subtype grains; later probes know better than earlier ones."""
    if "BrandZ virtual linux" in os.uname():
        return {"virtual": "zone"}
    grains: Grains = {"virtual": "physical"}
    _set(grains, _detected())
    _look_for_chroot(grains)
    _look_for_openvz(grains)
    _look_for_xen(grains, product)
    if "QEMU Virtual CPU" in (read("/proc/cpuinfo", 1 << 24) or ""):
        grains["virtual"] = "kvm"
    _set(grains, next(((kind, sub) for word, kind, sub in _PRODUCTS if word in product), ("", "")))
    _look_for_container(grains)
    if grains.get("virtual_subtype") and grains["virtual"] == "physical":
        grains["virtual"] = "virtual"
    _look_for_clouds(grains)
    return grains


def _set(grains: Grains, kind: Tuple[str, str]) -> None:
    if kind[0]:
        grains["virtual"] = kind[0]
    if kind[1]:
        grains["virtual_subtype"] = kind[1]


def _detected() -> Tuple[str, str]:
    if which("systemd-detect-virt"):
        code, answer = run("systemd-detect-virt")
        if code == 0 and answer == "microsoft" and which("virt-what"):
            return "HyperV", ""
        if code == 0 and answer in _DETECTED:
            return _DETECTED[answer]
        if code >= 0:
            return "", ""
    words = " ".join(read_line(os.path.join(DMI, name)) for name in ("sys_vendor", "bios_vendor", "product_name"))
    return next(((kind, sub) for pattern, kind, sub in _FIRMWARE if re.search(pattern, words)), ("", ""))


def _look_for_chroot(grains: Grains) -> None:
    try:
        if not os.path.samestat(os.stat("/"), os.stat("/proc/1/root/.")):
            grains["virtual_subtype"] = "chroot"
    except OSError:
        pass  # only root may look


def _look_for_openvz(grains: Grains) -> None:
    if os.path.isfile("/proc/vz/version"):
        grains["virtual"] = "openvzhn"
    elif os.path.isfile("/proc/vz/veinfo"):
        grains["virtual"] = "openvzve"
    container = re.search(r"^envID:\s+(\d+)$", read("/proc/self/status") or "", re.M)
    if container:
        grains["virtual"] = "openvzve" if int(container.group(1)) else "openvzhn"


def _look_for_xen(grains: Grains, product: str) -> None:
    if not any(map(os.path.isdir, ("/proc/sys/xen", "/sys/bus/xen", "/proc/xen"))):
        return
    capabilities = read("/proc/xen/capabilities")
    if os.path.isfile("/proc/xen/xsd_kva"):
        grains["virtual_subtype"] = "Xen Dom0"
    elif product == "HVM domU":
        grains["virtual_subtype"] = "Xen HVM DomU"
    elif capabilities is not None:
        grains["virtual_subtype"] = "Xen Dom0" if "control_d" in capabilities else "Xen PV DomU"
    elif os.path.isdir("/sys/bus/xen/drivers/xenconsole"):
        grains["virtual_subtype"] = "Xen PV DomU"
    if "dom" in grains.get("virtual_subtype", "").lower():
        grains["virtual"] = "xen"


def _look_for_container(grains: Grains) -> None:
    """Last, because a container may run in a virtual machine."""
    groups = read("/proc/1/cgroup") or ""
    if ":/lxc/" in groups:
        _set(grains, ("container", "LXC"))
    elif ":/kubepods/" in groups:
        grains["virtual_subtype"] = "kubernetes"
    elif ":/libpod_parent/" in groups:
        grains["virtual_subtype"] = "libpod"
    elif any(part in groups for part in (":/system.slice/docker", ":/docker/", ":/docker-ce/")):
        _set(grains, ("container", "Docker"))
    if "container=lxc" in (read("/proc/1/environ") or ""):
        _set(grains, ("container", "LXC"))


def _look_for_clouds(grains: Grains) -> None:
    if grains["virtual"] not in ("qemu", "kvm", "xen", "amazon"):
        return
    maker = read_line(os.path.join(DMI, "sys_vendor"))
    product = read_line(os.path.join(DMI, "product_name"))
    if maker == "Amazon EC2":
        if grains["virtual"] != "xen":
            grains["virtual"] = "Nitro"
        grains["virtual_subtype"] = f"Amazon EC2 ({product})" if product else "Amazon EC2"
    elif ".amazon" in read_line(os.path.join(DMI, "product_version")):
        grains["virtual_subtype"] = "Amazon EC2"
    elif maker == "Nutanix" and product == "AHV":
        grains["virtual_subtype"] = "Nutanix AHV"


def hypervisor() -> Grains:
    """Version and features of Xen, for its guests."""
    parts: List[str] = [read_line("/sys/hypervisor/version/" + name) for name in ("major", "minor", "extra")]
    grains: Grains = {}
    if parts[0]:
        grains["virtual_hv_version"] = "{}.{}{}".format(*parts)
        grains["virtual_hv_version_info"] = parts
    features = read_line("/sys/hypervisor/properties/features")
    if features:
        bits = int(features, 16)
        grains["virtual_hv_features"] = features
        grains["virtual_hv_features_list"] = [name for bit, name in _XEN_FEATURES if bits & (1 << bit)]
    return grains
