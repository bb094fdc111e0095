"""The life of a key: no minion moves one that is known, all that strangers store is bounded, operators mean one key."""

from __future__ import annotations

import multiprocessing
import os
import re
import stat
import time

import pytest

from master.errors import KeyChanged, KeyConflict, KeyStoreError, UnsafePath
from master.keys import Change, Decision, KeyStore, Limits, Outcome, State
from tests.master.rsa_keys import pem, public
from transports.crypto import fingerprint

FOLDERS = {"minions", "minions_pre", "minions_rejected", "minions_denied", "minions_autosign"}


@pytest.fixture
def store(tmp_path):
    return KeyStore(str(tmp_path / "pki"))


def ask():
    return Decision.ASK


def yes():
    return Decision.ACCEPT


def put(store, state, minion_id, text):
    store.prepare()
    path = os.path.join(store.folder, state, minion_id)
    with open(path, "w") as file:
        file.write(text)
    return path


def folder_of(store, minion_id):
    return {state.name for state in State if store.has(minion_id, state)}


class TestLayout:
    def test_the_folders_are_salts_and_closed(self, store):
        store.prepare()
        assert {name for name in os.listdir(store.folder) if name.startswith("minions")} == FOLDERS
        for name in FOLDERS:
            assert stat.S_IMODE(os.stat(os.path.join(store.folder, name)).st_mode) == 0o700

    def test_permissive_pki_access_lets_the_group_read(self, tmp_path):
        store = KeyStore(str(tmp_path / "pki"), group_readable=True)
        store.observe("web1", public(0), ask)
        assert stat.S_IMODE(os.stat(os.path.join(store.folder, "minions_pre")).st_mode) == 0o750
        assert stat.S_IMODE(os.stat(os.path.join(store.folder, "minions_pre", "web1")).st_mode) == 0o640

    def test_a_key_is_stored_as_salt_stores_it(self, store):
        store.observe("web1", public(0), ask)
        path = os.path.join(store.folder, "minions_pre", "web1")
        with open(path) as file:
            assert file.read() == pem(0)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600

    def test_a_folder_that_others_may_change_is_refused(self, store):
        store.prepare()
        parent = os.path.dirname(store.folder)
        os.chmod(parent, 0o777)
        try:
            with pytest.raises(UnsafePath, match=re.escape(parent)):
                KeyStore(store.folder).prepare()
        finally:
            os.chmod(parent, 0o700)

    def test_files_of_a_real_salt_master_are_read(self, store):
        put(store, State.ACCEPTED, "web1", pem(0) + "\n")
        put(store, State.ACCEPTED, "web2", pem(1).replace("\n", "\r\n"))
        assert store.accepted("web1") == public(0)
        assert store.accepted("web2") == public(1)
        assert store.observe("web2", public(1), ask).outcome is Outcome.ACCEPTED

    def test_ids_that_we_would_not_take_are_listed_and_can_be_deleted(self, store):
        put(store, State.PENDING, "old minion", pem(0))
        assert store.ids(State.PENDING) == ["old minion"]
        store.delete("old minion")
        assert store.ids(State.PENDING) == []

    @pytest.mark.parametrize("name", ["../minions/web1", "a/b", "", ".hidden", "a\0b"])
    def test_no_name_leads_out_of_its_folder(self, store, name):
        put(store, State.ACCEPTED, "web1", pem(0))
        assert not store.has(name, State.PENDING)
        assert store.accepted(name) is None
        with pytest.raises(KeyStoreError):
            store.delete(name)
        with pytest.raises(KeyStoreError):
            store.accept(name)
        assert store.accepted("web1") is not None


