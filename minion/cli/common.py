"""What all commands share: options, configuration, printing, errors as exit codes.

A command is a click command whose function takes the `Common` and, if it prints results, the `Printing` that the
decorators here make of their options; `run` is its main program:

    @click.command(context_settings=CONTEXT)
    @common.options()
    @common.output_options
    def command(common: Common, printing: Printing) -> int: ...

    def main() -> NoReturn:
        run(command, "salt-call")
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import sys
from typing import Any, Callable, List, Mapping, NoReturn, Optional, Sequence, Type, TypeVar

import click

from minion.config import CONFIG_DIR
from minion.errors import ConfigError, MinionError
from minion.logs import LEVELS
from transports import __version__
from transports.errors import TransportError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EX_FAILED = 1
EX_USAGE = 64
EX_SOFTWARE = 70
EX_INTERRUPTED = 130

Function = TypeVar("Function", bound=Callable[..., Any])
log = logging.getLogger(__name__)


# ------------------------------------------------------------------ options


@dataclasses.dataclass(frozen=True)
class Common:
    """The options that every command has."""

    config_dir: str
    user: Optional[str]
    log_level: Optional[str]
    log_file: Optional[str]
    log_file_level: Optional[str]

    def folder(self) -> str:
        """The folder of the configuration, which had better exist."""
        folder = os.path.abspath(os.path.expanduser(self.config_dir))
        if not os.path.isdir(folder):
            print(f"WARNING: CONFIG '{folder}' directory does not exist.", file=sys.stderr)
        return folder

    def given(self, log_file_option: str = "log_file") -> Mapping[str, Any]:
        """What these options set in the configuration.

        Args:
            log_file_option: the option that names this command's log file.
        """
        values = {
            "user": self.user,
            "log_level": self.log_level,
            "log_level_logfile": self.log_file_level,
            log_file_option: self.log_file,
        }
        return {name: value for name, value in values.items() if value is not None}


def options(
    short_log_level: bool = True, kind: Type[Common] = Common, user_help: str = "User to run as."
) -> Callable[[Function], Function]:
    """Gives a command the options that all have; its function gets them as `common`.

    Args:
        short_log_level: whether `-l` means the log level (not so in salt-key).
        kind: what their values are put into.
        user_help: what `--user` means.
    """
    levels = click.Choice(list(LEVELS))
    declared = [
        click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
                     help="Print the version and exit."),
        click.option("-V", "--versions-report", is_flag=True, is_eager=True, expose_value=False,
                     callback=_print_versions, help="Print the versions of what this program depends on and exit."),
        click.option("--saltfile", is_eager=True, expose_value=False, callback=_read_saltfile, envvar="SALT_SALTFILE",
                     help="A file of defaults for the options of all commands."),
        click.option("-c", "--config-dir", default=CONFIG_DIR, show_default=True, envvar="SALT_CONFIG_DIR",
                     help="Folder of the configuration files."),
        click.option("-u", "--user", help=user_help),
        click.option("--hard-crash", is_flag=True, expose_value=False, help="Show the traceback of an error."),
        click.option(*(["-l"] if short_log_level else []), "--log-level", type=levels,
                     help="Level of messages on stderr."),
        click.option("--log-file", help="Log file."),
        click.option("--log-file-level", type=levels, help="Level of the log file."),
    ]  # fmt: skip
    return lambda function: with_options(function, declared, kind, "common")


@dataclasses.dataclass(frozen=True)
class Printing:
    """How results are printed, as the command line says; the configuration has a say when `to` is called."""

    output: Optional[str]
    output_indent: Optional[int]
    output_file: Optional[str]
    output_file_append: bool
    no_color: bool
    force_color: bool
    state_output: Optional[str]
    state_verbose: Optional[str]

    def to(self, configured: Mapping[str, Any]) -> Printer:
        """What prints with these options under this configuration.

        Raises:
            ConfigError: the output file can't be written.
        """
        opts = dict(configured)
        opts.update({name: value for name, value in dataclasses.asdict(self).items() if value is not None})
        if self.state_verbose is not None:
            opts["state_verbose"] = self.state_verbose.lower() == "true"
        if opts.get("color"):
            del opts["color"]  # means: on a terminal, as is the outputters' own default
        return Printer(opts)


class Printer:
    """Prints results through the outputters, to the terminal or a file.

    Args:
        opts: options by Salt's names, those of the command line included.

    Raises:
        ConfigError: the output file can't be written.
    """

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self.opts = opts
        self._path = opts.get("output_file")
        if self._path and not opts.get("output_file_append"):
            self._write("w", "")

    def show(self, data: Any, proposed: str = "", retcode: int = 0, arg: Sequence[Any] = ()) -> None:
        """Prints one result.

        Args:
            data: what it is.
            proposed: the outputter to use unless the user asked for another.
            retcode: of the function whose result it is.
            arg: its arguments, some of which steer how states are shown.
        """
        from minion import output

        chosen = output.choose(self.opts.get("output") or "", proposed)
        terminal = not self._path and sys.stdout.isatty()
        text = output.render(data, chosen, output.from_opts(self.opts, terminal=terminal, retcode=retcode, arg=arg))
        if not text:
            return
        if self._path:
            self._write("a", text + "\n")
        else:
            print(text, flush=True)

    def _write(self, mode: str, text: str) -> None:
        try:
            with open(str(self._path), mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as exc:
            raise ConfigError(f"the output file {self._path} can't be written: {exc.strerror}") from None


def output_options(function: Function) -> Function:
    """Gives a command the options of printing; its function gets them as `printing`."""
    declared = [
        click.option("--out", "--output", "output", help="Outputter: nested, json, yaml, txt, raw, pprint, ..."),
        click.option("--out-indent", "--output-indent", "output_indent", type=int,
                     help="Columns of indentation; negative for none."),
        click.option("--out-file", "--output-file", "output_file", help="Write the output to this file."),
        click.option("--out-file-append", "--output-file-append", "output_file_append", is_flag=True,
                     help="Append to the output file."),
        click.option("--no-color", "--no-colour", "no_color", is_flag=True, help="No colours."),
        click.option("--force-color", "--force-colour", "force_color", is_flag=True, help="Colours, come what may."),
        click.option("--state-output", "--state_output", "state_output",
                     help="full, terse, mixed, changes or filter."),
        click.option("--state-verbose", "--state_verbose", "state_verbose", help="True or False."),
    ]  # fmt: skip
    return with_options(function, declared, Printing, "printing")


def with_options(function: Function, declared: List[Any], kind: Type[Any], argument: str) -> Function:
    names = [field.name for field in dataclasses.fields(kind)]

    @functools.wraps(function)
    def call(**params: Any) -> Any:
        made = kind(**{name: params.pop(name) for name in names})
        return function(**{argument: made}, **params)

    decorated: Any = call
    for decorate in reversed(declared):
        decorated = decorate(decorated)
    return decorated  # type: ignore[no-any-return]


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        print(f"{ctx.info_name} {__version__} (Saltern)")
        ctx.exit(0)


def _print_versions(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from minion.versions import report

        print(report())
        ctx.exit(0)


def _read_saltfile(ctx: click.Context, _param: click.Parameter, path: Optional[str]) -> None:
    """Only a file that was named: one that lies in the current directory may be anybody's."""
    if not path:
        return
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file) or {}
        section = content.get(ctx.info_name) or {}
        ctx.default_map = {**(ctx.default_map or {}), **section}
    except (OSError, AttributeError, TypeError, yaml.YAMLError) as exc:
        raise click.UsageError(f"the Saltfile {path} can't be used: {exc}") from None


