from __future__ import annotations

import logging

import pytest

from minion.loader import Loader


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical", "exception"])
def test_levels(salt: Loader, caplog: pytest.LogCaptureFixture, level: str) -> None:
    with caplog.at_level(logging.DEBUG):
        assert salt[f"log.{level}"]("100% seen") is True
    (record,) = [record for record in caplog.records if "seen" in record.getMessage()]
    assert record.getMessage() == "100% seen"
    assert record.levelname == ("ERROR" if level == "exception" else level.upper())


def test_anything_can_be_logged(salt: Loader, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        salt["log.info"]({"a": 1})
    assert "{'a': 1}" in caplog.messages
