from __future__ import annotations

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError, CommandNotFoundError, SaltInvocationError
from minion.loader import Loader

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acts as another user")


def link_member(name: str, target: str) -> tuple[zipfile.ZipInfo, str]:
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member, target


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A folder `src`, packed by tar and zip in several ways."""
    source = tmp_path / "src"
    (source / "d" / "e").mkdir(parents=True)
    (source / "a").write_text("A\n")
    (source / "a").chmod(0o640)
    (source / "d" / "b").write_text("B\n")
    (source / "d" / "l").symlink_to("b")
    for name, mode in (("t.tar", "w"), ("t.tar.gz", "w:gz"), ("t.tbz2", "w:bz2"), ("t.txz", "w:xz"), ("noext", "w:gz")):
        with tarfile.open(tmp_path / name, mode) as archive:
            archive.add(source, "pkg")
    with tarfile.open(tmp_path / "only.tgz", "w:gz") as archive:
        archive.add(source / "a", "top/x/a")
        archive.add(source / "d" / "b", "top/y/b")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.write(source / "a", "p/a")
        archive.writestr("q/r/s.txt", "S")
        archive.writestr("plain", "P")
        archive.writestr(*link_member("p/lnk", "a"))
    (tmp_path / "bad.zip").write_text("no archive")
    (tmp_path / "bad.tar").write_text("no archive")
    return tmp_path


@pytest.mark.parametrize("name", ["t.tar", "t.tar.gz", "t.tbz2", "t.txz"])
def test_list_tar(salt: Loader, scene: Path, name: str) -> None:
    content = ["pkg/", "pkg/a", "pkg/d/", "pkg/d/b", "pkg/d/e/", "pkg/d/l"]
    assert salt["archive.list"](str(scene / name)) == content
    assert salt["archive.list"](str(scene / name), strip_components=2) == ["b", "e/", "l"]
    assert salt["archive.list"](str(scene / name), verbose=True) == {
        "dirs": ["pkg/", "pkg/d/", "pkg/d/e/"],
        "files": ["pkg/a", "pkg/d/b"],
        "links": ["pkg/d/l"],
        "top_level_dirs": ["pkg/"],
        "top_level_files": [],
        "top_level_links": [],
    }


def test_list_finds_the_folder_that_an_archive_does_not_list(salt: Loader, scene: Path) -> None:
    found = salt["archive.list"](str(scene / "only.tgz"), verbose=True)
    assert found["dirs"] == [] and found["top_level_dirs"] == ["top/"] and found["top_level_files"] == []


def test_list_zip(salt: Loader, scene: Path) -> None:
    assert salt["archive.list"](str(scene / "z.zip"), verbose=True) == {
        "dirs": ["p/", "q/r/"],
        "files": ["p/a", "plain", "q/r/s.txt"],
        "links": ["p/lnk"],
        "top_level_dirs": ["p/"],
        "top_level_files": ["plain"],
        "top_level_links": [],
    }


def test_list_with_a_command_that_decompresses(salt: Loader, scene: Path) -> None:
    data = bytes(byte ^ 0x55 for byte in (scene / "t.tar").read_bytes())
    (scene / "odd.tar").write_bytes(data)
    script = scene / "decode"
    script.write_text(
        "#!/bin/sh\nexec python3 -c 'import sys; "
        'sys.stdout.buffer.write(bytes(b ^ 0x55 for b in open(sys.argv[1], "rb").read()))\' "$1"\n'
    )
    script.chmod(0o755)
    assert "pkg/a" in salt["archive.list"](str(scene / "odd.tar"), options=str(script))


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("bad.zip", {}, "bad.zip is not a ZIP file"),
        ("bad.tar", {}, "Unable to list contents of "),
        ("noext", {}, "Unable to guess archive format, please pass an 'archive_format' argument."),
        ("noext", {"archive_format": "arj"}, "Unsupported archive format 'arj'"),
        ("t.tar", {"strip_components": "x"}, "'strip_components' must be a positive integer"),
        ("t.tar", {"strip_components": -1}, "'strip_components' must be a positive integer"),
    ],
)
def test_list_complains_and_tells_where_the_archive_is(
    salt: Loader, scene: Path, name: str, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(CommandExecutionError) as raised:
        salt["archive.list"](str(scene / name), **options)
    assert complaint in str(raised.value)
    assert str(raised.value).endswith(f" Additional info follows:\n\narchive location:\n    {scene / name}")
    assert salt["archive.list"](str(scene / "noext"), archive_format="tar")


def test_clean_removes_what_was_fetched_and_nothing_else(salt: Loader, scene: Path) -> None:
    shutil.copy(scene / "t.tar", scene / "srv" / "t.tar")
    assert salt["archive.list"]("salt://t.tar", clean=True)
    assert not list((scene / "cache").rglob("t.tar"))
    assert salt["archive.list"](str(scene / "t.tar"), clean=True) and (scene / "t.tar").exists()
    with pytest.raises(CommandExecutionError, match=r"^Failed to cache salt://missing\.tar$"):
        salt["archive.list"]("salt://missing.tar")


def test_is_encrypted(salt: Loader, scene: Path) -> None:
    assert salt["archive.is_encrypted"](str(scene / "z.zip")) is False
    data = bytearray((scene / "z.zip").read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    (scene / "secret.zip").write_bytes(data)
    assert salt["archive.is_encrypted"](str(scene / "secret.zip")) is True
    with pytest.raises(CommandExecutionError, match="is not a ZIP file"):
        salt["archive.is_encrypted"](str(scene / "bad.zip"))


def test_tar(salt: Loader, scene: Path) -> None:
    (scene / "out").mkdir()
    assert salt["archive.tar"]("xf", str(scene / "t.tar.gz"), dest=str(scene / "out")) == []
    assert (scene / "out" / "pkg" / "a").read_text() == "A\n"
    listed = salt["archive.tar"]("czvf", str(scene / "n.tgz"), sources="src/a, src/d", cwd=str(scene))
    assert listed[:2] == ["src/a", "src/d/"]
    listed = salt["archive.tar"]("cvf", str(scene / "n.tar"), sources=[f"{scene}/src/*"], dest="/")
    assert len([line for line in listed if "src/a" in line]) == 1
    name = f"{scene}/{{{{ 'n' }}}}.tgz"
    assert "src/a" in salt["archive.tar"]("tf", name, template="jinja")
    with pytest.raises(SaltInvocationError, match="can not be empty"):
        salt["archive.tar"]("", str(scene / "t.tar"))


def test_a_failing_tar_fails_the_job(salt: Loader, scene: Path) -> None:
    salt["archive.tar"]("xf", str(scene / "missing.tar"))
    assert salt.dunders["__context__"]["retcode"] == 2


def test_gzip(salt: Loader, scene: Path) -> None:
    path = scene / "src" / "a"
    salt["archive.gzip"](str(path), options="-9 --keep")
    assert path.exists() and (scene / "src" / "a.gz").exists()
    path.unlink()
    salt["archive.gunzip"](f"{path}.gz")
    assert path.read_text() == "A\n"


def test_unzip(salt: Loader, scene: Path) -> None:
    out = scene / "out"
    before = os.umask(0o027)
    try:
        assert salt["archive.unzip"](str(scene / "z.zip"), str(out)) == ["p/a", "q/r/s.txt", "plain", "p/lnk"]
    finally:
        os.umask(before)
    assert (out / "p" / "a").read_text() == "A\n" and (out / "p" / "a").stat().st_mode & 0o7777 == 0o640
    assert os.readlink(out / "p" / "lnk") == "a" and (out / "plain").stat().st_mode & 0o7777 == 0o600
    assert salt["archive.unzip"](str(scene / "z.zip"), str(out), excludes="plain, p/lnk") == ["p/a", "q/r/s.txt"]
    trimmed = salt["archive.unzip"](str(scene / "z.zip"), str(out), trim_output=1)
    assert trimmed == ["p/a", "List trimmed after 1 files."]
    with pytest.raises(CommandExecutionError, match="Exception encountered unpacking zipfile"):
        salt["archive.unzip"](str(scene / "bad.zip"), str(out))


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "way/evil", "/evil"])
def test_unzip_stays_inside(salt: Loader, scene: Path, name: str) -> None:
    out, outside = scene / "out", scene / "outside"
    outside.mkdir()
    outside.chmod(0o755)
    with zipfile.ZipFile(scene / "evil.zip", "w") as archive:
        archive.writestr(*link_member("way", "../outside"))
        archive.writestr(name, "evil")
    if name == "/evil":
        salt["archive.unzip"](str(scene / "evil.zip"), str(out))
        assert (out / "evil").read_text() == "evil"
    else:
        with pytest.raises(CommandExecutionError, match="would be written outside"):
            salt["archive.unzip"](str(scene / "evil.zip"), str(out))
    assert not list(outside.iterdir()) and not (scene / "evil").exists() and not Path("/evil").exists()


def test_unzip_replaces_links_rather_than_to_write_through_them(salt: Loader, scene: Path) -> None:
    (scene / "out").mkdir()
    (scene / "victim").write_text("precious")
    (scene / "out" / "plain").symlink_to(scene / "victim")
    salt["archive.unzip"](str(scene / "z.zip"), str(scene / "out"))
    assert (scene / "victim").read_text() == "precious" and (scene / "out" / "plain").read_text() == "P"


@pytest.mark.skipif(not shutil.which("unzip"), reason="unzip is not installed")
def test_cmd_unzip(salt: Loader, scene: Path) -> None:
    lines = salt["archive.cmd_unzip"](str(scene / "z.zip"), str(scene / "out"), excludes=["plain"], options="-o")
    assert lines[0].startswith("Archive:") and not (scene / "out" / "plain").exists()
    with pytest.raises(CommandExecutionError):
        salt["archive.cmd_unzip"](str(scene / "bad.zip"), str(scene / "out"))


def test_a_password_never_stands_on_a_command_line(salt: Loader, scene: Path) -> None:
    def refuse(command: list[str], **options: object) -> None:
        raise AssertionError(command)

    salt._found["cmd.run_all"] = refuse
    assert "plain" in salt["archive.cmd_unzip"](str(scene / "z.zip"), str(scene / "out"), password="hunter2")


def test_zip(salt: Loader, scene: Path) -> None:
    path = str(scene / "n.zip")
    names = salt["archive.zip"](path, ["src"], cwd=str(scene))
    assert names == ["src/", "src/a", "src/d/", "src/d/b", "src/d/l", "src/d/e/"]
    assert salt["archive.list"](path) == ["src/", "src/a", "src/d/", "src/d/b", "src/d/e/", "src/d/l"]
    assert salt["archive.zip"](path, f"{scene}/src/a,{scene}/src/missing") == [f"{scene}/src/a"[1:]]
    assert salt["archive.zip"](path, [f"{scene}/src/*"], cwd=str(scene / "src"))[0] == "a"
    assert os.stat(path).st_mode & 0o777 == 0o644
    with pytest.raises(SaltInvocationError, match="Relative paths require the 'cwd' parameter"):
        salt["archive.zip"](path, "src/a")
    with pytest.raises(SaltInvocationError, match="cwd must be absolute"):
        salt["archive.zip"](path, "src/a", cwd="relative")
    with pytest.raises(CommandExecutionError, match=r"creating zipfile: .*/no/n.zip: No such file"):
        salt["archive.zip"](str(scene / "no" / "n.zip"), [str(scene / "src")])
    before = Path(path).read_bytes()
    with pytest.raises(CommandExecutionError, match="creating zipfile"):
        salt["archive.zip"](path, ["/proc/self/mem"])  # can't be read: the archive stays as it was
    assert Path(path).read_bytes() == before and not list(scene.glob(".n.zip*"))


@needs_root
def test_as_another_user(salt: Loader, scene: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders may not be entered by others
        os.chmod(folder, 0o755)
        out = Path(folder, "out")
        out.mkdir()
        os.chown(out, 65534, -1)
        shutil.copy(scene / "z.zip", folder)
        salt["archive.unzip"](f"{folder}/z.zip", str(out), runas="nobody")
        assert (out / "plain").stat().st_uid == 65534 and os.geteuid() == 0
        with pytest.raises(CommandExecutionError, match="Permission denied"):
            salt["archive.unzip"](f"{folder}/z.zip", f"{folder}/other", runas="nobody")
        assert os.geteuid() == 0
    with pytest.raises(SaltInvocationError, match="User 'no-such-user' does not exist"):
        salt["archive.zip"](str(scene / "n.zip"), [str(scene)], runas="no-such-user")


def test_missing_programs(salt: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for call in (
        ("archive.tar", "cf", "/x"),
        ("archive.gzip", "/x"),
        ("archive.rar", "/x", "/y"),
        ("archive.unrar", "/x", "/y"),
        ("archive.cmd_zip", "/x", "/y"),
    ):
        with pytest.raises(CommandNotFoundError, match=r"\$PATH"):
            salt[call[0]](*call[1:])
