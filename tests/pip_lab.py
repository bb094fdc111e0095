"""Tiny packages and a virtual environment, without a network."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path


def make_wheels(folder: Path, *versions: str) -> None:
    """Writes a package of the name Tiny.Pkg in some versions."""
    for version in versions:
        info = f"tiny_pkg-{version}.dist-info"
        with zipfile.ZipFile(folder / f"tiny_pkg-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("tiny/__init__.py", "")
            wheel.writestr("tiny/data.txt", f"data {version}")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: Tiny.Pkg\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


def make_venv(path: Path) -> None:
    """Makes an environment that uses our own pip: as fast as it gets."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
    lend_pip(path)


def lend_pip(path: Path) -> None:
    """Lets an environment use our own pip."""
    words = [sys.executable, "-c", "import pip; print(pip.__path__[0])"]
    own = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    (next(path.glob("lib/python*/site-packages")) / "pip").symlink_to(own)
