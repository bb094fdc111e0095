"""`salt-cp`: copies files to minions, through jobs."""

from __future__ import annotations

import base64
import gzip
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from master.cli import _targets, common
from master.cli._live import Live
from master.cli._outcome import EX_FAILED, EX_NO_MINIONS, EX_OK, Item, Tally, sentence_of
from master.cli._session import NOBODY
from master.cli._targets import Targeting
from master.cli.common import CONTEXT, Common, Printing
from master.client import LocalClient
from master.control_client import Verdict
from master.jobs import State
from transports.messages import Return

EX_NO_SOURCE = 42


@dataclass(frozen=True)
class Source:
    """One file, or empty folder, that is to be copied.

    Attributes:
        path: here.
        inside: its path below the destination; "" if it was named itself and may become the destination.
        mode: its permissions; None for a folder.
    """

    path: str
    inside: str
    mode: int | None


def sources_of(paths: Sequence[str]) -> list[Source]:
    """All files and empty folders that some paths mean.

    Raises:
        FileNotFoundError: there is nothing at a path.
    """
    found: list[Source] = []
    for path in map(os.path.realpath, paths):
        if not os.path.isdir(path):
            found.append(Source(path, "", stat.S_IMODE(os.stat(path).st_mode)))
            continue
        name = os.path.basename(path)
        for place, folders, files in os.walk(path, followlinks=True):
            folders[:] = [folder for folder in folders if not _leads_back(place, folder)]
            inside = os.path.join(name, os.path.relpath(place, path)) if place != path else name
            for file in sorted(files):
                full = os.path.join(place, file)
                if os.path.isfile(full):
                    found.append(Source(full, os.path.join(inside, file), stat.S_IMODE(os.stat(full).st_mode)))
            if not folders and not files:
                found.append(Source(place, inside, None))
    return found


def _leads_back(place: str, folder: str) -> bool:
    """Whether a folder is a link to one that it is in."""
    full = os.path.join(place, folder)
    return os.path.islink(full) and (place + "/").startswith(os.path.realpath(full) + "/")


class Copying:
    """Copies files to the minions that a target means.

    Args:
        client: publishes.
        targeting: how to read the target.
        tgt: the target.
        options: `timeout` and the like, for each job.
        chunk: bytes of a file in one job.
        compress: compress them.
    """

    def __init__(
        self,
        client: LocalClient,
        targeting: Targeting,
        tgt: str | list[str],
        options: dict[str, Any],
        chunk: int,
        compress: bool,
    ) -> None:
        self._client, self._targeting, self._tgt, self._options = client, targeting, tgt, options
        self._chunk, self._compress = max(1, chunk), compress
        self._live = Live()
        self._last: dict[str, Item] = {}  # the answer that tells what became of each minion: its first failure, or any
        self.results: dict[str, Any] = {}

    @property
    def tally(self) -> Tally:
        """What became of each minion."""
        tally = Tally()
        for item in self._last.values():
            tally.add(item)
        return tally

    def at_once(self, source: Source, dest: str) -> None:
        """Copies a small text file with one job; each minion sees for itself whether the destination is a folder."""
        for item in self._ask(None, "cp.recv", [{source.path: _read(source.path).decode()}, dest]):
            self.results[item.id] = _shown(item)
            self._keep(item, isinstance(self.results[item.id], dict) and all(self.results[item.id].values()))

    def in_chunks(self, sources: Sequence[Source], dest: str, dest_is_dir: bool | None) -> None:
        """Copies anything.

        Args:
            sources: what.
            dest: where.
            dest_is_dir: whether that is a folder; None if each minion is to be asked.
        """
        into, onto = self._divided(dest, dest_is_dir)
        for minions, folder in ((into, True), (onto, False)):
            for source in sources:
                working = [name for name in minions if name not in self._failed]
                if working:
                    name = source.inside or (os.path.basename(source.path) if folder else "")
                    self._copy(source, os.path.join(dest, name) if name else dest, working)

    @property
    def _failed(self) -> set[str]:
        return {name for name, item in self._last.items() if not (isinstance(item, Return) and item.ok)}

    def _divided(self, dest: str, dest_is_dir: bool | None) -> tuple[list[str], list[str]]:
        """The minions on which the destination is a folder, and the others; those that do not answer are in neither."""
        into: list[str] = []
        onto: list[str] = []
        for item in self._ask(None, "file.directory_exists", [dest]):
            if isinstance(item, Return) and item.ok:
                (into if dest_is_dir or (dest_is_dir is None and item.value is True) else onto).append(item.id)
            else:
                self.results[item.id] = _shown(item)
            self._keep(item)
        return into, onto

    def _copy(self, source: Source, remote: str, minions: list[str]) -> None:
        for number, arg in enumerate(self._pieces(source, remote)):
            if source.mode is not None:
                self._live.say(f"{source.path} {number * self._chunk * 100 // max(1, os.path.getsize(source.path))}%")
            for item in self._ask(minions, "cp.recv_chunked", arg):
                fine = isinstance(item, Return) and item.value is True
                self.results.setdefault(item.id, {})[remote] = _shown(item)
                self._keep(item, fine)
                if not fine:
                    minions = [name for name in minions if name != item.id]
            if not minions:
                break
        self._live.clear()

    def _pieces(self, source: Source, remote: str) -> Iterator[list[Any]]:
        """The arguments of one job after the other."""
        if source.mode is None:
            yield [remote, None]
            return
        with open(source.path, "rb") as file:
            data, append = file.read(self._chunk), False
            while data or not append:
                packed = gzip.compress(data) if self._compress else data
                yield [remote, base64.b64encode(packed).decode(), append, self._compress, source.mode]
                data, append = file.read(self._chunk), True

    def _ask(self, minions: list[str] | None, fun: str, arg: list[Any]) -> Iterator[Item]:
        tgt, kind = (self._tgt, self._targeting.kind) if minions is None else (minions, "list")
        with self._client.start(tgt, fun, arg, kind, **self._options) as following:
            yield from following
            if not following.jid:
                for name in minions or ():
                    yield Verdict(
                        name, State.NOT_ACCEPTED.value, following.not_accepted.get(name, "It is not accepted")
                    )

    def _keep(self, item: Item, fine: bool = True) -> None:
        if isinstance(item, Return) and item.ok and not fine:
            item = Return(item.jid, item.id, item.fun, [], item.value, EX_FAILED, False)
        if item.id not in self._failed:
            self._last[item.id] = item


