"""An operator's side of the control socket: asks the master, and follows jobs.

Blocking, one connection for each question, nothing imported that takes long: the `salt` command lives on this.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from master import errors
from master.errors import MasterDown, MasterError, MasterGone, Refused
from master.jobs import State
from transports.errors import Broken, TransportError
from transports.frames import Pipe
from transports.messages import Return
from transports.retry import Backoff

SOCKET = "control.sock"
RECONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Verdict:
    """What became of a minion that did not return.

    Attributes:
        id: the minion.
        state: a value of `master.jobs.State`.
        text: one line for people.
        since: since when it is unreachable, seconds of the epoch; 0 if that is not known.
    """

    id: str
    state: str
    text: str
    since: float = 0.0


class ControlClient:
    """Asks the master on this host.

    Args:
        sock_dir: where its sockets are.
    """

    def __init__(self, sock_dir: str) -> None:
        self._path = os.path.join(sock_dir, SOCKET)

    def __repr__(self) -> str:
        return f"<ControlClient {self._path}>"

    def ask(self, cmd: str, **fields: Any) -> dict[str, Any]:
        """One question, one answer.

        Args:
            cmd: a command of docs/architecture.md; `fields` belong to it.

        Raises:
            MasterDown: no master answers.
            Refused: the operator may not do that.
            MasterError: it failed, in the way that the class says.
        """
        pipe = self.open(cmd, **fields)
        try:
            return self._answer(pipe)
        finally:
            pipe.close()

    def run(self, **fields: Any) -> Following:
        """Publishes a job and follows it.

        Args:
            fields: of the command `run`.

        Raises:
            TargetError: the target is wrong.
            MasterDown, Refused, MasterError: see `ask`.
        """
        return self._followed(self.open("run", follow=True, **fields), fields)

    def follow(self, jid: str, timeout: float | None = None, gather_job_timeout: float | None = None) -> Following:
        """Follows a job that was published before; what has returned already comes first.

        Raises:
            MasterDown, Refused, MasterError: see `ask`.
        """
        fields = {"timeout": timeout, "gather_job_timeout": gather_job_timeout}
        return self._followed(self.open("follow", jid=jid, **fields), fields)

    def open(self, cmd: str, **fields: Any) -> Pipe:
        """Asks a question and leaves the answers to the caller.

        Raises:
            MasterDown: no master answers.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._path)
        except PermissionError:
            connection.close()
            raise Refused(
                f"You may not use the master's socket {self._path}: see publisher_acl, or become root"
            ) from None
        except OSError as exc:
            connection.close()
            raise MasterDown(
                f"The salt master could not be contacted. Is master running? ({self._path}: {exc.strerror}; "
                "`systemctl start salt-master` or `salt-master -d` starts it)"
            ) from None
        pipe = Pipe(connection)
        try:
            pipe.send({"cmd": cmd, **{name: value for name, value in fields.items() if value is not None}})
        except Broken:
            pipe.close()
            raise self._ended() from None
        except TransportError:
            pipe.close()
            raise
        return pipe

    def _followed(self, pipe: Pipe, fields: Mapping[str, Any]) -> Following:
        try:
            return Following(self, pipe, self._answer(pipe), fields)
        except BaseException:
            pipe.close()
            raise

    def _answer(self, pipe: Pipe) -> dict[str, Any]:
        try:
            answer = pipe.receive()
        except Broken:
            raise self._ended() from None
        if not isinstance(answer, dict):
            raise MasterError(f"{self._path} answered with a {type(answer).__name__}: is it a master's socket?")
        if "error" in answer:
            raise refusal(answer["error"])
        return answer

    def _ended(self) -> MasterDown:
        return MasterDown(f"The master ended the connection on {self._path} without an answer; its log says why")


def refusal(error: Mapping[str, Any]) -> MasterError:
    """The exception for the `error` of an answer."""
    name, message = str(error.get("name", "")), str(error.get("message", ""))
    if name in ("AuthenticationError", "AuthorizationError"):
        return Refused(message, name)
    kind = getattr(errors, name, None)
    return kind(message) if isinstance(kind, type) and issubclass(kind, MasterError) else MasterError(message)


