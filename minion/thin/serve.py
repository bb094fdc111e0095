"""The thin minion: what a host that is driven by SSH runs while somebody holds the connection, and no longer.

It is the whole minion but for its roads: jobs come and requests go over stdin and stdout (`transports.stream`). Each
job runs in a process of its own, which asks the master through this one, as in the daemon. When the connection ends,
or nothing was heard for too long, the jobs are ended and nothing is left.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Dict, Mapping, NoReturn, Tuple

from minion.master import MasterPipe
from transports import codec
from transports.errors import Broken, CodecError, TransportError
from transports.frames import Pipe
from transports.messages import Job, Request
from transports.stream import Reply, StreamLink

log = logging.getLogger(__name__)

SILENCE = 45.0
_GRACE = 5.0
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_OWN: Mapping[str, Any] = {"__event": True, "__own": True, "__done": True}  # what the daemon would answer itself


def serve(reading: int, writing: int, base: str, setup: bytes, early: bytes) -> int:
    """Serves until the connection ends; returns the exit code.

    Args:
        reading, writing: descriptors of the connection.
        base: this user's folder for bundles and caches.
        setup: packed options, see `ssh.bootstrap`.
        early: frames that came together with the setup.
    """
    gc.freeze()  # neither does it help to look at what is loaded once more, nor to copy it for that in a new process
    gc.enable()
    options = codec.unpack(setup)
    logging.basicConfig(
        level=options["log_level"], stream=sys.stderr, format="[%(levelname)-8s] %(message)s", force=True
    )
    os.umask(options["umask"] if options["umask"] >= 0 else 0o022)
    os.environ["PATH"] = _with_system_folders(os.environ.get("PATH", ""))
    sys.meta_path.append(SystemPackages())
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _end)
    minion = ThinMinion(StreamLink(reading, writing), _opts(options, base), options["extmods"])
    try:
        minion.run(early)
    finally:
        minion.end_jobs()
    return 0


def _with_system_folders(path: str) -> str:
    """A login by SSH often lacks the folders of system tools."""
    folders = [folder for folder in path.split(":") if folder]
    return ":".join([*folders, *(folder for folder in _SYSTEM_FOLDERS if folder not in folders)])


class SystemPackages:
    """Lets modules import what is installed on the host (apt, selinux, ...) once something is not found elsewhere.

    Looking for it at each start would cost more than most runs have use for.
    """

    def __init__(self) -> None:
        self._known = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """See `importlib.abc.MetaPathFinder`."""
        if self._known or "." in name:
            return None
        self._known = True
        import site
        from importlib.machinery import PathFinder

        site.main()
        return PathFinder.find_spec(name)


def _end(_number: int, _frame: Any) -> NoReturn:
    raise Broken("the connection was ended")


def _opts(options: Mapping[str, Any], base: str) -> Dict[str, Any]:
    """The minion's options, with their folders below `base`."""
    opts: Dict[str, Any] = options["opts"]
    cache = os.path.join(base, "cache", opts["id"])
    conf = os.path.join(base, "conf")
    opts.update(
        thin_dir=base,
        cachedir=cache,
        conf_dir=conf,
        conf_file=os.path.join(conf, "minion"),
        extension_modules=os.path.join(base, "extmods", options["extmods"] or "none"),
    )
    for folder in (cache, conf):
        os.makedirs(folder, 0o700, exist_ok=True)
    return opts


