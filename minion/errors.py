"""The errors of the minion.

    MinionError
    ├── ConfigError              a configuration file or option is wrong
    ├── LoaderError              a module file can't be loaded
    ├── MasterUnreachable        no master answered in time
    ├── SaltRenderError          a template or SLS file can't be rendered
    ├── TemplateError            a template called `raise`
    ├── SaltException            anything else that users' modules know by this name
    └── CommandExecutionError    an execution module could not do what was asked
        ├── CommandNotFoundError     ... because a program is missing
        ├── SaltInvocationError      ... because it was called wrongly
        ├── FileNotFound             ... because the master has no such file
        └── TimedProcTimeoutError    ... because a program took too long

The names below CommandExecutionError are those that authors of execution modules know.
"""

from __future__ import annotations

from typing import Optional

EX_REJECTED = 77  # exit code of a daemon whose key its master refuses


class MinionError(Exception):
    """Base of all errors of this package."""


class ConfigError(MinionError):
    """A configuration file or an option is wrong; names the file and the option."""


class LoaderError(MinionError):
    """A module file can't be loaded; names the file and the cause."""


class MasterUnreachable(MinionError):
    """No master answered a request within its deadline."""


class SaltException(MinionError):
    """Wrong use of a helper function, by the name that authors of modules know."""


class TemplateError(MinionError):
    """A template said `{{ raise("...") }}`."""


class SaltRenderError(MinionError):
    """A template or SLS file can't be rendered.

    Args:
        message: what is wrong, or the parser's exception.
        line_num: the line of `buf` where it is wrong; shown with its neighbours.
        buf: the text that was rendered.
        marker: points at the line.
        trace: the traceback of the function that the template called.
    """

    def __init__(
        self,
        message: object,
        line_num: Optional[int] = None,
        buf: str = "",
        marker: str = "    <======================",
        trace: Optional[str] = None,
    ) -> None:
        self.error = message
        self.line_num = line_num
        self.buffer = buf
        self.context = ""
        text = str(message)
        if trace:
            text += f"\n{trace}\n"
        if line_num and buf:
            self.context = lines_around(buf, line_num, marker)
            text += f"; line {line_num}\n\n{self.context}"
        super().__init__(text)


class CommandExecutionError(MinionError):
    """An execution module could not do what was asked.

    Args:
        message: what failed, on what, and what to do.
        info: data that belongs to the failure, shown below the message. States move the `changes` in it to theirs.
    """

    def __init__(self, message: object = "", info: object = None) -> None:
        self.error = str(message)
        self.info = info
        super().__init__(_with_info(self.error, info))

    @property
    def strerror_without_changes(self) -> str:
        """The message for a state, which shows the changes elsewhere."""
        info = self.info
        if isinstance(info, dict):
            info = {key: value for key, value in info.items() if key != "changes"}
        return _with_info(self.error, info)


class CommandNotFoundError(CommandExecutionError):
    """A program that the function needs is not installed."""


class SaltInvocationError(CommandExecutionError, TypeError):
    """The function was called with arguments it can't take."""


class FileNotFound(CommandExecutionError):
    """The master's file server has no such file."""


class TimedProcTimeoutError(CommandExecutionError):
    """A program ran longer than its timeout and was killed.

    Args:
        message: which program, and how long.
        pid: of the program.
    """

    def __init__(self, message: object = "", pid: Optional[int] = None) -> None:
        super().__init__(message)
        self.pid = pid


def _with_info(message: str, info: object) -> str:
    if not info:
        return message
    from minion.output.nested import output
    from minion.output.settings import Settings

    if message:
        message += " " if message[-1] in ".?!" else ". "
    return f"{message}Additional info follows:\n\n{output(info, Settings())}"


def lines_around(text: str, line: int, marker: str = "", count: int = 5) -> str:
    """The lines next to a line of a text, between two rulers; the text itself if it has no such line."""
    lines = text.splitlines()
    if line > len(lines):
        return text
    first, last = max(0, line - count - 1), min(len(lines), line + count)
    lines[line - 1] += marker
    cut = ["[...]"] * (first > 0) + lines[first:last] + ["[...]"] * (last < len(lines))
    return "---\n" + "\n".join(cut) + "\n---"


def format_traceback() -> str:
    """The traceback of the exception at hand, with our classes under the names that users know them by."""
    import traceback

    return traceback.format_exc().replace("minion.errors.", "salt.exceptions.")
