"""The two sides of the one abstraction: a minion has a link to its master, a master has roads to its minions.

Over a link jobs arrive and requests go out; neither the minion's nor the master's code knows what it is made of.

| link       | jobs arrive on         | requests go over | made by                    |
|------------|------------------------|------------------|----------------------------|
| ZeroMQ     | SUB 4505               | DEALER 4506      | `transports.zeromq`        |
| stream     | frames on a pipe       | the same pipe    | `transports.stream` (SSH)  |
| in-process | a queue                | a direct call    | `transports.inproc`        |
"""

from __future__ import annotations

from typing import Any, AsyncIterator, Awaitable, Callable, Collection, Mapping, Protocol

from transports.messages import Job, Peer, Presence, Request


class Link(Protocol):
    """A minion's side. Every method may raise `Closed` (this side closed it) or `Broken` (the other side went)."""

    def jobs(self) -> AsyncIterator[Job]:
        """What the master asks, verified. A job that the master sends again, because it heard nothing, comes again: the
        minion's journal sees to it that it runs once, and answers once more."""
        ...

    async def request(self, what: Request, timeout: float = 60.0) -> Any:
        """Asks the master once and returns its reply.

        Args:
            what: the question.
            timeout: seconds to wait for the reply.

        Raises:
            RequestTimeout: no reply in time; it may or may not have been carried out.
            RequestRefused: the master won't.
            MessageTooLarge: it was not sent.
        """
        ...

    async def close(self) -> None:
        """Ends the link; twice is fine."""
        ...


class Road(Protocol):
    """A master's side: reaches some minions and brings their requests to the handler it was made with."""

    async def publish(self, job: Job, minions: Collection[str]) -> None:
        """Sends a job towards these minions. Returns when it is on its way, not when it arrived."""
        ...

    def present(self) -> Mapping[str, Presence]:
        """Whom it reaches now, or did since the master started."""
        ...

    async def close(self) -> None:
        """Ends the road; twice is fine."""
        ...


Handler = Callable[[Peer, Request], Awaitable[Any]]