def _shown(item: Item) -> Any:
    return item.value if isinstance(item, Return) else sentence_of(item, "").partition("\n")[0]


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _is_small_text(source: Source, limit: int) -> bool:
    if source.inside or source.mode is None or os.path.getsize(source.path) > limit:
        return False
    try:
        _read(source.path).decode()
    except UnicodeDecodeError:
        return False
    return True


@click.command(context_settings=CONTEXT, options_metavar="[options]")
@common.options()
@_targets.options(short_compound=False)
@click.option("-t", "--timeout", type=float, help="Seconds until silent minions are asked whether they still work.")
@click.option("-C", "--chunked", is_flag=True, help="DEST is a folder only if it ends in / or gets several files.")
@click.option("-n", "--no-compression", is_flag=True, help="Do not compress.")
@common.output_options
@click.argument("words", nargs=-1, metavar="TARGET SOURCE... DEST")
def command(
    common: Common,
    printing: Printing,
    targeting: Targeting,
    timeout: float | None,
    chunked: bool,
    no_compression: bool,
    words: tuple[str, ...],
) -> int:
    """Copies files and folders of any size to DEST on all minions that TARGET means."""
    if len(words) < 3:
        raise click.UsageError("Insufficient arguments")
    settings = common.settings()
    try:
        sources = sources_of(words[1:-1])
    except FileNotFoundError as exc:
        print(f"{exc.filename} does not exist", file=sys.stderr)
        return EX_NO_SOURCE
    options = {"timeout": timeout if timeout and timeout > 0 else None, "delimiter": targeting.delimiter}
    client, size = LocalClient(mopts=settings.opts()), settings.salt_cp_chunk_size
    copying = Copying(client, targeting, targeting.read(words[0]), options, size, not no_compression)
    dest, several = words[-1], len(sources) > 1 or any(source.mode is None for source in sources)
    if len(sources) == 1 and not chunked and not dest.endswith("/") and _is_small_text(sources[0], size):
        copying.at_once(sources[0], dest)
    else:
        copying.in_chunks(sources, dest, several or dest.endswith("/") or (False if chunked else None))
    return _report(copying, printing.to(settings.opts()))


def _report(copying: Copying, printer: common.Printer) -> int:
    if not copying.results:
        print(NOBODY)
        print("ERROR: No return received", file=sys.stderr)
        return EX_NO_MINIONS
    printer.show(copying.results, "nested")
    tally = copying.tally
    if tally.fine:
        return EX_OK
    print(f"ERROR: Minions returned with non-zero exit code\n{tally.sentence()}", file=sys.stderr)
    return tally.exit_code()


def main() -> NoReturn:
    """The program `salt-cp`."""
    common.run(command, "salt-cp")
