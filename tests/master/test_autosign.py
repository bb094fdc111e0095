"""Keys are accepted without an operator only as files say that nobody else can write, and only by full matches."""

from __future__ import annotations

import logging
import os

import pytest

from master.autosign import Autosign, Rules
from master.keys import Decision, KeyStore

NOW = 1_790_000_000.0


@pytest.fixture
def make(tmp_path):
    KeyStore(str(tmp_path / "pki")).prepare()

    def make(now=lambda: NOW, **rules):
        return Autosign(Rules(str(tmp_path / "pki"), **rules), now)

    return make


def text(path, content, mode=0o600):
    path.write_text(content)
    path.chmod(mode)
    return str(path)


def test_by_default_an_operator_is_asked(make):
    assert make().decide("web1", {}) is Decision.ASK


def test_auto_accept(make):
    assert make(auto_accept=True).decide("web1", {}) is Decision.ACCEPT


class TestFile:
    @pytest.mark.parametrize(
        ("line", "minion_id", "meant"),
        [
            ("web1", "web1", True),
            ("web1", "web10", False),
            ("web1", "aweb1", False),
            ("web1", "WEB1", False),
            ("web*", "web1.example.com", True),
            ("web?", "web10", False),
            ("web[12]", "web2", True),
            (r"web\d+", "web12", True),
            (r"web\d+", "web12x", False),
            (r"^web\d+$", "web12", True),
            ("web.*", "web12", True),
            ("web[0-9]+", "web12", True),
            ("(web|db)1", "db1", True),
            ("web1.example.com", "web1xexample.com", False),
            ("*.example.com", "web1.example.com", True),
            ("(", "(", True),
            ("(", "web1", False),
            ("# web1", "web1", False),
            ("   web1  ", "web1", True),
        ],
    )
    def test_lines_mean_whole_ids(self, make, tmp_path, line, minion_id, meant):
        path = text(tmp_path / "autosign.conf", f"# comment\n\n{line}\n")
        decision = make(autosign_file=path).decide(minion_id, {})
        assert decision is (Decision.ACCEPT if meant else Decision.ASK)

    def test_reject_wins(self, make, tmp_path):
        both = text(tmp_path / "a", "web*\n")
        rules = make(autosign_file=both, autoreject_file=text(tmp_path / "r", "web1\n"), auto_accept=True)
        assert rules.decide("web1", {}) is Decision.REJECT
        assert rules.decide("web2", {}) is Decision.ACCEPT

    def test_a_changed_file_counts_at_once(self, make, tmp_path):
        path = text(tmp_path / "autosign.conf", "web1\n")
        rules = make(autosign_file=path)
        assert rules.decide("web2", {}) is Decision.ASK
        text(tmp_path / "autosign.conf", "web1\nweb2\n")
        assert rules.decide("web2", {}) is Decision.ACCEPT
        os.unlink(path)
        assert rules.decide("web2", {}) is Decision.ASK

    @pytest.mark.parametrize("mode", [0o620, 0o602])
    def test_one_that_others_may_write_is_ignored_and_named(self, make, tmp_path, caplog, mode):
        path = text(tmp_path / "autosign.conf", "web1\n", mode)
        with caplog.at_level(logging.ERROR):
            assert make(autosign_file=path).decide("web1", {}) is Decision.ASK
        assert path in caplog.text

    def test_one_in_an_open_folder_is_ignored(self, make, tmp_path):
        (tmp_path / "open").mkdir()
        path = text(tmp_path / "open" / "autosign.conf", "web1\n")
        (tmp_path / "open").chmod(0o777)
        assert make(autosign_file=path).decide("web1", {}) is Decision.ASK

    def test_a_link_is_ignored(self, make, tmp_path):
        text(tmp_path / "real", "web1\n")
        (tmp_path / "link").symlink_to("real")
        assert make(autosign_file=str(tmp_path / "link")).decide("web1", {}) is Decision.ASK

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_that_of_another_user_is_ignored(self, make, tmp_path):
        path = text(tmp_path / "autosign.conf", "web1\n")
        os.chown(path, 12345, 12345)
        assert make(autosign_file=path).decide("web1", {}) is Decision.ASK

    def test_nothing_is_accepted_while_the_autoreject_file_is_open(self, make, tmp_path, caplog):
        rules = make(auto_accept=True, autoreject_file=text(tmp_path / "r", "web1\n", 0o666))
        assert rules.decide("web2", {}) is Decision.ASK
        assert "autoreject" in caplog.text or str(tmp_path / "r") in caplog.text


