"""The process beside salt-call that holds its link to the master.

It is forked before anything heavy is loaded, and signs in while salt-call collects the grains.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any, Dict, List, Mapping, NoReturn, Optional

from minion.config import MinionSettings
from minion.errors import MasterUnreachable, MinionError
from minion.master import MasterPipe
from transports import frames
from transports.errors import Broken, CodecError, RequestTimeout, TransportError

log = logging.getLogger(__name__)

_PATIENCE = 60.0


def connect(settings: MinionSettings, opts: Mapping[str, Any], patience: float = _PATIENCE) -> MasterPipe:
    """Starts the process and returns the pipe to it; what goes wrong shows at the first request.

    Args:
        settings: the configuration.
        opts: the same as options, with the minion id.
        patience: seconds to wait for a master that can't be reached.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _become(theirs, settings, opts, patience)
    theirs.close()
    pipe = MasterPipe()
    pipe.attach(ours)
    return pipe


def _become(channel: socket.socket, settings: MinionSettings, opts: Mapping[str, Any], patience: float) -> NoReturn:
    try:
        asyncio.run(_serve(channel, settings, opts, patience))
    except (KeyboardInterrupt, SystemExit):
        pass
    except BaseException:
        log.exception("The link to the master failed")
    finally:
        logging.shutdown()
        os._exit(0)


async def _serve(channel: socket.socket, settings: MinionSettings, opts: Mapping[str, Any], patience: float) -> None:
    """Answers until salt-call closes the pipe."""
    reader, writer = await asyncio.open_connection(sock=channel)
    link, why_not = None, ""
    try:
        link = await _sign_in(settings, opts, patience)
    except (TransportError, MinionError) as exc:
        why_not = str(exc)
    try:
        while True:
            message = await frames.read(reader)
            writer.write(frames.frame(await _answer(message, link, why_not)))
            await writer.drain()
    except (Broken, CodecError, ConnectionError):
        pass
    finally:
        if link is not None:
            await link.close()


async def _answer(message: Dict[str, Any], link: Any, why_not: str) -> Dict[str, Any]:
    from transports.messages import Request

    number = message["number"]
    if link is None:
        return {"number": number, "error": why_not, "unreachable": True}
    if message["cmd"] == "__own":
        return {"number": number, "reply": link.own}
    try:
        what = Request(str(message["cmd"]), message["load"])
        reply = {"number": number, "reply": await link.request(what, float(message["timeout"]))}
        frames.frame(reply)
        return reply
    except (RequestTimeout, Broken) as exc:
        return {"number": number, "error": str(exc), "unreachable": True}
    except TransportError as exc:
        return {"number": number, "error": str(exc)}


async def _sign_in(settings: MinionSettings, opts: Mapping[str, Any], patience: float) -> Any:
    """A link to the first master that lets us in.

    Raises:
        MasterUnreachable: none does; says for each why.
    """
    import dataclasses

    from minion.daemon.keyring import KeyRing
    from minion.daemon.links import LinkMemory, identity, masters
    from transports.zeromq.minion import ZeroMQLink

    ring = KeyRing(settings.pki_dir, settings.keysize)
    who = identity(opts, ring, {})
    candidates = masters(settings)
    reasons: List[str] = []
    for config in candidates:
        first = _FirstAnswer()
        memory = LinkMemory(settings, ring, os.devnull)
        link = ZeroMQLink(dataclasses.replace(config, listen=False), who, memory, first.on_state)
        await link.start()
        reason = await first.wait(patience / len(candidates))
        if not reason:
            return link
        reasons.append(f"{config.host}: {reason}")
        await link.close()
    raise MasterUnreachable("no master lets us in: " + ("; ".join(reasons) or "the configuration names none"))


class _FirstAnswer:
    """What came of signing in: the states that end the waiting, and the last reason of those that don't."""

    def __init__(self) -> None:
        self._decided = asyncio.Event()
        self._reason: Optional[str] = None

    async def on_state(self, state: Any, reason: str) -> None:
        """Told by the link."""
        from transports.zeromq.course import State

        self._reason = "" if state is State.CONNECTED else reason
        if state is not State.SIGNED_OUT:
            self._decided.set()

    async def wait(self, seconds: float) -> str:
        """Why we were not let in; "" if we were."""
        try:
            await asyncio.wait_for(self._decided.wait(), seconds)
        except asyncio.TimeoutError:
            return self._reason or "no answer"
        return self._reason or ""