# --------------------------------------------------------------------- user


def switch_user(name: str) -> None:
    """Becomes the user that the configuration names, so that files get the right owner.

    Raises:
        ConfigError: there is no such user, or this process may not become him.
    """
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(f"there is no user {name}, as which the configuration (option `user`) wants to run") from None
    if entry.pw_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        raise ConfigError(f'Salt configured to run as user "{name}" but unable to switch.')
    os.initgroups(name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.environ.update(HOME=entry.pw_dir, USER=name, LOGNAME=name)


# ----------------------------------------------------------- main programs


def run(command: click.Command, prog: str) -> NoReturn:
    """Runs a command and ends the process: what it returns is the exit code, its errors become a line and a code.

    Args:
        command: it may return an int, or None for success.
        prog: its name.

    An error with an `exit_code`, and those of the minion and the transports, say all in their text; any other one is a
    mistake of ours.
    """
    sys.exit(outcome(command, prog))


def outcome(command: click.Command, prog: str) -> int:
    """The exit code of a command, after its error was told."""
    try:
        code = command.main(prog_name=prog, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.UsageError as exc:
        print(f"Usage: {prog} [options]\n\n{prog}: error: {_usage(exc)}", file=sys.stderr)
        return EX_USAGE
    except (KeyboardInterrupt, click.Abort):
        print("Exiting gracefully on Ctrl-c", file=sys.stderr)  # click has ended the line with ^C
        return EX_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes stdout once more when it ends
        return EX_FAILED
    except Exception as exc:
        if _hard_crash():
            raise
        if isinstance(exc, (MinionError, TransportError, OSError)) or hasattr(exc, "exit_code"):
            print(f"Error: {exc}", file=sys.stderr)
            return getattr(exc, "exit_code", EX_FAILED)
        log.debug("unexpected error", exc_info=True)
        print(f"Error: {type(exc).__name__}: {exc} (--hard-crash shows where)", file=sys.stderr)
        return EX_SOFTWARE


def _hard_crash() -> bool:
    return "--hard-crash" in sys.argv or bool(os.environ.get("SALT_HARD_CRASH"))


def _usage(exc: click.UsageError) -> str:
    """A wrong command line in the words that users of Salt know."""
    if isinstance(exc, click.NoSuchOption):
        return f"no such option: {exc.option_name}"
    if isinstance(exc, click.BadOptionUsage):
        return f"{exc.option_name} option requires 1 argument"
    return exc.format_message()
