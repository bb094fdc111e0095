"""A stock Salt 3008 minion under our master: it joins, works, and leaves like one of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import Lab, until


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab()
    try:
        made.start_master()
        asked = made.listen("salt/auth")
        made.start_minion("stock", stock=True, wait=False, grains={"role": "old"})
        assert made.expect(asked, "the sign-in of the stock minion", 60)["data"]["act"] == "pend"
        started = made.listen("salt/minion/stock/start")
        done = made.key("-y", "-a", "stock")
        assert "Key for minion stock accepted." in done.stdout, done.stdout + done.stderr
        made.expect(started, "the start of the stock minion", 60)
        made.start_minion("ours", wait=False, grains={"role": "new"})
        until("the key of our minion", lambda: (made.root / "pki/minions_pre/ours").exists(), made.root / "pki")
        started = made.listen("salt/minion/ours/start")
        made.key("-y", "-a", "ours")
        made.expect(started, "the start of our minion", 60)
        yield made
    finally:
        made.close()


def test_both_kinds_answer_one_job(lab: Lab):
    assert lab.results("*", "test.ping") == {"ours": True, "stock": True}
    assert lab.results("*", "cmd.run", "echo hi") == {"ours": "hi", "stock": "hi"}


def test_targets(lab: Lab):
    for options, expected in (
        (["-G", "role:old"], ["stock"]), (["-C", "G@role:new or stock"], ["ours", "stock"]),
        (["-L", "stock"], ["stock"]), (["-E", "st.*"], ["stock"]),
    ):  # fmt: skip
        assert sorted(lab.results(*options, "test.ping")) == expected, options


def test_files_pillar_modules_and_states(lab: Lab):
    srv = lab.root / "srv"
    (srv / "pillar/top.sls").write_text("base:\n  '*': [all]\n")
    (srv / "pillar/all.sls").write_text("port: 8080\n")
    (srv / "salt/f.txt").write_text("port {{ pillar['port'] }} on {{ grains['id'] }}\n")
    (srv / "salt/big.bin").write_bytes(bytes(range(256)) * 10000)
    (srv / "salt/_modules").mkdir()
    (srv / "salt/_modules/house.py").write_text("def number():\n    return __grains__['id']\n")
    assert lab.results("*", "saltutil.refresh_pillar", "wait=True") == {"ours": True, "stock": True}
    assert sorted(lab.results("-I", "port:8080", "test.ping")) == ["ours", "stock"]
    for minion in ("ours", "stock"):
        copied = lab.root / f"{minion}.bin"
        assert lab.results(minion, "cp.get_file", "salt://big.bin", str(copied)) == {minion: str(copied)}
        assert copied.read_bytes() == (srv / "salt/big.bin").read_bytes()
        synced = lab.results(minion, "saltutil.sync_all")[minion]
        assert synced["modules"] == ["modules.house"]
        assert lab.results(minion, "house.number") == {minion: minion}
        target = lab.root / f"{minion}.txt"
        (srv / f"salt/{minion}.sls").write_text(
            f"{target}:\n  file.managed:\n    - source: salt://f.txt\n    - template: jinja\n    - mode: '0640'\n"
        )
        done = lab.salt(minion, "state.apply", minion)
        assert done.returncode == 0 and "Succeeded: 1 (changed=1)" in done.stdout, done.stdout + done.stderr
        assert target.read_text() == f"port 8080 on {minion}\n" and target.stat().st_mode & 0o777 == 0o640


def test_a_long_job_is_waited_for(lab: Lab):
    assert lab.results("-t", "1", "stock", "test.sleep", "4") == {"stock": True}


def test_failures_are_failures(lab: Lab):
    for function in ("no.such", "test.exception"):
        done = lab.salt("stock", function, *(["oops"] if function == "test.exception" else []))
        assert done.returncode != 0, function


def test_mine(lab: Lab):
    for minion in ("ours", "stock"):
        assert lab.results(minion, "mine.send", "test.ping")[minion] is True
    for minion in ("ours", "stock"):
        assert lab.results(minion, "mine.get", "*", "test.ping") == {minion: {"ours": True, "stock": True}}


def test_a_master_that_restarts_is_found_again(lab: Lab):
    lab.daemons["master"].stop()
    lab.start_master()
    events = lab.listen("salt/minion/*/start")
    seen = {events.receive(60)["tag"].split("/")[2] for _ in range(2)}
    events.close()
    assert seen == {"ours", "stock"}
    assert lab.results("*", "test.ping") == {"ours": True, "stock": True}


def test_deleted_minions_are_cut_off_and_ask_again_by_themselves(lab: Lab):
    for minion in ("stock", "ours"):
        asked = lab.listen("salt/auth")
        assert f"Key for minion {minion} deleted." in lab.key("-y", "-d", minion).stdout
        while (event := asked.receive(60)["data"])["id"] != minion:
            pass
        asked.close()
        assert event["act"] == "pend"
        assert minion in (lab.key("-l", "un").stdout)
        done = lab.salt(minion, "test.ping")
        assert done.returncode != 0 and "not accepted" in done.stdout + done.stderr
