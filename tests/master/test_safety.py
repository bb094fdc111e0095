"""What the master relies on can be changed by nobody else, or it says so."""

from __future__ import annotations

import os
import stat

import pytest

from master import safety
from master.errors import UnsafePath

ROOT = os.geteuid() == 0


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


class TestCheckFile:
    def test_a_file_of_ours_passes(self, tmp_path):
        path = tmp_path / "f"
        path.write_text("x")
        path.chmod(0o644)
        safety.check_file(str(path))

    @pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
    def test_one_that_others_may_write_is_refused_with_a_remedy(self, tmp_path, mode):
        path = tmp_path / "f"
        path.write_text("x")
        path.chmod(mode)
        with pytest.raises(UnsafePath, match=f"{path}.*chmod 644 {path}"):
            safety.check_file(str(path))

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o610])
    def test_a_secret_that_others_may_read_is_refused(self, tmp_path, mode):
        path = tmp_path / "f"
        path.write_text("x")
        path.chmod(mode)
        safety.check_file(str(path))
        with pytest.raises(UnsafePath, match="chmod 600"):
            safety.check_file(str(path), secret=True)

    def test_a_link_is_refused(self, tmp_path):
        (tmp_path / "real").write_text("x")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        with pytest.raises(UnsafePath, match="symbolic link"):
            safety.check_file(str(tmp_path / "link"))

    def test_a_pipe_is_refused(self, tmp_path):
        os.mkfifo(tmp_path / "pipe", 0o600)
        with pytest.raises(UnsafePath, match="regular file"):
            safety.check_file(str(tmp_path / "pipe"))

    def test_one_in_a_folder_that_everybody_may_write_is_refused(self, tmp_path):
        folder = tmp_path / "open"
        folder.mkdir()
        (folder / "f").write_text("x")
        folder.chmod(0o777)
        with pytest.raises(UnsafePath, match=f"chmod go-w {folder}"):
            safety.check_file(str(folder / "f"))
        folder.chmod(0o1777)  # sticky: nobody can replace what is not his
        safety.check_file(str(folder / "f"))

    @pytest.mark.skipif(not ROOT, reason="only root can give files away")
    def test_one_that_belongs_to_somebody_else_is_refused(self, tmp_path):
        path = tmp_path / "f"
        path.write_text("x")
        os.chown(path, 12345, 0)
        with pytest.raises(UnsafePath, match=r"user id 12345.*chown"):
            safety.check_file(str(path))

    @pytest.mark.skipif(not ROOT, reason="only root can give folders away")
    def test_a_group_that_is_not_ours_may_not_write_to_the_way(self, tmp_path):
        folder = tmp_path / "shared"
        folder.mkdir()
        (folder / "f").write_text("x")
        folder.chmod(0o775)
        os.chown(folder, 0, 12345)
        with pytest.raises(UnsafePath, match="writable by other users"):
            safety.check_file(str(folder / "f"))

    def test_links_on_the_way_count_with_what_they_lead_through(self, tmp_path):
        through = tmp_path / "through"
        (through / "real").mkdir(parents=True)
        (through / "real" / "f").write_text("x")
        (tmp_path / "link").symlink_to("through/real")
        safety.check_file(str(tmp_path / "link" / "f"))
        through.chmod(0o777)
        with pytest.raises(UnsafePath, match=f"{through} is writable"):
            safety.check_file(str(tmp_path / "link" / "f"))

    def test_links_in_a_circle_are_refused(self, tmp_path):
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(UnsafePath, match="links"):
            safety.check_way(str(tmp_path / "a" / "c"))


class TestPrivateFolder:
    def test_it_and_its_parents_are_made_for_us_alone(self, tmp_path):
        old = os.umask(0)
        try:
            safety.private_folder(str(tmp_path / "a" / "b"))
        finally:
            os.umask(old)
        assert mode_of(tmp_path / "a") == mode_of(tmp_path / "a" / "b") == 0o700

    def test_an_open_one_of_ours_is_closed(self, tmp_path):
        folder = tmp_path / "f"
        folder.mkdir()
        folder.chmod(0o777)
        safety.private_folder(str(folder))
        assert mode_of(folder) == 0o700

    def test_a_closed_one_stays_closed_if_more_would_be_allowed(self, tmp_path):
        (tmp_path / "f").mkdir(mode=0o700)
        safety.private_folder(str(tmp_path / "f"), 0o750)
        assert mode_of(tmp_path / "f") == 0o700

    def test_a_link_to_a_folder_is_none(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        with pytest.raises(UnsafePath, match="symbolic link"):
            safety.private_folder(str(tmp_path / "link"))

    @pytest.mark.skipif(not ROOT, reason="only root can give folders away")
    def test_that_of_somebody_else_is_refused_and_left_alone(self, tmp_path):
        (tmp_path / "f").mkdir()
        (tmp_path / "f").chmod(0o755)
        os.chown(tmp_path / "f", 12345, 12345)
        with pytest.raises(UnsafePath, match="user id 12345"):
            safety.private_folder(str(tmp_path / "f"))
        assert mode_of(tmp_path / "f") == 0o755


class TestWrite:
    def test_the_file_is_ours_alone_whatever_the_umask(self, tmp_path):
        old = os.umask(0)
        try:
            safety.write(str(tmp_path / "f"), b"x")
        finally:
            os.umask(old)
        assert mode_of(tmp_path / "f") == 0o600
        assert (tmp_path / "f").read_bytes() == b"x"

    def test_a_planted_link_is_replaced_not_followed(self, tmp_path):
        (tmp_path / "victim").write_text("precious")
        (tmp_path / "f").symlink_to("victim")
        safety.write(str(tmp_path / "f"), b"x")
        assert (tmp_path / "victim").read_text() == "precious"
        assert not (tmp_path / "f").is_symlink()

    def test_when_it_fails_the_old_content_stays_and_no_scratch_file(self, tmp_path, monkeypatch):
        safety.write(str(tmp_path / "f"), b"old")

        def full(_handle):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            safety.write(str(tmp_path / "f"), b"new")
        assert (tmp_path / "f").read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["f"]


class TestRead:
    def test_a_link_is_not_followed(self, tmp_path):
        (tmp_path / "real").write_text("x")
        (tmp_path / "link").symlink_to("real")
        with pytest.raises(UnsafePath, match="symbolic link"):
            safety.read(str(tmp_path / "link"))

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UnsafePath, match="regular file"):
            safety.read(str(tmp_path / "pipe"))

    def test_a_missing_file_is_missing(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            safety.read(str(tmp_path / "none"))
        assert safety.signature(str(tmp_path / "none")) is None

    def test_more_than_the_limit_is_refused(self, tmp_path):
        (tmp_path / "f").write_bytes(b"x" * 11)
        assert safety.read(str(tmp_path / "f"), 11) == b"x" * 11
        with pytest.raises(UnsafePath, match="more than the 10 bytes"):
            safety.read(str(tmp_path / "f"), 10)

    def test_the_signature_changes_with_each_write_of_the_same_size(self, tmp_path):
        path = str(tmp_path / "f")
        seen = set()
        for number in range(20):
            safety.write(path, b"%02d" % number)
            content, signature = safety.read_with_signature(path)
            assert content == b"%02d" % number
            assert signature == safety.signature(path)
            assert signature not in seen
            seen = {signature}
