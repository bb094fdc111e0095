"""What the command line says of a deployment, and what a host says of itself."""

from __future__ import annotations

import time

import pytest

from minion.errors import ConfigError
from roster.host import Host
from ssh.deploy.facts import Facts
from ssh.deploy.plan import Action, Plan, read_options
from ssh.errors import NotRoot, StepFailed, StockMinion
from tests.master.rsa_keys import pem, public
from transports.crypto import fingerprint


class TestOptions:
    def test_files_and_values_later_ones_win(self, tmp_path):
        file = tmp_path / "more"
        file.write_text("log_level: info\nbeacons: {load: []}\n")
        found = read_options("--minion-config", [str(file), "log_level=debug", "grains={role: web}", "retries=3"])
        assert found == {"log_level": "debug", "beacons": {"load": []}, "grains": {"role": "web"}, "retries": 3}

    @pytest.mark.parametrize("given", ["nothing", "/no/such/file", "id=web1", "a={", "a b=c"])
    def test_what_is_neither_is_refused(self, given):
        with pytest.raises(ConfigError, match="--minion-config"):
            read_options("--minion-config", [given])

    def test_the_rosters_win_but_for_the_id(self):
        host = Host("web1", minion_opts={"log_level": "info", "id": "evil"})
        assert Plan(options={"log_level": "debug", "master": "m"}).options_of(host) == {
            "log_level": "info",
            "master": "m",
        }

    def test_who_is_expected_to_answer(self):
        assert Plan().answers and Plan(action=Action.UPGRADE).answers
        for plan in (Plan(pending=True), Plan(dry_run=True), Plan(service=False), Plan(action=Action.REMOVE)):
            assert not plan.answers


def facts(**more):
    return {"uid": 0, "platform": {"python": "3.11"}, "time": time.time(), **more}


class TestFacts:
    def test_a_host_that_answers_nonsense_has_failed(self):
        for found in (None, [], "text", {}, {"uid": "0", "platform": {}}, {"uid": 0, "platform": "x"}):
            with pytest.raises(StepFailed):
                Facts.of(found)

    def test_the_fingerprint_is_computed_here(self):
        found = Facts.of(facts(public_key=pem(0), fingerprint="00:11", release={"name": "0.1.0"}))
        assert found.fingerprint == fingerprint(public(0)) and found.release == "0.1.0"
        assert Facts.of(facts(public_key="-----BEGIN nonsense", release=[1])).fingerprint == ""

    def test_who_can_not_be_deployed(self):
        with pytest.raises(NotRoot):
            Facts.of(facts(uid=1000)).check(False)
        stock = Facts.of(facts(stock="/usr/bin/salt-minion", unit="other"))
        with pytest.raises(StockMinion):
            stock.check(False)
        stock.check(True)

    def test_wrong_clocks_are_named(self):
        assert Facts.of(facts()).clock == "" and Facts.of(facts(time="noon")).clock == ""
        assert Facts.of(facts(time=time.time() + 86400)).clock == "its clock is 1.0 days ahead"
        assert Facts.of(facts(time=time.time() - 7200)).clock == "its clock is 2.0 hours behind"