class ThinMinion:
    """Starts a process for each job and passes on what it asks.

    Args:
        link: to the master.
        opts: the minion's options.
        extmods: digest of the user's own modules on the master; "" if there are none.
    """

    def __init__(self, link: StreamLink, opts: Dict[str, Any], extmods: str) -> None:
        self._link, self._opts, self._extmods = link, opts, extmods
        self._poller = select.poll()
        self._jobs: Dict[int, _Work] = {}  # by the descriptor of its pipe
        self._asked: Dict[str, Tuple[int, str]] = {}  # number on the link -> (descriptor, number on the pipe)
        self._count = 0
        self._several = False

    def run(self, early: bytes) -> None:
        """Serves until the master's side ends the link, or is silent for too long."""
        self._poller.register(self._link.fileno(), select.POLLIN)
        heard = time.monotonic()
        try:
            self._take(self._link.messages(early))
            while time.monotonic() < heard + SILENCE:
                for descriptor, _ in self._poller.poll((heard + SILENCE - time.monotonic()) * 1000):
                    if descriptor == self._link.fileno():
                        heard = time.monotonic()
                        self._take(self._link.take())
                    elif descriptor in self._jobs:
                        self._serve(self._jobs[descriptor])
            log.warning("Nothing was heard for %d s: the connection is taken as lost", SILENCE)
        except Broken as exc:
            log.debug("%s", exc)

    def end_jobs(self) -> None:
        """Ends what still runs, all of its processes."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        works = list(self._jobs.values())
        for work in works:
            work.kill(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        while time.monotonic() < deadline and any(work.alive() for work in works):
            time.sleep(0.02)
        for work in works:
            work.kill(signal.SIGKILL)

    def _take(self, messages: Any) -> None:
        for message in messages:
            if isinstance(message, Job):
                self._start(message)
            else:
                self._answered(message)

    def _start(self, job: Job) -> None:
        if self._several:  # then there are more to come: what each needs is loaded here, once for all of them
            import minion.thin.job  # noqa: F401
        self._several = True
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become(job, theirs)
        theirs.close()
        work = _Work(job, pid, Pipe(ours))
        self._jobs[ours.fileno()] = work
        self._poller.register(ours.fileno(), select.POLLIN)

    def _become(self, job: Job, channel: socket.socket) -> NoReturn:
        """In the new process: run the job, and end whatever happens."""
        code = 1
        try:
            os.setsid()  # so that the whole of the job can be ended
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self._link.close()
            for other in self._jobs.values():
                other.pipe.close()
            pipe = MasterPipe()
            pipe.attach(channel)
            from minion.thin.job import run_job

            run_job(job, self._opts, self._extmods, pipe)
            code = 0
        except BaseException:
            log.exception("Job %s failed", job.jid)
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(code)

    def _serve(self, work: _Work) -> None:
        """Takes what a job process asks; the end of its pipe is the end of the job."""
        try:
            message = work.pipe.receive()
            while True:
                self._pass_on(work, message)
                if not work.pipe.waiting:
                    return
                message = work.pipe.receive()
        except (Broken, CodecError):
            self._ended(work)

    def _pass_on(self, work: _Work, message: Dict[str, Any]) -> None:
        number, cmd = str(message["number"]), str(message["cmd"])
        if cmd.startswith("__"):
            reply = {"reply": _OWN[cmd]} if cmd in _OWN else {"error": f"{cmd}: there is no daemon on this host"}
            work.tell({"number": number, **reply})
            return
        if cmd in ("_return", "_unmatched") and message["load"].get("jid") == work.job.jid:
            work.returned = True
        try:
            self._ask(Request(cmd, message["load"]), work.pipe.fileno(), number)
        except CodecError as exc:
            work.tell({"number": number, "error": str(exc)})

    def _ask(self, what: Request, descriptor: int, number: str) -> None:
        self._count += 1
        self._asked[str(self._count)] = (descriptor, number)
        self._link.send(str(self._count), what)

    def _answered(self, reply: Reply) -> None:
        descriptor, number = self._asked.pop(reply.number, (-1, ""))
        work = self._jobs.get(descriptor)
        if work is not None:
            said = {"error": reply.refused} if reply.refused else {"reply": reply.value}
            work.tell({"number": number, **said})

    def _ended(self, work: _Work) -> None:
        descriptor = work.pipe.fileno()
        self._poller.unregister(descriptor)
        del self._jobs[descriptor]
        work.pipe.close()
        _, status = os.waitpid(work.pid, 0)
        if work.returned:
            return
        from minion.executor import lost

        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        why = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        failure = lost(work.job, self._opts["id"], f"The job's process {why} before it returned")
        self._ask(Request("_return", failure.to_wire()), -1, "")


class _Work:
    """A job that has a process."""

    def __init__(self, job: Job, pid: int, pipe: Pipe) -> None:
        self.job, self.pid, self.pipe = job, pid, pipe
        self.returned = False

    def tell(self, message: Dict[str, Any]) -> None:
        """Sends an answer to the process, if it is still there."""
        try:
            self.pipe.send(message)
        except TransportError as exc:
            log.debug("Job %s: %s", self.job.jid, exc)

    def kill(self, number: int) -> None:
        """Sends a signal to all processes of the job."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def alive(self) -> bool:
        """Whether the job's own process is still there."""
        try:
            return os.waitpid(self.pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False
