"""The command `salt` against a running control socket, hub and job store."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.master.conftest import MakeLab, Ran, argv, call
from tests.master.lab import SILENCE, Failed, Lab, find_job_running, obedient
from transports.messages import Job

NOBODY = "No minions matched the target. No command was sent, no jid was assigned.\n"
FAILED = "ERROR: Minions returned with non-zero exit code\n"


def salt(lab: Lab, *args: str, input: str = "") -> Ran:
    return call(lab, "salt", *args, input=input)


def silent(job: Job, name: str) -> Any:
    return SILENCE if job.fun == ("test.slow",) else obedient(job, name)


def test_what_everybody_answers_is_printed(make_lab: MakeLab) -> None:
    ran = salt(make_lab("a"), "*", "test.ping")
    assert (ran.stdout, ran.stderr, ran.returncode) == ("a:\n    True\n", "", 0)


def test_arguments_are_typed_as_yaml_says(make_lab: MakeLab) -> None:
    lab = make_lab("a")
    ran = salt(lab, "a", "test.arg", "1", "x", "b=yes", "c: d", "{y: [1, null]}", "n=007", "--no-parse=n", "--out=json")
    assert json.loads(ran.stdout)["a"] == {
        "args": [1, "x", "c: d", {"y": [1, None]}],
        "kwargs": {"b": True, "n": "007", "__kwarg__": True},
    }


@pytest.mark.parametrize(
    ("target", "kind", "wire"),
    [
        (("*",), "glob", "*"),
        (("-E", "a|b"), "pcre", "a|b"),
        (("-L", "a, b"), "list", ("a", "b")),
        (("-C", "G@os:x or a"), "compound", "G@os:x or a"),
        (("-N", "webs"), "list", ("web1",)),
        (("-G", "os|x", "--delimiter", "|"), "grain", "os|x"),
        (("-P", "os:x"), "grain_pcre", "os:x"),
        (("-I", "k:v"), "pillar", "k:v"),
        (("-J", "k:v"), "pillar_pcre", "k:v"),
        (("-S", "10.0.0.0/8"), "ipcidr", "10.0.0.0/8"),
    ],
)
def test_targets_travel_as_they_were_meant(make_lab: MakeLab, target: Any, kind: str, wire: Any) -> None:
    lab = make_lab("a", "b", "web1")
    ran = salt(lab, *target, "test.ping", "--async")
    assert re.fullmatch(r"Executed command with job ID: \d{20}\n", ran.stdout), ran
    assert (lab.published[0].tgt_type, lab.published[0].tgt) == (kind, wire)


def test_nobody_matches(make_lab: MakeLab) -> None:
    lab = make_lab("a", pending=["new"])
    ran = salt(lab, "n*", "test.ping")
    assert (ran.stdout, ran.stderr, ran.returncode) == (NOBODY, "ERROR: No return received\n", 2)
    ran = salt(lab, "new", "test.ping")
    assert ran.stdout == NOBODY and ran.returncode == 11
    assert ran.stderr.startswith("new: Minion did not return. [Not accepted] Its key is not accepted: pending")
    ran = salt(lab, "nobody", "test.ping", "--async")
    assert (ran.stdout, ran.returncode) == (NOBODY, 2)


def test_a_wrong_target_is_no_empty_one(make_lab: MakeLab) -> None:
    ran = salt(make_lab("a"), "-C", "a and", "test.ping")
    assert ran.returncode == 2 and ran.stderr.startswith("Error: The compound target 'a and' is wrong")


def test_failures_give_exit_code_1_and_names(make_lab: MakeLab) -> None:
    lab = make_lab("a", "b", c=lambda job, name: Failed("oops", 7))
    ran = salt(lab, "*", "test.ping")
    assert "c:\n    oops\n" in ran.stdout
    assert ran.stderr == f"{FAILED}2 of 3 minions returned success; failed: c\n"
    assert ran.returncode == 1


def test_several_functions_in_one_call(make_lab: MakeLab) -> None:
    lab = make_lab("a")
    ran = salt(lab, "a", "test.ping,test.arg", ",", "x y", "k=1", "--out=json")
    assert json.loads(ran.stdout)["a"]["test.arg"]["args"] == ["x y"] and ran.returncode == 0
    assert salt(lab, "a", "test.ping,test.fail", ",3").returncode == 1
    assert salt(lab, "a", "test.arg,test.arg", "1,2", "--args-separator=::").returncode == 42


@pytest.fixture
def mixed(make_lab: MakeLab) -> Lab:
    """a answers, gone has no connection."""
    return make_lab("a", absent=["gone"], pending=["new"])


def test_who_did_not_return_and_why(mixed: Lab) -> None:
    ran = salt(mixed, "-L", "a,gone,new,typo", "test.ping")
    assert "gone:\n    Minion did not return. [Not connected] Unreachable since 20" in ran.stdout
    assert "new:\n    Minion did not return. [Not accepted] Its key is not accepted: pending, fingerprint" in ran.stdout
    assert "typo:\n    Minion did not return. [Not connected] No minion of this name is known\n" in ran.stdout
    assert ran.stderr.endswith("\n1 of 4 minions returned success; not connected: gone; not accepted: new, typo\n")
    assert ran.returncode == 10
    assert salt(mixed, "-L", "a,new", "test.ping").returncode == 11


def test_hide_timeout_hides_them_but_does_not_call_it_success(mixed: Lab) -> None:
    ran = salt(mixed, "*", "test.ping", "--hide-timeout")
    assert ran.stdout == "a:\n    True\n" and ran.returncode == 10 and "not connected: gone" in ran.stderr


def test_no_answer_and_lost_are_told_apart(make_lab: MakeLab) -> None:
    lab = make_lab(mute=lambda job, name: SILENCE)
    ran = salt(lab, "mute", "test.ping")
    assert "Minion did not return. [No response]" in ran.stdout
    jid = lab.published[0].jid
    assert f"run the following command:\n    \n    salt-run jobs.lookup_jid {jid}\n" in ran.stdout
    assert ran.returncode == 12 and "delivered but no answer: mute" in ran.stderr
    ran = salt(make_lab(slow=silent), "slow", "test.slow")
    assert ran.returncode == 14 and "return lost: slow" in ran.stderr


def test_json_says_it_too(mixed: Lab) -> None:
    ran = salt(mixed, "*", "test.ping", "--out=json", "--static")
    shown = json.loads(ran.stdout)
    assert shown["a"] is True and shown["gone"].startswith("Minion did not return. [Not connected]")


def test_static_prints_everything_at_once(make_lab: MakeLab) -> None:
    ran = salt(make_lab("b", "a"), "*", "test.ping", "-s", "--out=json", "--out-indent=-1")
    assert ran.stdout == '{"b": true, "a": true}\n' or ran.stdout == '{"a": true, "b": true}\n'


def test_headers_with_the_job_id(make_lab: MakeLab) -> None:
    lab = make_lab("a")
    title = f"Executing job with jid {(jid := '2' + '0' * 19)}"
    ran = salt(lab, "a", "test.ping", "-v")
    assert re.sub(r"\d{20}", jid, ran.stdout) == f"{title}\n{'-' * len(title)}\n\na:\n    True\n"
    assert re.fullmatch(r"jid: \d{20}\na:\n    True\n", salt(lab, "a", "test.ping", "--show-jid").stdout)


def test_the_summary(make_lab: MakeLab) -> None:
    lab = make_lab("a", bad=lambda job, name: Failed(1), absent=["gone"])
    out = salt(lab, "*", "test.ping", "--summary", "-v", "--hide-timeout").stdout
    rule = "-" * 43
    assert out.endswith(
        f"\n\n\n{rule}\nSummary\n{rule}\n# of minions targeted: 3\n# of minions returned: 2\n"
        "# of minions that did not return: 1\n# of minions with errors: 1\n"
        f"Minions not connected: gone\nMinions with failures: bad\n{rule}\n"
    )


def test_subset(make_lab: MakeLab) -> None:
    ran = salt(make_lab("a", "b", "c"), "*", "test.ping", "--subset", "2")
    assert ran.stdout.count("True") == 2 and ran.returncode == 0


def test_docs_of_all_minions_are_printed_once(make_lab: MakeLab) -> None:
    expected = "test.arg:\n\nShows its arguments.\n\n\ntest.ping:\n\nSays True.\n\n\n"
    lab = make_lab("a", "b")
    assert salt(lab, "*", "sys.doc").stdout == expected
    assert salt(lab, "-d").stdout == expected
    assert salt(lab, "a", "-d", "test.ping").stdout == expected
    assert lab.published[-1].arg == (("test.ping",),)
    assert salt(lab, "-d", "nobody*").returncode == 2


def test_progress_draws_a_bar_and_a_summary(make_lab: MakeLab) -> None:
    ran = salt(make_lab("a", "b"), "*", "test.ping", "-p")
    assert "Returns: [2/2]" in ran.stdout and "# of minions returned: 2" in ran.stdout and "True" not in ran.stdout


def test_options_for_the_minions(make_lab: MakeLab) -> None:
    lab = make_lab("a")
    salt(
        lab, "a", "test.ping", "--return", "redis,carbon", "--return_config=x", "--return_kwargs={db: 1}",
        "--metadata={ticket: 7}", "--module-executors=[sudo]", "--executor-opts={u: v}", "--start-event",
    )  # fmt: skip
    assert lab.published[0].ret == "redis,carbon"
    assert dict(lab.published[0].options) == {
        "ret_config": "x", "ret_kwargs": {"db": 1}, "metadata": {"ticket": 7}, "module_executors": ["sudo"],
        "executor_opts": {"u": "v"}, "start_event": True,
    }  # fmt: skip


def test_output_goes_to_a_file(make_lab: MakeLab, tmp_path: Path) -> None:
    lab, file = make_lab("a"), tmp_path / "out"
    for _ in range(2):
        assert salt(lab, "a", "test.ping", f"--out-file={file}", "--out-file-append").stdout == ""
    assert file.read_text() == "a:\n    True\n" * 2


def test_words_from_stdin(make_lab: MakeLab) -> None:
    lab = make_lab("a")
    ran = salt(lab, "--args-stdin", input="a\ntest.arg\ntwo words\n--out=json\n")
    assert json.loads(ran.stdout)["a"]["args"] == ["two words"]


def test_preview_and_configuration(make_lab: MakeLab) -> None:
    lab = make_lab("a", "b")
    assert salt(lab, "*", "--preview-target").stdout == "- a\n- b\n"
    assert lab.published == []
    assert f"sock_dir: {lab.sock_dir}\n" in salt(lab, "--config-dump").stdout


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        ((), 42, "Cannot execute command without defining a target."),
        (("a",), 42, "Incomplete options passed."),
        (("a", "test.ping", "--nonsense"), 64, "salt: error: no such option: --nonsense"),
        (("a", "test.ping", "-a", "pam", "--password", "hush"), 64, "external authentication"),
        (("a", "test.ping", "-T"), 64, "external authentication"),
        (("a", "test.ping", "-R"), 64, "range servers are not supported"),
        (("a", "test.ping", "-b", "1", "--async"), 64, "exclude each other"),
        (("a", "-d", "b", "c"), 64, "one method at one time"),
        (("a", "no-function"), 1, "no function name"),
    ],
)
def test_wrong_command_lines(make_lab: MakeLab, args: tuple[str, ...], code: int, text: str) -> None:
    ran = salt(make_lab("a"), *args)
    assert ran.returncode == code and text in ran.stderr and "hush" not in ran.stderr


# -------------------------------------------------------------------- batches


def test_batches_print_what_they_begin_and_who_answers(make_lab: MakeLab) -> None:
    lab = make_lab("a", "b", absent=["gone"])
    ran = salt(lab, "*", "test.arg", "1", "-b", "1")
    first, second = (job.tgt[0] for job in lab.published if job.fun == ("test.arg",))
    assert {first, second} == {"a", "b"}
    assert ran.stdout.startswith(
        f"Minion gone did not respond. No job will be sent.\n\nExecuting run on ['{first}']\n\n{first}:\n"
    )
    assert f"\nExecuting run on ['{second}']\n\n{second}:\n" in ran.stdout and "retcode:\n    0\n" in ran.stdout
    assert ran.returncode == 10


def test_batches_end_with_the_highest_retcode_and_failhard_ends_them(make_lab: MakeLab) -> None:
    lab = make_lab("a", "b")
    ran = salt(lab, "*", "test.fail", "3", "-b", "1", "--failhard")
    assert ran.returncode == 3 and re.search(r"stopped due to failhard; not run: [ab]$", ran.stderr, re.M), ran.stderr
    assert len([job for job in lab.published if job.fun == ("test.fail",)]) == 1
    assert salt(lab, "*", "test.fail", "3", "-b", "50%", "--static").stdout.count("it failed") == 2


def test_batch_safe_limit_switches_to_batches(make_lab: MakeLab) -> None:
    lab = make_lab("a", "b")
    ran = salt(lab, "*", "test.ping", "--batch-safe-limit=2", "--batch-safe-size=1")
    assert ran.stdout.startswith(
        "\nNOTICE: Too many minions targeted, switching to batch execution.\n\nExecuting run on"
    )
    assert "Executing run" not in salt(lab, "*", "test.ping", "--batch-safe-limit=3").stdout


def test_wrong_and_empty_batches(make_lab: MakeLab) -> None:
    lab = make_lab("a")
    ran = salt(lab, "*", "test.ping", "-b", "x")
    assert ran.returncode == 1 and "Invalid batch specification 'x'" in ran.stderr
    ran = salt(lab, "n*", "test.ping", "-b", "1")
    assert (ran.stdout, ran.returncode) == (f"{NOBODY}No minions matched the target.\n", 2)


# ------------------------------------------------------- masters that go away


def test_no_master(make_lab: MakeLab) -> None:
    lab = make_lab("a")
    lab.stop()
    ran = salt(lab, "a", "test.ping")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Error: The salt master could not be contacted. Is master running?")
    assert f"{lab.sock_dir}/control.sock" in ran.stderr


def started(lab: Lab, *args: str, **options: Any) -> subprocess.Popen[str]:
    """A `salt` whose job was published already."""
    before = len(lab.published)
    process = subprocess.Popen(
        argv(lab, "salt", *args), text=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    )
    with lab.news:
        assert lab.news.wait_for(lambda: len(lab.published) > before, 10)
    return process


def test_a_master_that_is_restarted_meanwhile_is_no_problem(make_lab: MakeLab) -> None:
    lab = make_lab("a", slow=silent)
    process = started(lab, "slow", "test.slow", "-t", "30")
    lab.stop()
    lab.start()
    lab.answer(lab.published[0], "slow", "late")
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("slow:\n    late\n", "", 0)


def test_a_master_that_stays_away_leaves_the_job_id(make_lab: MakeLab) -> None:
    lab = make_lab(slow=silent)
    program = "from master import control_client; control_client.RECONNECT_SECONDS = 0.1\n"
    program += "from master.cli.salt import main; main()"
    with lab.news:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "-c", str(lab.conf_dir), "slow", "test.slow", "-t", "30"],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert lab.news.wait_for(lambda: bool(lab.published), 10)
    lab.stop()
    _, err = process.communicate(timeout=20)
    jid = lab.published[0].jid
    assert process.returncode == 20
    assert f"master gone, jid {jid}" in err and f"salt-run jobs.lookup_jid {jid}" in err


def test_ctrl_c_leaves_the_job_id(make_lab: MakeLab) -> None:
    lab = make_lab(slow=silent)
    process = started(lab, "slow", "test.slow", "-t", "30", "--show-jid")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    jid = lab.published[0].jid
    assert err == (
        f"\nExiting gracefully on Ctrl-c\nThis job's jid is: {jid}\nThe minions may not have all finished running and "
        "any remaining minions will return upon completion. To look up the return data for this job later, run the "
        f"following command:\n\nsalt-run jobs.lookup_jid {jid}\n"
    )
    assert process.returncode == 130


def test_a_terminal_shows_who_is_missing_while_it_waits(make_lab: MakeLab) -> None:
    lab = make_lab("a", slow=silent, slower=silent)
    ours, theirs = pty.openpty()
    process = started(lab, "*", "test.slow", "-t", "30", stderr=theirs)
    os.close(theirs)

    def read_until(wanted: str) -> str:
        text = ""
        while wanted not in text:
            text += os.read(ours, 1000).decode()
        return text

    assert "1/3 answered, waiting for slow, slower" in read_until("slower")
    lab.answer(lab.published[0], "slow")
    assert "\r\x1b[K" in read_until("2/3 answered, waiting for slower")
    lab.answer(lab.published[0], "slower")
    out, _ = process.communicate(timeout=20)
    assert "slower:\n    True\n" in out
    os.close(ours)


def test_a_minion_that_works_on_is_waited_for(make_lab: MakeLab) -> None:
    lab = make_lab(busy=find_job_running)
    process = started(lab, "busy", "test.long")
    with lab.news:
        assert lab.news.wait_for(lambda: len(lab.published) >= 3, 10)  # asked twice whether it still works
    lab.answer(lab.published[0], "busy", "done")
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("busy:\n    done\n", 0)


def test_nothing_heavy_is_imported(make_lab: MakeLab) -> None:
    program = (
        "import sys, atexit; from master.cli.salt import main\n"
        "heavy = {'zmq', 'asyncio', 'jinja2', 'cryptography', 'asyncssh', 'sqlite3', 'master.hub'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr)); main()"
    )
    lab = make_lab("a")
    ran = subprocess.run(
        [sys.executable, "-c", program, "-c", str(lab.conf_dir), "a", "test.ping"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("a:\n    True\n", "[]\n")
