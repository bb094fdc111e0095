"""`salt-run`: runs functions on the master."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from master.cli import common
from master.cli.common import CONTEXT, Common, Printer, Printing
from master.runner import Run, RunnerClient
from minion.arguments import parse_args

EX_OK = 0
EX_FAILED = 1
IN_BACKGROUND = (
    "Running in asynchronous mode. Results of this execution may be collected by attaching to the master event bus or "
    "by examining the master job cache, if configured. This execution is running under tag {}"
)


@click.command(context_settings=CONTEXT, options_metavar="[options]")
@common.options()
@click.option("-t", "--timeout", type=float, help="Seconds that runners wait for minions.")
@click.option("--args-stdin", is_flag=True, expose_value=False, help="Read further words from stdin, one in each line.")
@click.option("--jid", help="The job id; one is made if it is not given.")
@click.option(
    "--no-parse", default="", metavar="NAME,...", help="Keyword arguments that are text, whatever they spell."
)
@click.option("-d", "--doc", "--documentation", "doc", is_flag=True, help="Print what runners are for.")
@click.option("--async", "asynchronous", is_flag=True, help="Start the runner and don't wait for it.")
@click.option("--skip-grains", is_flag=True, expose_value=False, help="Accepted for Salt's sake.")
@click.option("--quiet", is_flag=True, help="Print no result.")
@click.option("--show-jid", is_flag=True, help="Print the job id.")
@click.option("-a", "--auth", "--eauth", "--external-auth", "eauth", help="External authentication (not supported).")
@click.option("-T", "--make-token", is_flag=True, help="Make a token for external authentication (not supported).")
@click.option("--username", help="User name for external authentication (not supported).")
@click.option("--password", help="Password for external authentication (not supported).")
@common.output_options
@click.argument("words", nargs=-1, metavar="FUNCTION [ARGUMENTS]")
def command(common: Common, printing: Printing, words: tuple[str, ...], **given: Any) -> int:
    """Runs a runner, a function on the master, and prints what it returns."""
    if given["eauth"] or given["make_token"] or given["username"] or given["password"]:
        raise click.UsageError("external authentication (-a, -T, --username, --password) is not supported")
    settings = common.settings(timeout=given["timeout"])
    printer = printing.to(settings.opts())
    with RunnerClient(settings.opts()) as client:
        if given["doc"] or not words:
            return _print_docs(client, words[0] if words else "")
        args, kwargs = parse_args(words[1:], tuple(filter(None, given["no_parse"].split(","))))
        jid = given["jid"] or client.new_jid()
        if given["asynchronous"]:
            started = client.start(words[0], args, kwargs, jid)
            print(f"[WARNING ] {IN_BACKGROUND.format(started['tag'])}", file=sys.stderr)
            return EX_OK
        if given["show_jid"]:
            print(f"jid: {jid}", flush=True)

        def show(told: Mapping[str, Any]) -> None:
            if not given["quiet"]:
                printer.show(told, "nested")

        run = client.run(words[0], args, kwargs, jid, show=show)
        if words[0] not in client.functions and client.get_docs(words[0]):
            print(run.value, file=sys.stderr)
            _print_docs(client, words[0])
        elif not given["quiet"]:
            _print_result(printer, run)
        return run.retcode


def _print_result(printer: Printer, run: Run) -> None:
    """Prints a result; a runner may wish for an outputter by returning `{"outputter": ..., "data": ...}`.

    With more in it (`retcode` of an orchestration) all of it is the result.
    """
    value = run.value
    wishes = isinstance(value, dict) and {"outputter", "data"} <= set(value)
    shown = value["data"] if wishes and len(value) == 2 else value
    printer.show(shown, str(value["outputter"] or "") if wishes else "", run.retcode)


def _print_docs(client: RunnerClient, prefix: str) -> int:
    docs = client.get_docs(prefix)
    for name in sorted(docs):
        print(f"{name}:\n{docs[name]}")
    if not docs:
        print(f"'{prefix}' is not available.", file=sys.stderr)
    return EX_OK if docs else EX_FAILED


def main() -> NoReturn:
    """The program `salt-run`."""
    if "--args-stdin" in sys.argv:
        sys.argv += sys.stdin.read().splitlines()
    common.run(command, "salt-run")


if __name__ == "__main__":
    main()
