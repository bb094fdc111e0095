"""Session keys are one for each accepted key, live in files of the master alone, and end when they should."""

from __future__ import annotations

import base64
import multiprocessing
import os
import stat

import pytest

from master.sessions import PublishKey, Sessions, forget_publish_key
from tests.master.rsa_keys import private
from transports import crypto


class Clock:
    def __init__(self):
        self.now = 1_790_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "cache" / "auth")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sessions(folder, clock):
    return Sessions(folder, 3600, clock)


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class TestPublishKey:
    def test_it_is_made_on_demand_and_vouched_for_by_the_master(self, folder):
        current = PublishKey(folder, private()).current()
        assert crypto.x931_recover(private().public_key(), current.digest) == crypto.key_digest(current.key.text)
        assert mode_of(folder) == 0o700
        assert mode_of(os.path.join(folder, "publish")) == 0o600

    def test_all_processes_have_the_same_and_notice_a_change(self, folder):
        one, other = PublishKey(folder, private()), PublishKey(folder, private())
        first = one.key().text
        assert other.key().text == first
        one.rotate()
        assert other.key().text == one.key().text != first

    def test_the_signature_is_computed_once(self, folder, monkeypatch):
        key = PublishKey(folder, private())
        first = key.current()
        monkeypatch.setattr(crypto, "x931_sign", None)
        assert key.current() is first
        assert PublishKey(folder, private()).current().digest == first.digest

    def test_a_key_that_another_master_key_signed_is_replaced(self, folder):
        old = PublishKey(folder, private(1)).current()
        new = PublishKey(folder, private(0)).current()
        assert new.key.text != old.key.text
        assert crypto.x931_recover(private(0).public_key(), new.digest) == crypto.key_digest(new.key.text)

    @pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"key": 1}', "garbage"])
    def test_a_damaged_file_is_replaced(self, folder, damage):
        PublishKey(folder, private()).current()
        with open(os.path.join(folder, "publish"), "w") as file:
            file.write(damage)
        current = PublishKey(folder, private()).current()
        assert PublishKey(folder, private()).key().text == current.key.text

    def test_it_can_be_dropped(self, folder):
        first = PublishKey(folder, private()).key().text
        forget_publish_key(folder)
        forget_publish_key(folder)
        assert PublishKey(folder, private()).key().text != first


