"""Log messages: by level, one line each, private, and not too many."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minion import config, logs


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Puts the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level


def start(tmp_path: Path, limited: bool = False, **options: Any) -> Path:
    path = tmp_path / "log"
    logs.start(config.load(str(tmp_path / "minion"), {"log_level": "quiet", **options}), str(path), limited)
    return path


def test_levels_of_console_and_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = start(tmp_path, log_level="error", log_level_logfile="info")
    log = logging.getLogger("x")
    for level in ("debug", "info", "error"):
        getattr(log, level)("this is %s", level)
    assert capsys.readouterr().err == "[ERROR   ] this is error\n"
    assert [line.rsplit("] ", 1)[1] for line in path.read_text().splitlines()] == ["this is info", "this is error"]


def test_file_is_private_and_made_when_needed(tmp_path: Path):
    path = start(tmp_path, log_level_logfile="info")
    assert not path.exists()
    logging.getLogger("x").info("now")
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_what_a_peer_says_stays_on_its_line(tmp_path: Path):
    path = start(tmp_path, log_level_logfile="info")
    logging.getLogger("x").info("peer said %s", "a\n[CRITICAL] b\x1b[2J\r\x00")
    (line,) = path.read_text().splitlines()
    assert "\x1b" not in line and "\x00" not in line and "\\n[CRITICAL] b" in line


def test_reopening_goes_on_in_a_new_file(tmp_path: Path):
    path = start(tmp_path, log_level_logfile="info")
    logging.getLogger("x").info("old")
    path.rename(tmp_path / "log.1")
    logs.reopen()
    logging.getLogger("x").info("new")
    assert "old" in (tmp_path / "log.1").read_text() and "new" in path.read_text()


def test_levels_of_single_loggers(tmp_path: Path):
    path = start(tmp_path, log_level_logfile="debug", log_granular_levels={"loud": "error"})
    logging.getLogger("loud").info("left out")
    logging.getLogger("other").info("written")
    assert "left out" not in path.read_text() and "written" in path.read_text()


def test_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path):
    logs.start(config.load(str(tmp_path / "minion"), {"log_level": "quiet"}), str(tmp_path / "none" / "log"))
    logging.getLogger("x").error("nowhere")


class TestRateLimit:
    def records(self, limit: logs.RateLimit, text: str, count: int) -> list[str]:
        found = []
        for number in range(count):
            record = logging.LogRecord("x", logging.INFO, "", 0, text, (number,), None)
            if limit.filter(record):
                found.append(record.getMessage())
        return found

    def test_burst_then_silence_that_is_announced(self):
        found = self.records(logs.RateLimit(3, 60.0, lambda: 0.0), "bad frame %d", 10)
        assert found[:2] == ["bad frame 0", "bad frame 1"] and len(found) == 3
        assert "left out for 60 s" in found[2]

    def test_kinds_do_not_silence_each_other(self):
        limit = logs.RateLimit(1, 60.0, lambda: 0.0)
        self.records(limit, "one %d", 5)
        assert len(self.records(limit, "other %d", 5)) == 1

    def test_speaks_again_after_the_window(self):
        now = [0.0]
        limit = logs.RateLimit(1, 60.0, lambda: now[0])
        self.records(limit, "x %d", 5)
        now[0] = 61.0
        assert len(self.records(limit, "x %d", 5)) == 1

    def test_memory_is_bounded(self):
        limit = logs.RateLimit(1, 60.0, lambda: 0.0)
        for number in range(5000):
            limit.filter(logging.LogRecord("x", 20, "", 0, str(number), (), None))
        assert len(limit._seen) <= 1024

    def test_daemons_are_limited(self, tmp_path: Path):
        path = start(tmp_path, limited=True, log_level_logfile="info")
        for number in range(500):
            logging.getLogger("x").info("again %d", number)
        assert len(path.read_text().splitlines()) == 100
