"""A connected company for every test: real Postgres, the real sandbox over loopback, an ERP double."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from pleo_sandbox.config import SandboxConfig
from pleo_sandbox.server import running
from tests.support.rig import Rig, company_rig


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    with running(SandboxConfig(page_cap=100)) as server:
        yield server.url


@pytest.fixture
async def rig(database_url: str, sandbox_url: str) -> AsyncIterator[Rig]:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url) as made:
        yield made
