"""One job over both roads: a master with a minion of its own and with the hosts of its roster."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import PATIENCE, Lab, until
from tests.ssh.hosts import Server, serving

STATE = """\
{{ pillar.made }}/{{ grains.id }}:
  file.managed:
    - source: salt://text
    - makedirs: True
"""


class Site:
    """A lab with one host that is served over SSH under several names."""

    def __init__(self, lab: Lab, server: Server) -> None:
        self.lab, self.server = lab, server

    def roster(self, *names: str, **more: dict[str, Any]) -> None:
        """Writes the roster: each name is a host with a folder of its own on the one server."""
        hosts = {name: self.server.roster(thin_dir=str(self.server.home / name)) for name in names}
        (self.lab.root / "etc" / "roster").write_text(yaml.safe_dump({**hosts, **more}))

    def job(self, *words: str) -> tuple[dict[str, Any], int, str]:
        """What `salt` printed, its exit code, and its messages."""
        done = self.lab.salt("--static", "--out=json", *words)
        return (json.loads(done.stdout) if done.stdout.strip() else {}), done.returncode, done.stderr

    def runner(self, *words: str) -> Any:
        return json.loads(self.lab.command("salt-run", "--out=json", *words).stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    lab = Lab(
        auto_accept=True, ssh_minions=True, ssh_timeout=10, peer={"box.*": ["test.*"]}, peer_run={"box.*": ["test.*"]},
        nodegroups={"all": "*"}, timeout=3, gather_job_timeout=3,
    )  # fmt: skip
    with serving(tmp_path_factory.mktemp("host")) as server:
        try:
            made = Site(lab, server)
            (lab.root / "known").write_text(server.known_hosts_line())
            (lab.root / "srv/salt/text").write_text("from the master\n")
            (lab.root / "srv/salt/site.sls").write_text(STATE)
            (lab.root / "srv/pillar/top.sls").write_text("base: {'*': [data]}")
            (lab.root / "srv/pillar/data.sls").write_text(f"made: {lab.root}/made\nword: {{{{ grains.id }}}}-word\n")
            made.roster("box1", "box2")
            lab.start_master(ssh_known_hosts_file=str(lab.root / "known"))
            lab.start_minion("agent", grains={"role": "web"})
            yield made
        finally:
            lab.close()


def test_one_job_reaches_both(site: Site) -> None:
    assert site.job("*", "test.ping")[:2] == ({"agent": True, "box1": True, "box2": True}, 0)