class TestReading:
    def test_ids_are_sorted_without_regard_to_case(self, store):
        for name in ("b1", "A2", "c3"):
            put(store, State.PENDING, name, pem(0))
        assert store.ids(State.PENDING) == ["A2", "b1", "c3"]

    def test_what_lies_hidden_in_the_folders_is_no_key(self, store):
        put(store, State.PENDING, ".key_cache", "x")
        assert store.ids(State.PENDING) == []

    def test_names_follow_changes_of_another_process_at_once(self, store):
        other = KeyStore(store.folder)
        for number in range(20):  # within one tick of the clock
            other.observe(f"web{number}", public(0), yes)
            assert len(store.names(State.ACCEPTED)) == number + 1

    def test_the_accepted_key_is_the_same_object_until_the_file_changes(self, store):
        store.observe("web1", public(0), yes)
        key = store.accepted("web1")
        assert store.accepted("web1") is key == public(0)
        other = KeyStore(store.folder)
        other.delete("web1")
        assert store.accepted("web1") is None
        other.observe("web1", public(1), yes)
        assert store.accepted("web1") == public(1)

    def test_a_damaged_or_linked_file_is_no_accepted_key(self, store, tmp_path):
        put(store, State.ACCEPTED, "bad", "garbage")
        (tmp_path / "elsewhere").write_text(pem(0))
        os.symlink(tmp_path / "elsewhere", os.path.join(store.folder, "minions", "linked"))
        assert store.accepted("bad") is None
        assert store.accepted("linked") is None

    def test_a_file_with_two_keys_is_no_accepted_key(self, store):
        put(store, State.ACCEPTED, "web1", pem(0) + "\n" + pem(1))
        assert store.accepted("web1") is None
        assert store.observe("web1", public(0), yes).outcome is Outcome.DENIED

    def test_an_empty_file_that_a_crash_left_is_no_key(self, store):
        put(store, State.ACCEPTED, "web1", "")
        assert store.state_of("web1") is None
        assert store.observe("web1", public(0), ask).outcome is Outcome.PENDING

    def test_globs_mean_ids_in_the_states_asked_for(self, store):
        for state, name in ((State.PENDING, "web1"), (State.PENDING, "db1"), (State.ACCEPTED, "web2")):
            put(store, state, name, pem(0))
        assert store.match("web*") == {State.PENDING: ["web1"], State.ACCEPTED: ["web2"]}
        assert store.match("web1,d*", [State.PENDING]) == {State.PENDING: ["db1", "web1"]}
        assert store.match("web1") == {State.PENDING: ["web1"]}
        assert store.match("web1,web2") == {State.PENDING: ["web1"], State.ACCEPTED: ["web2"]}
        assert store.match("nobody") == store.match("x*") == {}
        assert store.match("WEB1") == {}

    def test_listing_and_moving_stay_fast_with_many_keys(self, store):
        store.prepare()
        for number in range(5000):
            os.close(os.open(os.path.join(store.folder, "minions", f"m{number:04}"), os.O_CREAT | os.O_WRONLY))
        put(store, State.PENDING, "web1", pem(0))
        began = time.process_time()
        assert len(store.ids(State.ACCEPTED)) == 5000
        store.accept("web1")
        store.match("web1")
        assert time.process_time() - began < 0.2


