"""Every transport keeps every promise of `transports.testing`."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.labs import LABS
from transports.testing import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", LABS)
def test_promise(kind: str, check) -> None:
    async def kept() -> None:
        lab = LABS[kind]()
        try:
            await check(lab)
        finally:
            await lab.close()

    asyncio.run(kept())
