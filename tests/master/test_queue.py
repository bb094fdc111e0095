"""The queue between the public port and the workers: what comes before a worker has started waits for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from master.queue import HELLO, Queue, worker_name
from transports import codec


class Side:
    """The queue with its sockets, a minion before it and the name of the only worker."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._context = context
        self.front, self.back = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
        self.back.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.front.bind("inproc://front")
        self.back.bind("inproc://back")
        self.queue = Queue(self.front, self.back, 1)
        self.minion = context.socket(zmq.DEALER)
        self.minion.connect("inproc://front")

    def ask(self) -> None:
        load = {"enc": "clear", "version": 3, "load": {"cmd": "_auth", "id": "web1"}}
        self.minion.send_multipart([b"", codec.pack(load)])
        assert self.front.poll(5000)
        self.queue.from_minions()

    def worker(self) -> zmq.Socket[bytes]:
        """A worker that has just started."""
        made: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        made.setsockopt(zmq.IDENTITY, worker_name(0))
        made.connect("inproc://back")
        made.send(HELLO)
        assert self.back.poll(5000)
        self.queue.from_workers()
        return made


@pytest.fixture
def side() -> Iterator[Side]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = Side(context)
    yield made
    for socket in (made.front, made.back, made.minion):
        socket.close(linger=0)
    context.term()


def test_a_minion_that_is_faster_than_the_first_start_is_answered_and_no_restart_is_told(
    side: Side, caplog: pytest.LogCaptureFixture
):
    side.ask()
    worker = side.worker()
    assert worker.poll(5000) and len(worker.recv_multipart()) == 3
    assert not caplog.records
    side.ask()
    worker.close(linger=0)
    side.worker().close(linger=0)
    assert "MWorker-0 was restarted" in caplog.text
