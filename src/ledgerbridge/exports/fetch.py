"""Both layers of a job, every page, into the spool (EXP-CTRL-*, EXP-DATA-*)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

import structlog

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.exports import spool
from ledgerbridge.exports.desk import JobStopped
from ledgerbridge.exports.report import JobGone
from ledgerbridge.pleo.errors import BadRequest, NotFound, Unavailable, Unprocessable
from ledgerbridge.pleo.export import missing_contra_accounts
from ledgerbridge.store.tables import ExportJob, JobPhase

if TYPE_CHECKING:
    from ledgerbridge.exports.job import Run

log = structlog.get_logger(__name__)
T = TypeVar("T")

SPOOLED_AT_ONCE = 500
"""Items: a few megabytes, whatever the length of the job."""


class Unfetchable(Exception):
    """Pleo will not give the payloads until somebody mends its settings."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.text)
        self.problem = found


async def both_layers(run: Run) -> None:
    """Spool the control layer, then the data layer unless an earlier run already has it.

    Payloads are immutable records (EXP-ORDER-06), so a resumed job reads only the control layer again (EXP-REC-02).
    Raises `Unfetchable`, `JobGone`.
    """
    try:
        items = await _control_layer(run)
        strangers = 0 if run.job.phase == JobPhase.FETCHED else await data_layer(run)
    except (NotFound, Unprocessable) as error:
        raise JobGone from error
    except BadRequest as error:
        raise unfetchable(error) from error
    async with run.context.db.transaction() as session:
        job = await session.get_one(ExportJob, run.job.id)
        job.phase = JobPhase.FETCHED
        spool.note(session, job, "fetched", items=items, announced=job.number_of_items, without_control_item=strangers)
    if items != run.job.number_of_items:
        log.warning("item count differs from the job's", items=items, announced=run.job.number_of_items)


def unfetchable(error: BadRequest) -> Unfetchable | BadRequest:
    """What to raise for a data layer that Pleo refuses: its settings, or the error itself (EXP-DATA-03)."""
    currencies = missing_contra_accounts(error)
    if currencies is None:
        return error
    named = ", ".join(currencies) or "one of its currencies"
    return Unfetchable(problem(Failure.CONTRA_ACCOUNTS_MISSING, currencies=named))


async def _control_layer(run: Run) -> int:
    seen = 0
    async with aclosing(_together(run.api.job_items(run.job.pleo_job_id))) as pages:
        async for page in pages:
            async with run.context.db.transaction() as session:
                seen += await spool.add_control_page(session, run.job, page)
    return seen


async def data_layer(run: Run) -> int:
    """Spool every payload, with links that live for another 24 hours; returns how many had no control item."""
    strangers = 0
    async with aclosing(_together(run.api.export_items(run.job.pleo_job_id))) as pages:
        async for page in pages:
            payloads = {found.accounting_entry_id: found.raw for found in page if found.accounting_entry_id}
            async with run.context.db.transaction() as session:
                strangers += await spool.add_payloads(session, run.job, payloads)
    return strangers


async def _together(pages: AsyncIterator[Sequence[T]]) -> AsyncGenerator[list[T]]:
    """Pages as they are spooled: several at once, so that a long job is not a commit a page.

    The next are asked for while these are written. Close it, or a question may outlive its asker.
    """
    coming = asyncio.create_task(_some(pages))
    try:
        while held := await coming:
            coming = asyncio.create_task(_some(pages))
            yield held
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _some(pages: AsyncIterator[Sequence[T]]) -> list[T]:
    held: list[T] = []
    while len(held) < SPOOLED_AT_ONCE and (page := await anext(pages, None)) is not None:
        held.extend(page)
    return held


async def while_there_is_time(run: Run, reading: Awaitable[object]) -> None:
    """Read items at Pleo. Raises `JobStopped` where Pleo does not give them and there is no time left to ask again.

    Pleo may refuse just this reading for ever and take everything else.
    """
    try:
        await reading
    except Unavailable as error:
        if not run.late:
            raise
        raise JobStopped(problem(Failure.PLEO_GIVES_NO_ITEMS, str(error))) from error
