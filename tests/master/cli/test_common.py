"""What all commands share: errors become a line and an exit code, logs keep peers' text in one line."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys, click
from master.cli.common import CONTEXT, options, output_options, run
from master.errors import MasterDown, Refused
from transports.errors import Broken

@click.command(context_settings=CONTEXT)
@options()
@output_options
@click.argument("what")
def command(common, printing, what):
    settings = common.settings()
    if what == "show":
        printing.to(settings.opts()).show({"web1": True})
    elif what == "log":
        logging.getLogger("peer").warning("id %s", "a\\nb\\x1b[2Jc\\u202e")
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger("x").exception("failed")
    elif what == "code":
        return 11
    elif what == "flood":
        for _ in range(100000):
            print("x" * 100)
    raise {"down": MasterDown("no master"), "refused": Refused("no"), "broken": Broken("gone"),
           "os": FileNotFoundError(2, "No such file", "/x"), "bug": KeyError("k"), "stop": KeyboardInterrupt()}.get(
               what, SystemExit(0))

run(command, "salt-try")
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "master").write_text(f"log_file: {tmp_path}/log\n")

    def run(*args, **how):
        how = {"capture_output": True, "text": True, **how}
        return subprocess.run([sys.executable, "-c", PROGRAM, "-c", str(tmp_path), *args], **how)

    return run


@pytest.mark.parametrize(
    ("what", "code", "line"),
    [
        ("down", 2, "Error: no master"),
        ("refused", 77, "Error: no"),
        ("broken", 1, "Error: gone"),
        ("os", 1, "Error: [Errno 2] No such file: '/x'"),
        ("bug", 70, "Error: KeyError: 'k' (--hard-crash shows where)"),
        ("stop", 130, "\nExiting gracefully on Ctrl-c"),
        ("code", 11, ""),
    ],
)
def test_errors(run, what, code, line):
    done = run(what)
    assert (done.returncode, done.stdout, done.stderr.rstrip("\n")) == (code, "", line)


def test_the_traceback_of_an_error_on_request(run):
    done = run("--hard-crash", "down")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_reader_that_goes_away_is_no_error(run, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "-c", str(tmp_path), "flood"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_wrong_use(run):
    done = run("show", "-l", "loud")
    assert done.returncode == 64
    assert done.stderr.startswith("Usage: salt-try [options]\n\nsalt-try: error: ")


def test_results_are_printed_as_asked_and_configured(run, tmp_path):
    assert run("show").stdout == "web1:\n    True\n"
    (tmp_path / "master").write_text("output: json\ncolor: True\n")
    assert run("show").stdout == '{\n    "web1": true\n}\n'
    assert run("show", "--out=yaml").stdout == "web1: true\n"


def test_logs(run, tmp_path):
    done = run("log", "--log-file-level=error")
    lines = done.stderr.splitlines()
    assert lines[0] == r"[WARNING ] id a\nb?[2Jc\u202e"
    assert lines[1] == "[ERROR   ] failed"
    assert lines[-1] == "ZeroDivisionError: division by zero"
    log = (tmp_path / "log").read_text()
    assert "failed" in log
    assert "id a" not in log
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    assert run("log", "-l", "quiet", f"--log-file={tmp_path}/other", "--log-file-level=info").stderr == ""
    assert os.path.exists(tmp_path / "other")


def test_no_log_file_is_made_for_nothing(run, tmp_path):
    run("show")
    assert not (tmp_path / "log").exists()


def test_levels_have_salts_names():
    from minion.logs import LEVELS

    assert LEVELS["info"] == logging.INFO
    assert {"all", "garbage", "trace", "profile", "quiet"} <= set(LEVELS)
