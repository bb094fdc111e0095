"""The MWorkerQueue process: takes requests on port 4506 and hands each to the worker that owns its minion id.

Nothing is trusted here and nothing is decrypted: the queue limits sizes and rates, reads the id that a request names,
and remembers what is under way, so that a worker that died and was restarted gets its unanswered requests again.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import msgpack
import zmq

from master.gate import BAD_LOAD, MAX_CLEAR

log = logging.getLogger(__name__)

_SEQUENCE = struct.Struct(">Q")
_DRAIN = 256
MAX_UNDER_WAY = 20000
HELLO = b"hello"


@dataclass
class _UnderWay:
    route: bytes
    worker: int
    source: bytes
    payload: bytes


def worker_name(number: int) -> bytes:
    """The identity of a worker on the internal socket."""
    return b"MWorker-%d" % number


def named_id(payload: bytes) -> bytes | None:
    """The minion id that a request names, unverified; None if it is no request at all."""
    try:
        outer = msgpack.unpackb(payload, raw=True, strict_map_key=False)
        if outer[b"enc"] == b"aes":
            named = outer[b"id"]
        elif outer[b"enc"] == b"clear" and len(payload) <= MAX_CLEAR:
            named = outer[b"load"].get(b"id", b"")
        else:
            return None
    except Exception:  # noqa: BLE001 - whatever a stranger sends, it is only "no request"
        return None
    return named if isinstance(named, bytes) and len(named) <= 255 else None


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
        self._under_way: OrderedDict[int, _UnderWay] = OrderedDict()
        self.refused = 0
        self.dropped = 0

    def __repr__(self) -> str:
        return f"<Queue: {len(self._under_way)} under way, {self.refused} refused, {self.dropped} dropped>"

    def from_minions(self) -> None:
        """Takes what waits on the public port, up to a batch, and hands it on."""
        batches: dict[int, list[bytes]] = {}
        for _ in range(_DRAIN):
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
        named = named_id(frames[2]) if len(frames) == 3 else None
        if named is None:
            self.refused += 1
            self._front.send_multipart([frames[0], b"", BAD_LOAD])
            return
        if len(self._under_way) >= MAX_UNDER_WAY:
            self.dropped += 1
            return
        worker = zlib.crc32(named) % self._workers
        sequence, self._next = self._next, self._next + 1
        entry = _UnderWay(frames[0], worker, _source(route), frames[2])
        self._under_way[sequence] = entry
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
                entry = self._under_way.pop(_SEQUENCE.unpack(sequence)[0], None)
                if entry is not None and reply:  # an empty reply means: leave the peer without one
                    self._front.send_multipart([entry.route, b"", reply])

    def _repeat(self, name: bytes) -> None:
        """A worker started: it gets again what its predecessor did not answer."""
        batch: list[bytes] = []
        for sequence, entry in self._under_way.items():
            if worker_name(entry.worker) == name:
                batch += (_SEQUENCE.pack(sequence), entry.source, entry.payload)
        if batch:
            log.info("%s has started; it gets %d unanswered requests", name.decode(), len(batch) // 3)
            self._back.send_multipart([name, *batch])


def _source(route: zmq.Frame) -> bytes:
    try:
        return str(route.get("Peer-Address")).encode()
    except zmq.ZMQError:
        return b""
