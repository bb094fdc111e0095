"""The postgres modules on a real server."""

from __future__ import annotations

import datetime
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _postgres, _postgres_password
from tests.minion import postgres_lab
from tests.minion.conftest import make_modules


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_lab.Server]:
    with postgres_lab.running() as running:
        yield running


@pytest.fixture
def salt(server: postgres_lab.Server, tmp_path: Path) -> Loader:
    """Execution functions of a minion with that server."""
    return make_modules(tmp_path, **server.opts)


def test_passwords() -> None:
    verifier, matches = _postgres_password.verifier, _postgres_password.matches
    assert (
        verifier("fred", "secret", True)
        == "md5ab15ce1d4cb14f2e5a4c5a1a6f7fd9b3"[:3] + verifier("fred", "secret", "md5")[3:]
    )
    assert verifier("fred", verifier("fred", "x", "md5"), "md5") == verifier("fred", "x", "md5")
    kept = verifier("fred", "secret", "scram-sha-256")
    assert kept.startswith("SCRAM-SHA-256$4096:")
    assert matches("fred", "secret", kept, "scram-sha-256") is True
    assert matches("fred", "other", kept, "scram-sha-256") is False
    assert matches("fred", "secret", kept, "md5") is False
    assert matches("fred", "secret", None, "scram-sha-256") is False
    # RFC 7677 has this password, salt and count, and what the server keeps of them
    salt = __import__("base64").b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    assert _postgres_password.scram("pencil", salt).endswith(
        "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert _postgres_password.scram("\u2168", salt) == _postgres_password.scram("IX", salt), "RFC 4013"
    with pytest.raises(SaltInvocationError):
        verifier("fred", "x", "rot13")


def test_quoting() -> None:
    assert _postgres.identifier('a"b') == '"a""b"'
    assert _postgres.literal("a'b\\") == "'a''b\\'"


def test_connection(salt: Loader, server: postgres_lab.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tempfile.mkdtemp()
    os.chmod(place, 0o1777)  # the server's user reads its password there
    monkeypatch.setattr(tempfile, "tempdir", place)
    assert salt["postgres.version"]().split(".")[0].isdigit()
    assert salt["postgres.version"](password="wrong") is None
    assert salt["postgres.psql_query"]("select 1 as a, 'x,\"y' as b;") == [{"a": "1", "b": 'x,"y'}]
    assert salt["postgres.psql_query"]("nonsense") == []
    assert salt["postgres.user_list"](password="wrong") is False
    assert postgres_lab.PASSWORD not in server.words()
    assert os.listdir(place) == [], "the password file is gone"
    through_socket = {"host": str(server.folder), "runas": "postgres"}
    assert salt["postgres.version"](**through_socket) is not None
    with pytest.raises(CommandExecutionError, match="no user nobody-here"):
        salt["postgres.version"](runas="nobody-here")
    os.rmdir(place)


def test_query_that_writes(salt: Loader) -> None:
    _postgres.Server(salt, "Debian").execute("CREATE TABLE notes (note text)")
    query = "INSERT INTO notes VALUES ('one') RETURNING note"
    assert salt["postgres.psql_query"](query, write=True) == [{"note": "one"}]
    assert salt["postgres.psql_query"]("SELECT count(*) FROM notes") == [{"count": "1"}]


def test_databases(salt: Loader) -> None:
    assert salt["postgres.db_create"]('od"d', encoding="UTF8", template="template0", lc_collate="C", lc_ctype="C")
    about = salt["postgres.db_list"]()['od"d']
    assert (about["Owner"], about["Encoding"], about["Collate"], about["Tablespace"]) == (
        "salt",
        "UTF8",
        "C",
        "pg_default",
    )
    assert salt["postgres.db_create"]('od"d') is False
    assert salt["postgres.db_exists"]('od"d') is True
    assert salt["postgres.db_remove"]('od"d') is True
    with pytest.raises(CommandExecutionError, match="does not exist"):
        salt["postgres.db_remove"]('od"d')


def test_roles(salt: Loader, server: postgres_lab.Server) -> None:
    assert salt["postgres.group_create"]("staff") is True
    how = {"rolepassword": "hid'den\\", "createdb": True, "connlimit": 0, "valid_until": "2030-01-02"}
    assert salt["postgres.user_create"]("fred", groups="staff", encrypted="scram-sha-256", **how) is True
    assert salt["postgres.user_create"]("fred") is False
    assert salt["postgres.user_exists"]("fred") is True
    role = salt["postgres.role_get"]("fred", return_password=True)
    assert (role["can login"], role["can create databases"], role["superuser"]) == (True, True, False)
    assert (role["groups"], role["connections"]) == (["staff"], 0)
    assert role["expiry time"] == datetime.datetime(2030, 1, 2)
    assert _postgres_password.matches("fred", "hid'den\\", role["password"], "scram-sha-256")
    assert salt["postgres.user_update"]("fred", createdb=False, connlimit=-1, superuser=False) is True
    assert salt["postgres.version"](user="fred", password="hid'den\\") is not None, "it can log in"
    assert salt["postgres.user_update"]("fred", rolepassword=False) is True
    assert salt["postgres.version"](user="fred", password="hid'den\\") is None
    assert salt["postgres.user_update"]("nobody", createdb=False) is False
    assert salt["postgres.group_update"]("staff", createroles=True) is True
    assert salt["postgres.role_get"]("staff")["can login"] is False
    assert salt["postgres.user_create"]("bad", groups=["nosuch"]) is False
    assert salt["postgres.user_exists"]("bad") is False, "all or nothing"
    assert not [word for word in server.words() if "hid'" in word or "SCRAM" in word]
    assert salt["postgres.user_remove"]("fred") is True
    assert salt["postgres.user_remove"]("fred") is False
    assert salt["postgres.group_remove"]("staff") is True
    with pytest.raises(SaltInvocationError, match="line breaks"):
        salt["postgres.user_create"]("bad", rolepassword="a\nb", encrypted=False)


def test_owner_of_all_in_a_database(salt: Loader, server: postgres_lab.Server) -> None:
    salt["postgres.user_create"]("owner")
    salt["postgres.db_create"]("shop")
    psql = _postgres.Server(salt, "Debian", maintenance_db="shop")
    done = psql.transaction(
        [
            'CREATE SCHEMA "Od d"',
            'CREATE TABLE "Od d"."t 1" (id serial)',
            "CREATE FUNCTION plus(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 + 1'",
            "CREATE VIEW v AS SELECT 1",
            "CREATE SEQUENCE alone",
        ]
    )
    assert done["retcode"] == 0, done
    assert salt["postgres.db_alter"]("shop", owner="owner", owner_recurse=True) is True
    owners = psql.rows(
        "SELECT DISTINCT pg_get_userbyid(relowner) AS who "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('Od d', 'public') AND relkind IN ('r', 'S', 'v')"
    )
    assert owners == [{"who": "owner"}]
    assert salt["postgres.db_alter"]("shop", owner="nobody") is False
    assert salt["postgres.db_alter"]("shop") is True
    salt["postgres.db_remove"]("shop")
    salt["postgres.user_remove"]("owner")


def test_tablespaces(salt: Loader, server: postgres_lab.Server) -> None:
    place = server.folder / "space"
    place.mkdir()
    subprocess.run(["chown", "postgres", str(place)], check=True)
    assert salt["postgres.tablespace_create"]("fast", str(place), {"seq_page_cost": 1.1}) is True
    about = salt["postgres.tablespace_list"]()["fast"]
    assert (about["Location"], about["Owner"], about["Opts"]) == (str(place), "salt", "{seq_page_cost=1.1}")
    assert salt["postgres.tablespace_alter"]("fast", set_option={"seq_page_cost": 2}, new_name="quick") is True
    assert salt["postgres.tablespace_exists"]("quick") is True
    assert salt["postgres.tablespace_alter"]("quick", reset_option="seq_page_cost") is True
    assert salt["postgres.tablespace_list"]()["quick"]["Opts"] in ("", "{}")
    assert salt["postgres.tablespace_create"]("bad", "/none") is False
    assert salt["postgres.tablespace_remove"]("quick") is True
    assert salt["postgres.tablespace_remove"]("quick") is False


def test_extensions_and_languages(salt: Loader) -> None:
    assert salt["postgres.is_available_extension"]("PLPGSQL") is True
    assert salt["postgres.is_installed_extension"]("plpgsql") is True
    assert salt["postgres.create_metadata"]("plpgsql", ext_version="99") == [
        "EXTENSION INSTALLED",
        "EXTENSION TO UPGRADE",
    ]
    assert salt["postgres.create_metadata"]("nosuch") == ["EXTENSION NOT INSTALLED"]
    assert salt["postgres.create_extension"]("nosuch") is False
    assert salt["postgres.language_exists"]("plpgsql", "postgres") is True
    assert salt["postgres.language_create"]("plpgsql", "postgres") is False
    assert salt["postgres.drop_extension"]("plpgsql") is True
    assert salt["postgres.language_remove"]("plpgsql", "postgres") is False
    assert salt["postgres.create_extension"]("plpgsql", ext_version="'1.0'") is True
    if not salt["postgres.is_available_extension"]("hstore"):
        pytest.skip("needs PostgreSQL's contributed extensions")
    assert salt["postgres.create_extension"]("hstore", ext_version="1.4") is True
    salt["postgres.schema_create"]("postgres", "apart")
    assert salt["postgres.create_extension"]("hstore", schema="apart", ext_version="1.5") is True
    about = salt["postgres.get_installed_extension"]("hstore")
    assert (about["schema_name"], about["extversion"]) == ("apart", "1.5")
    assert salt["postgres.schema_remove"]("postgres", "apart") is False, "it is not empty"
    assert salt["postgres.drop_extension"]("hstore") is True
    assert salt["postgres.schema_remove"]("postgres", "apart") is True


def test_schemas(salt: Loader) -> None:
    assert salt["postgres.schema_create"]("postgres", "stock", owner="salt") is True
    assert salt["postgres.schema_create"]("postgres", "stock") is False
    assert salt["postgres.schema_get"]("postgres", "stock") == {"owner": "salt", "acl": ""}
    assert salt["postgres.schema_remove"]("postgres", "stock") is True
    assert salt["postgres.schema_exists"]("postgres", "stock") is False


PRIVILEGES = [
    ("goods", "table", "SELECT,INSERT"),
    ("goods", "table", "ALL"),
    ("ALL", "table", "SELECT"),
    ("goods_id_seq", "sequence", "USAGE"),
    ("plus(integer)", "function", "EXECUTE"),
    ("public", "schema", "CREATE"),
    ("postgres", "database", "CREATE"),
    ("pg_default", "tablespace", "CREATE"),
    ("sql", "language", "USAGE"),
]


@pytest.fixture
def goods(salt: Loader) -> Iterator[None]:
    psql = _postgres.Server(salt, "Debian")
    function = "CREATE FUNCTION plus(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 + 1'"
    drop = ["DROP TABLE IF EXISTS goods", "DROP FUNCTION IF EXISTS plus(integer)", "DROP ROLE IF EXISTS clerk"]
    psql.transaction(["CREATE TABLE goods (id serial)", function, "REVOKE ALL ON FUNCTION plus FROM public"])
    psql.transaction(["REVOKE ALL ON LANGUAGE sql FROM public", "CREATE ROLE clerk", "CREATE ROLE crew"])
    yield
    psql.transaction(
        ["DROP OWNED BY clerk", *drop, "DROP ROLE IF EXISTS crew", "GRANT USAGE ON LANGUAGE sql TO public"]
    )


@pytest.mark.parametrize(
    ("name", "kind", "privileges", "grant_option"),
    [*((*about, False) for about in PRIVILEGES), ("goods", "table", "SELECT,INSERT", True)],
)
def test_privileges(salt: Loader, goods: None, name: str, kind: str, privileges: str, grant_option: bool) -> None:
    about: Any = ("clerk", name, kind, privileges)
    assert salt["postgres.has_privileges"](*about) is False
    assert salt["postgres.privileges_grant"](*about, grant_option) is True
    assert salt["postgres.has_privileges"](*about) is True
    assert salt["postgres.has_privileges"](*about, True) is grant_option
    assert salt["postgres.privileges_grant"](*about, grant_option) is False
    if privileges != "ALL" and name != "ALL":
        listed = salt["postgres.privileges_list"](name, kind)["clerk"]
        assert listed == dict.fromkeys(privileges.split(","), grant_option)
    if kind != "schema":  # the public one is its database's owner's
        assert salt["postgres.has_privileges"]("salt", *about[1:]) is True, "its owner may do all"
    assert salt["postgres.privileges_revoke"](*about) is True
    assert salt["postgres.privileges_revoke"](*about) is False


def test_membership(salt: Loader, goods: None) -> None:
    assert salt["postgres.privileges_grant"]("clerk", "crew", "group") is True
    assert salt["postgres.privileges_list"]("crew", "group") == {"clerk": False}
    assert salt["postgres.has_privileges"]("clerk", "crew", "group", grant_option=True) is False
    assert salt["postgres.privileges_grant"]("clerk", "crew", "group", grant_option=True) is True
    assert salt["postgres.privileges_revoke"]("clerk", "crew", "group") is True
    assert salt["postgres.has_privileges"]("clerk", "crew", "group") is False


def test_wrong_privileges(salt: Loader) -> None:
    for arguments, message in (
        (("x", "y", "table", "FLY"), "Invalid privilege"),
        (("x", "y", "nonsense", "SELECT"), "Invalid object_type: nonsense provided"),
        (("x", "y", "group", "SELECT"), "should not be set for object_type group"),
    ):
        with pytest.raises(SaltInvocationError, match=message):
            salt["postgres.has_privileges"](*arguments)
    assert salt["postgres.privileges_grant"]("nobody", "pg_default", "tablespace", "CREATE") is False


def test_folder_of_a_server(salt: Loader, server: postgres_lab.Server) -> None:
    path = str(server.folder / "data2")
    del salt.dunders["__opts__"]["postgres.bins_dir"]
    assert salt["postgres.datadir_exists"](path) is False
    assert salt["postgres.datadir_init"](path, auth="scram-sha-256", password="hidden", locale="C") is True
    assert salt["postgres.datadir_exists"](path) is True
    assert salt["postgres.datadir_init"](path) is False
    assert salt["postgres.datadir_init"](str(server.folder / "data3"), encoding="nonsense") is False