class TestWhatMinionsDo:
    def test_a_new_key_waits(self, store):
        verdict = store.observe("web1", public(0), ask)
        assert (verdict.outcome, verdict.changed) == (Outcome.PENDING, True)
        assert folder_of(store, "web1") == {"PENDING"}

    def test_showing_it_again_changes_nothing(self, store):
        store.observe("web1", public(0), ask)
        verdict = store.observe("web1", public(0), ask)
        assert (verdict.outcome, verdict.changed) == (Outcome.PENDING, False)

    def test_a_pending_key_is_not_replaced_by_another(self, store):
        store.observe("web1", public(0), ask)
        verdict = store.observe("web1", public(1), yes)  # not even if autosign would accept it
        assert verdict.outcome is Outcome.DENIED
        assert store.text("web1", State.PENDING) == [pem(0)]
        assert store.text("web1", State.DENIED) == [pem(1)]
        assert store.accepted("web1") is None

    def test_an_accepted_key_stays_and_the_other_is_recorded_once(self, store):
        store.observe("web1", public(0), yes)
        assert store.observe("web1", public(1), yes).changed
        verdict = store.observe("web1", public(1), yes)
        assert (verdict.outcome, verdict.changed) == (Outcome.DENIED, False)
        assert store.accepted("web1") == public(0)
        assert store.text("web1", State.DENIED) == [pem(1)]

    def test_showing_an_accepted_key_touches_no_file(self, store):
        store.observe("web1", public(0), yes)
        before = {state: os.stat(os.path.join(store.folder, state)).st_mtime_ns for state in State}
        assert store.observe("web1", public(0), ask).outcome is Outcome.ACCEPTED
        assert before == {state: os.stat(os.path.join(store.folder, state)).st_mtime_ns for state in State}

    @pytest.mark.parametrize("number", [0, 1])
    def test_a_rejected_id_stays_rejected_whatever_the_key(self, store, number):
        store.observe("web1", public(0), ask)
        store.reject("web1")
        verdict = store.observe("web1", public(number), yes)
        assert (verdict.outcome, verdict.changed) == (Outcome.REJECTED, False)
        assert folder_of(store, "web1") == {"REJECTED"}

    def test_a_denied_record_holds_eight_keys_and_drops_the_oldest(self, store):
        store.observe("web1", public(0), yes)
        for number in range(1, 10):
            store.observe("web1", public(number), ask)
        assert store.text("web1", State.DENIED) == [pem(number) for number in range(9, 1, -1)]
        assert fingerprint(public(9)) == store.fingerprint("web1", State.DENIED)[0]

    def test_denied_records_of_a_thousand_ids_and_the_oldest_goes(self, tmp_path):
        store = KeyStore(str(tmp_path / "pki"), Limits(denied_ids=3))
        for number in range(5):
            store.observe(f"web{number}", public(0), yes)
            store.observe(f"web{number}", public(1), ask)
            path = os.path.join(store.folder, "minions_denied", f"web{number}")
            os.utime(path, (1_700_000_000 + number,) * 2)
        assert store.ids(State.DENIED) == ["web2", "web3", "web4"]
        assert Limits().denied_ids == 1000

    @pytest.mark.parametrize("state", State)
    def test_a_new_id_that_looks_like_a_known_one_is_refused(self, store, state):
        put(store, state, "Web1", pem(0))
        verdict = store.observe("wEB1", public(1), yes)
        assert verdict.outcome is Outcome.DENIED
        assert "Web1" in verdict.reason
        assert folder_of(store, "wEB1") == set()
        assert store.observe("web2", public(1), yes).outcome is Outcome.ACCEPTED

    def test_look_alikes_that_are_known_both_keep_working(self, store):
        put(store, State.ACCEPTED, "web1", pem(0))
        put(store, State.ACCEPTED, "WEB1", pem(1))
        assert store.observe("web1", public(0), ask).outcome is Outcome.ACCEPTED
        assert store.observe("WEB1", public(1), ask).outcome is Outcome.ACCEPTED

    def test_pending_keys_are_limited_in_all(self, tmp_path):
        store = KeyStore(str(tmp_path / "pki"), Limits(max_pending=3))
        outcomes = [store.observe(f"m{n}", public(0), ask, f"10.0.{n}.0/24").outcome for n in range(5)]
        assert outcomes == [Outcome.PENDING] * 3 + [Outcome.FULL] * 2
        assert store.ids(State.PENDING) == ["m0", "m1", "m2"]
        assert store.observe("m0", public(0), ask).outcome is Outcome.PENDING  # those that wait are told so
        store.delete("m1")
        assert store.observe("m4", public(0), ask).outcome is Outcome.PENDING
        assert Limits().max_pending == 1000

    def test_pending_keys_are_limited_for_each_network(self, tmp_path):
        limits = Limits(max_pending_per_source=2)
        outcomes = [
            KeyStore(str(tmp_path / "pki"), limits).observe(f"m{n}", public(0), ask, "10.0.0.0/24").outcome
            for n in range(3)
        ]
        store = KeyStore(str(tmp_path / "pki"), limits)
        assert outcomes == [Outcome.PENDING, Outcome.PENDING, Outcome.FULL]  # in every worker, after a restart
        assert store.observe("m3", public(0), ask, "10.0.1.0/24").outcome is Outcome.PENDING
        store.accept("m0")
        assert store.observe("m4", public(0), ask, "10.0.0.0/24").outcome is Outcome.PENDING
        assert Limits().max_pending_per_source == 256  # a /24 whose hosts are all new

    def test_max_minions_counts_accepted_ids(self, tmp_path):
        store = KeyStore(str(tmp_path / "pki"), Limits(max_minions=2))
        outcomes = [store.observe(f"m{n}", public(0), yes).outcome for n in range(3)]
        assert outcomes == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.FULL]
        assert store.observe("m1", public(0), ask).outcome is Outcome.ACCEPTED
        assert folder_of(store, "m2") == set()

    def test_autoreject_stores_no_more_than_may_wait(self, tmp_path):
        store = KeyStore(str(tmp_path / "pki"), Limits(max_pending=2))
        outcomes = [store.observe(f"m{n}", public(0), lambda: Decision.REJECT).outcome for n in range(4)]
        assert outcomes == [Outcome.REJECTED] * 4
        assert store.ids(State.REJECTED) == ["m0", "m1"]

    def test_a_pending_key_is_taken_by_autosign_or_autoreject_later(self, store):
        for name in ("web1", "web2"):
            store.observe(name, public(0), ask)
        assert store.observe("web1", public(0), yes).outcome is Outcome.ACCEPTED
        assert store.observe("web2", public(0), lambda: Decision.REJECT).outcome is Outcome.REJECTED
        assert folder_of(store, "web1") == {"ACCEPTED"}
        assert folder_of(store, "web2") == {"REJECTED"}

    def test_the_files_are_not_asked_about_a_known_key(self, store):
        def never():
            raise AssertionError("decide was called")

        put(store, State.ACCEPTED, "web1", pem(0))
        put(store, State.REJECTED, "web2", pem(0))
        put(store, State.PENDING, "web3", pem(0))
        assert store.observe("web1", public(0), never).outcome is Outcome.ACCEPTED
        assert store.observe("web1", public(1), never).outcome is Outcome.DENIED
        assert store.observe("web2", public(1), never).outcome is Outcome.REJECTED
        assert store.observe("web3", public(1), never).outcome is Outcome.DENIED


