"""The line at the end of a run."""

from __future__ import annotations

from typing import Any

import pytest

from ssh.cli._summary import Summary
from transports.messages import Return


@pytest.mark.parametrize(("result", "line"), [
    ({"changes": {"a": 1}, "result": True}, "1 ok, 1 changed, 0 failed, 0 unreachable"),
    ({"changes": {"a": 1}, "result": None}, "1 ok, 0 changed, 0 failed, 0 unreachable"),
    ({"changes": {}, "result": True}, "1 ok, 0 changed, 0 failed, 0 unreachable"),
])  # fmt: skip
def test_what_a_test_run_would_change_is_not_changed(result: dict[str, Any], line: str) -> None:
    summary = Summary()
    summary.add(Return("20261120210000000000", "web1", "state.apply", [], {"file_|-a_|-a_|-managed": result}, 0, True))
    assert summary.line() == line
