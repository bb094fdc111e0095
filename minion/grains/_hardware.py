"""Processor, memory, firmware, disks and graphics cards, as the kernel tells them in /proc and /sys."""

from __future__ import annotations

import glob
import os
import re
from typing import Any, Dict, List, Optional, Tuple

from minion.grains._probe import read, read_line, run, which

Grains = Dict[str, Any]

DMI = "/sys/class/dmi/id"
_FIRMWARE = {
    "biosversion": "bios_version",
    "biosvendor": "bios_vendor",
    "boardname": "board_name",
    "productname": "product_name",
    "manufacturer": "sys_vendor",
    "biosreleasedate": "bios_date",
    "uuid": "product_uuid",
    "serialnumber": "product_serial",
}
_PCI_IDS = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids", "/usr/share/pci.ids")
_GPU_VENDORS = ("nvidia", "amd", "ati", "intel", "cirrus logic", "vmware", "matrox", "aspeed")


def processor(cpuinfo: Optional[str] = None) -> Grains:
    """num_cpus, cpu_model and cpu_flags."""
    text = read("/proc/cpuinfo", 1 << 24) if cpuinfo is None else cpuinfo
    fields: Dict[str, str] = {}
    count = 0
    for line in (text or "").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            key = key.strip()
            count += key == "processor"
            fields[key] = value.strip()
    if "# processors" in fields:  # s390
        count = int(fields["# processors"])
    model = fields.get("model name") or fields.get("cpu") or fields.get("vendor_id")
    if "Processor" in fields:  # old ARM kernels
        model, count = model or fields["Processor"].split("-")[0], max(count, 1)
    flags = fields.get("flags") or fields.get("Features") or ""
    return {"num_cpus": count, "cpu_model": model or "Unknown", "cpu_flags": flags.split()}


def memory() -> Grains:
    """mem_total and swap_total in MiB."""
    text = read("/proc/meminfo") or ""
    sizes = dict(re.findall(r"^(MemTotal|SwapTotal):\s+(\d+)", text, re.M))
    return {
        "mem_total": int(sizes.get("MemTotal", 0)) // 1024,
        "swap_total": int(sizes.get("SwapTotal", 0)) // 1024,
    }


def firmware() -> Grains:
    """What the firmware says of machine and maker; fields that only root may read are left out for others."""
    grains: Grains = {}
    if os.path.isdir("/proc/device-tree"):
        grains.update(_device_tree())
    if os.path.isdir(DMI):
        for grain, name in _FIRMWARE.items():
            text = read(os.path.join(DMI, name))
            if text is not None:
                grains[grain] = text.strip().lower() if grain == "uuid" else text.strip()
    elif which("fw_printenv"):
        grains.update(_boot_loader())
    return grains


def _device_tree() -> Grains:
    grains: Grains = {}
    model = (read("/proc/device-tree/model") or "").rstrip("\0")
    if model:
        maker, comma, product = model.partition(",")
        grains.update({"manufacturer": maker, "productname": product} if comma else {"productname": model})
    for name in ("serial-number", "system-id"):
        serial = (read("/proc/device-tree/" + name) or "").rstrip("\0")
        if serial:
            grains["serialnumber"] = serial
            break
    return grains


def _boot_loader() -> Grains:
    """U-Boot's variables, on ARM boards without DMI."""
    grains: Grains = {}
    for grain, variable in (
        ("manufacturer", "manufacturer"),
        ("serialnumber", "serial#"),
        ("productname", "DeviceDesc"),
    ):
        value = run("fw_printenv", variable)[1].partition("=")[2].strip()
        if value and not re.search(r"^none|to be filled|not (?:specified|applicable)", value, re.I):
            grains[grain] = value
    return grains


def disks() -> Grains:
    """Rotating disks and solid ones; virtual block devices are left out."""
    grains: Grains = {"disks": [], "ssds": []}
    try:
        devices = os.listdir("/sys/block")
    except OSError:
        return grains
    for device in devices:
        entry = os.path.join("/sys/block", device)
        if os.path.islink(entry) and os.readlink(entry).startswith("../devices/virtual/"):
            continue
        kind = {"0": "ssds", "1": "disks"}.get(read_line(os.path.join(entry, "queue/rotational")))
        if kind:
            grains[kind].append(device)
    return grains


