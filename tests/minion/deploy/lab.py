"""Hosts for the tests of deployment: folders below a temporary one, and a master that has wheels."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from minion.deploy import releases
from minion.deploy.places import Places
from minion.deploy.releases import Release, Wanted

_SERVICE = b"[Unit]\nDescription=x\n\n[Service]\nExecStart=/usr/bin/salt-minion\nRestart=always\n"
UNIT = {"minion/salt-minion.service": _SERVICE}


def places(root: Path) -> Places:
    """Places below a folder."""
    return Places(
        prefix=str(root / "opt/saltern"),
        config_dir=str(root / "etc/salt"),
        commands=str(root / "bin"),
        units=str(root / "units"),
        scripts=str(root / "init.d"),
    )


def archive(files: Mapping[str, bytes]) -> bytes:
    """A wheel's bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name, content in files.items():
            target.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


class Offer:
    """A master that offers one release.

    Args:
        version: of it.
        files: of each wheel.
    """

    def __init__(self, version: str = "1.0", files: Optional[Mapping[str, Mapping[str, bytes]]] = None) -> None:
        marker = f"VERSION = {version!r}\n".encode()
        named = files or {"saltern-1.0-py3-none-any.whl": {"minion/__init__.py": marker, **UNIT}}
        self.contents = {name: archive(content) for name, content in sorted(named.items())}
        self.version, self.asked = version, []  # type: ignore[var-annotated]

    @property
    def wire(self) -> Dict[str, Any]:
        wheels: List[Dict[str, Any]] = [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in self.contents.items()
        ]
        lines = "".join(f"{one['name']} {one['sha256']}\n" for one in wheels)
        return {"version": self.version, "digest": hashlib.sha256(lines.encode()).hexdigest(), "wheels": wheels}

    def request(self, cmd: str, **load: Any) -> Any:
        self.asked.append((cmd, load))
        if cmd == "_release":
            return self.wire
        for data in self.contents.values():
            if hashlib.sha256(data).hexdigest() == load["sha256"]:
                return {"data": data[load["offset"] : load["offset"] + 1000], "size": len(data)}
        return {"data": "", "size": -1}


def laid(where: Places, version: str = "1.0") -> Release:
    """A small release on the disk."""
    offer = Offer(version)
    return releases.lay_down(where, Wanted.from_wire(offer.wire), offer.request)[0]
