"""Writes wheels, without a build tool: the same files make the same bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterable

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def wheel_of(project: str, version: str, files: Iterable[tuple[str, bytes]]) -> bytes:
    """A wheel of these files.

    Args:
        project: its name.
        version: its version.
        files: path and content of each, in order.
    """
    info = f"{project}-{version}.dist-info"
    described = (
        (f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nLicense: Apache-2.0\n"),
        (f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: saltern\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    )
    contents = [*files, *((path, text.encode()) for path, text in described)]
    record = "".join(f"{path},sha256={_hash(data)},{len(data)}\n" for path, data in contents)
    contents.append((f"{info}/RECORD", f"{record}{info}/RECORD,,\n".encode()))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for path, data in contents:
            entry = zipfile.ZipInfo(path, _LONG_AGO)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
            wheel.writestr(entry, data)
    return made.getvalue()


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
