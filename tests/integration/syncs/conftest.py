"""A company with everything to synchronise, for every test: real Postgres, the real sandbox, an ERP double."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from pleo_sandbox.config import SandboxConfig
from pleo_sandbox.server import running
from tests.integration.syncs.stage import Stage, dimension, staged, values


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    with running(SandboxConfig(page_cap=100)) as server:
        yield server.url


@pytest.fixture
async def stage(database_url: str, sandbox_url: str) -> AsyncIterator[Stage]:
    async with staged(database_url, sandbox_url) as made:
        yield made


@pytest.fixture
def two(stage: Stage) -> Stage:
    """Dimensions CC with four values and PRJ with three, as the configuration selects them."""
    stage.master.dimensions = [dimension("CC"), dimension("PRJ")]
    stage.master.values = {"d-CC": values("CC1", "CC2", "CC3", "CC4"), "d-PRJ": values("P1", "P2", "P3")}
    return stage