class TestSessions:
    def test_there_is_none_before_a_sign_in(self, sessions):
        assert sessions.find("web1") is None
        assert sessions.clock_offset("web1") is None
        assert not sessions.destroy("web1")

    def test_it_is_made_once_and_kept(self, sessions, folder, clock):
        first = sessions.ensure("web1", "f1")
        assert (first.fingerprint, first.previous) == ("f1", None)
        assert sessions.ensure("web1", "f1") is first is sessions.find("web1")
        assert Sessions(folder, 3600, clock).find("web1").key.text == first.key.text

    def test_only_the_master_can_read_it(self, sessions, folder):
        sessions.ensure("web1", "f1")
        assert mode_of(folder) == mode_of(os.path.join(folder, "sessions")) == 0o700
        assert mode_of(os.path.join(folder, "sessions", "web1")) == 0o600

    def test_each_minion_has_its_own(self, sessions):
        assert sessions.ensure("web1", "f1").key.text != sessions.ensure("web2", "f1").key.text
        assert sorted(sessions.ids()) == ["web1", "web2"]

    def test_that_of_another_key_ends_at_once(self, sessions):
        first = sessions.ensure("web1", "f1")
        second = sessions.ensure("web1", "f2")
        assert second.key.text != first.key.text
        assert second.previous is None
        assert second.fingerprint == "f2"

    def test_one_that_is_too_old_has_to_be_renewed(self, sessions, clock):
        first = sessions.ensure("web1", "f1")
        clock.now += 3600
        assert sessions.find("web1") is first
        clock.now += 1
        assert sessions.find("web1") is None
        assert sessions.ensure("web1", "f1").key.text != first.key.text

    def test_the_previous_key_is_welcome_for_a_minute(self, sessions, clock):
        first = sessions.ensure("web1", "f1")
        sessions.learn_clock("web1", 0.0)
        clock.now += 3601
        second = sessions.ensure("web1", "f1")
        clock.now += 60
        assert sessions.find("web1").previous.text == first.key.text
        clock.now += 1
        assert sessions.find("web1").previous is None
        assert sessions.find("web1").key.text == second.key.text

    def test_destroyed_is_destroyed_for_all_processes(self, sessions, folder, clock):
        other = Sessions(folder, 3600, clock)
        sessions.ensure("web1", "f1")
        assert other.find("web1") is not None
        assert sessions.destroy("web1")
        assert other.find("web1") is sessions.find("web1") is None

    def test_what_was_learned_does_not_bring_a_destroyed_one_back(self, sessions, folder, clock):
        other = Sessions(folder, 3600, clock)
        sessions.ensure("web1", "f1")
        other.destroy("web1")
        sessions.learn_clock("web1", 5.0)
        sessions.replace("web1")
        assert sessions.find("web1") is None

    def test_replaced_on_demand_nothing_of_the_old_one_counts(self, sessions):
        first = sessions.ensure("web1", "f1")
        sessions.learn_clock("web1", 5.0)
        sessions.replace("web1")
        second = sessions.find("web1")
        assert second.key.text != first.key.text
        assert second.previous is None
        assert sessions.clock_offset("web1") is None

    def test_the_clock_is_learned_once_and_kept(self, sessions, folder, clock):
        sessions.ensure("web1", "f1")
        assert sessions.clock_offset("web1") is None
        sessions.learn_clock("web1", -7200.5)
        assert sessions.clock_offset("web1") == -7200.5
        assert Sessions(folder, 3600, clock).clock_offset("web1") == -7200.5

    def test_old_requests_are_not_believed_while_their_key_is_still_welcome(self, sessions, clock):
        sessions.ensure("web1", "f1")
        sessions.learn_clock("web1", 3.0)
        clock.now += 3601
        sessions.ensure("web1", "f1")
        assert sessions.clock_offset("web1") == 3.0
        clock.now += 61
        assert sessions.clock_offset("web1") is None

    @pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"key": "short"}', "garbage"])
    def test_a_damaged_file_counts_as_none(self, sessions, folder, damage):
        sessions.ensure("web1", "f1")
        with open(os.path.join(folder, "sessions", "web1"), "w") as file:
            file.write(damage)
        assert sessions.find("web1") is None
        assert sessions.ensure("web1", "f1").fingerprint == "f1"

    @pytest.mark.parametrize("name", ["../publish", "", ".x", "a/b", "web1\n"])
    def test_no_name_leads_out_of_the_folder(self, sessions, folder, name):
        PublishKey(folder, private()).current()
        sessions.ensure("web1", "f1")
        assert sessions.find(name) is None
        with pytest.raises(ValueError, match="minion id"):
            sessions.destroy(name)
        assert os.path.exists(os.path.join(folder, "publish"))

    def test_a_planted_link_is_not_followed(self, sessions, folder, tmp_path):
        sessions.ensure("web2", "f1")
        (tmp_path / "victim").write_text("precious")
        os.symlink(tmp_path / "victim", os.path.join(folder, "sessions", "web1"))
        assert sessions.find("web1") is None
        sessions.ensure("web1", "f1")
        assert (tmp_path / "victim").read_text() == "precious"

    def test_keys_are_random(self, sessions):
        raw = [base64.b64decode(sessions.ensure(f"m{n}", "f").key.text) for n in range(5)]
        assert len(set(raw)) == 5
        assert {len(key) for key in raw} == {56}


def _sign_in(folder, queue):
    queue.put(Sessions(folder).ensure("web1", "f1").key.text)


def test_processes_that_sign_in_at_once_make_one_session(folder):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    others = [context.Process(target=_sign_in, args=(folder, queue)) for _ in range(6)]
    for other in others:
        other.start()
    keys = {queue.get(timeout=30) for _ in others}
    for other in others:
        other.join(30)
    assert len(keys) == 1
