"""Configuration files written for Salt start ours."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.processes import Lab


def test_options_that_are_not_known_are_reported_once_by_the_daemon():
    lab = Lab(auto_accept=True, ssh_pre_flight="x", tokens="localfs")
    try:
        lab.start_master()
        lab.start_minion("web1", tcp_keepalive_cnt=-1, my_own={"a": 1})
        done = lab.salt("web1", "config.get", "my_own:a")
        assert (done.returncode, done.stdout, done.stderr) == (0, "web1:\n    1\n", "")
        assert said(lab, "master") == ["ssh_pre_flight, tokens"]
        assert said(lab, "web1") == ["my_own, tcp_keepalive_cnt (there is tcp_keepalive)"]
    finally:
        lab.close()


def test_the_master_makes_the_folder_of_its_log():
    lab = Lab(no_such_option=1)
    try:
        log = lab.options["log_file"] = str(lab.root / "var/log/salt/master")
        lab.start_master()
        assert "no_such_option" in Path(log).read_text()
        assert stat.S_IMODE(os.stat(os.path.dirname(log)).st_mode) == 0o700
    finally:
        lab.close()


def said(lab: Lab, daemon: str) -> list[str]:
    """What a daemon's log says of options that it does not know."""
    lines = lab.tail(daemon, 100).splitlines()
    return [line.split("templates: ")[1] for line in lines if "options that Saltern does not know" in line]
