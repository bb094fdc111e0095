"""postgres: rows of a real database as pillar data."""

from __future__ import annotations

from typing import Any, Dict, Iterator

import pytest

from tests.minion import postgres_lab
from tests.minion.pillar_lab import PillarLab

psycopg = pytest.importorskip("psycopg")

_TABLES = """
CREATE TABLE pillars (minion text, a text, b text, c text, d text);
INSERT INTO pillars VALUES
  ('web1', 'users', 'tom', 'shell', 'bash'), ('web1', 'users', 'tom', 'home', '/home/tom'),
  ('web1', 'users', 'mat', 'shell', NULL), ('web1', 'sites', 'main', 'port', '80'), ('db1', 'users', 'x', 'y', 'z');
CREATE TABLE documents (minion text, doc json);
INSERT INTO documents VALUES ('web1', '{"a": {"b": [1, 2]}, "c": 3}'), ('web1', '{"a": {"b": [3]}, "d": 4}');
CREATE TABLE kinds (minion text, name text, amount numeric, since date, data bytea);
INSERT INTO kinds VALUES ('web1', 'disk', 2.50, '2026-01-31', 'raw');
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Dict[str, Any]]:
    """Options of a PostgreSQL server that runs while this file is tested."""
    with postgres_lab.running() as running:
        port, password = running.opts["postgres.port"], postgres_lab.PASSWORD
        with psycopg.connect(
            host="127.0.0.1", port=port, user="salt", password=password, dbname="postgres"
        ) as connection:
            connection.execute(_TABLES)
        yield {"host": "127.0.0.1", "port": port, "user": "salt", "pass": password, "db": "postgres"}


@pytest.fixture
def database(pillars: PillarLab, server: Dict[str, Any]) -> PillarLab:
    """A master whose pillar comes from the server."""
    pillars.opts["postgres"] = server
    return pillars


_ALL = "SELECT a, b, c, d FROM pillars WHERE minion = %s ORDER BY a, b, c"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            [_ALL],
            {
                "sites": {"main": {"port": "80"}},
                "users": {"mat": {"shell": None}, "tom": {"home": "/home/tom", "shell": "bash"}},
            },
        ),
        (
            {"data": {"query": _ALL, "depth": 2, "ignore_null": True}},
            {
                "data": {
                    "sites": {"main": {"c": "port", "d": "80"}},
                    "users": {"mat": {"c": "shell"}, "tom": {"c": "shell", "d": "bash"}},
                }
            },
        ),
        (
            [["SELECT a, d FROM pillars WHERE minion = %s ORDER BY d", 1], {"query": ""}],
            {"users": None, "sites": "80"},
        ),
        (
            [{"query": "SELECT a, b FROM pillars WHERE minion = %s ORDER BY a, b", "as_list": True}],
            {"sites": "main", "users": ["mat", "tom", "tom"]},
        ),
        (
            [{"query": _ALL, "with_lists": "1,3"}],
            {
                "sites": [{"port": ["80"]}],
                "users": [{"shell": [None]}, {"home": ["/home/tom"], "shell": ["bash"]}],
            },
        ),
        (
            [{"query": "SELECT doc FROM documents WHERE minion = %s", "as_json": True, "as_list": True}],
            {"a": {"b": [1, 2, 3]}, "c": 3, "d": 4},
        ),
    ],
)
def test_rows(database: PillarLab, given: Any, expected: Any) -> None:
    assert database.compile([{"postgres": given}]) == expected


def test_values_can_be_sent(database: PillarLab) -> None:
    found = database.compile([{"postgres": [["SELECT name, amount, since, data FROM kinds WHERE minion = %s", 1]]}])
    assert found["disk"]["amount"] == "2.50"
    assert found["disk"]["since"].isoformat() == "2026-01-31"
    assert found["disk"]["data"] == b"raw"


def test_other_minions_get_theirs(database: PillarLab) -> None:
    assert database.compile([{"postgres": [_ALL]}], minion_id="db1") == {"users": {"x": {"y": "z"}}}
    assert database.compile([{"postgres": [_ALL]}], minion_id="x' OR 'a'='a") == {}


def test_refusals_are_told_without_the_password(database: PillarLab, caplog: pytest.LogCaptureFixture) -> None:
    wrong = database.compile([{"postgres": ["SELECT nothing FROM pillars WHERE minion = %s"]}])
    assert 'column "nothing" does not exist' in wrong["_errors"][0]
    database.opts["postgres"] = {**database.opts["postgres"], "pass": "pg-another"}
    refused = database.compile([{"postgres": [_ALL]}])
    assert "password authentication failed" in refused["_errors"][0]
    assert "pg-" not in str(wrong) + str(refused) + caplog.text
