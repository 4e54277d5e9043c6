"""A company with everything to synchronise, for every test: real Postgres, the real sandbox, an ERP double."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from pleo_sandbox.config import SandboxConfig
from pleo_sandbox.server import running
from tests.integration.syncs.stage import Stage, staged


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    with running(SandboxConfig(page_cap=100)) as server:
        yield server.url


@pytest.fixture
async def stage(database_url: str, sandbox_url: str) -> AsyncIterator[Stage]:
    async with staged(database_url, sandbox_url) as made:
        yield made