class TestWhatOperatorsDo:
    def test_accept(self, store):
        store.observe("web1", public(0), ask)
        assert store.accept("web1", fingerprint(public(0))) == [Change("web1", "accepted", State.PENDING)]
        assert store.accepted("web1") == public(0)
        assert folder_of(store, "web1") == {"ACCEPTED"}

    def test_accept_fails_if_the_key_is_not_the_one_that_was_shown(self, store):
        store.observe("web1", public(0), ask)
        shown = store.fingerprint("web1", State.PENDING)[0]
        store.delete("web1")
        store.observe("web1", public(1), ask)
        with pytest.raises(KeyChanged, match="web1"):
            store.accept("web1", shown)
        assert folder_of(store, "web1") == {"PENDING"}

    def test_accept_takes_only_what_is_included(self, store):
        store.observe("web1", public(0), ask)
        store.reject("web1")
        with pytest.raises(KeyStoreError, match="no key in minions_pre"):
            store.accept("web1")
        assert store.accept("web1", include_rejected=True) == [Change("web1", "accepted", State.REJECTED)]
        assert folder_of(store, "web1") == {"ACCEPTED"}

    def test_no_pending_key_is_accepted_that_is_none(self, store):
        put(store, State.PENDING, "web1", "garbage")
        with pytest.raises(KeyStoreError, match="not usable"):
            store.accept("web1")
        assert folder_of(store, "web1") == {"PENDING"}

    def test_a_rebuilt_host_is_let_in_again_in_one_step(self, store):
        store.observe("web1", public(0), yes)
        store.observe("web1", public(1), ask)
        changes = store.accept("web1", fingerprint(public(1)), include_denied=True)
        assert changes == [Change("web1", "delete", State.ACCEPTED), Change("web1", "accepted", State.DENIED)]
        assert store.accepted("web1") == public(1)
        assert folder_of(store, "web1") == {"ACCEPTED"}

    def test_of_several_denied_keys_one_has_to_be_named(self, store):
        store.observe("web1", public(0), yes)
        store.observe("web1", public(1), ask)
        store.observe("web1", public(2), ask)
        with pytest.raises(KeyStoreError, match="2 keys are denied"):
            store.accept("web1", include_denied=True)
        store.accept("web1", fingerprint(public(1)), include_denied=True)
        assert store.accepted("web1") == public(1)

    def test_reject(self, store):
        store.observe("web1", public(0), yes)
        with pytest.raises(KeyStoreError):
            store.reject("web1")
        assert store.reject("web1", include_accepted=True) == [Change("web1", "rejected", State.ACCEPTED)]
        assert folder_of(store, "web1") == {"REJECTED"}
        assert store.accepted("web1") is None

    def test_garbage_can_be_rejected(self, store):
        put(store, State.PENDING, "web1", "garbage")
        store.reject("web1")
        assert store.text("web1", State.REJECTED) == ["garbage"]

    def test_delete_takes_what_is_named(self, store):
        store.observe("web1", public(0), yes)
        store.observe("web1", public(1), ask)
        assert store.delete("web1", [State.DENIED]) == [Change("web1", "delete", State.DENIED)]
        assert store.accepted("web1") == public(0)
        assert store.delete("web1") == [Change("web1", "delete", State.ACCEPTED)]
        assert store.state_of("web1") is None
        with pytest.raises(KeyStoreError, match="no key"):
            store.delete("web1")

    def test_a_deleted_minion_becomes_pending_again_by_itself(self, store):
        store.observe("web1", public(0), yes)
        store.delete("web1")
        assert store.observe("web1", public(0), ask).outcome is Outcome.PENDING

    def test_a_link_in_the_folder_is_deleted_not_followed(self, store, tmp_path):
        store.prepare()
        (tmp_path / "victim").write_text(pem(0))
        os.symlink(tmp_path / "victim", os.path.join(store.folder, "minions_pre", "web1"))
        with pytest.raises(UnsafePath):
            store.accept("web1")
        store.delete("web1")
        assert (tmp_path / "victim").exists()

    def test_the_change_as_it_is_announced(self):
        assert Change("web1", "rejected", State.ACCEPTED).to_wire() == {
            "id": "web1",
            "act": "rejected",
            "result": True,
            "state": "minions",
        }


