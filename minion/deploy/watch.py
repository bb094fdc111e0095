"""Switches a minion to another release in a process of its own, which goes back when the new one is not let in in time.

The process is detached: it outlives the job that began it, the SSH connection that job came over, and the daemon that
it restarts. It runs code that is in memory or belongs to the release before, which is kept until the next switch.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import Any, Callable, Dict, NoReturn, Optional, Tuple

from minion import arrival
from minion.deploy import releases
from minion.deploy.places import Places
from minion.deploy.releases import Release
from minion.deploy.services import Service
from minion.errors import CommandExecutionError

Verdict = Dict[str, Any]
_MOST_VERDICT = 65536
_BACK_SECONDS = 60.0
_DELIVERY_SECONDS = 1.0  # in which the daemon delivers the return of the job that asked


class Change:
    """A change of the release in use.

    Args:
        where: places.
        release: the new one.
        service: what is restarted.
        cachedir: of the minion.
        patience: seconds in which a master must let the new one in.
    """

    def __init__(self, where: Places, release: Release, service: Service, cachedir: str, patience: float) -> None:
        self._where, self._release, self._service = where, release, service
        self._cachedir, self._patience = cachedir, patience
        self._before = releases.linked(where, where.current)

    def run(self) -> Verdict:
        """Makes the change and says what came of it: `connected`, `rolled_back`, `comment`."""
        try:
            with releases.trial(self._where) as names:
                verdict = self._run(names)
                releases.prune(self._where)
        except CommandExecutionError as exc:
            return {"connected": False, "rolled_back": False, "comment": str(exc)}
        return verdict

    def _run(self, names: Tuple[str, str]) -> Verdict:
        name = self._release.name
        reason = self._try(lambda: releases.switch(self._where, self._release), self._release, self._patience)
        if not reason:
            return {"connected": True, "rolled_back": False, "comment": f"release {name} is in use"}
        before = self._before
        if before is None:
            switch_off(self._where, self._service)
            return {"connected": False, "rolled_back": False, "comment": f"{reason}; it was switched off again"}
        if before.name == name:
            return {"connected": False, "rolled_back": False, "comment": f"{reason}; there is no release to go back to"}
        still = self._try(lambda: releases.go_back(self._where, names), before, _BACK_SECONDS)
        comment = f"{reason}; went back to release {before.name}" + (f", but {still}" if still else "")
        return {"connected": not still, "rolled_back": True, "comment": comment}

    def _try(self, switch: Callable[[], None], release: Release, patience: float) -> str:
        """Has a release run; returns why it is of no use, "" if a master let it in."""
        try:
            with arrival.awaited(self._cachedir) as wait:
                switch()
                self._service.define(release)
                self._service.restart()
                if wait(release.folder, patience):
                    return ""
        except (CommandExecutionError, OSError) as exc:
            return str(exc)
        return f"no master let release {release.name} in within {patience:g} s"


def switch_off(where: Places, service: Optional[Service]) -> None:
    """Ends a minion that is of no use; its releases, configuration and keys stay."""
    if service is not None:
        service.remove()
    releases.put_out_of_use(where)


def at_once(change: Change) -> Verdict:
    """Makes a change and waits for its end; if this process is ended meanwhile, the change goes on."""
    reading, writing = os.pipe()
    _detached(lambda: os.write(writing, json.dumps(change.run()).encode()), writing)
    os.close(writing)
    with open(reading, "rb") as source:
        said = source.read(_MOST_VERDICT)
    if not said:
        raise CommandExecutionError("the process that changes the release was killed")
    verdict: Verdict = json.loads(said)
    return verdict


def afterwards(change: Change, then: Callable[[Verdict], None], at_most: float) -> None:
    """Makes a change once the calling process has ended, or after some seconds.

    Args:
        change: the change.
        then: gets the verdict, in the other process.
        at_most: seconds to wait.
    """
    ending, _open_until_the_end = os.pipe()

    def work() -> None:
        select.select([ending], [], [], at_most)
        time.sleep(_DELIVERY_SECONDS)
        then(change.run())

    _detached(work, ending)
    os.close(ending)


def _detached(work: Callable[[], Any], keep: int) -> None:
    """Runs something in a process that nothing of this one's ends, with one of its descriptors."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                _become(work, keep)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _become(work: Callable[[], Any], keep: int) -> NoReturn:
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.chdir("/")
        os.umask(0o022)
        null = os.open(os.devnull, os.O_RDWR)
        for name in os.listdir("/proc/self/fd"):  # what is open belongs to the other process, which is to see it end
            if int(name) not in (keep, null):
                _replace(null, int(name))
        work()
    except OSError:
        pass  # nobody waits for the verdict any more
    finally:
        os._exit(0)


def _replace(null: int, descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        return  # that of the listing itself
    os.dup2(null, descriptor)
