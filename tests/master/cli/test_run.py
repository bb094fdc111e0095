"""The command `salt-run`."""

from __future__ import annotations

import json
import re

import pytest

from tests.master.conftest import MakeLab, Ran, call
from tests.master.lab import Lab


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    return make_lab("a", "b")


def salt_run(lab: Lab, *args: str, input: str = "") -> Ran:
    return call(lab, "run", *args, input=input)


def test_a_result_is_printed(lab: Lab) -> None:
    ran = salt_run(lab, "test.arg", "1", "a=yes", "n=007", "--no-parse=n")
    assert ran.stdout == "args:\n    - 1\nkwargs:\n    ----------\n    a:\n        True\n    n:\n        007\n"
    assert (ran.stderr, ran.returncode) == ("", 0)
    assert json.loads(salt_run(lab, "test.arg", "x", "--out=json").stdout) == {"args": ["x"], "kwargs": {}}


def test_minions_are_reached(lab: Lab) -> None:
    assert salt_run(lab, "manage.up").stdout == "- a\n- b\n"


def test_the_runners_choice_of_outputter(lab: Lab) -> None:
    jid = salt_run(lab, "test.arg", "--show-jid").stdout.splitlines()[0].removeprefix("jid: ")
    shown = salt_run(lab, "jobs.list_jobs", "outputter=json", "search_function=runner.test.*").stdout
    assert list(json.loads(shown)) == [jid]
    assert shown.startswith("{")
    assert salt_run(lab, "jobs.list_jobs", "outputter=json", "--out=txt").stdout.startswith(f"{jid}: ")


def test_progress_is_printed_as_it_happens(lab: Lab) -> None:
    out = salt_run(lab, "test.stream", "3", "0").stdout
    assert out.startswith(
        "event:\n    ----------\n    message:\n        Runner is 1% done\nsuffix:\n    progress\nevent:\n"
    )
    assert out.endswith("True\n")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("test.nosuch",), "'test.nosuch' is not available.\n"),
        (("error.error", "name=ValueError", "message=x"), "Exception occurred in runner error.error: Traceback"),
        (("jobs.lookup_jid", "20200101000000000000"), "Exception occurred in runner jobs.lookup_jid: Cannot contact"),
        (("jobs.lookup_jid",), "\nPassed invalid arguments: missing a required argument"),
        (("manage.up", "nope=1"), "\nPassed invalid arguments: The following keyword arguments are not valid: nope=1"),
    ],
)
def test_failures_have_an_exit_code(lab: Lab, args: tuple[str, ...], text: str) -> None:
    ran = salt_run(lab, *args)
    assert ran.returncode == 1 and ran.stdout.startswith(text)


def test_docs(lab: Lab) -> None:
    one = salt_run(lab, "-d", "test.arg")
    assert (
        one.stdout.startswith("test.arg:\n") and "salt-run test.arg foo bar=baz" in one.stdout and one.returncode == 0
    )
    assert "jobs.active:\n" in salt_run(lab, "-d", "jobs").stdout
    every = salt_run(lab)
    assert every.returncode == 0 and "jobs.active:\n" in every.stdout and "test.arg:\n" in every.stdout
    assert salt_run(lab, "-d", "nothing").returncode == 1
    part = salt_run(lab, "jobs")
    assert part.returncode == 1 and part.stderr == "'jobs' is not available.\n" and "jobs.active:\n" in part.stdout


def test_in_the_background(lab: Lab) -> None:
    with lab.news:
        ran = salt_run(lab, "--async", "test.arg", "1")
        (tag,) = re.findall(r"running under tag (salt/run/\d{20})\n", ran.stderr)
        assert ran.stdout == "" and ran.returncode == 0
        assert lab.news.wait_for(lambda: f"{tag}/ret" in lab.events, 20)


def test_job_ids(lab: Lab) -> None:
    jid = "20260101000000000000"
    assert salt_run(lab, "test.arg", "--jid", jid, "--show-jid").stdout.startswith(f"jid: {jid}\n")
    assert f"salt/run/{jid}/ret" in lab.events
    ran = salt_run(lab, "test.arg", "--jid", "../x")
    assert ran.returncode == 1 and "is no job id" in ran.stderr


def test_quiet_and_stdin(lab: Lab) -> None:
    assert salt_run(lab, "test.arg", "--quiet").stdout == ""
    assert "- two words\n" in salt_run(lab, "--args-stdin", input="test.arg\ntwo words\n").stdout


def test_external_authentication_is_refused(lab: Lab) -> None:
    ran = salt_run(lab, "test.arg", "-a", "pam", "--password", "hush")
    assert ran.returncode == 64 and "not supported" in ran.stderr and "hush" not in ran.stderr


def test_results_go_where_they_are_wanted(lab: Lab) -> None:
    file = lab.root / "out"
    assert salt_run(lab, "test.arg", f"--out-file={file}", "--out=json").stdout == ""
    assert json.loads(file.read_text()) == {"args": [], "kwargs": {}}
