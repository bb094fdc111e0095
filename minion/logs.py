"""Log messages: to stderr and to a file, by Salt's levels and formats, safe to read on a terminal."""

from __future__ import annotations

import collections
import logging
import os
import time
from typing import Any, Callable, Dict, Mapping, Protocol, Tuple

LEVELS = {
    "all": 1, "garbage": 1, "trace": 5, "debug": 10, "profile": 15, "info": 20, "warning": 30, "error": 40,
    "critical": 50, "quiet": 1000,
}  # fmt: skip
_BURST = 100
_WINDOW = 60.0
_MAX_KINDS = 1024


class LogSettings(Protocol):
    """The options that logging needs."""

    @property
    def log_level(self) -> str: ...
    @property
    def log_level_logfile(self) -> str: ...
    @property
    def log_fmt_console(self) -> str: ...
    @property
    def log_fmt_logfile(self) -> str: ...
    @property
    def log_datefmt(self) -> str: ...
    @property
    def log_datefmt_logfile(self) -> str: ...
    @property
    def log_granular_levels(self) -> Dict[str, Any]: ...


class _Formatter(logging.Formatter):
    """One record is one line, whatever a peer put into it; only tracebacks take several."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        from minion.output.text import printable

        return printable(super().formatMessage(record)).replace("\n", "\\n")


class _LogFile(logging.FileHandler):
    def _open(self) -> Any:
        """Logs tell of users and their commands, so the file is made for its owner alone."""
        return open(
            self.baseFilename, self.mode, encoding=self.encoding, opener=lambda path, flags: os.open(path, flags, 0o600)
        )

    def reopen(self) -> None:
        """Lets go of the file; the next message opens the one that has the name by then."""
        self.acquire()
        try:
            if self.stream is not None:
                self.stream.close()
                self.stream = None
        finally:
            self.release()


class RateLimit(logging.Filter):
    """Passes so many messages of one kind in a window of time; a peer must not fill the disk.

    Args:
        burst: messages of one kind (logger and text before its values are put in).
        window: seconds.
        clock: monotonic time.
    """

    def __init__(
        self, burst: int = _BURST, window: float = _WINDOW, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._burst, self._window, self._clock = burst, window, clock
        self._seen: collections.OrderedDict[Tuple[str, str], Tuple[float, int]] = collections.OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; the last one before silence says that more may follow."""
        kind, now = (record.name, str(record.msg)), self._clock()
        since, count = self._seen.pop(kind, (now, 0))
        if now >= since + self._window:
            since, count = now, 0
        self._seen[kind] = (since, count + 1)
        while len(self._seen) > _MAX_KINDS:
            self._seen.popitem(last=False)
        if count + 1 == self._burst:
            record.msg = f"{record.msg} (further messages of this kind are left out for {self._window:.0f} s)"
        return count < self._burst


def start(settings: LogSettings, path: str, limited: bool = False) -> None:
    """Messages go to stderr and to a log file, which is made when there is something to write.

    Args:
        settings: levels and formats.
        path: the log file, "" for none.
        limited: leave messages out that come too often; for daemons.
    """
    console_level = LEVELS.get(settings.log_level, logging.WARNING)
    file_level = LEVELS.get(settings.log_level_logfile, console_level)
    for name in ("garbage", "trace", "profile"):
        logging.addLevelName(LEVELS[name], name.upper())
    console = logging.StreamHandler()
    console.setLevel(console_level)
    console.setFormatter(_Formatter(settings.log_fmt_console, settings.log_datefmt))
    root = logging.getLogger()
    root.handlers[:] = [console]
    if path and os.access(path if os.path.exists(path) else os.path.dirname(path), os.W_OK):
        file = _LogFile(path, encoding="utf-8", delay=True)
        file.setLevel(file_level)
        file.setFormatter(_Formatter(settings.log_fmt_logfile, settings.log_datefmt_logfile))
        root.addHandler(file)
    if limited:
        for handler in root.handlers:
            handler.addFilter(RateLimit())
    root.setLevel(min(console_level, file_level))
    set_levels(settings.log_granular_levels)


def set_levels(levels: Mapping[str, Any]) -> None:
    """Gives some loggers a level of their own."""
    for name, level in levels.items():
        logging.getLogger(name).setLevel(LEVELS.get(str(level).lower(), logging.NOTSET))


def reopen() -> None:
    """After the log file was moved away: further messages go to a new one."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _LogFile):
            handler.reopen()
