"""`salt`: runs functions on minions and prints what they answer, as they answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import click

from master.cli import _targets, common
from master.cli._live import Live
from master.cli._outcome import (
    EX_NO_MINIONS,
    EX_NOT_ACCEPTED,
    EX_OK,
    Item,
    Tally,
    is_known,
    retcode_of,
    sentence_of,
)
from master.cli._targets import Targeting
from master.cli.common import CONTEXT, EX_INTERRUPTED, Common, Printer, Printing
from master.client import LocalClient
from master.control_client import Following, Verdict
from minion.arguments import parse_functions, typed
from minion.errors import SaltInvocationError
from transports.messages import Return

EX_INCOMPLETE = 42
NOBODY = "No minions matched the target. No command was sent, no jid was assigned."
INTERRUPTED = """
Exiting gracefully on Ctrl-c
This job's jid is: {0}
The minions may not have all finished running and any remaining minions will return upon completion. To look up the \
return data for this job later, run the following command:

salt-run jobs.lookup_jid {0}"""


@dataclass(frozen=True)
class Call:
    """What is asked of whom.

    Attributes:
        tgt, tgt_type: whom.
        fun, arg: what, in the form that travels.
        timeout: seconds; None for the configured ones.
        kwargs: further arguments of `LocalClient`.
    """

    tgt: str | list[str]
    tgt_type: str
    fun: str | list[str]
    arg: Sequence[Any] = ()
    timeout: float | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)

    def start(self, client: LocalClient, minions: list[str] | None = None) -> Following:
        """Publishes it, to these minions if they are given."""
        tgt, kind = (self.tgt, self.tgt_type) if minions is None else (minions, "list")
        return client.start(tgt, self.fun, self.arg, kind, timeout=self.timeout, **self.kwargs)


@dataclass(frozen=True)
class Batching:
    """How many minions at a time.

    Attributes:
        size: a number or a percentage; "" for all at once.
        wait: seconds before the next minion takes the place of one that answered.
        failhard: stop at the first failure.
    """

    size: str
    wait: float
    failhard: bool


@dataclass(frozen=True)
class Showing:
    """What is printed beside the results."""

    verbose: bool
    show_jid: bool
    hide_timeout: bool
    static: bool
    progress: bool
    summary: bool


class Session:
    """One run of the command.

    Args:
        client: publishes.
        printer: prints results.
        call: what is asked.
        showing: what else is printed.
    """

    def __init__(self, client: LocalClient, printer: Printer, call: Call, showing: Showing) -> None:
        self._client, self._printer, self._call, self._showing = client, printer, call, showing
        self._tally, self._live = Tally(), Live()
        self._results: dict[str, Any] = {}
        self._proposed = ""

    # ------------------------------------------------------ all at once

    def follow(self, minions: list[str] | None = None) -> int:
        """Publishes the job and waits for everybody; returns the exit code."""
        with self._call.start(self._client, minions) as following:
            if not following.jid:
                return self._nobody(following)
            try:
                self._header(following.jid)
                self._receive(following)
            except KeyboardInterrupt:
                self._live.clear()
                print(INTERRUPTED.format(following.jid), file=sys.stderr)
                return EX_INTERRUPTED
        self._end()
        return self._tally.exit_code()

    def _receive(self, following: Following) -> None:
        if self._call.fun == "sys.doc":
            self._print_docs(self._items(following))
        elif self._showing.progress:
            self._draw_progress(following)
        else:
            for item in self._items(following):
                self._show(item, following.jid)
            self._print_static()

    def _items(self, following: Following) -> Iterator[Item]:
        while True:
            try:
                item = following.next(self._live.patience)
            except TimeoutError:
                self._live.draw(self._tally.told, following.open)
                continue
            self._live.clear()
            if item is None:
                return
            self._tally.add(item)
            yield item

    def _draw_progress(self, following: Following) -> None:
        from minion.output.progress import Bar

        bar = Bar(len(following.minions), sys.stdout)
        for item in following:
            self._tally.add(item)
            bar.update(self._tally.told)
        bar.finish()

    # ----------------------------------------------------------- batches

    def batch(self, batching: Batching) -> int:
        """Runs on some minions at a time; returns the exit code."""
        from master.batch import Batch, Begun, size_of

        limits = {"timeout": self._call.timeout, "delimiter": self._call.kwargs.get("delimiter")}
        up, down = self._client.responsive(self._call.tgt, self._call.tgt_type, **limits)
        if not up and not down:
            print(f"{NOBODY}\nNo minions matched the target.")
            print("ERROR: No return received", file=sys.stderr)
            return EX_NO_MINIONS
        for verdict in down:
            self._tally.add(verdict)
            self._remark(f"Minion {verdict.id} did not respond. No job will be sent.")
        batch = Batch(
            up,
            size_of(batching.size, len(up)),
            lambda chosen: self._call.start(self._client, chosen),
            batching.wait,
            batching.failhard,
        )
        for item in batch:
            if isinstance(item, Begun):
                self._remark(f"\nExecuting run on {sorted(item.minions)}\n")
            else:
                self._tally.add(item)
                self._show_of_batch(item)
        self._print_static()
        if batch.halted:
            print("Batch run stopped due to failhard", file=sys.stderr)
        self._end()
        return self._tally.highest_retcode()

    def _show_of_batch(self, item: Item) -> None:
        if self._showing.static:
            self._show(item, "")
        elif isinstance(item, Verdict):
            self._remark(f"Minion '{item.id}' failed to respond to job sent")
        else:
            shown = {item.id: item.value, "jid": item.jid, "retcode": retcode_of(item)}
            self._printer.show(shown, item.out, retcode_of(item), item.fun_args)

    def _remark(self, text: str) -> None:
        if not self._showing.static:
            print(text, flush=True)

    # ---------------------------------------------------------- printing

    def _header(self, jid: str) -> None:
        if self._showing.verbose:
            title = f"Executing job with jid {jid}"
            print(f"{title}\n{'-' * len(title)}\n", flush=True)
        elif self._showing.show_jid:
            print(f"jid: {jid}", flush=True)

    def _show(self, item: Item, jid: str) -> None:
        if isinstance(item, Verdict) and self._showing.hide_timeout:
            return
        value = item.value if isinstance(item, Return) else sentence_of(item, jid)
        if self._showing.static:
            self._results[item.id] = value
            self._proposed = item.out if isinstance(item, Return) and item.out else self._proposed
        elif isinstance(item, Return):
            self._printer.show({item.id: value}, item.out, retcode_of(item), item.fun_args)
        else:
            self._printer.show({item.id: value}, "no_return", 1)

    def _print_static(self) -> None:
        if not self._showing.static or not self._results:
            return
        from minion.output import choose

        fun = self._call.fun if isinstance(self._call.fun, str) else ""
        outputter = choose(str(self._printer.opts.get("output") or ""), self._proposed, fun=fun, static=True)
        self._printer.show(self._results, outputter, self._tally.exit_code(), list(self._call.arg))

    def _print_docs(self, items: Iterator[Item]) -> None:
        from minion.output.text import printable

        docs: dict[str, str] = {}
        for item in items:
            if isinstance(item, Return) and isinstance(item.value, dict):
                docs.update({fun: text for fun, text in item.value.items() if text and fun not in docs})
            else:
                self._show(item, item.jid if isinstance(item, Return) else "")
        for fun in sorted(docs):
            if self._printer.opts.get("output"):
                self._printer.show({fun: docs[fun]}, "nested")
            else:
                print(printable(f"{fun}:\n{docs[fun]}\n"))

    def _nobody(self, following: Following) -> int:
        print(NOBODY)
        for minion_id, text in following.not_accepted.items():
            print(f"{minion_id}: {text}", file=sys.stderr)
        print("ERROR: No return received", file=sys.stderr)
        return EX_NOT_ACCEPTED if any(map(is_known, following.not_accepted.values())) else EX_NO_MINIONS

    def _end(self) -> None:
        if self._showing.summary or self._showing.progress:
            for line in self._tally.summary(self._showing.verbose):
                print(line)
        if not self._tally.fine:
            sys.stdout.flush()
            print("ERROR: Minions returned with non-zero exit code", file=sys.stderr)
            print(self._tally.sentence(), file=sys.stderr)


# ---------------------------------------------------------------- the command


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
    printer = printing.to(settings)
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
