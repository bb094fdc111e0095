from __future__ import annotations

import os
import shutil
import subprocess
from typing import Iterator

import pytest

from minion.modules._crontab import TAG
from tests.minion.states.calls import State

USER = "sltn.crons"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("crontab") is None, reason="crontabs of other users need root and crontab"
)


@pytest.fixture(autouse=True)
def user(state: State) -> Iterator[None]:
    if not state.box.call("user.info", USER):
        assert state.box.call("user.add", USER, createhome=False)
    yield
    subprocess.run(["crontab", "-u", USER, "-r"], check=False, capture_output=True)
    state.box.call("user.delete", USER)


def read() -> str:
    done = subprocess.run(["crontab", "-u", USER, "-l"], check=False, capture_output=True, text=True)
    return done.stdout.replace(f"{TAG}\n", "")


def test_a_job(state: State) -> None:
    predicted, first, second = state.converge("cron.present", "/bin/a ", user=USER, minute=5)
    assert predicted["comment"] == "Cron /bin/a is set to be added"
    assert first["comment"] == f"Cron /bin/a added to {USER}'s crontab"
    assert first["changes"] == {USER: "/bin/a"}
    assert second["comment"] == "Cron /bin/a already present"
    assert read() == "# SALT_CRON_IDENTIFIER:/bin/a\n5 * * * * /bin/a\n"
    predicted, first, _ = state.converge("cron.present", "/bin/a", user=USER, minute=6, commented=True)
    assert (predicted["comment"], first["comment"]) == ("Cron /bin/a is set to be updated", "Cron /bin/a updated")
    assert read().endswith("\n#DISABLED#6 * * * * /bin/a\n")
    predicted, first, second = state.converge("cron.absent", "/bin/a", user=USER, minute=7)
    assert predicted["comment"] == "Cron /bin/a is set to be removed"
    assert first["comment"] == f"Cron /bin/a removed from {USER}'s crontab"
    assert second["comment"] == "Cron /bin/a already absent"
    assert read() == ""


def test_a_job_is_found_by_its_identifier(state: State) -> None:
    state.converge("cron.present", "/bin/a", user=USER, identifier="it", comment="About\nit")
    state.converge("cron.present", "/bin/b", user=USER, identifier="it", minute="random")
    assert read().splitlines()[:2] == ["# About", "# it SALT_CRON_IDENTIFIER:it"]
    state.converge("cron.absent", "/bin/c", user=USER, identifier="it")


def test_a_job_at_a_special_time(state: State) -> None:
    state.converge("cron.present", "/bin/a", user=USER, special="@daily")
    state.converge("cron.present", "/bin/a", user=USER, special="@hourly")
    assert read().endswith("@hourly /bin/a\n")
    assert state("cron.absent", "/bin/a", user=USER)["comment"] == "Cron /bin/a already absent"
    state.converge("cron.absent", "/bin/a", user=USER, special="@hourly")


def test_a_wrong_time_fails_and_loses_nothing(state: State) -> None:
    state("cron.present", "/bin/a", user=USER)
    before = read()
    assert "bad hour" in state.fails("cron.present", "/bin/a", user=USER, hour="noon")
    assert read() == before


def test_variables(state: State) -> None:
    predicted, first, _ = state.converge("cron.env_present", "MAILTO", value="a@b", user=USER)
    assert predicted["comment"] == "Cron env MAILTO is set to be added"
    assert first["comment"] == f"Cron env MAILTO added to {USER}'s crontab"
    state.converge("cron.env_present", "MAILTO", user=USER)
    assert read() == 'MAILTO=""\n'
    predicted, first, second = state.converge("cron.env_absent", "MAILTO", user=USER)
    assert predicted["comment"] == "Cron env MAILTO is set to be removed"
    assert first["comment"] == f"Cron env MAILTO removed from {USER}'s crontab"
    assert second["comment"] == "Cron env MAILTO already absent"


def test_a_whole_crontab(state: State) -> None:
    state.box.write({"srv/tab": "# {{ 1 + 1 }}\n1 2 * * * /bin/a\n", "srv/bad": "rubbish\n"})
    _, first, second = state.converge("cron.file", "salt://tab", user=USER, template="jinja")
    assert first["comment"] == f"Crontab for user {USER} was updated"
    assert first["changes"]["diff"].endswith("+# 2\n+1 2 * * * /bin/a\n")
    assert second["comment"] == f"Crontab for user {USER} is in the correct state"
    assert read() == "# 2\n1 2 * * * /bin/a\n"
    kept = state("cron.file", "salt://bad", user=USER, replace=False)
    assert kept["comment"] == f"User {USER} already has a crontab. No changes made"
    assert "bad minute" in state.fails("cron.file", "salt://bad", user=USER)
    assert "none" in state.fails("cron.file", "salt://none", user=USER)
    assert read() == "# 2\n1 2 * * * /bin/a\n"
    assert state.fails("cron.file", "salt://tab", user="sltn.none") == ("Could not identify group for user sltn.none")
