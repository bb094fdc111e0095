"""salt-call: runs a function on this host, with the master's files and pillar or without a master."""

from __future__ import annotations

import glob
import os
import sys
from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Optional, Sequence, Tuple

import click

from minion.cli.common import CONTEXT, EX_FAILED, Common, Printing, options, output_options, run, switch_user

if TYPE_CHECKING:
    from minion.caller import Call, Caller
    from minion.config import MinionSettings
    from minion.master import MasterPipe

EX_UNKNOWN_FUNCTION = 255
_ROOTS = ("file_root", "pillar_root", "states_dir")


@click.command(context_settings=CONTEXT)
@options()
@output_options
@click.option("-g", "--grains", "show_grains", is_flag=True, help="Print the grains.")
@click.option("-d", "--doc", "--documentation", "doc", is_flag=True, help="Print the documentation of functions.")
@click.option("-m", "--module-dirs", "module_dirs", multiple=True, help="A further folder of execution modules.")
@click.option("--master", help="The master to use.")
@click.option("--return", "returners", default="", help="Returners that get the result, comma separated.")
@click.option("--local", is_flag=True, help="Run as if there were no master.")
@click.option("--file-root", multiple=True, help="Folder of files, for --local.")
@click.option("--pillar-root", multiple=True, help="Folder of pillar files, for --local.")
@click.option("--states-dir", multiple=True, help="A further folder of states.")
@click.option("--retcode-passthrough", is_flag=True, help="Exit with the function's own code.")
@click.option("--metadata", "show_metadata", is_flag=True, help="Print all that is known of the call.")
@click.option("--set-metadata", help="Metadata that the master keeps with the result.")
@click.option("--id", "minion_id", help="The minion id to use.")
@click.option("--cachedir", help="Folder of caches.")
@click.option("--skip-grains", is_flag=True, help="Do not collect grains.")
@click.option("--refresh-grains-cache", is_flag=True, help="Accepted for Salt's sake; grains are collected each time.")
@click.option(
    "--no-return-job", "--no-return-event", "no_return", is_flag=True, help="Do not send the result to the master."
)
@click.option("-t", "--timeout", "auth_timeout", type=float, help="Seconds to wait for the master to let us in.")
@click.option("--output-diff", is_flag=True, help="Show only states with changes.")
@click.option("--priv", help="User to run as.")
@click.option("--module-executors", help="How functions are called, a list.")
@click.option("--executor-opts", help="Options of these executors, a map.")
@click.option("--no-parse", default="", help="Keyword arguments whose values stay text, comma separated.")
@click.option("--args-stdin", is_flag=True, expose_value=False, help="Read more arguments from stdin, one a line.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="FUNCTION [ARGUMENTS]...")
def command(common: Common, printing: Printing, words: Tuple[str, ...], **given: Any) -> int:
    """Runs a function of the execution modules on this host."""
    if given["show_grains"] and words:
        raise click.UsageError("-g/--grains does not accept any arguments")
    if not (words or given["show_grains"] or given["doc"]):
        raise click.UsageError("Requires function, --grains or --doc")
    settings = _settings(common, given)
    if given["priv"] or common.user:
        switch_user(str(given["priv"] or common.user))
    from minion.caller import options_of

    opts = options_of(settings, __cli="salt-call", no_parse=given["no_parse"].split(","))
    if given["module_dirs"]:
        opts["module_dirs"] = [*opts["module_dirs"], *given["module_dirs"]]
    pipe = _connect(settings, opts, given)
    grains = {} if given["skip_grains"] else _grains(opts)
    printer = printing.to({**opts, "state_output_diff": given["output_diff"] or opts["state_output_diff"]})
    if given["show_grains"]:
        printer.show({"local": grains})
        return 0
    caller = _caller(opts, grains, pipe)
    if given["doc"]:
        return _print_docs(caller, words[0] if words else "")
    return _call(caller, words, given, printer.show)


def _settings(common: Common, given: Dict[str, Any]) -> MinionSettings:
    """The minion's configuration with what the command line sets; starts the log."""
    from minion import config, logs

    folder = common.folder()
    overrides: Dict[str, Any] = {**common.given(), "conf_dir": folder}
    for option, value in (("id", "minion_id"), ("master", "master")):
        if given[value]:
            overrides[option] = given[value]
    for option in _ROOTS:
        if given[option]:
            folders = _folders(given[option])
            overrides[f"{option}s"] = folders if option == "states_dir" else {"base": folders}
    if given["cachedir"]:
        overrides["cachedir"] = os.path.abspath(given["cachedir"])
    if given["local"]:
        overrides.update(local=True, file_client="local")
    else:
        _warn_of_ignored(given)
    path = os.environ.get("SALT_MINION_CONFIG") or os.path.join(folder, "minion")
    settings = config.load(path, overrides)
    logs.start(settings, settings.log_file)
    return settings


def _folders(given: Sequence[str]) -> List[str]:
    """Absolute paths, globs expanded."""
    found: List[str] = []
    for path in map(os.path.abspath, given):
        found += sorted(glob.glob(path)) if glob.has_magic(path) else [path]
    return found


def _warn_of_ignored(given: Dict[str, Any]) -> None:
    names = ["--" + option.replace("_", "-") for option in _ROOTS if given[option]]
    if names:
        verb = "is" if len(names) == 1 else "are"
        print(
            f"Warning: {', '.join(names)} {verb} ignored because --local was not specified; the files come from the "
            "master.",
            file=sys.stderr,
        )


def _grains(opts: Dict[str, Any]) -> Dict[str, Any]:
    from minion.facts import collect_grains
    from minion.loaders import module_folders

    return collect_grains(opts, module_folders("grains", opts)[:-1])


def _connect(settings: MinionSettings, opts: Dict[str, Any], given: Dict[str, Any]) -> Optional[MasterPipe]:
    """The way to the master, if one is needed; signing in goes on beside what we do next."""
    from minion.caller import is_local

    if given["show_grains"] or is_local(opts):
        return None
    from minion.daemon.companion import connect

    return connect(settings, opts, *([given["auth_timeout"]] if given["auth_timeout"] else []))


def _caller(opts: Dict[str, Any], grains: Dict[str, Any], pipe: Optional[MasterPipe]) -> Caller:
    from minion.caller import Caller

    if pipe is not None:
        return Caller(opts, grains, pipe)
    from minion.local import LocalMaster

    return Caller(opts, grains, LocalMaster(opts, grains))


def _print_docs(caller: Caller, prefix: str) -> int:
    for name, text in sorted(caller.documentation(prefix).items()):
        print(f"{name}:\n{text}\n")
    return 0


def _call(caller: Caller, words: Sequence[str], given: Dict[str, Any], show: Any) -> int:
    from minion.arguments import condense, parse_args, typed

    fun = words[0]
    functions = caller.runtime.loaders.modules
    if fun not in functions and not caller.documentation(fun):
        print(functions.why_missing(fun), file=sys.stderr)
        return EX_UNKNOWN_FUNCTION
    chosen = {name: typed(given[name]) for name in ("module_executors", "executor_opts") if given[name]}
    arg = condense(*parse_args(words[1:], given["no_parse"].split(",")))
    call = caller.call(fun, arg, typed(given["set_metadata"]), chosen)
    _tell(caller, call, given)
    if call.outcome.error is not None:
        return _explain(call, functions.get(fun))
    load = {**call.result.to_wire(), "fun_args": list(words[1:])}
    shown = load if given["show_metadata"] else call.outcome.value
    show({"local": shown}, "" if given["show_metadata"] else call.outcome.out, call.outcome.retcode)
    if given["retcode_passthrough"]:
        return call.outcome.retcode
    return EX_FAILED if call.outcome.retcode else 0


def _tell(caller: Caller, call: Call, given: Dict[str, Any]) -> None:
    """Whoever is to know the result besides the user."""
    from minion.caller import is_local

    if given["returners"]:
        caller.hand_to_returners(call, given["returners"])
    if not given["no_return"] and not is_local(caller.runtime.opts):
        caller.report(call)


def _explain(call: Call, function: Any) -> int:
    """Says on stderr what went wrong, in the words that Salt's users know."""
    import traceback

    from minion import errors
    from minion.executor import raised_within

    fun, exc = call.job.fun[0], call.outcome.error
    if isinstance(exc, errors.CommandNotFoundError):
        print(f"Command required for '{fun}' not found: {exc}", file=sys.stderr)
    elif isinstance(exc, errors.CommandExecutionError) and not isinstance(exc, TypeError):
        print(f"Error running '{fun}': {exc}", file=sys.stderr)
    elif isinstance(exc, errors.SaltInvocationError) and not raised_within(function, exc):
        print(exc, file=sys.stderr)
    elif isinstance(exc, errors.SaltInvocationError) or (
        isinstance(exc, TypeError) and not raised_within(function, exc)
    ):
        print(f"\nPassed invalid arguments: {exc}.\n\nUsage:", file=sys.stderr)
        print(function.__doc__ or "")
    elif exc is not None:
        traceback.print_exception(type(exc), exc, exc.__traceback__)
    return EX_FAILED


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """The program."""
    if arguments is not None:
        sys.argv[1:] = arguments
    if "--args-stdin" in sys.argv[1:]:
        sys.argv += [line.rstrip("\n") for line in sys.stdin]
    run(command, "salt-call")