def software_raid() -> Grains:
    """The md devices; {} where the kernel has no software RAID."""
    text = read("/proc/mdstat")
    if text is None:
        return {}
    names = {
        line.split(" : ")[0] for line in text.splitlines() if " : " in line and not line.startswith("Personalities")
    }
    return {"mdadm": sorted(names)}


def logical_volumes() -> Grains:
    """Volume groups and their logical volumes; {} where LVM's tools are not installed."""
    program = which("lvm")
    if not program:
        return {}
    groups: Dict[str, List[str]] = {}
    if _has_lvm():
        for line in run(program, "vgs", "--noheadings", "-o", "vg_name")[1].splitlines():
            groups[line.strip()] = []
        for line in run(program, "lvs", "--noheadings", "-o", "vg_name,lv_name")[1].splitlines():
            group, _, volume = line.strip().partition(" ")
            groups.setdefault(group, []).append(volume.strip())
    return {"lvm": groups}


def _has_lvm() -> bool:
    """Asking LVM costs tens of milliseconds, so first see whether it was ever used here."""
    names = (read_line(path) for path in glob.glob("/sys/block/dm-*/dm/uuid"))
    return any(name.startswith("LVM-") for name in names) or bool(
        glob.glob("/etc/lvm/backup/*") or glob.glob("/etc/lvm/archive/*") or glob.glob("/run/lvm/vgs_online/*")
    )


def graphics_cards() -> Grains:
    """num_gpus and gpus, from the PCI devices of the display and accelerator classes."""
    cards = []
    for path in sorted(glob.glob("/sys/bus/pci/devices/*/class")):
        device_class = read_line(path)
        if device_class.startswith(("0x0300", "0x0302", "0x0380", "0x1200")):
            folder = os.path.dirname(path)
            cards.append((read_line(folder + "/vendor")[2:], read_line(folder + "/device")[2:]))
    names = _pci_names(cards) if cards else []
    return {"num_gpus": len(names), "gpus": [{"vendor": _gpu_vendor(maker), "model": model} for maker, model in names]}


def _pci_names(cards: List[Tuple[str, str]]) -> List[Tuple[str, str]]:
    """Maker's and model's names of (vendor, device) numbers."""
    text = next(filter(None, (read(path, 1 << 24) for path in _PCI_IDS)), "")
    names = []
    for vendor, device in cards:
        start = text.find(f"\n{vendor}  ") if text else -1
        if start < 0:
            names.append((f"Vendor {vendor}", f"Device {device}"))
            continue
        following = re.compile(r"^[0-9a-f]", re.M).search(text, start + 2 + len(vendor))
        section = text[start + 1 : following.start() if following else len(text)]
        model = re.search(rf"^\t{device}  (.+)$", section, re.M)
        names.append((section.split("\n", 1)[0][6:], model.group(1) if model else f"Device {device}"))
    return names


def _gpu_vendor(maker: str) -> str:
    words = re.split("[^A-Za-z0-9]", maker.lower())
    return next((name for name in _GPU_VENDORS if name in words), "unknown")


def secure_boot() -> Grains:
    """Whether the machine was started by UEFI, and whether it checked signatures."""
    folder = next(filter(os.path.exists, ("/sys/firmware/efi/efivars", "/sys/firmware/efi/vars")), None)
    if not folder:
        return {"efi": False, "efi-secure-boot": False}
    found = glob.glob(folder + ("/SecureBoot-*" if folder.endswith("efivars") else "/SecureBoot-*/data"))
    enabled = False
    if len(found) == 1:
        try:
            with open(found[0], "rb") as source:
                enabled = source.read()[-1:] == b"\x01"
        except OSError:
            pass  # only root may read it
    return {"efi": True, "efi-secure-boot": enabled}
