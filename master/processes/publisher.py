"""The Publisher process, see `master.publisher`."""

from __future__ import annotations

from typing import Any

import msgpack
import zmq

from master.bus import Outbox
from master.config import MasterSettings
from master.parts import Parts
from master.processes.limits import limit_memory
from master.processes.sockets import address, internal
from master.publisher import Publisher, bind_address, public_socket

_SUBSCRIPTION_LIMIT = 512
_DRAIN = 256
_MEGABYTES = 512  # ZeroMQ keeps whatever strangers subscribe to, and needs forty bytes for each byte of it


def run(settings: MasterSettings, parts: Parts) -> None:
    """Publishes until the process is ended."""
    limit_memory(min(settings.max_memory or _MEGABYTES, _MEGABYTES))
    context: zmq.Context[Any] = zmq.Context()
    public = public_socket(context, zmq.XPUB, settings.heartbeat, _SUBSCRIPTION_LIMIT, settings.ipv6)
    public.setsockopt(zmq.XPUB_VERBOSER, 1)
    public.setsockopt(zmq.SNDHWM, settings.pub_hwm)
    orders = internal(context, zmq.PULL, address(settings.sock_dir, "publish"), bind=True)
    outbox = Outbox(internal(context, zmq.PUSH, address(settings.sock_dir, "events"), bind=False))
    publisher = Publisher(
        public,
        parts.master_key,
        settings.publish_signing_algorithm,
        parts.publish_key,
        parts.sessions,
        settings.zmq_filtering,
    )
    publisher.rotate()
    outbox.presence("", False)
    public.bind(bind_address(settings.interface, settings.publish_port))
    poller = zmq.Poller()
    poller.register(public, zmq.POLLIN)
    poller.register(orders, zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if public in ready:
            _subscriptions(public, publisher, outbox)
        if orders in ready:
            _carry_out(orders, publisher, outbox)
        outbox.flush()


def _subscriptions(public: zmq.Socket[Any], publisher: Publisher, outbox: Outbox) -> None:
    """Takes some; a flood of them must not keep jobs from being published."""
    listeners = publisher.stock_listeners
    for _ in range(_DRAIN):
        try:
            message = public.recv(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            break
        change = publisher.subscription(message.bytes, _has_sender(message))
        if change is not None:
            outbox.presence(*change)
    if publisher.stock_listeners != listeners:
        outbox.stock_listeners(publisher.stock_listeners)


def _has_sender(message: zmq.Frame) -> bool:
    try:
        return bool(message.get("Peer-Address"))
    except zmq.ZMQError:
        return False


def _carry_out(orders: zmq.Socket[Any], publisher: Publisher, outbox: Outbox) -> None:
    while True:
        try:
            order = msgpack.unpackb(orders.recv(zmq.NOBLOCK), raw=False, strict_map_key=False)
        except zmq.Again:
            return
        if "job" in order:
            publisher.publish(order["job"], order["own"], order["broadcast"], order["topics"])
        if "census" in order:
            for minion_id in publisher.connected:
                outbox.presence(minion_id, True)
            outbox.stock_listeners(publisher.stock_listeners)
        if "cut" in order:
            for minion_id in order["cut"]:
                publisher.cut(minion_id)
        if order.get("rotate"):
            publisher.rotate()
            outbox.fire("key", {"rotate_aes_key": True})
        if order.get("disturb"):
            publisher.disturb()
