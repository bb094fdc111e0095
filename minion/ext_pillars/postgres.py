"""Pillar data from queries to a PostgreSQL database; needs the Python library psycopg or psycopg2.

    postgres:
      host: localhost
      port: 5432
      user: salt
      pass: secret
      db: salt

    ext_pillar:
      - postgres:
          - SELECT key, value FROM pillars WHERE minion_id = %s
          - query: SELECT role, name, value FROM settings WHERE minion_id = %s
            depth: 2

How rows become nested data is told in `_sql.py` beside this file.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from typing import Any, Dict

from minion.errors import CommandExecutionError
from minion.ext_pillars import _sql

__opts__: Dict[str, Any]

_LIBRARIES = ("psycopg", "psycopg2")
_TIMEOUT = 15  # seconds to wait for the server
_DEFAULTS = {"host": "localhost", "port": 5432, "user": "salt", "pass": "salt", "db": "salt"}


def __virtual__() -> Any:
    if not any(importlib.util.find_spec(name) for name in _LIBRARIES):
        return False, "the Python library psycopg is not installed"
    return True


def ext_pillar(minion_id: str, pillar: Dict[str, Any], *args: Any, **kwargs: Any) -> Dict[str, Any]:
    """What the queries bring; those given by name put it below their name.

    Raises:
        CommandExecutionError: the database can't be reached, or refuses a query.
    """
    library: Any = importlib.import_module(next(name for name in _LIBRARIES if importlib.util.find_spec(name)))
    options = {**_DEFAULTS, **(__opts__.get("postgres") or {})}
    try:
        with contextlib.closing(
            library.connect(
                host=options["host"],
                port=options["port"],
                user=options["user"],
                password=options["pass"],
                dbname=options["db"],
                connect_timeout=_TIMEOUT,
            )
        ) as connection, contextlib.closing(connection.cursor()) as cursor:
            return _sql.fetch(cursor, minion_id, args, kwargs)
    except library.Error as exc:
        lines = str(exc).strip().splitlines() or [type(exc).__name__]
        raise CommandExecutionError(f"PostgreSQL at {options['host']}: {lines[0]}") from None
