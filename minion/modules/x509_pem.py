"""Text in PEM: put in order and written to files."""

from __future__ import annotations

import glob
import os
from typing import Any, Dict, Optional

from minion.errors import SaltInvocationError

try:
    from minion.modules import _x509_load as load
    from minion.modules import _x509_write as write

    LOADED = True
except ImportError:  # SSH hosts get no compiled packages
    LOADED = False

__virtualname__ = "x509"


def __virtual__() -> Any:
    return True if LOADED else (False, "Could not load cryptography")


def get_pem_entry(text: Any, pem_type: Optional[str] = None) -> str:
    """The first PEM block of a text or file, with lines as they should be.

    Args:
        text: the text, or a path.
        pem_type: a regular expression that the label must match, as CERTIFICATE.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.get_pem_entry "-----BEGIN CERTIFICATE REQUEST-----MIICyzCC..."
    """
    return write.pem_entry(text, pem_type)


def get_pem_entries(glob_path: str) -> Dict[str, str]:
    """Path -> first PEM block, of all files that match a pattern; those without one are left out.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.get_pem_entries '/etc/pki/*.crt'
    """
    found = {}
    for path in filter(load.is_file, glob.glob(glob_path)):
        try:
            found[path] = write.pem_entry(path)
        except (SaltInvocationError, UnicodeDecodeError):
            continue
    return found


def write_pem(text: Any, path: str, overwrite: bool = True, pem_type: Optional[str] = None) -> str:
    """Writes a PEM block to a file; a new file can be read by its owner only.

    Args:
        text: the text, or a path.
        path: the file.
        overwrite: False keeps the private key and the Diffie-Hellman parameters that are in the file.
        pem_type: a regular expression that the label must match; `CERTIFICATE` for `overwrite` to matter.

    CLI Example:

    .. code-block:: bash

        salt '*' x509.write_pem "-----BEGIN CERTIFICATE-----MIIGMzCC..." path=/etc/pki/mycert.crt
    """
    content = write.pem_entry(text, pem_type)
    if pem_type == "CERTIFICATE" and not overwrite and os.path.isfile(path):
        content = _kept(path, "(?:RSA )?PRIVATE KEY") + content + _kept(path, "DH PARAMETERS")
    write.put(path, content)
    return f"PEM written to {path}"


def _kept(path: str, kind: str) -> str:
    try:
        return write.pem_entry(path, kind)
    except SaltInvocationError:
        return ""
