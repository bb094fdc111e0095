from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader


def test_digests(salt: Loader, tmp_path: Path) -> None:
    for name in ("md5", "sha256", "sha512"):
        expected = hashlib.new(name, "ü".encode()).hexdigest()
        assert salt["hashutil.digest"]("ü", name) == salt[f"hashutil.{name}_digest"]("ü") == expected
    (tmp_path / "f").write_bytes(b"\xff\x00")
    assert salt["hashutil.digest_file"](str(tmp_path / "f"), "sha256") == hashlib.sha256(b"\xff\x00").hexdigest()
    with pytest.raises(CommandExecutionError, match="Hash func 'sha1' is not supported"):
        salt["hashutil.digest"]("x", "sha1")
    with pytest.raises(CommandExecutionError, match="not found"):
        salt["hashutil.digest_file"](str(tmp_path / "missing"))


def test_base64(salt: Loader, tmp_path: Path) -> None:
    assert salt["hashutil.base64_b64encode"]("get salted") == "Z2V0IHNhbHRlZA=="
    assert salt["hashutil.base64_b64decode"]("Z2V0IHNhbHRlZA==") == "get salted"
    assert salt["hashutil.base64_b64decode"]("/wA=") == b"\xff\x00"
    assert salt["hashutil.base64_encodestring"]("x" * 60) == "eHh4" * 19 + "\n" + "eHh4" + "\n"
    assert salt["hashutil.base64_decodestring"]("eHh4\neHh4\n") == "xxxxxx"
    assert salt["hashutil.base64_decodefile"]("/wA=", str(tmp_path / "f")) is True
    assert (tmp_path / "f").read_bytes() == b"\xff\x00"
    assert salt["hashutil.base64_encodefile"](str(tmp_path / "f")) == "/wA=\n"


def test_signatures(salt: Loader) -> None:
    code = "eBWf9bstXg+NiP5AOwppB5HMvZiYMPzEM9W5YMm/AmQ="
    assert salt["hashutil.hmac_signature"]("get salted", "shared secret", code) is True
    assert salt["hashutil.hmac_signature"]("get pickled", "shared secret", code) is False
    digits = salt["hashutil.hmac_compute"]("get salted", "shared secret")
    assert digits == "78159ff5bb2d5e0f8d88fe403b0a690791ccbd989830fcc433d5b960c9bf0264"
    assert salt["hashutil.github_signature"]("get salted", "shared secret", f"sha256={digits}") is True
    assert salt["hashutil.github_signature"]("get salted", "shared secret", f"sha1={digits}") is False
    with pytest.raises(CommandExecutionError, match="'bogus' is not supported"):
        salt["hashutil.github_signature"]("get salted", "shared secret", f"bogus={digits}")
