"""The ERP's chart for a page: read live, with a limit to how long a person waits, and a sentence when it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ledgerbridge.bookkeeping.problem import text_apart
from ledgerbridge.bookkeeping.words import Chart
from ledgerbridge.connections.access import open_erp, verify_erp_company
from ledgerbridge.connections.errors import SecretUnreadable
from ledgerbridge.connections.setup import Setup
from ledgerbridge.erp.port import Capabilities, Erp, ErpError
from ledgerbridge.web.console import abilities
from ledgerbridge.web.services import Services
from ledgerbridge.web.texts import text

READ_SECONDS = 25.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was read from the ERP, or why nothing was."""

    found: T | None
    capabilities: Capabilities | None
    """None while no ERP is bound."""
    away: str | None
    """A sentence for a person; None when all is well."""


async def read(services: Services, setup: Setup, ask: Callable[[Erp], Awaitable[T]]) -> Reading[T]:
    """Ask the bound ERP company something."""
    if setup.binding is None:
        return Reading(None, None, text("setup.away.not_bound"))
    able = None
    try:
        async with asyncio.timeout(READ_SECONDS), open_erp(services.connections, setup.connection.id) as erp:
            able = erp.capabilities
            if wrong := await verify_erp_company(erp, setup.binding):
                return Reading(None, able, text_apart(wrong))
            return Reading(await ask(erp), able, None)
    except ErpError as error:
        return Reading(None, able, text_apart(error.problem))
    except SecretUnreadable as error:
        return Reading(None, able, error.text)
    except TimeoutError:
        return Reading(None, able, text("setup.away.slow"))


async def capabilities(services: Services, setup: Setup) -> Capabilities | None:
    """What the bound ERP can do, without a call to it; None when that cannot be told."""
    return await abilities.known(services, setup.connection.id) if setup.binding is not None else None


async def chart(services: Services, setup: Setup) -> Reading[Chart]:
    """The chart of the bound company."""
    return await read(services, setup, lambda erp: erp.chart())
