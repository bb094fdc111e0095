"""Each transport as a lab for the contract of `transports.testing`."""

from __future__ import annotations

from tests.contract.ssh_lab import SSHLab
from tests.contract.stream_lab import StreamLab
from tests.contract.zeromq_lab import ZeroMQLab
from transports.inproc import InProcessLink, InProcessRoad
from transports.link import Handler

LIMIT = 1 << 20


class InProcessLab:
    limit = LIMIT
    breaks = True

    def __init__(self) -> None:
        self._road: InProcessRoad | None = None
        self._links: list[InProcessLink] = []

    async def road(self, handler: Handler) -> InProcessRoad:
        self._road = InProcessRoad(handler, self.limit)
        return self._road

    async def link(self, minion_id: str) -> InProcessLink:
        assert self._road is not None
        link = self._road.connect(minion_id)
        self._links.append(link)
        return link

    async def present(self, minion_id: str) -> None:
        assert self._road is not None and self._road.present()[minion_id].up

    async def close(self) -> None:
        for link in self._links:
            await link.close()
        if self._road is not None:
            await self._road.close()


LABS = {"inproc": InProcessLab, "ssh": SSHLab, "stream": StreamLab, "zeromq": ZeroMQLab}
