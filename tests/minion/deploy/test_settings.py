"""The deployment's part of the configuration: written once, never over what a person wrote."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml

from minion.deploy import settings
from minion.deploy.places import Places
from minion.errors import CommandExecutionError
from minion.modules import deploy
from tests.minion.deploy.lab import places
from transports.errors import NameRefused

OPTIONS = {"master": "10.0.0.1", "master_port": 4506, "log_level": "info"}


@pytest.fixture
def where(tmp_path: Path) -> Places:
    return places(tmp_path)


def write(where: Places, **more: object) -> tuple[bool, str]:
    return settings.write(where, "web1", {**OPTIONS, **more}, {}, test=False)


def test_written_once_for_root_alone(where: Places):
    path = Path(settings.path_of(where))
    assert settings.write(where, "web1", OPTIONS, {}, test=True) == (True, "") and not path.exists()
    assert write(where) == (True, "")
    assert yaml.safe_load(path.read_text()) == {**OPTIONS, "id": "web1"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.stat().st_mtime_ns
    assert write(where) == (False, "") and path.stat().st_mtime_ns == before
    told = settings.read(where)
    assert (told.id, told.master, told.master_port) == ("web1", "10.0.0.1", 4506)


def test_other_files_stay_and_what_somebody_changed_is_kept(where: Places):
    main = Path(where.config_dir) / "minion"
    main.parent.mkdir(parents=True)
    main.write_text("id: old\nmaster: old.example\nmy_option: 5\n")
    write(where)
    path = Path(settings.path_of(where))
    assert main.read_text().startswith("id: old") and settings.read(where).id == "web1"
    assert write(where, log_level="debug") == (True, "")  # nobody had changed it: nothing to keep
    path.write_text(path.read_text() + "mine: 1\n")
    changed, backup = write(where)
    assert changed and "mine: 1" in Path(backup).read_text() and "mine" not in path.read_text()
    assert settings.read(where).opts().get("mine") is None  # the copy is not read as configuration


def test_contradiction_is_an_error_and_leaves_all_as_it_was(where: Places):
    write(where)
    path = Path(settings.path_of(where))
    before = path.read_text()
    (path.parent / "zz.conf").write_text("master: other.example\n")
    with pytest.raises(CommandExecutionError, match=r"sets master to 'other.example'.* wants '10.0.0.2'"):
        write(where, master="10.0.0.2")
    assert path.read_text() == before
    path.unlink()
    with pytest.raises(CommandExecutionError):
        write(where)
    assert not path.exists()


def test_grains_are_added_to_those_there_are(where: Places):
    main = Path(where.config_dir) / "minion"
    main.parent.mkdir(parents=True)
    main.write_text("grains: {role: db, rack: 7}\n")
    settings.write(where, "web1", OPTIONS, {"role": "web"}, test=False)
    assert settings.read(where).grains == {"role": "web", "rack": 7}
    assert settings.write(where, "web1", OPTIONS, {"role": "web"}, test=False) == (False, "")


def test_other_users_than_root_are_not_for_deployments(where: Places):
    with pytest.raises(CommandExecutionError, match="'nobody'"):
        write(where, user="nobody")
    assert not os.path.exists(settings.path_of(where))


@pytest.mark.parametrize("minion_id", ["", "../x", "a b", "a\nmaster: evil", "x" * 300])
def test_ids_that_are_none(minion_id: str, where: Places):
    with pytest.raises(NameRefused):
        settings.write(where, minion_id, OPTIONS, {}, test=False)
    assert not os.path.exists(where.config_dir)


def test_values_stay_values(where: Places):
    nasty = "x\nmaster: evil\n# {{ 7*7 }} \u202e \x1b[2J"
    settings.write(where, "web1", {**OPTIONS, "append_domain": nasty}, {"g": {"deep": [1, None, True]}}, test=False)
    told = settings.read(where)
    assert told.append_domain == nasty and told.master == "10.0.0.1" and told.grains == {"g": {"deep": [1, None, True]}}


def test_link_in_its_place_is_not_followed(where: Places, tmp_path: Path):
    path = Path(settings.path_of(where))
    path.parent.mkdir(parents=True)
    (tmp_path / "victim").write_text("precious")
    path.symlink_to(tmp_path / "victim")
    write(where)
    assert (tmp_path / "victim").read_text() == "precious" and not path.is_symlink()


def test_remove(where: Places):
    write(where)
    path = Path(settings.path_of(where))
    assert settings.remove(where) and os.listdir(path.parent) == []
    assert not settings.remove(where)
    write(where)
    path.write_text("mine: 1\n")
    settings.remove(where)
    (kept,) = path.parent.iterdir()
    assert kept.read_text() == "mine: 1\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others, which takes root")
def test_configuration_that_somebody_else_prepared_does_not_count(where: Places) -> None:
    """Not even if our file is as it should be: the others there would count as well."""
    write(where)
    for folder in (where.config_dir, os.path.dirname(settings.path_of(where))):
        os.chown(folder, 65534, 65534)
        with pytest.raises(CommandExecutionError, match="belongs to another user"):
            write(where)
        os.chown(folder, 0, 0)
    assert write(where) == (False, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others, which takes root")
def test_removal_does_not_follow_what_somebody_else_configured(where: Places, tmp_path: Path) -> None:
    """Root removes the file of the process id, wherever that is said to be."""
    victim = tmp_path / "victim"
    victim.write_text("")
    write(where)
    os.chown(where.config_dir, 65534, 65534)
    (Path(where.config_dir) / "minion").write_text(f"pidfile: {victim}\nroot_dir: {tmp_path}\n")
    with pytest.raises(CommandExecutionError, match="belongs to another user"):
        deploy.remove(prefix=where.prefix, config_dir=where.config_dir, commands=where.commands)
    assert victim.exists()
