"""The stream link: a minion's side of one byte stream, usually its stdin and stdout at the end of an SSH connection.

| towards the minion             | means                                            |
|--------------------------------|--------------------------------------------------|
| `{"job": publication}`         | do this                                          |
| `{"number", "reply"}`          | the answer to the request of that number         |
| `{"number", "refused": text}`  | the master won't, or could not                   |
| `{"beat": True}`               | the master is there                              |

Towards the master there are requests alone: `{"number", "cmd", "load"}`. The master's side is
`transports.stream_road`. This side is synchronous and imports little: it starts anew with each command of `salt-ssh`.
"""

from __future__ import annotations

import os
from typing import Any, List, Union

from transports.codec import MAX_MESSAGE, unpack
from transports.errors import Broken, Closed, CodecError
from transports.frames import Inbox, frame
from transports.messages import Job, Request
from transports.records import Record

_CHUNK = 262144


class Reply(Record):
    """The master's answer.

    Attributes:
        number: of the request.
        value: the answer.
        refused: why there is none; "" if there is one.
    """

    number: str
    value: Any = None
    refused: str = ""


class StreamLink:
    """Takes jobs and replies from one descriptor, sends requests to another (or the same).

    Args:
        reading, writing: descriptors, owned by the link from then on.
        limit: bytes of one message at the most.
    """

    def __init__(self, reading: int, writing: int, limit: int = MAX_MESSAGE) -> None:
        self._reading, self._writing, self._limit = reading, writing, limit
        self._inbox = Inbox(limit)
        self._broken = self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "broken" if self._broken else "connected"
        return f"<StreamLink on descriptors {self._reading}, {self._writing}: {state}>"

    def fileno(self) -> int:
        """To be watched for what arrives; then `take` does not block."""
        return self._reading

    def send(self, number: str, what: Request) -> None:
        """Sends a request; its reply comes out of `take` some time.

        Args:
            number: names the request; no two under way have the same.
            what: the question.

        Raises:
            MessageTooLarge, CodecError: it was not sent.
            Broken, Closed: the link is of no further use.
        """
        self._check()
        data = memoryview(frame({"number": number, "cmd": what.cmd, "load": dict(what.load)}, self._limit))
        try:
            while data:
                data = data[os.write(self._writing, data) :]
        except OSError as exc:
            self._check()
            self._broken = True
            raise Broken(f"the master's side ended the stream: {exc}") from exc

    def take(self) -> List[Union[Job, Reply]]:
        """Waits for bytes and returns what is complete; that may be nothing yet.

        Raises:
            Broken, Closed: the link is of no further use.
        """
        self._check()
        try:
            data = os.read(self._reading, _CHUNK)
        except OSError:
            data = b""
        if not data:
            self._check()
            self._broken = True
            raise Broken("the master's side ended the stream")
        return self.messages(data)

    def messages(self, data: bytes) -> List[Union[Job, Reply]]:
        """What is complete after some more bytes that came from the master.

        Raises:
            Broken: they are no messages; the link is of no further use.
        """
        try:
            return self._messages(data)
        except CodecError as exc:
            self._broken = True
            raise Broken(f"the master's side sent what is no message: {exc}") from exc

    def close(self) -> None:
        """Ends the link; twice is fine."""
        if not self._closed:
            self._closed = True
            for descriptor in {self._reading, self._writing}:
                os.close(descriptor)

    def _messages(self, data: bytes) -> List[Union[Job, Reply]]:
        self._inbox.feed(data)
        found: List[Union[Job, Reply]] = []
        while self._inbox.waiting:
            message = unpack(self._inbox.next(), self._limit)
            if "job" in message:
                found.append(Job.from_wire(message["job"]))
            elif "number" in message:
                found.append(Reply(message["number"], message.get("reply"), message.get("refused", "")))
        return found

    def _check(self) -> None:
        if self._closed:
            raise Closed("the link was closed")
        if self._broken:
            raise Broken("the master's side ended the stream")
