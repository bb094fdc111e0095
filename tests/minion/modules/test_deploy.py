"""The module `deploy`: from facts to a minion that could start, step by step, twice, and back to nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict

import pytest
import yaml

from master.wheelhouse import Wheelhouse
from minion.deploy import facts
from minion.errors import CommandExecutionError
from minion.loader import Loader
from tests.master.rsa_keys import pem
from tests.minion.deploy.lab import Offer
from tests.wheel_lab import HERE, real_house
from transports import crypto

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Master:
    """Serves the wheels of a wheelhouse, or nothing if they are not to be needed."""

    def __init__(self, house: Wheelhouse) -> None:
        self.house, self.asked = house, 0

    def request(self, cmd: str, timeout: float, **load: Any) -> Any:
        assert cmd == "_wheel"
        self.asked += 1
        return self.house.chunk("web1", **load)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Wheelhouse:
    return real_house(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def place(tmp_path: Path) -> Dict[str, str]:
    conf = tmp_path / "etc"
    conf.mkdir(mode=0o755)
    return {"prefix": str(tmp_path / "opt/saltern"), "config_dir": str(conf)}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """All that is below a folder, with what tells changes."""
    found = {}
    for path in folder.rglob("*"):
        if "__pycache__" not in path.parts:
            state = path.lstat()
            found[str(path)] = (state.st_mode, state.st_mtime_ns)
    return found


def test_facts(salt: Loader, place: Dict[str, str]):
    found = salt["deploy.probe"](**place)
    assert found["platform"] == facts.platform() and found["python"] == sys.executable and found["uid"] == 0
    assert abs(found["time"] - time.time()) < 5 and found["free"] > 1 << 20
    assert (found["release"], found["releases"], found["id"], found["fingerprint"]) == (None, [], "", "")
    glibc = subprocess.run(["getconf", "GNU_LIBC_VERSION"], capture_output=True, text=True).stdout.split()
    if glibc:
        assert [found["platform"]["libc"], found["platform"]["libc_version"]] == glibc
    (Path(place["config_dir"]) / "minion").write_text("a: [")
    with pytest.raises(CommandExecutionError, match=f"{place['config_dir']}/minion"):
        salt["deploy.probe"](**place)


def test_from_nothing_and_back(salt: Loader, place: Dict[str, str], tmp_path: Path, house: Wheelhouse):
    master = Master(house)
    salt.inject("__master__", master)
    commands = {"commands": str(tmp_path / "bin")}
    release = house.release(HERE).to_wire()
    wanted: Dict[str, Any] = {
        "release": release, "minion_id": "web1", "master_key": pem(), "grains": {"role": "web"}, "bits": 2048,
        "options": {"master": "10.0.0.1", "root_dir": str(tmp_path)}, **place,
    }  # fmt: skip
    before = files(tmp_path)
    would = salt["deploy.prepare"](test=True, **wanted)
    assert would["changed"] and "would be" in would["comment"] and files(tmp_path) == before

    done = salt["deploy.prepare"](**wanted)
    assert done["changed"] and done["received"] == sum(one["size"] for one in release["wheels"])
    assert done["folder"] == f"{place['prefix']}/{release['version']}" and len(done["changes"]) == 4
    pki = tmp_path / "etc/salt/pki/minion"
    key = crypto.load_private((pki / "minion.pem").read_bytes())
    assert done["public_key"] == crypto.public_pem(key.public_key()) and key.key_size == 2048
    assert done["fingerprint"] == crypto.fingerprint(key.public_key())
    assert stat.S_IMODE(os.stat(pki).st_mode) == 0o700 and (pki / "minion_master.pub").read_text().strip() == pem()
    assert yaml.safe_load(Path(done["config"]).read_text())["grains"] == {"role": "web"}

    said = subprocess.run([f"{done['folder']}/bin/salt-call", "--version"], capture_output=True, text=True)
    assert said.stdout.startswith(f"salt-call {release['version']}"), said.stderr
    asked, before = master.asked, files(tmp_path)
    again = salt["deploy.prepare"](**wanted)
    assert not again["changed"] and master.asked == asked and files(tmp_path) == before
    assert again["public_key"] == done["public_key"] and again["name"] == done["name"]
    at = {"release": release, "prefix": place["prefix"]}
    assert salt["deploy.present"](**at) == {
        "present": True, "current": False, "name": done["name"], "folder": done["folder"],
    }  # fmt: skip

    start = {"name": done["name"], "service": False, **place, **commands}
    would = salt["deploy.start"](test=True, **start)
    assert would["changed"] and files(tmp_path) == before
    assert salt["deploy.start"](**start)["changes"] == would["changes"]
    assert salt["deploy.start"](**start)["changed"] is False and salt["deploy.present"](**at)["current"]
    found = salt["deploy.probe"](**place)
    assert found["release"]["digest"] == release["digest"] and found["fingerprint"] == done["fingerprint"]
    assert (found["id"], found["master"]) == ("web1", "10.0.0.1")
    assert found["master_fingerprint"] == crypto.fingerprint(crypto.load_public(pem()))

    would = salt["deploy.remove"](test=True, **place, **commands)
    assert would["changed"] and (pki / "minion.pem").exists()
    gone = salt["deploy.remove"](**place, **commands)
    assert gone["changed"] and set(would["changes"]) <= set(gone["changes"])
    left = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {"srv", "cache"} and not pki.exists() and not os.path.exists(place["prefix"])
    assert salt["deploy.remove"](**place, **commands)["changed"] is False


def test_conflict_is_told_before_anything_is_sent(salt: Loader, place: Dict[str, str], tmp_path: Path):
    offer = Offer()
    salt.inject("__master__", offer)
    options = {"master": "10.0.0.1", "root_dir": str(tmp_path)}
    salt["deploy.configure"]("web1", options, config_dir=place["config_dir"])
    salt["deploy.trust_master"](pem(0), config_dir=place["config_dir"])
    with pytest.raises(CommandExecutionError, match="trusts another master"):
        salt["deploy.prepare"](offer.wire, "web1", pem(1), options, **place)
    assert not offer.asked and not os.path.exists(place["prefix"])
    changed = salt["deploy.trust_master"](pem(1), replace=True, config_dir=place["config_dir"])
    assert changed["changed"] and changed["previous"] in changed["comment"]


def test_start_of_what_is_not_there(salt: Loader, place: Dict[str, str]):
    for name in ("1.0", "../x", ""):
        with pytest.raises(CommandExecutionError, match="there is no release"):
            salt["deploy.start"](name, service=False, **place)
    with pytest.raises(CommandExecutionError, match=r"no release in .* to go back to"):
        salt["deploy.roll_back"](**place)


def test_back_and_forth(salt: Loader, place: Dict[str, str], tmp_path: Path):
    start = {"service": False, "commands": str(tmp_path / "bin"), **place}
    for version in ("1.0", "2.0"):
        offer = Offer(version)
        salt.inject("__master__", offer)
        name = salt["deploy.lay_down"](offer.wire, prefix=place["prefix"])["name"]
        found = salt["deploy.start"](name, **start)
    assert (found["name"], found["previous"]) == ("2.0", "1.0")
    assert salt["deploy.roll_back"](test=True, **place)["name"] == "1.0"
    assert os.readlink(f"{place['prefix']}/current") == "2.0"
    back = salt["deploy.roll_back"](**place)
    assert (back["name"], back["previous"]) == ("1.0", "2.0") and os.readlink(f"{place['prefix']}/current") == "1.0"


def test_back_from_the_first_release_means_off(salt: Loader, place: Dict[str, str], tmp_path: Path):
    offer = Offer("1.0")
    salt.inject("__master__", offer)
    name = salt["deploy.lay_down"](offer.wire, prefix=place["prefix"])["name"]
    salt["deploy.start"](name, service=False, commands=str(tmp_path / "bin"), **place)
    assert salt["deploy.roll_back"](test=True, **place)["comment"] == "the minion would be switched off"
    assert os.readlink(f"{place['prefix']}/current") == "1.0"
    assert salt["deploy.roll_back"](**place)["previous"] == "1.0"
    assert not os.path.lexists(f"{place['prefix']}/current") and os.path.isdir(f"{place['prefix']}/1.0")


def test_minion_that_came_by_other_means_keeps_its_keys(salt: Loader, place: Dict[str, str], tmp_path: Path):
    (Path(place["config_dir"]) / "minion").write_text(f"root_dir: {tmp_path}\n")
    for path in ("etc/salt/pki/minion/minion.pem", "var/cache/salt/minion/proc"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("mine")
    before = files(tmp_path)
    assert salt["deploy.remove"](**place, commands=str(tmp_path / "bin"))["changed"] is False
    assert files(tmp_path) == before


def test_caches_elsewhere_are_left_alone(salt: Loader, place: Dict[str, str], tmp_path: Path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "precious").write_text("mine")
    options = {"cachedir": str(shared), "pki_dir": str(tmp_path / "pki"), "log_file": str(tmp_path / "log")}
    salt["deploy.configure"]("web1", options, config_dir=place["config_dir"])
    salt["deploy.remove"](**place, commands=str(tmp_path / "bin"))
    assert (shared / "precious").read_text() == "mine"
