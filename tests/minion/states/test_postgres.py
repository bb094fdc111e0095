"""The postgres_* states on a real server."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from tests.minion import postgres_lab
from tests.minion.box import Box
from tests.minion.states.calls import State


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_lab.Server]:
    with postgres_lab.running() as running:
        yield running


@pytest.fixture(scope="module")
def host(server: postgres_lab.Server, tmp_path_factory: pytest.TempPathFactory) -> State:
    return State(Box(tmp_path_factory.mktemp("host"), server.opts))


@pytest.fixture
def shop(host: State) -> Iterator[str]:
    """A database."""
    host("postgres_database.present", "shop")
    yield "shop"
    host("postgres_database.absent", "shop")


def test_user(host: State, server: postgres_lab.Server) -> None:
    host("postgres_group.present", "staff")
    options = {"password": "hidden", "createdb": True, "groups": "staff"}
    predicted, first, second = host.converge("postgres_user.present", "fred", **options)
    assert predicted["comment"] == "User fred is set to be created"
    assert (first["comment"], first["changes"]) == ("The user fred has been created", {"fred": "Present"})
    assert second["comment"] == "User fred is already present"
    changed = {"password": "other", "createdb": False, "valid_until": "2030-01-01", "encrypted": "scram-sha-256"}
    predicted, first, second = host.converge("postgres_user.present", "fred", **changed)
    update = {"createdb": False, "password": True, "valid_until": "2030-01-01"}
    assert (predicted["comment"], predicted["changes"]) == ("User fred is set to be updated", {"fred": update})
    assert (first["comment"], first["changes"]) == ("The user fred has been updated", {"fred": update})
    again = host("postgres_user.present", "fred", refresh_password=True, **changed)
    assert again["changes"] == {"fred": {"password": True}}
    assert host("postgres_user.present", "fred", default_password="new")["changes"] == {}
    assert not [word for word in server.words() if "hidden" in word or "SCRAM" in word or "md5" in word]
    first = host.converge("postgres_user.absent", "fred")[1]
    assert (first["comment"], first["changes"]) == ("User fred has been removed", {"fred": "Absent"})
    host("postgres_group.absent", "staff")


def test_user_failures(host: State) -> None:
    assert host.fails("postgres_user.present", "fred", groups="nosuch") == "Failed to create user fred"
    assert host.fails("postgres_user.present", "fred", encrypted="rot13") == "Unknown password algorithm: rot13"
    host("postgres_user.present", "owner")
    host("postgres_database.present", "owned", owner="owner")
    assert host.fails("postgres_user.absent", "owner") == "User owner failed to be removed"
    host("postgres_database.absent", "owned")
    host("postgres_user.absent", "owner")
    down = host("postgres_user.present", "fred", db_password="wrong")
    assert (down["result"], down["comment"]) == (False, "Failed to create user fred")


def test_group(host: State) -> None:
    first = host.converge("postgres_group.present", "staff", createroles=True)[1]
    assert (first["comment"], first["changes"]) == ("The group staff has been created", {"staff": "Present"})
    first = host.converge("postgres_group.present", "staff", login=True, replication=True, inherit=False)[1]
    assert first["changes"] == {"staff": {"inherit": False, "login": True, "replication": True}}
    assert host.fails("postgres_group.present", "staff", groups="nosuch") == "Failed to update group staff"
    assert host.converge("postgres_group.absent", "staff")[1]["comment"] == "Group staff has been removed"


def test_database(host: State) -> None:
    host("postgres_user.present", "owner")
    options = {"encoding": "utf8", "template": "template0", "lc_collate": "C", "lc_ctype": "C"}
    first = host.converge("postgres_database.present", "shop", **options)[1]
    assert (first["comment"], first["changes"]) == ("The database shop has been created", {"shop": "Present"})
    predicted, first, _ = host.converge("postgres_database.present", "shop", owner="owner", owner_recurse=True)
    assert predicted["comment"] == "Database shop exists, but parameters need to be changed"
    assert (first["comment"], first["changes"]) == (
        "Parameters for database shop have been changed",
        {"shop": "Parameters changed"},
    )
    wrong = "Database shop has wrong parameters which couldn't be changed on fly."
    assert host.fails("postgres_database.present", "shop", encoding="LATIN1") == wrong
    failed = host.fails("postgres_database.present", "shop", owner="nobody")
    assert failed == "Failed to change parameters for database shop"
    assert host.fails("postgres_database.present", "x", owner="nobody") == "Failed to create database x"
    assert host.fails("postgres_database.absent", "template1") == "Database template1 failed to be removed"
    assert host.converge("postgres_database.absent", "shop")[1]["comment"] == "Database shop has been removed"
    host("postgres_user.absent", "owner")


def test_tablespace(host: State, server: postgres_lab.Server) -> None:
    place = server.folder / "space"
    place.mkdir()
    subprocess.run(["chown", "postgres", str(place)], check=True)
    first = host.converge("postgres_tablespace.present", "fast", directory=str(place))[1]
    assert (first["comment"], first["changes"]) == ("The tablespace fast has been created", {"fast": "Present"})
    host("postgres_user.present", "owner")
    changed = {"directory": str(place), "owner": "owner", "options": {"seq_page_cost": 1.1}}
    first = host.converge("postgres_tablespace.present", "fast", **changed)[1]
    assert first["changes"] == {"fast": {"owner": "owner", "options": {"seq_page_cost": 1.1}}}
    elsewhere = host.fails("postgres_tablespace.present", "fast", directory="/none")
    assert elsewhere.startswith("Tablespace fast is not at the right location.")
    missing = host.fails("postgres_tablespace.present", "slow", directory="/none")
    assert missing == "Failed to create tablespace slow"
    wrong = host.fails("postgres_tablespace.present", "fast", directory=str(place), options={"nonsense": 1})
    assert wrong == "Failed to alter tablespace fast"
    assert host.converge("postgres_tablespace.absent", "fast")[1]["comment"] == "Tablespace fast has been removed"
    kept = host.fails("postgres_tablespace.absent", "pg_default")
    assert kept == "Tablespace pg_default failed to be removed"
    host("postgres_user.absent", "owner")


def test_extension(host: State, shop: str) -> None:
    place = {"maintenance_db": shop}
    first = host.converge("postgres_extension.absent", "plpgsql", **place)[1]
    assert (first["comment"], first["changes"]) == ("Extension plpgsql has been removed", {"plpgsql": "Absent"})
    predicted, first, second = host.converge("postgres_extension.present", "plpgsql", **place)
    assert predicted["comment"] == "Extension plpgsql is set to be installed"
    assert (first["comment"], first["changes"]) == (
        "The extension plpgsql has been installed",
        {"plpgsql": "Installed"},
    )
    assert second["comment"] == "Extension plpgsql is already present"
    newer = host.fails("postgres_extension.present", "plpgsql", ext_version="99", **place)
    assert newer == "Failed to upgrade extension plpgsql"
    assert host.fails("postgres_extension.present", "nosuch", **place) == "Failed to install extension nosuch"


def test_extension_that_moves(host: State, shop: str) -> None:
    if not host.functions["postgres.is_available_extension"]("hstore"):
        pytest.skip("needs PostgreSQL's contributed extensions")
    host("postgres_extension.present", "hstore", maintenance_db=shop)
    host("postgres_schema.present", "apart", dbname=shop)
    first = host.converge("postgres_extension.present", "hstore", schema="apart", maintenance_db=shop)[1]
    assert (first["comment"], first["changes"]) == (
        "The extension hstore has been upgraded",
        {"hstore": "Upgraded"},
    )


def test_schema(host: State, shop: str) -> None:
    predicted, first, second = host.converge("postgres_schema.present", "stock", dbname=shop)
    assert predicted["comment"] == "Schema stock is set to be created in database shop."
    assert (first["comment"], first["changes"], first["dbname"]) == (
        "Schema stock has been created in database shop",
        {"stock": "Present"},
        "shop",
    )
    assert second["comment"] == "Schema stock already exists in database shop"
    failed = host.fails("postgres_schema.present", "other", dbname=shop, owner="nobody")
    assert failed == "Failed to create schema other in database shop"
    first = host.converge("postgres_schema.absent", "stock", dbname=shop)[1]
    assert first["comment"] == "Schema stock has been removed from database shop"
    kept = host.fails("postgres_schema.absent", "pg_catalog", dbname=shop)
    assert kept == "Schema pg_catalog failed to be removed"


def test_language(host: State, shop: str) -> None:
    here = {"maintenance_db": shop}
    present = host("postgres_language.present", "plpgsql", **here)
    assert (present["result"], present["comment"]) == (True, "Language plpgsql is already installed")
    assert host.fails("postgres_language.absent", "plpgsql", **here) == "Failed to remove language plpgsql"
    host("postgres_extension.absent", "plpgsql", **here)
    assert host("postgres_language.present", "plpgsql", test=True, **here)["comment"] == (
        "Language plpgsql is set to be installed"
    )
    assert host("postgres_language.present", "plpgsql", **here)["changes"] == {"plpgsql": "Present"}
    assert host.fails("postgres_language.present", "nosuch", **here) == "Failed to install language nosuch"
    gone = host("postgres_language.absent", "nosuch", **here)
    assert gone["comment"] == "Language nosuch is not present so it cannot be removed"


def test_privileges(host: State, shop: str) -> None:
    host("postgres_user.present", "clerk")
    about = {"object_name": "public", "object_type": "schema", "maintenance_db": shop, "privileges": ["CREATE"]}
    predicted, first, second = host.converge("postgres_privileges.present", "clerk", **about)
    assert predicted["comment"] == "The privilege(s): CREATE are set to be granted to clerk"
    assert (first["comment"], first["changes"]) == (
        "The privilege(s): CREATE have been granted to clerk",
        {"clerk": "Present"},
    )
    assert second["comment"] == "The requested privilege(s) are already set"
    first = host.converge("postgres_privileges.absent", "clerk", **about)[1]
    assert first["comment"] == "The privilege(s): CREATE have been revoked from clerk"
    failed = host.fails("postgres_privileges.present", "nobody", **about)
    assert failed == "Failed to grant privilege(s): CREATE to nobody"
    wrong = host.fails("postgres_privileges.present", "clerk", **{**about, "privileges": ["FLY"]})
    assert wrong == "Invalid privilege(s): FLY provided for object schema"
    assert "Invalid object_type" in host.fails("postgres_privileges.absent", "x", object_name="y", object_type="z")
    host("postgres_user.absent", "clerk")


def test_folder_of_a_server(host: State, server: postgres_lab.Server, tmp_path: Path) -> None:
    path = str(server.folder / "data2")
    first = host.converge("postgres_initdb.present", path, auth="scram-sha-256", password="hidden", checksums=True)[1]
    assert (first["comment"], first["changes"]) == (
        f"Postgres data directory {path} has been initialized",
        {path: "Present"},
    )
    other = str(server.folder / "data3")
    failed = host.fails("postgres_initdb.present", other, encoding="nonsense")
    assert failed == f"Postgres data directory {other} initialization failed"
