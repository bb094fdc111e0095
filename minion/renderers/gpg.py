"""Decrypts PGP messages wherever they stand in the data; needs the program gpg."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any, Callable, Dict, Union

from minion import inputs
from minion.errors import SaltRenderError

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_KEYS = ("pubring.kbx", "pubring.gpg", "secring.gpg", "private-keys-v1.d")
_MESSAGE = re.compile(rb"-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----", re.S)


def render(source: Any, saltenv: str = "base", sls: str = "", argline: str = "", **options: Any) -> Any:
    """The data, or text, with every message replaced by what it says.

    With `translate_newlines` the two characters backslash and n in a message mean a new line.
    """
    if not shutil.which("gpg"):
        raise SaltRenderError("GPG unavailable")
    for name in _KEYS:
        inputs.depends_on(os.path.join(_key_folder(), name))
    return _decrypted(source, bool(options.get("translate_newlines")))


def _decrypted(value: Any, translate_newlines: bool) -> Any:
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, (str, bytes)):
        return _decrypted_text(value, translate_newlines)
    if isinstance(value, dict):
        for key, item in value.items():
            value[key] = _decrypted(item, translate_newlines)
    elif isinstance(value, list):
        value[:] = [_decrypted(item, translate_newlines) for item in value]
    return value


def _decrypted_text(text: Union[str, bytes], translate_newlines: bool) -> Union[str, bytes]:
    data = text.encode() if isinstance(text, str) else text
    if b"-----BEGIN PGP MESSAGE-----" not in data:
        return text
    if translate_newlines:
        data = data.replace(rb"\n", b"\n")
    data, count = _MESSAGE.subn(lambda found: _decrypt(found.group()), data)
    if count:
        data = data.rstrip(b"\n")  # a message in a YAML block scalar brings one along
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _decrypt(message: bytes) -> bytes:
    message = message.replace(rb"\n", b"\n")
    command = ["gpg", "--homedir", _key_folder(), "--status-fd", "2", "--no-tty", "-d"]
    process = subprocess.run(command, input=message, capture_output=True, check=False)
    if process.stdout:
        return process.stdout
    if __opts__.get("gpg_decrypt_must_succeed", True):
        raise SaltRenderError(f"Could not decrypt cipher {message!r}, received: {process.stderr!r}")
    return message


def _key_folder() -> str:
    configured = __salt__["config.get"]("gpg_keydir") if "config.get" in __salt__ else None
    if configured:
        return str(configured)
    folder = __opts__.get("config_dir") or os.path.dirname(__opts__.get("conf_file", "")) or "/etc/salt"
    return str(__opts__.get("gpg_keydir") or os.path.join(folder, "gpgkeys"))
