"""The wheelhouse: what it has, what it lacks, what it brings, and that it serves nothing else."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from master.config import MasterSettings
from master.errors import NoWheels, UnsafePath
from master.wheelhouse import Platform, Wheelhouse, bytecode, own
from minion.deploy import facts
from tests.wheel_lab import HERE, small_wheels, wheel

MUSL = Platform.parse("cp39-musl_1_2-aarch64")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "wheels"
    place.mkdir(mode=0o700)
    return place


def whole(house: Wheelhouse, sha256: str) -> bytes:
    data = b""
    while part := house.chunk("m1", sha256, len(data))["data"]:
        data += part
    return data


def test_release_is_named_by_what_is_in_it(folder: Path):
    small_wheels(folder / str(MUSL))
    release = Wheelhouse(str(folder)).release(MUSL)
    names = [one.name.split("-")[0] for one in release.wheels]
    assert sorted(names) == names and "saltern" in names and "pycparser" not in names and len(names) == 10
    assert Wheelhouse(str(folder)).release(MUSL) == release
    told = release.to_wire()
    lines = "".join(f"{one['name']} {one['sha256']}\n" for one in told["wheels"])
    assert told["digest"] == hashlib.sha256(lines.encode()).hexdigest()
    wheel(folder / str(MUSL), "click", "1001.0")
    assert Wheelhouse(str(folder)).release(MUSL).digest != release.digest


def test_what_is_missing_is_named_with_the_command(folder: Path):
    small_wheels(folder / str(MUSL), but=["cffi", "msgpack"])
    with pytest.raises(NoWheels, match=r"missing: cffi, msgpack.*salt-deploy --fetch-wheels cp39-musl_1_2-aarch64"):
        Wheelhouse(str(folder)).release(MUSL)
    with pytest.raises(NoWheels, match="missing: everything"):
        Wheelhouse(str(folder / "none")).release(MUSL)


def test_wheels_for_an_older_libc_do(folder: Path):
    small_wheels(folder / "cp39-musl_1_1-aarch64", tag="cp39-cp39-musllinux_1_1_aarch64")
    assert Wheelhouse(str(folder)).release(MUSL).wheels
    small_wheels(folder / "cp310-musl_1_2-aarch64", tag="cp39-cp39-musllinux_1_1_aarch64")
    with pytest.raises(NoWheels, match="pyzmq"):  # they lie in the wrong folder
        Wheelhouse(str(folder)).release(Platform.parse("cp310-musl_1_2-aarch64"))


def test_folder_that_others_may_write_is_not_used(folder: Path):
    small_wheels(folder / str(MUSL))
    (folder / str(MUSL)).chmod(0o777)
    with pytest.raises(UnsafePath):
        Wheelhouse(str(folder)).release(MUSL)


def test_parts_are_served_by_hash_alone(folder: Path):
    big = os.urandom(3_000_000)
    small_wheels(folder / str(MUSL))
    wheel(folder / str(MUSL), "click", files={"click/data": big})
    house = Wheelhouse(str(folder))
    wanted = next(one for one in house.release(MUSL).wheels if one.name.startswith("click"))
    data = whole(Wheelhouse(str(folder)), wanted.sha256)  # another process of the master, which finds it by itself
    assert hashlib.sha256(data).hexdigest() == wanted.sha256 and len(data) == wanted.size > 2_000_000
    assert len(house.chunk("m1", wanted.sha256, 0)["data"]) == 1 << 20
    assert house.chunk("m1", wanted.sha256, 1 << 40) == {"data": b"", "size": wanted.size}
    assert house.chunk("m1", "0" * 64, 0) == {"data": "", "size": -1}


def test_changed_wheel_is_not_served_under_its_old_hash(folder: Path):
    small_wheels(folder / str(MUSL))
    house = Wheelhouse(str(folder))
    wanted = next(one for one in house.release(MUSL).wheels if one.name.startswith("click"))
    with open(wanted.path, "ab") as file:
        file.write(b"more")
    assert house.chunk("m1", wanted.sha256, 0)["size"] == -1
    os.unlink(wanted.path)
    os.symlink("/etc/passwd", wanted.path)
    assert house.chunk("m1", wanted.sha256, 0)["size"] == -1
    passwd = hashlib.sha256(Path("/etc/passwd").read_bytes()).hexdigest()
    assert Wheelhouse(str(folder)).chunk("m1", passwd, 0)["size"] == -1


def test_answer_to_a_minion(folder: Path):
    small_wheels(folder / str(HERE))
    house = Wheelhouse(str(folder))
    known = facts.platform()
    assert house.answer("m1", known) == house.release(Platform.of(known)).to_wire()
    assert "salt-deploy --fetch-wheels" in house.answer("m1", {**known, "machine": "pdp11"})["missing"]
    assert "CPython" in house.answer("m1", {"implementation": ["x"] * 5})["missing"]


def test_hostile_questions_cost_little(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Each version of a libc, each magic number is another platform; the answer is looked for once."""
    small_wheels(folder / "cp39-musl_1_1-aarch64")
    house, made = Wheelhouse(str(folder)), []
    monkeypatch.setattr(own, "make", lambda place, make=own.make: made.append(place) or make(place))
    asked = {"implementation": "cpython", "abi": "cp39", "libc": "musl", "machine": "aarch64"}
    answers = [house.answer("m1", {**asked, "libc_version": f"1.{n}", "magic": f"{n:08x}"}) for n in range(1, 200)]
    assert len(made) == 1 and len({answer["digest"] for answer in answers}) == 1
    (folder / "cp39-musl_1_1-aarch64/click-1000.0-py3-none-any.whl").write_bytes(b"damaged")
    said = Wheelhouse(str(folder)).answer("m1", {**asked, "libc_version": "1.2"})
    assert list(said) == ["missing"] and str(folder) not in said["missing"]


