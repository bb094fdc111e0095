"""`salt`: runs functions on minions and prints what they answer, as they answer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from master.cli import _targets, common
from master.cli._outcome import EX_NO_MINIONS, EX_OK
from master.cli._session import NOBODY, Batching, Call, Session, Showing
from master.cli._targets import Targeting
from master.cli.common import CONTEXT, Common, Printing
from master.client import LocalClient
from minion.arguments import parse_functions, typed
from minion.errors import SaltInvocationError

EX_INCOMPLETE = 42


def _typed(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Any:
    return typed(value)


@click.command(context_settings=CONTEXT, options_metavar="[options]")
@common.options()
@_targets.options()
@click.option("-H", "--hosts", is_flag=True, help="List the hosts of the roster; they are salt-ssh's.")
@click.option("-t", "--timeout", type=float, help="Seconds until silent minions are asked whether they still work.")
@click.option("--args-stdin", is_flag=True, expose_value=False, help="Read further words from stdin, one in each line.")
@click.option(
    "--no-parse", default="", metavar="NAME,...", help="Keyword arguments that are text, whatever they spell."
)
@click.option("-s", "--static", is_flag=True, help="Print all results together, at the end.")
@click.option("-p", "--progress", is_flag=True, help="Draw a progress bar instead of printing results.")
@click.option("--failhard", is_flag=True, help="Start no further batch once a minion failed.")
@click.option("--async", "asynchronous", is_flag=True, help="Print the job id and wait for nobody.")
@click.option("--subset", type=int, default=0, help="Run on so many minions, at random, that have the function.")
@click.option("-v", "--verbose", is_flag=True, help="Print the job id, and names in the summary.")
@click.option(
    "--show-timeout", is_flag=True, expose_value=False, help="Name minions that did not return (the default)."
)
@click.option("--hide-timeout", is_flag=True, help="Print nothing for minions that did not return.")
@click.option("--show-jid", is_flag=True, help="Print the job id.")
@click.option("-b", "--batch", "--batch-size", "batch", default="", help="So many minions at a time, or a percentage.")
@click.option("--batch-wait", type=float, default=0.0, help="Seconds before the next minion takes the place of one.")
@click.option("--batch-safe-limit", type=int, default=0, help="Run in batches if there are so many minions.")
@click.option("--batch-safe-size", default="8", show_default=True, help="Size of the batches of --batch-safe-limit.")
@click.option("--return", "returner", default="", help="Returners that the minions run, separated by commas.")
@click.option("--return_config", "ret_config", help="Which of the returners' configurations they use.")
@click.option("--return_kwargs", "ret_kwargs", callback=_typed, help="Options of the returners.")
@click.option(
    "--module-executors", "module_executors", callback=_typed, help="Executors that replace the minions' own."
)
@click.option("--executor-opts", "executor_opts", callback=_typed, help="Options of the executors.")
@click.option("--metadata", "metadata", callback=_typed, help="Data by which the job can be found later.")
@click.option("--start-event", is_flag=True, help="Minions send an event when they begin.")
@click.option("-d", "--doc", "--documentation", "doc", is_flag=True, help="Print what functions are for.")
@click.option("--args-separator", default=",", show_default=True, help="Between the arguments of several functions.")
@click.option("--summary", is_flag=True, help="Print a summary.")
@click.option("--output-diff", is_flag=True, help="Show only states with changes.")
@click.option("--config-dump", is_flag=True, help="Print the master's configuration.")
@click.option("--preview-target", is_flag=True, help="Print whom the target means; nothing is sent to them.")
@click.option("-a", "--auth", "--eauth", "--external-auth", "eauth", help="External authentication (not supported).")
@click.option("-T", "--make-token", is_flag=True, help="Make a token for external authentication (not supported).")
@click.option("--username", help="User name for external authentication (not supported).")
@click.option("--password", help="Password for external authentication (not supported).")
@common.output_options
@click.argument("words", nargs=-1, metavar="TARGET FUNCTION [ARGUMENTS]")
def command(common: Common, printing: Printing, targeting: Targeting, words: tuple[str, ...], **given: Any) -> int:
    """Runs a function on all minions that TARGET means, and prints what they answer."""
    _refuse(given)
    settings = common.settings(state_output_diff=True if given["output_diff"] else None)
    if given["config_dump"]:
        import yaml

        print(yaml.safe_dump(settings.opts(), default_flow_style=False), end="")
        return EX_OK
    client = LocalClient(mopts=settings.opts())
    printer = printing.to(settings.opts())
    if given["preview_target"] and words:
        printer.show(client.gather_minions(targeting.read(words[0]), targeting.kind), "nested")
        return EX_OK
    call = _call(_words(words, given["doc"]), targeting, given)
    showing = Showing(
        verbose=given["verbose"],
        show_jid=given["show_jid"],
        hide_timeout=given["hide_timeout"] or not settings.show_timeout,
        static=given["static"],
        progress=given["progress"],
        summary=given["summary"] or settings.cli_summary,
    )
    return _dispatch(client, Session(client, printer, call, showing), call, given, settings.failhard)


def _dispatch(client: LocalClient, session: Session, call: Call, given: dict[str, Any], failhard: bool) -> int:
    if given["asynchronous"]:
        return _publish(client, call)
    batch = given["batch"]
    if given["batch_safe_limit"] > 1 and not batch:
        targeted = client.gather_minions(call.tgt, call.tgt_type, call.kwargs["delimiter"])
        if len(targeted) >= given["batch_safe_limit"]:
            print("\nNOTICE: Too many minions targeted, switching to batch execution.")
            batch = given["batch_safe_size"]
    if batch:
        return session.batch(Batching(batch, given["batch_wait"], given["failhard"] or failhard))
    if given["subset"]:
        delimiter = call.kwargs["delimiter"]
        chosen = client.choose(call.tgt, call.fun, call.tgt_type, given["subset"], delimiter=delimiter)
        return session.follow(chosen)
    return session.follow()


def _publish(client: LocalClient, call: Call) -> int:
    published = client.pub(call.tgt, call.fun, call.arg, call.tgt_type, timeout=call.timeout, **call.kwargs)
    if not published["jid"]:
        print(NOBODY)
        return EX_NO_MINIONS
    print(f"Executed command with job ID: {published['jid']}")
    return EX_OK


def _refuse(given: dict[str, Any]) -> None:
    if given["eauth"] or given["make_token"] or given["username"] or given["password"]:
        raise click.UsageError(
            "external authentication (-a, -T, --username, --password) is not supported: "
            "the master knows who you are from the kernel, see publisher_acl"
        )
    if given["hosts"]:
        raise click.UsageError("-H: hosts of the roster are salt-ssh's")
    if given["asynchronous"] and given["batch"]:
        raise click.UsageError("--async and --batch exclude each other: batches need somebody who waits")


def _words(words: Sequence[str], doc: bool) -> list[str]:
    """Target, function and arguments; `-d` stands for the function `sys.doc`."""
    made = list(words)
    if doc:
        made = made or ["*"]
        if len(made) < 2 or made[1] != "sys.doc":
            made.insert(1, "sys.doc")
        if len(made) > 3:
            raise click.UsageError("You can only get documentation for one method at one time.")
    if len(made) >= 2:
        return made
    print(click.get_current_context().get_help())
    missing = "Incomplete options passed." if made else "Cannot execute command without defining a target."
    print(f"\n{missing}\n", file=sys.stderr)
    click.get_current_context().exit(EX_INCOMPLETE)


def _call(words: list[str], targeting: Targeting, given: dict[str, Any]) -> Call:
    no_parse = tuple(filter(None, given["no_parse"].split(",")))
    try:
        fun, arg = parse_functions(words[1], words[2:], given["args_separator"], no_parse)
    except SaltInvocationError as exc:
        print(exc, file=sys.stderr)
        click.get_current_context().exit(EX_INCOMPLETE)
    passed_on = ("ret_config", "ret_kwargs", "module_executors", "executor_opts", "metadata")
    kwargs = {name: given[name] for name in passed_on if given[name] is not None}
    if given["start_event"]:
        kwargs["start_event"] = True
    timeout = given["timeout"] if given["timeout"] and given["timeout"] > 0 else None
    kwargs.update(delimiter=targeting.delimiter, ret=given["returner"])
    return Call(targeting.read(words[0]), targeting.kind, fun, arg, timeout, kwargs)


def main() -> NoReturn:
    """The program `salt`."""
    if "--args-stdin" in sys.argv:
        sys.argv += sys.stdin.read().splitlines()
    common.run(command, "salt")
