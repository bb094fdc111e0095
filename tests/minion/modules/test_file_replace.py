"""What `file.replace`, `file.search` and `file.blockreplace` do beyond the table in test_file_edit.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader


def test_a_file_of_several_names_changes_under_all_of_them(salt: Loader, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("some longer text\n")
    os.link(one, other)
    salt["file.replace"](str(one), "some longer text", "b", backup=False)
    assert other.read_text() == "b\n" and one.samefile(other)
    salt["file.replace"](str(one), "b", "c", backup=False, preserve_inode=False)
    assert other.read_text() == "b\n" and not one.samefile(other)


def test_the_backup_has_owner_mode_and_time_of_the_file(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("a\n")
    path.chmod(0o600)
    os.utime(path, (1000, 1000))
    salt["file.replace"](str(path), "a", "b")
    backup = (tmp_path / "f.bak").stat()
    assert backup.st_mode & 0o7777 == 0o600 and backup.st_mtime == 1000
    assert (tmp_path / "f.bak").read_text() == "a\n"


def test_the_backup_of_what_a_link_leads_to(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    target, link = tmp_path / "d" / "f", tmp_path / "link"
    target.write_text("a\n")
    link.symlink_to("d/f")
    for _ in range(2):
        target.write_text("a\n")
        salt["file.replace"](str(link), "a", "b")
        assert os.readlink(tmp_path / "link.bak") == "d/f.bak"
        assert (tmp_path / "link.bak").read_text() == "a\n" and target.read_text() == "b\n"


def test_a_planted_link_is_not_followed_by_the_backup(salt: Loader, tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "f"
    victim.write_text("precious\n")
    path.write_text("a\n")
    (tmp_path / "f.bak").symlink_to(victim)
    salt["file.replace"](str(path), "a", "b")
    assert victim.read_text() == "precious\n" and (tmp_path / "f.bak").read_text() == "a\n"


def test_contradictory_arguments(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("a\n")
    with pytest.raises(SaltInvocationError, match="Only one of append and prepend"):
        salt["file.replace"](str(path), "a", "b", append_if_not_found=True, prepend_if_not_found=True)
    with pytest.raises(SaltInvocationError, match="search_only cannot be used"):
        salt["file.replace"](str(path), "a", "b", append_if_not_found=True, search_only=True)
    with pytest.raises(SaltInvocationError, match="Only one of append_if_not_found"):
        salt["file.blockreplace"](str(path), append_if_not_found=True, insert_after_match="a")
    with pytest.raises(CommandExecutionError, match="RegEx expected in insert_after_match"):
        salt["file.blockreplace"](str(path), insert_after_match=["a"])


def test_search(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("one\nTwo\n")
    search = salt["file.search"]
    assert search(str(path), "^Two") is True and search(str(path), "^two") is False
    assert search(str(path), "^two", flags="IGNORECASE") is False
    assert search(str(path), "^two", flags=["IGNORECASE"], multiline=True) is True
    assert search(str(tmp_path / "missing"), "x", ignore_if_missing=True) is False


def test_a_block_after_a_last_line_that_is_not_ended(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("a")
    salt["file.blockreplace"](str(path), "# S", "# E", "x\n", insert_after_match="a")
    assert path.read_text() == "a\n# S\nx\n# E\n"


def test_a_block_in_a_file_with_a_byte_order_mark(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes("\ufeffa\n".encode("utf-16-le"))
    salt["file.blockreplace"](str(path), "# S", "# E", "ü\n", append_if_not_found=True)
    assert path.read_bytes() == "\ufeffa\n# S\nü\n# E\n".encode("utf-16-le")