def test_own_wheel_is_made_once_and_alike(folder: Path, tmp_path: Path):
    path = own.make(str(folder))
    before = os.stat(path).st_mtime_ns
    assert own.make(str(folder)) == path and os.stat(path).st_mtime_ns == before
    assert Path(own.make(str(tmp_path / "other"))).read_bytes() == Path(path).read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert {"minion/cli/daemon.py", "minion/salt-minion.service", "transports/crypto.py"} <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"minion", "transports", "saltern"}


def test_bytecode_for_our_own_python_alone(folder: Path):
    here = Platform.of(facts.platform())
    assert bytecode.fits(here) and not bytecode.fits(HERE.at(1)) and not bytecode.fits(MUSL)
    small_wheels(folder / str(here))
    first = Wheelhouse(str(folder)).release(here)
    made = next(one for one in first.wheels if one.name.startswith("saltern_bytecode"))
    before = Path(made.path).read_bytes()
    os.unlink(made.path)
    Wheelhouse(str(folder)).release(here)
    assert Path(made.path).read_bytes() == before  # the same files make the same
    with zipfile.ZipFile(made.path) as archive:
        assert any(name.startswith("minion/daemon/__pycache__/agent.") for name in archive.namelist())


def test_fetch_takes_what_was_put_there_by_hand(folder: Path):
    small_wheels(folder)
    wheel(folder, "click", requires=['typing_extensions>=4; python_version < "3.11"'])
    wheel(folder, "typing_extensions", "4.5")
    wheel(folder, "click", "2000.0", python=">=3.12")
    wheel(folder, "unneeded")
    release = Wheelhouse(str(folder)).fetch(MUSL)
    names = {one.name for one in release.wheels}
    assert {"click-1000.0-py3-none-any.whl", "typing_extensions-4.5-py3-none-any.whl"} <= names and len(names) == 11
    assert sorted(os.listdir(folder / str(MUSL))) == sorted(names - {own.NAME})
    assert not [name for name in os.listdir(folder) if name.startswith(".new")]
    assert Wheelhouse.of(MasterSettings(wheel_dir=str(folder))).release(MUSL) == release


def test_fetch_says_why_it_can_not(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    small_wheels(folder, tag="cp38-cp38-manylinux1_x86_64")
    with pytest.raises(NoWheels, match="no wheels for cp39-musl_1_2-aarch64: pip says: No matching distribution"):
        Wheelhouse(str(folder)).fetch(MUSL)
    assert not [name for name in os.listdir(folder) if name.startswith((".new", "cp39"))]


def test_pip_is_our_own_wherever_the_operator_stands(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user leaves a `pip` in a folder from which somebody will fetch wheels."""
    (tmp_path / "pip.py").write_text("open('taken', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(NoWheels, match="pip says"):
        Wheelhouse(str(folder)).fetch(MUSL)
    assert not (tmp_path / "taken").exists()


def test_log_is_not_filled_by_questions(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = Wheelhouse(str(folder))
    asked = {"implementation": "cpython", "abi": "cp39", "libc": "musl", "machine": "aarch64", "libc_version": "1.2"}
    for minion_id in ("m1", "m2") * 50:
        house.answer(minion_id, asked)
    assert len(caplog.records) == 2