def _register(folder, number):
    store = KeyStore(folder, Limits(max_pending=10))
    for turn in range(5):
        store.observe(f"m{number}-{turn}", public(0), ask, f"10.{number}.0.0/24")


class TestVouching:
    """A key that came over a channel which proves whose it is."""

    def test_a_new_key_is_accepted_and_again_changes_nothing(self, store):
        assert store.vouch("web1", pem(0)) == [Change("web1", "accepted", State.PENDING)]
        assert store.accepted("web1") == public(0)
        assert store.vouch("web1", pem(0)) == []

    def test_or_waits_if_that_is_wished_and_is_accepted_later(self, store):
        assert [change.act for change in store.vouch("web1", pem(0), pending=True)] == ["pend"]
        assert store.vouch("web1", pem(0), pending=True) == [] and folder_of(store, "web1") == {"PENDING"}
        assert [change.act for change in store.vouch("web1", pem(0))] == ["accepted"]
        assert folder_of(store, "web1") == {"ACCEPTED"}
        assert store.vouch("web1", pem(0), pending=True) == [] and folder_of(store, "web1") == {"ACCEPTED"}

    def test_a_strangers_pending_key_gives_way_and_is_noted(self, store):
        store.observe("web1", public(1), ask)
        store.vouch("web1", pem(0))
        assert store.accepted("web1") == public(0)
        assert store.fingerprint("web1", State.DENIED) == [fingerprint(public(1))]

    @pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
    def test_a_conflict_names_both_and_moves_nothing(self, store, state):
        put(store, state, "web1", pem(1))
        with pytest.raises(KeyConflict) as caught:
            store.vouch("web1", pem(0))
        assert fingerprint(public(0)) in str(caught.value) and fingerprint(public(1)) in str(caught.value)
        assert store.text("web1", state) == [pem(1)]

    def test_it_replaces_if_that_is_wished_and_the_old_one_is_cut_off(self, store):
        put(store, State.ACCEPTED, "web1", pem(1))
        changes = store.vouch("web1", pem(0), replace=True)
        assert [(change.act, change.state) for change in changes] == [
            ("delete", State.ACCEPTED), ("accepted", State.ACCEPTED),
        ]  # fmt: skip
        assert store.accepted("web1") == public(0)

    def test_look_alikes_and_what_is_no_key_are_refused(self, store):
        store.vouch("web1", pem(0))
        with pytest.raises(KeyConflict, match="only in case"):
            store.vouch("WEB1", pem(1))
        with pytest.raises(KeyConflict, match="only in case"):
            store.vouch("WEB1", pem(1), replace=True)  # which is about another key of the same id
        with pytest.raises(KeyStoreError):
            store.vouch("web2", "no key")
        assert folder_of(store, "web2") == set()


def test_processes_do_not_step_on_each_other(tmp_path):
    folder = str(tmp_path / "pki")
    public(0)
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=_register, args=(folder, number)) for number in range(4)]
    for other in others:
        other.start()
    for other in others:
        other.join(30)
        assert other.exitcode == 0
    assert len(KeyStore(folder).ids(State.PENDING)) == 10