class TestOneTimeFiles:
    def put(self, tmp_path, name="web1", mode=0o600, age=0.0):
        path = tmp_path / "pki" / "minions_autosign" / name
        text(path, "", mode)
        os.utime(path, (NOW - age,) * 2)
        return path

    def test_one_key_gets_in_and_the_next_does_not(self, make, tmp_path):
        path = self.put(tmp_path)
        assert make().decide("web1", {}) is Decision.ACCEPT
        assert not path.exists()
        assert make().decide("web1", {}) is Decision.ASK
        assert os.listdir(path.parent) == []

    def test_it_counts_for_its_id_alone(self, make, tmp_path):
        path = self.put(tmp_path)
        assert make().decide("web2", {}) is Decision.ASK
        assert path.exists()

    def test_one_that_is_too_old_is_removed(self, make, tmp_path):
        path = self.put(tmp_path, age=120 * 60 + 1)
        assert make().decide("web1", {}) is Decision.ASK
        assert not path.exists()

    def test_a_timeout_of_nothing_means_for_ever(self, make, tmp_path):
        self.put(tmp_path, age=10**8)
        assert make(autosign_timeout=0).decide("web1", {}) is Decision.ACCEPT

    def test_one_that_others_may_write_is_ignored(self, make, tmp_path):
        path = self.put(tmp_path, mode=0o622)
        assert make().decide("web1", {}) is Decision.ASK
        assert path.exists()

    def test_a_rejected_id_does_not_use_it_up(self, make, tmp_path):
        path = self.put(tmp_path)
        assert make(autoreject_file=text(tmp_path / "r", "web1\n")).decide("web1", {}) is Decision.REJECT
        assert path.exists()


class TestGrains:
    @pytest.fixture
    def rules(self, make, tmp_path):
        folder = tmp_path / "grains"
        folder.mkdir(mode=0o700)
        text(folder / "uuid", "# machines\nf3b1\n 77aa \n")
        text(folder / "rack", "7\n")
        return make(autosign_grains_dir=str(folder))

    @pytest.mark.parametrize(
        ("grains", "decision"),
        [
            ({"uuid": "f3b1"}, Decision.ACCEPT),
            ({"uuid": "77aa"}, Decision.ACCEPT),
            ({"rack": 7}, Decision.ACCEPT),
            ({"uuid": "f3b"}, Decision.ASK),
            ({"uuid": "f3b1 "}, Decision.ASK),
            ({"uuid": "# machines"}, Decision.ASK),
            ({"uuid": ""}, Decision.ASK),
            ({"other": "f3b1"}, Decision.ASK),
            ({"../grains/uuid": "f3b1"}, Decision.ASK),
            ({"uuid": "\udcff"}, Decision.ASK),
            ({"uuid": "f3b1" * 5000}, Decision.ASK),
            ({}, Decision.ASK),
        ],
    )
    def test_a_value_that_a_file_names(self, rules, grains, decision):
        assert rules.decide("web1", grains) is decision

    def test_a_file_that_others_may_write_is_ignored(self, rules, tmp_path):
        (tmp_path / "grains" / "uuid").chmod(0o666)
        assert rules.decide("web1", {"uuid": "f3b1"}) is Decision.ASK

    def test_a_link_out_of_the_folder_is_ignored(self, rules, tmp_path):
        text(tmp_path / "secret", "f3b1\n")
        (tmp_path / "grains" / "linked").symlink_to(tmp_path / "secret")
        assert rules.decide("web1", {"linked": "f3b1"}) is Decision.ASK

    def test_one_bad_file_does_not_hide_the_others(self, rules, tmp_path):
        (tmp_path / "grains" / "uuid").chmod(0o666)
        assert rules.decide("web1", {"uuid": "f3b1", "rack": 7}) is Decision.ACCEPT
