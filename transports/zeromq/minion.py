"""A minion's link over ZeroMQ: publications on a SUB socket, requests on a DEALER, sign-in on the same DEALER.

One task drives the link through its states (`course`): it signs in, subscribes, and signs in again when a connection
was lost or something could not be read. Three more wait for replies, for publications and for what the sockets'
monitors say.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from dataclasses import dataclass, field
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, List, Mapping, Optional, Protocol, Tuple

from transports.codec import unpack
from transports.crypto import PublicKey, new_nonce
from transports.errors import Broken, Closed, CodecError, RequestRefused, RequestTimeout, TransportError
from transports.messages import Job, Request
from transports.signin import Identity, Session, SignIn, Trust
from transports.zeromq import private
from transports.zeromq.connections import Connections, ended
from transports.zeromq.correlator import Correlator
from transports.zeromq.course import Course, State, Timing
from transports.zeromq.publications import Reader, Refused, Serials, Unreadable
from transports.zeromq.requests import Sealer, token
from transports.zeromq.sockets import Tuning

log = logging.getLogger(__name__)

_SKEW_WORTH_TELLING = 60.0


@dataclass(frozen=True)
class LinkConfig:
    """One master, and how to be connected to it.

    Attributes:
        host, port: where it takes requests.
        publish_port: where it publishes, 0 for the port that it names itself.
        filtering: subscribe by topic at a stock master (`zmq_filtering`).
        signed_only: refuse publications that are not signed.
        auth_timeout: seconds to wait for the reply to one sign-in.
        auth_tries: sign-ins sent, with the same bytes, before the attempt counts as failed.
        timing, tuning: see there.
        listen: take jobs; without, the link is for requests only.
    """

    host: str
    port: int = 4506
    publish_port: int = 0
    filtering: bool = False
    signed_only: bool = True
    auth_timeout: float = 5.0
    auth_tries: int = 7
    timing: Timing = field(default_factory=Timing)
    tuning: Tuning = field(default_factory=Tuning)
    listen: bool = True


class Memory(Protocol):
    """What a link keeps beyond its own life."""

    def trust(self) -> Trust:
        """What is known of the master by now."""
        ...

    def remember(self, key: PublicKey) -> None:
        """Stores the key of the master that is trusted on first use."""
        ...

    def serials(self) -> Mapping[str, Any]:
        """The serials that were stored last."""
        ...

    def store_serials(self, serials: Dict[str, int]) -> None:
        """Stores them."""
        ...


OnState = Callable[[State, str], Awaitable[None]]


class _Again(TransportError):
    """The request was refused, probably because its session is over: sign in again and ask anew."""


class ZeroMQLink:
    """A link to one master. `start` it, then read `jobs` and make requests.

    Args:
        config: the master.
        who: the minion.
        memory: what is known of the master, and kept.
        on_state: told whenever the state changes, with the reason.
        now: the time.
    """

    def __init__(
        self,
        config: LinkConfig,
        who: Identity,
        memory: Memory,
        on_state: Optional[OnState] = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._config, self._who, self._memory, self._on_state, self._now = config, who, memory, on_state, now
        self._course = Course(config.timing)
        self._connections = Connections(
            config.host, config.port, config.tuning, self._on_reply, self._on_publication, self._on_lost
        )
        self._serials = Serials(memory.serials(), memory.store_serials)
        self._token = token(who)
        self._failures = 0  # of signing in, since it worked last
        self._session: Optional[Session] = None
        self._number = 0  # of the session
        self._told: Tuple[State, str] = (State.SIGNED_OUT, "")
        self._sealers: Dict[int, Sealer] = {}
        self._correlator = Correlator()
        self._replies: Dict[str, asyncio.Future[Any]] = {}
        self._auth_reply: Optional[asyncio.Future[bytes]] = None
        self._jobs: asyncio.Queue[Optional[Job]] = asyncio.Queue()
        self._signed_in = asyncio.Event()
        self._wake = asyncio.Event()
        self._tasks: List[asyncio.Task[None]] = []
        self._closed = False

    def __repr__(self) -> str:
        return f"<ZeroMQLink to {self._config.host}: {self._course.state.value}>"

    @property
    def state(self) -> State:
        """How things stand."""
        return self._course.state

    @property
    def own(self) -> bool:
        """Whether the master is one of ours."""
        return self._session is not None and self._session.own

    async def start(self) -> None:
        """Begins to sign in; returns at once."""
        self._tasks.append(asyncio.get_running_loop().create_task(self._drive()))

    async def jobs(self) -> AsyncIterator[Job]:
        """What the master asks; see `transports.link`."""
        while True:
            job = await self._jobs.get()
            if job is None:
                self._jobs.put_nowait(None)  # for whoever else reads
                raise Closed("the link was closed")
            yield job

    async def wait_signed_in(self, timeout: Optional[float] = None) -> None:
        """Returns once the master let us in.

        Raises:
            RequestTimeout: not in time.
        """
        if self._closed:
            raise Closed("the link was closed")
        try:
            await asyncio.wait_for(self._signed_in.wait(), timeout)
        except asyncio.TimeoutError:
            raise RequestTimeout(f"not signed in at {self._config.host} ({self._course.state.value})") from None

    async def close(self) -> None:
        """Ends the link; twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put_nowait(None)
        await ended(self._tasks)
        await self._connections.close()
        self._fail_open(Closed("the link was closed"))

    # ------------------------------------------------------------ requests

    async def request(self, what: Request, timeout: float = 60.0) -> Any:
        """Asks the master once; see `transports.link`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        for _attempt in range(2):
            await self.wait_signed_in(deadline - loop.time())
            number = self._number
            try:
                return await self._exchange(what, number, deadline - loop.time())
            except _Again:
                self._renew(number, f"it does not take our {what.cmd}")
        raise RequestRefused(f"{self._config.host} refuses {what.cmd}")

    async def _exchange(self, what: Request, number: int, timeout: float) -> Any:
        nonce = new_nonce()
        data = self._sealers[number].seal(what, nonce)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._replies[nonce] = reply
        try:
            return await asyncio.wait_for(self._asked(data, nonce, number, what, reply), timeout)
        except asyncio.TimeoutError:
            raise RequestTimeout(f"{self._config.host} did not answer {what.cmd} within {timeout:.0f} s") from None
        finally:
            self._correlator.given_up(nonce)
            self._replies.pop(nonce, None)

    async def _asked(self, data: bytes, nonce: str, number: int, what: Request, reply: asyncio.Future[Any]) -> Any:
        self._correlator.sent(nonce, number, what.repeatable)
        await self._connections.send(data)
        return await reply

    async def _on_reply(self, data: bytes) -> None:
        waiting = self._auth_reply
        if waiting is not None and not waiting.done() and _is_auth_reply(data, self._correlator.expecting):
            waiting.set_result(data)
        else:
            self._take_reply(data)

    def _take_reply(self, data: bytes) -> None:
        for number in sorted(self._sealers, reverse=True):
            reply = self._sealers[number].open(data)
            if reply is not None:
                waiting = self._replies.get(reply.nonce)
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply.value)
                self._ask_again(self._correlator.answered(reply.nonce, number))
                return
        self._ask_again(self._correlator.refused(self._correlator.oldest_session()))

    def _ask_again(self, nonces: List[str]) -> None:
        for nonce in nonces:
            waiting = self._replies.get(nonce)
            if waiting is not None and not waiting.done():
                waiting.set_exception(_Again("refused"))

    def _fail_open(self, why: TransportError) -> None:
        self._correlator.clear()
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(why)

    # -------------------------------------------------------- publications

    async def _on_publication(self, data: bytes) -> None:
        try:
            self._jobs.put_nowait(self._reader().read(data))
        except Unreadable:
            await self._read_with_new_keys(data)
        except Refused as exc:
            log.warning("A publication of %s is ignored: %s", self._config.host, exc)

    def _reader(self) -> Reader:
        if self._session is None:
            raise Refused("not signed in")
        return Reader(self._session, self._serials, self._config.signed_only, self._now)

    async def _read_with_new_keys(self, data: bytes) -> None:
        """The master has new keys: signs in again and looks at the same publication once more."""
        self._renew(self._number, "a publication is sealed with a new key")
        await self._signed_in.wait()
        try:
            self._jobs.put_nowait(self._reader().read(data))
        except Unreadable:
            log.info("A publication of %s is not for our keys", self._config.host)  # it may have been sent to wake us
        except Refused as exc:
            log.warning("A publication of %s is ignored: %s", self._config.host, exc)

    # ------------------------------------------------------------- the course

    def _renew(self, number: int, why: str) -> None:
        """Has new keys fetched, if nobody did since session `number`, and not too often; who needs them has to wait."""
        if self._number != number or not self._signed_in.is_set():
            return
        wait = self._course.renewal(time.monotonic())
        log.info("Signing in again at %s in %.1f s: %s", self._config.host, wait, why)
        self._signed_in.clear()
        asyncio.get_running_loop().call_later(wait, self._wake.set)

    async def _drive(self) -> None:
        while True:
            try:
                session = await self._sign_in()
            except TransportError as exc:
                if await self._rest(exc):
                    continue
                return
            self._wake.clear()  # what was lost before the master answered is there again
            await self._enter(session)
            await self._wake.wait()

    async def _rest(self, why: TransportError) -> bool:
        """Waits before the next attempt; False if there is none."""
        delay = self._course.failed(why)
        self._failures += 1
        if self._told[1] != str(why):
            log.warning("Not signed in at %s: %s", self._config.host, why)
        await self._tell(str(why))
        if delay is None:
            return False
        if self._connections.reachable:
            await asyncio.sleep(delay)
        else:
            await self._connections.wait_reachable(delay)  # once the master is back there is nothing to wait for
        return True

    async def _tell(self, reason: str = "") -> None:
        self._told = (self._course.state, reason)
        if self._on_state is not None:
            await self._on_state(self._course.state, reason)

    async def _sign_in(self) -> Session:
        self._course.begin()
        await self._connections.connect(self._failures, self._config.auth_timeout)
        attempt = SignIn(self._who, self._memory.trust(), self._now)
        for _try in range(max(1, self._config.auth_tries)):
            self._auth_reply = asyncio.get_running_loop().create_future()
            try:
                reply = await asyncio.wait_for(self._asked_in(attempt.request), self._config.auth_timeout)
            except asyncio.TimeoutError:
                continue
            return attempt.judge(reply)
        raise RequestTimeout(f"no answer from {self._config.host}:{self._config.port}")

    async def _asked_in(self, request: bytes) -> bytes:
        assert self._auth_reply is not None
        await self._connections.send(request)
        return await self._auth_reply

    async def _enter(self, session: Session) -> None:
        """The master let us in: new keys, the right subscriptions, whoever waited may go on."""
        if session.first_use:
            self._memory.remember(session.master_key)
        if abs(session.skew) > _SKEW_WORTH_TELLING:
            log.warning("This host's clock differs from the master's by %.0f s; going by the master's", session.skew)
        self._session = session
        self._number += 1
        self._sealers[self._number] = Sealer(self._who, session, self._token, self._now)
        self._sealers.pop(self._number - 2, None)
        if self._config.listen:
            await self._subscribe(session)
        if self._wake.is_set():
            return  # lost again meanwhile
        self._course.let_in()
        self._failures = 0
        self._signed_in.set()
        if self._told[0] is not State.CONNECTED:
            await self._tell()

    async def _on_lost(self) -> None:
        """A connection ended: requests under way have no reply any more, and keys may have changed."""
        why = f"the connection to {self._config.host} ended"
        self._fail_open(Broken(why))
        self._signed_in.clear()
        self._wake.set()
        if self._told[0] is State.CONNECTED:
            self._course.lost()
            await self._tell(why)

    async def _subscribe(self, session: Session) -> None:
        """Takes what this minion has to read, and nothing else any more."""
        topics = {b""}
        if session.own:
            topics = {private.prefix(session.key.topic(self._who.id))}
        elif self._config.filtering:
            topics = {b"broadcast", hashlib.sha1(self._who.id.encode()).hexdigest().encode()}  # noqa: S324 - a name
        await self._connections.subscribe(self._config.publish_port or session.publish_port, topics)


def _is_auth_reply(data: bytes, others: bool) -> bool:
    """Whether bytes answer a sign-in: a map in clear does; a text does, unless other requests may be refused by it."""
    try:
        outer = unpack(data)
    except CodecError:
        return False
    return (isinstance(outer, str) and not others) or (isinstance(outer, dict) and outer.get("enc") == "clear")
