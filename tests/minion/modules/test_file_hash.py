from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader

SUM = hashlib.sha256(b"hello\n").hexdigest()
MD5 = hashlib.md5(b"hello\n").hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("hello\n")
    return path


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    sums = tmp_path / "sums"
    sums.write_text(
        f"# digests\n{SUM}  a.txt\n"
        "d41d8cd98f00b204e9800998ecf8427e *other.tar.gz\n"
        f"SHA256 (x.iso) = {SUM[::-1]}\n"
        f"{'A' * 64} ./path/named file.bin\n"
        f"first.bin   {'b' * 128}\n"
    )
    return sums


def test_digests(salt: Loader, path: Path) -> None:
    assert salt["file.get_hash"](str(path)) == SUM and salt["file.get_sum"](str(path), "md5") == MD5
    assert salt["file.get_sum"](str(path) + "z") == "File not found"
    with pytest.raises(FileNotFoundError):
        salt["file.get_hash"](str(path) + "z")
    with pytest.raises(ValueError, match="Invalid hash type: bogus"):
        salt["file.get_hash"](str(path), "bogus")


def test_check_hash(salt: Loader, path: Path) -> None:
    check = salt["file.check_hash"]
    for text in (SUM, f"sha256:{SUM}", f"sha256={SUM}", MD5):
        assert check(str(path), text) is True
    assert check(str(path), "0" * 64) is False
    with pytest.raises(SaltInvocationError, match=r"Hash zz \(length: 2\) could not be matched"):
        check(str(path), "zz")
    with pytest.raises(SaltInvocationError, match="must be a string"):
        check(str(path), 5)


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        ({}, SUM),
        ({"file_name": "/x/other.tar.gz", "hash_type": ""}, "d41d8cd98f00b204e9800998ecf8427e"),
        ({"file_name": "/x/other.tar.gz"}, SUM),
        ({"source": "http://host/dir/named file.bin"}, "A" * 64),
        ({"source_hash_name": "a.txt", "file_name": "named file.bin"}, SUM),
        ({"source_hash_name": "nowhere", "file_name": "named file.bin"}, "A" * 64),
        ({"source_hash_name": "named file.bin", "file_name": "a.txt"}, SUM),
        ({"source_hash_name": "./path/named file.bin"}, "A" * 64),
        ({"hash_type": "md5"}, "d41d8cd98f00b204e9800998ecf8427e"),
        ({"hash_type": "sha512", "file_name": "first.bin"}, "b" * 128),
        ({"hash_type": "bogus", "file_name": "named file.bin"}, "A" * 64),
        ({"hash_type": "sha1"}, None),
    ],
)
def test_extract_hash(salt: Loader, sums: Path, options: dict[str, Any], digest: str) -> None:
    found = salt["file.extract_hash"](str(sums), **options)
    assert (found and found["hsum"]) == digest
    if found:
        assert len(hashlib.new(found["hash_type"]).hexdigest()) == len(digest)


def test_what_a_source_shall_be(salt: Loader, path: Path, sums: Path) -> None:
    source_sum = salt["file.get_source_sum"]
    good = {"hash_type": "sha256", "hsum": SUM}
    (path.parent / "srv" / "sums").write_text(sums.read_text())
    for text in (SUM, SUM.upper(), f"sha256={SUM}", f"sha256 = {SUM}", str(sums), f"file://{sums}", "salt://sums"):
        assert source_sum("/srv/a.txt", source_hash=text) == good
    assert source_sum("/srv/named file.bin", source_hash=str(sums))["hsum"] == "a" * 64


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("zz", "Source hash zz format is invalid. The supported formats are: 1) a hash"),
        ("g" * 64, "Source hash ggg"),
        (None, "Source hash None format is invalid"),
        ("gopher://x/y", "Source hash gopher://x/y format is invalid"),
        ("foo=bar", "Invalid hash type 'foo'. Supported hash types are: sha512, sha384, sha256, sha224, sha1, md5."),
        (f"md5={SUM}", "Invalid length (64) for hash type 'md5'. Either remove the hash type and simply use"),
        ("salt://nowhere", "Source hash file salt://nowhere not found"),
        ("md5=1", "Source hash md5=1 format is invalid"),
    ],
)
def test_wrong_source_hashes(salt: Loader, text: Any, complaint: str) -> None:
    with pytest.raises(CommandExecutionError) as raised:
        salt["file.get_source_sum"]("/srv/a.txt", source_hash=text)
    assert str(raised.value).startswith(complaint)


def test_a_file_without_digests(salt: Loader, path: Path) -> None:
    with pytest.raises(CommandExecutionError, match="format is invalid"):
        salt["file.get_source_sum"]("/srv/a.txt", source_hash=str(path))


def test_a_signed_file_of_digests(salt: Loader, path: Path, sums: Path) -> None:
    (path.parent / "srv" / "sums").write_text(sums.read_text())
    asked: dict[str, Any] = {}

    def verify(**options: Any) -> dict[str, Any]:
        asked.update(options)
        return {"res": options["signed_by_all"] == ["ME"], "message": "stranger"}

    with pytest.raises(CommandExecutionError, match="requires the nosuch module"):
        salt["file.get_source_sum"]("a.txt", source_hash="salt://sums", source_hash_sig=True, sig_backend="nosuch")
    salt._found["gpg.verify"] = verify
    found = salt["file.get_source_sum"]("a.txt", source_hash="salt://sums", source_hash_sig=True, signed_by_all=["ME"])
    assert found["hsum"] == SUM and asked["signature"] is None
    with pytest.raises(CommandExecutionError, match="could not be verified: stranger"):
        salt["file.get_source_sum"]("a.txt", source_hash="salt://sums", source_hash_sig=True, signed_by_all=["YOU"])
    with pytest.raises(CommandExecutionError, match=r"Detached signature file salt://no\.sig not found"):
        salt["file.get_source_sum"]("a.txt", source_hash="salt://sums", source_hash_sig="salt://no.sig")
