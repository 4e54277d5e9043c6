"""Pre-export validation: what would fail the whole job, looked at before any item is fetched (EXP-VALID-*)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.configuration import check_job
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.connections.abilities import problems_of_job
from ledgerbridge.connections.access import ConnectionState, verify_erp_company
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports.context import Patience
from ledgerbridge.store.tables import ErpBinding

log = structlog.get_logger(__name__)
T = TypeVar("T")


class NotReady(Exception):
    """The job cannot be worked; `problem` says why in the words of the failure table, `others` what else is wrong."""

    def __init__(self, found: Problem, *others: Problem) -> None:
        super().__init__(found.internal or found.text)
        self.problem = found
        self.others = others


@dataclass(frozen=True, slots=True)
class Ready:
    """What a job is worked with once it may be."""

    binding: ErpBinding
    configuration: Configuration


def set_up(company: ConnectionState) -> Ready:
    """The cheap part: binding and configuration are there (EXP-VALID-06, -07). Raises `NotReady`."""
    missing = [
        name
        for name, value in (("accounting system", company.binding), ("configuration", company.configuration))
        if value is None
    ]
    if company.binding is None or company.configuration is None:
        raise NotReady(problem(Failure.NOT_CONFIGURED, missing=" and ".join(missing)))
    return Ready(company.binding, company.configuration)


async def inspect(erp: Erp, ready: Ready, *, vendor_based: bool) -> ChartIndex:
    """The full part, against the live ERP; returns its chart for the job.

    What the job asks of the ERP and it cannot do at all, reachable and authenticated, the pinned company, rights to
    post, and, where the job may hold bills, what they need, journal and counter accounts (EXP-VALID-02 to -05, -08,
    -13). Raises `NotReady`; its problem's row says whether waiting could help.
    """
    if beyond := problems_of_job(ready.configuration, erp.capabilities, vendor_based=vendor_based):
        raise NotReady(*beyond)
    try:
        if found := await verify_erp_company(erp, ready.binding):
            raise NotReady(found)
        await erp.preflight(final=ready.configuration.posting_mode == "final", bills=vendor_based)
        chart = ChartIndex(await erp.chart())
    except ErpError as error:
        raise NotReady(error.problem) from error
    if problems := check_job(ready.configuration, chart):
        raise NotReady(*problems)
    return chart


async def patiently(patience: Patience, step: Callable[[], Awaitable[T]]) -> T:
    """A step before the first item; an ERP that is merely down gets a few more chances before the job is failed."""
    for pause in (*patience.pause[:3], None):
        try:
            return await step()
        except NotReady as error:
            if not error.problem.row.retry or pause is None:
                raise
            log.info("erp not ready, waiting", seconds=pause, reason=error.problem.internal)
            await asyncio.sleep(pause)
    raise AssertionError("unreachable")