class Following:
    """One operator's waiting for one job: iterate to get a `Return` or a `Verdict` of each minion as it comes.

    A lost connection is made anew for some seconds, in which the master may have been restarted.

    Attributes:
        jid: the job id; "" if the target means nobody.
        minions: who is expected to answer.
        missing: who was named but is not accepted.
        not_accepted: of these, what is known of them.
        open: who is expected and has neither returned nor been given up.
    """

    def __init__(self, client: ControlClient, pipe: Pipe, head: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        self._client, self._pipe = client, pipe
        self._timeouts = {name: fields.get(name) for name in ("timeout", "gather_job_timeout")}
        self.jid: str = head.get("jid") or ""
        self.minions: tuple[str, ...] = tuple(head.get("minions") or ())
        self.missing: tuple[str, ...] = tuple(head.get("missing") or ())
        self.not_accepted: dict[str, str] = dict(head.get("not_accepted") or {})
        self.open = set(self.minions)
        self._told: set[str] = set()
        self._done = not self.jid

    def __repr__(self) -> str:
        return f"<Following {self.jid or 'nobody'}: {len(self.open)} of {len(self.minions)} open>"

    def __iter__(self) -> Iterator[Return | Verdict]:
        while (item := self.next()) is not None:
            yield item

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def done(self) -> bool:
        """Whether there is nothing more to come."""
        return self._done

    def fileno(self) -> int:
        """For `poll`; see `waiting` first."""
        return self._pipe.fileno()

    @property
    def waiting(self) -> bool:
        """Whether something has come already."""
        return self._pipe.waiting

    def next(self, timeout: float | None = None) -> Return | Verdict | None:
        """What comes next; None at the end.

        Args:
            timeout: seconds to wait for it, None for no limit.

        Raises:
            TimeoutError: nothing came in time.
            MasterGone: the connection was lost and could not be made anew.
        """
        while not self._done:
            try:
                message = self._pipe.receive(timeout)
            except Broken:
                self._reconnect()
                continue
            item = self._item(message)
            if item is not None and item.id not in self._told:
                self._told.add(item.id)
                self.open.discard(item.id)
                return item
        return None

    def close(self) -> None:
        """Stops following; the job goes on."""
        self._done = True
        self._pipe.close()

    def _item(self, message: Any) -> Return | Verdict | None:
        if "ret" in message:
            load = message["ret"]
            return Return.from_wire(load, str(load.get("id")))
        if "verdict" in message:
            told = message["verdict"]
            if told["state"] == State.NOT_MATCHED:
                self._leave_out(str(told["id"]))
                return None
            return Verdict(str(told["id"]), str(told["state"]), str(told["text"]), float(told.get("since") or 0))
        if "error" in message:
            raise refusal(message["error"])
        if "done" in message:
            self.close()
        return None

    def _leave_out(self, minion_id: str) -> None:
        """The minion knows better than the master: the target does not mean it."""
        self.open.discard(minion_id)
        self.minions = tuple(name for name in self.minions if name != minion_id)

    def _reconnect(self) -> None:
        self._pipe.close()
        deadline = time.monotonic() + RECONNECT_SECONDS
        pauses = Backoff(first=0.1, longest=1.0)
        while True:
            try:
                again = self._client.follow(self.jid, **self._timeouts)
            except MasterError as exc:
                if not isinstance(exc, MasterDown) or time.monotonic() >= deadline:
                    self._done = True
                    raise MasterGone(self.jid) from exc
                time.sleep(pauses.next())
            else:
                self._pipe = again._pipe
                return


def wait_for_any(followings: list[Following], timeout: float | None = None) -> list[Following]:
    """Those of several followed jobs of which something has come.

    Args:
        followings: jobs that are not done.
        timeout: seconds to wait, None for no limit.
    """
    ready = [following for following in followings if following.waiting]
    if ready:
        return ready
    poller = select.poll()
    by_descriptor = {following.fileno(): following for following in followings}
    for descriptor in by_descriptor:
        poller.register(descriptor, select.POLLIN)
    found = poller.poll(None if timeout is None else max(0.0, timeout) * 1000)
    return [by_descriptor[descriptor] for descriptor, _ in found]
