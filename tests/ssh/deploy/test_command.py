"""salt-deploy as a whole, as far as it goes without machines that may be changed; see tests/machines for the rest."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from master import deployments
from tests.processes import ROOT, until


@pytest.fixture
def start(salt_ssh):
    """Starts the command with the configuration and the roster of `salt_ssh`."""

    def popen(*words, **environment):
        salt_ssh("--hosts", "*")  # writes the configuration
        return subprocess.Popen(
            [sys.executable, "-m", "ssh.cli.deploy", "-c", str(salt_ssh.folder), *words],
            env={**os.environ, "HOME": str(salt_ssh.folder), "SSH_AUTH_SOCK": "", **environment},
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True,
        )  # fmt: skip

    return popen


@pytest.fixture
def salt_deploy(start):
    """Runs it to its end."""

    def run(*words, **environment):
        process = start(*words, **environment)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "name the hosts"),
        (("*",), "--master ADDRESS"),
        (("*", "--master", "m", "--upgrade", "--remove"), "exclude each other"),
        (("*", "--master", "m", "--apply", "x", "--highstate"), "exclude each other"),
        (("*", "--master", "m", "--no-host-keys"), "does not prove whose key"),
        (("*", "--master", "m", "--master-finger", "x"), "belongs to --local"),
        (("*", "--master", "m", "--prefix", "opt; rm"), "--prefix must be"),
        (("*", "--master", "m", "--dry-run", "--fail-after", "few"), "--fail-after few"),
        (("*", "--master", "m", "--minion-config", "id=x"), "name in the roster"),
        (("--fetch-wheels",), "name the platforms"),
        (("--fetch-wheels", "cp27-glibc_2_17-x86_64"), "names no platform"),
        (("--resume",), "no deployment"),
    ],
)
def test_what_makes_no_sense_is_refused(salt_deploy, words, reason):
    done = salt_deploy(*words)
    assert done.returncode != 0 and reason in done.stderr, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_is_meant(salt_deploy):
    done = salt_deploy("nobody", "--master", "m")
    assert done.returncode == 2 and "No hosts found" in done.stderr


def test_without_a_master_nothing_is_begun(salt_deploy, server):
    done = salt_deploy("*", "--master", "127.0.0.1")
    assert done.returncode == 2 and "Is master running?" in done.stderr and server.connections == 0


def test_an_unknown_host_key_is_refused_and_remembered(salt_deploy, salt_ssh, server):
    salt_ssh.known_hosts.write_text("")
    done = salt_deploy("*", "--master", "127.0.0.1", "--dry-run", "--out", "json")
    assert "[HostKeyUnknown]" in json.loads(done.stdout)["box"]["comment"] and done.returncode == 1
    assert "failed: 1 (box)" in done.stderr
    again = salt_deploy("--resume")
    assert again.returncode == 1 and "[HostKeyUnknown]" in json.loads(again.stdout)["box"]["comment"], again.stderr
    other = salt_deploy("*", "--master", "127.0.0.1", "--pending", "--resume")
    assert other.returncode != 0 and "there is no deploy to go on with" in other.stderr
    plain = salt_deploy("*", "--master", "127.0.0.1", "--dry-run")
    assert plain.stdout.startswith("box  failed")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be asked what would be done")
def test_where_wheels_are_missing_the_command_that_fetches_them_is_named(salt_deploy):
    done = salt_deploy("*", "--master", "127.0.0.1", "--dry-run", PIP_NO_INDEX="1")
    assert done.returncode == 1 and "[NoWheels]" in done.stdout, done.stdout + done.stderr
    assert "salt-deploy --fetch-wheels cp3" in done.stdout


def test_passwords_are_not_remembered(salt_deploy, salt_ssh):
    salt_ssh.known_hosts.write_text("")
    salt_deploy("*", "--master", "127.0.0.1", "--dry-run", "--passwd", "right horse", "--priv-passwd=secret")
    (journal,) = (salt_ssh.folder / "cache" / "deploy").glob("*.jsonl")
    assert "horse" not in journal.read_text() and "secret" not in journal.read_text()
    assert "--dry-run" in journal.read_text()


def test_an_interrupted_run_ends_at_once_and_can_go_on(start, salt_ssh):
    cache = str(salt_ssh.folder / "cache")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        salt_ssh.roster(box={"host": "127.0.0.1", "port": listening.getsockname()[1]})
        process = start("*", "--master", "127.0.0.1", "--dry-run")
        with listening.accept()[0]:  # and says nothing
            until("the host has its turn", lambda: deployments.read(cache).hosts["box"].step == "probe")
            assert deployments.read(cache).state == "running"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "To go on: salt-deploy --resume" in err, err
    assert deployments.read(cache).state == "interrupted"
