"""ReqServer_ProcessManager and its children: MWorkerQueue and the MWorkers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import zmq

from master.bus import Outbox
from master.config import MasterSettings
from master.gate import Gate
from master.parts import Parts
from master.processes.manager import Manager
from master.processes.sockets import address, internal
from master.publisher import bind_address, public_socket
from master.queue import Queue, worker_name
from master.worker import KnownJobs, Worker

log = logging.getLogger(__name__)

_READ_AHEAD = 8  # messages of one connection that wait in this process; the others wait with those who send them


def run(settings: MasterSettings, parts: Parts, on_hangup: Callable[[], None]) -> None:
    """Looks after the queue and the workers until the process is ended."""
    manager = Manager("ReqServer ReqServer_ProcessManager", on_hangup)
    manager.add("MWorkerQueue", partial(run_queue, settings))
    for number in range(max(1, settings.worker_threads)):
        manager.add(f"MWorker-{number}", partial(run_worker, settings, parts, number))
    manager.run()


def run_queue(settings: MasterSettings) -> None:
    """Hands requests to workers until the process is ended."""
    context: zmq.Context[Any] = zmq.Context()
    front = public_socket(context, zmq.ROUTER, settings.heartbeat, settings.max_request, settings.ipv6)
    front.setsockopt(zmq.RCVHWM, _READ_AHEAD)
    back = internal(context, zmq.ROUTER, address(settings.sock_dir, "workers"), bind=True)
    back.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a restarted worker takes the name of the one that died
    front.bind(bind_address(settings.interface, settings.ret_port))
    queue = Queue(front, back, max(1, settings.worker_threads))
    poller = zmq.Poller()
    poller.register(back, zmq.POLLIN)
    while True:
        poller.register(front, 0 if queue.full else zmq.POLLIN)
        ready = dict(poller.poll())
        if back in ready:
            queue.from_workers()
        if front in ready:
            queue.from_minions()


def run_worker(settings: MasterSettings, parts: Parts, number: int) -> None:
    """Answers requests until the process is ended."""
    context: zmq.Context[Any] = zmq.Context()
    socket = internal(
        context, zmq.DEALER, address(settings.sock_dir, "workers"), bind=False, identity=worker_name(number)
    )
    outbox = Outbox(
        internal(context, zmq.PUSH, address(settings.sock_dir, "events"), bind=False), settings.max_event_size
    )
    jobs = KnownJobs(parts.store)
    gate = Gate(parts.keys, parts.sessions, settings.request_server_ttl or 300, _full_second())
    Worker(
        socket,
        gate,
        parts.sign_in(outbox),
        parts.services(outbox, jobs),
        parts.store,
        outbox,
        parts.master_key,
        parts.keys.accepted,
        jobs,
        parts.sessions.replace,
    ).run()


def _full_second() -> float:
    """The next full second, once it has come.

    What was sent before it may have been answered by a predecessor, whose memory of nonces is gone; requests carry
    whole seconds, so this is the first time that is surely ours.
    """
    edge = float(int(time.time()) + 1)
    time.sleep(max(0.0, edge - time.time()))
    return edge
