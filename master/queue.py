"""The MWorkerQueue process: takes requests on port 4506 and hands each to the worker that owns its minion id.

Nothing is trusted here and nothing is decrypted: the queue reads the id that a request names, and remembers what is
under way, so that a worker that died and was restarted gets its unanswered requests again. It takes no more than the
workers can look at: what it leaves waits with those who send it.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import zmq

from master.gate import BAD_LOAD, Refusal, parse
from master.limits import RateLimitedLog

log = logging.getLogger(__name__)

_SEQUENCE = struct.Struct(">Q")
_DRAIN = 256
MAX_WAITING = 20000
MAX_BYTES = 16 * 1024 * 1024
HELLO = b"hello"
UNHEARD = b""  # a worker's way to say: leave the peer without a reply
TAKEN = b"\xc1"  # ... and: the request waits with me, its reply comes later


@dataclass
class _UnderWay:
    route: bytes
    worker: int
    source: bytes
    payload: bytes  # b"" once the worker has taken it
    repeated: bool = False


def worker_name(number: int) -> bytes:
    """The identity of a worker on the internal socket."""
    return b"MWorker-%d" % number


class Queue:
    """Between the public ROUTER and the internal one.

    Args:
        front: bound ROUTER on the public port.
        back: bound ROUTER on the internal socket, with ROUTER_MANDATORY off.
        workers: how many there are.
    """

    def __init__(self, front: zmq.Socket[Any], back: zmq.Socket[Any], workers: int) -> None:
        self._front, self._back, self._workers = front, back, workers
        self._next = 0
        self._waiting = 0  # requests, and their bytes, that no worker has looked at yet
        self._bytes = 0
        self._log = RateLimitedLog(log)
        self._under_way: OrderedDict[int, _UnderWay] = OrderedDict()
        self._greeted: set[bytes] = set()  # workers that have started; minions may be faster than the first start
        self.refused = 0
        self.dropped = 0

    def __repr__(self) -> str:
        return f"<Queue: {len(self._under_way)} under way, {self.refused} refused, {self.dropped} dropped>"

    @property
    def full(self) -> bool:
        """Whether the workers have to look at what they have before more can be taken."""
        return self._bytes >= MAX_BYTES or self._waiting >= MAX_WAITING

    def from_minions(self) -> None:
        """Takes what waits on the public port, up to a batch, and hands it on."""
        batches: dict[int, list[bytes]] = {}
        for _ in range(_DRAIN):
            if self.full:
                break
            try:
                route = self._front.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            frames = [route.bytes]
            while self._front.getsockopt(zmq.RCVMORE):
                frames.append(self._front.recv())
            self._take(frames, route, batches)
        for worker, batch in batches.items():
            self._back.send_multipart([worker_name(worker), *batch])

    def _take(self, frames: list[bytes], route: zmq.Frame, batches: dict[int, list[bytes]]) -> None:
        if len(frames) < 3 or frames[1]:
            self.dropped += 1
            return
        source = _source(route)
        try:
            named = parse(frames[2]).id if len(frames) == 3 else ""
            if not named:
                raise Refusal("no message of one part that names a minion")
        except Refusal as exc:
            self.refused += 1
            self._log.warning("refused", "a message from %s was refused: %s", source.decode("ascii", "replace"), exc)
            self._front.send_multipart([frames[0], b"", BAD_LOAD])
            return
        worker = zlib.crc32(named.encode("utf-8", "replace")) % self._workers
        sequence, self._next = self._next, self._next + 1
        entry = _UnderWay(frames[0], worker, source, frames[2])
        self._under_way[sequence] = entry
        self._waiting += 1
        self._bytes += len(entry.payload)
        batches.setdefault(worker, []).extend((_SEQUENCE.pack(sequence), entry.source, entry.payload))

    def from_workers(self) -> None:
        """Takes what the workers answered and sends it to the minions."""
        for _ in range(_DRAIN):
            try:
                frames = self._back.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if frames[1:] == [HELLO]:
                self._repeat(frames[0])
                continue
            for sequence, reply in zip(frames[1::2], frames[2::2], strict=True):
                self._answered(_SEQUENCE.unpack(sequence)[0], reply)

    def _answered(self, sequence: int, reply: bytes) -> None:
        entry = self._under_way.get(sequence)
        if entry is None:
            return
        if entry.payload:
            self._waiting -= 1
            self._bytes -= len(entry.payload)
            entry.payload = b""
        if reply == TAKEN:
            return
        del self._under_way[sequence]
        if reply != UNHEARD:
            self._front.send_multipart([entry.route, b"", reply])

    def _repeat(self, name: bytes) -> None:
        """A worker started: it gets what came before it or its predecessor left unread, but nothing that two died of.

        What the predecessor had taken is refused: those who sent it sign in again, and ask again.
        """
        batch: list[bytes] = []
        for sequence, entry in list(self._under_way.items()):
            if worker_name(entry.worker) != name:
                continue
            if entry.payload and not entry.repeated:
                entry.repeated = True
                batch += (_SEQUENCE.pack(sequence), entry.source, entry.payload)
            else:
                self._answered(sequence, BAD_LOAD)
        if batch and name in self._greeted:
            log.warning("%s was restarted; it gets %d unanswered requests again", name.decode(), len(batch) // 3)
        self._greeted.add(name)
        if batch:
            self._back.send_multipart([name, *batch])


def _source(route: zmq.Frame) -> bytes:
    try:
        return str(route.get("Peer-Address")).encode()
    except zmq.ZMQError:
        return b""
