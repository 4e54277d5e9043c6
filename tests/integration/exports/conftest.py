"""A connected company for every test: real Postgres, the real sandbox over loopback, an ERP double."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from pleo_sandbox.config import SandboxConfig
from pleo_sandbox.server import running
from tests.integration.exports.grouping import TOGETHER
from tests.integration.exports.payables import VENDORS, Payables
from tests.support.erp_double import PAYABLES, Books
from tests.support.rig import SEED_CHART, Rig, company_rig


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    with running(SandboxConfig(page_cap=100)) as server:
        yield server.url


@pytest.fixture
async def rig(database_url: str, sandbox_url: str) -> AsyncIterator[Rig]:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url) as made:
        yield made


@pytest.fixture
async def payables(database_url: str, sandbox_url: str) -> AsyncIterator[Payables]:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    books = Books(capabilities=PAYABLES)
    books.master.vendors.extend(VENDORS)
    async with company_rig(database_url, sandbox_url, books=books) as made:
        made.pleo.control("PUT", "/chart", SEED_CHART)
        yield Payables(made)


@pytest.fixture
async def grouped(rig: Rig) -> Rig:
    """A company whose ERP takes ten documents at once."""
    rig.books.capabilities = TOGETHER
    return rig
