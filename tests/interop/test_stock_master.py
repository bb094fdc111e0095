"""Our minion under a stock Salt 3008 master."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import Lab, until


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab()
    try:
        made.start_stock_master(loop_interval=2)
        made.start_minion("ours", grains={"role": "new"})
        pending = made.root / "pki/minions_pre/ours"
        until("the key of our minion", pending.exists, seconds=60)
        assert "Key for minion ours accepted." in made.key("-y", "-a", "ours").stdout
        until("the first answer", lambda: "True" in made.salt("ours", "test.ping", "-t", "5").stdout, seconds=90)
        yield made
    finally:
        made.close()


def test_jobs_and_targets(lab: Lab):
    assert lab.results("*", "test.ping") == {"ours": True}
    assert lab.results("-G", "role:new", "cmd.run", "echo hi") == {"ours": "hi"}
    assert lab.results("-C", "G@kernel:Linux and E@o.*", "test.echo", "x y") == {"ours": "x y"}
    done = lab.salt("ours", "no.such")
    assert "'no.such' is not available." in done.stdout


def test_files_pillar_modules_and_states(lab: Lab):
    srv = lab.root / "srv"
    (srv / "pillar/top.sls").write_text("base:\n  '*': [all]\n")
    (srv / "pillar/all.sls").write_text("port: 8080\n")
    (srv / "salt/f.txt").write_text("port {{ pillar['port'] }} on {{ grains['id'] }}\n")
    (srv / "salt/big.bin").write_bytes(bytes(range(256)) * 10000)
    (srv / "salt/_modules").mkdir()
    (srv / "salt/_modules/house.py").write_text("def number():\n    return __grains__['id']\n")
    lab.results("ours", "saltutil.refresh_pillar", "wait=True")
    assert lab.results("ours", "pillar.get", "port", "unmask=True") == {"ours": 8080}
    assert lab.results("-I", "port:8080", "test.ping") == {"ours": True}
    copied = lab.root / "copied.bin"
    assert lab.results("ours", "cp.get_file", "salt://big.bin", str(copied)) == {"ours": str(copied)}
    assert copied.read_bytes() == (srv / "salt/big.bin").read_bytes()
    assert lab.results("ours", "saltutil.sync_all")["ours"]["modules"] == ["modules.house"]
    assert lab.results("ours", "house.number") == {"ours": "ours"}
    target = lab.root / "ours.txt"
    (srv / "salt/app.sls").write_text(
        f"{target}:\n  file.managed:\n    - source: salt://f.txt\n    - template: jinja\n"
    )
    done = lab.salt("ours", "state.apply", "app")
    assert "Succeeded: 1 (changed=1)" in done.stdout, done.stdout + done.stderr
    assert target.read_text() == "port 8080 on ours\n"


def test_a_long_job_is_waited_for(lab: Lab):
    assert lab.results("-t", "2", "ours", "test.sleep", "6") == {"ours": True}


def test_mine_and_salt_call(lab: Lab):
    assert lab.results("ours", "mine.send", "test.ping") == {"ours": True}
    assert lab.results("ours", "mine.get", "*", "test.ping") == {"ours": {"ours": True}}
    done = lab.salt_call("ours", "pillar.get", "port", "unmask=True")
    assert done.returncode == 0 and "8080" in done.stdout, done.stderr


def test_a_deleted_minion_asks_again(lab: Lab):
    assert "deleted" in lab.key("-y", "-d", "ours").stdout
    pending = lab.root / "pki/minions_pre/ours"

    def noticed() -> bool:  # a stock master tells nobody: the first publication under its new key does
        lab.salt("--async", "*", "test.ping")
        return pending.exists()

    until("the key of our minion", noticed, seconds=60)
