"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pleo_sandbox.app import create_app
from pleo_sandbox.config import SandboxConfig
from tests.contract.desk import Desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A fresh sandbox with small pages; nothing is connected."""
    made = Desk(create_app(SandboxConfig(page_cap=3, webhook_retry_seconds=(0, 0, 0))))
    yield made
    await made.close()


@pytest.fixture
async def connected(desk: Desk) -> Desk:
    """The demo company connected with every scope."""
    await desk.connect()
    return desk
